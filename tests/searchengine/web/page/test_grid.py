"""The grid alone: a million places, of which only those in view are nodes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

MILLION = """async () => {
  const { Grid } = await import("/grid.js");
  const host = document.createElement("div");
  host.className = "viewport";
  Object.assign(host.style, { position: "fixed", inset: "0", zIndex: "50" });
  document.body.append(host);
  const fill = (cell) => (cell.caption.textContent = String(cell.place));
  const grid = new Grid(host, { fill, size: () => 90 });
  grid.reset(1_000_000);
  window.grid = grid;
}"""
JUMP = """async (place) => {
  grid.go(place);
  await new Promise(requestAnimationFrame);
  const cell = grid.cellAt(place).cell;
  const frame = cell.getBoundingClientRect();
  return {
    nodes: grid.body.querySelectorAll("*").length,
    focused: document.activeElement === cell,
    inView: frame.top >= -1 && frame.bottom <= innerHeight + 1,
    text: cell.textContent,
    rows: [...grid.body.children].map((row) => row.role === "row" && Number(row.ariaRowIndex)),
  };
}"""
WHEEL = """async () => {
  const before = grid.first;
  grid.viewport.scrollTop += 3 * grid.rowHeight;
  await new Promise(requestAnimationFrame);
  await new Promise(requestAnimationFrame);
  return [before, grid.first, grid.columns];
}"""


def test_a_million_places_take_200_nodes_and_any_can_be_gone_to(look: Callable[..., Any]) -> None:
    page = look(viewport={"width": 1600, "height": 1000}).open()
    page.evaluate(MILLION)
    for place in (0, 999_999, 500_000, 123_456, 123_460, 0, 314_159):
        seen = page.evaluate(JUMP, place)
        assert seen["nodes"] <= 200
        assert seen["focused"]
        assert seen["inView"]
        assert seen["rows"] == sorted(seen["rows"])
        assert all(seen["rows"])
        assert seen["text"] == str(place)


def test_the_focus_stays_where_it_is_once_all_matches_are_counted(
    look: Callable[..., Any],
) -> None:
    page = look().open()
    page.evaluate(MILLION)
    assert page.evaluate(JUMP, 1)["focused"]
    for change in ("grid.count(2_000_000)", "grid.resize()"):
        page.evaluate(change)
        assert page.evaluate("document.activeElement === grid.cellAt(1).cell")


def test_a_turn_of_the_wheel_moves_by_rows_and_the_bar_by_its_share(
    look: Callable[..., Any],
) -> None:
    page = look(viewport={"width": 1600, "height": 1000}).open()
    page.evaluate(MILLION)
    page.evaluate(JUMP, 400_000)
    before, after, columns = page.evaluate(WHEEL)
    assert after - before == 3 * columns
    page.evaluate("grid.viewport.scrollTop = grid.viewport.scrollHeight")
    page.evaluate("new Promise(requestAnimationFrame)")
    assert page.evaluate("grid.range.to") == 1_000_000
    page.evaluate("grid.viewport.scrollTop = 0")
    page.evaluate("new Promise(requestAnimationFrame)")
    assert page.evaluate("grid.first") == 0
