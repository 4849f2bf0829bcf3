"""Understanding: a query as it is searched, and what of it the search does not heed."""

from __future__ import annotations

from dataclasses import dataclass, replace

from searchengine.queries.languages.translation import ReadText, Translation, read_text
from searchengine.queries.query import Negative, Query


@dataclass(frozen=True)
class Understanding:
    """Reading of a query.

    Attributes:
        query: the query as it is searched: English words in the singular, without counts;
            negatives that the words contain beside those that were given.
        not_understood: parts that are not heeded, each with the reason, as one line.
        answerable: whether a match can be right; False where no word of the query is known.
        meant: the words with misspelt ones put right; "" where none are.
        translations: texts of other languages and what they are taken for; none of English ones.
    """

    query: Query
    not_understood: tuple[str, ...] = ()
    answerable: bool = True
    meant: str = ""
    translations: tuple[Translation, ...] = ()

    def expression(self, asked: Query) -> Query:
        """The query as it may be read as a referring expression: in English, as it was typed.

        Args:
            asked: the query before it was read.
        """
        foreign = self.translations and self.translations[0].typed == asked.words
        return replace(asked, words=self.query.words) if foreign else asked


def interpret(query: Query) -> Understanding:
    """The query as it is searched; one by example alone stays as it is."""
    read = [read_text(negative.words, query.language) for negative in query.negatives]
    given = tuple(
        replace(negative, words=each.words)
        for negative, each in zip(query.negatives, read, strict=True)
    )
    if not query.words.strip():
        return _understanding(query, given, read)
    asked = read_text(query.words, query.language)
    negatives = (*given, *(Negative(words) for words in asked.negatives))
    understood = _understanding(replace(query, words=asked.words), negatives, [asked, *read])
    return replace(understood, answerable=asked.answerable, meant=asked.meant)


def _understanding(
    query: Query, negatives: tuple[Negative, ...], read: list[ReadText]
) -> Understanding:
    return Understanding(
        replace(query, negatives=negatives, senses=tuple(s for each in read for s in each.senses)),
        tuple(dict.fromkeys(note for each in read for note in each.not_understood)),
        translations=tuple(each.translation for each in read if each.translation is not None),
    )


def put_right(understood: Understanding, asked: Query) -> Query | None:
    """The query with its misspelt words put right; None where none are.

    Args:
        understood: reading of the query.
        asked: the query as it was given.
    """
    return replace(asked, words=understood.meant) if understood.meant else None
