"""Photos that are shown to search by: decoded apart, found by, and forgotten."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image as PillowImage

from model.errors import NotFound, PhotoTooLarge, PhotoUnreadable, PhotoUnsupported, WorkerKilled
from model.masks.segments import Segments
from model.photos.decoding_child import answer_to
from model.photos.images import Image, read_image
from searchengine.web.uploads import decoding
from searchengine.web.uploads.store import Upload, UploadStore

API = "/api/v1"
PNG = {"Content-Type": "image/png"}


def a_png(width: int, height: int) -> bytes:
    """A PNG whose header tells this size, and whose pixels are missing."""

    def chunk(name: bytes, body: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(name + body))
        return struct.pack(">I", len(body)) + name + body + check

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b""))


def test_an_upload_is_read_as_a_photo_is(photos: Path) -> None:
    path = photos / "2024" / "two.jpg"
    found, expected = decoding.decoded_upload(path.read_bytes()), read_image(path)
    assert found.original_size == expected.original_size
    np.testing.assert_array_equal(found.pixels, expected.pixels)
    file = io.BytesIO()
    PillowImage.new("RGB", (4100, 40)).save(file, "PNG")
    large = decoding.image_in(answer_to(file.getvalue()))
    assert (large.original_size, large.size) == ((40, 4100), (20, 2048))


@pytest.mark.parametrize(
    ("content", "kind", "told"),
    [
        (b"", PhotoUnreadable, "the upload is empty"),
        (b"<svg/>", PhotoUnsupported, "holds no photo"),
        (a_png(10_000, 5_001), PhotoTooLarge, "50.0 megapixels, more than 50"),
        (a_png(100, 100), PhotoUnreadable, "damaged"),
    ],
)
def test_what_is_no_photo_is_told(content: bytes, kind: type[Exception], told: str) -> None:
    with pytest.raises(kind, match=told):
        decoding.image_in(answer_to(content))


@pytest.mark.parametrize(
    "child",
    [
        "import os; os.abort()",
        "print('{}')",
        'import sys; sys.stdout.write(\'{"seen": [9, 9], "size": [9, 9]}\\n123\')',
        'import sys; sys.stdout.write(\'{"seen": [1, 99999], "size": [1, 99999]}\\n\')',
        "import model.photos.decoding_child as d; d._limit(); bytearray(4 << 30)",
    ],
)
def test_a_decoder_that_dies_or_lies_costs_one_upload(
    child: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoding, "START", f"import sys; sys.path[:] = sys.argv[1:]; {child}")
    with pytest.raises(WorkerKilled):
        decoding.decoded_upload(b"anything")


def test_a_decoder_that_never_ends_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "START", "import time; time.sleep(60)")
    monkeypatch.setattr(decoding, "PATIENCE", 0.5)
    with pytest.raises(WorkerKilled, match="too long"):
        decoding.decoded_upload(b"anything")


def test_uploads_are_forgotten() -> None:
    now = [0.0]
    store = UploadStore(seconds=10, most=2, clock=lambda: now[0])
    image = Image(np.zeros((2, 2, 3), np.uint8), (2, 2))
    made = [Upload(image, Segments.empty((2, 2))) for _ in range(3)]
    for each in made:
        store.keep(each)
    assert store.of(made[2].id) is made[2]
    with pytest.raises(NotFound):
        store.of(made[0].id)
    now[0] = 11
    with pytest.raises(NotFound):
        store.of(made[2].id)


def test_a_photo_or_a_place_in_it_is_searched_by(client: httpx.Client, photos: Path) -> None:
    picture = PillowImage.open(photos / "2024" / "two.jpg").rotate(180)
    file = io.BytesIO()
    picture.save(file, "PNG")
    sent = client.post(f"{API}/uploads", content=file.getvalue(), headers=PNG)
    assert sent.status_code == 200, sent.text
    told = sent.json()
    assert told["size"] == [240, 320]
    things = [segment for segment in told["segments"] if segment["area"] < 240 * 320 / 2]
    blue = max(things, key=lambda segment: segment["area"])
    x, y, w, h = blue["bbox"]

    def found(**place: Any) -> list[str]:
        asked = {"example": {"upload": told["id"], **place}, "limit": 4}
        answer = client.post(f"{API}/similar", json=asked)
        assert answer.status_code == 200, answer.text
        return [Path(match["photo"]).name for match in answer.json()["matches"]]

    for place in ({"point": [x + w / 2, y + h / 2]}, {"box": [x, y, w, h]}):
        assert {"two.jpg", "three.jpg"} >= set(found(**place)), place
    assert found()
    outside = {"example": {"upload": told["id"], "point": [9999, 1]}}
    assert client.post(f"{API}/similar", json=outside).status_code == 422
    gone = client.post(f"{API}/similar", json={"example": {"upload": "gone"}})
    assert (gone.status_code, gone.json()["error"]["kind"]) == (404, "NotFound")


def test_an_upload_that_is_no_photo_is_refused_over_the_socket(client: httpx.Client) -> None:
    answer = client.post(f"{API}/uploads", content=a_png(10_000, 5_001), headers=PNG)
    assert (answer.status_code, answer.json()["error"]["kind"]) == (413, "PhotoTooLarge")
