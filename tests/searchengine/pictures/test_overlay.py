import errno
import os
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from model.errors import ExportError, StorageFull
from model.photos.images import to_raw_frame
from searchengine import Match
from searchengine.matches.matches import Matches
from searchengine.pictures import contact_sheet as sheets
from searchengine.pictures import drawing, letters
from searchengine.pictures.overlay import _label, caption, contact_sheet, overlay


def disc(size: tuple[int, int] = (60, 80), middle: Any = (30, 40), radius: Any = 18) -> Any:
    y, x = np.mgrid[: size[0], : size[1]] + 0.5
    return np.hypot(y - middle[0], x - middle[1]) < radius


def grey(size: tuple[int, int]) -> Any:
    return np.full((*size, 3), 128, np.uint8)


def changed(picture: Any, pixels: Any) -> Any:
    return (np.asarray(picture).astype(int) != pixels).any(axis=2)


def answer(*matches: Any, query: Any = "red door") -> Any:
    return Matches(tuple(matches), query, "/an/index", "nano")


def test_the_mask_is_tinted_and_the_rest_is_left_alone(made_match: Callable[..., Match]) -> None:
    pixels = grey((240, 320))
    picture = overlay(pixels, [made_match(disc(), size=(240, 320))], labels=False)
    assert picture.size == (320, 240)
    touched = changed(picture, pixels)
    large = disc((240, 320), (120, 160), 72)
    assert touched[large].all()
    assert not touched[~disc((240, 320), (120, 160), 79)].any()
    red, green, blue = np.asarray(picture)[120, 160]
    assert red > green > 0
    assert red > blue > 0


def test_the_outline_stands_out_on_its_own_colour(made_match: Callable[..., Match]) -> None:
    pixels = np.full((240, 320, 3), drawing.colour(1), np.uint8)
    picture = overlay(pixels, [made_match(disc())], labels=False)
    assert np.asarray(picture).sum(axis=2).min() < sum(drawing.colour(1)) * 0.7


@pytest.mark.parametrize("orientation", range(1, 9))
def test_in_the_frame_of_the_file_the_mask_lies_on_the_same_pixels(
    orientation: int, made_match: Callable[..., Match]
) -> None:
    mask = disc(middle=(20, 20), radius=12) | disc(middle=(40, 50), radius=6)
    match = made_match(mask, size=(240, 320), orientation=orientation)
    upright = changed(overlay(grey((240, 320)), [match], labels=False), 128)
    raw_pixels = np.ascontiguousarray(to_raw_frame(grey((240, 320)), orientation))
    raw = changed(overlay(raw_pixels, [match], labels=False, orientation=orientation), 128)
    # where an outline begins its line may be a fraction of a pixel wider
    assert (raw != to_raw_frame(upright, orientation)).mean() < 0.01


def test_a_part_is_on_top_of_its_whole(made_match: Callable[..., Match]) -> None:
    first, second = made_match(disc(radius=10), rank=1), made_match(disc(radius=28), 2, rank=2)
    for order in ([first, second], [second, first]):
        pixels = np.asarray(overlay(grey((60, 80)), order, labels=False)).astype(int)
        assert pixels[30, 40, 0] > pixels[30, 40, 2]  # red over blue
    part, whole = made_match(disc(radius=10), rank=2), made_match(disc(radius=28), 2, rank=1)
    pixels = np.asarray(overlay(grey((60, 80)), [whole, part], labels=False)).astype(int)
    assert pixels[30, 40, 2] > pixels[30, 40, 0]  # blue over red


@settings(max_examples=40)
@given(st.integers(1, 300), st.integers(1, 300), st.text(max_size=60), st.integers(1, 2000))
def test_labels_stay_inside_any_picture(height: int, width: int, words: str, rank: int) -> None:
    box = (width // 2, height // 2, width, height)
    taken = []

    class Ranked:
        confidence, score = 0.5, 0.2

    Ranked.rank = rank
    picture = Image.fromarray(grey((height, width)))
    _label(picture, box, Ranked, words, taken)
    for x0, y0, x1, y1 in taken:
        assert 0 <= x0 < x1 <= width
        assert 0 <= y0 < y1 <= height
    assert taken or min(height, width) < 80


def test_labels_of_neighbours_do_not_cover_each_other(made_match: Callable[..., Match]) -> None:
    plates = []
    pixels = grey((400, 600))
    matches = [made_match(disc((400, 600), (200, 300 + i), 40), i, rank=i) for i in range(1, 6)]
    plain = overlay(pixels, matches, labels=False)
    labelled = overlay(pixels, matches, words="door")
    assert (np.asarray(plain) != np.asarray(labelled)).any()
    for rank in range(1, 6):
        ground = np.array(drawing.colour(rank))
        flat = (np.asarray(labelled) == ground).all(axis=2) & (np.asarray(plain) != ground).any(2)
        plates.append(int(flat.sum()))
    assert min(plates) > 0.6 * max(plates)


def test_captions_say_what_is_known(made_match: Callable[..., Match]) -> None:
    assert caption(made_match(disc()), "red door") == "1  red door  92%"
    assert caption(made_match(disc(), confidence=None)) == "1  0.31"
    assert caption(made_match(disc(), confidence=None, score=None), " ") == "1"


@given(st.text(max_size=80), st.integers(0, 400), st.booleans())
def test_fitted_text_fits(text: str, width: int, keep_end: bool) -> None:
    line = letters.fitted(text, 14, width, keep_end=keep_end)
    assert letters.width_of(line, 14) <= width or not line
    # joiners, which shape the letters beside them, are kept
    assert all(c.isprintable() or unicodedata.category(c) in ("Cf", "Co") for c in line)


def test_fitted_names_keep_their_ends() -> None:
    name = "a very long name of a photograph 20240131.jpg"
    short = letters.fitted(name, 13, 160, keep_end=True)
    assert short.endswith("0131.jpg")
    assert "…" in short


def test_a_window_of_a_mask_is_what_lies_in_it() -> None:
    counts = drawing.rle.encode(disc()[None])[0]
    part = drawing.mask_at(counts, (60, 80), (80, 120), (30, 20, 60, 40))
    whole = drawing.mask_at(counts, (60, 80), (240, 320))
    assert (part != whole[80:160, 120:240]).mean() < 0.02


@pytest.fixture
def photo(tmp_path: Path) -> Any:
    path = tmp_path / "photo.jpg"
    Image.fromarray(grey((240, 320))).save(path)
    return path


def cards(path: Path, rows: Any) -> Any:
    """The tiles' photos on a sheet, row by row."""
    sheet = np.asarray(Image.open(path))
    width, height = sheets.PICTURE
    top = sheets.MARGIN + sheets.HEADING
    return [
        [
            sheet[
                top + row * (height + sheets.CAPTION + sheets.GAP) :,
                sheets.MARGIN + column * (width + sheets.GAP) :,
            ][:height, :width]
            for column in range(count)
        ]
        for row, count in enumerate(rows)
    ]


def test_a_sheet_shows_every_match(
    made_match: Callable[..., Match], photo: Any, tmp_path: Path
) -> None:
    matches = [made_match(disc(), i, path=photo, size=(240, 320), rank=i) for i in range(1, 9)]
    written = contact_sheet([answer(*matches)], tmp_path / "sheet.png", per_query=8)
    assert written == tmp_path / "sheet.png"
    for row in cards(written, [6, 2]):
        for card in row:
            middle = card[114, 152].astype(int)
            assert np.ptp(middle) > 20  # tinted
            assert np.ptp(card[5, 5].astype(int)) < 12  # grey
    contact_sheet([answer(*matches)], tmp_path / "less.png", per_query=2)
    with Image.open(tmp_path / "less.png") as less, Image.open(written) as more:
        assert less.height < more.height


def test_a_small_mask_is_also_shown_close(
    made_match: Callable[..., Match], photo: Any, tmp_path: Path
) -> None:
    # in the lower right corner, so the close view lies in the upper left one
    match = made_match(disc(middle=(50, 70), radius=3), path=photo, size=(240, 320))
    contact_sheet([answer(match)], tmp_path / "sheet.png")
    ((card,),) = cards(tmp_path / "sheet.png", [1])
    corner = card[:110, :130].astype(int)
    assert (np.ptp(corner, axis=2) > 60).mean() > 0.03  # frame and outline in colour
    assert (np.ptp(card[:110, 180:].astype(int), axis=2) < 12).all()


def test_photos_that_cannot_be_shown_leave_a_grey_tile(
    made_match: Callable[..., Match], photo: Any, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(photo.read_bytes()[:300])
    matches = [
        made_match(disc(), 1, path=tmp_path / "gone \n\udcff🐈.jpg", size=(240, 320)),
        made_match(disc(), 2, path=broken, size=(240, 320)),
        made_match(disc(), 3, path=photo, size=(480, 640)),
        made_match(disc(), 4, path=photo, size=(240, 320)),
    ]
    contact_sheet([answer(*matches)], tmp_path / "sheet.png")
    ((gone, truncated, resized, fine),) = cards(tmp_path / "sheet.png", [4])
    for card in (gone, truncated, resized):
        assert (card[:80] == sheets.EMPTY).all()
        assert (card[80:140] != sheets.EMPTY).any()  # says so
    assert (fine != sheets.EMPTY).any(axis=2).mean() > 0.9


def test_sheets_of_nothing(made_match: Callable[..., Match], photo: Any, tmp_path: Path) -> None:
    contact_sheet([], tmp_path / "none.png")
    contact_sheet([answer(), answer(query="")], tmp_path / "empty.png")
    long = "word " * 5000 + "\n\x00"
    unsure = made_match(disc(), path=photo, size=(240, 320), confidence=None, score=None)
    contact_sheet([answer(unsure, query=long)], tmp_path / "long.png")
    for name in ("none", "empty", "long"):
        with Image.open(tmp_path / f"{name}.png") as sheet:
            assert sheet.width >= 900


def test_a_sheet_too_tall_to_be_opened_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"2000 queries would be .* ask for fewer"):
        contact_sheet([answer()] * 2000, tmp_path / "sheet.png")
    assert list(tmp_path.iterdir()) == []


def test_a_sheet_that_cannot_be_written_leaves_the_older_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "sheet.png"
    contact_sheet([answer()], path)
    before = path.read_bytes()

    def full(self: Path, target: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(StorageFull, match="disk is full"):
        contact_sheet([answer(), answer()], path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(ExportError, match="cannot be written"):
        contact_sheet([answer()], tmp_path / "no" / "folder.png")


@pytest.mark.parametrize(("confidence", "amber"), [(None, False), (0.9, False), (0.1, True)])
def test_only_words_can_be_unsure(
    tmp_path: Path, made_match: Callable[..., Match], confidence: Any, amber: Any
) -> None:
    """An example has no confidence: its sheet does not say that there is none."""
    match = made_match(disc(), confidence=confidence)
    contact_sheet([answer(match)], tmp_path / "sheet.png")
    pixels = np.asarray(Image.open(tmp_path / "sheet.png").convert("RGB"))
    assert (pixels == sheets.AMBER).all(axis=2).any() == amber


@pytest.mark.parametrize("size", [(5000, 1), (1, 5000), (9000, 3), (2, 2)])
def test_the_narrowest_photos_have_a_tile(
    size: tuple[int, int], made_match: Callable[..., Match], tmp_path: Path
) -> None:
    """Sizes are (height, width)."""
    Image.new("RGB", size[::-1], "grey").save(tmp_path / "narrow.png")
    mask = np.zeros(size, np.bool_)
    mask[: size[0] // 2 or 1, : size[1] // 2 or 1] = True
    card = sheets.tile(made_match(mask, path=tmp_path / "narrow.png"))
    blank = sheets.tile(made_match(mask, path=tmp_path / "gone.png"))
    assert card.size == blank.size
    assert np.asarray(card)[: sheets.PICTURE[1]].std() > 1
