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
OUTLINE = """async (masks) => {
  const { RunLengths } = await import("/run_lengths.js");
  const { outlineOf } = await import("/outline.js");
  const context = document.createElement("canvas").getContext("2d");
  return masks.map((mask) => {
    const path = outlineOf(new RunLengths(mask));
    const [height, width] = mask.size;
    const inside = [];
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        inside.push(+context.isPointInPath(path, x + 0.5, y + 0.5, "evenodd"));
      }
    }
    return inside;
  });
}"""
DRAW = """async ([mask, view, width, height]) => {
  const { RunLengths } = await import("/run_lengths.js");
  const { drawMask } = await import("/mask_layer.js");
  const canvas = document.createElement("canvas");
  canvas.width = width + 20;
  canvas.height = height + 10;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const place = { x: 20, y: 10, width, height };
  drawMask(context, new RunLengths(mask), view, place, { style: "fill", line: 0.01 });
  const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
  return Array.from(data.filter((_, i) => i % 4 === 3));
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


def test_an_outline_keeps_every_pixel_on_its_side(look: Callable[..., Any]) -> None:
    """Holes, islands, lines of one pixel, pixels that touch at a corner, the frame's own border."""
    numbers = np.random.default_rng(6)
    masks = [
        np.zeros((3, 4)),
        np.ones((5, 2)),
        np.eye(7),
        np.eye(7)[::-1],
        np.indices((6, 6)).sum(0) % 2,
    ]
    masks += [np.pad(np.ones((1, 9)), 3), np.pad(np.ones((9, 1)), 3), 1 - np.pad([[1]], 3)]
    for _ in range(60):
        shape = numbers.integers(1, 24, 2)
        masks.append(numbers.random(shape) < numbers.random())
    page = look().open()
    found = page.evaluate(OUTLINE, [encoded(np.asarray(mask)) for mask in masks])
    for mask, inside in zip(masks, found, strict=True):
        np.testing.assert_array_equal(np.reshape(inside, np.shape(mask)), mask)


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
        whole = np.reshape(told, (height + 10, width + 20))
        beside = whole[:10].any() or whole[:, :20].any()
        assert not beside
        drawn = whole[10:, 20:] > 0.42 * 127
        columns = view[0] + (np.arange(width) + 0.5) * view[2] / width
        rows = view[1] + (np.arange(height) + 0.5) * view[3] / height
        true = (((columns - 80.5) / 50) ** 2 + ((rows[:, None] - 60.5) / 40) ** 2) < 1
        assert abs(drawn.mean() - true.mean()) < 0.01
        assert (drawn != true).mean() < 0.015
