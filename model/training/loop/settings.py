"""The section [trainer] of a recipe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class TrainerSettings:
    """Settings by which a task is trained.

    Attributes:
        steps: number of steps of the optimiser.
        batch: examples a batch; what an example is, the task says.
        lr: AdamW's highest learning rate.
        weight_decay: AdamW's, on matrices and kernels only.
        schedule: `cosine` (linear warm-up, half a cosine to nothing), `one-cycle` (half a cosine
            up from lr / 25, half a cosine down to lr / 10,000) or `constant` after the warm-up.
        warmup: share of the steps in which the rate rises.
        precision: `bfloat16` (autocast) or `float32`.
        accumulation: batches a step, in each process.
        clip: largest norm of the gradient; 0: any.
        ema: decay of the averaged weights a step, which are validated and exported; 0: none.
        seed: seed of all random numbers.
        validate_every: steps; 0: at the end only.
        checkpoint_every: steps; 0: at the end only.
        keep: newest checkpoints that are kept.
        best: the metric of `validate` that chooses what is exported; "": the last weights.
        best_is: "max" or "min", the better end of `best`.
        skip_limit: steps among the last 100 that may be skipped since their loss or gradient is
            not finite.
    """

    steps: int
    batch: int
    lr: float
    weight_decay: float = 0.05
    schedule: Literal["cosine", "one-cycle", "constant"] = "cosine"
    warmup: float = 0.05
    precision: Literal["bfloat16", "float32"] = "bfloat16"
    accumulation: int = 1
    clip: float = 1.0
    ema: float = 0.0
    seed: int = 0
    validate_every: int = 0
    checkpoint_every: int = 500
    keep: int = 2
    best: str = ""
    best_is: Literal["highest", "lowest"] = "highest"
    skip_limit: int = 10

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "accumulation", "keep"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}, expected at least 1")
        for name in ("seed", "validate_every", "checkpoint_every", "skip_limit"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} is {getattr(self, name)}, expected 0 or more")
        for name in ("warmup", "ema"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}, expected 0 or more, below 1")
        if not 0 < self.lr < float("inf"):
            raise ValueError(f"lr is {self.lr}, expected a positive number")
        for name in ("weight_decay", "clip"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise ValueError(f"{name} is {getattr(self, name)}, expected 0 or more")
