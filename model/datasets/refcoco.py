"""Training pairs from RefCOCO, RefCOCO+ and RefCOCOg: referring expressions and masks.

They are published as a pickle, which can hold any program. Ours is read by an unpickler that
knows plain values only: lists, mappings, texts and numbers.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

from model.datasets.coco import (
    NOT_UNDERSTOOD,
    annotation_counts,
    coco_photos,
    read_json,
)
from model.datasets.pairs import BOX_KIND, TrainingPair
from model.datasets.photo_folder import PhotoFolder
from model.datasets.skipped_rows import SkippedRows
from model.errors import DataMissing, shown


def refcoco_pairs(
    refs: Path, instances: Path, photos: Path, split: str, skipped: SkippedRows
) -> Iterator[TrainingPair]:
    """A pair a reference, in the file's order; its texts are all its sentences.

    Args:
        refs: `refs(unc).p`, or the same list as JSON.
        instances: `instances.json` beside it, with masks and images.
        photos: the folder of COCO's photos.
        split: `train`, `val`, `testA` …; "": all.
        skipped: counts references that cannot be used.

    Raises:
        DataMissing: a file is not there, not understood, or a pickle of more than plain values.
    """
    listed = read_json(refs) if refs.suffix == ".json" else plain_pickle(refs)
    document = read_json(instances)
    if not isinstance(listed, list) or not isinstance(document, dict):
        raise DataMissing(
            f"{shown(refs)} and {shown(instances)} do not fit", "name RefCOCO's files"
        )
    images = coco_photos(document, skipped)
    annotations = {
        a["id"]: a for a in document.get("annotations") or () if isinstance(a, dict) and "id" in a
    }
    folder = PhotoFolder(photos)
    for number, ref in enumerate(listed):
        where = f"reference {number} of {shown(refs)}"
        try:
            if split not in ("", ref["split"]):
                continue
            annotation, photo = annotations.get(ref["ann_id"]), images.get(ref["image_id"])
            if annotation is None or photo is None:
                skipped.note(where, "its annotation or image is not in the file")
                continue
            sentences = [" ".join(s["sent"].split()) for s in ref["sentences"]]
            texts = tuple(dict.fromkeys(filter(None, sentences)))
            if not texts:
                raise ValueError("it has no sentence")
            path = folder.find(photo.name)
            counts, boxed = annotation_counts(annotation, photo.size)
        except NOT_UNDERSTOOD as error:
            skipped.note(where, "the reference is damaged, or its photo not there", error)
            continue
        kind = BOX_KIND if boxed else "object"
        yield TrainingPair(path, photo.size, counts, texts, kind, (refs.stem,))


def plain_pickle(file: Path) -> Any:
    """The plain values in a pickle; nothing in it is executed.

    Raises:
        DataMissing: the file is not there, damaged, or holds anything else.
    """
    try:
        # Python 2 wrote the published ones: its texts are bytes
        return _PlainUnpickler(io.BytesIO(file.read_bytes()), encoding="utf-8").load()
    except FileNotFoundError as error:
        raise DataMissing(
            f"there is no {shown(file)}", "check --data and the recipe's annotations"
        ) from error
    except Exception as error:  # what a damaged pickle raises is beyond counting
        raise DataMissing(
            f"{shown(file)} is no pickle of plain values ({error})",
            "give the references as JSON, or replace the file by the published one",
        ) from error


class _PlainUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> NoReturn:
        raise pickle.UnpicklingError(f"it wants {module}.{name}")
