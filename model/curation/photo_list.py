"""Photos of a curation: files by content, each once, with the size that their headers tell."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from model.curation.source_photo import SourcePhoto
from model.datasets.skipped_rows import SkippedRows
from model.errors import PhotoError, shown
from model.photos.images import content_hash, read_header


def listed_photos(
    files: Iterable[Path],
    folder: Path,
    skipped: SkippedRows,
    progress: Callable[[int], None] = lambda done: None,
) -> list[SourcePhoto]:
    """Photos among the files, in the order of their contents' hashes.

    Of files with one content the first by name is taken. No pixel is decoded.

    Args:
        files: photo files below the folder.
        folder: folder that names are relative to.
        skipped: record of files that are left out.
        progress: told how many files were read.
    """
    photos: dict[str, SourcePhoto] = {}
    for done, path in enumerate(sorted(files), 1):
        try:
            digest = content_hash(path).hex()
            if digest not in photos:
                header = read_header(path)
                name = path.relative_to(folder).as_posix()
                photos[digest] = SourcePhoto(name, path, digest, header.size)
        except PhotoError as error:
            skipped.note(shown(path), "it cannot be read", error)
        progress(done)
    return sorted(photos.values(), key=lambda photo: photo.content_hash)
