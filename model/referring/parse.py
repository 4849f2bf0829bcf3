"""Parse: a referring expression, read by closed lists and the noun phrases between them.

Where a dependency parser is installed, it reads what these leave.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache

from model.language.dependency_parser import dependency_parser
from model.language.english_words import is_word
from model.language.plurals import singular
from model.language.text_cleaning import words_of
from model.photos.colour_terms import NAMES
from model.referring.arrangement import arranged, unclear
from model.referring.expression import Expression, Ordinal, Relation
from model.referring.grammar import items
from model.referring.parts import Part, divided, phrases
from model.referring.word_lists import words as closed

LONGEST = 40
"""Words from which on a text is a story rather than an expression."""

LONGEST_PARSED = 8
"""Words up to which a dependency parser is asked: longer texts are mostly sentences of a photo."""

TargetPhrase = Callable[[str], str]
"""Rule for the phrase of a text that names what is meant; "" where it finds none."""

_COLOURS = frozenset(NAMES) | {"gray"}
_OPPOSITES = ({"left", "right"}, {"top", "bottom"}, {"background", "foreground"})


@lru_cache(maxsize=1024)
def parse(text: str, target: TargetPhrase | None = None) -> Expression:
    """The expression that a text is. Any text is one, if only a bare phrase or nothing named.

    Args:
        text: any text.
        target: another rule for the phrase of the thing that is meant, as the paper's
            (`model.referring.target_phrase.root_phrase`); by default the first noun phrase, or
            where there are more words than that, what a dependency parser finds.
    """
    words = words_of(text)
    if len(words) > LONGEST:
        note = f"more than {LONGEST} words: searched as a whole, not read as an expression"
        return Expression(text, notes=(note,))
    if not any(is_word(word) for word in words):
        return Expression(text, notes=("no English word: not read as an expression",))
    parts = divided(items(" ".join(words)))
    short = len(words) <= LONGEST_PARSED
    if short and unclear(parts[0]) and (parser := dependency_parser()) is not None:
        parts = arranged(parts, parser.read(words))
    read = [_expression(text, part) for part in parts]
    own, notes = read[0], []
    if target is not None and (phrase := target(text)):
        own = replace(own, phrase=phrase, head=_head(phrase))
    own, relations = _coloured(own, _related(parts[1:], read[1:]))
    if not own.phrase:
        return Expression(text, notes=("names no thing: not read as an expression",))
    places = set(own.places)
    if own.superlative:
        places.add(own.superlative)
    for pair in _OPPOSITES:
        if pair <= places:
            notes.append(f"{' and '.join(sorted(pair))} at once: neither is heeded")
            kept = tuple(place for place in own.places if place not in pair)
            most = None if own.superlative in pair else own.superlative
            own = replace(own, places=kept, superlative=most)
    negated = tuple(
        phrase for part in parts if not part.relation for phrase in phrases(part.denied)
    )
    return replace(own, relations=relations, negated=negated, notes=tuple(notes))


def _expression(text: str, part: Part) -> Expression:
    """What a part says, without its relations."""
    words = [word for word in part.words if word not in closed("articles")]
    places = list(part.places)
    if len(words) > 1 and not part.relation:
        places += [size for size in ("large", "small") if words[0] in closed(size)]
    named = phrases(words)
    phrase = named[0] if named else ""
    ordinal = None if part.number is None else Ordinal(part.number, part.side or "left")
    said = text if not part.relation else " ".join(part.words)
    return Expression(
        said,
        phrase,
        _head(phrase),
        places=tuple(dict.fromkeys(places)),
        superlative=part.extreme,
        ordinal=ordinal,
    )


def _head(phrase: str) -> str:
    """The noun of a noun phrase: its last word, or the last before "of"."""
    words = phrase.split()
    if "of" in words[1:]:
        words = words[: words.index("of")]
    return words[-1] if words else ""


def _related(parts: Sequence[Part], read: Sequence[Expression]) -> tuple[Relation, ...]:
    """The relations that parts tell; what is in clothes wears them, what is in red is red."""
    relations: list[Relation] = []
    for part, other in zip(parts, read, strict=True):
        before = relations[-1] if relations else None
        if part.joined and before and before.kind == "between" and len(before.others) == 1:
            relations[-1] = replace(before, others=(*before.others, other))
        elif other.phrase and other.phrase not in closed("collective"):
            worn = {other.head, singular(other.head)} & closed("garments")
            kind = "wearing" if worn and part.relation in {"in", "with"} else part.relation
            relations.append(Relation(kind, (other,), part.negated))
    # between two, or among several
    return tuple(
        replace(each, kind="near") if each.kind == "between" and len(each.others) == 1 else each
        for each in relations
    )


def _coloured(
    own: Expression, relations: tuple[Relation, ...]
) -> tuple[Expression, tuple[Relation, ...]]:
    """The thing with the colours that it is said to be in: a woman in red."""
    kept = []
    for relation in relations:
        (other, *_) = relation.others
        if relation.kind == "in" and other.phrase in _COLOURS and not relation.negated:
            own = replace(own, phrase=f"{own.phrase} in {other.phrase}")
        else:
            kept.append(relation)
    return own, tuple(kept)
