"""The page's panels and the detail's tools, over one server that may index and export."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

Look = Callable[..., Any]
GIVE = """async ([kind, side]) => {
  const canvas = new OffscreenCanvas(side, side);
  const context = canvas.getContext("2d");
  for (const [colour, from, size] of [["#808080", 0, side], ["#dc1414", side / 4, side / 2]]) {
    context.fillStyle = colour;
    context.fillRect(from, from, size, size);
  }
  const data = new DataTransfer();
  data.items.add(new File([await canvas.convertToBlob()], "given.png", { type: "image/png" }));
  const how = { bubbles: true, cancelable: true };
  document.body.dispatchEvent(
    kind === "drop"
      ? new DragEvent("drop", { ...how, dataTransfer: data })
      : new ClipboardEvent("paste", { ...how, clipboardData: data }));
}"""
COLOUR_AT = """([x, y]) => {
  const canvas = document.querySelector("canvas.stage");
  const at = [x * canvas.width, y * canvas.height].map((side) => Math.floor(side));
  return [...canvas.getContext("2d").getImageData(...at, 1, 1).data].slice(0, 3);
}"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for an index, photos to be indexed, and exports."""
    return tmp_path_factory.mktemp("panels")


@pytest.fixture(scope="module")
def own(serving: Callable[..., Any], indexed: Path, place: Path) -> Iterator[str]:
    """The address of a server of their own."""
    ignored = shutil.ignore_patterns("user.sqlite*")
    shutil.copytree(indexed, place / "index", ignore=ignored)
    for name in ("photos", "exports"):
        (place / name).mkdir()
    with serving(
        folder=place / "index", roots=(place / "photos",), export_folder=place / "exports"
    ) as address:
        yield address


def opened(look: Look, address: str, words: str, name: str) -> Any:
    """The page with the first match in that photo open in the detail."""
    seen = look(address)
    seen.open(f"?q={words}&mask=hidden")
    seen.tiles()
    seen.page.locator(f".tile[aria-label*='{name}']").first.focus()
    seen.page.keyboard.press("Enter")
    seen.until("document.querySelector('#detail .facts')?.textContent.includes('pixels')")
    return seen


def is_blue(colour: list[int]) -> bool:
    return colour[2] > 150 > 100 > colour[0]


def test_the_wheel_goes_nearer_a_drag_moves_and_a_key_shows_all(look: Look, own: str) -> None:
    seen = opened(look, own, "blue", "two.jpg")
    page = seen.page
    stage = page.locator("canvas.stage")
    corner = [0.02, 0.02]
    seen.until(f"(({COLOUR_AT})([0.75, 0.65])[2] > 150)")
    assert not is_blue(page.evaluate(COLOUR_AT, corner))
    frame = stage.bounding_box()
    # the photo of 320 × 240 pixels lies in the middle
    scale = min(frame["width"] / 320, frame["height"] / 240)
    blue = (
        frame["x"] + (frame["width"] - 320 * scale) / 2 + 240 * scale,
        frame["y"] + (frame["height"] - 240 * scale) / 2 + 160 * scale,
    )
    page.mouse.move(*blue)
    for _ in range(3):
        page.mouse.wheel(0, -400)
    for place in (corner, [0.98, 0.98]):  # the point under the pointer stays, all else goes out
        seen.until(f"(({COLOUR_AT})({json.dumps(place)})[2] > 150)")
    page.click("button[aria-label^='Move the photo']")
    for _ in range(2):
        page.mouse.move(*blue)
        page.mouse.down()
        page.mouse.move(blue[0] + 20, blue[1] + 20)
        page.mouse.move(blue[0] + 400, blue[1] + 400)
        page.mouse.up()
    seen.until(f"(({COLOUR_AT})({json.dumps(corner)})[2] < 150)")
    page.keyboard.press("0")
    seen.until(f"(({COLOUR_AT})([0.75, 0.65])[2] > 150)")
    for _ in range(6):  # towards the thing, which is not in the middle
        page.keyboard.press("z")
    for place in (corner, [0.98, 0.98]):
        seen.until(f"(({COLOUR_AT})({json.dumps(place)})[2] > 150)")


def test_brackets_go_to_the_whole_and_back_to_the_part(look: Look, own: str) -> None:
    seen = opened(look, own, "blue", "two.jpg")
    meant = "document.querySelector('#detail a[download$=\"mask.png\"]').download"
    part = seen.page.evaluate(meant)
    seen.page.keyboard.press("]")
    seen.until(f"{meant} !== {json.dumps(part)}")
    seen.page.keyboard.press("[")
    seen.until(f"{meant} === {json.dumps(part)}")


@pytest.mark.parametrize("kind", ["drop", "paste"])
def test_a_picture_that_is_given_is_asked_by(look: Look, own: str, kind: str) -> None:
    seen = look(own)
    page = seen.open()
    with page.expect_response("**/api/v1/search") as answered:
        page.evaluate(GIVE, [kind, 96])
    (example,) = answered.value.request.post_data_json["examples"]
    assert set(example) == {"upload"}
    assert seen.tiles()
    assert "ex=u" in page.url


def test_the_history_is_shown_asked_again_paused_and_forgotten(look: Look, own: str) -> None:
    seen = look(own)
    page = seen.open("?q=green")
    seen.tiles()
    panel = "document.querySelector('#side .history')"
    seen.until(f"{panel}?.textContent.includes('green')")
    page.goto(own)
    page.wait_for_selector("#side .history li")
    page.click("#side .history >> text=green")
    seen.until("document.querySelector('#words').value === 'green'")
    page.click("text=Pause")
    page.wait_for_selector("text=Remember")
    page.click("text=Forget")
    seen.until(f"!{panel}.textContent.includes('green')")
    page.click("text=Remember")
    seen.until("fetch('/api/v1/history').then((told) => told.json()).then(({ on }) => on)")


def test_an_export_goes_into_the_folder_of_the_server(look: Look, own: str, place: Path) -> None:
    seen = look(own)
    page = seen.open("?q=red")
    seen.tiles()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("x")
    page.keyboard.press("e")
    page.wait_for_selector("dialog .export")
    page.check("dialog input[value=folder]")
    page.fill("dialog input[aria-label=Name]", "one of them")
    page.click("dialog button[type=submit]")
    seen.until("document.querySelector('dialog .progress').textContent.includes('written')")
    names = sorted(path.suffix for path in (place / "exports" / "one of them").iterdir())
    assert names == [".json", ".png"]


def test_where_in_the_photo_is_chosen_by_its_ninths(look: Look, own: str) -> None:
    seen = look(own)
    page = seen.open("?q=blue")
    every = len(seen.tiles())
    page.click(".ninths button[aria-label^='middle left']")
    seen.until("location.search.includes('places=middle+left')")
    seen.until(f"document.querySelectorAll('.tile:not([hidden], .waiting)').length < {every}")
    pressed = ".ninths button[aria-pressed=true]"
    page.wait_for_selector(pressed)
    page.click(pressed)
    seen.until("!location.search.includes('places')")


def test_an_indexing_is_stopped_from_the_page(look: Look, own: str, place: Path) -> None:
    for number in range(300):
        Image.new("RGB", (64, 48), (number % 256, 20, number // 2)).save(
            place / "photos" / f"{number}.png", compress_level=0
        )
    seen = look(own)
    page = seen.open("?q=red")
    seen.tiles()
    page.click("button[aria-label^='Index']")
    assert "English" in page.text_content("dialog .facts")  # languages that are read
    page.click("dialog >> text=Index this folder")
    page.click("dialog .progress >> text=Stop")
    seen.until("document.querySelector('dialog .progress').textContent.includes('stopped')", 30)
    page.goto("about:blank")
