"""What a server may answer that no good one does: each ends in one line, soon, disk unfilled."""

import gzip
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.errors import SegsearchError
from model.weights import download as downloading
from model.weights.download import Wanted, download
from model.weights.http import LONGEST_WAIT, asked_wait
from model.weights.patience import Patience
from model.weights.urls import url_fault

HASTE = Patience(timeout=0.3, least_speed=1000, window=0.2, attempts=2, pause=0.01, standstill=0.5)
BODY = b"weights" * 100
Answer = Callable[[socket.socket], None]


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")


def once(data: bytes) -> Answer:
    return lambda client: client.sendall(data)


def head(status: str = "200 OK", **headers: object) -> bytes:
    lines = [f"HTTP/1.1 {status}", *(f"{k.replace('_', '-')}: {v}" for k, v in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def forever(begin: bytes, piece: bytes, pause: float = 0.0) -> Answer:
    def answer(client: socket.socket) -> None:
        client.sendall(begin)
        while True:
            client.sendall(piece)
            time.sleep(pause)

    return answer


@contextmanager
def answering(answer: Answer) -> Iterator[str]:
    """A server that gives one and the same answer to every connection."""

    def serve_one(client: socket.socket) -> None:
        with client, suppress(OSError):
            client.recv(65536)
            answer(client)
            client.shutdown(socket.SHUT_WR)
            client.settimeout(1)
            client.recv(1)

    def serve() -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                threading.Thread(target=serve_one, args=(client,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/x.pth"
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)


def told(answer: Answer, folder: Path) -> str:
    """The one line in which a fetch of an answer without a pin ends; "" where it was taken."""
    with answering(answer) as url:
        began = time.monotonic()
        try:
            download(Wanted(url, folder / "x.pth"), None, HASTE)
            line = ""
        except SegsearchError as error:
            line = str(error)
    assert time.monotonic() - began < 10
    assert "\n" not in line
    assert all(character.isprintable() for character in line)
    return line


ENDLESS = {
    "100": forever(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100),
    "slow 100": forever(b"", b"HTTP/1.1 100 Continue\r\n\r\n", 0.01),
    "headers of 100": forever(b"HTTP/1.1 100 Continue\r\n", b"X-A: b\r\n" * 100),
    "headers": forever(b"HTTP/1.1 200 OK\r\n", b"X-A: b\r\n" * 100),
    "status line": forever(b"", b"H" * 4096),
    "dripping status line": forever(b"HTTP/1.1 2", b"0", 0.01),
    "dripping header": forever(b"HTTP/1.1 200 OK\r\nX: ", b"a", 0.01),
    "trailers": forever(
        head(Transfer_Encoding="chunked") + b"5\r\nhello\r\n0\r\n", b"X-T: y\r\n" * 1000
    ),
    "dripping trailers": forever(
        head(Transfer_Encoding="chunked") + b"5\r\nhello\r\n0\r\n", b"X-T: y\r\n", 0.01
    ),
    "dripping chunk size": forever(head(Transfer_Encoding="chunked"), b"0", 0.01),
    "dripping body": forever(head(Content_Length=10**6), b"a", 0.01),
    "chunks of one byte, slowly": forever(head(Transfer_Encoding="chunked"), b"1\r\na\r\n", 0.01),
    "body of a redirect": forever(head("302 Found", Location="/y"), b"x" * 65536),
    "body of an error": forever(head("404 Gone", Transfer_Encoding="chunked"), b"5\r\nhello\r\n"),
}


@pytest.mark.parametrize("name", ENDLESS)
def test_answers_without_end_are_given_up(name: str, tmp_path: Path) -> None:
    assert told(ENDLESS[name], tmp_path)
    assert not (tmp_path / "x.pth").exists()


def test_an_endless_body_is_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloading, "LARGEST_UNTOLD", 1 << 20)
    endless = forever(head(Transfer_Encoding="chunked"), b"10000\r\n" + bytes(65536) + b"\r\n")
    assert "more than 1,048,576 bytes" in told(endless, tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "length", ["9" * 5000, "-5", "\xb2", "\xd9\xa5", "5, 9", "", "0x5", "1e3", "+5", "0"]
)
def test_lengths_that_are_none_are_refused(length: str, tmp_path: Path) -> None:
    assert told(once(head(Content_Length=length) + BODY), tmp_path)
    assert not (tmp_path / "x.pth").exists()


def test_two_lengths_must_agree(tmp_path: Path) -> None:
    size = len(BODY)
    twice = f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\nContent-Length: %s\r\n\r\n"
    assert "several lengths" in told(once((twice % 9).encode() + BODY), tmp_path)
    assert told(once((twice % size).encode() + BODY), tmp_path) == ""
    assert (tmp_path / "x.pth").read_bytes() == BODY


def test_a_length_beside_chunks_does_not_count(tmp_path: Path) -> None:
    both = head(Transfer_Encoding="chunked", Content_Length=3) + b"5\r\nhello\r\n0\r\n\r\n"
    assert told(once(both), tmp_path) == ""
    assert (tmp_path / "x.pth").read_bytes() == b"hello"


@pytest.mark.parametrize(
    "answer",
    [
        once(head("416 Range", Content_Range="bytes */0", Content_Length=0)),
        once(head(Transfer_Encoding="chunked") + b"0\r\n\r\n"),
        once(head("204 No Content")),
    ],
)
def test_nothing_is_no_file(answer: Answer, tmp_path: Path) -> None:
    assert told(answer, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_coding_that_nobody_asked_for_is_refused(tmp_path: Path) -> None:
    bomb = gzip.compress(bytes(10**6))
    answer = once(head(Content_Encoding="gzip", Content_Length=len(bomb)) + bomb)
    assert "it comes as gzip" in told(answer, tmp_path)


@pytest.mark.parametrize(
    "location",
    [
        "http://127.0.0.1:99999999/x", "http://127.0.0.1:70000/x", "http://127.0.0.1:0/x",
        "http://127.0.0.1:\xb2/x", f"http://{'a' * 70}.invalid/x", "http://a..invalid/x",
        "http://./x", "http://\xff\xfe/x", "http://[zz]/x", "http:///x", "//", "http://-a/x",
        "http://user:pw@127.0.0.1:1/x", "javascript:alert(1)",
    ],
)  # fmt: skip
def test_redirects_to_hosts_that_cannot_be_are_told(location: str, tmp_path: Path) -> None:
    line = told(once(head("302 Found", Location=location, Content_Length=0)), tmp_path)
    assert "is not what it should be" in line


@pytest.mark.parametrize(
    "answer",
    [
        head("399 Odd", Location="/x"),
        b"HTTP/1.1 399\r\n\r\n",
        b"HTTP/1.1 99 Low\r\n\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/9.9 200 OK\r\n\r\n",
        head("401 \x1b[31mEvil\x07"),
        b"hello\r\n",
        bytes(100),
        b"",
        head(Transfer_Encoding="chunked") + b"zz\r\nhello",
        head(Transfer_Encoding="chunked") + b"-5\r\nhello",
        head(Transfer_Encoding="chunked") + b"1" * 200_000,
        head("503 Busy", Retry_After="\xb2", Content_Length=0),
        head("503 Busy", Retry_After="9" * 400, Content_Length=0),
    ],
)
def test_answers_that_are_none_end_in_one_line(answer: bytes, tmp_path: Path) -> None:
    assert told(once(answer), tmp_path)


@settings(max_examples=40)
@given(st.text(max_size=20) | st.integers(0).map(str) | st.floats(0).map(str))
def test_a_wait_is_never_longer_than_the_longest(after: str) -> None:
    assert 0 <= asked_wait(after) <= LONGEST_WAIT


def test_waits_are_read_as_seconds_and_as_dates() -> None:
    assert asked_wait("7") == 7
    assert asked_wait("9" * 5000) == LONGEST_WAIT
    assert asked_wait("Fri, 31 Dec 9999 23:59:59 GMT") == LONGEST_WAIT
    assert asked_wait("Fri, 31 Dec 1999 23:59:59 GMT") == 0
    assert asked_wait("\xb2") == asked_wait(None) == asked_wait("-3") == 0


@given(st.text(max_size=30))
def test_any_text_is_a_url_or_has_a_fault(text: str) -> None:
    for url in (text, f"http://{text}", f"https://{text}/x", f"http://a:{text}/x"):
        assert isinstance(url_fault(url), str)


@pytest.mark.parametrize(
    "url",
    [
        "https://a.example/x",
        "http://127.0.0.1:8080/a/b",
        "http://[::1]:80/x",
        "http://bücher.example/x",
    ],
)
def test_urls_of_the_web_have_no_fault(url: str) -> None:
    assert url_fault(url) == ""
