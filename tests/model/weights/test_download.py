import errno
import hashlib
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import weight_server
from weight_server import (
    WeightServer,
    dripping,
    rangeless,
    serving,
    stalled,
    status,
    truncated,
)

from model.errors import DownloadFailed, LicenceNotAccepted, StorageFull, WeightsMismatch
from model.weights.download import TransferProgress, Wanted, download
from model.weights.partial_file import PartialFile
from model.weights.patience import Patience

CONTENT = bytes(range(256)) * 40
SHA256 = hashlib.sha256(CONTENT).hexdigest()
HASTE = Patience(timeout=0.25, least_speed=1000, window=0.2, attempts=3, pause=0.01)


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")


@pytest.fixture
def server() -> Iterator[WeightServer]:
    with serving() as server:
        server.files["/w/x.pth"] = CONTENT
        yield server


@pytest.fixture
def wanted(server: WeightServer, tmp_path: Path) -> Wanted:
    """The file with its digest and size, as most presets name them."""
    return Wanted(f"{server.url}/w/x.pth", tmp_path / "in" / "x.pth", SHA256, len(CONTENT))


@pytest.fixture
def small_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A disk of one megabyte; where none may be mounted, a folder that behaves like one."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)]
    real = shutil.which("mount") and not subprocess.run(mount, capture_output=True).returncode
    if not real:
        append = PartialFile.append

        def used() -> int:
            return sum(path.stat().st_size for path in place.iterdir())

        def limited(part: PartialFile, block: bytes) -> None:
            room = max(1 << 20, used()) - used()
            append(part, block[:room])
            if len(block) > room:
                raise OSError(errno.ENOSPC, "No space left on device")

        usage = shutil.disk_usage(place)
        monkeypatch.setattr(PartialFile, "append", limited)
        monkeypatch.setattr("shutil.disk_usage", lambda _: usage._replace(free=(1 << 20) - used()))
    yield place
    if real:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def unpinned(wanted: Wanted) -> Wanted:
    return replace(wanted, sha256="", size=0)


def kept(wanted: Wanted) -> bytes:
    return wanted.target.with_name("x.pth.part").read_bytes()


def only_the_target_is_there(wanted: Wanted) -> bool:
    return [path.name for path in wanted.target.parent.iterdir()] == ["x.pth"]


class Told(TransferProgress):
    def __init__(self) -> None:
        self.lines: list[str] = []
        self.steps: list[int] = []
        self.total = 0
        self.over = False

    def started(self, name: str, kept: int, total: int) -> None:
        self.total = total

    def advanced(self, kept: int) -> None:
        self.steps.append(kept)

    def told(self, line: str) -> None:
        self.lines.append(line)

    def ended(self) -> None:
        self.over = True


def test_a_file_comes_whole_and_its_progress_is_told(wanted: Wanted, server: WeightServer) -> None:
    progress = Told()
    assert download(unpinned(wanted), progress, HASTE) == SHA256
    assert wanted.target.read_bytes() == CONTENT
    assert only_the_target_is_there(wanted)
    assert progress.total == progress.steps[-1] == len(CONTENT)
    assert progress.over
    assert server.ranges == [None]


@pytest.mark.parametrize("pinned", [True, False])
def test_a_line_that_breaks_is_taken_up_where_it_broke(
    wanted: Wanted, server: WeightServer, pinned: bool
) -> None:
    server.deeds = [truncated(1000), truncated(0), stalled(0), status(503)]
    progress = Told()
    patience = replace(HASTE, attempts=5)
    assert download(wanted if pinned else unpinned(wanted), progress, patience) == SHA256
    assert wanted.target.read_bytes() == CONTENT
    assert server.ranges[:2] == [None, "bytes=1000-"]
    assert server.requests[1][1]["If-Range"].startswith('"')
    assert "the connection ended early; trying again in 0 s" in progress.lines


def test_a_line_that_stalls_or_drips_is_dropped_and_taken_up(
    wanted: Wanted, server: WeightServer
) -> None:
    server.deeds = [stalled(5000), dripping(0.02)]
    progress = Told()
    download(wanted, progress, HASTE)
    assert server.ranges[1] == "bytes=5000-"
    assert [line.partition(";")[0] for line in progress.lines] == [
        "nothing arrives",
        "hardly anything arrives",
    ]


def test_a_flaky_line_is_never_given_up_while_something_comes(
    wanted: Wanted, server: WeightServer
) -> None:
    def some_more(exchange: weight_server.Exchange) -> None:
        first = int(exchange.headers.get("Range", "bytes=0-")[6:-1])
        span = f"bytes {first}-{len(CONTENT) - 1}/{len(CONTENT)}"
        exchange.begin(206 if first else 200, ETag=exchange.tag, Content_Range=span,
                       Content_Length=len(CONTENT) - first)  # fmt: skip
        exchange.wfile.write(CONTENT[first : first + 1024])

    server.deeds = [some_more] * 9
    download(wanted, None, HASTE)
    assert len(server.requests) == 10


def test_no_network_and_no_host_are_told_in_one_line_with_the_way_out(
    wanted: Wanted, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    for url, reason in (
        (f"http://127.0.0.1:{port}/x.pth", "connection refused"),
        ("http://nowhere.invalid/x.pth", "no network, or no host nowhere.invalid"),
    ):
        with pytest.raises(DownloadFailed, match=reason) as told:
            download(replace(wanted, url=url), None, HASTE)
        assert "\n" not in str(told.value)
        assert str(wanted.target) in told.value.fix


def test_what_came_before_giving_up_is_kept_and_used_by_the_next_run(
    wanted: Wanted, server: WeightServer
) -> None:
    server.deeds = [truncated(4000), truncated(0), truncated(0), truncated(0)]
    server.deeds[1:] = [status(502)] * 3
    with pytest.raises(DownloadFailed, match="Bad Gateway") as told:
        download(wanted, None, HASTE)
    assert "0.0 MB of it are kept" in str(told.value)
    assert kept(wanted) == CONTENT[:4000]
    download(wanted, None, HASTE)
    assert server.ranges[-1] == "bytes=4000-"
    assert wanted.target.read_bytes() == CONTENT


def test_a_server_that_refuses_ranges_sends_all_of_it_again(
    wanted: Wanted, server: WeightServer
) -> None:
    server.deeds = [truncated(4000), rangeless]
    progress = Told()
    download(wanted, progress, HASTE)
    assert wanted.target.read_bytes() == CONTENT
    assert 0 in progress.steps


@pytest.mark.parametrize("pinned", [True, False])
def test_a_file_that_changed_meanwhile_is_not_pieced_together(
    wanted: Wanted, server: WeightServer, pinned: bool
) -> None:
    server.deeds = [truncated(4000, tag='"older"')]
    wanted = wanted if pinned else unpinned(wanted)
    assert download(wanted, None, HASTE) == SHA256
    assert server.requests[1][1]["If-Range"] == '"older"'


def test_without_a_digest_or_a_tag_pieces_are_not_joined(
    wanted: Wanted, server: WeightServer
) -> None:
    server.deeds = [truncated(4000, tag='W/"weak"')]
    assert download(unpinned(wanted), None, HASTE) == SHA256
    assert server.ranges == [None, None]
    server.requests.clear()
    server.deeds = [truncated(4000, tag='W/"weak"')]
    assert download(wanted, None, HASTE) == SHA256
    assert server.ranges == [None, "bytes=4000-"]


def test_a_beginning_that_was_damaged_is_fetched_anew(wanted: Wanted, server: WeightServer) -> None:
    wanted.target.parent.mkdir()
    wanted.target.with_name("x.pth.part").write_bytes(bytes(4000))
    progress = Told()
    assert download(wanted, progress, HASTE) == SHA256
    assert server.ranges == ["bytes=4000-", None]
    assert progress.lines == ["x.pth is not what it should be: fetching all of it again"]


@pytest.mark.parametrize("count", [len(CONTENT), len(CONTENT) + 5000])
def test_a_part_as_long_as_the_file_or_longer_is_no_trouble(
    wanted: Wanted, server: WeightServer, count: int
) -> None:
    wanted.target.parent.mkdir()
    wanted.target.with_name("x.pth.part").write_bytes((CONTENT * 2)[:count])
    assert download(replace(wanted, size=0), None, HASTE) == SHA256
    assert len(server.requests) == (1 if count == len(CONTENT) else 2)


def test_a_whole_part_needs_no_server(wanted: Wanted, server: WeightServer) -> None:
    wanted.target.parent.mkdir()
    wanted.target.with_name("x.pth.part").write_bytes(CONTENT)
    download(wanted, None, HASTE)
    assert not server.requests


def test_a_wrong_hash_is_told_and_nothing_of_it_stays(wanted: Wanted) -> None:
    with pytest.raises(WeightsMismatch, match=f"{SHA256[:12]}.*expected 000000000000"):
        download(replace(wanted, sha256="0" * 64), None, HASTE)
    assert not list(wanted.target.parent.iterdir())


@pytest.mark.parametrize("size", [1, len(CONTENT) + 1])
def test_a_wrong_size_is_told_before_anything_comes(wanted: Wanted, size: int) -> None:
    progress = Told()
    with pytest.raises(WeightsMismatch, match=f"10,240 bytes, expected {size:,}"):
        download(replace(wanted, size=size), progress, HASTE)
    assert not any(progress.steps)


def test_lengths_that_lie_are_found_out(wanted: Wanted, server: WeightServer) -> None:
    server.deeds = [truncated(10_000, length=5000)]  # promises less than it is
    with pytest.raises(WeightsMismatch):
        download(replace(wanted, size=0), None, HASTE)
    server.deeds = [truncated(len(CONTENT), length=2 * len(CONTENT))]
    assert download(replace(wanted, size=0), None, HASTE) == SHA256

    def unending(exchange: weight_server.Exchange) -> None:
        exchange.begin(200, Transfer_Encoding="chunked")
        while True:
            exchange.wfile.write(b"800\r\n" + bytes(2048) + b"\r\n")

    server.deeds = [unending]
    with pytest.raises(WeightsMismatch, match="more than its 10,240 bytes"):
        download(wanted, None, HASTE)


def test_a_length_that_is_not_told_is_refused_unless_the_end_is_marked(
    wanted: Wanted, server: WeightServer
) -> None:
    def lengthless(exchange: weight_server.Exchange) -> None:
        exchange.begin(200)
        exchange.wfile.write(CONTENT)

    def chunked(exchange: weight_server.Exchange, end: bytes = b"0\r\n\r\n") -> None:
        exchange.begin(200, Transfer_Encoding="chunked")
        exchange.wfile.write(b"2800\r\n" + CONTENT + b"\r\n" + end)

    for deed in (lengthless, truncated(9, length="-5"), truncated(9, length="many")):
        server.deeds = [deed]
        with pytest.raises(DownloadFailed, match="length is not told"):
            download(unpinned(wanted), None, HASTE)
    server.deeds = [lambda exchange: chunked(exchange, b""), chunked]
    assert download(unpinned(wanted), None, HASTE) == SHA256
    assert len(server.requests) == 5


def test_another_part_than_was_asked_for_is_not_taken(wanted: Wanted, server: WeightServer) -> None:
    def elsewhere(exchange: weight_server.Exchange) -> None:
        span = f"bytes 9-{len(CONTENT) - 1}/{len(CONTENT)}"
        exchange.begin(206, Content_Range=span, Content_Length=len(CONTENT) - 9)
        exchange.wfile.write(CONTENT[9:])

    server.deeds = [truncated(4000), elsewhere]
    assert download(wanted, None, HASTE) == SHA256


@pytest.mark.parametrize("code", [401, 403])
def test_a_gated_licence_is_told_with_where_to_accept_it(
    wanted: Wanted, server: WeightServer, code: int
) -> None:
    server.deeds = [status(code)]
    with pytest.raises(
        LicenceNotAccepted, match=r"accept its licence at https://hub/a/b.*HF_TOKEN"
    ):
        download(replace(wanted, page="https://hub/a/b"), None, HASTE)
    assert len(server.requests) == 1


@pytest.mark.parametrize("code", [404, 410, 451])
def test_what_is_gone_is_told_at_once(wanted: Wanted, server: WeightServer, code: int) -> None:
    server.deeds = [status(code)]
    with pytest.raises(DownloadFailed, match=str(code)):
        download(wanted, None, HASTE)
    assert len(server.requests) == 1


def test_a_server_that_asks_to_wait_is_waited_for(wanted: Wanted, server: WeightServer) -> None:
    server.deeds = [status(429, Retry_After=1)]
    began = time.monotonic()
    download(wanted, None, HASTE)
    assert time.monotonic() - began >= 1


def test_redirects_are_followed_and_the_token_stays_with_its_host(
    wanted: Wanted, server: WeightServer
) -> None:
    with serving() as store:
        store.files["/blob"] = CONTENT
        linked = f'"{SHA256}"'
        server.deeds = [
            status(302, Location="/w/here"),
            status(302, Location=f"{store.url}/blob", X_Linked_Etag=linked),
        ]
        assert download(replace(unpinned(wanted), token="hf_secret"), None, HASTE) == SHA256
        assert [headers.get("Authorization") for _, headers in server.requests] == [
            "Bearer hf_secret",
            "Bearer hf_secret",
        ]
        assert "Authorization" not in store.requests[0][1]


def test_what_the_hub_says_of_its_store_is_what_must_come(
    wanted: Wanted, server: WeightServer
) -> None:
    server.deeds = [status(302, Location="/w/x.pth", X_Linked_Etag=f'"{"0" * 64}"')]
    with pytest.raises(WeightsMismatch):
        download(unpinned(wanted), None, HASTE)


@pytest.mark.parametrize(
    "location",
    ["file:///etc/passwd", "ftp://127.0.0.1/x", "data:,x", "/w/x.pth", "gopher://x", "http://[x/"],
)
def test_redirects_that_lead_astray_or_round_are_not_followed(
    wanted: Wanted, server: WeightServer, location: str
) -> None:
    server.deeds = [status(302, Location=location)] * 12
    with pytest.raises(DownloadFailed, match="not what it should be") as told:
        download(wanted, None, HASTE)
    assert "\n" not in str(told.value)
    assert not list(wanted.target.parent.iterdir())


def test_https_never_becomes_http() -> None:
    from http.client import HTTPMessage
    from io import BytesIO
    from urllib.request import Request

    from model.weights.http import _Redirects

    with pytest.raises(DownloadFailed, match="http://"):
        _Redirects().redirect_request(
            Request("https://a/x"), BytesIO(), 302, "Found", HTTPMessage(), "http://a/x"
        )


def test_names_that_the_server_proposes_are_not_heeded(
    wanted: Wanted, server: WeightServer
) -> None:
    def bold(exchange: weight_server.Exchange) -> None:
        exchange.begin(200, Content_Length=len(CONTENT),
                       Content_Disposition='attachment; filename="../../evil"')  # fmt: skip
        exchange.wfile.write(CONTENT)

    server.deeds = [bold]
    download(wanted, None, HASTE)
    assert only_the_target_is_there(wanted)


def test_a_disk_without_room_is_told_before_anything_comes(
    wanted: Wanted, server: WeightServer, small_disk: Path
) -> None:
    server.files["/w/x.pth"] = bytes(4_000_000)
    large = replace(unpinned(wanted), target=small_disk / "x.pth")
    progress = Told()
    with pytest.raises(StorageFull, match=r"4\.0 MB more.*SEGSEARCH_MODELS"):
        download(large, progress, HASTE)
    assert not any(progress.steps)


def test_a_disk_that_fills_up_meanwhile_keeps_what_came(
    wanted: Wanted, server: WeightServer, small_disk: Path
) -> None:
    content = bytes(range(250)) * 3000
    server.files["/w/x.pth"] = content

    def slowly(exchange: weight_server.Exchange) -> None:
        exchange.begin(200, ETag=exchange.tag, Content_Length=len(content))
        exchange.wfile.write(content[:100_000])
        while not (small_disk / "x.pth.part").stat().st_size:
            time.sleep(0.001)
        (small_disk / "ballast").write_bytes(bytes(700_000))
        exchange.wfile.write(content[100_000:])

    server.deeds = [slowly]
    target = replace(unpinned(wanted), target=small_disk / "x.pth")
    with pytest.raises(StorageFull, match="it is full"):
        download(target, None, HASTE)
    assert not target.target.exists()
    (small_disk / "ballast").unlink()
    assert download(target, None, HASTE) == hashlib.sha256(content).hexdigest()
    assert int((server.ranges[-1] or "bytes=0-")[6:-1]) >= 65_536


def test_a_kill_in_the_midst_loses_nothing(
    wanted: Wanted, server: WeightServer, tmp_path: Path
) -> None:
    server.deeds = [stalled(6000)]
    code = (
        "import sys; from pathlib import Path\n"
        "from model.weights.download import Wanted, download\n"
        "download(Wanted(sys.argv[1], Path(sys.argv[2]), sys.argv[3]))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, wanted.url, str(wanted.target), SHA256]
    ) as process:
        part = wanted.target.with_name("x.pth.part")
        while not (part.exists() and part.stat().st_size == 6000):
            assert process.poll() is None
            time.sleep(0.01)
        process.kill()
    assert kept(wanted) == CONTENT[:6000]
    assert download(unpinned(wanted), None, HASTE) == SHA256
    assert server.ranges == [None, "bytes=6000-"]
