import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from model.percent_sure import percent_sure
from searchengine import ExtraMissing, Match, Matches, SearchEngine
from searchengine.matches.match import COLUMNS
from searchengine.matches.match_tables import Shown, html_page


def test_a_repr_is_one_short_line(engine: SearchEngine) -> None:
    matches = engine.search("red")
    for told in (repr(matches), repr(matches[0])):
        assert len(told) < 120
        assert "\n" not in told
    assert repr(matches).startswith("Matches('red', ")
    assert "red.jpg" in repr(matches[0])


def test_pandas_has_a_row_a_match(engine: SearchEngine) -> None:
    matches = engine.search("red", k=3)
    table = matches.to_pandas()
    assert tuple(table.columns) == COLUMNS
    assert table["segment_id"].tolist() == [match.segment_id for match in matches]
    assert table.loc[0, ["x", "y", "width", "height"]].tolist() == list(matches[0].box)
    assert len(engine.search("red", k=3, per_photo=1)[:0].to_pandas()) == 0


def test_what_is_not_installed_is_one_line(
    engine: SearchEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    matches = engine.search("red")
    for name, deed in (("pandas", matches.to_pandas), ("supervision", matches.to_supervision)):
        monkeypatch.setitem(sys.modules, name, None)
        with pytest.raises(ExtraMissing, match=name):
            deed()


def test_supervision_is_given_boxes_masks_and_classes(
    made_match: Callable[..., Match], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the class is called with; tests/searchengine/export/test_peers.py has the real one."""

    class Module:
        @staticmethod
        def Detections(**given: Any) -> Any:
            return given

    monkeypatch.setitem(sys.modules, "supervision", Module)
    mask = np.zeros((20, 30), np.bool_)
    mask[4:14, 6:20] = True
    some = [
        replace(made_match(mask, 1, size=(40, 60)), label="a"),
        replace(made_match(mask, 2, size=(40, 60), rank=2), label="b"),
        replace(made_match(mask, 3, photo_id=2, path="/other.jpg", confidence=None), label="b"),
    ]
    answer = Matches(tuple(some), "", "", "nano", labels={"a": ("a",), "b": ("b",)})
    found = answer.to_supervision()
    assert list(found) == [some[0].photo.path, "/other.jpg"]
    first = found[some[0].photo.path]
    x, y, width, height = some[0].box
    assert first["xyxy"].tolist() == [[x, y, x + width, y + height]] * 2
    assert first["mask"].shape == (2, 40, 60)
    assert first["class_id"].tolist() == [0, 1]
    assert np.isnan(found["/other.jpg"]["confidence"]).all()


def test_a_notebook_shows_photos_with_outlines(engine: SearchEngine) -> None:
    page = engine.search("red")._repr_html_()
    root = ElementTree.fromstring(f"<page>{page.replace('<br>', '<br/>')}</page>")
    assert len(root.findall(".//svg")) == len(engine.search("red"))
    assert root.findall(".//image")
    assert all(path.get("d", "").startswith("M") for path in root.findall(".//path"))


def test_a_page_runs_nothing_that_a_name_holds() -> None:
    shown = Shown(None, np.ones((4, 4), np.bool_), ("<script>alert(1)</script>\x1b[2J",))
    page = html_page("<img src=x onerror=alert(1)>", [shown], more=3)
    assert "<script" not in page
    assert "<img" not in page
    assert "\x1b" not in page
    assert "and 3 more" in page


@pytest.mark.parametrize(
    ("confidence", "told"),
    [(0.0, "0%"), (0.504, "50%"), (0.99, "99%"), (0.9999, "99%")],
)
def test_what_is_only_likely_is_never_told_as_certain(confidence: float, told: str) -> None:
    assert percent_sure(confidence) == told
