"""Listing of a store: the objects below a URL, a page at a time."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any, Literal

from model.errors import BucketMissing, PhotoUnreachable, PhotoUnreadable, shown
from model.stores.failures import ShortAnswer, asked
from model.stores.store import StoredObject, stamp_of, status, store_of
from model.stores.urls import parts

PAGE = 1000
"""Objects that S3 tells in one answer."""


def kind_of(url: str) -> Literal["folder", "object"] | None:
    """What a URL names: objects below it, one object, or nothing (yet); a bucket is a folder.

    Raises:
        StoreRefuses: the store does not tell; BucketMissing where there is no bucket.
        StoreAway: the store does not answer.
    """
    _, _, key = parts(url)
    if next(_found(url, 1), None) is not None or not key:
        return "folder"
    try:
        status(url)
    except PhotoUnreachable:
        raise
    except PhotoUnreadable:
        return None
    return "object"


def listed(url: str) -> Iterator[StoredObject]:
    """All objects below a URL, those of a folder after each other.

    A store is asked for the next page when the last one is used up, so that nothing is held; what
    ends in "/" stands for a folder, and is left out.

    Raises:
        StoreRefuses, StoreAway: the cases of `kind_of`; what came before is not all there is.
    """
    return _found(url, PAGE)


def _found(url: str, page: int) -> Iterator[StoredObject]:
    protocol, bucket, key = parts(url)
    if protocol == "s3":
        return _of_s3(url, bucket, key + "/" if key else "", page)
    return _of_folders(url)


def _of_s3(url: str, bucket: str, prefix: str, page: int) -> Iterator[StoredObject]:
    store = store_of(url)
    token: str | None = None
    while True:
        more = {} if token is None else {"ContinuationToken": token}

        def question(more: dict[str, str] = more) -> dict[str, Any]:
            answer: dict[str, Any] = store.call_s3(
                "list_objects_v2", Bucket=bucket, Prefix=prefix, MaxKeys=page, **more
            )
            following = answer.get("NextContinuationToken")
            if answer.get("IsTruncated") and following in (None, more.get("ContinuationToken")):
                raise ShortAnswer("a list of objects breaks off")
            return answer

        answer = asked(url, question)
        for item in answer.get("Contents") or ():
            if not item["Key"].endswith("/"):
                yield StoredObject(f"s3://{bucket}/{item['Key']}", item["Size"], stamp_of(item))
        if not answer.get("IsTruncated"):
            return
        token = answer["NextContinuationToken"]


def _of_folders(url: str) -> Iterator[StoredObject]:
    """Objects of a store that lists folder by folder."""
    store = store_of(url)
    protocol = parts(url)[0]
    waiting, seen = [url], set()
    while waiting:
        folder = waiting.pop()
        if folder in seen:
            continue
        seen.add(folder)
        try:
            items = asked(url, partial(store.ls, folder, detail=True))
        except PhotoUnreachable:
            raise
        except PhotoUnreadable as error:  # gone meanwhile, or never there
            if folder == url and not parts(url)[2]:
                raise BucketMissing(
                    f"there is no bucket {shown(url)}", "look at its name"
                ) from error
            continue
        below = []
        for item in sorted(items, key=lambda item: str(item["name"])):
            name = f"{protocol}://{str(item['name']).rstrip('/').removeprefix('/')}"
            if not name.startswith(folder + "/"):
                continue
            if item["type"] == "directory":
                below.append(name)
            elif item["type"] == "file" and item.get("size") is not None:
                yield StoredObject(name, int(item["size"]), stamp_of(item))
        waiting.extend(reversed(below))
