// Elements made without markup: what a photo, a folder or a query is called is only ever text.

/** @type {Record<string, string>} Paths of icons, drawn with lines in a square of 24. */
const ICONS = {
  search: "M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13M20 20l-4.8-4.8",
  close: "M6 6l12 12M18 6L6 18",
  plus: "M12 5v14M5 12h14",
  minus: "M5 12h14",
  picture:
    "M4 6.5A1.5 1.5 0 0 1 5.5 5h13A1.5 1.5 0 0 1 20 6.5v11a1.5 1.5 0 0 1-1.5 1.5h-13A1.5 1.5 0 0 1 4 17.5zM4 16l4.5-4.5 4 4 3-3L20 17M15.5 9.2h.1",
  similar: "M8 8m-4 0a4 4 0 1 0 8 0 4 4 0 1 0-8 0M16 16m-4 0a4 4 0 1 0 8 0 4 4 0 1 0-8 0",
  check: "M5 12.5l4.5 4.5L19 7.5",
  filter: "M4 6h16M7 12h10M10 18h4",
  bookmark: "M7 4h10v16l-5-4-5 4z",
  keyboard: "M3.5 7h17v10h-17zM7 10.5h.1M10.3 10.5h.1M13.6 10.5h.1M17 10.5h.1M8 14h8",
  folder: "M3.5 7.5V18h17V8.5h-8l-2-2.5h-7z",
  left: "M14.5 5l-7 7 7 7",
  right: "M9.5 5l7 7-7 7",
  fit: "M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5",
  whole: "M5 5h14v14H5z",
  part: "M4 4h16v16H4zM9 9h6v6H9z",
  download: "M12 4v11M7 10.5l5 5 5-5M5 20h14",
  hand: "M8 13V6.5a1.5 1.5 0 0 1 3 0V11 4.5a1.5 1.5 0 0 1 3 0V11 6a1.5 1.5 0 0 1 3 0v8c0 4-2 6-5 6-3.5 0-4.5-2-6.5-5.5-.8-1.5 1-2.5 2-1.5z",
  moon: "M19 14.5A7.5 7.5 0 0 1 9.5 5a7.5 7.5 0 1 0 9.5 9.5z",
  more: "M6 12h.1M12 12h.1M18 12h.1",
  copy: "M9 9h11v11H9zM15 9V4H4v11h5",
  activity: "M3.5 12h4l3-7 4 14 2.5-7h3.5",
};

/**
 * An element with attributes, listeners and children; texts become text nodes.
 *
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Record<string, string | number | boolean | null | undefined | ((event: any) => void)>} [attributes]
 *   Attributes by name; a function listens to the event of its name; false, null and undefined leave out.
 * @param {...(Node | string | null | undefined)} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(name, value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(name, String(value));
  }
  for (const child of children) if (child !== null && child !== undefined) made.append(child);
  return made;
}

/**
 * An icon of the table above, hidden from screen readers.
 *
 * @param {string} name
 */
export function icon(name) {
  const space = "http://www.w3.org/2000/svg";
  const drawing = document.createElementNS(space, "svg");
  drawing.setAttribute("viewBox", "0 0 24 24");
  drawing.setAttribute("aria-hidden", "true");
  drawing.setAttribute("class", "icon");
  const path = document.createElementNS(space, "path");
  path.setAttribute("d", ICONS[name] ?? "");
  drawing.append(path);
  return drawing;
}

/**
 * A button with an icon, a label for all and, where asked, a visible text.
 *
 * @param {string} symbol name of the icon, "" for none
 * @param {string} label read aloud and shown as a hint
 * @param {(event: MouseEvent) => void} click
 * @param {{text?: string, class?: string, key?: string, [name: string]: string | boolean | undefined}} [more]
 */
export function button(symbol, label, click, more = {}) {
  const { text, key, ...attributes } = more;
  const hint = key ? `${label} (${key})` : label;
  const made = element(
    "button",
    {
      type: "button",
      class: "quiet",
      "aria-label": text ? null : label,
      title: text && !key ? null : hint,
      click,
      ...attributes,
    },
    symbol ? icon(symbol) : null,
    text ? element("span", {}, text) : null,
  );
  return made;
}

/**
 * Children put in the place of all that an element had.
 *
 * @param {Element} parent
 * @param {...(Node | string | null | undefined)} children
 */
export function replace(parent, ...children) {
  parent.replaceChildren(
    .../** @type {(Node | string)[]} */ (children.filter((child) => child !== null && child !== undefined)),
  );
}

/**
 * An element of the page that has to be there.
 *
 * @param {string} id
 * @returns {HTMLElement}
 */
export function byId(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no element ${id}`);
  return found;
}

const numbers = new Intl.NumberFormat("en");

/** @param {number} value */
export const count = (value) => numbers.format(value);

/** @param {number} share between 0 and 1 */
export const percent = (share) => `${Math.round(share * 100)} %`;

/** A confidence, which is never told as certain. @param {number} confidence */
export const percentSure = (confidence) => percent(Math.min(confidence, 0.99));

/**
 * A count with its noun in the right number.
 *
 * @param {number} value
 * @param {string} noun
 * @param {string} [plural]
 */
export const counted = (value, noun, plural = `${noun}s`) => `${count(value)} ${value === 1 ? noun : plural}`;

/**
 * What is said to screen readers and, as a short note, to all.
 *
 * @param {string} text
 * @param {{seen?: boolean}} [how]
 */
export function announce(text, { seen = false } = {}) {
  byId("live").textContent = text;
  if (!seen) return;
  const note = element("div", { class: "note" }, text);
  byId("notes").append(note);
  setTimeout(() => note.remove(), 6000);
}

/**
 * A modal dialogue with a title and a button that closes it; it is gone once closed.
 *
 * @param {string} title
 * @param {...Node} content
 */
export function dialog(title, ...content) {
  const heading = element("h2", { id: `title-${title.replace(/\W+/g, "-")}` }, title);
  const made = element(
    "dialog",
    { "aria-labelledby": heading.id, close: () => made.remove() },
    element(
      "header",
      {},
      heading,
      button("close", "Close", () => made.close(), { key: "Esc" }),
    ),
    element("div", { class: "content" }, ...content),
  );
  made.addEventListener("click", (event) => {
    if (event.target === made) made.close(); // its backdrop
  });
  document.body.append(made);
  made.showModal();
  return made;
}

/** Last part of a path, of any system. @param {string} path */
export const baseName = (path) => path.split(/[\\/]/).pop() || path;

/**
 * A function that runs once its calls have paused and, where it is eager, at the first of them, too.
 *
 * @template {unknown[]} A
 * @param {(...given: A) => void} run
 * @param {number} milliseconds
 * @param {{eager?: boolean}} [how]
 * @returns {(...given: A) => void}
 */
export function paused(run, milliseconds, { eager = false } = {}) {
  let timer = 0;
  return (...given) => {
    if (eager && !timer) run(...given);
    clearTimeout(timer);
    timer = window.setTimeout(() => {
      timer = 0;
      run(...given);
    }, milliseconds);
  };
}
