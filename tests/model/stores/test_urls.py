from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.errors import RootMissing, StoreUnsupported
from model.stores.urls import absolute_place, is_url, name_of, parent_of, parts, plain_place

KEYS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/"), min_size=1)


@pytest.mark.parametrize(
    ("given", "plain"),
    [
        ("s3://museum", "s3://museum"),
        ("S3A://museum/2023/", "s3://museum/2023"),
        ("gcs://museum/a", "gs://museum/a"),
        ("s3://museum//a//b", "s3://museum//a//b"),
        ("s3://museum/a/../b", "s3://museum/a/../b"),
        ("s3://museum/a?b=1#c", "s3://museum/a?b=1#c"),
        ("abfs://box@account.dfs.core.windows.net/a", "abfs://box@account.dfs.core.windows.net/a"),
        ("memory://x/a", "memory://x/a"),
        ("file:///home/a%20b/c", "/home/a b/c"),
        ("local://localhost/home", "/home"),
        ("photos/2023", "photos/2023"),
        ("s3:/museum", "s3:/museum"),
    ],
)
def test_a_place_is_spelled_in_one_way(given: str, plain: str) -> None:
    assert plain_place(given) == plain
    assert plain_place(plain) == plain


@pytest.mark.parametrize(
    "secret",
    [
        "s3://key:open-sesame@museum/a.jpg",
        "s3://open-sesame@museum/a.jpg",
        "gs://museum:open-sesame/a.jpg",
        "az://box/a.jpg?sv=2024&sig=open-sesame",
        "s3://museum/a.jpg?X-Amz-Signature=open-sesame",
        "abfs://box:open-sesame@account/a.jpg",
    ],
)
def test_a_secret_is_refused_and_not_shown(secret: str) -> None:
    with pytest.raises(StoreUnsupported, match="password or a signature") as refused:
        plain_place(secret)
    assert "sesame" not in str(refused.value)


@pytest.mark.parametrize(
    "url",
    ["http://x/a", "zip://a::s3://b/c", "simplecache::s3://b/c", "ftp://x", "s3:///a", "s3://"],
)
def test_what_is_no_store_of_photos_is_refused(url: str) -> None:
    if is_url(url):
        with pytest.raises(StoreUnsupported):
            plain_place(url)
    else:
        assert plain_place(url) == url  # a name on a disk, where nothing is called so


def test_another_machines_files_are_refused() -> None:
    with pytest.raises(RootMissing, match="another machine"):
        plain_place("file://server/photos")


def test_a_path_is_never_a_url() -> None:
    assert not is_url(Path("s3://museum/a"))
    assert absolute_place(Path("/a/b")) == "/a/b"
    assert absolute_place("s3://museum/a/../b") == "s3://museum/a/../b"


@given(st.lists(KEYS, min_size=1, max_size=4))
def test_a_url_falls_into_its_parts(keys: list[str]) -> None:
    url = "s3://museum/" + "/".join(keys)
    assert parts(url) == ("s3", "museum", "/".join(keys))
    assert parent_of(url) + "/" + name_of(url) == url
