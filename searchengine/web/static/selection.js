// What is selected: single matches by their ids, or all of an answer, which stays on the server.

import { button, counted, element, replace } from "./elements.js";

/** @typedef {import("./api.js").Match} Match */

export class Selection extends EventTarget {
  constructor() {
    super();
    /** @type {Map<number, {place: number, photo: number}>} */
    this.chosen = new Map();
    this.all = false;
    /** @type {number | null} place that a range begins at */
    this.anchor = null;
  }

  /** @param {Match | undefined} match */
  has(match) {
    return match !== undefined && (this.all || this.chosen.has(match.segment_id));
  }

  get isEmpty() {
    return !this.all && this.chosen.size === 0;
  }

  /** Take in, or leave out, one match. @param {Match} match @param {number} place */
  toggle(match, place) {
    if (this.all) {
      // all but some would be a list of ids again: what is chosen anew begins with this one
      this.all = false;
      this.chosen.clear();
    }
    if (!this.chosen.delete(match.segment_id)) this.chosen.set(match.segment_id, { place, photo: match.photo_id });
    this.anchor = place;
    this.#changed();
  }

  /** Take in a stretch of matches that begins at a place. @param {Match[]} matches @param {number} from */
  add(matches, from) {
    this.all = false;
    matches.forEach((match, i) => this.chosen.set(match.segment_id, { place: from + i, photo: match.photo_id }));
    this.#changed();
  }

  selectAll() {
    this.all = true;
    this.chosen.clear();
    this.#changed();
  }

  clear() {
    if (this.isEmpty) return;
    this.all = false;
    this.chosen.clear();
    this.anchor = null;
    this.#changed();
  }

  /** Ids of what was chosen one by one, in the order of the answer. */
  get ids() {
    return [...this.chosen].sort(([, a], [, b]) => a.place - b.place).map(([id]) => id);
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}

/**
 * The bar that comes up from below while something is selected.
 *
 * @param {HTMLElement} host
 * @param {Selection} selection
 * @param {{total: () => number, exportIt: (() => void) | null, more: () => Node[]}} how
 */
export function makeSelectionBar(host, selection, { total, exportIt, more }) {
  const show = () => {
    const focused = host.contains(document.activeElement);
    host.hidden = selection.isEmpty;
    if (host.hidden) return;
    const everything = total();
    const name = selection.all
      ? `all ${counted(everything, "match", "matches")}`
      : counted(selection.chosen.size, "match", "matches");
    const buttons = [
      selection.all || everything <= selection.chosen.size
        ? null
        : button("", "", () => selection.selectAll(), {
            text: `Select all ${counted(everything, "match", "matches")}`,
            class: "plain",
          }),
      ...more(),
      exportIt ? button("download", "", exportIt, { text: "Export …", class: "main", id: "export" }) : null,
      button("close", "Select nothing", () => selection.clear(), { key: "Esc" }),
    ];
    replace(host, element("strong", { role: "status" }, `${name} selected`), ...buttons);
    if (focused) host.querySelector("button")?.focus();
  };
  selection.addEventListener("change", show);
  show();
  return { show };
}
