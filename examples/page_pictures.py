"""The pictures of docs/page.md, made anew: the page over the demo's photographs, in a Chromium.

    python examples/page_pictures.py [docs/pictures]

Only photographs that may be shown are indexed for it; their credits stand below the pictures.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, NamedTuple

from playwright.sync_api import Page, sync_playwright

from demo import lay_out

CHROMIUMS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
UNLICENSED = "motorcycle.jpg"


class Picture(NamedTuple):
    """A view of the page.

    Attributes:
        name: name of the file, without its suffix.
        size: width and height of the window, CSS pixels.
        scheme: "light" or "dark".
        address: what follows the page's address.
        opened: whether the first match is opened; the picture then ends above its file's name.
    """

    name: str
    size: tuple[int, int]
    scheme: Literal["light", "dark"]
    address: str
    opened: bool = False


PICTURES = (
    Picture("page-light", (1280, 800), "light", "?q=sky"),
    Picture("page-detail", (1280, 660), "dark", "?q=cup", opened=True),
    Picture("page-phone", (390, 780), "dark", "?q=cat"),
)


def main(folder: Path) -> None:
    """Make all pictures, into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    found = next((path for name in CHROMIUMS if (path := shutil.which(name))), None)
    if found is None:
        sys.exit(f"no Chromium here: {', '.join(CHROMIUMS)}")
    with tempfile.TemporaryDirectory() as place, sync_playwright() as driver:
        photos, index = Path(place) / "photos", Path(place) / "index"
        lay_out(photos)
        (photos / UNLICENSED).unlink()
        segsearch("index", photos, "--index", index)
        browser = driver.chromium.launch(executable_path=found)
        with served(index) as address:
            for picture in PICTURES:
                width, height = picture.size
                page = browser.new_page(
                    viewport={"width": width, "height": height}, color_scheme=picture.scheme
                )
                page.goto(address + picture.address)
                draw(page, picture)
                kept = page.locator("#detail .facts").bounding_box() if picture.opened else None
                page.screenshot(
                    path=folder / f"{picture.name}.jpg",
                    type="jpeg",
                    quality=82,
                    clip={"x": 0, "y": 0, "width": width, "height": kept["y"] if kept else height},
                )
                page.close()
        browser.close()


def draw(page: Page, picture: Picture) -> None:
    """Wait until a picture is complete; the page's policy forbids to wait for a function."""
    page.wait_for_selector(".tile canvas.drawn")
    if picture.opened:
        page.keyboard.press("Escape")
        page.locator(".tile").first.click()
    while page.evaluate(
        "document.querySelectorAll('.tile:not([hidden]) canvas:not(.drawn)').length"
    ):
        time.sleep(0.1)
    time.sleep(1)  # finer pictures, facets
    page.mouse.move(0, 0)


@contextmanager
def served(index: Path) -> Iterator[str]:
    """Address of a server over an index."""
    command = [sys.executable, "-m", "cli.main", "serve", "--index", str(index), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def segsearch(*arguments: object) -> None:
    """Run a command."""
    subprocess.run([sys.executable, "-m", "cli.main", *map(str, arguments)], check=True)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/pictures"))
