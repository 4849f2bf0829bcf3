"""Question: what words ask for, what they ask to be absent, and what of them is not understood."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from model.language.closed_words import closed_words, pairs
from model.language.counts import without_counts
from model.language.english_words import is_noun, is_word
from model.language.generic_heads import without_generic_heads
from model.language.negation import split_negatives
from model.language.noun_phrases import named_words
from model.language.plurals import singular
from model.language.spelling.meant_word import meant_word
from model.language.text_cleaning import joined, words_of

SENTENCE = 8  # words; longer texts are read as they stand, which finds their photos better
_LESS = "less"


@dataclass(frozen=True)
class Question:
    """A text as it is searched.

    Attributes:
        words: words to search by: lower case, nouns in one number, no counts or negatives.
        negatives: things that should not be there, in the same form.
        not_understood: parts that the search does not heed, each with the reason.
        answerable: whether a match can be known to be right: False where no word is known, where
            the text says only what should not be there, and where a phrase counts ("two dogs"),
            since nothing that is looked at tells two from one. `words` are searched all the same.
        meant: the text with its misspelt words put right, as far as they are guessed; "" where
            none are.
    """

    words: str
    negatives: tuple[str, ...] = ()
    not_understood: tuple[str, ...] = ()
    answerable: bool = True
    meant: str = ""


@lru_cache(maxsize=1024)
def understand(text: str) -> Question:
    """The text as a question. Any text is one; of a long one the first 300 words count."""
    words = words_of(text)
    naming = dict.fromkeys(word for word in words if _names(word))
    unknown = unknown_words(words)
    if not naming:
        note = f"'{_short(text)}': names nothing"
        return Question(joined(words) or text, not_understood=(note,), answerable=False)
    parts = split_negatives(words)
    notes = [f"'{' '.join(part)}': names nothing to be absent" for part in parts.unclear]
    asked = _read(parts.asked, notes)
    negatives = tuple(_read(part, notes) for part in parts.denied)
    notes += _lacking(words)
    meant = {word: guess for word in unknown if (guess := meant_word(word)) is not None}
    notes += [_unknown(word, meant.get(word)) for word in unknown]
    answerable = bool(asked) and len(unknown) < len(naming) and not _counts(parts.asked)
    if not asked:
        asked, negatives = " ".join(negatives) or joined(words), ()
        notes.append(
            f"'{_short(joined(words))}': says only what should be absent;"
            f" '{_short(asked)}' is searched"
        )
    put_right = joined([meant.get(word, word) for word in words]) if meant else ""
    return Question(asked, negatives, tuple(dict.fromkeys(notes)), answerable, put_right)


def unknown_words(words: Sequence[str]) -> list[str]:
    """Those of some words in lower case that are no English ones, each once."""
    naming = dict.fromkeys(word for word in words if _names(word))
    return [word for word in naming if not _is_known(word)]


def _counts(words: Sequence[str]) -> bool:
    """Whether a phrase asks for so many of a thing; "the tallest of the three women" does not."""
    if len(words) > SENTENCE or "of" in words:
        return False
    return any(count not in ("one", "1") for count in without_counts(words)[1])


def _read(words: Sequence[str], notes: list[str]) -> str:
    """The words without counts, nouns in one number; a note for each count."""
    kept, counts = without_counts(words)
    notes += [f"'{count}': how many there are is not looked at" for count in counts]
    if len(kept) > SENTENCE:
        return joined(kept)
    kept = without_generic_heads(kept)
    named = named_words(kept) if len(kept) > 1 else [True]
    around = zip(["", "", *kept], ["", *kept], kept, [*kept[1:], ""], named, strict=False)
    return joined(
        [
            _in_one_number(word, (before, last), after) if is_named else word
            for before, last, word, after, is_named in around
        ]
    )


def _in_one_number(word: str, before: tuple[str, str], after: str) -> str:
    """A noun between other words, in the singular or, of what is worn in pairs, in the plural.

    Of wine glasses it is a glass, but a group of people stays one of people.
    """
    if before[0] in closed_words("collective") and before[1] == "of":
        return word
    if word == "glasses" and (before[1] in closed_words("vessels") or after == "of"):
        return "glass"
    one = singular(word)
    ends = not after or after in closed_words("linking") | closed_words("ending_negation") | {","}
    return pairs("in_pairs").get(one, one) if ends else one


def _lacking(words: Sequence[str]) -> list[str]:
    """A note for each word in -less that lacks a thing: leafless."""
    return [
        f"'{word}': searched as a word; what is lacking is not looked at"
        for word in words
        if word.endswith(_LESS)
        and word not in closed_words("lexical_less")
        and is_noun(word[: -len(_LESS)])
    ]


def _names(word: str) -> bool:
    """Whether it has to be known: no punctuation, number or little word."""
    little = closed_words("linking") | closed_words("denying")
    return any(c.isalpha() for c in word) and word not in little


def _is_known(word: str) -> bool:
    """Whether a word, its singular or all of its hyphenated parts are English words."""
    word = word.removesuffix("'s").removesuffix("'")
    parts = word.split("-")
    return is_word(word) or all(
        not part.isalpha() or is_word(part) or is_word(singular(part)) for part in parts
    )


def _unknown(word: str, meant: str | None) -> str:
    note = f"'{_short(word)}': not a known word"
    return note if meant is None else f"{note}; did you mean '{meant}'?"


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:40]}…"
