"""Reading of a question in another language as English ones that stand for it.

What lists know becomes its English word; what is between is snapped to terms. Each thing that is
named has several terms, so the reading is several English texts, each with a share.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from model.language.multilingual.segmentation import Item, segmented
from model.language.multilingual.snapping import Snapped, snap
from model.language.multilingual.word_lists import LANGUAGES, WordLists, word_lists
from model.language.question import SENTENCE, understand

LEAST = 0.6
"""Nearness to a term below which a text is like none; chosen as told in docs/languages.md."""
MOST_THINGS = 4
"""Things of a question that are varied; what further ones are is their nearest term alone."""


@dataclass(frozen=True)
class Senses:
    """English texts that stand for a text of another language.

    Attributes:
        words: the likeliest of them.
        texts: texts, the likeliest first.
        shares: weight of each; together 1.
    """

    words: str
    texts: tuple[str, ...]
    shares: tuple[float, ...]


@dataclass(frozen=True)
class ForeignReading:
    """A question in another language, as English has it.

    Attributes:
        asked: things that should be there.
        denied: things that should not be there.
        unlike: parts that are like no term.
        nearness: cosine of what is named with its terms, of the worst part; 1.0 where lists know
            all of it.
    """

    asked: Senses
    denied: tuple[Senses, ...] = ()
    unlike: tuple[str, ...] = ()
    nearness: float = 1.0


@dataclass
class Thing:
    """One thing that a question names.

    Attributes:
        relation: English word for how it stands to the one before; "" for the first.
        sizes, looks: English words for how it looks.
        words: words of the other language that are in no list.
    """

    relation: str = ""
    sizes: list[str] = field(default_factory=list)
    looks: list[str] = field(default_factory=list)
    words: list[str] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        """Whether nothing is said of it."""
        return not (self.sizes or self.looks or self.words)

    def english(self, term: str) -> str:
        """The thing in English, if its words mean a term."""
        return " ".join([*self.sizes, *self.looks, term]).strip()


@lru_cache(maxsize=1024)
def read_foreign(text: str, code: str) -> ForeignReading:
    """The reading of a text in the language of a code, or without lists where there are none.

    Raises:
        ExtraMissing: the extra `languages` is not installed.
    """
    lists = word_lists(code) if code in LANGUAGES else None
    items = segmented(text, lists)
    asked, denied, places = _parts(items, lists)
    if _is_one_name(items, [*asked, *denied], text):
        asked, denied, places = [Thing(words=[text.strip()])], [], []
    unlike: list[str] = []
    worst = [1.0]
    read = [_senses([thing], [], unlike, worst) for thing in denied]
    if not asked and not places:
        # as of English questions: what alone is said to be absent is searched
        return ForeignReading(read[0] if read else Senses(text, (text,), (1.0,)), (), (text,), 0.0)
    return ForeignReading(
        _senses(asked, places, unlike, worst), tuple(read), tuple(unlike), min(worst)
    )


def _is_one_name(items: Sequence[Item], things: Sequence[Thing], text: str) -> bool:
    """Whether a text as a whole is nearer to a term than each of the things that it seems to name:
    a red beet is not a beet that is red."""
    named = [" ".join(thing.words) for thing in things if thing.words]
    if not named or all(item.listed is None for item in items):
        return False
    whole = snap(text.strip()).single  # two words would be no name
    return all(snap(words).single < whole for words in named)


def _parts(
    items: Sequence[Item], lists: WordLists | None
) -> tuple[list[Thing], list[Thing], list[str]]:
    """Things that are asked for, things that are denied, and English phrases of places."""
    asked, denied, places = [Thing()], list[Thing](), list[str]()
    now = asked[0]
    for item in items:
        kind = "" if item.listed is None else item.listed.kind
        english = "" if item.listed is None else item.listed.english
        if kind == "look":
            now.looks.append(english)
        elif kind == "size":
            now.sizes.append(english)
        elif kind == "place":
            places.append(english)
        elif kind == "absent":
            now = Thing()
            denied.append(now)
        elif kind == "lacking":
            denied.append(asked.pop())
            now = Thing()
            asked.append(now)
        elif kind in {"end", "relation"} or item.text == ",":
            if kind != "end" or now in denied:
                now = Thing(english or ("and" if item.text == "," else ""))
                asked.append(now)
        elif kind != "little" and lists is not None and (stem := _lacked(item.text, lists)):
            denied.append(Thing(words=[stem]))
        elif kind != "little":
            now.words.append(item.text)
    found = [thing for thing in asked if not thing.is_empty]
    return found, [thing for thing in denied if not thing.is_empty], list(dict.fromkeys(places))


def _lacked(word: str, lists: WordLists) -> str:
    """What a word says to be lacking by its ending; "" for most words."""
    for suffix in lists.suffixes:
        stem = word.removesuffix(suffix)
        if stem != word and len(stem) > len(suffix) and snap(stem).nearness > snap(word).nearness:
            return stem
    return ""


def _senses(
    things: Sequence[Thing], places: Sequence[str], unlike: list[str], worst: list[float]
) -> Senses:
    """English texts for things and places; each thing is varied, the others being likeliest."""
    named: list[Snapped | None] = []
    for thing in things:
        words = " ".join(thing.words)
        found = snap(words) if words else None
        if found is not None:
            worst.append(found.nearness)
            if found.nearness < LEAST:
                unlike.append(words)
        named.append(found)
    best = ["" if found is None else found.terms[0] for found in named]
    shares: dict[str, float] = {}
    likeliest = _english(things, best, places)
    varied = [number for number, found in enumerate(named) if found is not None][:MOST_THINGS]
    for number in varied:
        found = named[number]
        assert found is not None
        for term, share in zip(found.terms, found.shares, strict=True):
            text = _english(things, [*best[:number], term, *best[number + 1 :]], places)
            shares[text] = shares.get(text, 0.0) + share / len(varied)
    if not shares:
        shares = {likeliest: 1.0}
    texts = sorted(shares, key=lambda text: (text != likeliest, -shares[text]))
    return Senses(likeliest, tuple(texts), tuple(shares[text] for text in texts))


def _english(things: Sequence[Thing], terms: Sequence[str], places: Sequence[str]) -> str:
    """One English text, as the search reads it: sizes first, places last."""
    words: list[str] = []
    for thing, term in zip(things, terms, strict=True):
        if words and thing.relation:
            words.append(thing.relation)
        words.append(thing.english(term))
    text = " ".join([*words, *places])
    return understand(text).words if len(text.split()) <= SENTENCE else text
