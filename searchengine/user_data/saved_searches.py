"""Saved searches: questions under a name, and what was added to the index since they were seen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from indexer.user_data.user_data import StoredSearch, UserData
from model.errors import QueryError, StorageError
from searchengine.answers import answered
from searchengine.matches.match import CONFIDENT
from searchengine.matches.matches import Matches
from searchengine.opened_index import OpenedIndex
from searchengine.queries.query import MOST, Query
from searchengine.user_data.json_fields import Fields
from searchengine.user_data.kept_example import Pointed, kept_example
from searchengine.user_data.kept_query import KeptQuery
from searchengine.user_data.saved_search import NewMatches, SavedSearch, Seen

MOST_NEW = min(1000, MOST)
"""New matches that are told at the most."""


class SavedSearches:
    """The saved searches of an index.

    Args:
        opened: index and its models.

    Raises (every method):
        StorageError: what is kept cannot be read or written; the name tells why.
    """

    def __init__(self, opened: OpenedIndex) -> None:
        self._opened = opened
        self._data = UserData(opened.folder)

    def all(self) -> list[SavedSearch]:
        """All of them, by name."""
        return [_read(stored) for stored in self._data.searches()]

    def get(self, name: str) -> SavedSearch:
        """The one of a name.

        Raises:
            NameUnknown: there is none.
        """
        return _read(self._data.search(name))

    def add(
        self,
        name: str,
        query: Query | str = "",
        *,
        examples: Iterable[Pointed] = (),
        least_confidence: float | None = None,
        least_score: float | None = None,
        overwrite: bool = False,
    ) -> SavedSearch:
        """Save a search; what is in the index now counts as seen.

        Args:
            name: name to save it under.
            query: words, or a whole query.
            examples: matches, places or photos that are asked by beside the words; of a query
                with an example, what that is made of.
            least_confidence: confidence from which a match of words counts, 0 to 1; 0.5 unless
                given.
            least_score: the same of a score, where only examples are asked by; by default that
                of the last of its matches now.
            overwrite: whether a search of that name is replaced.

        Raises:
            NameTaken: another one has this name, and is not to be overwritten.
            QueryError: nothing is asked, or it cannot be kept.
            PhotoError: a photo of the examples cannot be read.
        """
        sure = CONFIDENT if least_confidence is None else least_confidence
        if not 0 <= sure <= 1:
            raise QueryError(f"a confidence of {sure} is none", "give 0 to 1")
        with self._opened.turn():
            index = self._opened.reader
            places = list(examples)
            known = query.example if isinstance(query, Query) and len(places) == 1 else None
            kept = [kept_example(each, self._opened, known) for each in places]
            if isinstance(query, Query):
                question = KeptQuery.of(query, index, kept)
            else:
                asked = Query(words=query or ("anything" if kept else ""))
                question = replace(KeptQuery.of(asked, index, kept), words=query)
            seen = Seen.of(index)
            if not question.words.strip() and least_score is None:
                least_score = self._last_score(question)
            made = SavedSearch(name, question, sure, least_score, "", seen)
            self.put(made, overwrite=overwrite)
        return self.get(name)

    def put(self, search: SavedSearch, *, overwrite: bool = False) -> None:
        """Save a search as it is.

        Raises:
            NameTaken: another one has this name, and is not to be overwritten.
        """
        record = {
            "query": search.question.to_dict(),
            "least_confidence": search.least_confidence,
            "least_score": search.least_score,
        }
        self._data.save_search(search.name, record, search.seen.to_dict(), overwrite=overwrite)

    def run(self, name: str, *, mark: bool = True) -> Matches:
        """The matches of a saved search, as good as it asks for, best first.

        Args:
            name: its name.
            mark: whether all that the index holds now counts as seen.

        Raises:
            NameUnknown: there is none of that name.
            QueryError: nothing is left to ask by.
        """
        with self._opened.turn():
            search = self.get(name)
            seen = Seen.of(self._opened.reader)
            found = search.passing(self._answers(search.question))
        return self._marked(name, seen, found) if mark else found

    def new(self, name: str, *, mark: bool = True) -> NewMatches:
        """What a saved search finds among photos added since it was seen; only they are searched.

        Where the index was made anew, or is another, all its photos count as added. No model is
        loaded where there are none.

        Args:
            name: its name.
            mark: whether they count as seen from now on.

        Raises:
            NameUnknown: there is none of that name.
            QueryError: nothing is left to ask by.
        """
        with self._opened.turn():
            search = self.get(name)
            catalog = self._opened.reader.catalog
            until = Seen.of(self._opened.reader)
            known = catalog.has_passed(search.seen.watermark)
            added = catalog.photo_ids(search.seen.photo if known else 0)
            photos = tuple(number for number in added.tolist() if number <= until.photo)
            if photos:
                found = search.passing(self._answers(search.question, photos))
            else:
                found = Matches((), str(search.question), str(self._opened.folder), "")
                found = replace(found, preset=catalog.manifest.preset)
            if not known:
                note = "the index was made anew since: all its photos count as added"
                found = replace(found, left_out=(note, *found.left_out))
        if mark:
            found = self._marked(name, until, found)
        return NewMatches(search, len(photos), found, until)

    def mark(self, name: str, seen: Seen | None = None) -> None:
        """Note that the matches of a saved search were looked at, by default all up to now."""
        if seen is None:
            with self._opened.turn():
                seen = Seen.of(self._opened.reader)
        self._data.see_search(name, seen.to_dict())

    def remove(self, name: str) -> None:
        """Forget the search of a name.

        Raises:
            NameUnknown: there is none.
        """
        self._data.forget_search(name)

    def read(self, record: object) -> SavedSearch:
        """The search that JSON tells, as `SavedSearch.to_dict(vectors=True)` writes it.

        Where it tells nothing of what was seen, all that the index holds now counts as seen.

        Raises:
            QueryError: the record tells none.
        """
        told = Fields(record, "a saved search")
        with self._opened.turn():
            seen = told.has("seen")
            found = Seen.from_dict(told.inner_record("seen")) if seen else self._now()
        return SavedSearch.of(told.text("name"), record, told.text("created_at", ""), found)

    def _marked(self, name: str, seen: Seen, found: Matches) -> Matches:
        """The matches once they are noted as seen; where that fails, it is told beside them."""
        try:
            self.mark(name, seen)
        except StorageError as error:
            return replace(found, left_out=(*found.left_out, f"not noted as seen: {error}"))
        return found

    def _now(self) -> Seen:
        return Seen.of(self._opened.reader)

    def _answers(self, question: KeptQuery, photos: Sequence[int] | None = None) -> Matches:
        query, notes = question.asked(self._opened.reader)
        if photos is not None:
            query = replace(query, k=MOST_NEW, where=replace(query.where, photo_ids=tuple(photos)))
        itself = question.examples_in(self._opened.reader)
        (found,) = answered(self._opened, [query], [str(question)], itself)
        return replace(found, left_out=(*notes, *found.left_out))

    def _last_score(self, question: KeptQuery) -> float | None:
        found = self._answers(question)
        return found[-1].score if len(found) else None


def _read(stored: StoredSearch) -> SavedSearch:
    seen = Seen.from_dict(stored.seen)
    return SavedSearch.of(stored.name, stored.record, stored.created_at, seen)
