"""Generic heads: "red things" asks for what is red, as "thing" names nothing that could be seen."""

from __future__ import annotations

from collections.abc import Sequence

from model.language.closed_words import closed_words


def without_generic_heads(words: Sequence[str]) -> list[str]:
    """The words without nouns for anything, where a look says what is asked for.

    "red things" is "red", "something striped" is "striped"; "things on a table" and "baby things"
    stay, since nothing else in them could be looked for, or the look is no look.

    Args:
        words: words in lower case.
    """
    kept: list[str] = []
    for at, word in enumerate(words):
        after = words[at + 1] if at + 1 < len(words) else ""
        if word in closed_words("generic_heads") and kept and kept[-1] in closed_words("looks"):
            _drop_article(kept)
        elif word not in closed_words("generic_pronouns") or after not in closed_words("looks"):
            kept.append(word)
    return kept


def _drop_article(kept: list[str]) -> None:
    """Take away the article before the looks at the end, which belonged to the noun."""
    start = len(kept)
    while start and kept[start - 1] in closed_words("looks"):
        start -= 1
    if start and kept[start - 1] in ("a", "an", "the", "some", "any"):
        del kept[start - 1]
