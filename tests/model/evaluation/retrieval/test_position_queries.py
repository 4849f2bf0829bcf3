import numpy as np
import pytest

from model.evaluation.retrieval.attribute_tables import AMONG_ALL, placed
from model.evaluation.retrieval.observations import Observations
from model.evaluation.retrieval.position_queries import mask_centres, place_queries
from model.masks import rle

# six doors along the photo, each as large as it stands right, and a tree at the far left
CENTRES = np.array([[0.1, 0.1], [0.3, 0.2], [0.4, 0.4], [0.5, 0.5], [0.6, 0.8], [0.9, 0.9], [0, 0]])
AREAS = np.array([0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.5])
DOORS = np.array([[1, 1, 1, 1, 1, 1, 0]], np.bool_)


def test_centres_are_those_of_the_masks() -> None:
    drawn = np.zeros((2, 4, 10), np.bool_)
    drawn[0, :, :5], drawn[1, 3, 9] = True, True
    centres = mask_centres(rle.encode(drawn), (4, 10))
    assert centres == pytest.approx(np.array([[0.25, 0.5], [0.95, 0.875]]))
    assert mask_centres((), (4, 10)).shape == (0, 2)


def test_places_and_sizes_are_asked_of_what_is_clear() -> None:
    asked = {query.text: query for query in place_queries(["door"], DOORS, CENTRES, AREAS)}
    left = asked["door on the left"]
    assert left.rows.tolist() == [0, 1, 3, 4, 5]  # the third is neither left nor not
    assert left.right.tolist() == [True, True, False, False, False]
    assert asked["door at the bottom"].rows[asked["door at the bottom"].right].tolist() == [4, 5]
    middle = asked["door in the middle"]
    assert dict(zip(middle.rows.tolist(), middle.right.tolist(), strict=True)) == {
        0: False, 1: False, 2: True, 3: True, 4: True, 5: False
    }  # fmt: skip
    assert asked["small door"].right.tolist() == [True, True, False, False, False]
    assert asked["large door"].right.tolist() == [False, False, False, True, True]


def test_among_all_the_others_are_wrong() -> None:
    queries = place_queries(["door"], DOORS, CENTRES, AREAS, among_all=True)
    left = next(query for query in queries if query.word == "left")
    assert left.rows.tolist() == [0, 1, 3, 4, 5, 6]
    assert not left.right[-1]


def test_what_cannot_be_told_is_not_asked() -> None:
    assert list(place_queries(["left mirror"], DOORS, CENTRES, AREAS)) == []
    few = DOORS & (np.arange(7) < 4)
    assert list(place_queries(["door"], few, CENTRES, AREAS)) == []
    assert list(place_queries(["door"], DOORS, np.zeros((0, 2)), AREAS)) == []


def test_a_table_tells_both_ways_of_judging() -> None:
    vectors = np.stack([1 - CENTRES[:, 0], DOORS[0]], axis=1).astype(np.float32)
    observations = Observations(
        tuple(("door",) if door else ("tree",) for door in DOORS[0]),
        np.full(7, "object"),
        np.arange(7),
        AREAS,
        *(np.zeros((7, 11), np.float32) for _ in range(2)),
        vectors,
        None,
        vectors,
        None,
        {},
        CENTRES,
    )

    def encode(texts: list[str]) -> np.ndarray:
        return np.array([("left" in text, 0.05) for text in texts], np.float32)

    table = placed(observations, "own", encode)
    found = {row.what: row.figures[0] for row in table.rows}
    assert found["left: mAP"] == 1
    assert found["left: mAP"] > found["right: mAP"]
    # the tree at the far left comes before the two doors
    assert found[f"{AMONG_ALL}: mAP"] < found["mAP"]
