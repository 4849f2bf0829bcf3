"""Snapping: a text of any language to the English terms that lie nearest to it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from model.language.multilingual.encoder import encode, term_vectors
from model.language.multilingual.terms import terms

NEAREST = 8
"""Terms that stand for a text."""
TEMPERATURE = 0.05
"""Difference of cosines that makes a term e times as heavy."""
COMBINED = 6
"""Words, the nearest ones, of which every two are tried as a term: car and window."""
DOUBT = 0.06
"""Cosine by which two words are to be nearer than a term. All four were chosen on names and photos
that measure nothing (docs/languages.md)."""
_LONGEST = 12  # letters of a word that is combined

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Snapped:
    """English terms that stand for a text.

    Attributes:
        terms: terms, the nearest first.
        shares: weight of each; together 1.
        nearness: cosine of the text with the nearest of them.
        single: cosine of the text with the nearest bundled term.
    """

    terms: tuple[str, ...]
    shares: tuple[float, ...]
    nearness: float
    single: float


def snap(text: str, among: NDArray[np.bool_] | None = None) -> Snapped:
    """The terms nearest to a text as it is typed, or with capitals, whichever lies nearer to one:
    who types German in lower case means the nouns that have them.

    Args:
        text: any text.
        among: which of the bundled terms count; None: all.

    Raises:
        ExtraMissing: the extra `languages` is not installed.
    """
    return _snapped(text, None if among is None else among.tobytes())


@lru_cache(maxsize=4096)
def _snapped(text: str, among: bytes | None) -> Snapped:
    known, own = terms(), _encoded(text)
    cosines = term_vectors() @ own
    if among is not None:
        cosines = np.where(np.frombuffer(among, np.bool_), cosines, np.float32(-2))
    found = {known[number]: float(cosines[number]) for number in _first(cosines, NEAREST)}
    words = np.where(_can_be_combined(), cosines, np.float32(-2))
    nearest = [known[number] for number in _first(words, COMBINED)]
    combined = [f"{one} {other}" for one, other in permutations(nearest, 2)]
    nearness = encode(combined) @ own - DOUBT
    single = max(found.values())
    if nearness.max() > single:  # else one term says it: two would be synonyms, or noise
        for term, cosine in zip(combined, nearness.tolist(), strict=True):
            found.setdefault(term, cosine)
    best = sorted(found.items(), key=lambda pair: -pair[1])[:NEAREST]
    weights = np.exp(np.array([cosine - best[0][1] for _, cosine in best]) / TEMPERATURE)
    shares = weights / weights.sum()
    return Snapped(tuple(term for term, _ in best), tuple(shares.tolist()), best[0][1], single)


def _encoded(text: str) -> Floats:
    """512 numbers: the text, or the text with capitals, as a unit vector."""
    capital = " ".join(word[:1].upper() + word[1:] for word in text.split())
    vectors = encode(list(dict.fromkeys([text, capital])))
    nearness = (vectors @ term_vectors().T).max(axis=1)
    return np.asarray(vectors[int(nearness.argmax())], np.float32)


def _first(values: Floats, count: int) -> list[int]:
    """Places of the largest values, the largest first."""
    order: list[int] = np.argsort(-values, kind="stable")[:count].tolist()
    return order


@cache
def _can_be_combined() -> NDArray[np.bool_]:
    """T bool: which terms are words of no great length."""
    return np.array([" " not in term and len(term) <= _LONGEST for term in terms()])
