// Filters: exact conditions, and what the matches are made of, by date, folder, camera, size and place.

import * as api from "../api.js";
import { roundCount } from "../results_bar.js";
import { announce, baseName, button, counted, element, paused, percent, replace } from "../elements.js";
import { ask } from "../query_bar.js";
import { store } from "../state.js";

/** @typedef {import("../answer.js").Answer} Answer */
/** @typedef {import("../api.js").Where} Where */

const MOST_BARS = 48;

/** A changed condition; an empty one is none. @param {Where} change */
export function filter(change) {
  /** @type {Where} */
  const where = { ...store().state.where, ...change };
  for (const [name, value] of Object.entries(where)) if (value === undefined || value === "" || value === 0) delete where[name];
  ask({ where });
}

/** A word that the question says beside the others, as "red" or "left". @param {string} word */
function addWord(word) {
  const { words } = store().state;
  const known = words.toLowerCase().split(/\s+/);
  if (!known.includes(word.toLowerCase())) ask({ words: `${word} ${words}`.trim() });
}

/** Bounds of a month, as conditions: from its first day until the next one's. @param {string} first @param {string} last */
export function monthRange(first, last) {
  const [year = 0, month = 1] = last.split("-").map(Number);
  const next = month === 12 ? `${year + 1}-01` : `${year}-${String(month + 1).padStart(2, "0")}`;
  return { after: first, before: last.length === 4 ? String(year + 1) : next };
}

/** @param {HTMLElement} host */
export function makeFilters(host) {
  const after = element("input", { type: "date", title: "Taken on this day or later" });
  const before = element("input", { type: "date", title: "Taken before this day" });
  const folder = element("input", { type: "text", dir: "auto", placeholder: "folder, or 2023/*", "aria-label": "Folder or pattern of paths" });
  const camera = element("input", { type: "text", dir: "auto", placeholder: "camera", "aria-label": "Camera" });
  const least = element("input", { type: "range", min: "0", max: "60", step: "1", "aria-label": "Least share of the photo" });
  const leastText = element("output", {});
  const clear = button("close", "Clear the filters", () => ask({ where: {} }), { text: "Clear", class: "plain small" });
  const lists = element("div", { class: "facets" });
  after.addEventListener("change", () => filter({ after: after.value }));
  before.addEventListener("change", () => filter({ before: before.value }));
  folder.addEventListener("change", () => filter({ path_glob: folder.value.trim() }));
  camera.addEventListener("change", () => filter({ camera: camera.value.trim() }));
  const setLeast = paused(() => filter({ min_area: Number(least.value) / 100 }), 150);
  least.addEventListener("input", () => {
    leastText.textContent = leastName(Number(least.value) / 100);
    setLeast();
  });
  const dates = element("div", { class: "histogram", hidden: true });
  replace(
    host,
    element("div", { class: "heading" }, element("h2", {}, "Filters"), clear),
    section("Date", dates, element("label", { class: "pair" }, element("span", {}, "from"), after), element("label", { class: "pair" }, element("span", {}, "before"), before)),
    section("Folder", folder),
    section("Camera", camera),
    section("Size in the photo", element("div", { class: "pair" }, least, leastText)),
    lists,
  );

  const show = () => {
    const { where } = store().state;
    after.value = day(where.after);
    before.value = day(where.before);
    folder.value = String(where.path_glob ?? "");
    camera.value = String(where.camera ?? "");
    if (document.activeElement !== least) least.value = String(Math.round(Number(where.min_area ?? 0) * 100));
    leastText.textContent = leastName(Number(least.value) / 100);
    clear.hidden = Object.keys(where).length === 0;
  };
  store().onChange(show);
  show();

  /** @type {AbortController | null} */
  let waiting = null;
  return {
    /** @param {Answer | null} answer */
    async answered(answer) {
      waiting?.abort();
      if (!answer || !answer.total) {
        dates.hidden = true;
        replace(lists);
        return;
      }
      const { signal } = (waiting = new AbortController());
      try {
        const found = await api.facets(answer.id, signal);
        drawDates(dates, found.dates ?? []);
        replace(lists, ...listsOf(found));
      } catch (error) {
        if (api.isLacking(error)) replace(lists);
        else if (!api.isAborted(error)) announce("the matches could not be counted");
      }
    },
  };
}

/** @param {number} share */
const leastName = (share) => (share === 0 ? "any" : `≥ ${percent(share)}`);

/** A condition on dates as a field of dates has it. @param {unknown} moment */
function day(moment) {
  const text = String(moment ?? "");
  if (/^\d{4}$/.test(text)) return `${text}-01-01`;
  if (/^\d{4}-\d{2}$/.test(text)) return `${text}-01`;
  return text.slice(0, 10);
}

/** @param {string} title @param {...Node} content */
const section = (title, ...content) => element("section", {}, element("h3", {}, title), ...content);

/**
 * Bars of matches a month, or a year where there are many; a click chooses one, with Shift up to it.
 *
 * @param {HTMLElement} host
 * @param {{month: string, count: number}[]} months
 */
function drawDates(host, months) {
  /** @type {Map<string, number>} */
  let bars = new Map(months.map(({ month, count }) => [month, count]));
  if (spanned([...bars.keys()].sort()).length > MOST_BARS) {
    bars = new Map();
    for (const { month, count } of months) bars.set(month.slice(0, 4), (bars.get(month.slice(0, 4)) ?? 0) + count);
  }
  const names = spanned([...bars.keys()].sort());
  host.hidden = bars.size < 2;
  const most = Math.max(...bars.values(), 1);
  /** @type {string | null} */
  let first = null;
  replace(
    host,
    ...names.map((name) => {
      const found = bars.get(name) ?? 0;
      const bar = element("button", {
        type: "button",
        class: "bar",
        title: `${name}: ${counted(found, "match", "matches")}`,
        "aria-label": `${name}: ${counted(found, "match", "matches")}`,
        disabled: found === 0,
        click: (/** @type {MouseEvent} */ event) => {
          const from = event.shiftKey && first !== null ? first : name;
          first = name;
          const [low = name, high = name] = [from, name].sort();
          filter(monthRange(low, high));
        },
      });
      bar.style.setProperty("--share", String(Math.max(found ? 0.06 : 0, found / most)));
      return bar;
    }),
    element("div", { class: "ends", "aria-hidden": "true" }, element("span", {}, names[0] ?? ""), element("span", {}, names.at(-1) ?? "")),
  );
}

/** All months or years between the first and the last. @param {string[]} names sorted */
export function spanned(names) {
  const [first, last] = [names[0], names.at(-1)];
  if (first === undefined || last === undefined) return [];
  const all = [];
  let [year = 0, month = 0] = first.split("-").map(Number);
  for (let name = first; name <= last && all.length < 2400; ) {
    all.push(name);
    if (first.length === 4) name = String(++year).padStart(4, "0");
    else {
      month = (month % 12) + 1;
      if (month === 1) year++;
      name = `${String(year).padStart(4, "0")}-${String(month).padStart(2, "0")}`;
    }
  }
  return all;
}

/** @param {import("../api.js").Facets} found @returns {Node[]} */
function listsOf(found) {
  const where = store().state.where;
  const lists = [
    list("Folders", (found.folders ?? []).map(({ path, count }) => ({ name: baseName(path.replace(/[\\/]$/, "")) || path, title: path, count, chosen: where.path_glob === path, choose: () => filter({ path_glob: where.path_glob === path ? "" : path }) }))),
    list("Cameras", (found.cameras ?? []).map(({ camera, count }) => ({ name: camera, title: camera, count, chosen: where.camera === camera, choose: () => filter({ camera: where.camera === camera ? "" : camera }) }))),
    list("Sizes", (found.sizes ?? []).map(({ from, to, count }) => ({ name: `${percent(from)} – ${percent(to)}`, title: "Share of the photo", count, chosen: where.min_area === from, choose: () => filter({ min_area: where.min_area === from ? 0 : from }) }))),
    list("Where in the photo", (found.places ?? []).map(({ place, count }) => word(place, count))),
    list("Colours", (found.colours ?? []).map(({ colour, count }) => word(colour, count))),
    list("Materials", (found.materials ?? []).map(({ material, count }) => word(material, count))),
  ];
  return lists.filter((each) => each !== null);
}

/** @param {string} name @param {number} count */
const word = (name, count) => ({ name, title: `Add “${name}” to the question`, count, chosen: false, choose: () => addWord(name) });

/**
 * @param {string} title
 * @param {{name: string, title: string, count: number, chosen: boolean, choose: () => void}[]} values
 */
function list(title, values) {
  const told = values.filter(({ count, chosen }) => count > 0 || chosen);
  if (told.length < 2 && !told.some(({ chosen }) => chosen)) return null;
  const most = Math.max(...told.map(({ count }) => count), 1);
  const items = told.map((value) => {
    const made = element(
      "button",
      { type: "button", class: "facet", title: value.title, "aria-pressed": String(value.chosen), click: value.choose },
      element("span", { dir: "auto" }, value.name),
      element("small", {}, roundCount(value.count)),
    );
    made.style.setProperty("--share", String(value.count / most));
    return element("li", {}, made);
  });
  const shown = items.slice(0, 8);
  const rest = items.slice(8);
  const all = element("ul", {}, ...shown);
  const more = rest.length ? button("", "", () => (all.append(...rest), more?.remove()), { text: `${rest.length} more`, class: "plain small" }) : null;
  return element("section", {}, element("h3", {}, title), all, more);
}
