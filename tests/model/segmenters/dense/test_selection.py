from __future__ import annotations

import numpy as np
import pytest
import torch
from closeness import assert_close
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from model.segmenters.dense.head import HYPOTHESES, DenseProposals
from model.segmenters.dense.selection import (
    Distinct,
    Selection,
    chosen_segments,
    rough_segments,
    varied,
)


def painted() -> DenseProposals:
    """Two squares of their own prototypes; cells know the one they lie in, and little else."""
    prototypes = torch.full((2, 32, 48), -6.0)
    prototypes[0, 4:16, 4:16] = 6
    prototypes[1, 20:30, 30:44] = 6
    coefficients = torch.zeros(16, 24, HYPOTHESES, 3)
    coefficients[..., 2] = 2
    quality = torch.full((16, 24, HYPOTHESES), -4.0)
    coefficients[2:8, 2:8, 1, 0] = 1
    quality[2:8, 2:8, 1] = 3
    coefficients[10:15, 15:22, 0, 1] = 1
    quality[10:15, 15:22, 0] = 2
    windows = torch.zeros(16, 24, HYPOTHESES, 4)
    windows[..., 2:] = 2
    return DenseProposals(prototypes, coefficients, windows, quality)


def drawn_by_chance(seed: int, rows: int = 16, columns: int = 24) -> DenseProposals:
    random = torch.Generator().manual_seed(seed)

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=random)

    cells = (rows, columns, HYPOTHESES)
    return DenseProposals(
        draw(4, 2 * rows, 2 * columns), draw(*cells, 5), draw(*cells, 4) * 0.3, draw(*cells)
    )


def test_each_thing_is_found_once_and_the_surest_comes_first() -> None:
    segments = chosen_segments([painted()], (64, 96), Selection(overlap=0.5))
    first, second = segments.masks()[:2]
    assert first[12:28, 12:28].all()
    assert first.sum() == pytest.approx(24 * 24, rel=0.1)
    assert second[44:56, 64:84].all()
    assert segments.quality[0] > segments.quality[1]
    overlaps = [(first & mask).sum() / (first | mask).sum() for mask in segments.masks()[1:]]
    assert max(overlaps) < 0.5


def test_what_is_seen_in_two_views_is_one_segment_and_surer() -> None:
    near, far = painted(), painted()
    halves = {name: getattr(far, name)[::2, ::2] for name in ("coefficients", "windows", "quality")}
    small = DenseProposals(functional.avg_pool2d(far.prototypes[None], 2)[0], **halves)
    alone = chosen_segments([near], (64, 96), Selection(overlap=0.5))
    both = chosen_segments([near, small], (64, 96), Selection(overlap=0.5))
    assert (both.masks()[:2] & alone.masks()[:2]).sum() > 0.9 * alone.masks()[:2].sum()
    assert (both.quality[:2] > alone.quality[:2]).all()
    assert len(both) == len(alone)


def test_what_only_a_smaller_view_sees_is_drawn_where_it_lies() -> None:
    blind = painted()
    blind.quality.fill_(-9)
    small = DenseProposals(
        functional.avg_pool2d(painted().prototypes[None], 2)[0],
        *(part[::2, ::2] for part in (painted().coefficients, painted().windows)),
        painted().quality[::2, ::2],
    )
    first = chosen_segments([blind, small], (64, 96), Selection()).masks()[0]
    assert first[12:28, 12:28].all()
    assert first.sum() == pytest.approx(24 * 24, rel=0.25)


def test_no_more_than_asked_for_and_none_too_small() -> None:
    assert len(chosen_segments([painted()], (64, 96), Selection(most=1))) == 1
    large = chosen_segments([painted()], (64, 96), Selection(smallest=0.5))
    assert (large.areas >= 0.4 * 64 * 96).all()
    assert len(chosen_segments([painted()], (64, 96), Selection(smallest=1.1))) == 0


def iou(one: torch.Tensor, other: torch.Tensor) -> float:
    common = float((one * other).sum())
    return common / (float(one.square().sum() + other.square().sum()) - common)


@pytest.mark.parametrize("wanted", [5, 20])
def test_of_all_proposals_the_best_are_taken_as_by_the_naive_loop(wanted: int) -> None:
    views = [drawn_by_chance(3), drawn_by_chance(4, 8, 12)]
    selection = Selection(most=wanted, overlap=0.6, smallest=0.01, agreement=0.4, alike=0.3)
    chosen = chosen_segments(views, (32, 48), selection)

    every: list[tuple[float, float, torch.Tensor]] = []  # rank, quality, cover
    for proposals in views:
        rows, columns, _ = proposals.quality.shape
        prototypes = functional.adaptive_avg_pool2d(proposals.prototypes[None], (16, 24))[0]
        rough = DenseProposals(
            prototypes, proposals.coefficients, proposals.windows, proposals.quality
        )
        for hypothesis in range(HYPOTHESES):
            for row in range(0, rows, 2):
                for column in range(0, columns, 2):
                    block = proposals.quality[row : row + 2, column : column + 2, hypothesis]
                    y, x = divmod(int(block.argmax()), 2)
                    cell = torch.tensor([(row + y) * columns + column + x])
                    logits = rough.masks(cell, torch.tensor([hypothesis]))[0]
                    cover = (logits > 0).float().reshape(8, 2, 12, 2).mean(dim=(1, 3))
                    steady = (logits > 1).sum() / (logits > -1).sum().clamp(min=1)
                    quality = float(block.max().sigmoid())
                    rank = quality * float(steady) if cover.mean() >= 0.01 else -1.0
                    every.append((rank, quality, cover))
    kept: list[tuple[float, torch.Tensor]] = []
    for rank, _, cover in sorted(every, key=lambda one: -one[0]):
        if rank >= 0 and all(iou(cover, other) <= 0.6 for _, other in kept):
            kept.append((rank, cover))
    assert len(kept) > 60
    pool = []
    for rank, cover in kept[: 3 * wanted]:
        support = sum(quality for _, quality, other in every if iou(cover, other) > 0.3)
        pool.append((rank * (1 + support) ** 0.4, cover))
    taken: list[tuple[float, torch.Tensor]] = []
    for _ in range(wanted):

        def left(one: tuple[float, torch.Tensor]) -> float:
            return one[0] * (1 - 0.6 * max((iou(one[1], other) for _, other in taken), default=0))

        pool.sort(key=left, reverse=True)
        taken.append(pool.pop(0))
    ranks = np.array(sorted((rank for rank, _ in taken), reverse=True))
    assert_close(chosen.quality, ranks / (ranks + 1.8), terms=len(every), scale=1)


def test_variety_prefers_what_is_unlike_and_without_it_rank_decides() -> None:
    rank = np.array([1.0, 0.9, 0.8, 0.5], np.float32)
    alike = np.eye(4, dtype=np.float32)
    alike[0, 1] = alike[1, 0] = 0.7
    assert varied(rank, alike, 2, 0.6).tolist() == [0, 2]
    assert varied(rank, alike, 3, 0.6).tolist() == [0, 1, 2]
    assert varied(rank, alike, 2, 0).tolist() == [0, 1]
    assert varied(rank, alike, 9, 1).tolist() == [0, 1, 2, 3]
    assert varied(0 * rank, alike, 9, 1).tolist() == [0, 1, 2, 3]


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1), st.integers(1, 30), st.floats(0.1, 0.9))
def test_suppression_of_one_part_equals_the_naive_loop(seed: int, n: int, overlap: float) -> None:
    random = np.random.default_rng(seed)
    masks = random.random((n, 24)) < random.random((n, 1))
    masks[:, 0] = True
    rank = random.permutation(n) - 3.0
    kept: list[int] = []
    for index in np.argsort(-rank):
        ious = [(masks[index] & masks[k]).sum() / (masks[index] | masks[k]).sum() for k in kept]
        if rank[index] >= 0 and not any(iou > np.float32(overlap) for iou in ious):
            kept.append(int(index))
    distinct = Distinct(overlap)
    distinct.offer(torch.arange(n), torch.from_numpy(masks).float(), torch.from_numpy(rank).float())
    assert len(distinct) == len(kept)
    names, ranks = distinct.best(10)
    assert names.tolist() == kept[:10]
    assert ranks.tolist() == rank[kept[:10]].tolist()


def test_what_an_earlier_part_holds_is_not_taken_again() -> None:
    cover = torch.eye(4)
    distinct = Distinct(0.5)
    distinct.offer(torch.tensor([7, 8]), cover[:2], torch.tensor([0.2, 0.3]))
    distinct.offer(torch.tensor([9, 10]), cover[1:3], torch.tensor([0.9, 0.8]))
    assert distinct.best(5)[0].tolist() == [10, 8, 7]


def test_rough_segments_are_the_same_masks_before_they_are_mended() -> None:
    fine = chosen_segments([painted()], (64, 96), Selection(specks=0))
    rough = rough_segments([painted()], (64, 96), Selection(specks=0.4))
    assert rough.counts == fine.counts
    np.testing.assert_array_equal(rough.quality, fine.quality)
    assert (rough.parents == -1).all()
    assert len(rough_segments([painted()], (64, 96), Selection(smallest=1.1))) == 0


def test_small_masks_are_kept_beside_the_others_which_stay_the_same() -> None:
    views = [drawn_by_chance(4)]
    plain, more = (
        chosen_segments(views, (64, 96), Selection(most=12, overlap=0.9, small=0.1, added=added))
        for added in (0, 5)
    )
    assert (len(plain), len(more)) == (12, 17)
    told = dict(zip(more.counts, more.quality.tolist(), strict=True))
    assert all(told[c] == q for c, q in zip(plain.counts, plain.quality.tolist(), strict=True))
    added = [i for i, counts in enumerate(more.counts) if counts not in plain.counts]
    assert (more.areas[added] <= 0.1 * 1.2 * 64 * 96).all()  # counted in cells, without specks
    assert (np.diff(more.quality) <= 0).all()


def test_small_masks_are_added_one_after_the_other_and_varied() -> None:
    rank = np.array([9, 8, 7, 6, 5, 4], np.float32)
    alike = np.eye(6, dtype=np.float32)
    alike[3, 4] = alike[4, 3] = 0.9
    small = np.array([0, 1, 0, 1, 1, 1], np.bool_)
    assert varied(rank, alike, 2, 0.6, small, 2).tolist() == [0, 1, 3, 5]
    assert varied(rank, alike, 2, 0.6, small, 9).tolist() == [0, 1, 3, 4, 5]
    assert varied(rank, alike, 2, 0.6).tolist() == [0, 1]
    assert varied(rank, alike, 9, 0.6, small, 3).tolist() == [0, 1, 2, 3, 4, 5]


def test_masks_above_the_largest_are_left_out() -> None:
    views = [drawn_by_chance(4)]
    every = chosen_segments(views, (64, 96), Selection(most=1000, overlap=0.9))
    few = chosen_segments(views, (64, 96), Selection(most=1000, overlap=0.9, largest=0.1))
    assert 0 < len(few) < len(every)
    assert few.areas.max() <= 0.1 * 1.2 * 64 * 96 < every.areas.max()
