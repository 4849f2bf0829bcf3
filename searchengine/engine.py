"""SearchEngine: an index, the models that made it, and the cascade that answers questions."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from indexer.catalog.records import Filter
from indexer.index import Index
from indexer.report import Report
from indexer.update import Options, Progress, update
from model.embeddings import Embeddings
from model.errors import QueryError
from model.presets.preset import Models, Preset
from model.proposals.proposer import MOST as MOST_PROPOSED
from model.weights.user_folders import user_folder
from searchengine.answers import answered, completed, ranked
from searchengine.opened_index import OpenedIndex
from searchengine.search.example import MOST_ID, Example, embed_example, no_such_segment
from searchengine.search.keep import require_keeping
from searchengine.search.match import CONFIDENT, Match, Matches
from searchengine.search.query import Negative, Query, as_negatives
from searchengine.search.ranking import Ranking
from searchengine.status import Status, status_of

if TYPE_CHECKING:
    from searchengine.duplicates import DuplicateGroup
    from searchengine.export import ExportReport
    from searchengine.user_data.history import History
    from searchengine.user_data.judgements import Judgements
    from searchengine.user_data.saved_searches import SavedSearches

ENVIRONMENT = "SEGSEARCH_INDEX"
TOGETHER = 256
"""Queries that are answered in one go; more take memory and save no more time."""


def default_folder() -> Path:
    """Folder of the index when none is named: `SEGSEARCH_INDEX`, or the user's data folder.

    Raises:
        StorageError: there is no such folder; this user has no home.
    """
    folder = user_folder("data", ENVIRONMENT)
    return folder if os.environ.get(ENVIRONMENT) else folder / "index"


class SearchEngine:
    """Index photographs, and find in them what words or examples ask for.

    Models are loaded when they are first needed, and stay. Use as a context manager, or close it.

    Threads may share one: they take turns. A process that is forked opens the index anew and uses
    one core; an engine that is pickled, as for a process that is spawned, is opened where it comes.
    """

    def __init__(self, folder: Path, preset: str | None = None) -> None:
        self._opened = OpenedIndex(folder, preset)

    @classmethod
    def open(cls, folder: Path | str | None = None, preset: str | None = None) -> SearchEngine:
        """An engine over the index in `folder`; the folder need not be there yet.

        Args:
            folder: the index; by default `default_folder()`.
            preset: name or TOML path; by default the one that made the index, or `nano`.
        """
        return cls(default_folder() if folder is None else Path(folder), preset)

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

    def embed(self, example: Match | Example | Path | str) -> tuple[Embeddings, int | None]:
        """An example as one vector of the index's space, and the id of the segment that it is.

        Args:
            example: argument of `similar`.

        Raises:
            IndexMissing: nothing has been indexed yet.
            PhotoError: the photo cannot be read.
            QueryError: the place is outside the photo, or the segment is not in the index.
        """
        with self._opened.turn():
            return embed_example(_pointed(example), self.reader, self.preset, self.models)

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

    def search(
        self,
        words: str | Query,
        k: int | None = None,
        *,
        negatives: Sequence[str | Negative] | str | None = None,
        where: Filter | None = None,
        per_photo: int | None = None,
        neighbours: int | None = None,
        collapse: bool | None = None,
        all_duplicates: bool | None = None,
        refer: bool | None = None,
        like: Iterable[Match | int] | None = None,
        unlike: Iterable[Match | int] | None = None,
        language: str | None = None,
    ) -> Matches:
        """The segments that show what the words say, best first.

        Args:
            words: any text, or a whole `Query`, which then says all that the other arguments do.
            k: matches at most; 20 unless given.
            negatives: words for things that matches should not show.
            where: exact conditions on photos and segments.
            per_photo: matches from one photo at most; any number unless given.
            neighbours: segments of other photos that each is also judged by; 0 unless given.
            collapse: whether segments that overlap and photos that look the same count once;
                they do unless given.
            all_duplicates: whether photos that look the same answer each for itself all the
                same; they do not unless given.
            refer: whether the words are resolved as a referring expression, as "the second door
                from the left"; unless given, where up to eight say more than a bare phrase.
            like, unlike: matches, or ids of segments, that were judged right or wrong: they are
                not shown again, and the search goes on from those that were right.
            language: code of the language of the words, as `de`; unless given they tell it.

        Raises:
            IndexMissing: nothing has been indexed yet.
            QueryError: nothing is asked, or another argument is given beside a whole `Query`.
        """
        given = _given(
            k=k,
            negatives=negatives,
            where=where,
            per_photo=per_photo,
            neighbours=neighbours,
            collapse=collapse,
            all_duplicates=all_duplicates,
            refer=refer,
            like=like,
            unlike=unlike,
            language=language,
        )
        if not isinstance(words, Query):
            return self._answer(Query(words=words, **given), words)
        if given:
            raise QueryError(
                f"{' and '.join(given)} given beside a whole Query",
                "say it in the Query, or ask with words",
            )
        return self._answer(words, words.words)

    def search_many(self, queries: Iterable[Query]) -> list[Matches]:
        """Matches of each query, in their order: those of `search`, at a fraction of the time.

        Texts are encoded in batches, and the vectors pass by once for many questions.

        Raises:
            IndexMissing: nothing has been indexed yet.
        """
        waiting = list(queries)
        answers: list[Matches] = []
        for start in range(0, len(waiting), TOGETHER):
            some = waiting[start : start + TOGETHER]
            answers += answered(self._opened, some, [str(query.words) for query in some])
        return answers

    def label(
        self,
        labels: Mapping[str, str | Sequence[str]] | Iterable[str] | Path,
        k: int | None = None,
        *,
        min_confidence: float = CONFIDENT,
        **arguments: Any,
    ) -> Matches:
        """The segments that show one of several things, each with the label it fits best.

        Args:
            labels: names of the labels with the words that ask for each, names that are their own
                words, or a file of these (`searchengine.search.labels.read_labels`).
            k: matches of each question at most; 1,000 unless given.
            min_confidence: least confidence of a match.
            arguments: arguments of `Query` beside words and k.

        Raises:
            IndexMissing: nothing has been indexed yet.
            QueryError: a label lacks a name or words, or the file is not understood.
        """
        from searchengine.search.labels import as_labels, labelled, read_labels

        asked = read_labels(labels) if isinstance(labels, Path) else as_labels(labels)
        said = [(label, words) for label in asked for words in label.words]
        given = {"all_duplicates": True, **arguments, "k": 1000 if k is None else k}
        answers = self.search_many(Query(words=words, **given) for _, words in said)
        pairs = [(label, each) for (label, _), each in zip(said, answers, strict=True)]
        return Matches(
            labelled(pairs, min_confidence),
            ", ".join(label.name for label in asked),
            str(self.folder),
            self.preset.name,
            labels={label.name: label.words for label in asked},
        )

    def ranking(self, matches: Matches) -> Ranking:
        """All segments that the conditions of a query allow, best first: its matches, then all
        that they do not stand for, by the plain agreement of their vectors.

        Numbers alone, so that a million are ranked in a fraction of a second.

        Args:
            matches: answer of `search` or `similar`.

        Raises:
            QueryError: the matches are not those of a query.
        """
        return ranked(self._opened, matches)

    def propose(
        self,
        matches: Matches,
        photos: int = 10,
        most: int = MOST_PROPOSED,
        *,
        keep: bool = False,
    ) -> Matches:
        """The matches of words, with masks among them that the index does not hold.

        On the photos that answer best, the masks that indexing saw and dropped are scored, too, as
        segments of the index are; of two masks of one thing the better one is shown. What became
        of each is told in `proposals`. A photo that cannot be read any more is told in `left_out`;
        so is that nothing is proposed where a referring expression was resolved, which no proposal
        is compared with.

        Args:
            matches: answer of `search`.
            photos: number of photos that are looked at again, 1 or more.
            most: proposals a photo.
            keep: whether the proposals among the matches are written to the index, with their
                words and the proposer's fingerprint. All segments of their photos get new ids,
                which the matches tell. A photo that has changed meanwhile is told in `left_out`.

        Raises:
            QueryError: the matches are not those of words, or no photo is to be looked at.
            IndexReadOnly, IndexLocked: the index may not be written to, which `keep` asks for.
        """
        if keep:
            self.require_keeping()
        return completed(self._opened, matches, photos, most, keep=keep)

    def require_keeping(self) -> None:
        """Raise unless proposals could be kept just now; no model is loaded for it.

        Raises:
            IndexMissing: nothing has been indexed yet.
            IndexReadOnly: the index may not be written to.
            IndexLocked: another process is writing to it.
        """
        with self._opened.turn():
            require_keeping(self.reader.folder)

    def similar(
        self,
        example: Match | Example | Path | str,
        k: int | None = None,
        *,
        negatives: Sequence[str | Negative] | str | None = None,
        where: Filter | None = None,
        per_photo: int | None = None,
        neighbours: int | None = None,
        collapse: bool | None = None,
        all_duplicates: bool | None = None,
        language: str | None = None,
    ) -> Matches:
        """The segments most like a match, a photo, or a place in one.

        The segment that is asked about is no answer; the photo it lies in may be.

        Args:
            example: a match, an `Example`, or the path of a photo, indexed or not.
            k: number of matches; this and the other arguments are those of `search`.

        Raises:
            IndexMissing: nothing has been indexed yet.
            PhotoError: the photo cannot be read.
            QueryError: the place is outside the photo, or the segment is not in the index.
        """
        example = _pointed(example)
        given = _given(
            k=k,
            negatives=negatives,
            where=where,
            per_photo=per_photo,
            neighbours=neighbours,
            collapse=collapse,
            all_duplicates=all_duplicates,
            language=language,
        )
        vector, itself = self.embed(example)
        exclude = () if itself is None else (itself,)
        return self._answer(Query(example=vector, **given), str(example), exclude)

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
        found = self._segments(ids, where)
        return islice(found if per_photo is None else surest_of_each(found, per_photo), k)

    def _segments(self, ids: Iterable[int] | None, where: Filter | None) -> Iterator[Match]:
        with self._opened.turn():
            wanted = self.reader.catalog.segment_ids(where)
        if ids is not None:
            wanted = np.unique(np.fromiter(map(_segment_id, ids), np.int64))
        for start in range(0, len(wanted), 1000):
            chosen = wanted[start : start + 1000].tolist()
            with self._opened.turn():
                catalog = self.reader.catalog
                rows = catalog.segments(chosen)
                lost = [i for i in chosen if i not in rows]
                if lost:
                    raise no_such_segment(lost[0])
                photos = catalog.photos({row.photo_id for row in rows.values()})
            for rank, i in enumerate(chosen, start + 1):
                yield Match(rank, None, None, photos[rows[i].photo_id], rows[i])

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

    def _answer(self, query: Query, words: str, exclude: Collection[int] = ()) -> Matches:
        (matches,) = answered(self._opened, [query], [words], exclude)
        return matches


def _pointed(example: Match | Example | Path | str) -> Example:
    """What is given as an example, as one."""
    if isinstance(example, Match):
        return Example(segment=example.segment_id)
    return example if isinstance(example, Example) else Example(Path(example))


def _given(**arguments: Any) -> dict[str, Any]:
    """Fields of a query for the arguments that are not None."""
    given = {name: value for name, value in arguments.items() if value is not None}
    if "negatives" in given:
        given["negatives"] = as_negatives(given["negatives"])
    for judged in {"like", "unlike"} & given.keys():
        given[judged] = tuple(
            each.segment_id if isinstance(each, Match) else int(each) for each in given[judged]
        )
    return given


def surest_of_each(matches: Iterable[Match], most: int) -> Iterator[Match]:
    """Those matches of each photo whose outlines the segmenter is surest of, in their order.

    Args:
        matches: stream that brings each photo's matches together.
        most: number of each photo's matches at most.
    """
    for _, of_photo in groupby(matches, key=lambda match: match.photo.id):
        group = list(of_photo)
        surest = sorted(group, key=lambda match: -match.segment.quality)[:most]
        yield from sorted(surest, key=group.index)


def _segment_id(number: int) -> int:
    """The number, if a segment can have it."""
    if abs(number) > MOST_ID:
        raise no_such_segment(number)
    return number
