// Judgements that are kept under names: what was right and wrong for words, to go on from or to train with.

import * as api from "../api.js";
import { announce, button, element, replace } from "../elements.js";
import { ask, messageOf } from "../query_bar.js";
import { store } from "../state.js";
import { askName, entry } from "./saved.js";

/** @typedef {{name: string, right: number, wrong: number, words: string[]}} Kept */
/** @typedef {{words: string, right: boolean, segment_id: number | null}} Judgement */

/** @param {HTMLElement} host */
export function makeJudgements(host) {
  const list = element("ul", { class: "saved" });
  const keep = button("", "", nameThem, { text: "Keep these", class: "plain small" });
  host.append(element("div", { class: "heading" }, element("h2", {}, "Judgements"), keep), list);
  host.hidden = true;
  let isLacking = false;
  const show = () => {
    const { like, unlike } = store().state;
    keep.hidden = !like.length && !unlike.length;
    host.hidden = isLacking || (keep.hidden && !list.children.length);
  };
  store().onChange(show);

  async function load() {
    if (isLacking) return;
    try {
      /** @type {Kept[]} */
      const all = (await api.request("GET", "feedback")).feedback;
      replace(list, ...all.map(item));
    } catch (error) {
      isLacking = api.isLacking(error);
    }
    show();
  }

  /** @param {Kept} kept */
  function item({ name, right, wrong, words }) {
    return element(
      "li",
      {},
      entry(`${name} (+${right} –${wrong})`, words.join(", "), () => void open(name)),
      button("close", `Remove ${name}`, () => void change("DELETE", name)),
    );
  }

  /** @param {string} name */
  async function open(name) {
    try {
      /** @type {Judgement[]} */
      const all = (await api.request("GET", `feedback/${encodeURIComponent(name)}`)).judgements;
      const ids = (/** @type {boolean} */ right) =>
        all.flatMap((each) => (each.right === right && each.segment_id !== null ? [each.segment_id] : []));
      ask({ words: all.at(-1)?.words ?? store().state.words, like: ids(true), unlike: ids(false) });
    } catch (error) {
      announce(messageOf(error), { seen: true });
    }
  }

  /** @param {"POST" | "DELETE"} method @param {string} name @param {unknown} [body] */
  async function change(method, name, body) {
    try {
      await api.request(method, `feedback/${encodeURIComponent(name)}`, body);
    } catch (error) {
      announce(messageOf(error), { seen: true });
    }
    void load();
  }

  function nameThem() {
    const { words, like, unlike } = store().state;
    askName("Keep these judgements", "One can go on from them later, and train with them.", words, (name) => {
      void change("POST", name, { words, like, unlike });
    });
  }

  return { load };
}
