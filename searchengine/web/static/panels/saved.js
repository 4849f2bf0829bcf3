// Saved searches, which tell what is new since they were last looked at.

import * as api from "../api.js";
import { announce, button, counted, dialog, element, replace } from "../elements.js";
import { messageOf } from "../query_bar.js";
import { START, asksAnything, questionOf, store } from "../state.js";

/** @typedef {Partial<import("../api.js").Question>} Request a question that can be asked again as it stands */
/** @typedef {{name: string, said: string, request: Request, notes: string[]}} Saved */

const MOST_COUNTED = 12; // searches whose new matches are counted by themselves

/** @param {HTMLElement} host */
export function makeSaved(host) {
  const list = element("ul", { class: "saved" });
  const save = button("bookmark", "", nameIt, { text: "Save this", class: "plain small" });
  host.append(element("div", { class: "heading" }, element("h2", {}, "Saved searches"), save), list);
  host.hidden = true;
  let isLacking = false;
  const show = () => (save.hidden = !asksAnything(store().state));
  store().onChange(show);
  show();

  async function load() {
    if (isLacking) return;
    try {
      /** @type {Saved[]} */
      const all = (await api.request("GET", "saved")).searches;
      host.hidden = false;
      const badges = all.map(() => element("span"));
      replace(list, ...all.map((search, i) => item(search, badges[i] ?? null)));
      for (const [i, search] of all.slice(0, MOST_COUNTED).entries()) await tellNew(search, badges[i]);
    } catch (error) {
      host.hidden = true;
      isLacking = api.isLacking(error);
    }
  }

  /** @param {Saved} search @param {HTMLElement | undefined} badge */
  async function tellNew(search, badge) {
    /** @type {{matches: import("../api.js").Match[]}} */
    const told = await api.request("GET", `saved/${encodeURIComponent(search.name)}/new`);
    if (!told.matches.length || !badge) return;
    const photos = [...new Set(told.matches.map((match) => match.photo_id))];
    const look = () => {
      openRequest({ ...search.request, where: { ...search.request.where, photo_ids: photos } });
      void change("POST", search.name, "/seen");
    };
    const title = `Show ${counted(told.matches.length, "new match", "new matches")}, and count anew`;
    badge.replaceWith(button("", title, look, { text: `${told.matches.length} new`, class: "badge", title }));
  }

  /** @param {Saved} search @param {Node | null} badge */
  function item(search, badge) {
    const ask = () => {
      openRequest(search.request);
      if (search.notes.length) announce(search.notes.join("; "), { seen: true });
    };
    return element(
      "li",
      {},
      entry(search.name, search.said, ask),
      badge,
      button("close", `Remove ${search.name}`, () => void change("DELETE", search.name)),
    );
  }

  /** @param {string} method @param {string} name @param {string} [more] @param {unknown} [body] */
  async function change(method, name, more = "", body = undefined) {
    try {
      await api.request(method, `saved/${encodeURIComponent(name)}${more}`, body);
    } catch (error) {
      announce(messageOf(error), { seen: true });
    }
    void load();
  }

  function nameIt() {
    const { state } = store();
    askName(
      "Save this search",
      "It is asked again of photos that come later, and tells what is new.",
      state.words,
      (name) => {
        void change("PUT", name, "", { asked: questionOf(state) });
      },
    );
  }

  return { load };
}

/**
 * A dialogue that asks for a name.
 *
 * @param {string} title
 * @param {string} text
 * @param {string} value
 * @param {(name: string) => void} use
 */
export function askName(title, text, value, use) {
  const field = element("input", {
    type: "text",
    dir: "auto",
    required: true,
    maxlength: "120",
    value,
    "aria-label": "Name",
  });
  const form = element("form", { class: "line" }, field, element("button", { type: "submit", class: "main" }, "Save"));
  const made = dialog(title, element("p", {}, text), form);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    use(field.value.trim());
    made.close();
  });
  field.select();
}

/** A question as it was kept, asked again. @param {Request} request */
export function openRequest(request) {
  const { words, negatives, examples, like, unlike, where, order, group } = request;
  const conditions = Object.entries(where ?? {}).filter(([, value]) => value !== null && value !== undefined);
  store().change({
    words: words ?? "",
    negatives: negatives ?? [],
    examples: examples ?? [],
    like: like ?? [],
    unlike: unlike ?? [],
    where: Object.fromEntries(conditions),
    order: order ?? START.order,
    group: group ?? START.group,
    cut: request.least_confidence ?? 0,
    open: null,
    place: 0,
  });
}

/** A line that can be clicked. @param {string} text @param {string} title @param {() => void} click */
export const entry = (text, title, click) =>
  element("button", { type: "button", class: "entry", title, click }, element("span", { dir: "auto" }, text));
