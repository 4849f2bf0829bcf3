// Saved searches that tell what is new, and the questions of before.

import * as api from "../api.js";
import { announce, button, dialog, element, replace } from "../elements.js";
import { messageOf } from "../query_bar.js";
import { START, asksAnything, questionOf, store } from "../state.js";

/** @typedef {{name: string, query?: Partial<import("../api.js").Question>, new?: number | null}} Saved */
/** @typedef {{words?: string, query?: Partial<import("../api.js").Question>, asked_at?: string, total?: number}} Asked */

const SHOWN = 8;

/** @param {HTMLElement} host */
export function makeSaved(host) {
  const saved = element("ul", { class: "saved" });
  const before = element("ul", { class: "history" });
  const save = button("bookmark", "Save this search", () => nameIt(), {
    text: "Save this search",
    class: "plain small",
  });
  const wipe = button("close", "Forget the history", () => void forget(), { text: "Forget", class: "plain small" });
  const savedSection = element(
    "section",
    { hidden: true },
    element("div", { class: "heading" }, element("h2", {}, "Saved searches"), save),
    saved,
  );
  const historySection = element(
    "section",
    { hidden: true },
    element("div", { class: "heading" }, element("h2", {}, "History"), wipe),
    before,
  );
  replace(host, savedSection, historySection);
  const show = () => (save.hidden = !asksAnything(store().state));
  store().onChange(show);
  show();

  /** @type {Set<string>} Routes that this server has not. */
  const lacking = new Set();

  async function loadSaved() {
    if (lacking.has("saved")) return;
    try {
      const told = await api.request("GET", "saved");
      /** @type {Saved[]} */
      const all = told.saved ?? [];
      savedSection.hidden = false;
      replace(saved, ...all.map(savedItem));
    } catch (error) {
      savedSection.hidden = true;
      if (api.isLacking(error)) lacking.add("saved");
      else announce(messageOf(error));
    }
  }

  async function loadHistory() {
    if (lacking.has("history")) return;
    try {
      const told = await api.request("GET", `history?limit=${SHOWN * 3}`);
      /** @type {Asked[]} */
      const all = told.history ?? [];
      const known = new Set();
      const fresh = all.filter((asked) => {
        const name = nameOf(asked);
        return name && !known.has(name) && known.add(name);
      });
      historySection.hidden = fresh.length === 0;
      replace(
        before,
        ...fresh.slice(0, SHOWN).map((asked) =>
          element(
            "li",
            {},
            link(nameOf(asked), () => open(asked.query ?? { words: asked.words ?? "" })),
          ),
        ),
      );
    } catch (error) {
      if (api.isLacking(error)) lacking.add("history");
      historySection.hidden = true;
    }
  }

  async function forget() {
    try {
      await api.request("DELETE", "history");
      announce("the history is forgotten", { seen: true });
    } catch (error) {
      announce(messageOf(error), { seen: true });
    }
    void loadHistory();
  }

  /** @param {Saved} search */
  function savedItem(search) {
    const badge = search.new
      ? element("span", { class: "badge", title: "New since it was last looked at" }, `${search.new} new`)
      : null;
    const remove = button("close", `Remove ${search.name}`, () => void change("DELETE", search.name));
    return element(
      "li",
      {},
      link(search.name, () => open(search.query ?? {}), badge),
      remove,
    );
  }

  /** @param {"DELETE" | "PUT"} method @param {string} name @param {unknown} [body] */
  async function change(method, name, body) {
    try {
      await api.request(method, `saved/${encodeURIComponent(name)}`, body);
    } catch (error) {
      announce(messageOf(error), { seen: true });
    }
    void loadSaved();
  }

  function nameIt() {
    const { state } = store();
    const field = element("input", {
      type: "text",
      dir: "auto",
      required: true,
      maxlength: "120",
      value: state.words,
      "aria-label": "Name of the search",
    });
    const form = element(
      "form",
      { class: "line" },
      field,
      element("button", { type: "submit", class: "main" }, "Save"),
    );
    const made = dialog(
      "Save this search",
      element("p", {}, "It is asked again for photos that come later, and tells how many are new."),
      form,
    );
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      void change("PUT", field.value.trim(), { query: questionOf(state) });
      made.close();
    });
    field.select();
  }

  return {
    load: () => Promise.all([loadSaved(), loadHistory()]),
    loadHistory,
    loadSaved,
  };
}

/** @param {Partial<import("../api.js").Question>} query */
function open(query) {
  const { words, negatives, examples, like, unlike, where, order, group } = query;
  store().change({
    words: words ?? "",
    negatives: negatives ?? [],
    examples: examples ?? [],
    like: like ?? [],
    unlike: unlike ?? [],
    where: where ?? {},
    order: order ?? START.order,
    group: group ?? START.group,
    cut: query.least_confidence ?? 0,
    open: null,
    place: 0,
  });
}

/** @param {Asked} asked */
const nameOf = (asked) => asked.words || asked.query?.words || "";

/** @param {string} text @param {() => void} click @param {Node | null} [more] */
const link = (text, click, more = null) =>
  element("button", { type: "button", class: "entry", click }, element("span", { dir: "auto" }, text), more);
