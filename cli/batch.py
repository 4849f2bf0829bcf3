"""Batch: the lines of a file or of stdin, as questions."""

from __future__ import annotations

import codecs
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

STDIN = "-"
BLOCK = 1 << 16
_MARKS = (  # the longer first: UTF-32's begins as UTF-16's does
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_LONGEST_MARK = 4


def batch_lines(name: str) -> Iterator[str]:
    """The lines of a file ('-': stdin), without their ends, each as soon as it is there.

    UTF-8, or what a byte order mark at the beginning says; what is invalid is replaced.

    Raises:
        QueryError: stdin is asked for, and closed.
        OSError: the file cannot be read.
    """
    if name == STDIN:
        if sys.stdin is None:
            from model.errors import QueryError

            raise QueryError("standard input is closed", "pipe the questions in, or name a file")
        # Not through the buffer: a thread that waits with its lock aborts a process that ends.
        yield from lines_of(getattr(sys.stdin.buffer, "raw", sys.stdin.buffer))
        return
    with Path(name).open("rb") as file:
        yield from lines_of(file)


def batch_questions(name: str) -> Iterator[str]:
    """The lines of a file that ask something: not blank, nor a comment, which begins with '#'.

    Of stdin all lines: who asks through a pipe waits for an answer to each.

    Raises:
        QueryError: stdin is asked for, and closed.
        OSError: the file cannot be read.
    """
    lines = batch_lines(name)
    if name == STDIN:
        return lines
    return (line for line in lines if line.strip() and not line.lstrip().startswith("#"))


def lines_of(stream: BinaryIO) -> Iterator[str]:
    """The lines of a stream of bytes, as `batch_lines` tells."""
    blocks = _blocks(stream)
    first = next(blocks, b"")
    while len(first) < _LONGEST_MARK and b"\n" not in first and (more := next(blocks, b"")):
        first += more
    decoder = codecs.getincrementaldecoder(_encoding(first))(errors="replace")
    rest = decoder.decode(first)
    while True:
        *lines, rest = rest.split("\n")
        yield from (line.removesuffix("\r") for line in lines)
        block = next(blocks, b"")
        rest += decoder.decode(block, final=not block)
        if not block:
            break
    if rest:
        yield rest.removesuffix("\r")


def _blocks(stream: BinaryIO) -> Iterator[bytes]:
    """Blocks of bytes, each as soon as it can be read."""
    read = getattr(stream, "read1", stream.read)
    while block := read(BLOCK):
        yield block


def _encoding(first: bytes) -> str:
    """Encoding by the byte order mark; without one, by the zeros beside UTF-16's letters."""
    for mark, encoding in _MARKS:
        if first.startswith(mark):
            return encoding
    if len(first) > 1 and not first[1] and first[0]:
        return "utf-16-le"
    return "utf-16-be" if len(first) > 1 and first[1] and not first[0] else "utf-8"
