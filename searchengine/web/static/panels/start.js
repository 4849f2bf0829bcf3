// Before anything is asked: photographs of the index to point at or, where there is no index, how to make one.

import * as api from "../api.js";
import { count, counted, element, replace } from "../elements.js";
import { ask } from "../query_bar.js";
import { store } from "../state.js";
import { picture } from "../tile.js";
import { indexForm, isLive, progressOf } from "./jobs.js";

/** @typedef {import("./jobs.js").Jobs} Jobs */

const SHOWN = 24;
const EXAMPLES = [
  "red car door",
  "wooden chair on the left",
  "person without a hat",
  "shiny metal",
  "cup left of the bowl",
];

/**
 * @param {HTMLElement} host
 * @param {Jobs} jobs
 */
export function makeStart(host, jobs) {
  const mosaic = element("div", { class: "mosaic" });
  const heading = element("div", { class: "welcome" });
  replace(host, heading, mosaic);
  let counted_ = -1;
  let told = "";
  /** @type {any} */
  let status = null;

  /** Photos that are there, spread over all or, while an indexing goes on, the newest. */
  function fill() {
    const photos = status?.counts?.photos ?? 0;
    if (photos === counted_) return;
    counted_ = photos;
    const live = jobs.indexing !== null && isLive(jobs.indexing);
    const amount = Math.min(SHOWN, photos);
    const numbers = Array.from({ length: amount }, (_, i) =>
      live ? photos - i : 1 + Math.floor((i * photos) / amount),
    );
    const kept = new Map(
      [...mosaic.children].map((child) => [/** @type {HTMLElement} */ (child).dataset.photo, child]),
    );
    // each at its own place, as it comes
    const places = numbers.map((id) => kept.get(String(id)) ?? photoButton(id));
    replace(mosaic, ...places);
  }

  function show() {
    const photos = status?.counts?.photos ?? 0;
    const state = !status ? "" : photos ? "index" : "first";
    if (state !== told && state) {
      told = state;
      replace(heading, ...(state === "index" ? welcome() : firstRun()));
    }
    const figures = heading.querySelector(".figures");
    if (figures)
      figures.textContent = `${counted(photos, "photograph")}, ${count(status?.counts?.segments ?? 0)} things in them`;
    fill();
  }

  function welcome() {
    return [
      element("h1", {}, "What are you looking for?"),
      element("p", { class: "figures" }),
      element(
        "ul",
        { class: "examples", "aria-label": "For example" },
        ...EXAMPLES.map((words) =>
          element("li", {}, element("button", { type: "button", class: "plain", click: () => ask({ words }) }, words)),
        ),
      ),
      progressOf(jobs),
      element("p", { class: "hint" }, "Or open a photograph and click the thing that you want more of."),
    ];
  }

  function firstRun() {
    /** @type {string[]} */
    const roots = status?.roots ?? [];
    return [
      element("h1", {}, "Find things in your photographs"),
      element(
        "p",
        {},
        "Choose a folder. Every photograph in it is looked at once, here on this machine; nothing leaves it. About a second each.",
      ),
      jobs.supported && roots.length
        ? indexForm(jobs, roots)
        : element(
            "p",
            {},
            "Run ",
            element("code", {}, "segsearch index FOLDER"),
            ", or start the server with ",
            element("code", {}, "--root FOLDER"),
            " to do it here. This page notices.",
          ),
      progressOf(jobs),
    ];
  }

  jobs.addEventListener("change", show);
  return {
    /** @param {any} now */
    tell(now) {
      const before = status;
      status = now;
      if (jobs.supported !== Boolean(before?.jobs)) told = told === "first" ? "" : told;
      show();
    },
  };
}

/** A photo to be opened; gone again where it is forgotten or its file is missing. @param {number} id */
function photoButton(id) {
  const image = element("img", { alt: "", draggable: "false" });
  const made = element(
    "button",
    {
      type: "button",
      class: "photo",
      "data-photo": String(id),
      "aria-label": `Open photograph ${id}`,
      click: () => store().change({ open: { photo: id } }),
    },
    image,
  );
  made.style.setProperty("--proportion", "1.4");
  picture(api.thumbAddress(id, 256)).then(
    ({ src, naturalWidth, naturalHeight }) => {
      image.src = src;
      made.style.setProperty("--proportion", String(naturalWidth / naturalHeight));
    },
    () => made.remove(),
  );
  return made;
}
