"""Grammar of referring expressions: turns of speech that tell a place, an order or a relation.

Closed lists, as patterns over the words of a text. What is none of them is a word of a phrase.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

Category = Literal[
    "word",
    "place",
    "side",
    "extreme",
    "ordinal",
    "from",
    "relation",
    "negation",
    "and",
    "break",
    "",
]

_SCENE = r"(?:photo|photograph|picture|image|frame|scene|view|shot|pic)"
_OF_SCENE = rf"(?: (?:of|in) (?:the |this )?{_SCENE}\b)?"
_OTHERS = (
    r"(?:(?:all |any )?(?:of )?(?:the |its )?(?:others?|rest|two|three|four|all|bunch|group|row"
    r"|line|pair|lot)\b(?: one| ones)?)"
)
_AT = r"(?:on|at|to|in|from|near|along|towards?|off to)(?: (?:the|its|your))?"
_WAY = r"(?:(?:over|up|down|out|way|just|right|directly|immediately|off|further|is|are) )*"
_PART = r"(?:[ -]hand)?(?: (?:side|half|part|edge|end|corner|area|portion|most))?"
_SIDES = {
    "left": "left",
    "right": "right",
    "top": "top|upper",
    "bottom": "bottom|lower",
    "middle": "middle|cent(?:er|re)",
}
_NUMBERS = (
    ("first", "one"),
    ("second", "two"),
    ("third", "three"),
    ("fourth", "four"),
    ("fifth", "five"),
    ("sixth", "six"),
    ("seventh", "seven"),
    ("eighth", "eight"),
    ("ninth", "nine"),
    ("tenth", "ten"),
)
# what has sides of its own: the left door of a car may stand on the photo's right
_SIDED = (
    r"(?:doors?|mirrors?|lights?|headlights?|taillights?|lamps?|fenders?|wheels?|tires?|hands?|arms?"
    r"|legs?|f(?:oo|ee)t|eyes?|ears?|wings?|shoes?|boots?|gloves?|sleeves?|shoulders?|knees?|turns?)"
)
_CAMERA = r"(?:the |my |our )?(?:camera|viewer|photographer|us|you|me|front|lens)\b"
_BIGGEST = {
    "large": r"biggest|largest|hugest|bigger|larger",
    "small": r"smallest|tiniest|littlest|smaller|tinier",
    "tall": r"tallest|taller|longest|longer",
    "short": r"shortest|shorter",
    "wide": r"widest|wider|broadest|broader",
    "narrow": r"narrowest|narrower|thinnest|thinner",
    "near": rf"(?:closest|nearest|closer|nearer)(?: (?:to )?{_CAMERA}|(?! to))",
    "far": rf"(?:farthest|furthest|farther|further)(?: (?:away|back|from {_CAMERA}))*",
    "top": r"topmost|uppermost|highest|top most|upper most",
    "bottom": r"bottommost|lowest|lowermost|bottom most",
    "left": r"left-?most|left most",
    "right": r"right-?most|right most",
}


@dataclass(frozen=True)
class Item:
    """A turn of speech, or a word.

    Attributes:
        category: kind of the turn; "" for what tells nothing.
        value: sense of it, as a side, the kind of a relation, or the word itself.
        adjective: whether it stands before the noun that it tells of.
        place: number of its first word in the text.
    """

    category: Category
    value: str
    adjective: bool = False
    place: int = 0


def items(text: str) -> Iterator[Item]:
    """Turns of speech and words of a text in lower case, words parted by one space."""
    at = place = 0
    while at < len(text):
        turns = ((rule.pattern.match(text, at), rule.told) for rule in _RULES)
        found, told = next((turn for turn in turns if turn[0]), (_WORD.match(text, at), ()))
        assert found is not None
        for item in told or (Item("word", found[0]),):
            yield replace(item, place=place)
        at = found.end() + 1
        place += found[0].count(" ") + 1


@dataclass(frozen=True)
class _Rule:
    """A pattern, and what is told where it stands."""

    pattern: re.Pattern[str]
    told: tuple[Item, ...]


def _rule(pattern: str, *told: Item) -> _Rule:
    return _Rule(re.compile(rf"(?:{pattern})(?= |$)"), told)


def _extremes() -> Iterator[_Rule]:
    for name, words in _SIDES.items():
        if name == "middle":
            continue
        end = f"(?:{words}){_PART}(?:{_OF_SCENE}| of {_OTHERS})"
        far = rf"{_WAY}(?:{_AT} )?(?:the )?(?:far|very|extreme) {end}"
        farthest = rf"{_WAY}(?:furthest|farthest|most|closest|nearest)(?: {_AT})? (?:the )?{end}"
        end_of = rf"{_WAY}(?:on|at) the (?:{words})(?:[ -]hand)? end(?:{_OF_SCENE}| of {_OTHERS})"
        side_of = rf"{_WAY}{_AT} (?:{words})(?:[ -]hand)?(?: side)? of {_OTHERS}"
        for pattern in (far, farthest, end_of, side_of):
            yield _rule(pattern, Item("extreme", name))
    for name, words in _BIGGEST.items():
        yield _rule(
            rf"(?:{words})"
            rf"(?: (?:than|of|among|amongst) {_OTHERS}|(?! than))",
            Item("extreme", name, adjective=True),
        )


def _orders() -> Iterator[_Rule]:
    for pattern in (r"second(?: |-)to(?: |-)last", r"next to last", r"second last"):
        yield _rule(pattern, Item("ordinal", "-2", adjective=True))
    for number, (word, cardinal) in enumerate(_NUMBERS, start=1):
        digit = f"{number}(?:st|nd|rd|th)"
        counted = f"number (?:{number}|{cardinal})"
        yield _rule(f"{word}|{digit}", Item("ordinal", str(number), adjective=True))
        yield _rule(counted, Item("ordinal", str(number)))
    yield _rule("last|final", Item("ordinal", "-1", adjective=True))
    for name, words in _SIDES.items():
        if name != "middle":
            begin = r"(?:(?:counting|starting|going|beginning|when|counted|you|start|count) )*"
            end = rf"(?:the |your )?(?:{words})(?:[ -]hand)?(?: (?:side|end))?"
            through = r"to (?:the )?(?:left|right|top|bottom)"
            pattern = rf"{begin}(?:(?:from|at|on) {end} {through}|from {end}){_OF_SCENE}"
            yield _rule(pattern, Item("from", name))
    yield _rule("left to right", Item("from", "left"))
    yield _rule("right to left", Item("from", "right"))
    yield _rule("top to bottom", Item("from", "top"))
    yield _rule("bottom to top", Item("from", "bottom"))


def _places() -> Iterator[_Rule]:
    for high in ("top", "bottom"):
        for side in ("left", "right"):
            yield _rule(
                rf"{_WAY}(?:{_AT} )?(?:the )?(?:{_SIDES[high]})(?: |-){side}{_PART}{_OF_SCENE}",
                Item("place", high),
                Item("place", side),
            )
    for name, words in _SIDES.items():
        yield _rule(rf"{_WAY}{_AT} (?:{words}){_PART}{_OF_SCENE}", Item("place", name))
    depths = {
        "background": r"back row|last row|background|distance|far back|back|rear",
        "foreground": r"front row|first row|foreground|very front|front",
    }
    for name, words in depths.items():
        where = rf"{_WAY}(?:in|at|on|from) (?:the )?(?:{words}){_OF_SCENE}(?! of)"
        yield _rule(where, Item("place", name))
    yield _rule("far away|(?:in|at) the far", Item("place", "background"))


def _sides() -> Iterator[_Rule]:
    for name, words in _SIDES.items():
        part = rf"(?:{words})(?: |-)(?:half|part|portion|piece|section) of"
        yield _rule(part, Item("side", name, adjective=True))
    for name in ("left", "right"):
        yield _rule(rf"{name}[ -]hand(?: side)?{_OF_SCENE}", Item("side", name, adjective=True))
        yield _rule(
            rf"{name}(?: side)?{_OF_SCENE}(?! {_SIDED}\b)", Item("side", name, adjective=True)
        )
    yield _rule(r"upper|top(?= [a-z])", Item("side", "top", adjective=True))
    yield _rule(r"lower|bottom(?= [a-z])", Item("side", "bottom", adjective=True))
    yield _rule(r"middle|central|cent(?:er|re)", Item("side", "middle", adjective=True))


_STATE = (
    r"(?:standing|sitting|lying|laying|seated|resting|leaning|placed|located|situated|parked|hanging"
    r"|mounted|perched|walking|running|riding|positioned|set|put|found|is|are|stands|sits|lies)"
)
_RELATION_WORDS = {
    "above": rf"{_WAY}(?:above|over|atop of|higher(?: up)? than)",
    "below": rf"{_WAY}(?:below|beneath|underneath|under|lower(?: down)? than)",
    "behind": rf"{_WAY}(?:(?:partly |partially |half )?hidden )?(?:behind|in (?:the )?back of)",
    "front": rf"{_WAY}(?:in front of|ahead of|before)",
    "between": rf"{_WAY}(?:in )?between",
    "near": (
        rf"{_WAY}(?:next to|beside|besides|near(?:by)?(?: to)?|close to|close by|closest to"
        r"|nearest(?: to)?|closer to|nearer to|alongside|adjacent to|by|at|against|around|along"
        r"|outside(?: of)?|among|amongst|amid|across from|facing|touching)"
    ),
    "on": rf"{_WAY}(?:on(?: the)? top of|onto|on|upon|atop|astride|riding(?: on)?|aboard)",
    "in": rf"{_WAY}(?:inside(?: of)?|within|into|in)",
    "wearing": r"(?:wearing|wears|wore|dressed in|clad in|dressed up in)",
    "with": r"(?:with|holding|holds|carrying|carries|having|has|have|using|pushing|pulling)",
    "of": r"(?:of|belonging to|that belongs to)",
    "larger": r"(?:bigger|larger|taller|longer) than",
    "smaller": r"(?:smaller|shorter) than",
}


def _relations() -> Iterator[_Rule]:
    for name in ("left", "right"):
        yield _rule(
            rf"(?:{_STATE} )?{_WAY}(?:{_AT} )?(?:immediate |far )?{name}(?:[ -]hand)?(?: side)?"
            rf" (?:of|from)(?! {_OTHERS})(?! (?:the |this )?{_SCENE}\b)",
            Item("relation", name),
        )


def _plain_relations() -> Iterator[_Rule]:
    for name, words in _RELATION_WORDS.items():
        yield _rule(rf"(?:{_STATE} )?(?:{words})", Item("relation", name))


def _rules() -> Iterator[_Rule]:
    yield _rule(r",|but|while|whilst|as", Item("break", ","))
    yield _rule(r"and", Item("and", "and"))
    yield _rule(r"without", Item("negation", "not"), Item("relation", "with"))
    yield _rule(
        r"(?:(?:that|which|who) )?(?:is not|are not|isn't|aren't|not|never|no)",
        Item("negation", "not"),
    )
    yield _rule(
        r"(?:(?:that|which|who)(?: is| are|'s)?|is|are|there is|there are|show me|find"
        r"|you(?: can)? see|can be seen|please|the one|(?:that|which)'s)",
        Item("", ""),
    )
    yield from _orders()
    yield from _relations()
    yield from _extremes()
    yield from _places()
    yield _rule(
        r"(?:over )?(?:there|here)|(?:of|in) (?:the |this )?" + _SCENE + r"\b", Item("", "")
    )
    yield from _plain_relations()
    yield from _sides()


_RULES = tuple(_rules())
_WORD = re.compile(r"\S+")
