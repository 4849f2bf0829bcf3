"""A real Chromium, and pages in it that tell what they complained of."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

CHROMIUMS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
WATCH = """
  window.violations = [];
  document.addEventListener("securitypolicyviolation", (event) =>
    window.violations.push(`${event.violatedDirective}: ${event.blockedURI}`));
"""


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One browser for all tests; skipped where this machine has none."""
    found = next((path for name in CHROMIUMS if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip(f"no Chromium here: {', '.join(CHROMIUMS)}")
    with sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=found)
        yield opened
        opened.close()


class Seen:
    """A page of the server, and how it is waited for: its CSP forbids `wait_for_function`.

    Attributes:
        page: the page.
        address: the server's address.
        complaints: lines of its console and exceptions that no missing route explains.
    """

    def __init__(self, page: Page, address: str) -> None:
        self.page, self.address = page, address
        self.complaints: list[str] = []
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", self._hear)

    def _hear(self, message: Any) -> None:
        # what a server lacks is asked for once, and the browser writes that down
        if message.type == "error" and "404 (Not Found)" not in message.text:
            self.complaints.append(message.text)

    def open(self, query: str = "") -> Page:
        """The page at an address, once it has an answer or knows what to show instead."""
        self.page.goto(f"{self.address}{query}")
        self.until(
            "!document.querySelector('#start').hidden || document.body.matches('.with-answer')"
        )
        return self.page

    def until(self, expression: str, seconds: float = 15) -> Any:
        """The first truthy value of an expression."""
        end = time.monotonic() + seconds
        while not (value := self.page.evaluate(expression)):
            assert time.monotonic() < end, f"never: {expression}"
            time.sleep(0.03)
        return value

    def tiles(self) -> Any:
        """What is read aloud of the tiles, once there are some."""
        return self.until(
            "(() => { const all = [...document.querySelectorAll('.tile:not([hidden], .waiting)')];"
            " return all.length && all.map((tile) => tile.ariaLabel); })()"
        )


@pytest.fixture
def look(browser: Browser, address: str, client: httpx.Client) -> Iterator[Callable[..., Seen]]:
    """Opens pages, and sees at the end that none broke the policy or threw."""
    contexts: list[BrowserContext] = []
    opened: list[Seen] = []

    def start(server: str = address, **options: Any) -> Seen:
        context = browser.new_context(
            **{"viewport": {"width": 1280, "height": 800}, "reduced_motion": "reduce", **options}
        )
        context.add_init_script(WATCH)
        contexts.append(context)
        opened.append(Seen(context.new_page(), server))
        return opened[-1]

    yield start
    violations = [seen.page.evaluate("window.violations") for seen in opened]
    complaints = [seen.complaints for seen in opened]
    for context in contexts:
        context.close()
    assert not any(violations), violations
    assert not any(complaints), complaints
