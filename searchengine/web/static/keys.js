// Keys for everything, and the list of them.

import { dialog, element } from "./elements.js";

/** @type {[string, string][]} Keys, each between backquotes, and what they do. */
export const KEYS = [
  ["`/` and `↓`", "go to the question, and from it to the matches"],
  ["`←` `→` `↑` `↓`", "move among the matches"],
  ["`Page Up` `Page Down` `Home` `End`", "move far"],
  ["`j`", "go to a match by its number"],
  ["`Enter`", "open the photo"],
  ["`Esc`", "close, let go of the selection"],
  ["`x` or `space`", "select, or not"],
  ["`Shift` with an arrow or a click", "select a range"],
  ["`a`", "select all matches"],
  ["`e`", "export what is selected"],
  ["`s`", "find what is similar"],
  ["`+` and `–`", "more like this, not like this"],
  ["`h`, held", "hide the masks"],
  ["`m`", "outlined, filled, hidden"],
  ["`t`", "the thing, or the whole photo"],
  ["`g`", "every segment, one a photo, one a burst"],
  ["`[` and `]`", "a part, the whole"],
  ["`z` and `Z`", "nearer, farther"],
  ["`0`", "the whole photo in view"],
  ["`f`", "filters"],
  ["`?`", "this list"],
];

/** @typedef {(event: KeyboardEvent) => boolean | void} Deed false: the key does what it does without the page */

/**
 * Deeds by the key that does them; "hide" is told of a key that is held, and of its release.
 *
 * @param {Record<string, Deed>} deeds
 * @param {(held: boolean) => void} hide
 */
export function listenToKeys(deeds, hide) {
  let held = false;
  const release = () => {
    if (held) hide((held = false));
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    const target = event.target instanceof Element ? event.target : null;
    if (document.querySelector("dialog[open]")) return;
    const typing = target?.closest("input:not([type=range], [type=checkbox], [type=radio]), textarea, select");
    if (typing) {
      if (event.key === "Escape") /** @type {HTMLElement} */ (typing).blur();
      return;
    }
    if (event.key === "h") {
      if (!held) hide((held = true));
      return;
    }
    const pressed = event.key === "Enter" || event.key === " ";
    if (target?.closest(pressed ? "button, a, summary, input" : "input") && (pressed || event.key.startsWith("Arrow")))
      return;
    const deed = deeds[event.key];
    if (deed && deed(event) !== false) event.preventDefault();
  });
  document.addEventListener("keyup", (event) => {
    if (event.key === "h") release();
  });
  addEventListener("blur", release);
}

/** The list of keys. */
export function openKeyList() {
  const rows = KEYS.map(([keys, deed]) => {
    const caps = keys.split("`").map((part, i) => (i % 2 ? element("kbd", {}, part) : part));
    return element("tr", {}, element("th", { scope: "row" }, ...caps), element("td", {}, deed));
  });
  dialog("Keys", element("table", { class: "keys" }, element("tbody", {}, ...rows)));
}
