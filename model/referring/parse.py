"""Parse: a referring expression, read by closed lists and the noun phrases between them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

from model.language.closed_words import closed_words
from model.language.english_words import is_word
from model.language.noun_phrases import keeps_of, noun_phrases
from model.language.plurals import singular
from model.language.text_cleaning import words_of
from model.photos.colour_terms import NAMES
from model.referring.expression import Expression, Ordinal, Relation
from model.referring.grammar import Item, items
from model.referring.word_lists import words as closed

LONGEST = 40
"""Words from which on a text is a story rather than an expression."""

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
            (`model.referring.target_phrase`); by default the first noun phrase.
    """
    words = words_of(text)
    if len(words) > LONGEST:
        note = f"more than {LONGEST} words: searched as a whole, not read as an expression"
        return Expression(text, notes=(note,))
    if not any(is_word(word) for word in words):
        return Expression(text, notes=("no English word: not read as an expression",))
    parts = _divided(items(" ".join(words)))
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
        phrase for part in parts if not part.relation for phrase in _phrases(part.denied)
    )
    return replace(own, relations=relations, negated=negated, notes=tuple(notes))


@dataclass
class _Part:
    """What is said of one thing: the one that is meant, or one that it is related to."""

    relation: str = ""
    negated: bool = False
    words: list[str] = field(default_factory=list)
    denied: list[str] = field(default_factory=list)
    places: list[str] = field(default_factory=list)
    extreme: str | None = None
    number: int | None = None
    side: str | None = None
    closed: bool = False
    joined: bool = False

    @property
    def named(self) -> bool:
        """Whether a word of it names something."""
        return any(w not in closed("of_many") | closed("articles") for w in self.words)


def _divided(turns: Iterable[Item]) -> list[_Part]:
    """The parts of an expression, first that of the thing that is meant."""
    parts = [_Part()]
    negated = False
    for turn in turns:
        own, last = parts[0], parts[-1]
        match turn.category:
            case "word" if negated and last is own:
                own.denied.append(turn.value)
                continue
            case "word":
                if not last.closed or not own.named:
                    last.words.append(turn.value)
            case "negation":
                negated = True
                continue
            case "relation" if turn.value == "of" and _is_portion(last.words):
                last.words.append("of")  # cup of tea
            case "relation" if turn.value == "of" and not last.named:
                pass  # "the tallest of the women": still the same thing
            case "relation" if last.relation and not last.words:
                last.relation = turn.value
            case "relation":
                parts.append(_Part(turn.value, negated))
            case "and" if last.relation and last.named:
                parts.append(_Part(last.relation, last.negated, joined=True))
            case "and":
                last.words.append("and")
            case "break":
                last.closed = bool(last.relation) or last.named
            case "place":
                own.places.append(turn.value)
            case "side" if turn.value == "top" and last.words:
                last.words.append("top")  # a blue top is worn
            case "side":
                (own if last.named and last.relation else last).places.append(turn.value)
            case "extreme":
                (last if turn.adjective and not last.named else own).extreme = turn.value
            case "ordinal":
                (last if turn.adjective and not last.named else own).number = int(turn.value)
            case "from":
                counted = next((part for part in reversed(parts) if part.number), None)
                if counted is None:
                    own.places.append(turn.value)
                else:
                    counted.side = turn.value
            case _:
                continue
        negated = False
    return [parts[0], *(part for part in parts[1:] if part.words)]


def _expression(text: str, part: _Part) -> Expression:
    """What a part says, without its relations."""
    words = [word for word in part.words if word not in closed("articles")]
    places = list(part.places)
    if len(words) > 1 and not part.relation:
        places += [size for size in ("large", "small") if words[0] in closed(size)]
    named = _phrases(words)
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


def _phrases(words: Sequence[str]) -> tuple[str, ...]:
    """Noun phrases of a part's words; all the words, where the chunker finds none in them."""
    while words and words[-1] in {"and", "or"}:
        words = words[:-1]
    if not words or all(word in closed("nameless") for word in words):
        return ()
    found = noun_phrases(" ".join(words))
    if found:
        return found
    known = [word for word in words if word not in closed("articles") | closed_words("linking")]
    return (" ".join(known),) if any(map(is_word, known)) else ()


def _head(phrase: str) -> str:
    """The noun of a noun phrase: its last word, or the last before "of"."""
    words = phrase.split()
    if "of" in words[1:]:
        words = words[: words.index("of")]
    return words[-1] if words else ""


def _related(parts: Sequence[_Part], read: Sequence[Expression]) -> tuple[Relation, ...]:
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


def _is_portion(words: Sequence[str]) -> bool:
    return bool(words) and keeps_of(words[-1])
