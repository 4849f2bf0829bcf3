// A grid of any number of tiles, of which only those in view are there: at most 200 nodes.

import { element, count } from "./elements.js";

/** @typedef {{cell: HTMLElement, canvas: HTMLCanvasElement, caption: HTMLElement, place: number}} Cell */
/** @typedef {{row: HTMLElement, number: number, cells: Cell[]}} Row */

const CAPTION = 26; // CSS pixels below a picture
const GAP = 10;
const MOST_CELLS = 54; // three nodes each, and one a row
const HIGHEST = 12_000_000; // browsers do not make elements higher than some 16.8 million pixels

export class Grid extends EventTarget {
  /**
   * @param {HTMLElement} viewport scrolls
   * @param {{fill: (cell: Cell) => void, size: () => number}} how fill: draws a cell that shows another place
   *   than before; size: least width of a tile
   */
  constructor(viewport, { fill, size }) {
    super();
    this.viewport = viewport;
    this.fill = fill;
    this.size = size;
    this.total = 0;
    this.active = 0;
    this.columns = 1;
    this.rowHeight = 200;
    this.top = 0; // scrolled, as if the element could have any height
    this.lastScroll = 0;
    /** @type {Map<number, Row>} */
    this.rows = new Map();
    /** @type {Row[]} */
    this.spare = [];
    this.body = element("div", {
      role: "grid",
      class: "grid",
      "aria-label": "Matches",
      "aria-multiselectable": "true",
    });
    viewport.append(this.body);
    viewport.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    new ResizeObserver(() => this.resize()).observe(viewport);
    this.body.addEventListener("focusin", (event) => {
      const place = this.placeOf(/** @type {Element} */ (event.target));
      if (place >= 0) this.#setActive(place);
    });
  }

  /** Number of tiles; the first is shown again where the question is another. @param {number} total @param {number} [place] */
  reset(total, place = 0) {
    this.total = total;
    this.active = Math.min(place, Math.max(0, total - 1));
    this.#rebuild(place);
  }

  /** Another number of tiles, while those in view stay. @param {number} total */
  count(total) {
    if (total === this.total) return;
    const place = this.first;
    this.total = total;
    this.#rebuild(place);
  }

  /** The width has changed, or the tiles' size: the first tile in view stays in view. */
  resize() {
    this.#rebuild(this.first);
  }

  /** All rows made anew; the focus stays on the active tile. @param {number} place first in view */
  #rebuild(place) {
    const focused = this.body.contains(document.activeElement);
    for (const row of this.rows.values()) this.#release(row);
    this.rows.clear();
    this.#measure();
    this.scrollTo(place);
    if (focused) (this.cellAt(this.active)?.cell ?? this.viewport).focus({ preventScroll: true });
  }

  /** Tiles in view drawn anew. @param {(cell: Cell) => boolean} [which] all unless told */
  refresh(which = () => true) {
    for (const row of this.rows.values()) {
      for (const cell of row.cells) if (!cell.cell.hidden && which(cell)) this.fill(cell);
    }
  }

  /** Place of the first tile in view. */
  get first() {
    return Math.min(
      Math.max(0, Math.floor((this.top + GAP) / this.rowHeight) * this.columns),
      Math.max(0, this.total - 1),
    );
  }

  /** Places in view: the first, and the one after the last. */
  get range() {
    const rows = Math.ceil(this.viewport.clientHeight / this.rowHeight) + 1;
    return { from: this.first, to: Math.min(this.total, this.first + rows * this.columns) };
  }

  #measure() {
    const width = this.viewport.clientWidth - 2 * this.#inset;
    const height = this.viewport.clientHeight || 600;
    let columns = Math.max(1, Math.floor((width + GAP) / (this.size() + GAP)));
    if (width < 420 && width >= 230) columns = Math.max(2, columns);
    const rowHeight = (/** @type {number} */ of) => Math.round(((width - (of - 1) * GAP) / of) * 0.8) + CAPTION + GAP;
    // a large screen gets larger tiles rather than more nodes
    while (columns > 1 && (Math.ceil(height / rowHeight(columns)) + 2) * columns > MOST_CELLS) columns--;
    this.columns = columns;
    this.rowHeight = rowHeight(columns);
    this.full = Math.ceil(this.total / columns) * this.rowHeight + GAP;
    this.shown = Math.min(this.full, HIGHEST);
    this.body.style.setProperty("--columns", String(columns));
    this.body.style.setProperty("--row", `${this.rowHeight - GAP}px`);
    this.body.style.setProperty("block-size", `${this.shown}px`);
    this.body.setAttribute("aria-rowcount", String(Math.ceil(this.total / columns)));
    this.body.setAttribute("aria-colcount", String(columns));
    this.body.hidden = this.total === 0;
  }

  get #inset() {
    return parseFloat(getComputedStyle(this.body).getPropertyValue("--inset")) || 0;
  }

  /** Pixels that can be scrolled in all, as they were and as the browser has them. */
  get #reach() {
    const height = this.viewport.clientHeight;
    return { full: Math.max(0, (this.full ?? 0) - height), shown: Math.max(0, (this.shown ?? 0) - height) };
  }

  #scrolled() {
    const now = this.viewport.scrollTop;
    const { full, shown } = this.#reach;
    const moved = now - this.lastScroll;
    if (full === shown) this.top = now;
    else if (now <= 0) this.top = 0;
    else if (now >= shown - 1) this.top = full;
    // a turn of the wheel moves by what it says; a pull at the bar moves in proportion
    else if (Math.abs(moved) < 2 * this.viewport.clientHeight) this.top = Math.max(0, Math.min(full, this.top + moved));
    else this.top = (now / shown) * full;
    this.lastScroll = now;
    this.#show();
    this.dispatchEvent(new Event("moved"));
  }

  /** Bring a place into view, as the first row. @param {number} place */
  scrollTo(place) {
    const { full, shown } = this.#reach;
    this.top = Math.max(0, Math.min(full, Math.floor(place / this.columns) * this.rowHeight));
    this.viewport.scrollTop = full > 0 ? (full === shown ? this.top : (this.top / full) * shown) : 0;
    this.lastScroll = this.viewport.scrollTop;
    this.#show();
    this.dispatchEvent(new Event("moved"));
  }

  #show() {
    const height = this.viewport.clientHeight;
    const rows = Math.ceil(this.total / this.columns);
    const first = Math.max(0, Math.floor(this.top / this.rowHeight));
    const last = Math.min(rows - 1, Math.floor((this.top + height) / this.rowHeight));
    const focused = this.body.contains(document.activeElement);
    for (const [number, row] of this.rows) {
      if (number >= first && number <= last) continue;
      if (row.row.contains(document.activeElement)) this.viewport.focus({ preventScroll: true });
      this.#release(row);
      this.rows.delete(number);
    }
    const offset = this.viewport.scrollTop - this.top;
    for (let number = first; number <= last; number++) {
      const row = this.rows.get(number) ?? this.#row(number);
      row.row.style.setProperty("transform", `translateY(${number * this.rowHeight + offset + GAP}px)`);
    }
    for (const row of this.spare) row.row.remove();
    this.spare.length = 0;
    if (focused && document.activeElement === this.viewport)
      this.cellAt(this.active)?.cell.focus({ preventScroll: true });
    this.#rove();
  }

  /** @param {Row} row */
  #release(row) {
    this.spare.push(row);
  }

  /** @param {number} number @returns {Row} */
  #row(number) {
    let row = this.spare.pop();
    if (!row || row.cells.length !== this.columns) {
      row?.row.remove();
      const cells = Array.from({ length: this.columns }, () => {
        const canvas = element("canvas", { "aria-hidden": "true" });
        const caption = element("div", { class: "caption", "aria-hidden": "true" });
        return {
          cell: element("div", { role: "gridcell", class: "tile", tabindex: "-1", draggable: "true" }, canvas, caption),
          canvas,
          caption,
          place: -1,
        };
      });
      row = { row: element("div", { role: "row", class: "row" }, ...cells.map(({ cell }) => cell)), number, cells };
    }
    row.number = number;
    row.row.setAttribute("aria-rowindex", String(number + 1));
    this.#place(row);
    this.rows.set(number, row);
    row.cells.forEach((cell, column) => {
      cell.place = number * this.columns + column;
      cell.cell.dataset.place = String(cell.place);
      cell.cell.setAttribute("aria-colindex", String(column + 1));
      cell.cell.hidden = cell.place >= this.total;
      if (!cell.cell.hidden) this.fill(cell);
    });
    return row;
  }

  /** Put a row where readers of the document expect it. @param {Row} row */
  #place(row) {
    let next = null;
    for (const each of this.rows.values()) {
      if (each.number > row.number && (!next || each.number < next.number)) next = each;
    }
    this.body.insertBefore(row.row, next?.row ?? null);
  }

  /** @param {number} place @returns {Cell | undefined} */
  cellAt(place) {
    return this.rows.get(Math.floor(place / this.columns))?.cells[place % this.columns];
  }

  /** Place of the tile that an element is part of, -1 for none. @param {Element | null} inside */
  placeOf(inside) {
    const cell = inside?.closest?.(".tile");
    return cell instanceof HTMLElement && this.body.contains(cell) ? Number(cell.dataset.place) : -1;
  }

  /** @param {number} place */
  #setActive(place) {
    if (place === this.active) return;
    this.active = place;
    this.#rove();
    this.dispatchEvent(new Event("active"));
  }

  #rove() {
    for (const row of this.rows.values()) {
      for (const cell of row.cells) cell.cell.tabIndex = cell.place === this.active ? 0 : -1;
    }
    // the tile that Tab leads to is one that is there
    if (!this.cellAt(this.active)) {
      const cell = this.cellAt(this.first);
      if (cell) cell.cell.tabIndex = 0;
    }
  }

  /** Make a tile the active one, in view and focused. @param {number} place @param {{focus?: boolean}} [how] */
  go(place, { focus = true } = {}) {
    if (!this.total) return;
    const wanted = Math.max(0, Math.min(this.total - 1, place));
    const rowTop = Math.floor(wanted / this.columns) * this.rowHeight;
    const height = this.viewport.clientHeight;
    if (rowTop < this.top) this.scrollTo(wanted);
    else if (rowTop + this.rowHeight > this.top + height) {
      const rowsInView = Math.max(1, Math.floor(height / this.rowHeight));
      this.scrollTo(Math.max(0, wanted - (rowsInView - 1) * this.columns));
      if (rowTop + this.rowHeight > this.top + height) this.scrollTo(wanted);
    }
    this.#setActive(wanted);
    if (focus) this.cellAt(wanted)?.cell.focus({ preventScroll: true });
  }

  /** The tile that a key leads to from the active one; null for other keys. @param {string} key */
  placeByKey(key) {
    const forward = getComputedStyle(this.body).direction === "rtl" ? -1 : 1;
    const rows = Math.max(1, Math.floor(this.viewport.clientHeight / this.rowHeight));
    /** @type {Record<string, number>} */
    const steps = {
      ArrowRight: forward,
      ArrowLeft: -forward,
      ArrowDown: this.columns,
      ArrowUp: -this.columns,
      PageDown: rows * this.columns,
      PageUp: -rows * this.columns,
      Home: -this.active,
      End: this.total - 1 - this.active,
    };
    const step = steps[key];
    if (step === undefined) return null;
    const to = this.active + step;
    // a step down from the row before the last leads to the last tile, one up from the first row nowhere
    if (to < 0) return key === "ArrowUp" ? this.active : 0;
    if (
      to >= this.total &&
      key === "ArrowDown" &&
      Math.floor(this.active / this.columns) === Math.floor((this.total - 1) / this.columns)
    )
      return this.active;
    return Math.min(to, this.total - 1);
  }

  /** Where one is, for people. */
  get position() {
    const { from, to } = this.range;
    return `${count(from + 1)}–${count(to)} of ${count(this.total)}`;
  }
}
