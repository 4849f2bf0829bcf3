"""Explanation: how a query was read as a referring expression, and what each stage made of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from model.referring.expression import Expression


@dataclass(frozen=True)
class Stage:
    """The best segments after a stage.

    Attributes:
        name: recall, or the part of the expression that the stage reads.
        best: ids of the best segments and their logits so far, best first.
    """

    name: str
    best: tuple[tuple[int, float], ...]

    def to_dict(self) -> dict[str, Any]:
        """The stage as plain data."""
        best = [{"segment_id": i, "logit": round(logit, 3)} for i, logit in self.best]
        return {"name": self.name, "best": best}


@dataclass(frozen=True)
class Explanation:
    """Reading of a query as a referring expression.

    Attributes:
        expression: parts of the expression.
        reason: why recall alone answered; "" where the expression was resolved.
        photos: number of photos whose segments were compared.
        segments: number of segments that were.
        stages: stages in their order, those left out that the expression says nothing of.
        notes: parts that could not be heeded, each with the reason.
        phrases: things that a sentence names, by which photos were ranked beside it.
    """

    expression: Expression
    reason: str = ""
    photos: int = 0
    segments: int = 0
    stages: tuple[Stage, ...] = ()
    notes: tuple[str, ...] = ()
    phrases: tuple[str, ...] = ()

    @property
    def recall_alone(self) -> bool:
        """Whether the order is that of recall's vector."""
        return bool(self.reason) and not self.phrases

    def lines(self) -> list[str]:
        """The explanation for people, a line each."""
        told = [f"read as: {self.expression}"]
        if self.phrases:
            named = ", ".join(self.phrases)
            told = [f"read as: a sentence, which photos are to fit, and this in them: {named}"]
        if self.recall_alone:
            return [*told, f"recall alone answers: {self.reason}"]
        told.append(f"compared: {self.segments:,} segments of {self.photos:,} photos")
        for stage in self.stages:
            best = "  ".join(f"{i} ({logit:.2f})" for i, logit in stage.best)
            told.append(f"{stage.name}: {best}")
        return told

    def to_dict(self) -> dict[str, Any]:
        """The explanation as the command line's JSON has it."""
        return {
            "expression": self.expression.to_dict(),
            "recall_alone": self.reason if self.recall_alone else None,
            "phrases": list(self.phrases),
            "photos": self.photos,
            "segments": self.segments,
            "stages": [stage.to_dict() for stage in self.stages],
            "notes": list(self.notes),
        }
