from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

import pytest
from bucket import ACCESS, NAME, after, busy, cut_short, denied, refusing, stalling

from model.errors import (
    BucketMissing,
    PhotoChanged,
    PhotoTooLarge,
    PhotoUnreachable,
    PhotoUnreadable,
    StoreAway,
    StoreRefuses,
)
from model.stores import failures, store
from model.stores.store import StoredFile, status
from model.weights.offline import offline

if TYPE_CHECKING:
    from bucket import Bucket

ODD_KEYS = (
    "a.jpg", "x//y.jpg", "x/../z.jpg", "./dot.jpg", "é ü.jpg", "q?x=1.jpg",
    "h#1.jpg", "per%41.jpg", "tab\t.jpg", "sp ace+plus.jpg", "back\\slash.jpg", "k" * 1000,
    "[1] *.jpg", "::a.jpg", "s3://b.jpg", "日本.jpg",
)  # fmt: skip


@pytest.mark.parametrize("key", ODD_KEYS)
def test_an_object_is_read_whatever_its_key(bucket: Bucket, key: str) -> None:
    url = bucket.put(key, key.encode())
    with StoredFile(url) as file:
        assert file.whole() == key.encode()
        assert file.object == status(url)


def test_a_header_costs_one_range_of_a_large_object(bucket: Bucket) -> None:
    content = os.urandom(1 << 20)
    url = bucket.put("large.bin", content)
    bucket.requests.clear()
    with StoredFile(url) as file:
        assert file.read(100) == content[:100]
        file.seek(50_000)
        assert file.read(1000) == content[50_000:51_000]
        assert file.seek(-10, os.SEEK_END) == len(content) - 10
        assert file.read() == content[-10:]
    ranges = [wanted for method, _, wanted in bucket.requests if method == "GET"]
    assert ranges == ["bytes=0-65535", f"bytes={(1 << 20) - 65536}-{(1 << 20) - 1}"]


def test_ranges_are_those_of_the_bytes_wherever_one_reads(bucket: Bucket) -> None:
    content = os.urandom(200_000)
    url = bucket.put("some.bin", content)
    with StoredFile(url) as file:
        for place, length in ((0, 1), (65_530, 12), (131_071, 70_000), (199_999, 9), (200_000, 9)):
            file.seek(place)
            assert file.read(length) == content[place : place + length]


@pytest.mark.parametrize("deed", [busy, cut_short, stalling, refusing("500 Oops", "InternalError")])
def test_what_passes_is_asked_again(bucket: Bucket, deed: object) -> None:
    url = bucket.put("a.jpg", b"jpeg" * 1000)
    bucket.do(deed, "GET /museum/a.jpg", times=1 if deed is stalling else 2)
    with StoredFile(url) as file:
        assert file.whole() == b"jpeg" * 1000


def test_a_store_that_stays_busy_is_away_after_some_tries(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(failures, "LONGEST_WAIT", 0.02)
    url = bucket.put("a.jpg", b"jpeg")
    bucket.requests.clear()
    bucket.do(busy, "GET /museum/a.jpg", times=100)
    with StoredFile(url) as file, pytest.raises(StoreAway, match=r"a\.jpg does not answer .*rate"):
        file.whole()
    assert bucket.asked("GET /museum/a.jpg") == failures.TRIES


def test_a_machine_that_is_not_there_is_away(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(failures, "LONGEST_WAIT", 0.02)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    store._opened.cache_clear()
    try:
        with pytest.raises(StoreAway, match="does not answer"):
            status("s3://museum/a.jpg")
    finally:
        monkeypatch.setenv("AWS_ENDPOINT_URL", bucket.endpoint)
        store._opened.cache_clear()


def test_what_does_not_pass_is_asked_once_and_told_in_a_line(bucket: Bucket) -> None:
    url = bucket.put("a.jpg", b"jpeg")
    bucket.do(denied, "GET /museum/a.jpg")
    with StoredFile(url) as file, pytest.raises(StoreRefuses, match="may not be read") as refused:
        file.whole()
    assert "\n" not in str(refused.value)
    bucket.do(refusing("403 Forbidden", "ExpiredToken"), "GET /museum/a.jpg")
    with StoredFile(url) as file, pytest.raises(StoreRefuses, match="renew the credentials"):
        file.whole()
    with pytest.raises(PhotoUnreadable, match=r"b\.jpg is not there") as missing:
        status(f"s3://{NAME}/b.jpg")
    assert not isinstance(missing.value, PhotoUnreachable)


def test_no_credentials_are_told_with_the_way_out(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    store._opened.cache_clear()
    try:
        with pytest.raises(StoreRefuses, match="no credentials open s3://museum/"):
            status("s3://museum/a.jpg")
    finally:
        for name, value in ACCESS.items():
            monkeypatch.setenv(name, value)
        store._opened.cache_clear()


def test_an_object_that_changes_while_it_is_read_is_noticed(bucket: Bucket) -> None:
    url = bucket.put("a.jpg", b"one" * 50_000)
    with StoredFile(url) as file:
        assert file.read(3) == b"one"
        bucket.put("a.jpg", b"two" * 50_000)
        file.seek(100_000)
        with pytest.raises(PhotoChanged, match="changed while it was being read"):
            file.read(3)


def test_an_object_that_vanishes_while_it_is_read_is_missing(bucket: Bucket) -> None:
    url = bucket.put("a.jpg", b"one")
    bucket.do(after(lambda: bucket.delete("a.jpg")), "GET /museum/a.jpg")
    with StoredFile(url) as file, pytest.raises(PhotoUnreadable, match="not there"):
        file.whole()


def test_an_object_that_memory_cannot_hold_is_refused_before_it_is_fetched(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "LONGEST_OBJECT", 1000)
    url = bucket.put("a.jpg", bytes(1001))
    bucket.requests.clear()
    with StoredFile(url) as file, pytest.raises(PhotoTooLarge):
        file.whole()
    assert bucket.asked("GET /museum/a.jpg") == 0


def test_a_large_object_comes_in_pieces_each_asked_for_again(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "_PIECE", 1000)
    content = os.urandom(2500)
    url = bucket.put("a.jpg", content)
    bucket.requests.clear()
    with StoredFile(url) as file:
        bucket.do(cut_short, "GET /museum/a.jpg")
        assert file.whole() == content
    ranges = [wanted for method, _, wanted in bucket.requests if method == "GET"]
    assert ranges == ["bytes=0-999", "bytes=0-999", "bytes=1000-1999", "bytes=2000-2499"]


def test_a_stamp_tells_contents_apart_and_is_the_same_for_the_same(bucket: Bucket) -> None:
    one = status(bucket.put("a.jpg", b"one")).stamp
    two = status(bucket.put("a.jpg", b"two")).stamp
    assert 0 < one < 1 << 63
    assert one != two
    assert status(bucket.put("a.jpg", b"one")).stamp == one


def test_a_store_is_read_where_nothing_else_may_open_a_connection(bucket: Bucket) -> None:
    url = bucket.put("a.jpg", b"one")
    store._opened.cache_clear()
    with offline(), StoredFile(url) as file:
        assert file.whole() == b"one"


def test_a_missing_bucket_is_told_as_one(bucket: Bucket) -> None:
    with pytest.raises(BucketMissing, match="there is no bucket nowhere"):
        StoredFile("s3://nowhere/a.jpg")


def test_objects_in_memory_are_read_alike() -> None:
    files = store.store_of("memory://x")
    files.pipe("/x/a.jpg", b"one")
    try:
        with StoredFile("memory://x/a.jpg") as file:
            assert (file.read(), file.whole()) == (b"one", b"one")
        before = status("memory://x/a.jpg")
        files.pipe("/x/a.jpg", b"two")
        assert status("memory://x/a.jpg").stamp != before.stamp
        with pytest.raises(PhotoUnreadable, match="not there"):
            status("memory://x/b.jpg")
    finally:
        files.rm("/x", recursive=True)


def test_googles_library_tells_nobody_of_its_own_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("gcsfs", reason="no gcsfs: segsearch[cloud]")
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", "http://127.0.0.1:1")
    store.store_of("gs://museum/a.jpg")
    assert not logging.getLogger("gcsfs").isEnabledFor(logging.ERROR)
