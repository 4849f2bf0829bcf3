"""Detection: which language a question is in, by its script and by words that lists know."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, lru_cache
from unicodedata import name as name_of

from model.language.closed_words import closed_words
from model.language.multilingual.encoder import encode, is_installed
from model.language.multilingual.snapping import snap
from model.language.multilingual.word_lists import LANGUAGES, WordLists, word_lists
from model.language.question import unknown_words
from model.language.spelling.common_words import commonness
from model.language.spelling.meant_word import meant_word
from model.language.text_cleaning import words_of

ENGLISH = "en"
UNTOLD = ""
"""No language is told: one written in Latin letters of which no list knows a word."""
AUTO = "auto"

_SCRIPTS = {
    "HIRAGANA": "ja", "KATAKANA": "ja", "CJK": "zh", "HANGUL": "ko", "CYRILLIC": "ru",
    "ARABIC": "ar", "THAI": "th",
}  # fmt: skip
_ORDER = ("ja", "ko", "zh", "ru", "ar", "th")  # Japanese is written in Chinese letters, too
_NEAR = 0.7  # cosine with a term from which a word that nothing else explains is a foreign one
_NEARER = 0.8  # … and one that a common English word is spelled like
_AS_NEAR = 0.12  # cosines that differ by less are alike
_BEGINNING = 3  # letters


@lru_cache(maxsize=1024)
def language_of(text: str) -> str:
    """Code of the language that a text is in, `ENGLISH` or `UNTOLD`.

    It is English where every word is an English one; rare ones that another language has for a
    look, a place or what is absent tell that language ("rotes Auto"). Where some words are not
    English, one word of a list is enough that is no little word of English. Without any, it is
    English as long as no more words are unknown than known; what else it may be, the multilingual
    encoder tells from misspelt English.
    """
    words = words_of(text)
    if (by_script := _by_script(words)) is not None:
        return by_script
    unknown = unknown_words(words)
    little = closed_words("linking") | closed_words("denying")
    telling = [word for word in words if word not in little and word != ","]
    if not unknown and not _only_look_english(telling):
        return ENGLISH
    known_by = {code: _listed(telling, word_lists(code)) for code in _latin()}
    # of languages that share a word (de, nl: links) the one that knows most of the others
    best = max(known_by, key=lambda code: (known_by[code], _listed(words, word_lists(code))))
    if known_by[best]:
        return best
    if len(telling) >= 2 * len(unknown) or not is_installed():
        return ENGLISH
    return UNTOLD if any(map(_is_foreign, unknown)) else ENGLISH


def _by_script(words: Sequence[str]) -> str | None:
    """The language that letters tell."""
    found = {
        code
        for word in words
        for letter in word
        if not letter.isascii()
        and (code := _SCRIPTS.get(name_of(letter, "").split(" ")[0].split("-")[0]))
    }
    return next((code for code in _ORDER if code in found), None)


@cache
def _latin() -> tuple[str, ...]:
    return tuple(code for code in LANGUAGES if code not in _ORDER)


def _only_look_english(words: Sequence[str]) -> bool:
    """Whether a rare English word is another language's for a look, a place or what is absent, and
    half of all words are that language's."""
    rare = [word for word in words if word not in commonness()]
    for lists in map(word_lists, _latin()):
        found = [listed for word in rare if (listed := lists.at((word,))[0]) is not None]
        if any(listed.kind in {"look", "place", "absent"} for listed in found):
            return 2 * _listed(words, lists) >= len(words)
    return False


def _listed(words: Sequence[str], lists: WordLists) -> int:
    """Number of the words that are in a language's lists, other than as they are in English."""
    known, at = 0, 0
    while at < len(words):
        listed, count = lists.at(tuple(words[at:]))
        known += count if listed is not None and listed.english != words[at] else 0
        at += max(count, 1)
    return known


def _is_foreign(word: str) -> bool:
    """Whether a word that is not English is one of another language rather than misspelt.

    A misspelt word lies near to what it was meant to be or, where the encoder knows only how it
    begins, near to what begins alike.
    """
    found, meant = snap(word), meant_word(word)
    if meant is None or meant not in commonness():
        return found.nearness >= _NEAR
    nearest = found.terms[0]
    if found.nearness < _NEARER or nearest == meant:
        return found.nearness >= _NEARER
    alike = float(encode([word])[0] @ encode([meant])[0]) >= found.nearness - _AS_NEAR
    return not (alike and nearest[:_BEGINNING] == word[:_BEGINNING])
