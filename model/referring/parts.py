"""Parts: what an expression says of each thing that it names, told apart by turns of speech."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from model.language.closed_words import closed_words
from model.language.english_words import is_word
from model.language.noun_phrases import keeps_of, noun_phrases
from model.referring.grammar import Item
from model.referring.word_lists import words as closed


@dataclass
class Part:
    """What is said of one thing: the one that is meant, or one that it is related to.

    Attributes:
        relation: kind of the relation; "" of the thing that is meant.
        negated: whether it should not be so.
        words: words that name it, or tell of it otherwise.
        at: the numbers that these words have in the text.
        denied: words of what it is not.
        places, extreme, number, side: its places, superlative and ordinal.
        closed: whether words that follow tell of something else.
        joined: whether "and" stands before it.
    """

    relation: str = ""
    negated: bool = False
    words: list[str] = field(default_factory=list)
    at: list[int] = field(default_factory=list)
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

    def add(self, turn: Item, word: str = "") -> None:
        """Add a word, by default the turn's own, at the turn's place."""
        self.words.append(word or turn.value)
        self.at.append(turn.place)


def divided(turns: Iterable[Item]) -> list[Part]:
    """The parts of an expression, first that of the thing that is meant."""
    parts = [Part()]
    negated = False
    for turn in turns:
        own, last = parts[0], parts[-1]
        match turn.category:
            case "word" if negated and last is own:
                own.denied.append(turn.value)
                continue
            case "word":
                if not last.closed or not own.named:
                    last.add(turn)
            case "negation":
                negated = True
                continue
            case "relation" if turn.value == "of" and is_portion(last.words):
                last.add(turn, "of")  # cup of tea
            case "relation" if turn.value == "of" and not last.named:
                pass  # "the tallest of the women": still the same thing
            case "relation" if last.relation and not last.words:
                last.relation = turn.value
            case "relation":
                parts.append(Part(turn.value, negated))
            case "and" if last.relation and last.named:
                parts.append(Part(last.relation, last.negated, joined=True))
            case "and":
                last.add(turn, "and")
            case "break":
                last.closed = bool(last.relation) or last.named
            case "place":
                own.places.append(turn.value)
            case "side" if turn.value == "top" and last.words:
                last.add(turn, "top")  # a blue top is worn
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


def phrases(words: Sequence[str]) -> tuple[str, ...]:
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


def is_portion(words: Sequence[str]) -> bool:
    """Whether words end in a portion, to which what follows "of" belongs: cup of tea."""
    return bool(words) and keeps_of(words[-1])
