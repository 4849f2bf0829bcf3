import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import filelock
import pytest
import torch
from closeness import assert_close, terms_of
from safetensors.torch import load_file
from torch import Tensor, nn
from toy_training import ToyTask

from model.errors import DataMissing, ExtraMissing, RunMismatch, TrainingDiverged, TrainingError
from model.training.loop.callbacks import Callbacks
from model.training.loop.run_log import read_record
from model.training.loop.seeds import seed_everything
from model.training.loop.settings import TrainerSettings
from model.training.loop.task import Task
from model.training.loop.trainer import Trainer

TOY = Path(__file__).parents[3] / "toys" / "toy_training.py"


@pytest.fixture(autouse=True)
def one_thread() -> Any:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def toy(folder: Path, *, dropout: float = 0.1, resume: bool = False, **options: Any) -> None:
    settings = TrainerSettings(**{"lr": 0.01, **options})
    seed_everything(settings.seed)
    Trainer(ToyTask(settings.batch, dropout), settings, folder).run(resume)


def started(folder: Path, options: Mapping[str, Any], *more: str, **environment: str) -> Any:
    return subprocess.Popen(
        [sys.executable, str(TOY), str(folder), json.dumps(options), *more],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
    )


def losses(folder: Path) -> list[float]:
    return [line["loss"] for line in read_record(folder) if line["section"] == "train"]


class Guess(Task):
    """One weight is moved to the mean of what the batches hold."""

    def __init__(self, batch: int = 4, values: int = 24) -> None:
        self.network: nn.Module = nn.Linear(1, 1, bias=False)
        self._batch, self._values = batch, values
        self.metrics: Callable[[], dict[str, float]] = lambda: {"weight": self.weight}
        self.spoil: Callable[[Tensor], Tensor] = lambda loss: loss

    @property
    def weight(self) -> float:
        return next(self.network.parameters()).item()

    def batches(self, epoch_seed: int) -> Any:
        random = torch.Generator().manual_seed(epoch_seed)
        values = torch.randn(self._values, 1, generator=random)
        yield from (part for part in values.split(self._batch) if len(part))

    def loss(self, batch: Tensor) -> dict[str, Tensor]:
        ones = torch.ones_like(batch)
        return {"loss": self.spoil((self.network(ones) - batch).square().mean())}

    def validate(self) -> dict[str, float]:
        return self.metrics()

    def export(self, folder: Path) -> None:
        (folder / "weight.txt").write_text(str(self.weight))


def settings(**changes: Any) -> TrainerSettings:
    return TrainerSettings(
        **{"steps": 8, "batch": 4, "lr": 0.1, "precision": "float32", "warmup": 0.0, **changes}
    )


def test_a_run_killed_in_the_middle_goes_on_as_if_nothing_had_happened(tmp_path: Path) -> None:
    options = {
        "steps": 22, "batch": 16, "lr": 0.02, "accumulation": 2, "ema": 0.9, "seed": 3,
        "validate_every": 4, "checkpoint_every": 5, "best": "right",
    }  # fmt: skip
    killed = started(tmp_path / "killed", options, "--kill-after", "13")
    toy(tmp_path / "whole", **options)
    _, err = killed.communicate(timeout=60)
    assert killed.returncode == -signal.SIGKILL, err
    assert len(losses(tmp_path / "killed")) == 13
    with (tmp_path / "killed" / "record.jsonl").open("a") as record:
        record.write('{"step": 14, "sec')  # the kill came while a line was written
    toy(tmp_path / "killed", resume=True, **options)
    assert read_record(tmp_path / "killed") == read_record(tmp_path / "whole")
    assert len(losses(tmp_path / "whole")) == 22
    for name in ("toy.safetensors", "best.safetensors"):
        one, other = (load_file(tmp_path / run / name) for run in ("killed", "whole"))
        assert one.keys() == other.keys()
        assert all(torch.equal(one[key], other[key]) for key in one)
    kept = sorted(path.name for path in (tmp_path / "killed" / "checkpoints").iterdir())
    assert kept == ["step-00000020", "step-00000022"]
    toy(tmp_path / "killed", resume=True, **options)  # nothing is left to do
    assert read_record(tmp_path / "killed") == read_record(tmp_path / "whole")


def test_two_processes_train_as_one_with_twice_the_batch(tmp_path: Path) -> None:
    options = {"steps": 9, "lr": 0.01, "precision": "float32", "dropout": 0.0, "batch": 16}
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    pair = [
        started(
            tmp_path / "two", options, MASTER_ADDR="127.0.0.1", MASTER_PORT=port,
            WORLD_SIZE="2", RANK=str(rank), LOCAL_RANK=str(rank),
        )
        for rank in range(2)
    ]  # fmt: skip
    toy(tmp_path / "one", **{**options, "batch": 32})
    for process in pair:
        _, err = process.communicate(timeout=90)
        assert process.returncode == 0, err
    terms = 9 * (terms_of(ToyTask(32).network) + 32)  # steps; the batch
    assert_close(losses(tmp_path / "two"), losses(tmp_path / "one"), terms, "float32")
    one, two = (load_file(tmp_path / run / "toy.safetensors") for run in ("one", "two"))
    assert_close(two["head.0.weight"], one["head.0.weight"], terms)


def test_accumulated_batches_are_one_larger_batch(tmp_path: Path) -> None:
    for name, changes in {"large": {}, "small": {"accumulation": 2}}.items():
        torch.manual_seed(0)
        task = Guess(2 if changes else 4)
        Trainer(task, settings(**changes), tmp_path / name).run()
    assert_close(
        losses(tmp_path / "small"), losses(tmp_path / "large"), terms=12 * 4, dtype="float32"
    )


def test_nothing_is_trained_twice_or_into_another_run(tmp_path: Path) -> None:
    Trainer(Guess(), settings(), tmp_path, {"task": {"kind": "guess", "sizes": (1, 2)}}).run()
    with pytest.raises(RunMismatch, match="--resume"):
        Trainer(Guess(), settings(), tmp_path).run()
    same = {"task": {"kind": "guess", "sizes": (1, 2)}}
    Trainer(Guess(), settings(steps=9), tmp_path, same).run(resume=True)  # a few steps more
    assert len(losses(tmp_path)) == 9
    with pytest.raises(RunMismatch, match=r"trainer\.lr was 0\.1 and is 0\.2"):
        Trainer(Guess(), settings(lr=0.2), tmp_path, same).run(resume=True)
    other = {"task": {"kind": "guess", "sizes": (1, 3)}}
    with pytest.raises(RunMismatch, match=r"task\.sizes was \[1, 2\] and is \[1, 3\]"):
        Trainer(Guess(), settings(), tmp_path, other).run(resume=True)
    with (
        filelock.FileLock(tmp_path / "training.lock"),
        pytest.raises(TrainingError, match="another process"),
    ):
        Trainer(Guess(), settings(), tmp_path, same).run(resume=True)


def test_the_weights_of_another_network_are_not_taken(tmp_path: Path) -> None:
    Trainer(Guess(), settings(), tmp_path).run()
    for network in (nn.Linear(1, 1), nn.Linear(1, 2, bias=False)):
        task = Guess()
        task.network = network
        with pytest.raises(RunMismatch, match="another network"):
            Trainer(task, settings(), tmp_path).run(resume=True)


class Hearer(Callbacks):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def told(self, line: str) -> None:
        self.lines.append(line)


def test_a_damaged_checkpoint_is_passed_over(tmp_path: Path) -> None:
    torch.manual_seed(0)
    Trainer(Guess(), settings(checkpoint_every=2, keep=3), tmp_path).run()
    whole = losses(tmp_path)
    places = sorted((tmp_path / "checkpoints").iterdir())
    assert [place.name for place in places] == [f"step-{n:08d}" for n in (4, 6, 8)]
    (places[2] / "network.safetensors").write_bytes(b"\0" * 40)
    (places[1] / "state.json").write_text("{")
    shutil.copytree(places[2], tmp_path / "checkpoints" / ".step-00000010.1.part")
    heard = Hearer()
    Trainer(Guess(), settings(keep=3), tmp_path, watcher=heard).run(resume=True)
    assert len(heard.lines) == 2
    assert "step-00000008" in heard.lines[0]
    assert losses(tmp_path) == whole
    assert not list((tmp_path / "checkpoints").glob(".*"))


def test_a_loss_that_is_not_finite_costs_its_step_alone(tmp_path: Path) -> None:
    task, weights = Guess(), []
    task.spoil = lambda loss: loss * float("nan") if len(weights) in (2, 3) else loss

    class Noter(Hearer):
        def stepped(self, step: int, terms: Mapping[str, float]) -> None:
            weights.append(task.weight)

    heard = Noter()
    Trainer(task, settings(), tmp_path, watcher=heard).run()
    assert weights[1] == weights[2] == weights[3] != weights[4]
    assert [line.split()[1] for line in heard.lines] == ["3", "4"]
    assert read_record(tmp_path)[-2]["skipped"] == 2
    assert all(abs(weight) < 9 for weight in weights)


def test_too_many_such_losses_end_the_training(tmp_path: Path) -> None:
    task = Guess()
    task.spoil = lambda loss: loss / torch.zeros(())
    with pytest.raises(TrainingDiverged, match="4 of the last 4 steps"):
        Trainer(task, settings(skip_limit=3), tmp_path).run()


def test_the_best_weights_are_exported(tmp_path: Path) -> None:
    for best, is_best, expected in (("lowest", min, "min"), ("highest", max, "max")):
        task, seen = Guess(), []

        def metrics(task: Guess = task, seen: list[float] = seen) -> dict[str, float]:
            seen.append(task.weight)
            return {"weight": task.weight}

        task.metrics = metrics
        chosen = settings(validate_every=1, best="weight", best_is=best, steps=12)
        Trainer(task, chosen, tmp_path / expected).run()
        assert float((tmp_path / expected / "weight.txt").read_text()) == is_best(seen)
        assert len(seen) == 13  # once before the first step, too


class Killed(BaseException):
    pass


class Ender(Callbacks):
    """Ends the training once a step was measured, before its checkpoint."""

    def __init__(self, step: int) -> None:
        self._step = step

    def validated(self, step: int, metrics: Mapping[str, float], best: bool) -> None:
        if step == self._step:
            raise Killed


def test_what_was_best_after_the_last_checkpoint_is_not_exported(tmp_path: Path) -> None:
    scores = {0: 0.0, 2: 1.0, 4: 0.5, 6: 2.0, 8: 0.1}
    measured = iter((0, 2, 4, 6, 8))
    task = Guess()
    task.metrics = lambda: {"score": scores[next(measured)], "weight": task.weight}
    options: dict[str, Any] = {"checkpoint_every": 4, "best": "score"}
    with pytest.raises(Killed):
        Trainer(task, settings(validate_every=2, **options), tmp_path, watcher=Ender(6)).run()
    assert next(measured) == 8
    measured = iter((8,))  # the resumed run measures at its end alone
    Trainer(task, settings(validate_every=0, **options), tmp_path).run(resume=True)
    weights = {n["score"]: n["weight"] for n in read_record(tmp_path) if n["section"] == "val"}
    assert set(weights) == {0.0, 1.0, 0.5, 0.1}
    assert float((tmp_path / "weight.txt").read_text()) == pytest.approx(weights[1.0])


def test_a_mistaken_metric_costs_no_training(tmp_path: Path) -> None:
    torch.manual_seed(0)
    with pytest.raises(TrainingError, match=r"'right'.*choose one of weight"):
        Trainer(Guess(), settings(best="right", checkpoint_every=7), tmp_path).run()
    assert not losses(tmp_path)  # it is told before the first step
    mended = settings(best="weight", checkpoint_every=7)
    Trainer(Guess(), mended, tmp_path).run(resume=True)
    assert len(losses(tmp_path)) == 8
    nothing = Guess()
    nothing.metrics = lambda: {"weight": float("nan")}
    Trainer(nothing, settings(best="weight"), tmp_path / "nan").run()
    assert not (tmp_path / "nan" / "best.safetensors").exists()


def test_a_full_disk_is_told_and_the_run_goes_on_later(tmp_path: Path) -> None:
    torch.manual_seed(0)
    Trainer(Guess(), settings(), tmp_path / "whole").run()
    torch.manual_seed(0)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    for best in ("", "weight"):
        trainer = Trainer(Guess(), settings(checkpoint_every=4, best=best), tmp_path / "full")
        resource.setrlimit(resource.RLIMIT_FSIZE, (60, limits[1]))
        try:
            with pytest.raises(TrainingError, match="cannot be written to"):
                trainer._save() if not best else trainer._validate(NoRecord())  # type: ignore[arg-type]
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    torch.manual_seed(0)
    Trainer(Guess(), settings(), tmp_path / "full").run(resume=True)
    assert losses(tmp_path / "full") == losses(tmp_path / "whole")
    assert len(list((tmp_path / "full" / "checkpoints").iterdir())) == 1


class NoRecord:
    def add(self, *_: object) -> None:
        pass


def test_averaged_weights_are_validated_and_exported(tmp_path: Path) -> None:
    task, averaged, weights = Guess(), [], []

    def metrics() -> dict[str, float]:
        averaged.append(task.weight)
        return {}

    class Noter(Callbacks):
        def stepped(self, step: int, terms: Mapping[str, float]) -> None:
            weights.append(task.weight)

    task.metrics = metrics
    expected = task.weight
    Trainer(task, settings(ema=0.5, validate_every=1), tmp_path, watcher=Noter()).run()
    for n, weight in enumerate(weights, start=1):
        decay = min(0.5, (1 + n) / (10 + n))
        expected = decay * expected + (1 - decay) * weight
        assert averaged[n - 1] == pytest.approx(expected, rel=1e-5)
    assert float((tmp_path / "weight.txt").read_text()) == averaged[-1]
    assert task.weight == weights[-1]


def test_a_task_without_data_loss_metric_or_weights_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataMissing, match="epoch 1"):
        Trainer(Guess(values=0), settings(), tmp_path / "a").run()
    nameless = Guess()
    nameless.loss = lambda batch: {"error": batch.mean()}  # type: ignore[method-assign]
    with pytest.raises(TrainingError, match="no term 'loss'"):
        Trainer(nameless, settings(), tmp_path / "c").run()
    frozen = Guess()
    frozen.network.requires_grad_(False)
    with pytest.raises(TrainingError, match="no parameter"):
        Trainer(frozen, settings(), tmp_path / "d")


def test_parameters_have_their_own_rates_and_only_matrices_decay(tmp_path: Path) -> None:
    task = ToyTask(16)
    task.rate = (  # type: ignore[method-assign]
        lambda parameter: 0.1 if parameter.startswith("head.0") else 1.0
    )
    before = {name: value.detach().clone() for name, value in task.network.named_parameters()}
    Trainer(task, settings(steps=1, lr=1e-3, clip=0.0), tmp_path).run()
    moves = {
        name: float((value.detach() - before[name]).abs().max())
        for name, value in task.network.named_parameters()
    }
    assert moves["tower.weight"] == 0
    assert moves["head.0.weight"] == pytest.approx(1e-4, rel=0.1)
    assert moves["head.4.weight"] == pytest.approx(1e-3, rel=0.1)
    saved = load_file(tmp_path / "checkpoints" / "step-00000001" / "network.safetensors")
    assert "seen" in saved
    assert not any(name.startswith("tower") for name in saved)


class Perched(Task):
    """A trained top (with a norm and dropout) on a frozen tower with the same."""

    def __init__(self) -> None:
        self.tower = nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.Dropout(0.5))
        self.top = nn.Sequential(nn.Linear(8, 8), nn.BatchNorm1d(8), nn.Dropout(0.5))
        self.network: nn.Module = nn.Sequential(self.tower.requires_grad_(False), self.top)
        self.seen: list[Tensor] = []

    def batches(self, epoch_seed: int) -> Any:
        random = torch.Generator().manual_seed(0)
        return [5 + torch.randn(4, 3, generator=random)]

    def loss(self, batch: Tensor) -> dict[str, Tensor]:
        self.seen.append(self.tower(batch))
        return {"loss": self.top(self.seen[-1]).square().mean()}

    def validate(self) -> dict[str, float]:
        return {}

    def export(self, folder: Path) -> None:
        pass


def test_frozen_parts_of_the_network_stay_in_evaluation_mode(tmp_path: Path) -> None:
    task = Perched()
    before = {name: value.clone() for name, value in task.network.state_dict().items()}
    Trainer(task, settings(steps=3, validate_every=1), tmp_path).run()
    after = task.network.state_dict()
    assert all(torch.equal(task.seen[0], seen) for seen in task.seen)
    assert all(torch.equal(before[name], after[name]) for name in before if name.startswith("0."))
    assert not torch.equal(before["1.1.running_mean"], after["1.1.running_mean"])


def test_precision_is_the_recipes(tmp_path: Path) -> None:
    seen: dict[str, torch.dtype] = {}

    class Noting(Guess):
        def loss(self, batch: Tensor) -> dict[str, Tensor]:
            seen[precision] = self.network(torch.ones(4, 1)).dtype
            return super().loss(batch)

    for precision in ("bfloat16", "float32"):
        Trainer(Noting(), settings(steps=1, precision=precision), tmp_path / precision).run()
    assert seen == {"bfloat16": torch.bfloat16, "float32": torch.float32}


def test_curves_can_be_read_by_tensorboard(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    Trainer(Guess(), settings(steps=3), tmp_path).run()
    Trainer(Guess(), settings(steps=5), tmp_path).run(resume=True)
    curves = EventAccumulator(str(tmp_path / "curves")).Reload()
    points = curves.Scalars("train/loss")
    assert [point.step for point in points] == [1, 2, 3, 4, 5]
    assert [point.value for point in points] == pytest.approx(losses(tmp_path))
    assert [point.step for point in curves.Scalars("val/weight")] == [3, 5]


@pytest.mark.parametrize("package", ["accelerate", "torch.utils.tensorboard"])
def test_a_missing_extra_is_told(
    package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ExtraMissing, match=r"segsearch\[train\]"):
        Trainer(Guess(), settings(), tmp_path).run()
