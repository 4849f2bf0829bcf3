"""Exporting: matches into a folder, in one of the formats."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from itertools import groupby
from pathlib import Path

from indexer.catalog.records import PhotoRow
from indexer.export_formats import Format
from indexer.scan.own_output import MANIFEST, exported_files
from model.errors import ExportError, PhotoError, StorageFull, shown
from model.stores.urls import parent_of
from searchengine.export.coco import Coco
from searchengine.export.cutouts import Cutouts
from searchengine.export.cvat import Cvat
from searchengine.export.former_run import refuse_files, refuse_former_run, remove_former_run
from searchengine.export.labelme import LabelMe
from searchengine.export.layout import Layout
from searchengine.export.manifest import ExportManifest, ExportOrigin
from searchengine.export.mask_files import MaskFiles
from searchengine.export.overlays import Overlays
from searchengine.export.photo_names import PhotoNames, shared_folder
from searchengine.export.report import ExportReport
from searchengine.export.writer import Task, Writer
from searchengine.export.yolo import Yolo
from searchengine.matches.match import Match
from searchengine.output_files import completed, made_folder, refusal

FORMATS: Mapping[str, type[Writer]] = {
    Format.masks: MaskFiles,
    Format.cutouts: Cutouts,
    Format.overlays: Overlays,
    Format.coco: Coco,
    Format.yolo: Yolo,
    Format.labelme: LabelMe,
    Format.cvat: Cvat,
}
LONGEST_CATEGORY = 120  # characters


def export(
    matches: Iterable[Match],
    folder: str | os.PathLike[str],
    format: str,
    *,
    origin: ExportOrigin,
    layout: Layout | None = None,
    overwrite: bool = False,
) -> ExportReport:
    """Write matches into a folder, and a manifest beside them.

    Args:
        matches: matches in any order, or a stream that brings each photo's matches together;
            of a stream, one photo's matches are held at a time. A stream that can be read only
            once is held whole where the folder has files that may be in the way.
        folder: folder to write to; it is made where it is not there yet.
        format: one of `FORMATS`.
        origin: the query or labels and the index, for the manifest; the labels' names, else the
            query's words, name the categories.
        layout: choices about the files; by default masks as they are, in the upright photo.
        overwrite: replace files that are there, and remove those of the export before.

    Raises:
        OutputUnusable: the folder is a file or a device, or its name is none.
        ExportError: there is no such format, files are in the way (nothing is written then), or
            the folder cannot be written to.
        StorageFull: the disk is full; complete files stay, and the manifest lists them. Where not
            even that can be written, none stay.
    """
    if format not in FORMATS:
        raise ExportError(
            f"there is no format '{shown(format)}'", f"choose one of {', '.join(FORMATS)}"
        )
    writer, folder, layout = FORMATS[format], Path(folder), layout or Layout()
    refuse_former_run(folder, overwrite=overwrite)
    root = _root(matches, origin)
    if not overwrite:
        matches = _refuse_overwriting(writer, folder, matches, root, layout)
    made_folder(folder)
    former = exported_files(folder)
    words = "" if origin.query is None else origin.query.words.strip()
    written: list[str] = []
    try:
        with completed(folder / MANIFEST) as file:
            manifest = ExportManifest(file, origin, format, layout.raw_frame, root, written)
            categories = tuple(origin.labels)
            categories = categories or (words[:LONGEST_CATEGORY] or "segment",)
            task = Task(folder, manifest, categories, words, layout, PhotoNames(root))
            failure: BaseException | None = None
            try:
                _write(writer, task, matches)
            except BaseException as error:
                if not written:
                    raise  # and leave nothing behind that would be in the way of another try
                failure = error  # raised below, when the manifest is closed
            manifest.close(complete=failure is None)
    except BaseException:
        # without a manifest nothing would tell what these files are
        remove_former_run(folder, (), written)
        raise
    remove_former_run(folder, written, former)
    if isinstance(failure, StorageFull):
        raise StorageFull(
            f"the disk is full; complete files ({manifest.files}) stay in {shown(folder)}",
            "free some space, then export again with `overwrite=True`",
        ) from failure
    if failure is not None:
        raise failure
    return ExportReport(
        folder,
        format,
        folder / MANIFEST,
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
        copies = 0
        for photo, group in by_photo(matches):
            copies += len(photo.files) - 1
            try:
                writer.add(photo, group)
            except PhotoError as error:
                task.manifest.skip(photo, str(error))
            else:
                task.manifest.holds(len(group))
        writer.finish()
    if copies:
        task.manifest.warn(
            f"{copies} {'file holds' if copies == 1 else 'files hold'} a photo that is exported"
            " under another name already, and is left out"
        )
    for name in format.streamed:
        task.manifest.wrote(name)


def _root(matches: Iterable[Match], origin: ExportOrigin) -> str:
    """The folder that photos' names are relative to: what was indexed, else what all lie in."""
    if origin.roots:
        return shared_folder(origin.roots)
    if isinstance(matches, Sequence):
        return shared_folder({parent_of(match.photo.path) for match in matches})
    return ""


def _refuse_overwriting(
    writer: type[Writer], folder: Path, matches: Iterable[Match], root: str, layout: Layout
) -> Iterable[Match]:
    """The matches again, after making sure that no file is in the way of what they become."""
    try:
        if not folder.is_dir() or not any(folder.iterdir()):
            return matches
    except OSError as error:
        raise refusal(error, folder) from error
    planned = [MANIFEST, *writer.streamed, *writer.fixed]
    if iter(matches) is matches:
        matches = tuple(matches)
    names = PhotoNames(root)
    for photo, group in by_photo(matches):
        planned += writer.names(photo, group, names, layout)
    refuse_files([name for name in planned if os.path.lexists(folder / name)], folder)
    return matches
