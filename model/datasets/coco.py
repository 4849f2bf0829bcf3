"""Training pairs from the annotations of COCO, LVIS and PACO."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model.datasets.pairs import BOX_KIND, CROWD_KIND, TrainingPair
from model.datasets.photo_folder import PhotoFolder
from model.datasets.regions import rectangle, region_counts
from model.datasets.skipped_rows import SkippedRows
from model.errors import DataMissing, shown

NOT_UNDERSTOOD = (ValueError, KeyError, TypeError, AttributeError, OverflowError)


@dataclass(frozen=True)
class CocoPhoto:
    """An image of a COCO file: its relative name, and (height, width)."""

    name: str
    size: tuple[int, int]


def coco_pairs(file: Path, photos: Path, skipped: SkippedRows) -> Iterator[TrainingPair]:
    """A pair an annotation, in the file's order; its texts are the category's names.

    Of LVIS' categories the synonyms are taken too. Categories of `"isthing": 0` give `stuff`, and
    PACO's parts ("car_(automobile):wheel") `part`: "car wheel", "wheel".

    Raises:
        DataMissing: the file is no such JSON.
    """
    document = read_json(file)
    if not isinstance(document, dict) or not isinstance(document.get("annotations"), list):
        raise DataMissing(f"{shown(file)} has no annotations", "name a COCO or LVIS JSON file")
    images = coco_photos(document, skipped)
    categories = _categories(document, skipped)
    folder = PhotoFolder(photos)
    for annotation in document["annotations"]:
        where = f"annotation {_id(annotation)} of {shown(file)}"
        try:
            photo = images.get(annotation["image_id"])
            named = categories.get(annotation["category_id"])
            if photo is None or named is None:
                skipped.note(where, "its image or category is not in the file")
                continue
            path = folder.find(photo.name)
            counts, boxed = annotation_counts(annotation, photo.size)
        except NOT_UNDERSTOOD as error:
            skipped.note(where, _reason(error), error)
            continue
        texts, kind = named
        if annotation.get("iscrowd"):
            kind = CROWD_KIND
        kind = BOX_KIND if boxed else kind
        yield TrainingPair(path, photo.size, counts, texts, kind, (file.stem,))


def annotation_counts(annotation: Mapping[str, Any], size: tuple[int, int]) -> tuple[bytes, bool]:
    """An annotation's run lengths, and whether only its box is known.

    Raises:
        ValueError, KeyError, TypeError: the annotation has neither a region nor a box.
    """
    if annotation.get("segmentation"):
        return region_counts(annotation["segmentation"], size), False
    return rectangle(annotation["bbox"], size), True


def coco_photos(document: Mapping[str, Any], skipped: SkippedRows) -> dict[Any, CocoPhoto]:
    """The images of a COCO document by their id."""
    images = {}
    for image in document.get("images") or ():
        try:
            # LVIS names no file, but the address: .../train2017/000000000009.jpg
            name = image.get("file_name") or "/".join(image["coco_url"].split("/")[-2:])
            images[image["id"]] = CocoPhoto(str(name), (int(image["height"]), int(image["width"])))
        except NOT_UNDERSTOOD as error:
            skipped.note(f"image {_id(image)}", "the image is not understood", error)
    return images


def read_json(file: Path) -> Any:
    """The document in a JSON file.

    Raises:
        DataMissing: the file is not there, or no JSON.
    """
    try:
        return json.loads(file.read_bytes())
    except FileNotFoundError as error:
        raise DataMissing(
            f"there is no {shown(file)}", "check --data and the recipe's annotations"
        ) from error
    except (ValueError, RecursionError) as error:
        raise DataMissing(f"{shown(file)} is no JSON ({error})", "mend or replace it") from error


def plain_name(name: str) -> str:
    """A category's name as it is typed: "bow_(decorative_ribbons)" → "bow"."""
    return re.sub(r"\s+", " ", re.sub(r"\([^)]*\)", " ", name.replace("_", " "))).strip().lower()


def _categories(
    document: Mapping[str, Any], skipped: SkippedRows
) -> dict[Any, tuple[tuple[str, ...], str]]:
    """Texts and kind by a category's id."""
    found = {}
    for category in document.get("categories") or ():
        try:
            found[category["id"]] = _named(category)
        except NOT_UNDERSTOOD as error:
            skipped.note(f"category {_id(category)}", "the category is not understood", error)
    return found


def _named(category: Mapping[str, Any]) -> tuple[tuple[str, ...], str]:
    """Texts and kind of one category.

    Raises:
        ValueError, KeyError, TypeError, AttributeError: the category has no name.
    """
    whole, _, part = category["name"].partition(":")
    names, kind = [whole, *category.get("synonyms", ())], "object"
    if part.strip():
        names, kind = [f"{whole} {part}", part], "part"
    elif not category.get("isthing", 1):
        kind = "stuff"
    texts = tuple(dict.fromkeys(filter(None, map(plain_name, names))))
    if not texts:
        raise ValueError("it has no name")
    return texts, kind


def _reason(error: Exception) -> str:
    missing = "the photo is not there"
    return missing if str(error) == missing else "the annotation is damaged"


def _id(record: Any) -> Any:
    return record.get("id", "?") if isinstance(record, dict) else "?"
