"""Exporting: matches into a folder, in one of the formats."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from itertools import groupby
from pathlib import Path

from indexer.catalog.records import PhotoRow
from model.errors import ExportError, PhotoError, StorageFull, shown
from searchengine.export import manifest as listing
from searchengine.export.coco import Coco
from searchengine.export.cutouts import Cutouts
from searchengine.export.cvat import Cvat
from searchengine.export.labelme import LabelMe
from searchengine.export.manifest import ExportManifest, ExportOrigin
from searchengine.export.mask_files import MaskFiles
from searchengine.export.overlays import Overlays
from searchengine.export.report import ExportReport
from searchengine.export.writer import Task, Writer
from searchengine.export.yolo import Yolo
from searchengine.output_files import completed, made_folder, refusal
from searchengine.search.match import Match

FORMATS: Mapping[str, type[Writer]] = {
    "masks": MaskFiles,
    "cutouts": Cutouts,
    "overlays": Overlays,
    "coco": Coco,
    "yolo": Yolo,
    "labelme": LabelMe,
    "cvat": Cvat,
}
LONGEST_CATEGORY = 120  # characters


def export(
    matches: Iterable[Match],
    folder: str | os.PathLike[str],
    format: str,
    *,
    origin: ExportOrigin,
    raw_frame: bool = False,
    overwrite: bool = False,
) -> ExportReport:
    """Write matches into a folder, and a manifest beside them.

    Args:
        matches: a sequence in any order, or a stream that brings each photo's matches together;
            of a stream, one photo's matches are held at a time. A stream that can be read only
            once is held whole where the folder has files that may be in the way.
        folder: is made where it is not there yet.
        format: one of `FORMATS`.
        origin: the query and the index, for the manifest; the query's words name the category.
        raw_frame: lay masks, boxes and sizes out as the file's pixels are, EXIF orientation not
            applied, instead of as the upright photo's.
        overwrite: replace files that are there.

    Raises:
        ExportError: there is no such format, files are in the way (nothing is written then), or
            the folder cannot be written to.
        StorageFull: the disk is full; complete files stay, and the manifest lists them.
    """
    if format not in FORMATS:
        raise ExportError(
            f"there is no format '{shown(format)}'", f"choose one of {', '.join(FORMATS)}"
        )
    writer, folder = FORMATS[format], Path(folder)
    if not overwrite:
        matches = _refuse_overwriting(writer, folder, matches)
    made_folder(folder)
    words = "" if origin.query is None else shown(" ".join(origin.query.words.split()))
    failure: BaseException | None = None
    with completed(folder / listing.NAME) as file:
        manifest = ExportManifest(file, origin, format, raw_frame)
        task = Task(folder, manifest, words[:LONGEST_CATEGORY] or "segment", words, raw_frame)
        try:
            _write(writer, task, matches)
        except BaseException as error:
            if not manifest.files:
                raise  # and leave nothing behind that would be in the way of another try
            failure = error  # raised below, when the manifest is closed
        manifest.close(complete=failure is None)
    if isinstance(failure, StorageFull):
        raise StorageFull(
            f"the disk is full; complete files ({manifest.files}) stay in {shown(folder)}",
            "free some space, then export again with --overwrite",
        ) from failure
    if failure is not None:
        raise failure
    return ExportReport(
        folder,
        format,
        folder / listing.NAME,
        manifest.files + 1,
        manifest.photos,
        manifest.segments,
        tuple(manifest.warnings),
        tuple(manifest.skipped),
    )


def by_photo(matches: Iterable[Match]) -> Iterator[tuple[PhotoRow, Sequence[Match]]]:
    """Photos with all their matches, in the order in which photos come first.

    Raises:
        ValueError: a stream comes back to a photo.
    """
    if isinstance(matches, Sequence):
        together: dict[int, list[Match]] = {}
        for match in matches:
            together.setdefault(match.photo.id, []).append(match)
        yield from ((group[0].photo, group) for group in together.values())
        return
    done: set[int] = set()
    for photo_id, of_photo in groupby(matches, key=lambda match: match.photo.id):
        if photo_id in done:
            raise ValueError(f"the stream comes back to photo {photo_id}; sort it by photo")
        done.add(photo_id)
        group = list(of_photo)
        yield group[0].photo, group


def _write(format: type[Writer], task: Task, matches: Iterable[Match]) -> None:
    with ExitStack() as closing:
        writer = format(task, closing)
        for photo, group in by_photo(matches):
            try:
                writer.add(photo, group)
            except PhotoError as error:
                task.manifest.skip(photo, str(error))
            else:
                task.manifest.holds(len(group))
        writer.finish()
    for name in format.streamed:
        task.manifest.wrote(name)


def _refuse_overwriting(
    writer: type[Writer], folder: Path, matches: Iterable[Match]
) -> Iterable[Match]:
    """The matches again, after making sure that no file is in the way of what they become."""
    try:
        present = {
            f"{below}/{entry.name}".lstrip("/")
            for below in writer.folders
            if (folder / below).is_dir()
            for entry in os.scandir(folder / below)
        }
    except OSError as error:
        raise refusal(error, folder) from error
    planned = {listing.NAME, *writer.streamed, *writer.fixed}
    in_the_way = sorted(present & planned)
    if present - planned:
        if iter(matches) is matches:
            matches = tuple(matches)
        for photo, group in by_photo(matches):
            in_the_way += [name for name in writer.names(photo, group) if name in present]
    if in_the_way:
        first = shown(folder / in_the_way[0])
        more = f" and {len(in_the_way) - 1} more" if len(in_the_way) > 1 else ""
        raise ExportError(
            f"{first}{more} would be overwritten", "add --overwrite, or choose another folder"
        )
    return matches
