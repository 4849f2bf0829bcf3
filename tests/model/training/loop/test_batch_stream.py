from collections.abc import Iterable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from model.errors import DataMissing
from model.training.loop.batch_stream import BatchStream, Place, moved
from model.training.loop.seeds import mixed_seed, seed_everything
from model.training.loop.task import Task


def task(batches: int, streamed: bool) -> Task:
    """Epochs of numbers that the seed gives; as a list, or as a generator."""

    def epoch(seed: int) -> Iterable[int]:
        numbers = [seed * 100 + n for n in range(batches)]
        return iter(numbers) if streamed else numbers

    return cast(Task, SimpleNamespace(batches=epoch))


def drawn(stream: BatchStream, number: int) -> list[int]:
    return [stream.draw() for _ in range(number)]


@given(st.integers(1, 5), st.integers(0, 12), st.booleans(), st.integers(0, 3))
def test_from_any_place_the_rest_is_the_same(
    batches: int, taken: int, streamed: bool, seed: int
) -> None:
    whole = BatchStream(task(batches, streamed=False), seed, Place())
    first, place = drawn(whole, taken), whole.place
    assert place.epoch * batches + place.position == taken
    resumed = BatchStream(task(batches, streamed), seed, place)
    rest = drawn(resumed, 7)
    assert drawn(whole, 7) == rest
    assert resumed.place == whole.place
    assert len({*first, *rest}) == taken + 7  # every epoch has its own seed


@given(st.integers(1, 5), st.integers(1, 4), st.booleans())
def test_processes_share_every_batch_once(batches: int, members: int, streamed: bool) -> None:
    shares = [
        drawn(BatchStream(task(batches, streamed), 0, Place(), members, member), 6)
        for member in range(members)
    ]
    together = [share[n] for n in range(6) for share in shares]
    alone = drawn(BatchStream(task(batches, streamed), 0, Place()), 6 * members)
    assert together == alone


def test_a_sequence_is_not_read_where_it_is_passed_over() -> None:
    read: list[int] = []

    class Noting(list[int]):
        def __getitem__(self, index: Any) -> Any:
            read.append(index)
            return super().__getitem__(index)

    noting = cast(Task, SimpleNamespace(batches=lambda _: Noting(range(10))))
    assert BatchStream(noting, 0, Place(0, 8)).draw() == 8
    assert BatchStream(noting, 0, Place(), members=3, member=1).draw() == 1
    assert read == [8, 1]


@pytest.mark.parametrize("streamed", [True, False])
def test_an_epoch_without_a_batch_is_told(streamed: bool) -> None:
    with pytest.raises(DataMissing, match="epoch 1 has no batch"):
        BatchStream(task(0, streamed), 0, Place()).draw()


@dataclass(frozen=True)
class Pair:
    one: torch.Tensor
    rest: tuple[Any, ...]


def test_all_tensors_of_a_batch_are_moved() -> None:
    batch = {"a": Pair(torch.ones(2), (torch.zeros(1), "text", [torch.ones(1), None])), "b": 3}
    there = moved(batch, torch.device("meta"))
    assert there["a"].one.is_meta
    assert there["a"].rest[0].is_meta
    assert there["a"].rest[2][0].is_meta
    assert (there["a"].rest[1], there["a"].rest[2][1], there["b"]) == ("text", None, 3)


def test_seeds_give_all_generators() -> None:
    def numbers() -> list[float]:
        import random

        return [random.random(), np.random.rand(), torch.rand(()).item()]

    seed_everything(mixed_seed(1, 2))
    first = numbers()
    seed_everything(mixed_seed(1, 2))
    assert numbers() == first
    seeds = {mixed_seed(a, b) for a in range(20) for b in range(20)}
    assert len(seeds) == 400
    assert max(seeds) < 2**32
