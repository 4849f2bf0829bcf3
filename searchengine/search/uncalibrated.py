"""Confidence where nobody fitted it: how far a match stands out of what the index holds.

A fitted calibration (`model/calibration.py`) has seen right and wrong answers. This one has not:
it tells whether a score is more than chance would give in an index of this size. So a search for
what is not there has no confident answer, but 80 % here is not "right in four of five cases".
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from indexer.catalog.catalog_reader import CatalogReader
from model.calibration import Calibration
from model.errors import shown
from model.presets.preset import Preset

SAMPLE = 2048
STEEPNESS = 2.0


def unfitted(preset: Preset) -> tuple[str, ...]:
    """A line that no confidence was fitted to a user's own head; none where there is no such."""
    if preset.head is None:
        return ()
    return (f"nobody fitted a confidence to the head {shown(preset.head.name)}: it is a guess",)


def uncalibrated(catalog: CatalogReader) -> Calibration | None:
    """A calibration by a sample of the index's own segments; None where it has none."""
    ids = catalog.segment_ids()
    if not len(ids):
        return None
    places = np.linspace(0, len(ids) - 1, min(len(ids), SAMPLE)).astype(np.int64)
    return standing_out(catalog.vectors_of(ids[places]), len(ids))


def standing_out(sample: NDArray[np.float32], count: int) -> Calibration:
    """Judges a score by its distance from the sample's median, in robust standard deviations.

    One half is where the best of `count` normally distributed chance scores is expected: at
    √(2 ln count) deviations.

    Args:
        sample: G×D unit vectors of segments; what is asked for should be rare among them.
        count: segments that are searched.
    """
    expected = math.sqrt(2 * math.log(max(count, 2)))
    return Calibration.from_background(
        sample,
        (),
        np.zeros((0, sample.shape[1]), np.float32),
        (STEEPNESS, 0.0, 0.0, 0.0, 0.0, -STEEPNESS * expected),
    )
