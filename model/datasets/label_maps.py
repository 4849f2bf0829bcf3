"""Photos with a class for every pixel: from published folder layouts, and from a corpus.

Of the layouts each line of `LAYOUTS` tells where photos, labels and the classes' names lie.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from model.datasets.ground_truth import TruePhoto, Truth
from model.errors import DataError, shown
from model.masks import rle

UNJUDGED = -1  # label of pixels whose class nobody annotated

Labels = NDArray[np.int64]
_NO_CLASS = frozenset({"background", "ignore", "unlabeled", "unlabelled", "other"})


@dataclass(frozen=True)
class LabelledPhoto:
    """A photo, and how its labels (H×W int64, a class or `UNJUDGED`) are read."""

    path: Path
    labels: Callable[[], Labels]


@dataclass(frozen=True)
class LabelledPhotos:
    """Photos and the classes of their pixels.

    Attributes:
        name: name of the data set.
        classes: the names of each class, synonyms side by side.
        photos: photos in the order of their names.
    """

    name: str
    classes: tuple[tuple[str, ...], ...]
    photos: tuple[LabelledPhoto, ...]


@dataclass(frozen=True)
class Layout:
    """Layout of a data set in a folder.

    Attributes:
        photos, labels: folders; a photo and its labels have one stem.
        suffix: suffix of the label files.
        first: the label of the first class.
        classes: number of classes.
        names: files that may hold the classes' names, the first that is there counts.
    """

    photos: str
    labels: str
    suffix: str
    first: int
    classes: int
    names: tuple[str, ...]


_OWN_LIST = "classes.txt"
LAYOUTS: Mapping[str, Layout] = {
    "ade20k-150": Layout(
        "images/validation", "annotations/validation", ".png", 1, 150,
        (_OWN_LIST, "ade150.json", "objectInfo150.txt"),
    ),
    "ade20k-150-detectron2": Layout(
        "images/validation", "annotations_detectron2/validation", ".png", 0, 150,
        (_OWN_LIST, "ade150.json", "objectInfo150.txt"),
    ),
    "ade20k-847": Layout(
        "images_detectron2/validation", "annotations_detectron2/validation", ".tif", 0, 847,
        (_OWN_LIST, "ade847.json"),
    ),
    "pascal-context-59": Layout(
        "JPEGImages", "annotations_detectron2/pc59_val", ".png", 0, 59,
        # not 59_labels.txt: the labels are numbered in another order than its lines
        ("classes-59.txt", "pc59.json"),
    ),
    "pascal-context-459": Layout(
        "JPEGImages", "annotations_detectron2/pc459_val", ".tif", 0, 459,
        ("classes-459.txt", "pc459.json", "labels.txt", "trainval/labels.txt"),
    ),
    "part-imagenet": Layout(
        "images/val", "annotations/val", ".png", 0, 40,
        (_OWN_LIST, "val.json", "annotations/val.json", "annotations/val/val.json"),
    ),
    "pascal-part-116": Layout(
        "images/val", "annotations_detectron2_part/val", ".png", 0, 116, (_OWN_LIST,)
    ),
}  # fmt: skip


def read_layout(
    folder: Path, layout: str | None = None, names: Path | None = None, most: int | None = None
) -> LabelledPhotos:
    """The validation photos of a data set.

    Labels below the first class and above the last (as 255, 65535, or a background) mean that a
    pixel is not judged.

    Args:
        folder: folder with the layout's folders in it.
        layout: one of `LAYOUTS`; by default the one whose folders are there.
        names: file with the classes' names, one class a line, synonyms between commas; by
            default the file that the layout has.
        most: photos at most, the first ones; all by default.

    Raises:
        DataError: the folders or the classes' names are not there.
        DataError: the names are not understood.
    """
    name = _chosen(folder, layout)
    form = LAYOUTS[name]
    photos = {path.stem: path for path in sorted((folder / form.photos).iterdir())}
    labels = sorted((folder / form.labels).glob(f"*{form.suffix}"))
    pairs = [(photos[path.stem], path) for path in labels if path.stem in photos][:most]
    if not pairs:
        raise DataError(
            f"no photo of {shown(folder / form.photos)} has labels in {form.labels}",
            "check that both were unpacked",
        )
    return LabelledPhotos(
        name,
        _class_names(folder, form, name, names),
        tuple(LabelledPhoto(photo, _reader(path, form)) for photo, path in pairs),
    )


def labelled_corpus(truth: Truth) -> LabelledPhotos:
    """Photos of a corpus whose regions are classes: smaller ones lie above larger ones.

    The classes are the regions' lists of phrases; pixels without a region are not judged.
    """
    classes = tuple(dict.fromkeys(r.phrases for photo in truth.photos for r in photo.named))
    photos = tuple(
        LabelledPhoto(photo.path, partial(_painted, photo, classes))
        for photo in truth.photos
        if photo.named
    )
    if not photos:
        raise DataError("these photos have no named regions", "choose another source")
    return LabelledPhotos(", ".join(truth.sources), classes, photos)


def _chosen(folder: Path, layout: str | None) -> str:
    if layout is not None and layout not in LAYOUTS:
        raise DataError(
            f"there is no layout '{shown(layout)}'", f"choose one of {', '.join(LAYOUTS)}"
        )
    there = [
        name
        for name, form in LAYOUTS.items()
        if layout in (None, name)
        and (folder / form.photos).is_dir()
        and next((folder / form.labels).glob(f"*{form.suffix}"), None) is not None
    ]
    if not there:
        wanted = [LAYOUTS[layout]] if layout else LAYOUTS.values()
        folders = " or ".join(f"{form.photos} with {form.labels}" for form in wanted)
        raise DataError(
            f"{shown(folder)} holds no labelled photos", f"name a folder that holds {folders}"
        )
    if len(there) > 1:
        raise DataError(
            f"{shown(folder)} holds several layouts", f"choose one: --layout {' or '.join(there)}"
        )
    return there[0]


def _class_names(
    folder: Path, form: Layout, name: str, given: Path | None
) -> tuple[tuple[str, ...], ...]:
    candidates = [given] if given else [folder / file for file in form.names]
    file = next((path for path in candidates if path.is_file()), None)
    if file is None:
        raise DataError(
            f"{shown(folder)} has no names of the classes ({', '.join(form.names)})",
            f"write the {form.classes} names of {name}, one class a line: --classes FILE",
        )
    try:
        classes = parsed_classes(file)
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{shown(file)} is no list of classes ({error})", "write one class a line"
        ) from error
    if len(classes) != form.classes:
        raise DataError(
            f"{shown(file)} names {len(classes)} classes, {name} has {form.classes}",
            "mend the file",
        )
    return classes


def parsed_classes(file: Path) -> tuple[tuple[str, ...], ...]:
    """The classes that a file names, each with its synonyms.

    Understood are lines "name, synonym", lines "3: name", the table objectInfo150.txt (the name
    stands last), and JSON: a list of names, or COCO's categories in the order of their numbers.
    A class number 0 that means "none" is left out.
    """
    text = file.read_text(encoding="utf-8")
    if file.suffix == ".json":
        content = json.loads(text)
        if isinstance(content, dict):
            ordered = sorted(content["categories"], key=lambda entry: int(entry["id"]))
            content = [entry["name"] for entry in ordered]
        lines = [str(name) for name in content]
    else:
        lines = [line.split("\t")[-1] for line in text.splitlines() if line.strip()]
        if lines and lines[0].strip() == "Name":
            lines = lines[1:]
    numbered = re.compile(r"^\s*(\d+)\s*:\s*")
    classes = []
    for line in lines:
        number = numbered.match(line)
        synonyms = [part.strip() for part in re.split("[,;]", numbered.sub("", line))]
        names = tuple(name for name in dict.fromkeys(synonyms) if name)
        if number and number[1] == "0" and names[0].lower() in _NO_CLASS:
            continue
        if not names:
            raise ValueError(f"'{line}' names nothing")
        classes.append(names)
    return tuple(classes)


def _reader(path: Path, form: Layout) -> Callable[[], Labels]:
    def read() -> Labels:
        try:
            # no photo: its values are numbers of classes, as they lie in the file
            with PillowImage.open(path) as file:
                values = np.asarray(file)
        except OSError as error:
            raise DataError(
                f"{shown(path)} cannot be read ({error})", "restore the file"
            ) from error
        if values.ndim != 2:
            raise DataError(
                f"{shown(path)} has {values.shape} values, expected one a pixel",
                "make the labels as docs/evaluation.md tells",
            )
        labels = values.astype(np.int64) - form.first
        return np.where((labels >= 0) & (labels < form.classes), labels, UNJUDGED)

    return read


def _painted(photo: TruePhoto, classes: tuple[tuple[str, ...], ...]) -> Labels:
    counts = [region.counts for region in photo.named]
    labels = np.full(photo.size, UNJUDGED, np.int64)
    for number in np.argsort(-rle.areas(counts, photo.size), kind="stable"):
        mask = rle.decode((counts[number],), photo.size)[0]
        labels[mask] = classes.index(photo.named[number].phrases)
    return labels
