"""Referring expressions with the regions that they mean, and their photos."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from model.datasets.coco import NOT_UNDERSTOOD, annotation_counts, coco_photos, read_json
from model.datasets.ground_truth import Region, TruePhoto
from model.datasets.photo_folder import PhotoFolder
from model.datasets.refcoco import plain_pickle
from model.datasets.regions import region_counts
from model.datasets.skipped_rows import SkippedRows
from model.errors import DataError, DataMissing, shown


@dataclass(frozen=True)
class ReferringCase:
    """An expression and what it means.

    Attributes:
        photo: number of the photo.
        region: number of the region that is meant, among the photo's.
        text: expression as it is asked.
        kind: way in which the region is set apart: place, size, relation …; "" where none is told.
        style: who said it: plain or paraphrased templates, people, or a data set.
        raw: the expression as somebody typed it.
    """

    photo: int
    region: int
    text: str
    kind: str = ""
    style: str = ""
    raw: str = ""


@dataclass(frozen=True)
class ReferringSet:
    """Expressions of a data set, and its photos with all regions that may be meant."""

    photos: tuple[TruePhoto, ...]
    cases: tuple[ReferringCase, ...]


def refcoco_set(
    refs: Path, instances: Path, photos: Path, split: str, skipped: SkippedRows
) -> ReferringSet:
    """RefCOCO, RefCOCO+ or RefCOCOg: a case a sentence, in the file's order.

    Args:
        refs: `refs(unc).p`, `refs(google).p` or `refs(umd).p`, or the same list as JSON.
        instances: `instances.json` beside it, with masks and images.
        photos: the folder of COCO's photos.
        split: `train`, `val`, `testA` …; "": all.
        skipped: record of references that cannot be used.

    Raises:
        DataMissing: a file is not there or not understood, or none of its references can be used.
    """
    listed = read_json(refs) if refs.suffix == ".json" else plain_pickle(refs)
    document = read_json(instances)
    if not isinstance(listed, list) or not isinstance(document, dict):
        raise DataMissing(
            f"{shown(refs)} and {shown(instances)} do not fit", "name RefCOCO's files"
        )
    sizes = coco_photos(document, skipped)
    by_image: dict[Any, list[dict[str, Any]]] = defaultdict(list)
    for annotation in document.get("annotations") or ():
        if isinstance(annotation, dict) and "id" in annotation:
            by_image[annotation.get("image_id")].append(annotation)
    folder, taken, gathered = PhotoFolder(photos), _Gathered(refs.stem), []
    for number, ref in enumerate(listed):
        where = f"reference {number} of {shown(refs)}"
        try:
            if split not in ("", ref["split"]):
                continue
            image_id = ref["image_id"]
            if not taken.knows(image_id):
                photo = sizes[image_id]
                regions = dict(_regions(by_image[image_id], photo.size))
                taken.add(image_id, folder.find(photo.name), photo.size, regions)
            place, region = taken.place(image_id, ref["ann_id"])
            sentences = [(str(s["sent"]), str(s.get("raw", s["sent"]))) for s in ref["sentences"]]
        except NOT_UNDERSTOOD as error:
            skipped.note(where, "the reference is damaged, or its photo not there", error)
            continue
        gathered += [
            ReferringCase(place, region, " ".join(text.split()), style=refs.stem, raw=raw)
            for text, raw in sentences
            if text.strip()
        ]
    if not gathered:
        raise DataMissing(
            f"no reference in {shown(refs)} can be used", "check the split and the photos"
        )
    return ReferringSet(taken.photos(), tuple(gathered))


def expression_lines(file: Path, photos: Sequence[TruePhoto]) -> ReferringSet:
    """JSON lines: `{"photo": "SOURCE/NAME", "expression": …}` and `region`, the number of the
    region in the photo's annotation, or `segmentation`, as COCO has it.

    Lines of photos that are not among those given are left out.

    Args:
        file: the lines.
        photos: photos that they may be of.

    Raises:
        DataError: the file cannot be read, a line is not understood, or none is of these photos.
    """
    place = {f"{photo.source}/{photo.path.name}": n for n, photo in enumerate(photos)}
    known, cases = list(photos), []
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{shown(file)} cannot be read ({error})", "name JSON lines") from error
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
            text, at = str(record["expression"]), place.get(str(record["photo"]))
            if at is None:
                continue
            if "segmentation" in record:
                counts = region_counts(record["segmentation"], known[at].size)
                region = Region(counts, (), "object", None)
                known[at] = replace(known[at], regions=(*known[at].regions, region))
                meant = len(known[at].regions) - 1
            else:
                meant = int(record["region"])
                known[at].regions[meant]
        except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
            raise DataError(
                f"line {number} of {shown(file)} is not understood ({error})", "mend the line"
            ) from error
        kind = str(record.get("kind", ""))
        cases.append(ReferringCase(at, meant, text, kind, file.stem, text))
    if not cases:
        raise DataError(f"no line of {shown(file)} is of these photos", "check --data and --split")
    return ReferringSet(tuple(known), tuple(cases))


def _regions(
    annotations: Sequence[dict[str, Any]], size: tuple[int, int]
) -> Iterator[tuple[Any, Region]]:
    """Regions of a photo's annotations by their ids, those left out that are damaged."""
    for annotation in annotations:
        try:
            counts, _ = annotation_counts(annotation, size)
        except NOT_UNDERSTOOD:
            continue
        yield annotation["id"], Region(counts, (), "object", None)


class _Gathered:
    """Photos in the order in which they were met, and where their regions stand."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._places: dict[Any, tuple[int, dict[Any, int]]] = {}
        self._photos: list[TruePhoto] = []

    def knows(self, image: Any) -> bool:
        return image in self._places

    def add(
        self, image: Any, path: Path, size: tuple[int, int], regions: dict[Any, Region]
    ) -> None:
        numbers = {key: number for number, key in enumerate(regions)}
        self._places[image] = (len(self._photos), numbers)
        self._photos.append(TruePhoto(self._source, path, size, tuple(regions.values()), ()))

    def place(self, image: Any, annotation: Any) -> tuple[int, int]:
        photo, numbers = self._places[image]
        return photo, numbers[annotation]

    def photos(self) -> tuple[TruePhoto, ...]:
        return tuple(self._photos)
