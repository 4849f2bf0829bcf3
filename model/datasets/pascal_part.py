"""Training pairs from Pascal-Part (Chen et al., CVPR 2014): objects of VOC and their parts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.datasets.pairs import TrainingPair
from model.datasets.part_names import object_name, part_texts
from model.datasets.photo_folder import PhotoFolder, photo_size
from model.datasets.skipped_rows import SkippedRows
from model.errors import DataMissing, shown
from model.masks import rle

SOURCE = "pascal-part"
LARGEST = 1 << 26  # bytes of a file that is read


def pascal_part_pairs(
    annotations: Path, photos: Path, skipped: SkippedRows
) -> Iterator[TrainingPair]:
    """A pair an object and a pair a part, photo by photo in the order of the files' names.

    Args:
        annotations: `Annotations_Part`, with a MATLAB file a photo.
        photos: PASCAL VOC's `JPEGImages`.
        skipped: counts files, objects and parts that cannot be used.

    Raises:
        DataMissing: the folder holds no MATLAB file.
    """
    files = sorted(annotations.glob("*.mat"))
    if not files:
        raise DataMissing(
            f"{shown(annotations)} holds no .mat file", "name Pascal-Part's Annotations_Part"
        )
    folder = PhotoFolder(photos)
    for file in files:
        try:
            path = folder.find(f"{file.stem}.jpg")
            size = photo_size(path)
        except ValueError as error:
            skipped.note(shown(file), "the photo is not there, or not understood", error)
            continue
        try:
            objects = _listed(_read(file)["objects"])
        except Exception as error:  # what a damaged MATLAB file raises is beyond counting
            skipped.note(shown(file), "the file is damaged", error)
            continue
        for number, record in enumerate(objects):
            where = f"object {number} of {shown(file)}"
            for texts, kind, one in _named(record, where, skipped):
                try:
                    counts = rle.encode(_mask(one, size)[None])[0]
                except (ValueError, KeyError, TypeError, IndexError) as error:
                    skipped.note(f"{texts[0]} in {where}", "the mask is damaged", error)
                    continue
                yield TrainingPair(path, size, counts, texts, kind, (SOURCE,))


def _named(
    record: Any, where: str, skipped: SkippedRows
) -> Iterator[tuple[tuple[str, ...], str, Any]]:
    """Texts, kind and struct of an object and of each of its parts."""
    try:
        whole, parts = object_name(str(record["class"])), _listed(record["parts"])
    except (KeyError, TypeError, IndexError) as error:
        skipped.note(where, "the object is damaged", error)
        return
    yield (whole,), "object", record
    for part in parts:
        try:
            texts = part_texts(whole, str(part["part_name"]))
        except (ValueError, KeyError, TypeError, IndexError) as error:
            skipped.note(f"a part of {where}", "the part's name is not known", error)
            continue
        yield texts, "part", part


def _read(file: Path) -> Any:
    """The annotation in a file: structs as mappings; nothing in it is executed."""
    from scipy.io import loadmat

    if file.stat().st_size > LARGEST:
        raise ValueError(f"it has more than {LARGEST:,} bytes")
    return loadmat(file, simplify_cells=True, variable_names=["anno"])["anno"]


def _listed(value: Any) -> list[Any]:
    """The structs of an array of any length: one is read as itself, none as an empty array."""
    return [value] if isinstance(value, dict) else list(value)


def _mask(record: Any, size: tuple[int, int]) -> NDArray[np.bool_]:
    mask = np.asarray(record["mask"])
    if mask.shape != size or mask.dtype.kind not in "biuf":
        raise ValueError(f"a mask of {mask.shape}, expected numbers of {size}")
    drawn: NDArray[np.bool_] = mask > 0
    if not drawn.any():
        raise ValueError("the mask covers no pixel")
    return drawn
