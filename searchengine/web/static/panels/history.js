// The questions of before, kept on this machine; they can be forgotten, and need not be remembered.

import * as api from "../api.js";
import { announce, button, element, replace } from "../elements.js";
import { messageOf } from "../query_bar.js";
import { entry, openRequest } from "./saved.js";

/** @typedef {{on: boolean, questions: {said: string, request: import("./saved.js").Request}[]}} History */

const SHOWN = 8;

/** @param {HTMLElement} host */
export function makeHistory(host) {
  const list = element("ul", { class: "history" });
  const turn = button("", "", () => void change("PUT", { on: !on }), { text: "Pause", class: "plain small" });
  const wipe = button("", "", () => void change("DELETE"), { text: "Forget", class: "plain small" });
  const buttons = element("span", { class: "pair" }, turn, wipe);
  host.append(element("div", { class: "heading" }, element("h2", {}, "History"), buttons), list);
  host.hidden = true;
  let on = true;
  let isLacking = false;

  async function load() {
    if (isLacking) return;
    try {
      /** @type {History} */
      const told = await api.request("GET", `history?limit=${4 * SHOWN}`);
      on = told.on;
      const latest = new Map(told.questions.toReversed().map((asked) => [asked.said, asked.request]));
      const shown = [...latest].toReversed().slice(0, SHOWN);
      replace(
        list,
        ...shown.map(([said, request]) =>
          element(
            "li",
            {},
            entry(said, said, () => openRequest(request)),
          ),
        ),
      );
      replace(turn, on ? "Pause" : "Remember");
      wipe.hidden = shown.length === 0;
      host.hidden = on && shown.length === 0;
    } catch (error) {
      host.hidden = true;
      isLacking = api.isLacking(error);
    }
  }

  /** @param {"PUT" | "DELETE"} method @param {unknown} [body] */
  async function change(method, body) {
    try {
      await api.request(method, "history", body);
      announce(
        method === "DELETE"
          ? "the history is forgotten"
          : on
            ? "questions are not remembered"
            : "questions are remembered",
        { seen: true },
      );
    } catch (error) {
      announce(messageOf(error), { seen: true });
    }
    void load();
  }

  return { load };
}
