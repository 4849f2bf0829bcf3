"""Phrases: noun phrases of captions, each grown into the expression that tells of its thing.

Noun phrases are taken from captions and grown into referring expressions (USE, arXiv 2406.05271):
here a noun chunk with all that depends on it, relative clauses left out.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

from model.curation.records import Caption, Loss, Phrase
from model.language.dependency_parser import DependencyParser, dependency_parser
from model.language.dependency_tree import Tree
from model.language.noun_phrases import keeps_of, noun_phrases
from model.language.plurals import singular

_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*|[^\w\s]")
_SENTENCE = re.compile(r"[^.!?;\n]+(?:\.(?=\S)[^.!?;\n]+)*")
_DROPPED = ("acl:relcl", "conj", "cc", "punct", "parataxis", "appos", "list", "discourse")
_UNSAID = frozenset({"det", "nummod", "predet", "nmod:poss"})  # before a head, not part of it
_OWNED = frozenset({"the", "a", "an", "this", "that", "his", "her", "its", "their", "each"})
MOST_WORDS = 24  # of an expression; a longer one is cut to its head
LONGEST_SENTENCE = 80  # words that are read together
NOTHING_TO_SEE = "its head names nothing that has an outline"
UNKNOWN_FORM = "no noun phrase was found in it"


@dataclass(frozen=True)
class PhraseSettings:
    """Settings of the phrases, [phrases] of a curation's config.

    Attributes:
        dropped: heads that name nothing with an outline, in one number or the other; no phrase
            is made of them.
    """

    dropped: tuple[str, ...] = (
        "photo", "photograph", "picture", "image", "view", "scene", "shot", "setting", "scenery",
        "background", "foreground", "front", "back", "side", "top", "bottom", "left", "right",
        "middle", "center", "centre", "corner", "edge", "end", "distance", "direction", "area",
        "group", "pair", "couple", "set", "lot", "variety", "number", "row", "line", "pile",
        "day", "night", "time", "way", "color", "colour", "kind", "type", "style", "thing",
        "something", "someone", "each", "other", "one", "it", "atmosphere", "action",
    )  # fmt: skip


class Phraser:
    """Finds phrases, by the dependency parser where there is one, else by closed word lists.

    Args:
        settings: settings of the phrases.
        parser: parser of sentences; None: closed lists alone, which grow no expressions.
    """

    def __init__(self, settings: PhraseSettings, parser: DependencyParser | None) -> None:
        self._parser = parser
        self._dropped = frozenset(settings.dropped)
        told = f"{asdict(settings)} {parser.name if parser else 'lists'} {MOST_WORDS}"
        self.fingerprint = hashlib.sha256(told.encode()).hexdigest()

    @property
    def grows(self) -> bool:
        """Whether phrases are grown into expressions, which needs the parser."""
        return self._parser is not None

    @classmethod
    def best(cls, settings: PhraseSettings | None = None) -> Phraser:
        """The phraser with the parser of this installation, if it has one.

        Raises:
            WeightsMismatch: the bundled parser's file is damaged.
        """
        return cls(settings or PhraseSettings(), dependency_parser())

    def phrases(self, captions: Sequence[Caption]) -> tuple[tuple[Phrase, ...], tuple[Loss, ...]]:
        """Phrases of a photo's captions, in their order, and what gives none.

        Of phrases with equal lemmas the first stays, and as a part only if all of them are parts.
        """
        kept: dict[tuple[str, str], Phrase] = {}
        losses: list[Loss] = []
        for caption in captions:
            found = list(self._of(caption))
            if not found:
                losses.append(Loss(caption.text, UNKNOWN_FORM))
            for phrase in found:
                last = phrase.head.split()[-1]
                if self._dropped & {last, singular(last)}:
                    losses.append(Loss(phrase.text, NOTHING_TO_SEE))
                    continue
                key = (lemmas(phrase.head), lemmas(phrase.text))
                known = kept.setdefault(key, phrase)
                if known.parent and not phrase.parent:
                    kept[key] = phrase
        return tuple(kept.values()), tuple(losses)

    def _of(self, caption: Caption) -> Iterator[Phrase]:
        for match in _SENTENCE.finditer(caption.text):
            words = list(_WORD.finditer(match.group()))[:LONGEST_SENTENCE]
            if not words:
                continue
            if self._parser is None:
                yield from _listed(match, caption)
            else:
                tree = self._parser.read([word.group().lower() for word in words])
                places = [(match.start() + w.start(), match.start() + w.end()) for w in words]
                yield from _grown(tree, places, caption)


def lemmas(phrase: str) -> str:
    """A phrase with its nouns in the singular, by which like phrases are known."""
    return " ".join(singular(word) for word in phrase.split())


def _grown(tree: Tree, places: Sequence[tuple[int, int]], caption: Caption) -> Iterator[Phrase]:
    """Phrases of one sentence; `places` are the words' (start, end) in the caption."""
    for chunk in tree.chunks():
        noun = chunk.stop - 1
        if tree.tags[noun] == "PRON" or tree.relations[noun] == "compound":
            continue
        head = _head(tree, noun)
        words = _expression(tree, noun)
        span = (places[words[0]][0], places[words[-1]][1])
        text = " ".join(tree.words[at] for at in words)
        yield Phrase(text, head, span, _whole(tree, noun), caption)


def _head(tree: Tree, noun: int) -> str:
    """The chunk of a noun without articles, numbers and owners."""
    chunk = tree.chunk(noun)
    unsaid: set[int] = set()
    for at in tree.children(noun):
        if at in chunk and tree.relations[at] in _UNSAID:
            unsaid |= tree.below(at)
    return " ".join(tree.words[at] for at in chunk if at not in unsaid)


def _expression(tree: Tree, noun: int) -> list[int]:
    """Places of a noun's chunk and of what depends on it and follows, without a gap."""
    below = {noun}
    new = [noun]
    while new:
        new = [
            at
            for above in new
            for at in tree.children(above)
            if at not in below and tree.relations[at] not in _DROPPED
        ]
        below.update(new)
    start = noun
    while start - 1 in below:
        start -= 1
    end = noun
    while end + 1 in below:
        end += 1
    while start < noun and tree.relations[start] in _UNSAID | {"case", "mark"}:
        start += 1
    if end - start >= MOST_WORDS:
        end = noun
    return list(range(start, end + 1))


def _whole(tree: Tree, noun: int) -> str:
    """Head phrase of the thing whose part a noun is: Y of "X of the Y"; else ""."""
    if keeps_of(tree.words[noun]):  # a cup of the tea is no part of it
        return ""
    for at in tree.children(noun):
        below = tree.children(at)
        of = any(tree.words[each] == "of" and each < at for each in below)
        owned = any(tree.words[each] in _OWNED and tree.relations[each] == "det" for each in below)
        if at > noun and tree.tags[at] in ("NOUN", "PROPN") and of and owned:
            return _head(tree, at)
    return ""


def _listed(sentence: re.Match[str], caption: Caption) -> Iterator[Phrase]:
    """Phrases of one sentence by closed word lists; none is grown."""
    # letters whose small form has another length keep their own: places stay what they are
    lowered = "".join(c.lower() if len(c.lower()) == 1 else c for c in sentence.group())
    found = 0
    for head in noun_phrases(lowered):
        at = re.compile(r"\b" + r"\s+".join(map(re.escape, head.split()))).search(lowered, found)
        if at is None:  # as of a phrase that is written in another way
            continue
        found = at.end()
        span = (sentence.start() + at.start(), sentence.start() + at.end())
        yield Phrase(head, head, span, _listed_whole(lowered, found, head), caption)


def _listed_whole(lowered: str, end: int, head: str) -> str:
    """Y where "of the Y" follows a phrase that ends there."""
    if keeps_of(head.split()[-1]):
        return ""
    owner = re.match(r"\s+of\s+(?:" + "|".join(sorted(_OWNED)) + r")\s+(.+)", lowered[end:])
    named = noun_phrases(owner.group(1)) if owner else ()
    return named[0] if named and owner and owner.group(1).startswith(named[0]) else ""
