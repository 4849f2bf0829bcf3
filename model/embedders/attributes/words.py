"""Words for how things look: what a text asks for, and what is left of it without them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

_DANGLING = re.compile(r"^(?:(?:and|or)\b|[-,])\s*", re.IGNORECASE)


class AttributeWords:
    """The words of one look (colour, pattern, …) and what each of them asks for.

    Args:
        pattern: pattern of the attribute's words, alternatives as named groups; letters' case is
            nothing to it.
        asked: D numbers for each name of a group, the components that it asks for.
        longest: words of a text up to which they are looked at; None: of any text. What a long
            sentence says of one thing is not said of all that it tells.
    """

    def __init__(
        self, pattern: str, asked: Mapping[str, Sequence[float]], longest: int | None = None
    ) -> None:
        self._pattern = re.compile(pattern, re.IGNORECASE)
        self._asked = {name: np.array(row, np.float32) for name, row in asked.items()}
        if missing := set(self._pattern.groupindex) ^ set(self._asked):
            raise ValueError(f"groups and rows differ in {sorted(missing)}")
        self._longest = longest
        self._nothing = np.zeros(len(next(iter(self._asked.values()))), np.float32)

    @property
    def dimension(self) -> int:
        """Number of components of the attribute."""
        return len(self._nothing)

    def asked(self, texts: Sequence[str]) -> Floats:
        """N×D: of each text the sum of what its words ask for at length 1, or zeros if it has
        none. A word that comes twice counts once, and so do two for the same."""
        found = np.tile(self._nothing, (len(texts), 1))
        for row, text in zip(found, texts, strict=True):
            for word in self._found(text):
                row += self._asked[word]
        length = np.linalg.norm(found, axis=1, keepdims=True)
        return np.asarray(found / np.maximum(length, 1e-6), np.float32)

    def without(self, text: str) -> str:
        """The text without its words of the look; the text itself where nothing else is left."""
        if not self._found(text):
            return text
        rest = _DANGLING.sub("", " ".join(self._pattern.sub(" ", text).split()))
        return rest if re.search(r"\w", rest) else text

    def _found(self, text: str) -> set[str]:
        if self._longest is not None and len(text.split()) > self._longest:
            return set()
        return {str(word.lastgroup) for word in self._pattern.finditer(text)}
