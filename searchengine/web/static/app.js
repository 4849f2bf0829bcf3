// The page's start: its parts made, wired to the state and to each other.

import * as api from "./api.js";
import { announce, button, byId, element, paused } from "./elements.js";
import { listen } from "./events.js";
import { listenToKeys, openKeyList } from "./keys.js";
import { makeMatches } from "./matches.js";
import { openExport } from "./panels/export_dialog.js";
import { makeFilters } from "./panels/filters.js";
import { Jobs, isLive, openIndexDialog } from "./panels/jobs.js";
import { makeHistory } from "./panels/history.js";
import { makeJudgements } from "./panels/judgements.js";
import { makeSaved } from "./panels/saved.js";
import { makeStart } from "./panels/start.js";
import { makeDetail } from "./photo/detail.js";
import { ask, judge, makeQueryBar } from "./query_bar.js";
import { makeResultsBar } from "./results_bar.js";
import { makeSelectionBar } from "./selection.js";
import { store } from "./state.js";

const SOON = 3000; // milliseconds until the status is asked again while the server is not ready
const GROUPS = ["segment", "photo", "burst"];
const MASKS = /** @type {const} */ (["outline", "fill", "hidden"]);
const SCHEMES = ["light dark", "light", "dark"];

/** @type {any} What the server told of itself last. */
let status = {};
const jobs = new Jobs();
const query = makeQueryBar(byId("query"), byId("chips"));
const matches = makeMatches(byId("viewport"), byId("empty"));
const { grid, selection } = matches;
const results = makeResultsBar(byId("bar"), byId("understood"), byId("doubt"), { jump: (place) => grid.go(place) });
const side = byId("side");
const filtersHost = element("div");
const [savedHost, judgedHost, historyHost] = [element("section"), element("section"), element("section")];
side.append(filtersHost, savedHost, judgedHost, historyHost);
const filters = makeFilters(filtersHost);
const saved = makeSaved(savedHost);
const judgements = makeJudgements(judgedHost);
const past = makeHistory(historyHost);
const start = makeStart(byId("start"), jobs);
const detail = makeDetail(byId("detail"), {
  matchOf: matches.matchOf,
  walk: matches.walk,
  select: (match) => selection.toggle(match, grid.active),
});
const selectionBar = makeSelectionBar(byId("selection"), selection, {
  total: () => matches.answer?.total ?? 0,
  exportIt: exportSelection,
  more: () => [],
});

const loading = element("span", { class: "loading", role: "status" });
byId("actions").append(
  loading,
  button("filter", "Filters and saved searches", () => toggleSide(), { key: "f", class: "quiet side-button" }),
  button("folder", "Index", () => openIndexDialog(jobs, status)),
  button("moon", "Light, dark or as the system", nextScheme),
  button("keyboard", "Keys", openKeyList, { key: "?" }),
);

matches.events.addEventListener("answered", () => {
  const { answer } = matches;
  results.answered(answer);
  filtersHost.hidden = !answer;
  byId("start").hidden = answer !== null || !byId("empty").hidden;
  byId("title").hidden = !byId("start").hidden;
  document.body.classList.toggle("with-answer", answer !== null);
  selectionBar.show();
  void filters.answered(answer).then(() => answer?.settle());
  void past.load();
  detail.refresh();
});
matches.events.addEventListener("moved", () => results.moved(grid.first));
matches.events.addEventListener("counted", () => {
  results.counted(matches.answer);
  selectionBar.show();
});
matches.events.addEventListener("more", () => detail.refresh());
matches.events.addEventListener("similar", (event) => findAlike(/** @type {CustomEvent} */ (event).detail));

/** @param {import("./api.js").Match} match */
function findAlike(match) {
  ask({ words: "", negatives: [], like: [], unlike: [], examples: [{ segment: match.segment_id }] });
}

async function exportSelection() {
  const { answer } = matches;
  if (selection.isEmpty || !answer) return announce("select something first: x, or a for all", { seen: true });
  if (status.index === undefined) await askStatus(); // which folder there is
  openExport({
    total: answer.total,
    search: () => answer.id,
    renew: () => answer.renew(),
    question: answer.question,
    ids: selection.all ? null : selection.ids,
    photos: selection.all ? null : new Set([...selection.chosen.values()].map(({ photo }) => photo)).size,
    index: status.index ?? "",
    folder: status.export_folder ?? null,
  });
}

/** @param {boolean} [open] */
function toggleSide(open = !document.body.classList.contains("with-side")) {
  document.body.classList.toggle("with-side", open);
  if (open) side.querySelector("input")?.focus();
}

function nextScheme() {
  const root = document.documentElement.style;
  const now = SCHEMES.indexOf(root.colorScheme || "light dark");
  const next = SCHEMES[(now + 1) % SCHEMES.length] ?? "light dark";
  setScheme(next);
  announce(next === "light dark" ? "as the system" : next, { seen: true });
}

/** @param {string} scheme */
function setScheme(scheme) {
  document.documentElement.style.setProperty("color-scheme", scheme);
  try {
    localStorage.setItem("segsearch-scheme", scheme);
  } catch {
    // a browser that keeps nothing
  }
}

// ---------------------------------------------------------------------- keys
const onMatch = (/** @type {(match: import("./api.js").Match) => void} */ deed) => () => {
  const match = matches.active;
  if (!match) return false;
  deed(match);
};
/** @param {KeyboardEvent} event */
function move(event) {
  const place = grid.placeByKey(event.key);
  if (place === null || !matches.answer?.total) return false;
  const focused = grid.body.contains(document.activeElement) || document.activeElement === grid.viewport;
  if (event.shiftKey) selection.anchor ??= grid.active;
  grid.go(focused ? place : grid.active);
  if (event.shiftKey) void matches.extend(grid.active);
}
/** @param {KeyboardEvent} event */
function select(event) {
  const match = matches.active;
  if (!match) return false;
  if (event.shiftKey) void matches.extend(grid.active);
  else selection.toggle(match, grid.active);
}
/** @type {Record<string, import("./keys.js").Deed>} */
const deeds = {
  "/": () => query.focus(),
  "?": () => void openKeyList(),
  Enter: onMatch((match) => {
    matches.open(match);
    if (matchMedia("(max-width: 900px)").matches) detail.focus();
  }),
  Escape: () => {
    if (document.body.classList.contains("with-side")) toggleSide(false);
    else if (store().state.open) {
      detail.close();
      grid.go(grid.active);
    } else selection.clear();
  },
  x: select,
  X: select,
  " ": select,
  a: () => void (matches.answer && selection.selectAll()),
  e: () => void exportSelection(),
  s: () => {
    const match = store().state.open && detail.chosen ? matches.matchOf(detail.chosen.segment_id) : matches.active;
    if (store().state.open && detail.chosen)
      detail.askBy({ segment: detail.chosen.segment_id }, detail.chosen.segment_id);
    else if (match) findAlike(match);
  },
  "+": onMatch((match) => judge(match.segment_id, "like")),
  "=": onMatch((match) => judge(match.segment_id, "like")),
  "-": onMatch((match) => judge(match.segment_id, "unlike")),
  g: () => ask({ group: GROUPS[(GROUPS.indexOf(store().state.group) + 1) % GROUPS.length] ?? "segment" }),
  m: () =>
    store().change(
      { mask: MASKS[(MASKS.indexOf(store().state.mask) + 1) % MASKS.length] ?? "outline" },
      { back: false },
    ),
  t: () => store().change({ tile: store().state.tile === "crop" ? "photo" : "crop" }, { back: false }),
  f: () => toggleSide(),
  j: () => /** @type {HTMLElement | null} */ (document.querySelector(".jump"))?.focus(),
  "[": () => detail.stepTree(-1),
  "]": () => detail.stepTree(1),
  z: () => detail.zoom(1.5),
  Z: () => detail.zoom(1 / 1.5),
  0: () => detail.fit(),
};
for (const key of ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "PageUp", "PageDown", "Home", "End"])
  deeds[key] = move;
listenToKeys(deeds, (held) => {
  matches.hideMasks(held);
  detail.hideMasks(held);
});
byId("words").addEventListener("keydown", (event) => {
  if (event.key !== "ArrowDown" || !matches.answer?.total) return;
  event.preventDefault();
  grid.go(grid.active);
});
document.addEventListener("click", (event) => {
  const target = /** @type {Element} */ (event.target);
  if (document.body.classList.contains("with-side") && !target.closest("#side, .side-button")) toggleSide(false);
});

// ---------------------------------------------------------------------- the server
let soon = 0;
const askSoon = () => {
  clearTimeout(soon);
  soon = window.setTimeout(() => void askStatus(), SOON);
};
async function askStatus() {
  try {
    status = await api.request("GET", "status");
    loading.textContent = status.loading ? "loading the model …" : "";
    start.tell(status);
    const live = jobs.indexing !== null && isLive(jobs.indexing);
    if (status.loading || !status.counts || live) askSoon();
  } catch {
    loading.textContent = "the server does not answer";
    askSoon();
  }
}

/** While photos are indexed every second brings some: what is counted anew waits until they pause. */
const countAnew = paused(
  () => {
    void askStatus();
    void saved.load();
  },
  5000,
  { eager: true },
);

/** New photos are there: whoever looks at an answer is told, and asks again at will. @param {number} generation */
function grown(generation) {
  countAnew();
  const { answer } = matches;
  if (!answer || answer.told.generation === generation || document.querySelector(".grown")) return;
  const again = button(
    "",
    "",
    () => {
      again.remove();
      void matches.run();
    },
    { text: "The index has changed: search again", class: "plain small grown" },
  );
  byId("bar").append(again);
}

try {
  const scheme = localStorage.getItem("segsearch-scheme");
  if (scheme && SCHEMES.includes(scheme)) setScheme(scheme);
} catch {
  // a browser that keeps nothing
}
listen(
  (name, told) => {
    if (name === "job") jobs.heed(told);
    else if (name === "generation") grown(told.generation ?? told);
    else if (name === "loading") void askStatus();
    else if (name === "saved") void saved.load();
    else if (name === "gap") void jobs.load().then(askStatus); // more has happened than is told
  },
  () => undefined,
);
jobs.addEventListener("ended", () => void askStatus());
void matches.run();
void detail.show();
void jobs.load().then(askStatus);
void saved.load();
void judgements.load();
void past.load();
