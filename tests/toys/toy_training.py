"""A training that takes seconds, for tests to run, kill and resume in processes of their own.

python toy_training.py FOLDER '{"steps": 20, …}' [--kill-after STEP]
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn.functional import normalize

from model.training.loop.callbacks import Callbacks
from model.training.loop.distributed import gathered
from model.training.loop.seeds import seed_everything
from model.training.loop.settings import TrainerSettings
from model.training.loop.task import Task
from model.training.loop.trainer import Trainer
from model.training.losses.contrastive import Temperature, contrastive_loss

EXAMPLES = 96


class ToyNetwork(nn.Module):
    """A head with a norm and dropout, a temperature, a frozen tower, and a part seldom used."""

    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.tower = nn.Linear(6, 6).requires_grad_(False)
        self.head = nn.Sequential(
            nn.Linear(6, 16), nn.LayerNorm(16), nn.GELU(), nn.Dropout(dropout), nn.Linear(16, 8)
        )
        self.seldom = nn.Linear(8, 8)
        self.temperature = Temperature()
        self.register_buffer("seen", torch.zeros(()))

    def forward(self, rows: Tensor, often: bool) -> Tensor:
        out = self.head(self.tower(rows))
        return normalize(out if often else self.seldom(out), dim=-1)


class ToyTask(Task):
    """Learn which of 96 rows belongs to which of 96 texts, contrastively, across processes."""

    def __init__(self, batch: int, dropout: float = 0.1) -> None:
        self.network = ToyNetwork(dropout)
        self._batch = batch
        random = torch.Generator().manual_seed(7)
        self._rows = torch.randn(EXAMPLES, 6, generator=random)
        self._texts = normalize(torch.randn(EXAMPLES, 8, generator=random), dim=-1)

    def batches(self, epoch_seed: int) -> list[Any]:
        order = torch.randperm(EXAMPLES, generator=torch.Generator().manual_seed(epoch_seed))
        chunks = order.split(self._batch)
        return [{"rows": self._rows[rows], "texts": self._texts[rows]} for rows in chunks]

    def loss(self, batch: Any) -> dict[str, Tensor]:
        self.network.seen += 1  # type: ignore[assignment]
        out = gathered(self.network(batch["rows"], often=True).float())
        texts = gathered(batch["texts"])
        same = torch.eye(len(out)).bool()
        loss = contrastive_loss(out, texts, same, self.network.temperature())
        return {"loss": loss, "scale": self.network.temperature()}

    def validate(self) -> dict[str, float]:
        found = (self.network(self._rows, often=True) @ self._texts.T).argmax(dim=1)
        return {"right": float((found == torch.arange(EXAMPLES)).float().mean())}

    def export(self, folder: Path) -> None:
        save_file(self.network.state_dict(), folder / "toy.safetensors")


class Killer(Callbacks):
    """Ends the process as `kill -9` does, in the middle of everything."""

    def __init__(self, step: int) -> None:
        self._step = step

    def stepped(self, step: int, terms: Mapping[str, float]) -> None:
        if step == self._step:
            os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    torch.set_num_threads(1)
    folder, table, *kill = sys.argv[1:]
    options = json.loads(table)
    dropout = options.pop("dropout", 0.1)
    settings = TrainerSettings(**options)
    seed_everything(settings.seed)
    task = ToyTask(settings.batch, dropout)
    watcher = Killer(int(kill[1])) if kill else None
    Trainer(task, settings, Path(folder), watcher=watcher).run(resume=True)


if __name__ == "__main__":
    main()
