"""The noun phrases of captions: "a brown dog runs through the tall grass" names two things.

A chunker of closed lists (`caption_words.toml`) and a few rules of order, made for captions: short
sentences in the present tense about what can be seen.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.resources import files

MOST_WORDS = 4
_NAME_WORDS = 3
_WORD = re.compile(r"[a-z0-9]+(?:['-][a-z0-9]+)*|[^\sa-z0-9]")


def noun_phrases(caption: str) -> tuple[str, ...]:
    """Things that a caption names, in order, lower-case, each once; without articles and numbers.

    A caption of at most three words, none of them of those that sentences are built with and no
    verb among them, is a name and is returned as it is.
    """
    words = _WORD.findall(caption.lower().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'"))
    if len(words) <= _NAME_WORDS and len(chunks := list(_chunks(words))) == 1 and all(chunks):
        return (" ".join(words),)
    found = map(_trimmed, _chunks(words))
    return tuple(dict.fromkeys(" ".join(chunk) for chunk in found if chunk))


def named_words(words: Sequence[str]) -> list[bool]:
    """Whether each word stands in a noun phrase: no little word, verb or adverb.

    Args:
        words: words of a text in lower case, punctuation marks as words of their own.
    """
    return [named for named, _ in _sorted_words(words)]


def keeps_of(word: str) -> bool:
    """Whether "of" after a word belongs to its noun phrase: cup of tea."""
    return word in _words("portions")


def _chunks(words: Sequence[str]) -> Iterator[list[str]]:
    """Words between the little words and the verbs."""
    chunk: list[str] = []
    for word, (named, ends) in zip(words, _sorted_words(words), strict=True):
        if ends:
            yield chunk
            chunk = []
        elif named:
            chunk.append(word)
    yield chunk


def _sorted_words(words: Sequence[str]) -> Iterator[tuple[bool, bool]]:
    """Whether each word belongs to a chunk, and whether it ends the one before it."""
    chunk: list[str] = []
    for before, word, after in zip(["", *words], words, [*words[1:], ""], strict=False):
        joint = _is_joint(word, chunk, after)
        ends = not joint and (not _is_content(word) or _is_verb(word, chunk, before, after))
        named = joint or not (ends or _is_adverb(word))
        if ends:
            chunk = []
        elif named:
            chunk.append(word)
        yield named, ends


def _is_joint(word: str, chunk: list[str], after: str) -> bool:
    """Whether a little word is amid a phrase: "black and white dog", "cup of tea"."""
    if word == "and":
        return bool(chunk) and not _is_named(chunk) and _is_quality(after)
    return word == "of" and bool(chunk) and chunk[-1] in _words("portions") and _is_content(after)


def _is_verb(word: str, chunk: list[str], before: str, after: str) -> bool:
    """Whether a word is a verb: by its ending, the words before it, and whether a name follows."""
    named, followed = _is_named(chunk), _is_content(after)
    opened = bool(chunk) or not before or before in _words("opening")
    if word in _words("past"):
        return True
    if word.endswith("ing") and word not in _words("named_in_ing") and len(word) > len("ring"):
        return named or not followed or not opened
    if word.endswith("ed") and word not in _words("named_in_ed") and not _is_quality(word):
        return not followed or (named and word not in _words("states"))
    plural = word in _words("verbs")
    if not plural and not _third_person(word):
        return False
    if not named:
        return not chunk and before in _words("subjects")
    return not plural or after in _words("opening") or _is_plural(chunk[-1])


def _is_plural(word: str) -> bool:
    return word.endswith("s") or word in _words("people")


def _third_person(word: str) -> bool:
    """Whether it is a verb's third person: runs, catches, carries."""
    endings = (("ies", "y"), ("es", ""), ("s", ""))
    return any(
        word.endswith(ending) and word[: -len(ending)] + instead in _words("verbs")
        for ending, instead in endings
    )


def _trimmed(chunk: list[str]) -> list[str]:
    """The last four words of a chunk, if they name a thing."""
    chunk = chunk[-MOST_WORDS:]
    while chunk and chunk[0] in {"and", "of"}:
        chunk = chunk[1:]
    names = (
        chunk
        and chunk[-1] not in _words("empty")
        and not chunk[-1].endswith("'s")
        and _is_named(chunk)
    )
    return chunk if names else []


def _is_content(word: str) -> bool:
    return word[:1].isalpha() and word not in _words("opening") and word not in _words("around")


def _is_adverb(word: str) -> bool:
    return word.endswith("ly") and word not in _words("named_in_ly")


def _is_quality(word: str) -> bool:
    return word in _words("qualities") or ("-" in word and word.endswith(("ed", "ing")))


def _is_named(chunk: list[str]) -> bool:
    """Whether a noun is among its words, not only what things are like."""
    return any(not _is_quality(word) and word not in {"and", "of"} for word in chunk)


@cache
def _words(what: str) -> frozenset[str]:
    """One of the lists."""
    text = files("model.language").joinpath("caption_words.toml").read_text(encoding="utf-8")
    return frozenset(tomllib.loads(text)[what].split())
