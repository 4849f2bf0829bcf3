"""Captions that photos already have: text files beside them, JSONL, COCO, LLaVA, a corpus."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Literal, get_args

from blake3 import blake3

from model.curation.captioner import Captioner
from model.curation.engines.caption_files import (
    coco_captions,
    corpus_captions,
    jsonl_captions,
    llava_captions,
    plain_text,
)
from model.curation.records import Caption, Granularity
from model.curation.source_photo import SourcePhoto
from model.datasets.corpus import annotation_files
from model.datasets.skipped_rows import SkippedRows
from model.errors import DataError, shown

Format = Literal["text", "jsonl", "coco", "llava", "corpus"]

LONGEST_TEXT = 1 << 20  # bytes of a text file
_BLOCK = 1 << 20
_PROLOGUE = 1 << 16  # bytes of a file that tell its format
_READERS = {
    "jsonl": jsonl_captions,
    "coco": coco_captions,
    "llava": llava_captions,
    "corpus": corpus_captions,
}


class SideFiles(Captioner):
    """Captions from files: names of photos in them are relative to the folder of photos.

    `text` is a folder with a text file for each photo, under the photo's name with `.txt` in place
    of its suffix, one caption a line; it may be the folder of photos itself. `jsonl` has a photo a
    line, `coco` is a captions JSON, `llava` a JSON of conversations, of which what "gpt" says
    counts, and `corpus` a folder of `SOURCE/annotations.jsonl` and `SOURCE/images/`.

    Attributes:
        format: format that the captions are in.
        skipped: record of rows and text files that are not understood.

    Args:
        path: file or folder of the captions.
        format: its format; None: recognised by its content.
        granularity: scope that the captions are taken to have.
        skipped: record of rows to add to; None: a new one.

    Raises:
        DataError: there is nothing, it cannot be read, or it holds no caption in that format.
    """

    name = "side-files"

    def __init__(
        self,
        path: Path,
        format: Format | None = None,
        granularity: Granularity = "scene",
        skipped: SkippedRows | None = None,
    ) -> None:
        self.skipped = SkippedRows() if skipped is None else skipped
        self._path, self._granularity = path, granularity
        with _reading(path):
            self.format = format or recognised(path)
            if self.format in ("text", "corpus") and not path.is_dir():
                raise DataError(f"{shown(path)} is no folder", "name one, or another format")
            self._texts = {} if self.format == "text" else self._read()

    @cached_property
    def fingerprint(self) -> str:
        """Hex digest of the captions' files, their format and their scope."""
        digest = blake3(f"side-files {self.format} {self._granularity}".encode())
        with _reading(self._path):
            for file in self._files():
                name = file.relative_to(self._path).as_posix()
                digest.update(
                    f"\n{name} {file.stat().st_size}\n".encode("utf-8", "surrogateescape")
                )
                with file.open("rb") as content:
                    while block := content.read(_BLOCK):
                        digest.update(block)
        return digest.hexdigest()

    def captions(self, photo: SourcePhoto) -> tuple[Caption, ...]:
        """Captions of a photo in the files' order, none twice; of a photo without any none."""
        texts = self._beside(photo) if self.format == "text" else self._texts.get(photo.name, ())
        return tuple(Caption(text, self._granularity, self.name) for text in dict.fromkeys(texts))

    def _read(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for name, texts in _READERS[self.format](self._path, self.skipped):
            found.setdefault(name, []).extend(texts)
        if not any(found.values()):
            told = next(iter(self.skipped.lines()), "it is empty")
            raise DataError(
                f"{shown(self._path)} holds no caption in the format '{self.format}' ({told})",
                "name its format, or mend it",
            )
        return found

    def _beside(self, photo: SourcePhoto) -> list[str]:
        file = self._path / PurePosixPath(photo.name).with_suffix(".txt")
        try:
            with file.open("rb") as lines:
                content = lines.read(LONGEST_TEXT + 1)
            if len(content) > LONGEST_TEXT:
                raise ValueError(f"it has more than {LONGEST_TEXT:,} bytes")
            text = content.decode("utf-8")
        except FileNotFoundError:
            return []
        except (OSError, ValueError) as error:
            self.skipped.note(shown(file), "the text file cannot be read", error)
            return []
        return list(filter(None, map(plain_text, text.splitlines())))

    def _files(self) -> list[Path]:
        if self._path.is_file():
            return [self._path]
        if self.format == "corpus":
            return annotation_files(self._path)
        return sorted(file for file in self._path.rglob("*.txt") if file.is_file())


def recognised(path: Path) -> Format:
    """Format of captions, by their content.

    Args:
        path: file or folder of the captions.

    Raises:
        DataError: the format is none of those that are known.
        OSError: the file cannot be read.
    """
    if path.is_dir():
        if next(path.glob("*/annotations.jsonl"), None):
            return "corpus"
        if next(path.rglob("*.txt"), None):
            return "text"
        raise DataError(
            f"{shown(path)} holds neither text files nor SOURCE/annotations.jsonl",
            "put a text file beside each photo, or name a file of captions",
        )
    if not path.is_file():
        raise DataError(f"there is no file {shown(path)}", "check where the captions lie")
    with path.open("rb") as file:
        prologue = file.read(_PROLOGUE).removeprefix(b"\xef\xbb\xbf").lstrip()
    if prologue.startswith(b"["):
        return "llava"
    if prologue.startswith(b"{"):
        first = _object(prologue.partition(b"\n")[0])
        return "coco" if first is None or "annotations" in first else "jsonl"
    raise DataError(
        f"{shown(path)} is no file of captions that is known",
        f"name its format: {', '.join(get_args(Format))}",
    )


def _object(line: bytes) -> dict[str, object] | None:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """What the system refuses within it is told in one line."""
    try:
        yield
    except OSError as error:
        raise DataError(
            f"{shown(error.filename or path)} cannot be read ({error.strerror or error})",
            "check where the captions lie, and who may read them",
        ) from error
