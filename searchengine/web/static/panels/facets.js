// What the matches are made of: by date, folder, camera, size, place and format.

import { baseName, button, count as inFull, counted, element, replace } from "../elements.js";
import { ask } from "../query_bar.js";
import { store } from "../state.js";

/** @typedef {import("../api.js").Where} Where */

const MOST_BARS = 48;

/** @param {number} value */
const rounded = (value) => (value >= 10_000 ? `${inFull(Math.round(value / 1000))} k` : inFull(value));

const NINTHS = ["top", "middle", "bottom"].flatMap((down) =>
  ["left", "centre", "right"].map((across) => `${down} ${across}`),
);

/** A changed condition; an empty one is none. @param {Where} change */
export function filter(change) {
  /** @type {Where} */
  const where = { ...store().state.where, ...change };
  for (const [name, value] of Object.entries(where))
    if (value === undefined || value === "" || value === 0 || (Array.isArray(value) && !value.length))
      delete where[name];
  ask({ where });
}

/** The question with one more thing said of it, as "red". @param {string} said */
function say(said) {
  const words = store().state.words.trim();
  if (!words.toLowerCase().includes(said)) ask({ words: `${said} ${words}` });
}

/** Bounds of a month, as conditions: from its first day until the next one's. @param {string} first @param {string} last */
export function monthRange(first, last) {
  const [year = 0, month = 1] = last.split("-").map(Number);
  const next = month === 12 ? `${year + 1}-01` : `${year}-${String(month + 1).padStart(2, "0")}`;
  return { after: first, before: last.length === 4 ? String(year + 1) : next };
}

/** @param {string} title @param {...Node} content */
export const section = (title, ...content) => element("section", {}, element("h3", {}, title), ...content);

/**
 * Bars of matches a month, or a year where there are many; a click chooses one, with Shift up to it.
 *
 * @param {HTMLElement} host
 * @param {{month: string, count: number}[]} months
 */
export function drawDates(host, months) {
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
    element(
      "div",
      { class: "ends", "aria-hidden": "true" },
      element("span", {}, names[0] ?? ""),
      element("span", {}, names.at(-1) ?? ""),
    ),
  );
}

/** All months or years between the first and the last. @param {string[]} names sorted */
export function spanned(names) {
  const [first, last] = [names[0], names.at(-1)];
  if (first === undefined || last === undefined) return [];
  const all = [];
  let [year = 0, month = 0] = first.split("-").map(Number);
  for (let name = first; name <= last && all.length < 2400;) {
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
export function listsOf(found) {
  const { where } = store().state;
  /** A value that is a condition while it is chosen. @param {string} name @param {number} count @param {Where} condition @param {string} [title] */
  const value = (name, count, condition, title = name) => {
    const chosen = Object.entries(condition).every(([field, wanted]) => where[field] === wanted);
    const none = Object.fromEntries(Object.keys(condition).map((field) => [field, undefined]));
    return { name, title, count, chosen, choose: () => filter(chosen ? none : condition) };
  };
  /** @param {{name: string, count: number}} each */
  const adjective = ({ name, count }) => ({
    name,
    title: `Add “${name}” to the question`,
    count,
    chosen: false,
    choose: () => say(name),
  });
  const lists = [
    list(
      "Folders",
      found.folders.map(({ path, count }) =>
        value(baseName(path.replace(/[\\/]$/, "")) || path, count, { path_glob: path }, path),
      ),
    ),
    list(
      "Cameras",
      found.cameras.map(({ name, count }) => value(name, count, { camera: name })),
    ),
    list(
      "Share of the photo",
      found.sizes.map(({ from, to, count }) =>
        value(
          sizeName(from, to),
          count,
          { min_area: from || undefined, max_area: to < 1 ? to : undefined },
          "Share of the photo",
        ),
      ),
    ),
    ninths(found.places, where.places ?? []),
    list("Colours", (found.colours ?? []).map(adjective)),
    list("Materials", (found.materials ?? []).map(adjective)),
    list(
      "Formats",
      found.formats.map(({ name, count }) => value(name, count, { format: name })),
    ),
  ];
  return lists.filter((each) => each !== null);
}

/** @param {number} from @param {number} to */
function sizeName(from, to) {
  const share = (/** @type {number} */ each) => `${Number((each * 100).toPrecision(2))}`;
  return from === 0 ? `below ${share(to)} %` : to >= 1 ? `above ${share(from)} %` : `${share(from)} – ${share(to)} %`;
}

/**
 * A photo in miniature: where in it the matches lie. A click chooses a ninth, or leaves it out again.
 *
 * @param {{place: string, count: number}[]} places
 * @param {string[]} wanted rows, columns and ninths that are conditions now
 */
function ninths(places, wanted) {
  const counts = new Map(places.map(({ place, count }) => [place, count]));
  const most = Math.max(...counts.values(), 1);
  const chosen = NINTHS.filter((ninth) =>
    wanted.some((name) => name.split(" ").every((word) => ninth.split(" ").includes(word))),
  );
  const cells = NINTHS.map((ninth) => {
    const found = counts.get(ninth) ?? 0;
    const label = `${ninth}: ${counted(found, "match", "matches")}`;
    const pressed = chosen.includes(ninth);
    const made = element("button", {
      type: "button",
      title: label,
      "aria-label": label,
      "aria-pressed": String(pressed),
      click: () => filter({ places: pressed ? chosen.filter((each) => each !== ninth) : [...chosen, ninth] }),
    });
    made.style.setProperty("--share", String(found / most));
    return made;
  });
  return section("Where in the photo", element("div", { class: "ninths" }, ...cells));
}

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
      element("small", {}, rounded(value.count)),
    );
    made.style.setProperty("--share", String(value.count / most));
    return element("li", {}, made);
  });
  const shown = items.slice(0, 8);
  const rest = items.slice(8);
  const all = element("ul", {}, ...shown);
  const more = rest.length
    ? button("", "", () => (all.append(...rest), more?.remove()), { text: `${rest.length} more`, class: "plain small" })
    : null;
  return element("section", {}, element("h3", {}, title), all, more);
}
