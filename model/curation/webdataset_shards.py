"""WebDataset shards of pairs: tar files with the photos themselves."""

from __future__ import annotations

import json
import tarfile
from collections import Counter
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

from blake3 import blake3

from model.curation.shards import PAIRS_A_SHARD, PhotoPairs, ShardWriter, pair_fields
from model.datasets.skipped_rows import SkippedRows
from model.errors import PhotoChanged, PhotoError, PhotoUnreachable, shown
from model.photos.files import photo_file
from model.photos.formats import PREFIX_BYTES, photo_format

_SUFFIXES = {"JPEG": "jpg", "TIFF": "tif", "HEIF": "heic"}  # others are spelt as their format


class WebDatasetShards(ShardWriter):
    """Tar files with two members a photo: the bytes of its file, and `ID.json`.

    ID is the file's blake3; where another photo of the folder has the same content, `-1` and so on
    is added. The JSON has `photo`, `width`, `height` and `segments`, each with `counts`, `bbox`,
    `texts`, `kind`, `sources` and `score` as in `ParquetShards`. The frame is that of the upright
    photo: the bytes are the file's own, so its EXIF orientation has to be applied to its pixels.
    A photo that has changed or cannot be read is left out.
    """

    suffix = "tar"

    def __init__(
        self,
        folder: Path,
        pairs_a_shard: int = PAIRS_A_SHARD,
        skipped: SkippedRows | None = None,
    ) -> None:
        super().__init__(folder, pairs_a_shard, skipped)
        self._copies: Counter[str] = Counter()

    def _write(self, part: Path, photos: Sequence[PhotoPairs]) -> Sequence[PhotoPairs]:
        written = []
        with tarfile.open(part, "w", format=tarfile.USTAR_FORMAT) as archive:
            for photo in photos:
                try:
                    content = _content(photo)
                except PhotoError as error:
                    self.skipped.note(shown(photo.name), "the photo cannot be copied", error)
                    continue
                copies = self._copies[photo.content_hash]
                self._copies[photo.content_hash] += 1
                name = f"{photo.content_hash}-{copies}" if copies else photo.content_hash
                kind = str(photo_format(content[:PREFIX_BYTES]))
                _append(archive, f"{name}.{_SUFFIXES.get(kind, kind.lower())}", content)
                _append(archive, f"{name}.json", _sample(photo))
                written.append(photo)
        return written


def _sample(photo: PhotoPairs) -> bytes:
    height, width = photo.pairs[0].size
    segments = [pair_fields(pair) for pair in photo.pairs]
    sample = {"photo": photo.name, "width": width, "height": height, "segments": segments}
    return json.dumps(sample, ensure_ascii=False).encode("utf-8")


def _content(photo: PhotoPairs) -> bytes:
    with photo_file(photo.path) as (file, name):
        try:
            content = file.read()
        except OSError as error:
            raise PhotoUnreachable(f"{name} cannot be read ({error.strerror})") from error
    if blake3(content).hexdigest() != photo.content_hash:
        raise PhotoChanged(f"{name} has changed")
    return content


def _append(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    archive.addfile(member, BytesIO(content))
