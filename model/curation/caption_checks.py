"""Usable captions: neither empty, nor endless, nor one phrase over and over."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from model.curation.records import Caption, Loss

EMPTY = "the caption is empty"
TOO_LONG = "the caption is too long"
REPETITIVE = "the caption repeats itself"

_WORD = re.compile(r"\w+(?:['’-]\w+)*")
_LETTERS_A_WORD = 20  # on average, in no English text: a text without spaces is endless, too
_SHOWN = 80  # characters of a caption that a loss tells


@dataclass(frozen=True)
class CaptionLimits:
    """Bounds of what counts as a caption; what language models say beyond them is mostly a loop.

    Attributes:
        most_words: words of the longest caption that is used.
        gram: words of a sequence that is counted.
        most_repeats: times that one sequence may occur in a caption.

    Raises:
        ValueError: a bound is below 1.
    """

    most_words: int = 400
    gram: int = 4
    most_repeats: int = 4

    def __post_init__(self) -> None:
        for name in ("most_words", "gram", "most_repeats"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}, expected 1 or more")


def usable_captions(
    captions: Iterable[Caption], limits: CaptionLimits | None = None
) -> tuple[tuple[Caption, ...], tuple[Loss, ...]]:
    """Captions that phrases are taken from, and those that are not, both in the given order.

    Args:
        captions: captions of a photo.
        limits: bounds; None: the usual ones.
    """
    limits = limits or CaptionLimits()
    kept, lost = [], []
    for caption in captions:
        reason = fault(caption.text, limits)
        if reason:
            lost.append(Loss(_shortened(caption), reason, caption.box))
        else:
            kept.append(caption)
    return tuple(kept), tuple(lost)


def fault(text: str, limits: CaptionLimits) -> str:
    """Reason why a text is no usable caption; "" if it is one.

    Words are compared in lower case, punctuation between them does not count.
    """
    if len(text) > limits.most_words * _LETTERS_A_WORD:
        return TOO_LONG
    words = _WORD.findall(text.lower())
    if not words:
        return EMPTY
    if len(words) > limits.most_words:
        return TOO_LONG
    grams = Counter(zip(*(words[first:] for first in range(limits.gram)), strict=False))
    return REPETITIVE if max(grams.values(), default=0) > limits.most_repeats else ""


def _shortened(caption: Caption) -> str:
    text = " ".join(caption.text[: 2 * _SHOWN].split())
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
