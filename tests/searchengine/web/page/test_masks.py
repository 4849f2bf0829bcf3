"""Masks in the browser are those of pycocotools, and so is what is drawn of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from pycocotools import mask as coco

READ = """async (masks) => {
  const { RunLengths } = await import("/run_lengths.js");
  return masks.map((mask) => {
    const read = new RunLengths(mask);
    const pixels = read.pixels();
    const covers = [];
    for (let y = 0; y < read.height; y++) {
      for (let x = 0; x < read.width; x++) covers.push(+read.covers(x, y));
    }
    return [Array.from(pixels), covers];
  });
}"""
DRAW = """async ([mask, view, width, height]) => {
  const { RunLengths } = await import("/run_lengths.js");
  const { coverage } = await import("/mask_layer.js");
  return Array.from(coverage(new RunLengths(mask), view, width, height));
}"""
REFUSE = """async (counts) => {
  const { RunLengths } = await import("/run_lengths.js");
  const refused = (each) => {
    try {
      new RunLengths({ size: [4, 4], counts: each });
      return false;
    } catch (error) {
      return error instanceof RangeError;
    }
  };
  return counts.map(refused);
}"""


def encoded(mask: np.ndarray) -> dict[str, Any]:
    """A mask as the API tells it."""
    told = coco.encode(np.asfortranarray(mask.astype(np.uint8)))
    return {"size": list(mask.shape), "counts": told["counts"].decode("ascii")}


def test_run_lengths_are_those_of_pycocotools(look: Callable[..., Any]) -> None:
    numbers = np.random.default_rng(5)
    masks = [np.zeros((3, 4)), np.ones((5, 2)), np.eye(7), np.zeros((900, 60))]
    masks[3][450:, 30:] = 1
    for _ in range(60):
        shape = numbers.integers(1, 24, 2)
        masks.append(numbers.random(shape) < numbers.random())
    page = look().open()
    for mask, (pixels, covers) in zip(
        masks, page.evaluate(READ, [encoded(mask) for mask in masks]), strict=True
    ):
        np.testing.assert_array_equal(np.reshape(pixels, mask.shape), mask)
        np.testing.assert_array_equal(np.reshape(covers, mask.shape), mask)


def test_run_lengths_that_are_none_are_refused(look: Callable[..., Any]) -> None:
    page = look().open()
    bad = ["P", "0PPPPPPPPP", "\x00", "0é", "oo0", "O", "99999"]
    assert page.evaluate(REFUSE, bad) == [True] * len(bad)


def test_what_is_drawn_covers_what_the_mask_covers(look: Callable[..., Any]) -> None:
    y, x = np.mgrid[:120, :160]
    mask = ((x - 80) / 50) ** 2 + ((y - 60) / 40) ** 2 < 1
    page = look().open()
    for view, width, height in (
        ((0, 0, 160, 120), 160, 120),  # as it is
        ((0, 0, 160, 120), 40, 30),  # made smaller
        ((20, 10, 120, 100), 360, 300),  # made larger
        ((90.5, 40.25, 30, 20), 300, 200),  # a part of it
    ):
        given = dict(zip(("x", "y", "width", "height"), view, strict=True))
        told = page.evaluate(DRAW, [encoded(mask), given, width, height])
        drawn = np.reshape(told, (height, width))
        columns = view[0] + (np.arange(width) + 0.5) * view[2] / width
        rows = view[1] + (np.arange(height) + 0.5) * view[3] / height
        true = (((columns - 80.5) / 50) ** 2 + ((rows[:, None] - 60.5) / 40) ** 2) < 1
        assert abs((drawn > 127).mean() - true.mean()) < 0.01
        assert ((drawn > 127) != true).mean() < 0.02
