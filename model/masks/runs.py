"""Run lengths measured without making their mask, and without trusting them.

pycocotools believes what it is given: runs that end early leave part of a mask undefined.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_DIGIT, _MORE, _NEGATIVE = 0x1F, 0x20, 0x10
_LONGEST = 7  # digits of 5 bits: runs of up to 2**34 pixels


def area_of(counts: bytes, size: tuple[int, int]) -> int:
    """Pixels that COCO compressed run lengths cover in a mask of `size` (height, width).

    Raises:
        ValueError: the bytes are not the run lengths of a mask of this size.
    """
    runs = runs_of(counts)
    if (runs < 0).any() or runs.sum() != size[0] * size[1]:
        raise ValueError(f"run lengths do not fit a mask of {size}")
    return int(runs[1::2].sum())


def runs_of(counts: bytes) -> NDArray[np.int64]:
    """The lengths, in pixels, of background and mask by turns, background first; int64.

    Raises:
        ValueError: these bytes are no run lengths.
    """
    digits = np.frombuffer(counts, np.uint8).astype(np.int64) - 48
    last = np.flatnonzero((digits & _MORE) == 0)
    if not len(last) or last[-1] != len(digits) - 1 or digits.min() < 0 or digits.max() > 63:
        raise ValueError("these bytes are no run lengths")
    first = np.concatenate([[0], last[:-1] + 1])
    lengths = last - first + 1
    if lengths.max() > _LONGEST:
        raise ValueError("a run is longer than any photo")
    places = np.arange(len(digits)) - np.repeat(first, lengths)
    values = np.add.reduceat((digits & _DIGIT) << (5 * places), first)
    values -= np.where(digits[last] & _NEGATIVE, 1 << (5 * lengths), 0)
    # from the fourth on, each is the difference to the one before the last
    values[1::2] = np.cumsum(values[1::2])
    values[2::2] = np.cumsum(values[2::2])
    return values


def compressed(starts: NDArray[np.int64], ends: NDArray[np.int64], size: tuple[int, int]) -> bytes:
    """COCO compressed run lengths of a mask told by where its runs start and end.

    Args:
        starts: pixels counted down the columns, ascending; int64.
        ends: ends of the runs, exclusive; no run starts before the one before has ended.
        size: (height, width) of the mask, pixels.
    """
    apart = starts[1:] != ends[:-1]
    edges = np.zeros(2 * (int(apart.sum()) + bool(len(starts))) + 2, np.int64)
    edges[1:-1:2] = starts[np.append(np.ones(min(len(starts), 1), np.bool_), apart)]
    edges[2:-1:2] = ends[np.append(apart, np.ones(min(len(ends), 1), np.bool_))]
    edges[-1] = size[0] * size[1]
    values = np.diff(edges)
    if len(starts) and edges[-2] == edges[-1]:
        values = values[:-1]  # the mask holds the last pixel: no background follows
    values[3:] -= values[1:-2].copy()
    # as few digits of 5 bits as hold the value and its sign
    magnitude = np.where(values < 0, ~values, values)
    digits = np.ones(len(values), np.int64)
    for more in range(1, _LONGEST):
        digits += magnitude >= 1 << (5 * more - 1)
    value = np.repeat(np.arange(len(values)), digits)
    place = np.arange(len(value)) - np.repeat(np.cumsum(digits) - digits, digits)
    coded = (values[value] >> (5 * place)) & _DIGIT
    coded |= np.where(place + 1 < digits[value], _MORE, 0)
    return (coded + 48).astype(np.uint8).tobytes()


def covered(counts: Sequence[bytes], pixels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Pixels that each of N masks covers, or -1 where its run lengths do not fit its frame.

    One pass over all of them, so that masks out of a file can be judged before any library is
    given them.

    Args:
        counts: N COCO compressed run lengths, whatever bytes they are.
        pixels: N int64, height times width of each frame.
    """
    result = np.full(len(counts), -1, np.int64)
    length = np.fromiter(map(len, counts), np.int64, len(counts))
    digits = np.frombuffer(b"".join(counts), np.uint8).astype(np.int64) - 48
    end = np.cumsum(length)
    owner = np.repeat(np.arange(len(counts)), length)
    bad = length == 0
    bad[owner[(digits < 0) | (digits > 63)]] = True
    whole = ~bad
    bad[whole] = (digits[end[whole] - 1] & _MORE) != 0
    last = (digits & _MORE) == 0
    # a run of more digits than any photo has pixels: no end among so many bytes
    more = np.convolve(~last, np.ones(_LONGEST, np.int64))[: len(digits)] if len(digits) else last
    bad[owner[np.flatnonzero(more >= _LONGEST)]] = True
    if bad.any():
        sound = np.flatnonzero(~bad)
        if len(sound):
            result[sound] = covered([counts[i] for i in sound.tolist()], pixels[sound])
        return result
    if not len(counts):
        return result
    runs, first, odd = _run_table(digits, owner, len(counts))
    fits = (np.minimum.reduceat(runs, first) >= 0) & (np.add.reduceat(runs, first) == pixels)
    return np.where(fits, np.add.reduceat(np.where(odd, runs, 0), first), -1)


def mask_runs(
    counts: Sequence[bytes], size: tuple[int, int]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Runs of pixels that each of N masks covers, mask after mask, from the first on.

    Args:
        counts: N COCO compressed run lengths.
        size: (height, width) of their frame, pixels.

    Returns:
        Of R runs, int64 each: the number of its mask; its first pixel, counted down the columns;
        and the pixel after its last.

    Raises:
        ValueError: the bytes are not the run lengths of masks of this size.
    """
    pixels = size[0] * size[1]
    if (covered(counts, np.full(len(counts), pixels, np.int64)) < 0).any():
        raise ValueError(f"run lengths do not fit a mask of {size}")
    if not len(counts):
        return (np.zeros(0, np.int64),) * 3
    digits = np.frombuffer(b"".join(counts), np.uint8).astype(np.int64) - 48
    owner = np.repeat(np.arange(len(counts)), np.fromiter(map(len, counts), np.int64))
    runs, first, odd = _run_table(digits, owner, len(counts))
    mask = np.repeat(np.arange(len(counts)), np.diff(np.append(first, len(runs))))
    passed = np.cumsum(runs) - mask * pixels
    some = odd & (runs > 0)
    return mask[some], (passed - runs)[some], passed[some]


def _run_table(
    digits: NDArray[np.int64], owner: NDArray[np.int64], count: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    """Lengths of all runs of masks, where the first of each mask stands, and which are of pixels
    inside; of the digits of sound run lengths and the number of each one's mask."""
    last = (digits & _MORE) == 0
    finish = np.flatnonzero(last)
    begin = np.concatenate([[0], finish[:-1] + 1])
    size = finish - begin + 1
    values = np.add.reduceat(
        (digits & _DIGIT) << (5 * (np.arange(len(digits)) - np.repeat(begin, size))), begin
    )
    values -= np.where(digits[finish] & _NEGATIVE, 1 << (5 * size), 0)
    mask = owner[finish]
    first = np.searchsorted(mask, np.arange(count))
    place = np.arange(len(values)) - first[mask]
    odd = place % 2 == 1
    # from the fourth on, each is the difference to the one before the last
    runs = np.where(odd, _sums_within(np.where(odd, values, 0), first, mask), values)
    later = ~odd & (place > 0)
    runs = np.where(later, _sums_within(np.where(later, values, 0), first, mask), runs)
    return runs, first, odd


def _sums_within(
    values: NDArray[np.int64], first: NDArray[np.int64], mask: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Running sums that begin anew with each mask."""
    sums = np.cumsum(values)
    return np.asarray(sums - (sums - values)[first][mask])
