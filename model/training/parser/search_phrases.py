"""Search phrases: what people type when they ask for a thing, cut out of a treebank's sentences.

Sentences seldom look like queries: "A kid was eating the cake." is asked for as "kid eating cake".
So noun phrases are taken out with what hangs on them, what clauses say of their subjects is said
of a noun phrase, and copies lose their articles, their capitals and their punctuation.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from random import Random

from model.language.dependency_tree import BEFORE_NOUNS, Tree

LONGEST = 20
"""Words of a fragment at the most."""

_AFTER = frozenset({"nmod", "acl", "acl:relcl", "conj"})
_OF_VERBS = frozenset(
    {"obj", "iobj", "obl", "obl:agent", "advmod", "compound:prt", "xcomp", "obl:unmarked", "advcl"}
)
_BE = frozenset({"is", "are", "was", "were", "be", "been", "being", "'s", "'re"})
_SUBJECTS = frozenset({"nsubj", "nsubj:pass"})
_ARTICLES = frozenset({"a", "an", "the", "his", "her", "its", "their", "my", "your"})


def search_phrases(trees: Iterable[Tree], random: Random) -> Iterator[Tree]:
    """Phrases like queries, in lower case: of each sentence some, half of them without articles.

    Args:
        trees: sentences.
        random: source of chance; one seed gives the same phrases.
    """
    for tree in trees:
        for place, tag in enumerate(tree.tags):
            for phrase in (*_phrase(tree, place, tag, random), *2 * tuple(_described(tree, place))):
                if 1 < len(phrase) <= LONGEST:
                    plain = lowered(phrase)
                    yield without_articles(plain) if random.random() < 0.6 else plain


def lowered(tree: Tree) -> Tree:
    """The sentence in lower case, without the punctuation marks at its end."""
    last = len(tree)
    while last > 1 and tree.tags[last - 1] == "PUNCT" and last - 1 not in tree.heads:
        last -= 1
    kept = _part(tree, set(range(last)), tree.root)
    return Tree(tuple(word.lower() for word in kept.words), *_rest(kept))


def without_articles(tree: Tree) -> Tree:
    """The sentence as search queries are typed: no "a", "the", "his"."""
    dropped = {
        place
        for place, relation in enumerate(tree.relations)
        if relation in {"det", "nmod:poss"}
        and tree.words[place].lower() in _ARTICLES
        and not tree.children(place)
    }
    return _part(tree, set(range(len(tree))) - dropped, tree.root)


def _phrase(tree: Tree, place: int, tag: str, random: Random) -> Iterator[Tree]:
    """The noun phrase of a noun; of bare ones, without anything after the noun, a quarter."""
    if tag not in {"NOUN", "PROPN"}:
        return
    kept = _noun_phrase(tree, place)
    if max(kept) > place or random.random() < 0.25:
        yield _part(tree, kept, place)


def _described(tree: Tree, place: int) -> Iterator[Tree]:
    """What a clause says of its subject, said of a noun phrase: "kid eating cake", "cat in box"."""
    children = tree.children(place)
    subjects = [
        at
        for at in children
        if tree.relations[at] in _SUBJECTS and tree.tags[at] == "NOUN" and at < place
    ]
    helped = {tree.relations[at] for at in children if tree.words[at].lower() in _BE}
    if len(subjects) != 1:
        return
    (subject,) = subjects
    kept = _noun_phrase(tree, subject)
    if tree.tags[place] == "VERB" and (
        "aux:pass" in helped or ("aux" in helped and tree.words[place].endswith("ing"))
    ):
        relation = "acl"
        kept |= {place}.union(
            *(tree.below(at) for at in children if at > place and tree.relations[at] in _OF_VERBS)
        )
    elif (
        tree.tags[place] == "NOUN"
        and "cop" in helped
        and any(tree.relations[at] == "case" for at in children)
    ):
        relation = "nmod"
        cases = {at for at in children if tree.relations[at] == "case" and at > subject}
        kept |= _noun_phrase(tree, place) | cases
    else:
        return
    heads, relations = list(tree.heads), list(tree.relations)
    heads[place], relations[place] = subject, relation
    yield _part(Tree(tree.words, tree.tags, tuple(heads), tuple(relations)), kept, subject)


def _noun_phrase(tree: Tree, noun: int) -> set[int]:
    """Places of a noun, what stands before it and belongs to it, and what hangs on it after it."""
    kept = {noun}
    for at in tree.children(noun):
        relation = tree.relations[at]
        if relation in BEFORE_NOUNS or (relation in _AFTER and at > noun):
            kept |= tree.below(at)
    return kept


def _part(tree: Tree, kept: set[int], root: int) -> Tree:
    """The words that are kept; what hung on one that is not hangs on the root."""
    places = sorted(kept | {root})
    new = {old: at for at, old in enumerate(places)}
    heads = tuple(
        new[root] if old == root else new.get(tree.heads[old], new[root]) for old in places
    )
    relations = tuple("root" if old == root else tree.relations[old] for old in places)
    return Tree(
        tuple(tree.words[old] for old in places),
        tuple(tree.tags[old] for old in places),
        heads,
        relations,
    )


def _rest(tree: Tree) -> tuple[tuple[str, ...], tuple[int, ...], tuple[str, ...]]:
    return tree.tags, tree.heads, tree.relations
