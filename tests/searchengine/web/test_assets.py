"""The page's files: a fixed table, and nothing else that lies on the disk."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from searchengine.web.assets import CONTENT_TYPES, STATIC, read_assets


def test_files_of_known_kinds_are_read_once(tmp_path: Path) -> None:
    (tmp_path / "room").mkdir()
    for name in ("index.html", "room/tile.js", "secret.pem", "page.html.bak", ".hidden"):
        (tmp_path / name).write_text(name)
    found = read_assets(tmp_path)
    assert sorted(found) == ["index.html", "room/tile.js"]
    assert found["room/tile.js"].content == b"room/tile.js"
    assert found["index.html"].etag != found["room/tile.js"].etag


def test_each_file_of_the_page_is_served_with_its_type(client: httpx.Client) -> None:
    files = [path for path in STATIC.rglob("*") if path.is_file()]
    assert files
    assert {path.suffix for path in files} <= set(CONTENT_TYPES)
    for path in files:
        answer = client.get(f"/{path.relative_to(STATIC).as_posix()}")
        assert answer.content == path.read_bytes()
        assert answer.headers["content-type"] == CONTENT_TYPES[path.suffix]
        known = client.get(answer.request.url, headers={"If-None-Match": answer.headers["etag"]})
        assert (known.status_code, known.content) == (304, b"")
    assert client.get("/").content == (STATIC / "index.html").read_bytes()


@pytest.mark.parametrize(
    "path",
    [
        "/../app.py",
        "/%2e%2e/app.py",
        "/..%2fapp.py",
        "//etc/passwd",
        "/static/index.html",
        "/index.html/",
        "/INDEX.HTML",
        "/%00",
        "/\u00e9",
    ],
)
def test_no_other_file_is_ever_served(client: httpx.Client, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.json()["error"]["kind"]) == (404, "NotFound")
