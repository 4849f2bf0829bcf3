from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Literal

import pytest
import torch
from torch import nn

from model.errors import RecipeInvalid
from model.toml_tables import from_table
from model.training.loop.schedule import END, START, rate_share
from model.training.loop.settings import TrainerSettings
from model.training.loop.task import TaskContext, TaskKind
from model.training.recipe import load_recipe
from model.training.registry import KINDS

RECIPES = sorted(
    path
    for path in (Path(__file__).resolve().parents[3] / "recipes").glob("*.toml")
    if "[task]" in path.read_text(encoding="utf-8")  # the others are configs of curation
)


@dataclass(frozen=True)
class Inner:
    name: str
    share: float = 0.5


@dataclass(frozen=True)
class ToySettings:
    width: int
    sizes: tuple[int, ...] = (1, 2)
    pair: tuple[float, str] = (1.0, "x")
    mode: Literal["fast", "slow"] = "fast"
    deep: bool = False
    note: str | None = None
    inner: tuple[Inner, ...] = ()
    shares: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.width < 1:
            raise ValueError(f"width is {self.width}, expected at least 1")


def build(settings: ToySettings, context: TaskContext) -> nn.Module:
    return nn.Linear(settings.width, context.batch)


TOYS = {"toy": lambda: TaskKind(ToySettings, build)}  # type: ignore[arg-type]
TRAINER = "[trainer]\nsteps = 10\nbatch = 2\nlr = 1\n"


def recipe(folder: Path, text: str) -> Path:
    (folder / "toy.toml").write_text(text)
    return folder / "toy.toml"


def test_a_recipe_is_read_exactly(tmp_path: Path) -> None:
    text = (
        '[task]\nkind = "toy"\nwidth = 3\nsizes = [4]\npair = [2, "y"]\nmode = "slow"\n'
        'deep = true\nnote = "n"\nshares = { a = 1, b = 0.5 }\n'
        '[[task.inner]]\nname = "a"\n[[task.inner]]\nname = "b"\nshare = 1\n' + TRAINER
    )
    read = load_recipe(recipe(tmp_path, text), TOYS)
    inner = (Inner("a"), Inner("b", 1.0))
    assert read.task == ToySettings(
        3, (4,), (2.0, "y"), "slow", True, "n", inner, {"a": 1.0, "b": 0.5}
    )
    assert read.trainer == TrainerSettings(10, 2, 1.0)
    assert type(read.trainer.lr) is float
    assert read.identity["task"]["kind"] == "toy"
    first, again = (read.build(tmp_path, tmp_path, print, TOYS) for _ in range(2))
    assert torch.equal(first.weight, again.weight)  # type: ignore[attr-defined,arg-type]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ("[trainer", "is no TOML"),
        ("[other]\nx = 1\n" + TRAINER, r"\[other\]"),
        (TRAINER, r"\[task\] is missing"),
        ("task = 3\n" + TRAINER, r"\[task\] is missing"),
        ("[task]\nwidth = 1\n" + TRAINER, "kind is 'None': choose one of toy"),
        ('[task]\nkind = "boat"\n' + TRAINER, "kind is 'boat': choose one of toy"),
        ('[task]\nkind = [1]\n' + TRAINER, "kind is"),
        ('[task]\nkind = "toy"\n' + TRAINER, r"\[task\] lacks the key 'width'"),
        ('[task]\nkind = "toy"\nwidth = "3"\n' + TRAINER, r"width is '3', expected an integer"),
        ('[task]\nkind = "toy"\nwidth = 3.0\n' + TRAINER, r"width is 3.0, expected an integer"),
        ('[task]\nkind = "toy"\nwidth = true\n' + TRAINER, r"width is true, expected an integer"),
        ('[task]\nkind = "toy"\nwidth = 0\n' + TRAINER, r"width is 0, expected at least 1"),
        ('[task]\nkind = "toy"\nwidth = 1\nsizes = 3\n' + TRAINER, "sizes is 3, expected a list"),
        ('[task]\nkind = "toy"\nwidth = 1\nsizes = [1, "2"]\n' + TRAINER, r"sizes\[1\] is '2'"),
        ('[task]\nkind = "toy"\nwidth = 1\npair = [1]\n' + TRAINER, "1 values, expected 2"),
        ('[task]\nkind = "toy"\nwidth = 1\nmode = "odd"\n' + TRAINER, "one of 'fast', 'slow'"),
        ('[task]\nkind = "toy"\nwidth = 1\ndeep = 1\n' + TRAINER, "expected true or false"),
        ('[task]\nkind = "toy"\nwidth = 1\ninner = [{nam = "a"}]\n' + TRAINER, "key 'nam'"),
        ('[task]\nkind = "toy"\nwidth = 1\nshares = {a = "x"}\n' + TRAINER, r"shares\.a is 'x'"),
        ('[task]\nkind = "toy"\nwidth = 1\ninner = [3]\n' + TRAINER, "is 3, expected a table"),
        ('[task]\nkind = "toy"\nwidth = 1\n' + TRAINER + "stepz = 3\n", r"\[trainer\].*'stepz'"),
        ('[task]\nkind = "toy"\nwidth = 1\n' + TRAINER + 'ema = 1.0\n', "ema is 1.0"),
        ('[task]\nkind = "toy"\nwidth = 1\n' + TRAINER + 'schedule = "up"\n', "choose one of 'cos"),
        ('[task]\nkind = "toy"\nwidth = 1\n[trainer]\nsteps = 0\nbatch = 1\nlr = 1', "steps is 0"),
        ('[task]\nkind = "toy"\nwidth = 1\n[trainer]\nsteps = 1\nbatch = 1\nlr = nan', "lr is nan"),
    ],
)  # fmt: skip
def test_a_faulty_recipe_is_told_in_one_line(change: str, named: str, tmp_path: Path) -> None:
    with pytest.raises(RecipeInvalid, match=named) as told:
        load_recipe(recipe(tmp_path, change), TOYS)
    assert "toy.toml" in str(told.value)
    assert "\n" not in str(told.value)


def test_a_recipe_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(RecipeInvalid, match="recipes/"):
        load_recipe(tmp_path / "none.toml")
    (tmp_path / "odd.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(RecipeInvalid, match="is no TOML"):
        load_recipe(tmp_path / "odd.toml")


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_the_recipes_here_are_understood(path: Path) -> None:
    assert load_recipe(path).kind in KINDS


def test_tables_of_nothing_name_nothing() -> None:
    @dataclass(frozen=True)
    class Nothing:
        pass

    with pytest.raises(RecipeInvalid, match="it has no settings"):
        from_table(Nothing, {"x": 1}, "[task]")


def rates(**changes: object) -> list[float]:
    chosen = TrainerSettings(**{"steps": 200, "batch": 1, "lr": 1.0, **changes})  # type: ignore[arg-type]
    return [rate_share(step, chosen) for step in range(chosen.steps)]


def test_the_cosine_warms_up_and_falls_to_nothing() -> None:
    found = rates(warmup=0.1)
    assert found[:20] == pytest.approx([(n + 1) / 20 for n in range(20)])
    assert found[20] == max(found) == 1
    assert found[110] == pytest.approx(0.5)
    assert 0 < found[-1] < 1e-3
    assert all(a >= b for a, b in pairwise(found[20:]))
    assert rates(warmup=0.0)[0] == 1


def test_one_cycle_rises_and_falls_along_cosines() -> None:
    found = rates(schedule="one-cycle", warmup=0.25)
    assert found[0] == pytest.approx(START)
    assert found[25] == pytest.approx((1 + START) / 2)
    assert found[50] == max(found) == 1
    assert END < found[-1] < 1e-3


def test_one_cycle_is_torchs_own() -> None:
    parameter = nn.Parameter(torch.zeros(1))
    optimiser = torch.optim.AdamW([parameter], lr=1.0)
    # torch counts the last step of the rise and of the fall in; one step more of each is ours
    torchs = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, 1.0, total_steps=201, pct_start=51 / 201, div_factor=25, final_div_factor=400
    )
    expected = []
    for _ in range(200):
        expected.append(torchs.get_last_lr()[0])
        optimiser.step()
        torchs.step()
    assert rates(schedule="one-cycle", warmup=0.25) == pytest.approx(expected, abs=1e-6)


def test_a_constant_rate_stays() -> None:
    found = rates(schedule="constant", warmup=0.1)
    assert found[19:] == [1.0] * 181
    assert found[0] == 0.05
