"""Confidence in words: one rounding wherever one is told."""

from __future__ import annotations

_SUREST = 0.99  # what is only likely is never told as certain


def percent_sure(confidence: float) -> str:
    """A confidence in whole percent, at most 99 %."""
    return f"{min(confidence, _SUREST):.0%}"
