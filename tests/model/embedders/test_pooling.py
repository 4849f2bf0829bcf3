import numpy as np
import torch
from closeness import assert_close
from hypothesis import given, settings
from hypothesis import strategies as st

from model.embedders.pooling import pooled_features
from model.encoders.efficientnet import FeatureMaps
from model.masks.segments import Segments


def naive(features: FeatureMaps, masks: np.ndarray) -> np.ndarray:
    """Every map enlarged to the masks' pixels (cells split by area), averaged under each mask."""
    rows = []
    for mask in masks:
        parts = []
        for level in features.maps:
            channels, h, w = level.shape
            total, weight = np.zeros(channels), 0.0
            height, width = mask.shape
            for y, x in zip(*np.nonzero(mask), strict=True):
                for i in range(h):
                    over_y = min((y + 1) * h / height, i + 1) - max(y * h / height, i)
                    for j in range(w):
                        over_x = min((x + 1) * w / width, j + 1) - max(x * w / width, j)
                        if over_y > 0 and over_x > 0:
                            total += over_y * over_x * level[:, i, j].numpy()
                            weight += over_y * over_x
            parts.append(total / weight)
        rows.append(np.concatenate(parts))
    return np.array(rows)


def maps(random: np.random.Generator) -> FeatureMaps:
    shapes = [(3, 8, 4), (4, 4, 2), (5, 2, 1), (6, 2, 1)]
    levels = tuple(torch.from_numpy(random.normal(size=s).astype(np.float32)) for s in shapes)
    return FeatureMaps(levels, torch.zeros(2, 16, 8))


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1), st.sampled_from([(16, 8), (13, 9), (5, 3), (3, 11)]))
def test_pooling_equals_the_naive_loop(seed: int, size: tuple[int, int]) -> None:
    random = np.random.default_rng(seed)
    masks = random.random((4, *size)) < random.random((4, 1, 1))
    masks[:, 0, 0] = True
    features = maps(random)
    pooled = pooled_features(features, Segments.from_masks(masks))
    assert_close(pooled, naive(features, masks), terms=masks[0].size + 8 * 4)


def test_no_segments_give_no_rows() -> None:
    features = maps(np.random.default_rng(0))
    assert pooled_features(features, Segments.empty((16, 8))).shape == (0, 18)


def test_the_whole_photo_is_the_mean_of_each_map() -> None:
    features = maps(np.random.default_rng(1))
    pooled = pooled_features(features, Segments.from_masks(np.ones((1, 20, 10), np.bool_)))
    expected = torch.cat([level.mean(dim=(1, 2)) for level in features.maps])
    assert_close(pooled[0], expected, terms=20 * 10 + 8 * 4, scale=3)
