import numpy as np
import pytest
from closeness import assert_close, assert_unit
from hypothesis import given
from hypothesis import strategies as st

from model.embedders.attributes.positions import POSITION_WORDS, POSITIONS, region_positions
from model.masks.segments import Segments


def squares(*corners: tuple[int, int], side: int = 10) -> Segments:
    """Squares with these upper left corners, (x, y), in a frame of 100 by 80 pixels."""
    masks = np.zeros((len(corners), 80, 100), np.bool_)
    for mask, (x, y) in zip(masks, corners, strict=True):
        mask[y : y + side, x : x + side] = True
    return Segments.from_masks(masks)


def order(text: str, segments: Segments) -> list[int]:
    (asked,) = POSITION_WORDS.asked([text])
    return np.argsort(-region_positions(segments) @ asked, kind="stable").tolist()


ROW = squares((0, 30), (25, 30), (45, 30), (70, 30), (90, 30))
COLUMN = squares((40, 0), (40, 20), (40, 35), (40, 55), (40, 70))
CORNERS = squares((0, 0), (90, 0), (0, 70), (90, 70))


@pytest.mark.parametrize(
    ("text", "segments", "first"),
    [
        ("car on the left", ROW, [0, 1, 2, 3, 4]),
        ("car on the right-hand side", ROW, [4, 3, 2, 1, 0]),
        ("car in the middle", ROW, [2]),
        ("bird at the top", COLUMN, [0, 1, 2, 3, 4]),
        ("dog at the bottom of the photo", COLUMN, [4, 3, 2, 1, 0]),
        ("sign in the top right corner", CORNERS, [1]),
        ("sign in the lower left corner", CORNERS, [2]),
    ],
)
def test_what_is_asked_for_comes_first(text: str, segments: Segments, first: list[int]) -> None:
    assert order(text, segments)[: len(first)] == first


def test_small_and_large_go_by_the_share_of_the_photo() -> None:
    masks = np.zeros((4, 80, 100), np.bool_)
    for mask, side in zip(masks, (3, 10, 30, 80), strict=True):
        mask[:side, :side] = True
    segments = Segments.from_masks(masks)
    assert [order("small boat", segments), order("a large window", segments)] == [
        np.argsort(segments.areas).tolist(), np.argsort(-segments.areas).tolist()
    ]  # fmt: skip


def test_rows_are_unit_rows_in_a_frame_of_any_size() -> None:
    rows = region_positions(ROW)
    assert rows.shape == (5, len(POSITIONS))
    assert_unit(rows)
    doubled = Segments.from_masks(ROW.masks().repeat(2, axis=1).repeat(2, axis=2))
    assert_close(region_positions(doubled), rows, terms=2 * len(POSITIONS) + 10)
    assert region_positions(Segments.empty((80, 100))).shape == (0, len(POSITIONS))


@pytest.mark.parametrize(
    "text",
    [
        "front left door",
        "left mirror",
        "mug to the left of the plate",
        "boot on the left foot",
        "house at the top of the hill",
        "cup on top of the table",
        "car in the middle of the road",
        "little girl",
        "small child",
        "large group of people",
        "the smallest of all",
        "a man in a blue coat who waits on the left",  # a sentence tells of more than one thing
        "",
    ],
)
def test_what_is_no_place_in_the_photo_is_left_alone(text: str) -> None:
    assert not POSITION_WORDS.asked([text]).any()
    assert POSITION_WORDS.without(text) == text


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("car on the left", "car"),
        ("man on the far left holding a cup", "man holding a cup"),
        ("mountains in the distance", "mountains"),
        ("small red boat", "red boat"),
        ("a large window", "a window"),
        ("on the left", "on the left"),
    ],
)
def test_places_are_taken_out(text: str, rest: str) -> None:
    assert POSITION_WORDS.asked([text]).any()
    assert POSITION_WORDS.without(text) == rest


@given(st.text(max_size=40))
def test_any_text_is_accepted(text: str) -> None:
    length = np.linalg.norm(POSITION_WORDS.asked([text]))
    assert length == pytest.approx(1) or length == 0
