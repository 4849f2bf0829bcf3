from __future__ import annotations

from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.catalog.records import PhotoRow
from searchengine.export.photo_names import PhotoNames, shared_folder


def photo(path: str, number: int = 1) -> PhotoRow:
    return PhotoRow(number, path, bytes(32), "JPEG", (1, 1), 1, None, None, None, None, 0, (path,))


@pytest.mark.parametrize(
    ("root", "url", "name"),
    [
        ("s3://museum", "s3://museum/2023/a.jpg", "2023/a.jpg"),
        ("s3://museum/2023", "s3://museum/2023/a.jpg", "a.jpg"),
        ("s3://museum/20", "s3://museum/2023/a.jpg", "museum/2023/a.jpg"),
        ("/photos", "s3://museum/a.jpg", "museum/a.jpg"),
        ("", "gs://museum//a.jpg", "museum/_/a.jpg"),
        ("s3://museum", "s3://museum/../../etc/a.jpg", "_/_/etc/a.jpg"),
    ],
)
def test_an_object_is_named_below_its_root(root: str, url: str, name: str) -> None:
    assert PhotoNames(root).of(photo(url)) == name


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_no_key_leads_out_of_an_export(key: str) -> None:
    name = PurePosixPath(PhotoNames("s3://museum").of(photo(f"s3://museum/{key}")))
    assert not name.is_absolute()
    assert ".." not in name.parts


@pytest.mark.parametrize(
    ("places", "shared"),
    [
        (["s3://museum/a/b", "s3://museum/a/c"], "s3://museum/a"),
        (["s3://museum/a/b", "s3://museum/ab"], "s3://museum"),
        (["s3://museum/a"], "s3://museum/a"),
        (["s3://museum/a", "s3://other/a"], ""),
        (["s3://museum/a", "gs://museum/a"], ""),
        (["s3://museum/a", "/photos"], ""),
    ],
)
def test_the_deepest_place_that_holds_all_is_shared(places: list[str], shared: str) -> None:
    assert shared_folder(places) == shared
