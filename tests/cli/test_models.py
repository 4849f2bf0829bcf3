import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from command_line import Run
from weight_server import WeightServer, serving, status

CONTENT = bytes(range(256)) * 4000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture(autouse=True)
def cache(empty_weight_cache: Path) -> Path:
    return empty_weight_cache


@pytest.fixture
def server() -> Iterator[WeightServer]:
    with serving() as server:
        server.files["/w/x.safetensors"] = CONTENT
        yield server


@pytest.fixture
def preset(server: WeightServer, tmp_path: Path) -> Path:
    """A preset that needs weights which the server has, and one file of the user's own."""
    (tmp_path / "mine.pth").write_bytes(b"mine")
    path = tmp_path / "own.toml"
    path.write_text(
        "extends = 'colours'\nname = 'own'\n"
        f"[weights.clip]\nsource = '{server.url}/w/x.safetensors'\nsha256 = '{SHA256}'\n"
        f"size = {len(CONTENT)}\nlicence = 'CC-BY-NC-4.0'\n"
        "[weights.masks]\nsource = 'mine.pth'\nlicence = 'MIT'\n"
    )
    return path


def test_the_list_tells_sizes_licences_digests_and_what_is_here(
    run: Run, golden: Callable[[str, str], None]
) -> None:
    done = run("models", "list", "base", "large", "sam2", "huge")
    assert done.code == 0
    golden("models-list.out", done.out)
    golden("models-list.err", done.err)
    document = json.loads(run("models", "list", "base:clip", "--json").out)
    (clip,) = document["weights"]
    assert clip["permissive"]
    assert clip["state"] == "missing"
    assert clip["size"] == clip["files"][0]["size"] == 598_516_980
    assert clip["files"][0]["sha256"].startswith("4b8699299b1e")


def test_weights_are_fetched_checked_and_found(
    run: Run, golden: Callable[[str, str], None], preset: Path, cache: Path, server: WeightServer
) -> None:
    def told(text: str) -> str:
        lines = text.replace(str(server.server_port), "PORT").splitlines(keepends=True)
        return "".join(line for line in lines if not line.endswith("%\n"))

    fetched = run("models", "pull", preset)
    assert fetched.code == 0
    golden("models-pull.out", told(fetched.out))
    golden("models-pull.err", told(fetched.err))
    assert json.loads(run("models", "pull", preset, "--json").out)["fetched"] == []
    assert len(server.requests) == 1
    golden("models-verify.out", run("models", "verify", preset).out)
    found = run("models", "path", f"{preset}:clip")
    assert Path(found.out.strip()).read_bytes() == CONTENT
    assert run("models", "path").out.strip() == str(cache)
    assert json.loads(run("models", "path", "--json").out) == {"paths": [str(cache)]}


def test_what_is_damaged_is_told_and_ends_with_1(run: Run, preset: Path) -> None:
    done = run("models", "verify", preset)
    assert done.code == 1
    assert f"not fetched: segsearch models pull {preset}" in done.out
    assert "WRONG" not in done.out
    assert run("models", "pull", preset, "--quiet").err.count("\n") == 1  # of the licence
    path = Path(run("models", "path", f"{preset}:clip").out.strip())
    path.write_bytes(CONTENT[:-1] + b"!")
    done = run("models", "verify", preset)
    assert done.code == 1
    assert "WRONG" in done.out
    assert f"expected {SHA256[:12]}" in done.out
    wrong = json.loads(run("models", "verify", preset, "--json").out)["weights"]
    assert [bool(item["problem"]) for item in wrong] == [True, False]
    assert run("models", "pull", preset).code == 0
    assert run("models", "verify", preset).code == 0


def test_failures_are_one_line_and_end_with_1(run: Run, preset: Path, server: WeightServer) -> None:
    for deeds, word in (([status(404)], "404"), ([status(401)], "HF_TOKEN")):
        server.deeds = deeds
        done = run("models", "pull", preset, "--quiet")
        assert done.code == 1
        assert word in done.err.splitlines()[-1]
        assert done.err.splitlines()[-1].startswith("segsearch: ")
    server.requests.clear()
    done = run("models", "pull", preset, "--offline", "--quiet")
    assert done.code == 1
    assert "--offline" in done.err
    assert not server.requests
    assert run("models", "pull").code == 2
    assert run("models", "list", "none").code == 1


@pytest.mark.parametrize("name", ["base", "large", "sam2", "huge"])
def test_a_preset_indexes_searches_and_exports_without_a_connection(
    name: str, run: Run, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from model.presets.random_weights import write_random_weights

    preset = write_random_weights(name, tmp_path / "weights", tiny=True)
    monkeypatch.delenv("no_proxy")
    where = ("--index", tmp_path / "index")
    with serving() as proxy:  # whatever any library asked of the web would come here
        for name in ("http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        indexed = run(
            "index", photos / "red.png", *where, "--preset", preset, "-j", 1, "-q", "--json"
        )
        assert indexed.code == 0, indexed.err
        found = run("search", "a red square", *where, "-k", 2, "--json")
        matches = json.loads(found.out)["matches"]
        assert matches[0]["photo"] == str(photos / "red.png")
        exported = run("export", "red", *where, "-o", tmp_path / "out", "-f", "coco")
        assert exported.code == 0
        assert json.loads((tmp_path / "out" / "annotations.json").read_text())["annotations"]
        assert proxy.connections == 0


def test_a_search_or_an_indexing_never_fetches_but_tells_the_command(
    run: Run, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import socket

    def forbidden(*_: object) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", forbidden)
    index = tmp_path / "index"
    done = run("index", photos, "--index", index, "--preset", "base", "-j", 1, "-q")
    assert done.code == 1
    assert "segsearch models pull base" in done.err.splitlines()[-1]
    assert run("status", "--index", index).code == 1  # no index of base was left behind
    assert "preset base" in run("doctor", "--index", index).out


def test_presets_complete_on_the_command_line() -> None:
    from cli.models import _complete

    assert _complete("b") == ["base"]
    assert "nano" in _complete("")


def test_a_head_of_ones_own_is_remembered_with_the_index(
    run: Run, photos: Path, tmp_path: Path
) -> None:
    head, index = tmp_path / "mine.safetensors", tmp_path / "index"
    head.write_bytes(b"numbers")
    where = ("--index", index, "-q", "-j", 1)
    # the preset of colours has no use for a head, but its fingerprint knows of it
    assert run("index", photos, *where, "--preset", "colours", "--head", head).code == 3
    assert run("search", "red", "--index", index).out.count("red.png")
    mixed = run("search", "red", "--index", index, "--preset", "colours")
    assert mixed.code == 1
    assert "other weights" in mixed.err
    asked = ("search", "red", "--index", index, "--head")
    assert run(*asked, head, "--preset", "colours").code == 0
    assert run(*asked, head).code == 2
    assert run(*asked, tmp_path / "none.safetensors", "--preset", "colours").code == 1
    head.write_bytes(b"other numbers")
    assert "other weights" in run("search", "red", "--index", index).err


def test_a_terminal_sees_a_bar_that_goes_away(
    run: Run, preset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    done = run("models", "pull", f"{preset}:clip")
    assert done.code == 0
    assert "fetching x.safetensors (1.0 MB)\n" in done.err
    assert "━" in done.err
    assert "%\n" not in done.err
