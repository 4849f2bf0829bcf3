"""Translation: a text of any language as English ones that are searched, and what is told of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from model.language.multilingual.detection import UNTOLD, language_of
from model.language.multilingual.encoder import EXTRA, is_installed
from model.language.multilingual.reading import LEAST, Senses, read_foreign
from model.language.multilingual.word_lists import LANGUAGES, word_lists
from model.language.question import understand
from searchengine.queries.query import AUTO, ENGLISH

SHOWN = 3  # other senses that are told to people


@dataclass(frozen=True)
class Translation:
    """A text of another language, and what it is taken for.

    Attributes:
        typed: the text.
        language: code of its language; "" where none is told.
        senses: English texts that stand for it.
        without: things that it says should not be there, in English.
    """

    typed: str
    language: str
    senses: Senses
    without: tuple[str, ...] = ()

    @property
    def line(self) -> str:
        """The translation for people."""
        typed = " ".join(self.typed.split())
        name = word_lists(self.language).name if self.language in LANGUAGES else "another language"
        told = f"read as {name}: {typed} → {', without '.join([self.senses.words, *self.without])}"
        others = ", ".join(self.senses.texts[1 : 1 + SHOWN])
        return f"{told} (also {others})" if others else told

    @property
    def explained(self) -> str:
        """All senses with their shares, on one line."""
        pairs = zip(self.senses.texts, self.senses.shares, strict=True)
        return "mixed: " + ", ".join(f"{text} {share:.0%}" for text, share in pairs)

    def to_dict(self) -> dict[str, Any]:
        """The translation as the command line's JSON has it."""
        return {
            "typed": self.typed,
            "language": self.language or None,
            "words": self.senses.words,
            "senses": [
                {"words": text, "share": round(share, 4)}
                for text, share in zip(self.senses.texts, self.senses.shares, strict=True)
            ],
            "without": list(self.without),
        }


@dataclass(frozen=True)
class ReadText:
    """A text as it is searched.

    Attributes:
        words: English words to search by.
        negatives: things that should not be there, in English.
        not_understood: parts that the search does not heed, each with the reason.
        answerable: whether a match can be right.
        meant: the text with misspelt words put right; "" where none are.
        senses: English texts that stand for words or negatives, where several do.
        translation: account of a text of another language; None of an English one.
    """

    words: str
    negatives: tuple[str, ...] = ()
    not_understood: tuple[str, ...] = ()
    answerable: bool = True
    meant: str = ""
    senses: tuple[Senses, ...] = ()
    translation: Translation | None = None


def read_text(text: str, language: str = AUTO) -> ReadText:
    """A text as it is searched.

    Args:
        text: any text.
        language: code of its language, or `AUTO`.
    """
    code = language_of(text) if language == AUTO else language
    if code == ENGLISH:
        return _in_english(text)
    if not is_installed():
        name = word_lists(code).name if code != UNTOLD else "no English"
        return _in_english(text, f"'{' '.join(text.split())}': looks like {name}; {EXTRA} for that")
    read = read_foreign(text, code)
    every = (read.asked, *read.denied)
    return ReadText(
        read.asked.words,
        tuple(denied.words for denied in read.denied),
        tuple(f"'{part}': like no English term that is known" for part in read.unlike),
        read.nearness >= LEAST,
        senses=tuple(senses for senses in every if len(senses.texts) > 1),
        translation=Translation(
            text, code, read.asked, tuple(denied.words for denied in read.denied)
        ),
    )


def _in_english(text: str, note: str | None = None) -> ReadText:
    read = understand(text)
    notes = read.not_understood if note is None else (note, *read.not_understood)
    return ReadText(read.words, read.negatives, notes, read.answerable, read.meant)
