"""Whole journeys: from words to files by keys alone, and from a folder to the first answer."""

from __future__ import annotations

import io
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from searchengine import SearchEngine

Look = Callable[..., Any]


def test_keys_alone_lead_from_a_question_to_the_masks_that_the_command_writes(
    look: Look, engine: SearchEngine, tmp_path: Path
) -> None:
    seen = look()
    page = seen.open()
    keys = page.keyboard
    keys.press("/")
    keys.type("red")
    keys.press("Enter")
    seen.tiles()
    keys.press("ArrowDown")
    keys.press("x")
    keys.press("Shift+ArrowRight")
    assert seen.until("document.querySelectorAll('.tile[aria-selected=true]').length === 2")
    ids = [each.segment_id for each in engine.search("red")[:2]]
    keys.press("e")
    seen.until("document.querySelector('dialog[open] .export')")
    assert f"--ids {','.join(map(str, ids))} " in page.text_content("dialog code")
    with page.expect_download() as got:
        keys.press("Enter")
    packed = zipfile.ZipFile(io.BytesIO(Path(got.value.path()).read_bytes()))
    engine.export(ids, tmp_path / "command", "masks")
    written = {
        path.relative_to(tmp_path / "command").as_posix(): path.read_bytes()
        for path in (tmp_path / "command").rglob("*.png")
    }
    assert len(written) == 2
    names = {name.split("/", 1)[-1] if name not in written else name for name in packed.namelist()}
    assert written.keys() <= names
    for name in packed.namelist():
        key = name if name in written else name.split("/", 1)[-1]
        if key in written:
            assert packed.read(name) == written[key]


def test_a_folder_is_indexed_from_the_page_and_its_photos_come_up(
    look: Look, serving: Callable[..., Any], photos: Path, tmp_path: Path
) -> None:
    shutil.copytree(photos / "2023", tmp_path / "photos")
    with serving(
        folder=tmp_path / "index", preset="colours", roots=(tmp_path / "photos",)
    ) as address:
        seen = look(address)
        page = seen.open()
        page.wait_for_selector("text=Index this folder")
        page.click("text=Index this folder")
        seen.until("document.querySelector('.mosaic .photo img[src]')", 60)
        assert "1 photograph" in seen.until("document.querySelector('.figures')?.textContent")
        page.fill("#words", "red")
        page.keyboard.press("Enter")
        assert "red.jpg" in seen.tiles()[0]
        page.goto("about:blank")


def test_two_tabs_have_one_stream_of_events(look: Look) -> None:
    seen = look()
    streams: list[str] = []
    context = seen.page.context
    context.on(
        "request", lambda asked: streams.append(asked.url) if "/v1/events" in asked.url else 0
    )
    seen.open()
    seen.until("navigator.locks.query().then(({ held }) => held.length === 1)")
    other = context.new_page()
    other.goto(seen.address)
    other.wait_for_selector(".mosaic .photo")
    seen.until("navigator.locks.query().then(({ held, pending }) => held.length && pending.length)")
    assert len(streams) == 1


def test_a_search_and_its_judgements_are_kept_and_asked_again(
    look: Look, serving: Callable[..., Any], indexed: Path, tmp_path: Path
) -> None:
    shutil.copytree(indexed, tmp_path / "index")
    with serving(folder=tmp_path / "index") as address:
        seen = look(address)
        page = seen.open("?q=red")
        seen.tiles()
        page.keyboard.press("ArrowRight")
        page.keyboard.press("+")
        seen.until("document.querySelector('.chip.like')")
        page.click("text=Save this")
        page.fill("dialog input", "all that is red")
        page.keyboard.press("Enter")
        seen.until(
            "document.querySelector('#side .saved')?.textContent.includes('all that is red')"
        )
        page.goto(address)
        page.click("text=all that is red")
        seen.until("document.querySelector('.chip.like') && document.body.matches('.with-answer')")
        assert page.input_value("#words") == "red"
        page.goto("about:blank")
