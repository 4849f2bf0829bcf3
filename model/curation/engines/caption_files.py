"""Files of captions as data sets and tools write them. Nothing that they say is trusted."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from model.datasets.coco import NOT_UNDERSTOOD
from model.datasets.corpus import annotation_files
from model.datasets.skipped_rows import SkippedRows
from model.errors import DataError, shown

LARGEST = 1 << 31  # bytes of a JSON file, all of which has to be in memory at once
LONGEST_LINE = 1 << 20  # bytes
PHOTO_KEYS = ("photo", "image", "file_name")
CAPTION_KEYS = ("caption", "captions", "text")
DAMAGED = "the row is not understood"

Captions = Iterator[tuple[str, tuple[str, ...]]]
"""A photo's name and texts that are said of it, a row of a file."""


def jsonl_captions(file: Path, skipped: SkippedRows) -> Captions:
    """Rows of a file with one JSON object a line: a photo's name and one text or a list.

    The name is under "photo", "image" or "file_name", the text under "caption", "captions" or
    "text".

    Raises:
        OSError: the file cannot be read.
    """
    return _lines(file, skipped, _record)


def corpus_captions(folder: Path, skipped: SkippedRows) -> Captions:
    """Rows of all `SOURCE/annotations.jsonl` of a corpus; photos are `SOURCE/images/FILE`.

    Raises:
        DataError: the folder is no corpus.
        OSError: a file cannot be read.
    """
    for file in annotation_files(folder):
        images = f"{file.parent.name}/images"
        for name, texts in _lines(file, skipped, _annotated):
            if texts:
                yield f"{images}/{name}", texts


def coco_captions(file: Path, skipped: SkippedRows) -> Captions:
    """Rows of a COCO captions file: "images" by their "id", "annotations" with a "caption".

    Raises:
        DataError: the file is no such JSON.
        OSError: the file cannot be read.
    """
    document = _document(file)
    if not isinstance(document, dict) or not isinstance(document.get("annotations"), list):
        raise DataError(f"{shown(file)} has no annotations", "name a COCO captions JSON file")
    names = {}
    images = document.get("images")
    for number, image in enumerate(images if isinstance(images, list) else ()):
        try:
            names[image["id"]] = _name(image["file_name"])
        except NOT_UNDERSTOOD as error:
            skipped.note(f"image {number} of {shown(file)}", DAMAGED, error)
    for number, annotation in enumerate(document["annotations"]):
        where = f"annotation {number} of {shown(file)}"
        try:
            name = names.get(annotation["image_id"])
            if name is None:
                skipped.note(where, "its image is not in the file")
                continue
            text = _text(annotation["caption"])
        except NOT_UNDERSTOOD as error:
            skipped.note(where, DAMAGED, error)
            continue
        yield name, (text,)


def llava_captions(file: Path, skipped: SkippedRows) -> Captions:
    """Rows of a LLaVA file: conversations about one "image" each, of which answers count.

    Raises:
        DataError: the file is no such JSON.
        OSError: the file cannot be read.
    """
    document = _document(file)
    if not isinstance(document, list):
        raise DataError(f"{shown(file)} is no list of conversations", "name a LLaVA JSON file")
    for number, row in enumerate(document):
        try:
            if "image" not in row:
                continue  # talk without a photo
            answers = (turn for turn in row["conversations"] if turn["from"] == "gpt")
            found = _name(row["image"]), tuple(_text(turn["value"]) for turn in answers)
        except NOT_UNDERSTOOD as error:
            skipped.note(f"conversation {number} of {shown(file)}", DAMAGED, error)
            continue
        yield found


def _lines(
    file: Path,
    skipped: SkippedRows,
    read: Callable[[Mapping[str, Any]], tuple[str, tuple[str, ...]]],
) -> Captions:
    with file.open("rb") as lines:
        for number, line in enumerate(_bounded_lines(lines), start=1):
            where = f"line {number} of {shown(file)}"
            if line is None:
                skipped.note(where, f"a line has more than {LONGEST_LINE:,} bytes")
                continue
            if not line.strip():
                continue
            try:
                found = read(json.loads(line.decode("utf-8-sig")))
            except (*NOT_UNDERSTOOD, RecursionError) as error:
                skipped.note(where, DAMAGED, error)
                continue
            yield found


def _bounded_lines(file: BinaryIO) -> Iterator[bytes | None]:
    """Lines of a file; None in place of one that is too long."""
    while line := file.readline(LONGEST_LINE):
        whole = len(line) < LONGEST_LINE or line.endswith(b"\n")
        yield line if whole else None
        while not whole:
            rest = file.readline(LONGEST_LINE)
            whole = not rest or rest.endswith(b"\n")


def _record(row: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
    photo = next((row[key] for key in PHOTO_KEYS if key in row), None)
    said = next((row[key] for key in CAPTION_KEYS if key in row), None)
    return _name(photo), _texts(said)


def _annotated(row: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
    return _name(row["file"]), _texts(row["captions"])


def _texts(said: Any) -> tuple[str, ...]:
    if isinstance(said, str):
        return (_text(said),)
    if not isinstance(said, list):
        raise ValueError("it has no caption")
    return tuple(map(_text, said))


def _text(said: Any) -> str:
    if not isinstance(said, str):
        raise ValueError(f"a caption is no text but {type(said).__name__}")
    said.encode("utf-8")  # halves of surrogates could never be written
    return plain_text(said)


def plain_text(text: str) -> str:
    """A text on one line, without control characters or white space around it."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _name(name: Any) -> str:
    if not isinstance(name, str) or not name:
        raise ValueError("it names no photo")
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts:
        raise ValueError("its photo does not lie below the photos' folder")
    return str(path)


def _document(file: Path) -> Any:
    if file.stat().st_size > LARGEST:
        raise DataError(
            f"{shown(file)} has more than {LARGEST >> 30} GiB", "write it as JSONL, a photo a line"
        )
    try:
        return json.loads(file.read_bytes())
    except (ValueError, RecursionError) as error:
        raise DataError(f"{shown(file)} is no JSON ({shown(error)})", "mend the file") from error
