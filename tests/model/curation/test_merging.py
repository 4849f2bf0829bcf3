"""Pairs of one photo merged, against a version that compares pixels pair by pair."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.curation.mask_maker import BoxMasks
from model.curation.merging import drawn_pairs, merged, merged_photos
from model.curation.records import Box, Caption, Phrase
from model.datasets.pairs import TrainingPair
from model.masks import rle

SIZE = (20, 30)
PHOTO = Path("a.jpg")
Span = tuple[int, int, int, int]


def mask(span: Span, size: tuple[int, int] = SIZE) -> np.ndarray[Any, Any]:
    x0, y0, x1, y1 = span
    drawn = np.zeros(size, np.bool_)
    drawn[y0:y1, x0:x1] = True
    return drawn


def pair(span: Span, *texts: str, **more: Any) -> TrainingPair:
    counts = rle.encode(mask(span)[None])[0]
    return replace(TrainingPair(PHOTO, SIZE, counts, texts, "object", ("toy",)), **more)


CAT, DOG = (0, 0, 10, 10), (15, 5, 30, 20)


def test_what_is_said_of_one_segment_is_one_pair() -> None:
    first = pair(CAT, "white cat on a sofa", "cat", score=0.6, sources=("florence", "dino"))
    second = pair((0, 0, 10, 9), "Cat", "young white cat", score=0.9, sources=("owl", "dino"))
    dog = pair(DOG, "dog", score=0.7)
    assert merged([first, second, dog]) == [
        pair(
            (0, 0, 10, 9),
            "white cat on a sofa",
            "young white cat",
            "Cat",
            score=0.9,
            sources=("owl", "dino", "florence"),
        ),
        dog,
    ]
    assert merged([]) == []


@pytest.mark.parametrize(("height", "segments"), [(8, 1), (7, 2)])
def test_masks_are_one_segment_from_four_fifths_on(height: int, segments: int) -> None:
    assert len(merged([pair(CAT, "cat"), pair((0, 0, 10, height), "dog")])) == segments


def test_a_mask_between_two_belongs_to_the_better_one() -> None:
    between, other = pair((1, 0, 11, 10), "dog", score=0.2), pair((2, 0, 12, 10), "bird", score=0.8)
    found = merged([between, other, pair(CAT, "cat", score=0.9)])
    assert [one.texts for one in found] == [("cat", "dog"), ("bird",)]


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        (("part", "part"), ["part"]),
        (("part", "object"), ["object"]),
        (("stuff", "stuff"), ["stuff"]),
        (("stuff", "part"), ["object"]),
        (("box", "part"), ["part"]),
        (("box", "box"), ["box"]),
        (("photo", "photo"), ["photo"]),
        (("photo", "object"), ["object", "photo"]),
        (("crowd", "object"), ["crowd", "object"]),
        (("crowd", "crowd"), ["crowd"]),
    ],
)
def test_a_segment_is_of_the_kind_that_all_agree_on(
    kinds: tuple[str, ...], expected: list[str]
) -> None:
    pairs = [pair(CAT, f"cat {kind}", kind=kind) for kind in kinds]
    assert sorted(one.kind for one in merged(pairs)) == expected


def test_a_mask_stands_for_a_box_and_never_the_other_way() -> None:
    box = pair(CAT, "sleeping cat", kind="box", score=1.0)
    drawn = pair((0, 0, 10, 9), "cat", score=0.3)
    (one,) = merged([box, drawn])
    assert (one.counts, one.kind) == (drawn.counts, "object")
    assert (one.texts, one.score) == (("sleeping cat", "cat"), 1.0)


def test_masks_of_other_frames_are_brought_into_the_finest() -> None:
    double = (SIZE[0] * 2, SIZE[1] * 2)
    fine = pair(CAT, "cat", size=double)
    fine = replace(fine, counts=rle.encode(mask((0, 0, 20, 20), double)[None])[0], score=0.4)
    coarse, dog = pair(CAT, "white cat"), pair(DOG, "dog")
    cat, other = merged([coarse, fine, dog])
    assert {one.size for one in (cat, other)} == {double}
    assert cat.texts == ("white cat", "cat")
    assert rle.iou([cat.counts], [fine.counts], double) > 0.98
    dogs = rle.encode(mask((30, 10, 60, 40), double)[None])
    assert rle.iou([other.counts], dogs, double) > 0.98


def test_photos_are_merged_by_themselves() -> None:
    other = Path("b.jpg")
    pairs = [pair(CAT, "cat"), pair(CAT, "dog", photo=other), pair(CAT, "white cat")]
    found = [(one.photo, one.texts) for one in merged_photos(iter(pairs))]
    assert found == [(PHOTO, ("white cat", "cat")), (other, ("dog",))]
    with pytest.raises(ValueError, match="several photos"):
        merged(pairs)


def test_boxes_with_masks_are_pairs() -> None:
    caption = Caption("a cat with a tail", "part", "florence")
    phrases = [Phrase("a tail", "tail", (0, 3), "cat", caption)]
    phrases.append(Phrase("white cat", "cat", (0, 3), "", caption))
    boxes = [
        Box((0, 0, 0.5, 1), phrase, 0.5, "dino", (phrase.text, phrase.head)) for phrase in phrases
    ]
    counts = pair(CAT).counts
    masks = BoxMasks(SIZE, (counts, None), (0.9, 0.0), ())
    said = ("florence", "dino")
    (tail,) = drawn_pairs(PHOTO, boxes, masks)
    assert tail == TrainingPair(PHOTO, SIZE, counts, ("a tail", "tail"), "part", said, 0.5)
    whole = replace(masks, counts=(counts, counts))
    assert [one.kind for one in drawn_pairs(PHOTO, boxes, whole)] == ["part", "object"]


spans = st.tuples(st.integers(0, 6), st.integers(0, 4), st.integers(14, 30), st.integers(12, 20))
kinds = st.sampled_from(["object", "part", "stuff", "box", "crowd", "photo"])
texts = st.lists(
    st.sampled_from(["cat", "Cat", "white cat", "a dog", "dog"]), min_size=1, max_size=3
)
lists = st.lists(
    st.builds(
        lambda span, kind, said, score: pair(span, *said, kind=kind, score=score / 100),
        spans, kinds, texts, st.integers(0, 100),
    ),
    max_size=9,
)  # fmt: skip


def iou(one: TrainingPair, other: TrainingPair) -> float:
    a, b = (rle.decode([each.counts], SIZE)[0] for each in (one, other))
    return int((a & b).sum()) / int((a | b).sum())


def layer(one: TrainingPair) -> str:
    return one.kind if one.kind in ("photo", "crowd") else ""


def naive(pairs: list[TrainingPair]) -> list[list[TrainingPair]]:
    """The members of each segment, the best first."""
    best_first = sorted(pairs, key=lambda one: -one.score)
    left = [one for one in best_first if one.kind != "box"]
    left += [one for one in best_first if one.kind == "box"]
    groups = []
    while left:
        best = left[0]
        members = [one for one in left if layer(one) == layer(best) and iou(one, best) >= 0.8]
        left = [one for one in left if not any(one is member for member in members)]
        groups.append(members)
    return groups


@given(lists)
@settings(max_examples=80, deadline=None)
def test_segments_are_those_of_the_naive_version(pairs: list[TrainingPair]) -> None:
    result, groups = merged(pairs), naive(pairs)
    assert len(result) == len(groups)
    for one, members in zip(result, groups, strict=True):
        assert one.counts == members[0].counts
        assert one.score == max(member.score for member in members)
        said = {text.lower() for member in members for text in member.texts}
        assert {text.lower() for text in one.texts} == said
        assert len(one.texts) == len(said)
        lengths = [len(text.split()) for text in one.texts]
        assert lengths == sorted(lengths, reverse=True)


@given(lists)
@settings(max_examples=60, deadline=None)
def test_no_two_segments_of_a_layer_overlap_and_merging_again_changes_nothing(
    pairs: list[TrainingPair],
) -> None:
    result = merged(pairs)
    for number, one in enumerate(result):
        for other in result[:number]:
            assert layer(one) != layer(other) or iou(one, other) < 0.8
    again = merged(result)
    assert sorted(map(repr, again)) == sorted(map(repr, result))


@given(lists, st.integers(0, 9))
@settings(max_examples=60, deadline=None)
def test_the_order_of_pairs_decides_nothing_where_scores_differ(
    pairs: list[TrainingPair], seed: int
) -> None:
    distinct = [replace(one, score=number / 10) for number, one in enumerate(pairs)]
    mixed = random.Random(seed).sample(distinct, len(distinct))
    assert merged(mixed) == merged(distinct)
