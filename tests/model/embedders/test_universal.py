from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from closeness import assert_close

from model import EmbeddingSpace, Image, Segments
from model.embedders.attributes.joint_space import ATTRIBUTE_DIMENSIONS, CLASS_DIMENSIONS, unit
from model.embedders.head import SegmentHead
from model.embedders.nearer import seen_near
from model.embedders.universal import UniversalEmbedder, UniversalSettings
from model.encoders.efficientnet import CHANNELS
from model.errors import WeightsMismatch

MEANING, LOOKS, CLASSES = (
    slice(0, 384),
    slice(384, 384 + ATTRIBUTE_DIMENSIONS),
    slice(-CLASS_DIMENSIONS, None),
)
SPACE = EmbeddingSpace("test", 384 + ATTRIBUTE_DIMENSIONS + CLASS_DIMENSIONS, "0" * 64)
# what the head adds up for a unit row: it has 16 channels for each level, and 384 components
TERMS = 384 + 4 * 16


@pytest.fixture(scope="module")
def embedder() -> UniversalEmbedder:
    torch.manual_seed(0)
    head = SegmentHead(CHANNELS, 16, 384).eval().requires_grad_(False)
    return UniversalEmbedder(SPACE, head, settings=UniversalSettings((128,), (128,)))


@pytest.fixture(scope="module")
def photo() -> Image:
    pixels = np.random.default_rng(0).integers(0, 256, (60, 80, 3)).astype(np.uint8)
    pixels[:, :40] = (200, 40, 40)
    return Image(pixels, (60, 80))


def halves() -> Segments:
    masks = np.zeros((2, 60, 80), np.bool_)
    masks[0, :, :40], masks[1, :, 40:] = True, True
    return Segments.from_masks(masks)


def test_segments_have_vectors_of_their_own(embedder: UniversalEmbedder, photo: Image) -> None:
    both = embedder.embed_segments(photo, halves())
    assert both.space == SPACE
    assert len(both) == 2
    assert not np.allclose(both.vectors[0], both.vectors[1], atol=1e-3)
    alone = embedder.embed_segments(photo, halves()[1:])
    assert_close(alone.vectors[0], both.vectors[1], TERMS, scale=1)


def test_no_segments_need_no_look(embedder: UniversalEmbedder, photo: Image) -> None:
    assert len(embedder.embed_segments(photo, Segments.empty((60, 80)))) == 0


def test_the_photo_is_seen_once(
    embedder: UniversalEmbedder, photo: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    trunk = embedder._trunk(128)
    looks = []
    features = trunk.features
    monkeypatch.setattr(trunk, "features", lambda image: looks.append(1) or features(image))
    embedder.embed_segments(photo, halves())
    assert len(looks) == 1


def test_of_several_views_the_mean_meaning_counts(
    embedder: UniversalEmbedder, photo: Image
) -> None:
    others = [
        UniversalEmbedder(SPACE, embedder._head, settings=UniversalSettings(views, (128,)))
        for views in ((128, 96), (96,))
    ]
    first, both, alone = (each.embed_segments(photo, halves()) for each in (embedder, *others))
    parts = [unit(each.vectors[:, MEANING]) for each in (both, first, alone)]
    assert_close(parts[0], unit(parts[1] + parts[2]), TERMS, scale=1)
    assert_close(both.vectors[:, CLASSES], first.vectors[:, CLASSES], TERMS, scale=1)
    looks = [each.vectors[:, LOOKS] for each in (both, first, alone)]
    materials = slice(19, 30)  # the trunk sees them, so those of both count
    assert_close(*(np.delete(rows, materials, axis=1) for rows in looks[:2]), TERMS, scale=1)
    middle, *each = (unit(rows[:, materials]) for rows in looks)
    assert_close(middle, unit(np.sqrt(each[0] * each[1])), TERMS, scale=1)


def test_texts_are_encoded_once(
    embedder: UniversalEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = embedder.embed_texts(["a dog", "a cat", "a dog"])
    np.testing.assert_array_equal(first.vectors[0], first.vectors[2])
    monkeypatch.setattr(embedder, "_sentence", lambda: pytest.fail("encoded again"))
    again = embedder.embed_texts(["a cat", "a dog"])
    np.testing.assert_array_equal(again.vectors, first.vectors[[1, 0]])


def test_a_colour_word_finds_the_colour_and_changes_nothing_else(
    embedder: UniversalEmbedder, photo: Image
) -> None:
    red, grey = embedder.embed_segments(photo, halves()).vectors
    asked, plain = embedder.embed_texts(["red wall", "wall"]).vectors
    assert asked @ red - plain @ red > asked @ grey - plain @ grey
    assert not plain[LOOKS].any()


def test_a_pattern_word_finds_the_pattern_and_changes_nothing_else(
    embedder: UniversalEmbedder,
) -> None:
    pixels = np.full((60, 80, 3), 90, np.uint8)
    pixels[:, 40::6] = pixels[:, 41::6] = pixels[:, 42::6] = 180
    plain, striped = embedder.embed_segments(Image(pixels, (60, 80)), halves()).vectors
    asked, wall = embedder.embed_texts(["striped wall", "wall"]).vectors
    assert asked @ striped - wall @ striped > asked @ plain - wall @ plain
    assert not wall[LOOKS].any()


def test_a_place_changes_nothing_of_what_is_meant(
    embedder: UniversalEmbedder, photo: Image
) -> None:
    left, right = embedder.embed_segments(photo, halves()).vectors
    asked, plain = embedder.embed_texts(["wall on the left", "wall"]).vectors
    meanings = [unit(row[None, MEANING]) for row in (asked, plain)]
    assert_close(*meanings, TERMS, scale=1)
    assert asked @ left - plain @ left > asked @ right - plain @ right


def test_classes_are_seen_at_their_own_sides(embedder: UniversalEmbedder, photo: Image) -> None:
    other = UniversalEmbedder(SPACE, embedder._head, settings=UniversalSettings((128,), (96,)))
    first, second = (each.embed_segments(photo, halves()).vectors for each in (embedder, other))
    assert_close(first[:, MEANING], second[:, MEANING], TERMS, scale=1)
    assert not np.allclose(first[:, CLASSES], second[:, CLASSES], atol=1e-4)


def test_the_name_of_a_class_asks_for_it_and_changes_nothing_of_what_is_meant(
    embedder: UniversalEmbedder,
) -> None:
    lighthouse, beacon, person = embedder.embed_texts(["lighthouse", "beacon", "person"]).vectors
    assert_close(unit(lighthouse[None, CLASSES]), unit(beacon[None, CLASSES]), TERMS, scale=1)
    assert not person[CLASSES].any()


def test_no_texts_have_no_vectors(embedder: UniversalEmbedder) -> None:
    assert len(embedder.embed_texts([])) == 0


def test_a_head_for_another_space_is_refused(tmp_path: Path) -> None:
    SegmentHead(CHANNELS, 8, 16).save(tmp_path / "head.safetensors")
    with pytest.raises(WeightsMismatch, match="94 components"):
        UniversalEmbedder.load(SPACE, tmp_path / "head.safetensors")


def test_small_segments_of_a_large_photo_mean_what_a_piece_of_it_shows(
    embedder: UniversalEmbedder,
) -> None:
    size = (150, 200)
    pixels = np.random.default_rng(3).integers(0, 256, (*size, 3)).astype(np.uint8)
    image = Image(pixels, size)
    masks = np.zeros((3, *size), np.bool_)
    masks[0, :, :100] = True  # large
    masks[1, 20:30, 30:40] = masks[2, 60:70, 60:75] = True  # small, the second between pieces
    segments = Segments.from_masks(masks)
    settings = UniversalSettings((96,), (96,), pieces=20, piece_side=64)
    near = UniversalEmbedder(SPACE, embedder._head, settings=settings)
    afar = UniversalEmbedder(SPACE, embedder._head, settings=replace(settings, pieces=0))
    found, before = (each.embed_segments(image, segments).vectors for each in (near, afar))
    assert_close(found[0], before[0], TERMS, scale=1)
    assert not np.allclose(found[1], before[1], atol=1e-3)
    # the piece that it lies in, as a photo of its own that is looked at with its own pixels
    (piece, inside, which), *_ = [
        each
        for each in seen_near(segments, near._nearer.looks(image, 96), size)
        if 1 in each[2].tolist()
    ]
    alone = UniversalEmbedder(SPACE, embedder._head, settings=UniversalSettings((64,), (64,)))
    row = which.tolist().index(1)
    expected = alone.embed_segments(piece.image, inside).vectors[row]
    for part in (MEANING, CLASSES):
        assert_close(unit(found[1:2, part]), unit(expected[None, part]), TERMS, scale=1)
    assert_close(near.embed_segments(image, segments[[1]]).vectors[0], found[1], TERMS, scale=1)
