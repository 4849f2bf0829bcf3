from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, features

from searchengine.pictures import letters
from searchengine.pictures.letters import (
    BUNDLED,
    OWN,
    PLAIN,
    Face,
    fitted,
    legible,
    runs,
    system_fonts,
    width_of,
    write_line,
)


@pytest.fixture
def no_system_fonts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing but what is bundled, as on a bare server."""
    letters._face.cache_clear()
    runs.cache_clear()
    monkeypatch.setattr(letters, "_system_faces", list)


def drawn(text: str) -> NDArray[np.uint8]:
    picture = Image.new("RGB", (400, 40), "white")
    write_line(picture, (5, 20), text, (0, 0, 0), 20)
    return np.asarray(picture.convert("L"))


def boxes_in(text: str) -> int:
    """Letters of the text, as it is drawn, that the font they are drawn with does not have."""
    return sum(not run.face.has(c) for run in runs(text) for c in run.text if c.isprintable())


TEXTS = {
    "Latin": ("Größe", "Crème"),
    "Cyrillic": ("красный", "зелёный"),
    "Greek": ("κόκκινο", "πράσινο"),
    "CJK": ("红色", "蓝色"),
    "Arabic": ("أحمر", "أزرق"),
    "Hebrew": ("אדום", "כחול"),
    "emoji": ("🐈", "🚗"),
    "mixed": ("red 红 красный", "blue 蓝 синий"),
}


@pytest.mark.parametrize(("one", "other"), TEXTS.values(), ids=TEXTS)
def test_other_words_look_different_and_none_is_a_box(
    one: str, other: str, no_system_fonts: None
) -> None:
    assert boxes_in(one) == boxes_in(other) == 0
    assert not np.array_equal(drawn(one), drawn(other))
    assert (drawn(one) < 128).sum() > 20


def test_what_no_font_has_is_written_out(no_system_fonts: None) -> None:
    assert "".join(run.text for run in runs("a 🐈 红")) == "a :cat: U+7EA2 "


def test_marks_of_letters_that_no_font_has_are_written_out_with_them(
    no_system_fonts: None,
) -> None:
    assert "".join(run.text for run in runs("हि")) == "U+0939 U+093F "
    assert "".join(run.text for run in runs("e\u0301❤\ufe0f")) == "e\u0301❤\ufe0f"


def test_plain_words_take_one_font_and_so_does_a_line_that_the_bundled_one_has() -> None:
    assert [run.face for run in runs("red car door")] == [PLAIN]
    assert [run.face for run in runs("rote Tür, красный, أحمر")] == [OWN]


@pytest.mark.skipif(not features.check("raqm"), reason="this Pillow shapes no Arabic")
def test_arabic_is_joined_and_runs_from_the_right(no_system_fonts: None) -> None:
    apart = sum(width_of(letter, 20) for letter in "سلام")
    assert width_of("سلام", 20) < apart  # joined letters are narrower
    first = np.flatnonzero((drawn("ا" + "س") < 128).any(axis=0))
    alef = np.flatnonzero((drawn("ا") < 128).any(axis=0))
    ink = (drawn("اس") < 128).any(axis=0)
    assert ink[first[-1] - (alef[-1] - alef[0]) + 1 : first[-1]].all()  # the alef, on the right
    assert (drawn("اس") < 128).sum(axis=0)[first[-1] - 1] > 8  # and it is tall


def test_parts_of_a_line_from_the_right_are_laid_out_from_the_right(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(letters, "_face_of", lambda c, now: PLAIN if c.isascii() else OWN)
    runs.cache_clear()
    if features.check("raqm"):
        assert [run.text.strip() for run in runs("أحمر car")] == ["car", "أحمر"]
    assert next(run.text.strip() for run in runs("car أحمر")) == "car"
    runs.cache_clear()


@given(st.text(max_size=60), st.integers(0, 300))
def test_any_text_fits(text: str, width: int) -> None:
    line = fitted(text, 13, width, keep_end=True)
    assert not line or width_of(line, 13) <= width
    assert "\n" not in line
    assert "\x1b" not in line


def test_a_very_long_line_is_shortened_at_once() -> None:
    assert fitted("*" * 60_000, 20, 300).endswith("…")
    assert fitted("خ" * 60_000, 20, 300).endswith("…")


def test_what_turns_letters_around_is_escaped_and_what_joins_them_is_kept() -> None:
    assert legible("a\u202eb\n\x1b[0m\udcff") == "a\\u202eb\\n\\x1b[0m\\udcff"
    assert legible("می\u200cخواهم\u202fPM") == "می\u200cخواهم PM"


def test_fonts_are_found_by_walking_their_folders(tmp_path: Path) -> None:
    for name in ("NotoSansCJK.ttc", "Odd-Bold.ttf", "Plain.otf", "readme.txt"):
        (tmp_path / "deep").mkdir(exist_ok=True)
        (tmp_path / "deep" / name).write_bytes(b"no font")
    found = [path.name for path in system_fonts([tmp_path, tmp_path / "nowhere"])]
    assert found == ["NotoSansCJK.ttc", "Plain.otf", "Odd-Bold.ttf"]


def test_files_that_are_no_fonts_are_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "broken.ttf"
    broken.write_bytes(b"no font")
    letters._face.cache_clear()
    monkeypatch.setattr(letters, "_system_faces", lambda: [Face(broken), Face(BUNDLED)])
    assert letters._face("红") is None
    letters._face.cache_clear()
