"""The best weights of a run, by a metric that its recipe names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from model.atomic_files import replaced
from model.errors import TrainingError
from model.training.loop.network_state import kept_state, restore_state
from model.training.loop.writing import written

BEST = "best.safetensors"


class BestWeights:
    """Keeps a network's weights whenever they measure better than ever before.

    Args:
        folder: folder of the run.
        metric: name of the metric that chooses; "": nothing is kept.
        best_is: "max" or "min", the better end of the metric.

    Attributes:
        value: the best so far; None before the first.
    """

    def __init__(self, folder: Path, metric: str, best_is: Literal["highest", "lowest"]) -> None:
        self._folder, self._metric = folder, metric
        self._sign = 1 if best_is == "highest" else -1
        self.value: float | None = None

    def offer(self, metrics: Mapping[str, float], network: nn.Module) -> bool:
        """Keep the weights if they are the best so far; whether they are.

        Raises:
            TrainingError: the metric is not among those measured, or the disk is full.
        """
        if not self._metric:
            return False
        if self._metric not in metrics:
            raise TrainingError(
                f"[trainer] best names '{self._metric}', which the task does not measure",
                f"choose one of {', '.join(metrics) or 'none'}, then go on with --resume",
            )
        value = metrics[self._metric]
        if self.value is not None and not self._sign * value > self._sign * self.value:
            return False
        if value != value:  # no number is never best
            return False
        self._keep(kept_state(network))
        self.value = value
        return True

    def kept(self) -> dict[str, Tensor]:
        """The best weights by name; none before the first."""
        return {} if self.value is None else load_file(self._folder / BEST)

    def go_on_from(self, value: float | None, weights: dict[str, Tensor]) -> None:
        """Take what was best at a checkpoint, in the place of what was found after it.

        Args:
            value: value of the metric, None before the first.
            weights: the weights by name; none where an older checkpoint did not hold them.
        """
        self.value = value
        if value is not None and weights:
            self._keep(weights)

    def _keep(self, weights: dict[str, Tensor]) -> None:
        with written("the best weights", self._folder), replaced(self._folder / BEST) as part:
            save_file(weights, part)

    def restore(self, network: nn.Module) -> None:
        """Give the network the best weights, if any were kept."""
        if self.value is not None:
            restore_state(network, load_file(self._folder / BEST))
