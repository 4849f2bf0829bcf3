"""Vectors of the texts asked for last: a search asks for the same words again and again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Encode = Callable[[Sequence[str]], Floats]


class RememberedTexts:
    """A text encoder that remembers.

    Args:
        encode: N ≥ 1 different texts to N×D.
        most: texts that are remembered.
    """

    def __init__(self, encode: Encode, most: int = 1024) -> None:
        self._encode = encode
        self._most = most
        self._known: OrderedDict[str, Floats] = OrderedDict()

    def __call__(self, texts: Sequence[str]) -> Floats:
        """N×D of N ≥ 1 texts, in their order; what is known is not encoded again."""
        distinct = dict.fromkeys(texts)
        found = {text: self._known[text] for text in distinct if text in self._known}
        if unknown := [text for text in distinct if text not in found]:
            found.update(zip(unknown, self._encode(unknown), strict=True))
        for text in distinct:
            self._known[text] = found[text]
            self._known.move_to_end(text)
        while len(self._known) > self._most:
            self._known.popitem(last=False)
        return np.stack([found[text] for text in texts])
