"""Plurals: "dogs", "mice" and "knives" ask for what "dog", "mouse" and "knife" ask for."""

from __future__ import annotations

from functools import cache

from model.language.closed_words import closed_words, pairs
from model.language.english_words import is_noun, is_word

_LEAST = 3  # letters of a singular that an ending is taken off from


@cache
def singular(word: str) -> str:
    """The singular of a noun in lower case; the word itself where it is none or has none.

    Words that only look like plurals stay (glass, bus, lens), and so do those whose plural names
    another thing (glasses, woods) or that have no singular (scissors, jeans). Of hyphenated words
    the last part counts.
    """
    before, hyphen, last = word.rpartition("-")
    if hyphen:
        return f"{before}-{singular(last)}"
    if word in closed_words("plural_only") | closed_words("never_plural"):
        return word
    irregular = pairs("irregular_plurals").get(word)
    if irregular is not None:
        return irregular
    if not word.endswith("s") or word.endswith(("ss", "'s")) or is_word(f"{word}es"):
        return word  # "lenses" is a word, so "lens" is one of them
    bases = [base for base in _bases(word) if len(base) >= _LEAST]
    known = is_word(word)
    return next((base for base in bases if is_noun(base) or (known and is_word(base))), word)


def is_plural(word: str) -> bool:
    """Whether a word in lower case is a noun's plural, or a noun that has no singular."""
    return singular(word) != word or word in closed_words("plural_only")


def _bases(word: str) -> tuple[str, ...]:
    """What an ending may have been added to, the likeliest first."""
    if word.endswith("ies"):
        return (word[:-1], f"{word[:-3]}y")
    if word.endswith(("sses", "xes", "ches", "shes")):
        return (word[:-2], word[:-1])
    return (word[:-1], word[:-2]) if word.endswith("es") else (word[:-1],)
