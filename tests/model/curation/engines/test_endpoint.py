"""A model behind an endpoint is asked patiently, and its server trusted with nothing."""

import json
import logging
import sys
import threading
from base64 import b64decode
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from blake3 import blake3
from chat_server import (
    ChatServer,
    Deed,
    Exchange,
    chatting,
    cut,
    dripping,
    echoed,
    flooding,
    hung_up,
    replied,
    said,
    silent,
)
from PIL import Image as PillowImage

from model.curation.caption_prompts import CaptionPrompts
from model.curation.engines.endpoint import Endpoint, EndpointSettings
from model.curation.engines.photo_jpeg import photo_jpeg
from model.curation.records import Caption
from model.curation.source_photo import SourcePhoto
from model.errors import (
    CurationError,
    EngineAway,
    EngineRefused,
    ExtraMissing,
    PhotoError,
    RecipeInvalid,
)
from model.photos.images import Image
from model.toml_tables import from_table

KEY = "sk-secret-7f3a"
ONE = CaptionPrompts("one", scene="What is this?", object="", part="")
REFUSING: list[Deed] = [
    cut, hung_up, replied(500), replied(200, b"<html>"), replied(200, b"[" * 100_000),
    replied(200, b'{"choices": []}'), replied(200, b'{"choices": [{"message": null}]}'),
    replied(200, b'{"choices": 3}'), said(""), said(" \n"), said(None), said({"a": 1}), flooding,
]  # fmt: skip
LEAVING: list[Deed] = [replied(429), replied(408), replied(502), replied(503), replied(504)]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ChatServer]:
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setenv("MY_KEY", KEY)
    with chatting() as found:
        yield found


@pytest.fixture
def photo(tmp_path: Path) -> SourcePhoto:
    pixels = np.random.default_rng(0).integers(0, 256, (60, 90, 3)).astype(np.uint8)
    path = tmp_path / "a.png"
    PillowImage.fromarray(pixels).save(path)
    return SourcePhoto("a.png", path, blake3(path.read_bytes()).hexdigest(), (60, 90))


class Waits(list[float]):
    """Waits that nobody has to wait for."""

    def __call__(self, seconds: float) -> None:
        self.append(seconds)


def endpoint(
    server: ChatServer, prompts: CaptionPrompts = ONE, waits: Any = None, **options: Any
) -> Endpoint:
    settings = EndpointSettings("tiny", server.url, **{"timeout": 5.0, **options})
    return Endpoint(settings, prompts, Waits() if waits is None else waits)


def test_each_granularity_is_asked_with_the_picture(server: ChatServer, photo: SourcePhoto) -> None:
    server.deeds = [said("A room.\n"), said("- a red door\n- a win", end="length")]
    prompts = CaptionPrompts()
    engine = endpoint(server, prompts, key_variable="MY_KEY", max_side=45)
    assert engine.captions(photo) == (
        Caption("A room.", "scene", "tiny"),
        Caption("a red door.", "object", "tiny"),
        Caption(prompts.part, "part", "tiny"),
    )
    assert len(server.requests) == 3
    for (path, headers, body), (_, question) in zip(server.requests, prompts.asked(), strict=True):
        assert path == "/v1/chat/completions"
        assert headers["Authorization"] == f"Bearer {KEY}"
        picture, text = body.pop("messages")[0]["content"]
        assert body == {"model": "tiny", "max_tokens": 1024, "temperature": 0}
        assert text == {"type": "text", "text": question}
        kind, _, data = picture["image_url"]["url"].partition(",")
        assert (picture["type"], kind) == ("image_url", "data:image/jpeg;base64")
        with PillowImage.open(BytesIO(b64decode(data))) as sent:
            assert (sent.format, sent.size) == ("JPEG", (45, 30))


def test_without_a_key_none_is_sent_and_settings_are_heeded(
    server: ChatServer, photo: SourcePhoto
) -> None:
    endpoint(server, tokens_key="max_completion_tokens", max_tokens=7, sampling="server").captions(
        photo
    )
    _, headers, body = server.requests[0]
    assert "Authorization" not in headers
    assert set(body) == {"model", "messages", "max_completion_tokens"}
    assert body["max_completion_tokens"] == 7


@pytest.mark.parametrize("deed", [*REFUSING, *LEAVING])
def test_what_may_pass_is_asked_again(deed: Deed, server: ChatServer, photo: SourcePhoto) -> None:
    server.deeds = [deed, deed]
    waits = Waits()
    (caption,) = endpoint(server, waits=waits).captions(photo)
    assert caption.text == "What is this?"
    assert len(server.requests) == 3
    assert 1 <= waits[0] <= 2 <= waits[1] <= 3


@pytest.mark.parametrize("deed", REFUSING)
def test_a_photo_that_gets_no_answer_is_refused(
    deed: Deed, server: ChatServer, photo: SourcePhoto
) -> None:
    server.always = deed
    waits = Waits()
    with pytest.raises(EngineRefused, match=r"/v1 gives no caption \(.*\)") as caught:
        endpoint(server, waits=waits).captions(photo)
    assert len(server.requests) == 5
    for wait, least in zip(waits, (1, 2, 4, 8), strict=True):
        assert least <= wait <= least + 1
    assert "\n" not in str(caught.value)


def test_an_endless_answer_is_not_read(server: ChatServer, photo: SourcePhoto) -> None:
    server.always = flooding
    with pytest.raises(EngineRefused, match="more than 4,194,304 bytes come"):
        endpoint(server, attempts=1, timeout=60.0).captions(photo)


@pytest.mark.parametrize("deed", LEAVING)
def test_a_server_that_asks_for_patience_is_away(
    deed: Deed, server: ChatServer, photo: SourcePhoto
) -> None:
    server.always = deed
    with pytest.raises(EngineAway, match=r"is away \(it says "):
        endpoint(server).captions(photo)
    assert len(server.requests) == 5


def test_an_endpoint_that_nobody_serves_is_away(photo: SourcePhoto) -> None:
    with chatting() as server:
        engine = endpoint(server, waits=(waits := Waits()), attempts=7)
    with pytest.raises(EngineAway, match="refused"):
        engine.captions(photo)
    assert [int(wait) for wait in waits] == [1, 2, 4, 8, 8, 8]


@pytest.mark.parametrize("deed", [silent, dripping])
@pytest.mark.parametrize(("living", "error"), [(True, EngineRefused), (False, EngineAway)])
def test_silence_is_the_photos_fault_if_the_server_answers_others(
    deed: Deed, living: bool, error: type[Exception], server: ChatServer, photo: SourcePhoto
) -> None:
    server.always, server.living = deed, living
    with pytest.raises(error, match=r"no answer within 0\.1 seconds"):
        endpoint(server, attempts=2, timeout=0.1).captions(photo)
    assert (len(server.requests), server.looks) == (2, 1)


@pytest.mark.parametrize("code", [400, 402, 413, 422, 451])
def test_what_is_refused_for_good_is_asked_once(
    code: int, server: ChatServer, photo: SourcePhoto
) -> None:
    server.always = replied(code, b'{"error": {"message": "too\\nlarge"}}')
    with pytest.raises(EngineRefused, match=f"it says {code}: too large"):
        endpoint(server, waits=(waits := Waits())).captions(photo)
    assert (len(server.requests), waits) == (1, [])


@pytest.mark.parametrize(
    "deed",
    [said("No.", end="content_filter"), said(None, refusal="I cannot."), said("", refusal="No.")],
)
def test_a_model_that_does_not_want_to_is_not_pressed(
    deed: Deed, server: ChatServer, photo: SourcePhoto
) -> None:
    server.always = deed
    with pytest.raises(EngineRefused, match="does not want to"):
        endpoint(server).captions(photo)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("code", "told"), [(401, "valid key"), (403, "may use"), (404, "url and model"), (405, "/v1")]
)
def test_what_fails_for_every_photo_ends_the_curation(
    code: int, told: str, server: ChatServer, photo: SourcePhoto
) -> None:
    server.always = replied(code, json.dumps({"detail": f"Incorrect key: {KEY}."}).encode())
    with pytest.raises(CurationError, match=told) as caught:
        endpoint(server, key_variable="MY_KEY").captions(photo)
    assert type(caught.value) is CurationError
    assert f"it says {code}: Incorrect key: …." in str(caught.value)
    assert len(server.requests) == 1


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_redirects_are_told_and_not_followed(
    code: int, server: ChatServer, photo: SourcePhoto
) -> None:
    with chatting() as other:
        server.always = replied(code, Location=f"{other.url}?key={KEY}")
        with pytest.raises(CurationError, match=r"leads elsewhere .*key=…\): set url"):
            endpoint(server, key_variable="MY_KEY").captions(photo)
        assert other.requests == []
        assert other.looks == 0


@pytest.mark.parametrize("code", [429, 503, 500])
@pytest.mark.parametrize(
    ("asked", "least", "most"),
    [
        (lambda: "7", 7, 8),
        (lambda: "999999999999", 60, 61),
        (lambda: format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True), 15, 31),
        (lambda: format_datetime(datetime.now(UTC) - timedelta(days=3), usegmt=True), 1, 2),
        (lambda: "soon", 1, 2),
        (lambda: "-3", 1, 2),
    ],
)
def test_a_server_is_left_alone_as_long_as_it_asks(
    code: int,
    asked: Callable[[], str],
    least: float,
    most: float,
    server: ChatServer,
    photo: SourcePhoto,
) -> None:
    server.deeds = [replied(code, Retry_After=asked())]
    endpoint(server, waits=(waits := Waits())).captions(photo)
    assert len(waits) == 1
    assert least <= waits[0] <= most


def test_several_photos_are_asked_about_at_once(server: ChatServer, photo: SourcePhoto) -> None:
    everyone = threading.Barrier(4, timeout=10)

    def together(exchange: Exchange) -> None:
        everyone.wait()
        echoed(exchange)

    server.always = together
    engine = endpoint(server)
    assert engine.at_once == 4
    with ThreadPoolExecutor(engine.at_once) as pool:
        found = list(pool.map(engine.captions, [photo] * 8))
    assert len(found) == 8
    assert set(found) == {(Caption("What is this?", "scene", "tiny"),)}


def test_the_key_is_nowhere_but_in_the_request(
    server: ChatServer, photo: SourcePhoto, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    engine = endpoint(server, key_variable="MY_KEY")
    engine.captions(photo)
    assert KEY not in caplog.text
    assert KEY not in repr(vars(engine)["_settings"])
    assert engine.fingerprint == endpoint(server).fingerprint


def test_fingerprints_tell_what_is_said(server: ChatServer) -> None:
    first = endpoint(server).fingerprint
    assert endpoint(server, at_once=9, timeout=3.0, attempts=1).fingerprint == first
    others = [
        endpoint(server, **{name: value}).fingerprint
        for name, value in {
            "max_side": 9, "jpeg_quality": 9, "most_bytes": 9, "max_tokens": 9,
            "sampling": "server",
        }.items()
    ]  # fmt: skip
    others.append(endpoint(server, CaptionPrompts()).fingerprint)
    others.append(Endpoint(EndpointSettings("other", server.url), ONE).fingerprint)
    assert len({first, *others}) == 8


def test_a_photo_that_cannot_be_read_is_told_as_such(
    server: ChatServer, photo: SourcePhoto
) -> None:
    photo.path.unlink()
    with pytest.raises(PhotoError):
        endpoint(server).captions(photo)
    assert server.requests == []


@pytest.mark.parametrize(
    ("key", "told"),
    [("", "holds no key"), (" \n", "holds no key"), ("clé", "characters"), ("a\nb", "characters")],
)
def test_a_key_that_cannot_be_sent_is_told(
    key: str, told: str, server: ChatServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_KEY", key)
    with pytest.raises(CurationError, match=told):
        endpoint(server, key_variable="MY_KEY")
    monkeypatch.delenv("MY_KEY")
    with pytest.raises(CurationError, match="MY_KEY holds no key"):
        endpoint(server, key_variable="MY_KEY")


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ({}, "lacks the key 'model'"),
        ({"model": ""}, "model is empty"),
        ({"model": "x", "url": "ftp://a"}, "url is no address"),
        ({"model": "x", "url": "http://me:secret@a/v1"}, "user name"),
        ({"model": "x", "url": "http://a/v1?key=3"}, "no base address"),
        ({"model": "x", "url": "http://a/v 1"}, "no base address"),
        ({"model": "x", "at_once": 0}, "at_once is 0"),
        ({"model": "x", "attempts": 0}, "attempts is 0"),
        ({"model": "x", "jpeg_quality": 96}, "jpeg_quality is 96"),
        ({"model": "x", "timeout": 0}, "timeout is 0"),
        ({"model": "x", "key": "sk"}, "unknown key 'key'"),
    ],
)
def test_settings_that_cannot_be_are_told(table: dict[str, Any], told: str) -> None:
    with pytest.raises(RecipeInvalid, match=told):
        from_table(EndpointSettings, table, "[captions]")


@pytest.mark.parametrize("package", ["httpx", "tenacity"])
def test_httpx_and_tenacity_are_an_extra(
    package: str, server: ChatServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ExtraMissing, match=rf"{package} .*segsearch\[curate\]"):
        endpoint(server)


def test_pictures_are_made_smaller_until_they_may_be_sent() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (60, 90, 3)).astype(np.uint8)
    image = Image(pixels, (60, 90))
    whole = photo_jpeg(image, 1000, 90, 1 << 20)
    small = photo_jpeg(image, 1000, 90, len(whole) // 2)
    assert len(small) <= len(whole) // 2
    for content, width in ((whole, 90), (small, 50), (photo_jpeg(image, 30, 90, 1 << 20), 30)):
        with PillowImage.open(BytesIO(content)) as picture:
            assert picture.width == width
    with PillowImage.open(BytesIO(photo_jpeg(image, 1000, 90, 1))) as picture:
        assert picture.size == (1, 1)
