import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from model.encoders.efficientnet import CHANNELS, FINE_CHANNELS
from model.images import Image
from model.segmenters.dense import DenseSegmenter, Distinct, Selection, chosen_segments
from model.segmenters.dense_head import HYPOTHESES, DenseProposals
from model.segmenters.dense_network import DenseNetwork


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


def test_each_thing_is_found_once_and_the_surest_comes_first() -> None:
    segments = chosen_segments(painted(), (64, 96), Selection(overlap=0.5))
    first, second = segments.masks()[:2]
    assert first[12:28, 12:28].all()
    assert first.sum() == pytest.approx(24 * 24, rel=0.1)
    assert second[44:56, 64:84].all()
    assert segments.quality[0] > segments.quality[1]
    overlaps = [(first & mask).sum() / (first | mask).sum() for mask in segments.masks()[1:]]
    assert max(overlaps) < 0.5


def test_no_more_than_asked_for_and_none_too_small() -> None:
    assert len(chosen_segments(painted(), (64, 96), Selection(most=1))) == 1
    large = chosen_segments(painted(), (64, 96), Selection(smallest=0.5))
    assert (large.areas >= 0.4 * 64 * 96).all()
    assert len(chosen_segments(painted(), (64, 96), Selection(smallest=1.1))) == 0


def test_of_all_proposals_the_best_are_taken_as_by_the_naive_loop() -> None:
    random = torch.Generator().manual_seed(3)

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=random)

    proposals = DenseProposals(
        draw(4, 32, 48), draw(16, 24, 3, 5), draw(16, 24, 3, 4) * 0.3, draw(16, 24, 3)
    )
    chosen = chosen_segments(proposals, (32, 48), Selection(most=20, overlap=0.6, smallest=0.01))

    ranked = []
    rough = proposals.reduced()
    for hypothesis in range(HYPOTHESES):
        for row in range(0, 16, 2):
            for column in range(0, 24, 2):
                block = proposals.quality[row : row + 2, column : column + 2, hypothesis]
                y, x = divmod(int(block.argmax()), 2)
                cell = (row + y) * 24 + column + x
                logits = rough.masks(torch.tensor([cell]), torch.tensor([hypothesis]))[0]
                cover = (logits > 0).float().reshape(8, 2, 12, 2).mean(dim=(1, 3))
                steady = (logits > 1).sum() / (logits > -1).sum().clamp(min=1)
                if cover.mean() >= 0.01:
                    ranked.append((float(block.max().sigmoid() * steady), cover))
    kept: list[tuple[float, torch.Tensor]] = []
    for rank, cover in sorted(ranked, key=lambda one: -one[0]):
        common = [float((cover * other).sum()) for _, other in kept]
        squares = [float(cover.square().sum() + other.square().sum()) for _, other in kept]
        if all(c <= 0.6 * (s - c) for c, s in zip(common, squares, strict=True)):
            kept.append((rank, cover))
    np.testing.assert_allclose(chosen.quality, [rank for rank, _ in kept[:20]], rtol=1e-4)


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
        if rank[index] >= 0 and not any(iou > overlap for iou in ious):
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


@pytest.fixture(scope="module")
def untrained(tmp_path_factory: pytest.TempPathFactory) -> DenseSegmenter:
    torch.manual_seed(0)
    network = DenseNetwork((FINE_CHANNELS, *CHANNELS[:3]), width=8, fine=8, prototypes=4)
    path = tmp_path_factory.mktemp("weights") / "masks.safetensors"
    network.save(path)
    return DenseSegmenter(path, side=96)


@pytest.mark.parametrize("size", [(90, 120), (1, 1), (3, 200), (300, 200)])
def test_photos_of_any_shape_are_segmented(
    untrained: DenseSegmenter, size: tuple[int, int]
) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (*size, 3)).astype(np.uint8)
    segments = untrained.segment(Image(pixels, size))
    longest = max(size)
    assert segments.size == tuple(max(round(96 * length / longest), 1) for length in size)
    assert len(segments) <= 100
    assert (np.diff(segments.quality) <= 0).all()
    assert (segments.areas > 0).all()
