"""Understanding: a query as it is searched, and what of it the search does not heed."""

from __future__ import annotations

from dataclasses import dataclass, replace

from model.language.question import understand
from searchengine.search.query import Negative, Query


@dataclass(frozen=True)
class Understanding:
    """Reading of a query.

    Attributes:
        query: the query as it is searched: words in the singular, without counts; negatives that
            the words contain beside those that were given.
        not_understood: parts that are not heeded, each with the reason, as one line.
        answerable: whether a match can be right; False where no word of the query is known.
    """

    query: Query
    not_understood: tuple[str, ...] = ()
    answerable: bool = True


def interpret(query: Query) -> Understanding:
    """The query as it is searched; one by example alone stays as it is."""
    negatives = [understand(negative.words) for negative in query.negatives]
    given = tuple(
        replace(negative, words=read.words)
        for negative, read in zip(query.negatives, negatives, strict=True)
    )
    notes = [note for read in negatives for note in read.not_understood]
    if not query.words.strip():
        return Understanding(replace(query, negatives=given), tuple(dict.fromkeys(notes)))
    read = understand(query.words)
    found = tuple(Negative(words) for words in read.negatives)
    return Understanding(
        replace(query, words=read.words, negatives=(*given, *found)),
        tuple(dict.fromkeys((*read.not_understood, *notes))),
        read.answerable,
    )
