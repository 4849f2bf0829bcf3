// What is above the matches: how many there are, how the question was understood, and how they are shown.

import { button, counted, element, paused, percent, percentSure, replace } from "./elements.js";
import { ask } from "./query_bar.js";
import { store } from "./state.js";
import { confidenceWord } from "./tile.js";

/** @typedef {import("./answer.js").Answer} Answer */
/** @typedef {import("./state.js").State} State */

/**
 * @param {HTMLElement} host
 * @param {HTMLElement} understood
 * @param {HTMLElement} doubt
 * @param {{jump: (place: number) => void}} how
 */
export function makeResultsBar(host, understood, doubt, { jump }) {
  const total = element("strong", { class: "total" });
  const place = element("input", {
    type: "number",
    min: "1",
    class: "jump",
    "aria-label": "Go to match number",
    title: "Go to match number",
  });
  place.addEventListener("change", () => {
    const wanted = Number(place.value);
    if (wanted >= 1) jump(wanted - 1);
  });
  const where = element("span", { class: "where" }, "from ", place);

  const cut = element("input", {
    type: "range",
    min: "0",
    max: "95",
    step: "5",
    id: "cut",
    "aria-label": "Least confidence",
  });
  const cutText = element("output", { for: "cut" });
  const search = paused(() => ask({ cut: Number(cut.value) / 100 }), 120);
  cut.addEventListener("input", () => {
    cutText.textContent = cutName(Number(cut.value) / 100);
    search();
  });
  const cutField = element(
    "label",
    { class: "cut", title: "Least confidence of what is shown" },
    element("span", {}, "At least"),
    cut,
    cutText,
  );
  const order = choice(
    "Order",
    "order",
    [
      ["relevance", "Best first"],
      ["date", "Newest first"],
      ["size", "Largest first"],
    ],
    (value) => ask({ order: value }),
  );
  const group = choice(
    "Show",
    "group",
    [
      ["segment", "every segment"],
      ["photo", "one a photo"],
      ["burst", "one a burst"],
    ],
    (value) => ask({ group: value }),
  );

  const tile = choice(
    "Tile",
    "tile",
    [
      ["crop", "the thing"],
      ["photo", "whole photo"],
    ],
    (value) => view({ tile: /** @type {State["tile"]} */ (value) }),
  );
  const mask = choice(
    "Mask",
    "mask",
    [
      ["outline", "outline"],
      ["fill", "filled"],
      ["hidden", "hidden"],
    ],
    (value) => view({ mask: /** @type {State["mask"]} */ (value) }),
  );
  const padding = element("input", {
    type: "range",
    min: "0",
    max: "1",
    step: "0.05",
    "aria-label": "Margin around the thing",
  });
  padding.addEventListener("input", () => view({ padding: Number(padding.value) }));
  const size = element("input", { type: "range", min: "110", max: "420", step: "10", "aria-label": "Size of tiles" });
  size.addEventListener("input", () => view({ size: Number(size.value) }));
  const menu = element(
    "details",
    { class: "menu" },
    element("summary", {}, "View"),
    element(
      "div",
      { class: "sheet" },
      tile.label,
      mask.label,
      element("label", {}, element("span", {}, "Margin"), padding),
      element("label", {}, element("span", {}, "Size"), size),
    ),
  );
  document.addEventListener("click", (event) => {
    if (!menu.contains(/** @type {Node} */ (event.target))) menu.open = false;
  });
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !menu.open) return;
    event.stopPropagation();
    menu.open = false;
    menu.querySelector("summary")?.focus();
  });
  host.append(
    element("div", { class: "count" }, total, where),
    element("div", { class: "choices" }, cutField, order.label, group.label, menu),
  );

  const show = () => {
    const { state } = store();
    order.select.value = state.order;
    group.select.value = state.group;
    tile.select.value = state.tile;
    mask.select.value = state.mask;
    padding.value = String(state.padding);
    padding.disabled = state.tile === "photo";
    size.value = String(state.size);
    if (document.activeElement !== cut) cut.value = String(Math.round(state.cut * 100));
    cutText.textContent = cutName(Number(cut.value) / 100);
  };
  store().onChange(show);
  show();

  /** @param {Answer} answer */
  const showCount = (answer) => {
    const { group } = store().state;
    const name = group === "segment" ? "match" : group;
    total.textContent =
      (answer.isExact ? "" : "at least ") + counted(answer.total, name, name === "match" ? "matches" : undefined);
    place.max = String(answer.total);
    where.hidden = answer.total < 2;
  };

  return {
    /** @param {Answer | null} answer */
    counted: (answer) => answer && showCount(answer),
    /** @param {Answer | null} answer */
    answered(answer) {
      host.hidden = !answer;
      understood.hidden = !answer;
      const doubts = answer && doubtOf(answer);
      doubt.hidden = !doubts;
      if (!answer) return;
      replace(doubt, ...(doubts ?? []));
      showCount(answer);
      replace(understood, ...readingOf(answer));
    },
    /** @param {number} first */
    moved(first) {
      if (document.activeElement !== place) place.value = String(first + 1);
    },
  };
}

/** @param {Partial<State>} change */
const view = (change) => store().change(change, { back: false });

/** @param {number} least */
const cutName = (least) => (least === 0 ? "all" : least === 0.5 ? `${percent(least)}, confident` : percent(least));

/**
 * @param {string} text
 * @param {string} name
 * @param {[string, string][]} values
 * @param {(value: string) => void} choose
 */
function choice(text, name, values, choose) {
  const select = element(
    "select",
    { name, "aria-label": text, change: () => choose(select.value) },
    ...values.map(([value, label]) => element("option", { value }, label)),
  );
  return { select, label: element("label", { class: "choice" }, element("span", {}, text), select) };
}

/** What is said where no match is more likely right than wrong; null where one is. @param {Answer} answer */
function doubtOf({ told, total }) {
  const best = told.matches[0]?.confidence ?? null;
  if (!total || told.confident || best === null) return null;
  return [
    element("strong", {}, "Nothing confident."),
    ` The nearest are shown, greyed; the best is ${confidenceWord(best)} (${percentSure(best)}).`,
  ];
}

/**
 * How the question was read, and what was not.
 *
 * @param {Answer} answer
 * @returns {Node[]}
 */
function readingOf({ told, question }) {
  /** @type {Node[]} */
  const lines = [];
  const read = told.understood;
  const plain = (/** @type {string} */ text) => text.toLowerCase().split(/\s+/).join(" ").trim();
  if (read?.words) lines.push(element("span", { class: "read", dir: "auto" }, read.words));
  for (const name of ["attributes", "colours", "materials", "patterns", "places"]) {
    const values = read?.[name];
    for (const value of Array.isArray(values) ? values : [])
      lines.push(element("span", { class: "read", dir: "auto" }, String(value)));
  }
  const asked = question.negatives.map((negative) => plain(negative.words));
  for (const negative of read?.negatives ?? []) {
    if (!asked.includes(plain(negative.words)))
      lines.push(element("span", { class: "read", dir: "auto" }, `without ${negative.words}`));
  }
  if (lines.length === 1 && read && plain(read.words) === plain(question.words)) lines.length = 0;
  if (lines.length) lines.unshift(element("span", { class: "hint" }, "Understood"));
  for (const part of told.not_understood)
    lines.push(element("span", { class: "read not", dir: "auto" }, `not understood: ${part}`));
  for (const note of told.notes) {
    if (!note.startsWith("searched: ") && !note.startsWith("not understood: "))
      lines.push(element("span", { class: "hint", dir: "auto" }, note));
  }
  return lines;
}

/**
 * What stands where matches would be when a cut-off leaves none.
 *
 * @param {State} state
 */
export function emptyNote(state) {
  const filtered = Object.keys(state.where).length > 0;
  const why =
    state.cut > 0
      ? `No match is at least ${percent(state.cut)} sure.`
      : filtered
        ? "The filters leave no segment."
        : "The index holds no segment to compare.";
  return element(
    "div",
    { class: "nothing" },
    element("p", {}, why),
    state.cut > 0
      ? button("", "Show the nearest", () => ask({ cut: 0 }), { text: "Show the nearest", class: "main" })
      : null,
    filtered
      ? button("", "Clear the filters", () => ask({ where: {} }), {
          text: "Clear the filters",
          class: state.cut > 0 ? "plain" : "main",
        })
      : null,
  );
}
