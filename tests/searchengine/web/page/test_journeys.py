"""Whole journeys over the page."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

Look = Callable[..., Any]


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
