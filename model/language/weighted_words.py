"""Words with a weight, as people write a negative: `WORDS`, or `WEIGHT:WORDS`."""

from __future__ import annotations

from model.errors import QueryError, shown


def weighted_words(text: str) -> tuple[str, float | None]:
    """The words, and the weight that stands before them; None where none does.

    Raises:
        QueryError: no number stands before the colon.
    """
    before, colon, words = text.partition(":")
    if not colon:
        return text, None
    try:
        return words, float(before)
    except ValueError:
        raise QueryError(
            f"'{shown(before)}' in the negative '{shown(text)}' is no weight",
            "write WORDS, or WEIGHT:WORDS as in 0.8:grass",
        ) from None
