"""Arrangement: parts of an expression put right by what depends on what in it.

Closed lists know turns of speech, not verbs: in "kid eating cake" they see three words. A
dependency tree tells which noun is meant, what stands before it and what is done with others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from model.language.dependency_tree import NOMINAL, Tree
from model.language.english_words import is_noun
from model.language.noun_phrases import named_words
from model.language.plurals import singular
from model.photos.colour_terms import NAMES
from model.referring.parts import Part, is_portion, phrases
from model.referring.word_lists import words as closed

# what a noun is to a verb that tells of what is meant: "kid eating cake", "chair she sits on"
_DONE = {"obj": "with", "nsubj": "near"}
_NOUNS = frozenset({"NOUN", "PROPN"})
_VERBS = frozenset({"VERB", "AUX"})


def arranged(parts: Sequence[Part], tree: Tree) -> list[Part]:
    """The parts, the first of which names the thing that is meant as the tree has it.

    Args:
        parts: parts of an expression as its turns of speech divide it.
        tree: tree of the same words.
    """
    meant = tree.target()
    holder = next((part for part in parts if meant in part.at), None)
    if meant is None or holder is None:
        return list(parts)
    named = _named(holder, tree, meant)
    if not phrases([word for _, word in named if word not in closed("articles")]):
        return list(parts)
    own = replace(parts[0], words=[word for _, word in named], at=[at for at, _ in named])
    rest: list[Part] = []
    for part in parts:
        left = [each for each in _held(part) if each not in named]
        if part is parts[0]:
            rest += _done(left, tree)
        elif part is holder:
            before = [each for each in left if each[0] < named[0][0]]
            rest.append(replace(part, words=[w for _, w in before], at=[at for at, _ in before]))
        else:
            rest.append(part)
    return [own, *(part for part in rest if part.words)]


def unclear(part: Part) -> bool:
    """Whether a part has words that closed lists do not explain: more than one noun phrase."""
    words = [word for word in part.words if not word.endswith("ly")]
    told = [word for word in words if word not in closed("articles")]
    if phrases(told) != (" ".join(told),):
        return True
    inside = words[words.index(told[0]) :]
    return len(inside) > len(told) or (len(told) > 1 and _tells(told))


def _tells(words: Sequence[str]) -> bool:
    """Whether the last word tells of the noun before it: "couple dancing", "shelf full"."""
    last = words[-1]
    noun = (is_noun(last) or is_noun(singular(last))) and named_words(words)[-1]
    return not noun or last in closed("after_nouns")


def _held(part: Part) -> list[tuple[int, str]]:
    return list(zip(part.at, part.words, strict=True))


def _named(part: Part, tree: Tree, noun: int) -> list[tuple[int, str]]:
    """Words of a part that name a noun: before it, nouns that follow it at once, its portion."""
    held = _held(part)
    start, end = tree.chunk(noun).start, noun
    while end + 1 in part.at and tree.tags[end + 1] in _NOUNS:
        end += 1  # a name of several words, of which the parser took the first for the last
    named = [each for each in held if start <= each[0] <= end]
    after = [each for each in held if each[0] > end]
    if after and after[0][1] == "of" and is_portion([named[-1][1]]):
        inner = next((at for at, _ in after if tree.tags[at] in NOMINAL), None)
        named += [each for each in after if inner is not None and each[0] <= inner]
    return named


def _done(left: Sequence[tuple[int, str]], tree: Tree) -> list[Part]:
    """Parts that name what something is done with: the objects, and subjects, of verbs."""
    parts, places = [], {at for at, _ in left}
    for noun in sorted(places):
        verb = tree.heads[noun]
        if tree.tags[noun] not in _NOUNS or tree.tags[verb] not in _VERBS or verb == noun:
            continue
        relation = _DONE.get(tree.relations[noun])
        if relation is None or tree.words[noun] in NAMES:
            continue
        held = [each for each in left if each[0] in tree.chunk(noun)]
        parts.append(Part(relation, words=[w for _, w in held], at=[at for at, _ in held]))
    return parts
