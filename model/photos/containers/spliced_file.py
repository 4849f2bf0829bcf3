"""File made of stretches of another one and of bytes between them; nothing is copied."""

from __future__ import annotations

import io
import os
from bisect import bisect_right
from collections.abc import Sequence
from typing import BinaryIO, NamedTuple, cast


class Stretch(NamedTuple):
    """Bytes of an open file, from `start` on, `length` of them."""

    start: int
    length: int


def spliced(file: BinaryIO, pieces: Sequence[bytes | Stretch]) -> BinaryIO:
    """Read-only, seekable file that reads as the pieces one after another.

    Args:
        file: seekable file that the stretches lie in; its position moves.
        pieces: bytes, or stretches of the file.
    """
    return cast(BinaryIO, io.BufferedReader(_SplicedFile(file, pieces), 1 << 16))


class _SplicedFile(io.RawIOBase):
    def __init__(self, file: BinaryIO, pieces: Sequence[bytes | Stretch]) -> None:
        super().__init__()
        self._file = file
        self._pieces = [piece for piece in pieces if _length(piece)]
        self._starts, self._size = [], 0
        for piece in self._pieces:
            self._starts.append(self._size)
            self._size += _length(piece)
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        origin = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        if origin + offset < 0:
            raise OSError(22, "Invalid argument")
        self._at = origin + offset
        return self._at

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        if self._at >= self._size or not len(buffer):
            return 0
        number = bisect_right(self._starts, self._at) - 1
        piece, inside = self._pieces[number], self._at - self._starts[number]
        wanted = min(len(buffer), _length(piece) - inside)
        if isinstance(piece, bytes):
            found = piece[inside : inside + wanted]
        else:
            self._file.seek(piece.start + inside)
            found = self._file.read(wanted)
        buffer[: len(found)] = found
        self._at += len(found)
        return len(found)


def _length(piece: bytes | Stretch) -> int:
    return len(piece) if isinstance(piece, bytes) else piece.length
