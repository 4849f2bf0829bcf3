"""The page as a person uses it, over a real index."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Page

from searchengine import Options, SearchEngine

Look = Callable[..., Any]
READ_BACK = """async () => {
  const { fromAddress, toAddress, START } = await import("/state.js");
  const state = {
    ...START, words: "a & b", negatives: [{ words: "c: d", weight: 0.25 }], like: [3], unlike: [5],
    examples: [{ segment: 7 }, { photo: 2, box: [1, 2, 3, 4] }, { upload: "a-b" }],
    where: { after: "2023", min_area: 0.2, near: [48.2, 16.4, 5], places: ["top left", "right"] },
    order: "size", group: "burst", cut: 0.5,
    tile: "photo", mask: "fill", padding: 0.4, size: 300, open: { photo: 3, segment: 9 }, place: 9,
  };
  const sorted = (value) =>
    value && typeof value === "object" && !Array.isArray(value)
      ? Object.keys(value).sort().map((name) => [name, sorted(value[name])])
      : Array.isArray(value) ? value.map(sorted) : value;
  const same = (a, b) => JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));
  return same(fromAddress(toAddress(state)), state) ? toAddress(state) : "another";
}"""


def test_a_search_shows_the_masks_that_the_engine_finds(look: Look, engine: SearchEngine) -> None:
    seen = look()
    page = seen.open()
    page.keyboard.press("/")
    page.keyboard.type("red")
    with page.expect_response("**/api/v1/search") as answered:
        page.keyboard.press("Enter")
    told = answered.value.json()["matches"]
    tiles = seen.tiles()
    found = engine.search("red")
    assert len(found) >= len(tiles) > 3
    assert tiles[0].startswith("Match 1, ")
    assert "red.jpg" in tiles[0]
    for match, record in zip(found, told, strict=False):  # the page ranks them all
        assert record["segment_id"] == match.segment_id
        assert record["segmentation"]["counts"] == match.segment.counts.decode("ascii")
    # the thing is drawn as it is, its surroundings dimmed
    red, grey = seen.until(
        "(() => { const canvas = document.querySelector('.tile canvas');"
        " const { width, height } = canvas; if (!width) return null;"
        " const context = canvas.getContext('2d');"
        " const at = (x, y) => [...context.getImageData(x * width, y * height, 1, 1).data];"
        " const both = [at(0.5, 0.5), at(0.04, 0.5)]; return both[0][0] > 200 && both; })()"
    )
    assert red[0] > 200 > 60 > red[1]
    assert max(grey[:3]) < 110


def test_back_leads_to_the_question_before_and_the_address_to_the_same_page(look: Look) -> None:
    seen = look()
    page = seen.open("?q=red")
    first = seen.tiles()
    page.fill("#words", "blue")
    page.keyboard.press("Enter")
    seen.until(f"document.querySelector('.tile').ariaLabel !== {first[0]!r}")
    page.select_option("select[name=group]", "photo")
    seen.until("document.querySelector('.total').textContent.includes('photo')")
    address = page.url
    page.go_back()
    seen.until("document.querySelector('.total').textContent.includes('match')")
    page.go_back()
    seen.until(f"document.querySelector('.tile').ariaLabel === {first[0]!r}")
    assert page.input_value("#words") == "red"
    again = look()
    again.page.goto(address)
    again.tiles()
    assert again.page.input_value("#words") == "blue"
    assert again.page.input_value("select[name=group]") == "photo"


def shown_at(page: Page) -> tuple[float, float, float]:
    """Left and top of a photo of 320 × 240 pixels in the detail, and its scale, once it rests."""
    before = None
    while (frame := page.locator("canvas.stage").bounding_box()) != before:
        before = frame
        time.sleep(0.3)
    assert frame is not None
    scale = min(frame["width"] / 320, frame["height"] / 240)
    left = frame["x"] + (frame["width"] - 320 * scale) / 2
    return left, frame["y"] + (frame["height"] - 240 * scale) / 2, scale


def test_the_detail_knows_the_thing_under_the_pointer_and_asks_by_it(look: Look) -> None:
    seen = look()
    page = seen.open("?q=blue")
    seen.tiles()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    seen.until("document.querySelector('#detail .facts')?.textContent.includes('pixels')")
    left, top, scale = shown_at(page)
    box = page.evaluate("document.querySelector('#detail h2').textContent")
    assert box.endswith(".jpg")
    page.mouse.move(left + 100 * scale, top + 100 * scale)
    page.mouse.move(left + 240 * scale, top + 100 * scale)
    with page.expect_response("**/api/v1/search") as answered:
        page.mouse.click(left + 240 * scale, top + 120 * scale)
    (example,) = answered.value.request.post_data_json["examples"]
    assert set(example) <= {"segment", "photo", "point"}
    left, top, scale = shown_at(page)  # the answer's chips took some room
    with page.expect_request("**/api/v1/search") as asked:
        page.mouse.move(left + 40 * scale, top + 40 * scale)
        page.mouse.down()
        page.mouse.move(left + 80 * scale, top + 80 * scale)
        page.mouse.move(left + 140 * scale, top + 160 * scale)
        page.mouse.up()
    (example,) = asked.value.post_data_json["examples"]
    assert example["box"] == pytest.approx([40, 40, 100, 120], abs=3)
    page.go_back()
    page.go_back()
    seen.until("document.querySelector('#words').value === 'blue'")
    page.keyboard.press("Escape")
    seen.until("document.querySelector('#detail').hidden")


def test_a_cut_off_that_leaves_nothing_offers_the_nearest(look: Look) -> None:
    seen = look()
    page = seen.open("?q=purple&cut=0.95")
    seen.until("document.querySelector('#empty .nothing')")
    page.click("text=Show the nearest")
    assert len(seen.tiles()) > 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_violation(look: Look, scheme: str) -> None:
    seen = look(color_scheme=scheme)
    page = seen.open("?q=red&not=0.5:blue")
    seen.tiles()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("x")
    page.keyboard.press("Enter")
    seen.until("document.querySelector('#detail .facts')?.textContent.includes('pixels')")
    _no_violations(page)
    page.keyboard.press("e")
    page.wait_for_selector("dialog[open]")
    _no_violations(page)
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    page.wait_for_selector("dialog .keys")
    _no_violations(page)
    page.goto(seen.address)
    page.wait_for_selector(".mosaic .photo")
    _no_violations(page)


def _no_violations(page: Any) -> None:
    found = Axe().run(page).response["violations"]
    told = [(each["id"], [node["html"][:120] for node in each["nodes"]]) for each in found]
    assert not told, told


def test_a_name_that_would_be_markup_is_text(
    look: Look, serving: Callable[..., Any], photos: Path, tmp_path: Path
) -> None:
    name = "<img src=x onerror=alert(1)><b>.jpg"
    (tmp_path / "photos").mkdir()
    shutil.copy(photos / "2023" / "red.jpg", tmp_path / "photos" / name)
    with SearchEngine.open(tmp_path / "index", preset="colours") as engine:
        engine.index(tmp_path / "photos", options=Options(jobs=1))
    with serving(folder=tmp_path / "index") as address:
        seen = look(address)
        page = seen.open("?q=red&not=1:<b>bold</b>")
        assert name in seen.tiles()[0]
        page.keyboard.press("ArrowRight")
        page.keyboard.press("Enter")
        seen.until("document.querySelector('#detail .facts')?.textContent.includes('pixels')")
        assert page.text_content("#detail h2") == name
        assert page.evaluate("document.querySelectorAll('b, [onerror]').length") == 0
        page.goto("about:blank")


@pytest.mark.parametrize("direction", ["ltr", "rtl"])
def test_a_phone_of_360_pixels_shows_all_without_scrolling_sideways(
    look: Look, direction: str
) -> None:
    seen = look(viewport={"width": 360, "height": 640}, has_touch=True)
    page = seen.open("?q=red&not=0.5:blue")
    page.evaluate(f"document.documentElement.dir = {direction!r}")
    seen.tiles()
    wide = "document.documentElement.scrollWidth > innerWidth"
    assert not page.evaluate(wide)
    assert page.evaluate("document.querySelectorAll('.row:first-child .tile').length") == 2
    page.locator(".tile").first.tap()
    seen.until("!document.querySelector('#detail').hidden")
    assert not page.evaluate(wide)
    assert page.evaluate("document.querySelector('#detail').getBoundingClientRect().width") == 360


def test_without_an_index_the_page_says_how_to_make_one(
    look: Look, serving: Callable[..., Any], tmp_path: Path
) -> None:
    with serving(folder=tmp_path / "none", preset="colours") as address:
        seen = look(address)
        page = seen.open()
        seen.until("document.querySelector('#start h1')?.textContent.includes('Find things')")
        assert "segsearch index" in page.text_content("#start")
        page.goto("about:blank")


def test_the_state_is_the_same_when_read_back(look: Look, client: httpx.Client) -> None:
    page = look().open()
    address = page.evaluate(READ_BACK)
    assert "q=a+%26+b" in address
