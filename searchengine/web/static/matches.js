// The matches: the answer in a grid, what one does with a tile, and what is selected.

import { Answer, FIRST } from "./answer.js";
import * as api from "./api.js";
import { announce, button, count, counted, element, paused, replace } from "./elements.js";
import { Grid } from "./grid.js";
import { SEGMENT_TYPE, judge, messageOf } from "./query_bar.js";
import { emptyNote } from "./results_bar.js";
import { Selection } from "./selection.js";
import { asksAnything, questionOf, store } from "./state.js";
import { captionOf, drawTile, spokenName } from "./tile.js";

/** @typedef {import("./grid.js").Cell} Cell */
/** @typedef {import("./api.js").Match} Match */

const MOST_PICKED = 10_000;
const NARROW = matchMedia("(max-width: 900px)");

/**
 * @param {HTMLElement} viewport
 * @param {HTMLElement} empty stands in place of the matches where there are none
 */
export function makeMatches(viewport, empty) {
  const selection = new Selection();
  const events = new EventTarget();
  /** @type {Answer | null} */
  let answer = null;
  let hidden = false; // whether masks are hidden while a key is held
  let asking = 0;
  /** @type {AbortController | null} */
  let waiting = null;

  const look = () => {
    const { tile, mask, padding } = store().state;
    return { tile, padding, mask: hidden ? /** @type {const} */ ("hidden") : mask };
  };
  const matchAt = (/** @type {number} */ place) => answer?.at(place);

  /** @param {Cell} cell */
  function fill(cell) {
    const match = matchAt(cell.place);
    const { place, canvas, caption } = cell;
    const key = match ? `${answer?.id} ${match.segment_id}` : "";
    if (canvas.dataset.shows !== key) {
      canvas.dataset.shows = key;
      canvas.classList.remove("drawn"); // hidden rather than emptied, which would be painted, too
    }
    cell.cell.classList.toggle("waiting", !match);
    mark(cell, match);
    if (!match) {
      caption.textContent = "";
      return;
    }
    caption.textContent = captionOf(match);
    cell.cell.classList.toggle("sure", (match.confidence ?? 0) >= 0.5);
    const wanted = () => cell.place === place && canvas.dataset.shows === key;
    drawTile(canvas, match, look(), wanted).then(
      () => wanted() && cell.cell.classList.remove("failed"),
      () => {
        if (!wanted()) return;
        cell.cell.classList.add("failed");
        caption.textContent = `${match.missing ? "file is missing" : "cannot be read"} · ${captionOf(match)}`;
      },
    );
  }

  /** @param {Cell} cell @param {Match | undefined} match */
  function mark(cell, match) {
    const { state } = store();
    const selected = selection.has(match);
    cell.cell.classList.toggle("selected", selected);
    cell.cell.classList.toggle("liked", match !== undefined && state.like.includes(match.segment_id));
    cell.cell.classList.toggle("open", match !== undefined && state.open?.segment === match.segment_id);
    cell.cell.setAttribute("aria-selected", String(selected));
    cell.cell.setAttribute("aria-label", match ? spokenName(match, selected) : `Match ${cell.place + 1}, loading`);
  }

  const grid = new Grid(viewport, { fill, size: () => store().state.size });
  const marks = () => {
    for (const row of grid.rows.values()) for (const cell of row.cells) mark(cell, matchAt(cell.place));
  };
  selection.addEventListener("change", marks);

  const need = paused(() => answer?.need(grid.range.from, grid.range.to), 30, { eager: true });
  const needAround = paused(() => {
    const { from, to } = grid.range;
    answer?.need(Math.max(0, from - grid.columns), to + 2 * grid.columns);
  }, 150);
  const keepPlace = paused(() => {
    const place = grid.first;
    if (answer && place !== store().state.place) store().change({ place }, { back: false });
  }, 400);
  grid.addEventListener("moved", () => {
    need();
    needAround();
    keepPlace();
    events.dispatchEvent(new Event("moved"));
  });
  grid.addEventListener("active", () => {
    const match = matchAt(grid.active);
    if (match && store().state.open && !NARROW.matches) open(match, false);
  });

  /** @param {Match} match @param {boolean} [back] */
  function open(match, back = true) {
    store().change({ open: { photo: match.photo_id, segment: match.segment_id } }, { back });
  }

  /** Select all from the place that was chosen last to this one, however far apart. @param {number} place */
  async function extend(place) {
    const anchor = (selection.anchor ??= place);
    const from = Math.min(anchor, place);
    const to = Math.max(anchor, place) + 1;
    if (to - from > MOST_PICKED)
      return announce(`at most ${count(MOST_PICKED)} matches are picked one by one; a selects all`, { seen: true });
    try {
      selection.add((await answer?.range(from, to)) ?? [], from);
    } catch (error) {
      announce(messageOf(error), { seen: true });
    }
  }

  // ------------------------------------------------------------------ tiles under pointer and finger
  const act = (/** @type {(match: Match, place: number) => void} */ deed) => (/** @type {Event} */ event) => {
    event.stopPropagation();
    const place = grid.placeOf(/** @type {Element} */ (event.target));
    const match = matchAt(place);
    if (match) deed(match, place);
  };
  const tools = element(
    "div",
    { class: "tile-tools" },
    button(
      "check",
      "Select",
      act((match, place) => selection.toggle(match, place)),
      { key: "x", tabindex: "-1" },
    ),
    button(
      "similar",
      "Find alike",
      act((match) => events.dispatchEvent(new CustomEvent("similar", { detail: match }))),
      { key: "s", tabindex: "-1" },
    ),
    button(
      "plus",
      "More like this",
      act((match) => judge(match.segment_id, "like")),
      { key: "+", tabindex: "-1" },
    ),
    button(
      "minus",
      "Not like this",
      act((match) => judge(match.segment_id, "unlike")),
      { key: "–", tabindex: "-1" },
    ),
  );
  viewport.addEventListener("pointerover", (event) => {
    const cell = event.target instanceof Element ? event.target.closest(".tile") : null;
    if (event.pointerType !== "touch" && cell && tools.parentNode !== cell && !cell.classList.contains("waiting"))
      cell.append(tools);
  });
  viewport.addEventListener("pointerleave", () => tools.remove());
  viewport.addEventListener("click", (event) => {
    const place = grid.placeOf(/** @type {Element} */ (event.target));
    const match = matchAt(place);
    if (!match) return;
    grid.go(place);
    if (event.shiftKey) void extend(place);
    else if (event.ctrlKey || event.metaKey) selection.toggle(match, place);
    else open(match);
  });
  viewport.addEventListener("contextmenu", (event) => {
    // a long touch selects
    if (!(event instanceof PointerEvent) || event.pointerType !== "touch") return;
    const place = grid.placeOf(/** @type {Element} */ (event.target));
    const match = matchAt(place);
    if (!match) return;
    event.preventDefault();
    selection.toggle(match, place);
  });
  viewport.addEventListener("dragstart", (event) => {
    const place = grid.placeOf(/** @type {Element} */ (event.target));
    const match = matchAt(place);
    if (!match || !event.dataTransfer) return;
    event.dataTransfer.setData(SEGMENT_TYPE, String(match.segment_id));
    event.dataTransfer.effectAllowed = "copy";
  });

  // ------------------------------------------------------------------ asking
  async function run() {
    const { state } = store();
    waiting?.abort();
    const number = ++asking;
    if (!asksAnything(state)) {
      answer = null;
      shown();
      return;
    }
    const { signal } = (waiting = new AbortController());
    document.body.classList.add("searching");
    try {
      const question = questionOf(state);
      const told = await api.search(question, FIRST, signal);
      if (number !== asking) return;
      answer = new Answer(question, told);
      answer.addEventListener("more", () => {
        grid.refresh(({ cell }) => cell.classList.contains("waiting"));
        events.dispatchEvent(new Event("more"));
      });
      answer.addEventListener("counted", () => {
        grid.count(answer?.total ?? 0);
        events.dispatchEvent(new Event("counted"));
      });
      answer.addEventListener("renewed", () => shown(grid.first));
      answer.addEventListener("failed", (event) =>
        announce(messageOf(/** @type {CustomEvent} */ (event).detail), { seen: true }),
      );
      selection.clear();
      shown(state.place);
      announce(
        answer.total
          ? `${counted(answer.total, "match", "matches")}${told.confident ? "" : ", none confident"}`
          : "no matches",
      );
    } catch (error) {
      if (api.isAborted(error) || number !== asking) return;
      answer = null;
      const again = button("", "", () => void run(), { text: "Try again", class: "main" });
      shown(0, element("div", { class: "nothing", role: "alert" }, element("p", {}, messageOf(error)), again));
    } finally {
      if (number === asking) document.body.classList.remove("searching");
    }
  }

  /** @param {number} [place] first match in view @param {Node | null} [instead] what stands in place of matches */
  function shown(place = 0, instead = null) {
    const total = answer?.total ?? 0;
    if (answer && !total) instead = emptyNote(store().state);
    viewport.hidden = total === 0;
    empty.hidden = instead === null;
    replace(empty, instead);
    const told = answer?.told;
    viewport.classList.toggle("doubtful", Boolean(told && !told.confident && told.matches[0]?.confidence != null));
    grid.reset(total, place);
    events.dispatchEvent(new Event("answered"));
  }

  store().onChange((state, before) => {
    if (JSON.stringify(questionOf(state)) !== JSON.stringify(questionOf(before))) return void run();
    if (state.size !== before.size) grid.resize();
    else if (["tile", "mask", "padding"].some((name) => Reflect.get(state, name) !== Reflect.get(before, name)))
      grid.refresh();
    else marks();
    if (state.place !== before.place && state.place !== grid.first) grid.scrollTo(state.place);
  });

  return {
    events,
    grid,
    selection,
    extend,
    matchAt,
    open,
    run,
    get answer() {
      return answer;
    },
    get active() {
      return matchAt(grid.active);
    },
    matchOf: (/** @type {number} */ segment) => (answer ? matchAt(answer.placeOf(segment)) : undefined),
    /** @param {boolean} now whether masks are hidden while a key is held */
    hideMasks(now) {
      hidden = now;
      grid.refresh();
    },
    /** @param {number} step */
    walk(step) {
      const place = grid.active + step;
      if (!answer || place < 0 || place >= answer.total) return;
      grid.go(place, { focus: false });
      const match = matchAt(place);
      if (match) open(match, false);
    },
  };
}
