"""Training pairs from Visual Genome's region descriptions: boxes and phrases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from model.datasets.coco import NOT_UNDERSTOOD, read_json
from model.datasets.corpus import plain_words
from model.datasets.pairs import BOX_KIND, TrainingPair
from model.datasets.photo_folder import PhotoFolder, photo_size
from model.datasets.regions import rectangle
from model.datasets.skipped_rows import SkippedRows
from model.errors import DataMissing, shown

FOLDERS = ("VG_100K", "VG_100K_2", ".")


def visual_genome_pairs(file: Path, photos: Path, skipped: SkippedRows) -> Iterator[TrainingPair]:
    """A pair a region of `region_descriptions.json`, photo by photo.

    Args:
        file: the region descriptions.
        photos: the folder that holds `VG_100K/` and `VG_100K_2/`, or the photos themselves.
        skipped: counts regions and photos that cannot be used.

    Raises:
        DataMissing: the file is no such JSON.
    """
    document = read_json(file)
    if not isinstance(document, list):
        raise DataMissing(f"{shown(file)} is no list", "name a region_descriptions.json")
    folder = PhotoFolder(*(photos / name for name in FOLDERS))
    for number, image in enumerate(document):
        where = f"image {number} of {shown(file)}"
        try:
            regions = image["regions"]
            name = image["id"] if "id" in image else regions[0]["image_id"]
            path = folder.find(f"{int(name)}.jpg")
            size = photo_size(path)
        except (*NOT_UNDERSTOOD, IndexError) as error:
            skipped.note(where, "the photo is not there, or not understood", error)
            continue
        for region in regions:
            try:
                text = plain_words(" ".join(region["phrase"].split())).lower()
                if not text:
                    raise ValueError("it has no phrase")
                box = [region[key] for key in ("x", "y", "width", "height")]
                counts = rectangle(box, size)
            except NOT_UNDERSTOOD as error:
                skipped.note(where, "a region is damaged", error)
                continue
            yield TrainingPair(path, size, counts, (text,), BOX_KIND, ("visual genome",))
