"""How far apart two ways to compute the same values may lie: by rounding alone, on any processor.

A number of a format is wrong by up to half its `eps`, and so is every sum and product. A sum of n
terms is therefore wrong by up to n · eps of its size, whatever the order in which it is added up
(Higham, Accuracy and Stability of Numerical Algorithms, §4.2) – and the order is what differs
between processors, instruction sets, thread counts and layouts in memory. Errors mostly cancel
(√n is the rule), so that for a network the sum of what all its layers add up leaves room for
layers that enlarge the errors of those before.

Bit for bit are only copies, codecs, and the very same arithmetic twice on one machine. Where a
reference implementation is to be equalled, float64 tells a mistake from rounding: its bound is
half a billion times tighter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch

EPS = {"float64": 2.0**-52, "float32": 2.0**-23, "float16": 2.0**-10, "bfloat16": 2.0**-7}


def rounding(
    values: Any, terms: int, dtype: torch.dtype | str = "", scale: float | None = None
) -> float:
    """Bound on the difference of two computations of `values`, in their unit.

    Args:
        values: what one of the two gave, an array or a tensor of any shape.
        terms: numbers that are added up on the way to one of them; see `terms_of`.
        dtype: format in which it was computed, torch's or its name; that of `values` by default.
        scale: magnitude of what is added up; by default that of the largest of `values`. Larger
            where much cancels.
    """
    array = as_array(values)
    finite = np.abs(array[np.isfinite(array)])
    largest = float(finite.max(initial=0.0)) if scale is None else scale
    return terms * eps(dtype or values) * largest


def assert_close(
    found: Any,
    expected: Any,
    terms: int,
    dtype: torch.dtype | str = "",
    scale: float | None = None,
) -> None:
    """Fails where `found` and `expected`, of one shape, differ by more than `rounding` allows.

    The format is the coarser of both unless `dtype` names the one they were computed in.
    """
    coarser = max(name_of(found), name_of(expected), key=EPS.__getitem__)
    bound = rounding(expected, terms, dtype or coarser, scale)
    found, expected = as_array(found), as_array(expected)
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=0, atol=bound)


def assert_unit(rows: Any) -> None:
    """Fails where a row (of the last axis) is not of length one: D squares are added up."""
    array = as_array(rows)
    lengths = np.linalg.norm(array, axis=-1)
    assert_close(lengths, np.ones_like(lengths), array.shape[-1], name_of(rows))


def terms_of(*networks: torch.nn.Module) -> int:
    """Numbers added up on the way through networks: by every weight, for one of its outputs."""
    return sum(
        weight[0].numel()
        for network in networks
        for weight in network.parameters()
        if weight.dim() > 1
    )


def as_array(values: Any) -> NDArray[np.float64]:
    """An array or tensor, or a sequence of numbers, as float64, which holds every other format."""
    if hasattr(values, "detach"):
        values = values.detach().cpu().double().numpy()
    return np.asarray(values, np.float64)


def eps(of: Any) -> float:
    """Step from 1 to the next number of a format: one of torch, named, or that values are in."""
    return EPS[name_of(of)]


def name_of(of: Any) -> str:
    """The name of a format of floating numbers; float64 for Python's and for whole ones."""
    name = of if isinstance(of, str) else str(getattr(of, "dtype", of)).removeprefix("torch.")
    return name if name in EPS else "float64"
