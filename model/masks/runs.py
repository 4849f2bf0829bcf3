"""Run lengths measured without making their mask, and without trusting them.

pycocotools believes what it is given: runs that end early leave part of a mask undefined.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_DIGIT, _MORE, _NEGATIVE = 0x1F, 0x20, 0x10
_LARGEST = _DIGIT | _MORE
_LONGEST = 7  # digits of 5 bits: runs of up to 2**34 pixels
_AT_ONCE = 256  # masks


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
    if not len(last) or last[-1] != len(digits) - 1 or digits.min() < 0 or digits.max() > _LARGEST:
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

    Many are measured in one pass, so that masks out of a file can be judged before any library is
    given them.

    Args:
        counts: N COCO compressed run lengths, whatever bytes they are.
        pixels: N int64, height times width of each frame.
    """
    result = np.full(len(counts), -1, np.int64)
    for start in range(0, len(counts), _AT_ONCE):
        some = slice(start, start + _AT_ONCE)
        result[some] = _covered(counts[some], pixels[some])
    return result


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
    length = np.fromiter(map(len, counts), np.int64, len(counts))
    digits = np.frombuffer(b"".join(counts), np.uint8) - np.uint8(48)
    finish = np.flatnonzero(digits < _MORE)
    first = np.searchsorted(finish, np.cumsum(length) - length)
    runs = _runs(_numbers(digits, finish, np.diff(finish, prepend=-1)), first)
    mask = np.repeat(np.arange(len(counts)), np.diff(first, append=len(runs)))
    odd = (np.arange(len(runs)) - first[mask]) % 2 == 1
    passed = np.cumsum(runs) - mask * pixels
    some = odd & (runs > 0)
    return mask[some], (passed - runs)[some], passed[some]


def _covered(counts: Sequence[bytes], pixels: NDArray[np.int64]) -> NDArray[np.int64]:
    """`covered`, of as many masks as a processor's cache holds."""
    length = np.fromiter(map(len, counts), np.int64, len(counts))
    # in 8 bits: what is below the first digit comes out above the last
    digits = np.frombuffer(b"".join(counts), np.uint8) - np.uint8(48)
    end = np.cumsum(length)
    bad = length == 0
    bad[~bad] = digits[end[~bad] - 1] >= _MORE
    bad[np.searchsorted(end, np.flatnonzero(digits > _LARGEST), side="right")] = True
    if not bad.any():  # so each number's digits are of one mask
        finish = np.flatnonzero(digits < _MORE)
        size = np.diff(finish, prepend=-1)
        bad[np.searchsorted(end, finish[size > _LONGEST], side="right")] = True
    if bad.any():
        result = np.full(len(counts), -1, np.int64)
        sound = np.flatnonzero(~bad)
        if len(sound):
            result[sound] = _covered([counts[i] for i in sound.tolist()], pixels[sound])
        return result
    first = np.searchsorted(finish, end - length)
    runs = _runs(_numbers(digits, finish, size), first)
    least, total = np.minimum.reduceat(runs, first), np.add.reduceat(runs, first)
    np.negative(runs[1::2], out=runs[1::2])
    more = np.add.reduceat(runs, first)  # of the one kind than of the other
    area = (total + np.where(first % 2, more, -more)) // 2
    return np.asarray(np.where((least >= 0) & (total == pixels), area, -1))


def _numbers(
    digits: NDArray[np.uint8], finish: NDArray[np.int64], size: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Numbers told by digits of 5 bits, the lowest first.

    Args:
        digits: the digits of all numbers, each with a sixth bit that says whether more follow.
        finish: place of each number's last digit.
        size: number of its digits.
    """
    begin = finish - size + 1
    values = (digits[begin] & _DIGIT).astype(np.int64)
    for place in range(1, int(size.max())):
        longer = np.flatnonzero(size > place)
        values[longer] |= (digits[begin[longer] + place] & _DIGIT).astype(np.int64) << (5 * place)
    negative = np.flatnonzero((digits[finish] & _NEGATIVE) != 0)
    values[negative] -= 1 << (5 * size[negative])
    return np.asarray(values)


def _runs(values: NDArray[np.int64], first: NDArray[np.int64]) -> NDArray[np.int64]:
    """Run lengths of masks whose numbers lie behind each other, as `runs_of` gives those of one.

    Args:
        values: numbers of all masks; from the fourth of a mask on, each is the difference to the
            run before the last.
        first: place of each mask's first number.
    """
    sums, before = np.empty_like(values), np.empty_like(values)
    for parity in (0, 1):
        np.cumsum(values[parity::2], out=sums[parity::2])
    # what each second sum holds of the masks before, and of this mask's first number
    of_second, of_third = np.where(first > 0, sums[first - 1], 0), sums[first]
    many = np.diff(first, append=len(values))
    for parity in (0, 1):
        held = np.where(first % 2 == parity, of_third, of_second)
        before[parity::2] = np.repeat(held, many)[parity::2]
    runs = sums - before
    runs[first] = values[first]
    return runs
