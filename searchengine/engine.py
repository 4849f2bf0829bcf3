"""SearchEngine: an index, the models that made it, and the cascade that answers questions."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from indexer.catalog.filter import Filter
from indexer.index import Index
from indexer.location import DATA, index_folder
from indexer.report import Report
from indexer.update import Options, Progress, update
from model.presets.preset import Models, Preset
from model.weights.user_folders import expand_home, user_folder
from searchengine.matches.match import Match
from searchengine.matches.matches import Matches
from searchengine.opened_index import OpenedIndex
from searchengine.queries.query import Query
from searchengine.questions import Questions
from searchengine.segment_stream import stream_segments, surest_of_each
from searchengine.status import Status, status_of

if TYPE_CHECKING:
    from searchengine.duplicates import DuplicateGroup
    from searchengine.export import ExportReport
    from searchengine.user_data.history import History
    from searchengine.user_data.judgements import Judgements
    from searchengine.user_data.saved_searches import SavedSearches

ENVIRONMENT = "SEGSEARCH_INDEX"


def default_folder() -> Path:
    """Folder of the index when none is named: that of `SEGSEARCH_INDEX`, or the user's data folder.

    Raises:
        StorageError: there is no such folder; this user has no home.
    """
    if named := os.environ.get(ENVIRONMENT):
        return expand_home(str(index_folder(named)))
    return user_folder("data", DATA) / "index"


class SearchEngine(Questions):
    """Index photographs, and find in them what words or examples ask for.

    Models are loaded when they are first needed, and stay. Use as a context manager, or close it.

    Threads may share one: they take turns. A process that is forked opens the index anew and uses
    one core; an engine that is pickled, as for a process that is spawned, is opened where it comes.
    """

    def __init__(self, folder: Path, preset: str | None = None) -> None:
        super().__init__(OpenedIndex(folder, preset))

    @classmethod
    def open(cls, folder: Path | str | None = None, preset: str | None = None) -> SearchEngine:
        """An engine over the index in `folder`; the folder need not be there yet.

        Args:
            folder: the index, its folder or its URI; by default `default_folder()`.
            preset: name or TOML path; by default the one that made the index, or `nano`.
        """
        return cls(default_folder() if folder is None else index_folder(folder), preset)

    def close(self) -> None:
        """Let go of the index' files."""
        self._opened.close()

    def __reduce__(self) -> tuple[Any, ...]:
        return SearchEngine, (self.folder, self._opened.asked_preset)

    def __enter__(self) -> SearchEngine:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def folder(self) -> Path:
        """Index folder; the first indexing run makes it."""
        return self._opened.folder

    @property
    def reader(self) -> Index:
        """The index, open for reading.

        Raises:
            IndexMissing: there is none yet.
            PresetMismatch: the index was made with another preset than the one asked for.
        """
        return self._opened.reader

    @property
    def preset(self) -> Preset:
        """The preset that made the index or, where there is none yet, that will make it."""
        return self._opened.preset

    @property
    def models(self) -> Models:
        """The preset's models."""
        return self._opened.models

    def load(self) -> None:
        """Load models and vectors now rather than at the first question.

        Raises:
            IndexMissing: nothing has been indexed yet; the models are loaded all the same.
        """
        with self._opened.turn():
            self.models.embedder.embed_texts(["anything"])
            _ = self.reader.vectors, self._opened.calibration

    @property
    def saved(self) -> SavedSearches:
        """Saved searches, which tell what was added since they were seen."""
        from searchengine.user_data.saved_searches import SavedSearches

        return SavedSearches(self._opened)

    @property
    def history(self) -> History:
        """The last questions that commands and the page asked; Python's own are not put there."""
        from searchengine.user_data.history import History

        return History(self._opened)

    @property
    def judgements(self) -> Judgements:
        """Segments that were judged right or wrong, kept under names."""
        from searchengine.user_data.judgements import Judgements

        return Judgements(self._opened)

    def index(
        self,
        *roots: Path | str,
        options: Options | None = None,
        progress: Progress | None = None,
    ) -> Report:
        """Remember what is new or changed in folders or files; see `indexer.update`."""
        return update(self.folder, roots, self.preset, options, progress)

    def segments(
        self,
        ids: Iterable[int] | None = None,
        *,
        where: Filter | None = None,
        k: int | None = None,
        per_photo: int | None = None,
    ) -> Iterator[Match]:
        """Segments without scores, photo by photo: those of the ids, else all that `where` allows.

        Args:
            ids: ids of segments.
            where: conditions on photos and segments.
            k: segments at most, the first ones; all unless given.
            per_photo: segments of one photo at most, those whose outlines the segmenter is surest
                of; all unless given.

        Raises:
            QueryError: an id is not in the index.
        """
        found = stream_segments(self._opened, ids, where)
        return islice(found if per_photo is None else surest_of_each(found, per_photo), k)

    def export(
        self,
        what: Matches | Query | str | Filter | Iterable[int],
        folder: Path | str,
        format: str = "masks",
        *,
        overwrite: bool = False,
        raw_frame: bool = False,
        polygons: bool = False,
        margin: float = 0.0,
        val: float = 0.0,
        k: int | None = None,
        per_photo: int | None = None,
    ) -> ExportReport:
        """Write masks, cut-outs or annotations, and a manifest; see `searchengine.export`.

        Args:
            what: matches, a query or words to be searched, ids of segments, or conditions:
                every segment that they allow. Of photos that look the same all are searched.
            folder: folder to write to.
            format: masks, cutouts, overlays, coco, yolo, labelme or cvat.
            overwrite: replace files that are there, and remove those of the export before.
            raw_frame, polygons, margin, val: choices about the files, as in
                `searchengine.export.layout.Layout`.
            k, per_photo: numbers of segments at most, as in `segments`, where conditions choose.

        Raises:
            ExportError: the folder cannot be written to, or files are in the way.
        """
        from searchengine.export import ExportOrigin, Layout, export, refuse_former_run

        layout = Layout(raw_frame=raw_frame, polygons=polygons, margin=margin, val=val)
        refuse_former_run(Path(folder), overwrite=overwrite)  # before models are loaded
        notes: tuple[str, ...] = ()
        if isinstance(what, str):
            what = Query(words=what)
        if isinstance(what, Query):
            what = self.search(replace(what, all_duplicates=True))
            notes = what.notes
        query, where = None, Filter()
        labels: Mapping[str, Sequence[str]] = {}
        if isinstance(what, Matches):
            matches: Iterable[Match] = what
            query, labels = what.asked, what.labels
        elif isinstance(what, Filter):
            matches, where = self.segments(where=what, k=k, per_photo=per_photo), what
        else:
            matches = self.segments(what)
        origin = ExportOrigin(
            str(self.folder),
            self.preset.name,
            self.preset.fingerprint,
            query,
            where,
            roots=tuple(self.reader.catalog.roots()),
            labels=labels,
        )
        report = export(
            matches,
            folder,
            format,
            origin=origin,
            layout=layout,
            overwrite=overwrite,
        )
        return replace(report, warnings=(*notes, *report.warnings))

    def duplicates(self, where: Filter | None = None) -> Iterator[DuplicateGroup]:
        """Groups of photos that look the same, and of files of one content.

        Args:
            where: conditions; a photo of which no segment meets them is left out.
        """
        from searchengine.duplicates import duplicates

        with self._opened.turn():
            return iter(list(duplicates(self.reader.catalog, where)))

    def status(self) -> Status:
        """Status of the index: content, place, and the photos that it could not take in."""
        with self._opened.turn():
            return status_of(self.reader)
