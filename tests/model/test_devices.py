from contextvars import copy_context

import pytest
import torch

from model.devices import (
    PRECISIONS,
    be_worker,
    best_device,
    chosen_dtype,
    convolution_dtype,
    named_device,
)
from model.errors import DeviceMissing


def test_the_cpu_is_used_where_there_is_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert best_device() == torch.device("cpu")


@pytest.mark.parametrize(
    ("worker", "gpus", "expected"), [(0, 1, 0), (3, 1, 0), (1, 4, 1), (6, 4, 2)]
)
def test_workers_take_one_gpu_each_in_turn(
    worker: int, gpus: int, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)

    def place() -> torch.device:
        be_worker(worker)
        return best_device()

    assert copy_context().run(place) == torch.device("cuda", expected)
    assert best_device() == torch.device("cuda", 0)


def test_a_device_goes_by_its_name_if_it_is_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert named_device("auto") == best_device()
    assert named_device("cpu") == torch.device("cpu")
    assert named_device("cuda:1") == torch.device("cuda", 1)
    with pytest.raises(DeviceMissing, match="'cuda:2' is not on this machine"):
        named_device("cuda:2")


@pytest.mark.parametrize("precision", PRECISIONS[1:])
def test_a_precision_that_is_named_is_taken(precision: str) -> None:
    assert chosen_dtype(precision, torch.device("cpu")) == getattr(torch, precision)


@pytest.mark.parametrize(
    ("precision", "able", "expected"),
    [
        ("auto", {"amx_bf16": True}, torch.bfloat16),
        ("auto", {"avx512_bf16": True}, torch.float32),
        ("auto", {}, torch.float32),
        ("bfloat16", {}, torch.bfloat16),
        ("float32", {"amx_bf16": True}, torch.float32),
    ],
)
def test_convolutions_are_rounded_of_themselves_only_where_that_is_quicker(
    precision: str,
    able: dict[str, bool],
    expected: torch.dtype,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX512")
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: able, raising=False)
    assert convolution_dtype(precision) == expected


@pytest.mark.parametrize(
    ("able", "expected"),
    [
        ({"amx_bf16": True}, torch.bfloat16),
        ({"avx512_bf16": True}, torch.bfloat16),
        ({"avx512_bf16": False}, torch.float32),
        ({}, torch.float32),
    ],
)
def test_the_cpu_s_instructions_decide(
    able: dict[str, bool], expected: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX512")
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: able, raising=False)
    assert chosen_dtype("auto", torch.device("cpu")) == expected


@pytest.mark.parametrize("allowed", ["DEFAULT", "AVX2"])
def test_instructions_that_are_not_to_be_used_do_not_count(
    allowed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: allowed)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_bf16": True}, raising=False)
    assert chosen_dtype("auto", torch.device("cpu")) == torch.float32


@pytest.mark.parametrize(("able", "expected"), [(True, torch.bfloat16), (False, torch.float16)])
def test_the_gpu_s_age_decides(
    able: bool, expected: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: able)
    assert chosen_dtype("auto", torch.device("cuda")) == expected


def test_an_unknown_precision_is_told() -> None:
    with pytest.raises(ValueError, match="auto, float32"):
        chosen_dtype("int4", torch.device("cpu"))
