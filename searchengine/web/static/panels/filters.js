// Filters: exact conditions on photos and segments, and below them what the matches are made of.

import * as api from "../api.js";
import { announce, button, element, paused, percent, replace } from "../elements.js";
import { ask } from "../query_bar.js";
import { store } from "../state.js";
import { drawDates, filter, listsOf, section } from "./facets.js";

/** @typedef {import("../answer.js").Answer} Answer */

/** @param {HTMLElement} host */
export function makeFilters(host) {
  const after = element("input", { type: "date", title: "Taken on this day or later" });
  const before = element("input", { type: "date", title: "Taken before this day" });
  const folder = element("input", {
    type: "text",
    dir: "auto",
    placeholder: "folder, or 2023/*",
    "aria-label": "Folder or pattern of paths",
  });
  const camera = element("input", { type: "text", dir: "auto", placeholder: "camera", "aria-label": "Camera" });
  const least = element("input", {
    type: "range",
    min: "0",
    max: "60",
    step: "1",
    "aria-label": "Least share of the photo",
  });
  const leastText = element("output", {});
  const clear = button("close", "Clear the filters", () => ask({ where: {} }), { text: "Clear", class: "plain small" });
  const lists = element("div", { class: "facets" });
  after.addEventListener("change", () => filter({ after: after.value }));
  before.addEventListener("change", () => filter({ before: before.value }));
  folder.addEventListener("change", () => filter({ path_glob: folder.value.trim() }));
  camera.addEventListener("change", () => filter({ camera: camera.value.trim() }));
  const setLeast = paused(() => filter({ min_area: Number(least.value) / 100 }), 150);
  least.addEventListener("input", () => {
    leastText.textContent = leastName(Number(least.value) / 100);
    setLeast();
  });
  const dates = element("div", { class: "histogram", hidden: true });
  replace(
    host,
    element("div", { class: "heading" }, element("h2", {}, "Filters"), clear),
    section(
      "Date",
      dates,
      element("label", { class: "pair" }, element("span", {}, "from"), after),
      element("label", { class: "pair" }, element("span", {}, "before"), before),
    ),
    section("Folder", folder),
    section("Camera", camera),
    section("Size in the photo", element("div", { class: "pair" }, least, leastText)),
    lists,
  );

  const show = () => {
    const { where } = store().state;
    after.value = day(where.after);
    before.value = day(where.before);
    folder.value = String(where.path_glob ?? "");
    camera.value = String(where.camera ?? "");
    if (document.activeElement !== least) least.value = String(Math.round(Number(where.min_area ?? 0) * 100));
    leastText.textContent = leastName(Number(least.value) / 100);
    clear.hidden = Object.keys(where).length === 0;
  };
  store().onChange(show);
  show();

  /** @type {AbortController | null} */
  let waiting = null;
  return {
    /** @param {Answer | null} answer */
    async answered(answer) {
      waiting?.abort();
      if (!answer || !answer.total) {
        dates.hidden = true;
        replace(lists);
        return;
      }
      const { signal } = (waiting = new AbortController());
      try {
        const found = await api.facets(answer.id, signal);
        drawDates(
          dates,
          found.dates.flatMap(({ month, count }) => (month === null ? [] : [{ month, count }])),
        );
        replace(lists, ...listsOf(found));
      } catch (error) {
        if (api.isLacking(error)) replace(lists);
        else if (!api.isAborted(error)) announce("the matches could not be counted");
      }
    },
  };
}

/** @param {number} share */
const leastName = (share) => (share === 0 ? "any" : `≥ ${percent(share)}`);

/** A condition on dates as a field of dates has it. @param {unknown} moment */
function day(moment) {
  const text = String(moment ?? "");
  if (/^\d{4}$/.test(text)) return `${text}-01-01`;
  if (/^\d{4}-\d{2}$/.test(text)) return `${text}-01`;
  return text.slice(0, 10);
}
