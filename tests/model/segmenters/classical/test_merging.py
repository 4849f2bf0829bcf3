import numpy as np

from model.segmenters.classical.merging import Appearance, Neighbours, merge_tree


def partition() -> tuple[np.ndarray, np.ndarray]:
    """Four vertical strips: two alike on the left, two alike on the right."""
    labels = np.repeat(np.arange(4), 10)[None, :].repeat(20, axis=0)
    lab = np.zeros((20, 40, 3), np.float32)
    lab[..., 0] = np.array([20, 21, 80, 81], np.float32)[labels]
    return labels, lab


def test_neighbours_count_their_common_border() -> None:
    labels, _ = partition()
    edges = np.ones(labels.shape, np.float32)
    found = Neighbours.of(labels, edges)
    assert found.pairs.tolist() == [[0, 1], [1, 2], [2, 3]]
    assert found.lengths.tolist() == [20, 20, 20]
    assert found.contrasts.tolist() == [20, 20, 20]


def test_appearance_adds_up_over_a_union() -> None:
    labels, lab = partition()
    parts, whole = Appearance.of(labels, lab), Appearance.of(labels * 0, lab)
    assert parts.areas.sum() == whole.areas[0] == labels.size
    np.testing.assert_array_equal(parts.histograms.sum(axis=0), whole.histograms[0])
    assert parts.boxes.tolist() == [[10 * i, 0, 10 * i + 10, 20] for i in range(4)]


def test_the_most_alike_merge_first_and_a_limit_ends_it() -> None:
    labels, lab = partition()
    neighbours = Neighbours.of(labels, np.ones(labels.shape, np.float32))
    appearance = Appearance.of(labels, lab)
    unions = {tuple(np.flatnonzero(row)) for row in merge_tree(neighbours, appearance, 1e9)}
    assert unions == {(0, 1), (2, 3), (0, 1, 2, 3)}
    limited = {tuple(np.flatnonzero(row)) for row in merge_tree(neighbours, appearance, 400)}
    assert limited == {(0, 1), (2, 3)}


def test_one_region_has_nothing_to_merge() -> None:
    labels = np.zeros((5, 6), np.int64)
    neighbours = Neighbours.of(labels, np.ones(labels.shape, np.float32))
    appearance = Appearance.of(labels, np.zeros((5, 6, 3), np.float32))
    assert merge_tree(neighbours, appearance, 1e9).shape == (0, 1)
