from __future__ import annotations

import os
import sqlite3
import time
import unicodedata
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from indexer.catalog.path_pattern import PathPattern, nearest_paths

PATHS = (
    "/p/2023/Rome/IMG_1.jpg",
    "/p/2023/Rome/IMG_2.JPG",
    "/p/2023/[2023] Rome/a.Jpeg",
    "/p/2023-04/b.png",
    "/p/12023/c.png",
    "/p/x/Café/d.webp",
    "/p/2023",
)


def meant(pattern: str) -> set[str]:
    return {path for path in PATHS if PathPattern(pattern).matches(path)}


ROME = {PATHS[0], PATHS[1]}
ALL_2023 = {PATHS[0], PATHS[1], PATHS[2], PATHS[6]}


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("2023", ALL_2023),
        ("2023/", ALL_2023 - {PATHS[6]}),
        ("2023/*", ALL_2023 - {PATHS[6]}),
        ("2023/**", ALL_2023 - {PATHS[6]}),
        ("p/2023", ALL_2023),
        ("/p/2023/", ALL_2023 - {PATHS[6]}),
        ("/p/2023", ALL_2023),
        ("/p/./2023/../2023/Rome", ROME),
        ("/p//2023/Rome/", ROME),
        ("/2023", set()),
        ("Rome", ROME),
        ("023", set()),
        ("2023/Rome/IMG_?.jpg", ROME),
        ("img_1.jpg", set()),
        ("IMG_1.JPG", {PATHS[0]}),
        ("*.JPG", ROME),
        ("*.jpeg", {PATHS[2]}),
        ("IMG*", ROME),
        ("20*", {PATHS[6]}),
        ("20*/*.png", {PATHS[3]}),
        ("[2023] Rome", {PATHS[2]}),
        ("[2023] Rome/", {PATHS[2]}),
        ("[2023] Rome/*.jpeg", {PATHS[2]}),
        ("IMG_[12].jpg", ROME),
        ("IMG_[^1].jpg", {PATHS[1]}),
        ("[[]2023] Rome/*", {PATHS[2]}),
        ("2023/**/IMG_1.jpg", {PATHS[0]}),
        ("Rome/**/IMG_1.jpg", {PATHS[0]}),
        ("Café", {PATHS[5]}),
        (unicodedata.normalize("NFD", "Café"), {PATHS[5]}),
        ("Caf?/*", {PATHS[5]}),
        ("*Caf*", {PATHS[5]}),
        ("", set()),
        ("*", set(PATHS)),
        ("/", set(PATHS)),
    ],
)
def test_a_pattern_means_what_a_person_does(pattern: str, expected: set[str]) -> None:
    assert meant(pattern) == expected


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize("folder", ["NFC", "NFD"])
@pytest.mark.parametrize("name", ["NFC", "NFD"])
def test_forms_of_letters_may_even_be_mixed(form: str, folder: str, name: str) -> None:
    path = "/p/{}/{}.jpg".format(
        unicodedata.normalize(folder, "Zürich"), unicodedata.normalize(name, "Ça 한글")
    )
    for text in ("Zürich/Ça 한글.jpg", "Zürich", "Z?rich/?a*", "Zürich/Ça ??.JPG"):
        assert PathPattern(unicodedata.normalize(form, text)).matches(path)


def test_a_path_from_here_or_from_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for text in ("./a/b", "../{}/a/b/", "./a/c/../b/*.jpg", "a/./b"):
        pattern = PathPattern(text.format(tmp_path.name))
        assert pattern.matches(f"{tmp_path}/a/b/x.jpg"), text
        assert not pattern.matches(f"{tmp_path}/b/x.jpg"), text
    assert PathPattern("~/b").matches(f"{tmp_path}/home/b/x.jpg")
    assert PathPattern("./").matches(f"{tmp_path}/x.jpg")


LETTERS = st.text("ab/*?[]^-.J", max_size=8)


@given(pattern=LETTERS, path=LETTERS)
@example("[b-a]", "b")
@example("[a-]", "-")
@example("[^]a]", "b")
@example("[a", "[a")
@example("a**b*", "ab")
@settings(deadline=None)
def test_sqlite_and_python_read_a_pattern_alike(pattern: str, path: str) -> None:
    path = "/" + path
    asked = PathPattern(pattern)
    with closing(sqlite3.connect(":memory:")) as connection, connection:
        found = any(
            connection.execute("SELECT ? GLOB ?", (text, glob)).fetchone()[0]
            for text, globs in (
                (path, asked.globs),
                (path.rpartition("/")[2], asked.name_globs),
            )
            for glob in globs
        )
    assert asked.matches(path) == found


def test_many_stars_take_no_time() -> None:
    began = time.perf_counter()
    assert not PathPattern("*a" * 60 + "b").matches("/" + "a" * 250)
    assert PathPattern("*" * 4000).matches("/a")
    assert time.perf_counter() - began < 1


def test_a_name_that_is_no_utf8_is_met(tmp_path: Path) -> None:
    path = os.fsdecode(b"/p/Caf\xc3\xa9/\xff.jpg")
    assert PathPattern("Café/?.jpg").matches(path)
    assert PathPattern("\udcff.jpg").matches(path)


def test_the_nearest_paths_are_told() -> None:
    paths = ["/p/Café Zürich/IMG_0001.jpg", "/p/Rome 2023/IMG_0002.jpg", "/p/Rome 2022/x.jpg"]
    assert nearest_paths("Cafe Zurich/*", paths, 1) == ["/p/Café Zürich/"]
    assert nearest_paths("roma 2023", paths, 1) == ["/p/Rome 2023/"]
    assert nearest_paths("/p/Rom 2022/*.jpg", paths, 1) == ["/p/Rome 2022/"]
    assert nearest_paths("img_0002.png", paths, 1) == ["/p/Rome 2023/IMG_0002.jpg"]
    assert len(nearest_paths("*", paths)) == 3
    assert nearest_paths("x", []) == []


@pytest.mark.parametrize(
    ("pattern", "url", "meant"),
    [
        ("s3://museum/2023", "s3://museum/2023/a.jpg", True),
        ("s3://museum/2023/", "s3://museum/2023/x/a.jpg", True),
        ("s3://museum/2023", "s3://museum/2023-old/a.jpg", False),
        ("S3A://museum/*.jpg", "s3://museum/x/a.JPG", True),
        ("s3://museum/x/../a.jpg", "s3://museum/x/../a.jpg", True),
        ("s3://museum/x//a.jpg", "s3://museum/x/a.jpg", False),
        ("2023/*", "s3://museum/2023/a.jpg", True),
        ("a.jpg", "s3://museum/2023/a.jpg", True),
        ("/museum/*", "s3://museum/a.jpg", False),
    ],
)
def test_keys_of_a_store_are_taken_as_they_are(pattern: str, url: str, meant: bool) -> None:
    assert PathPattern(pattern).matches(url) is meant
