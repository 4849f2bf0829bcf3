from pathlib import Path

import numpy as np
import pytest

from model.datasets.ground_truth import Region, TruePhoto, Truth
from model.evaluation.retrieval.judging import (
    NOTHING,
    firsts,
    judged_photos,
    judgement,
    phrases_of,
    relevance,
)
from model.evaluation.retrieval.observations import Observations, Proposals


def photo(source: str, *regions: tuple[str, str]) -> TruePhoto:
    named = tuple(Region(b"", (text,), kind, None) for text, kind in regions)
    return TruePhoto(source, Path("x.jpg"), (4, 4), named, ())


TRUTH = Truth(
    (
        photo("coco", ("dog", "object"), ("grass", "stuff")),
        photo("coco", ("cat", "object")),
        photo("cars", ("wheel", "part"), ("wheel", "part")),
        photo("voc_cosegmentation", ("dog", "object")),
        photo("voc_cosegmentation", ("cow", "object")),
    ),
    {
        "coco": frozenset({"dog", "cat", "grass"}),
        "cars": frozenset({"wheel"}),
        "voc_cosegmentation": frozenset({"dog", "cow"}),
    },
    frozenset({"grass"}),
)
REGIONS = [(n, region) for n, photo in enumerate(TRUTH.photos) for region in photo.named]
PROPOSALS = Proposals(
    np.eye(6, dtype=np.float32),
    np.array([0, 0, 0, 1, 2, 2]),
    *(np.array(column) for column in zip(
        (0, 0, 0.7, 0.9),  # shows the dog
        (1, 0, 0.3, 1.0),  # a part of it
        (2, 1, 0.2, 0.9),  # in the grass
        (4, 3, 0.6, 0.6), (4, 4, 0.8, 0.8),  # both wheels, the second better
        strict=True,
    )),
)  # fmt: skip
OBSERVATIONS = Observations(
    tuple(region.phrases for _, region in REGIONS),
    np.array([region.kind for _, region in REGIONS]),
    np.array([number for number, _ in REGIONS]),
    np.full(len(REGIONS), 0.1),
    np.zeros((len(REGIONS), 11), np.float32),
    np.zeros((len(REGIONS), 11), np.float32),
    np.zeros((len(REGIONS), 6), np.float32),
    None,
    np.zeros((5, 6), np.float32),
    None,
    {"own": PROPOSALS},
)


@pytest.mark.parametrize(
    ("phrase", "photos"),
    [
        ("dog", [1, 1, 0, 1, 0]),  # the second of voc's photos was chosen for cows
        ("grass", [1, 0, 0, 0, 0]),  # the cat's photo has no stuff named
        ("wheel", [0, 0, 1, 0, 0]),
        ("anvil", [0, 0, 0, 0, 0]),
    ],
)
def test_a_photo_is_judged_where_the_phrase_would_have_been_named(
    phrase: str, photos: list[int]
) -> None:
    assert judged_photos(TRUTH, phrase).astype(int).tolist() == photos


def test_what_a_proposal_is_to_a_phrase() -> None:
    texts, relevant = phrases_of(OBSERVATIONS)
    assert texts == ("cat", "cow", "dog", "grass", "wheel")
    assert relevant.sum(axis=1).tolist() == [1, 1, 2, 1, 2]
    dog = judgement(TRUTH, OBSERVATIONS, PROPOSALS, "dog", relevant[2])
    assert dog.judged.tolist() == [True, True, True, True, False, False]
    assert dog.region.tolist() == [0, NOTHING, NOTHING, NOTHING, NOTHING, NOTHING]
    assert dog.touching.tolist() == [True, True, False, False, False, False]
    assert not dog.within.any()  # a part of a dog is no dog
    grass = judgement(TRUTH, OBSERVATIONS, PROPOSALS, "grass", relevant[3])
    assert grass.within.tolist() == [False, False, True, False, False, False]
    assert (grass.region == NOTHING).all()
    wheel = judgement(TRUTH, OBSERVATIONS, PROPOSALS, "wheel", relevant[4])
    assert wheel.region.tolist() == [NOTHING] * 4 + [4, NOTHING]


def test_of_those_that_match_one_region_the_best_is_first() -> None:
    region = np.array([3, 3, NOTHING, 7, 3])
    scores = np.array([0.1, 0.9, 1.0, 0.2, 0.9])
    assert firsts(region, scores).tolist() == [False, True, False, True, False]


def test_proposals_of_some_photos_keep_their_links() -> None:
    kept = PROPOSALS.of_photos(np.array([0, 2]))
    assert kept.photo.tolist() == [0, 0, 0, 2, 2]
    assert kept.link_row.tolist() == [0, 1, 2, 3, 3]
    assert kept.link_region.tolist() == PROPOSALS.link_region.tolist()
    np.testing.assert_array_equal(kept.vectors[3], PROPOSALS.vectors[4])
    assert PROPOSALS.of_photos(np.array([1])).link_row.tolist() == []


def test_relevance_knows_only_the_texts_asked() -> None:
    assert relevance(["a", "b"], [["b", "c"], [], ["a", "b"]]).tolist() == [
        [False, False, True],
        [True, False, True],
    ]
