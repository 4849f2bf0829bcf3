"""Clean texts: one spelling of what people type, paste and export from other programs."""

from __future__ import annotations

import re
from unicodedata import category, normalize

MOST_WORDS = 300  # of a text; no encoder reads more

_BREAK = "\u200b"  # a space of no width
_HYPHENS = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2212"), "-")
_QUOTES = dict.fromkeys(map(ord, "\u2018\u2019\u201b\u02bc\u00b4\u0060"), "'")
_SPELLED = _HYPHENS | _QUOTES | {ord("&"): " and ", 0x2013: " ", 0x2014: " , ", 0x2015: " , "}
_SENTENCE = re.compile(r"[.!?;:…]+(?=\s|$)|[,、。，؛،]")
_INNER = re.compile(r"(?<=\w)(?:[-'](?=\w)|[.](?=\d))")  # t-shirt, women's, 2.5
_WITHOUT = re.compile(r"(?<!\w)w/o?(?=\s)", re.IGNORECASE)


def words_of(text: str) -> list[str]:
    """The words of a text in lower case, and "," for whatever divides it; neither first nor last.

    Compatibility forms (full-width letters, ligatures) and typographic quotes and hyphens become
    the plain ones, invisible characters go, and symbols beside words part them: "#dog", "dog/cat".
    """
    return [word.lower() for word in typed_words_of(text)]


def typed_words_of(text: str) -> list[str]:
    """The words of a text as `words_of` has them, letters in the case that they were typed in."""
    plain = normalize("NFKC", text).translate(_SPELLED)
    plain = "".join(_visible(c) for c in plain)
    plain = _WITHOUT.sub(lambda found: "without" if found[0][-1] in "oO" else "with", plain)
    plain = _SENTENCE.sub(" , ", plain)
    kept = {found.start() for found in _INNER.finditer(plain)}
    spaced = "".join(
        c if c.isspace() or c == "," or i in kept or _is_of_word(c) else " "
        for i, c in enumerate(plain)
    )
    words: list[str] = []
    for word in spaced.split()[:MOST_WORDS]:
        if word != "," or (words and words[-1] != ","):
            words.append(word)
    return words[:-1] if words and words[-1] == "," else words


def joined(words: list[str]) -> str:
    """The words as one text, as `words_of` would read it again."""
    return " ".join(words).replace(" ,", ",")


def _visible(character: str) -> str:
    """The character; a space for what parts words unseen, nothing for other invisible ones."""
    kind = category(character)
    if kind == "Cf" and character != _BREAK:
        return ""
    return " " if kind in {"Cc", "Cf", "Cs"} else character


def _is_of_word(character: str) -> bool:
    """Whether it is a letter with its marks, or a digit: of any script."""
    return character.isalnum() or category(character)[0] == "M"
