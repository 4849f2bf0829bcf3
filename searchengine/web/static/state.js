// The whole state of the page, and the address that holds it: Back, a bookmark and a reload lead to the same page.

/** @typedef {import("./api.js").Example} Example */
/** @typedef {import("./api.js").Negative} Negative */
/** @typedef {import("./api.js").Question} Question */
/** @typedef {import("./api.js").Where} Where */

/** @typedef {{photo?: number, segment?: number, upload?: string}} Open a photo and, in it, a segment; or an upload */

/**
 * @typedef {object} State
 * @property {string} words
 * @property {Negative[]} negatives
 * @property {Example[]} examples
 * @property {number[]} like ids of segments judged right
 * @property {number[]} unlike ids of segments judged wrong
 * @property {Where} where
 * @property {string} order relevance, date or size
 * @property {string} group segment, photo or burst
 * @property {number} cut least confidence, 0 to 1
 * @property {"crop" | "photo"} tile
 * @property {"outline" | "fill" | "hidden"} mask
 * @property {number} padding share of the segment's longer side that is shown around it
 * @property {number} size least width of a tile, CSS pixels
 * @property {Open | null} open what the detail shows
 * @property {number} place first match that is in view
 */

/** @type {Readonly<State>} */
export const START = Object.freeze({
  words: "",
  negatives: [],
  examples: [],
  like: [],
  unlike: [],
  where: {},
  order: "relevance",
  group: "segment",
  cut: 0,
  tile: "crop",
  mask: "outline",
  padding: 0.25,
  size: 220,
  open: null,
  place: 0,
});

/** @type {Record<string, string[]>} Values that a choice may have. */
const CHOICES = {
  order: ["relevance", "date", "size"],
  group: ["segment", "photo", "burst"],
  tile: ["crop", "photo"],
  mask: ["outline", "fill", "hidden"],
};
const CONDITIONS = "path_glob after before camera min_area max_area format photo_ids near places".split(" ");
const SHARES = ["min_area", "max_area"];

/** @param {Example} example */
function exampleText(example) {
  const place = example.point ?? example.box ?? [];
  const what =
    example.segment !== undefined
      ? `s${example.segment}`
      : example.photo !== undefined
        ? `p${example.photo}`
        : `u${example.upload}`;
  return place.length ? `${what}@${place.map((number) => Math.round(number)).join(",")}` : what;
}

/** @param {string} text @returns {Example | null} */
function exampleOf(text) {
  const found = /^([spu])([\w-]{1,80})(?:@([\d,]+))?$/.exec(text);
  if (!found) return null;
  const [, what, name = "", place] = found;
  /** @type {Example} */
  const example = {};
  if (what === "u") example.upload = name;
  else if (/^\d{1,15}$/.test(name)) example[what === "s" ? "segment" : "photo"] = Number(name);
  else return null;
  const numbers = place?.split(",").map(Number) ?? [];
  if (numbers.length === 2) example.point = /** @type {[number, number]} */ (numbers);
  if (numbers.length === 4) example.box = /** @type {[number, number, number, number]} */ (numbers);
  return example;
}

/** @param {Open} open */
const openText = ({ photo, segment, upload }) =>
  upload !== undefined ? `u${upload}` : segment === undefined ? `p${photo}` : `p${photo}s${segment}`;

/** @param {string} text @returns {Open | null} */
function openOf(text) {
  const upload = /^u([\w-]{1,80})$/.exec(text)?.[1];
  if (upload) return { upload };
  const [, photo, segment] = /^p(\d{1,15})(?:s(\d{1,15}))?$/.exec(text) ?? [];
  if (!photo) return null;
  return segment ? { photo: Number(photo), segment: Number(segment) } : { photo: Number(photo) };
}

/** @param {string | null} text */
const ids = (text) =>
  (text ?? "")
    .split(",")
    .filter((part) => /^\d{1,15}$/.test(part))
    .map(Number);

/**
 * The address of a state, from "?" on; what is as it was at the start is left out.
 *
 * @param {State} state
 */
export function toAddress(state) {
  const told = new URLSearchParams();
  if (state.words) told.set("q", state.words);
  for (const negative of state.negatives) told.append("not", `${negative.weight}:${negative.words}`);
  for (const example of state.examples) told.append("ex", exampleText(example));
  for (const name of /** @type {const} */ (["like", "unlike"]))
    if (state[name].length) told.set(name, state[name].join(","));
  for (const [name, value] of Object.entries(state.where)) {
    if (value !== undefined && value !== null && value !== "") told.set(name, String(value));
  }
  for (const name of /** @type {const} */ (["order", "group", "cut", "tile", "mask", "padding", "size", "place"])) {
    if (state[name] !== START[name]) told.set(name, String(state[name]));
  }
  if (state.open) told.set("open", openText(state.open));
  const text = told.toString();
  return text ? `?${text}` : "?";
}

/**
 * The state that an address holds; what makes no sense is as at the start.
 *
 * @param {string} address from "?" on
 * @param {Partial<State>} [preferred] how this person last looked at matches
 * @returns {State}
 */
export function fromAddress(address, preferred = {}) {
  const told = new URLSearchParams(address);
  /** @type {State} */
  const state = structuredClone({ ...START, ...preferred });
  state.words = told.get("q") ?? "";
  for (const text of told.getAll("not")) {
    const [, weight, words] = /^([\d.]+):(.+)$/.exec(text) ?? [];
    if (words && Number(weight) > 0) state.negatives.push({ words, weight: Number(weight) });
  }
  state.examples = told
    .getAll("ex")
    .map(exampleOf)
    .filter((example) => example !== null);
  state.like = ids(told.get("like"));
  state.unlike = ids(told.get("unlike"));
  for (const name of CONDITIONS) {
    const value = told.get(name);
    if (!value) continue;
    if (name === "photo_ids") state.where.photo_ids = ids(value);
    else if (name === "places") state.where.places = value.split(",");
    else if (name === "near") state.where.near = value.split(",").map(Number);
    else if (!SHARES.includes(name)) state.where[name] = value;
    else if (Number(value) >= 0 && Number(value) <= 1) state.where[name] = Number(value);
  }
  for (const name of /** @type {const} */ (["order", "group", "tile", "mask"])) {
    const value = told.get(name);
    if (value !== null && CHOICES[name]?.includes(value)) Object.assign(state, { [name]: value });
  }
  state.cut = bounded(told.get("cut"), 0, 1, state.cut);
  state.padding = bounded(told.get("padding"), 0, 2, state.padding);
  state.size = bounded(told.get("size"), 90, 640, state.size);
  state.place = Math.floor(bounded(told.get("place"), 0, Number.MAX_SAFE_INTEGER, 0));
  state.open = openOf(told.get("open") ?? "");
  return state;
}

/**
 * @param {string | null} text
 * @param {number} least
 * @param {number} most
 * @param {number} otherwise
 */
function bounded(text, least, most, otherwise) {
  const value = text === null || text === "" ? NaN : Number(text);
  return value >= least && value <= most ? value : otherwise;
}

/** What is asked of the server in a state. @param {State} state @returns {Question} */
export const questionOf = ({ words, negatives, examples, like, unlike, where, order, group, cut }) => ({
  words: words.trim(),
  negatives,
  examples,
  like,
  unlike,
  where,
  order,
  group,
  least_confidence: cut,
});

/** Whether a state asks anything. @param {State} state */
export const asksAnything = (state) => Boolean(state.words.trim() || state.examples.length || state.like.length);

const VIEW = /** @type {const} */ (["tile", "mask", "padding", "size"]);

/** The page's one state: whoever changes it says whether Back shall lead before the change. */
class Store extends EventTarget {
  constructor() {
    super();
    this.state = fromAddress(location.search, preferences());
    addEventListener("popstate", () => this.#become(fromAddress(location.search, preferences())));
  }

  /**
   * @param {Partial<State>} change
   * @param {{back?: boolean}} [how] back: whether Back undoes the change
   */
  change(change, { back = true } = {}) {
    const next = { ...this.state, ...change };
    const address = toAddress(next);
    if (address !== (location.search || "?")) {
      if (back) history.pushState(null, "", address);
      else history.replaceState(null, "", address);
    }
    if (VIEW.some((name) => name in change)) remember(next);
    this.#become(next);
  }

  /** @param {State} next */
  #become(next) {
    const before = this.state;
    this.state = next;
    this.dispatchEvent(new CustomEvent("change", { detail: { before } }));
  }

  /** @param {(state: State, before: State) => void} heed */
  onChange(heed) {
    this.addEventListener("change", (event) => heed(this.state, /** @type {CustomEvent} */ (event).detail.before));
  }
}

/** @returns {Partial<State>} */
function preferences() {
  try {
    return fromAddress(localStorage.getItem("segsearch-view") ?? "");
  } catch {
    return {}; // a browser that keeps nothing
  }
}

/** @param {State} state */
function remember(state) {
  const kept = { ...START, ...Object.fromEntries(VIEW.map((name) => [name, state[name]])) };
  try {
    localStorage.setItem("segsearch-view", toAddress(kept));
  } catch {
    // a browser that keeps nothing
  }
}

/** @type {Store | undefined} */
let made;

/** The store, made on first use, so that addresses can be read and written without a page. */
export const store = () => (made ??= new Store());
