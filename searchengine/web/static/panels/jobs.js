// Indexing: started, followed and stopped here; what was skipped and why; whether the index is well.

import * as api from "../api.js";
import { announce, button, count, counted, dialog, element, replace } from "../elements.js";
import { messageOf } from "../query_bar.js";

/** @typedef {{id: string, kind: string, state: string, done?: number, total?: number | null, seconds_left?: number | null,
 *   message?: string, error?: {what?: string, fix?: string}, skipped?: number, last?: string | null,
 *   [name: string]: unknown}} Job */
/** @typedef {{path: string, kind: string, reason: string}} Skipped */

const LIVE = ["waiting", "running", "stopping"];

/** Whether a job still goes on. @param {Job} job */
export const isLive = (job) => LIVE.includes(job.state);

/** Jobs as the server last told of them, told on by events and, without those, by asking. */
export class Jobs extends EventTarget {
  constructor() {
    super();
    /** @type {Map<string, Job>} */
    this.known = new Map();
    this.supported = false;
    this.timer = 0;
  }

  async load() {
    try {
      const told = await api.request("GET", "jobs");
      this.supported = true;
      /** @type {Job[]} */
      const all = told.jobs ?? [];
      this.known = new Map(all.map((job) => [job.id, job]));
      this.#changed();
    } catch (error) {
      this.supported = !api.isLacking(error);
      this.dispatchEvent(new Event("change"));
    }
  }

  /** @param {Job} job */
  heed(job) {
    const before = this.known.get(job.id);
    this.known.set(job.id, { ...before, ...job });
    this.#changed();
    if (before && isLive(before) && !isLive(job)) this.dispatchEvent(new CustomEvent("ended", { detail: job }));
  }

  /** The indexing that goes on, or the last one. */
  get indexing() {
    const all = [...this.known.values()].filter((job) => job.kind === "index");
    return all.find(isLive) ?? all.at(-1) ?? null;
  }

  /** @param {string[]} roots */
  async start(roots) {
    await api.request("POST", "jobs/index", { roots });
    await this.load();
  }

  /** @param {string} id */
  async stop(id) {
    await api.request("DELETE", `jobs/${encodeURIComponent(id)}`);
    await this.load();
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
    clearTimeout(this.timer);
    // events tell sooner; where a proxy holds them back, asking still does
    if (this.indexing && isLive(this.indexing)) this.timer = window.setTimeout(() => void this.#ask(), 2000);
  }

  async #ask() {
    const job = this.indexing;
    if (!job || !isLive(job)) return;
    try {
      this.heed(await api.request("GET", `jobs/${encodeURIComponent(job.id)}`));
    } catch {
      this.timer = window.setTimeout(() => void this.#ask(), 5000);
    }
  }
}

/** What is said of an indexing. @param {Job} job */
export function progressText(job) {
  if (job.state === "failed")
    return [job.error?.what, job.error?.fix].filter(Boolean).join(": ") || "the indexing failed";
  if (job.state === "done") return job.message || "done";
  if (!isLive(job)) return `${job.state}`;
  if (!job.total) return job.message || "looking for photos …";
  const left = typeof job.seconds_left === "number" ? `, ${timeLeft(job.seconds_left)}` : "";
  return `${count(job.done ?? 0)} of ${counted(job.total, "photo")}${left}`;
}

/** @param {number} seconds */
const timeLeft = (seconds) =>
  seconds < 90
    ? `${Math.ceil(seconds)} s left`
    : seconds < 5400
      ? `${Math.round(seconds / 60)} min left`
      : `${(seconds / 3600).toFixed(1)} h left`;

/** A bar and a line that follow an indexing. @param {Jobs} jobs */
export function progressOf(jobs) {
  const bar = element("progress", { "aria-label": "Indexing" });
  const line = element("span", { role: "status" });
  const stop = button(
    "close",
    "Stop the indexing",
    () => {
      const job = jobs.indexing;
      if (job) void jobs.stop(job.id).catch((error) => announce(messageOf(error), { seen: true }));
    },
    { text: "Stop", class: "plain small" },
  );
  const host = element("div", { class: "progress" }, bar, line, stop);
  const show = () => {
    const job = jobs.indexing;
    host.hidden = !job;
    if (!job) return;
    bar.hidden = !isLive(job);
    stop.hidden = !isLive(job);
    if (job.total) {
      bar.max = job.total;
      bar.value = job.done ?? 0;
    } else bar.removeAttribute("value");
    const text = progressText(job);
    if (line.textContent !== text) line.textContent = text;
    line.classList.toggle("wrong", job.state === "failed");
  };
  jobs.addEventListener("change", show);
  show();
  return host;
}

/**
 * A form that starts an indexing below one of the folders that the server allows.
 *
 * @param {Jobs} jobs
 * @param {string[]} roots
 */
export function indexForm(jobs, roots) {
  const field = element("input", {
    type: "text",
    dir: "auto",
    required: true,
    list: "roots",
    value: roots[0] ?? "",
    placeholder: "/home/me/Pictures",
    "aria-label": "Folder of photographs",
    spellcheck: "false",
  });
  const form = element(
    "form",
    { class: "line" },
    field,
    element("datalist", { id: "roots" }, ...roots.map((root) => element("option", { value: root }))),
    element("button", { type: "submit", class: "main" }, "Index this folder"),
  );
  const wrong = element("p", { class: "wrong", role: "alert", hidden: true });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    wrong.hidden = true;
    try {
      await jobs.start([field.value.trim()]);
    } catch (error) {
      wrong.textContent = messageOf(error);
      wrong.hidden = false;
    }
  });
  const host = element("div", { class: "index-form" }, form, wrong);
  const show = () => (host.hidden = jobs.indexing !== null && isLive(jobs.indexing));
  jobs.addEventListener("change", show);
  show();
  return host;
}

/**
 * The dialogue on the index.
 *
 * @param {Jobs} jobs
 * @param {any} status
 */
export function openIndexDialog(jobs, status) {
  const counts = status.counts ?? {};
  /** @type {string[]} */
  const roots = status.roots ?? [];
  const skipped = element("div");
  const doctor = element("div");
  const figures = element(
    "dl",
    { class: "facts" },
    ...[
      ["Index", status.index],
      ["Photos", count(counts.photos ?? 0)],
      ["Segments", count(counts.segments ?? 0)],
      ["Undated", counts.undated ? count(counts.undated) : null],
      ["Preset", status.preset],
      ["Languages", status.languages ? languagesText(status.languages) : null],
    ].flatMap(([title, value]) => (value ? [element("dt", {}, title), element("dd", { dir: "auto" }, value)] : [])),
  );
  const examine = button("activity", "", () => void tellDoctor(doctor), {
    text: "Examine the index",
    class: "plain start-aligned",
  });
  dialog(
    "Index",
    figures,
    progressOf(jobs),
    jobs.supported && roots.length
      ? indexForm(jobs, roots)
      : element(
          "p",
          { class: "hint" },
          "To index from here, start the server with --root and a folder; or run: segsearch index FOLDER",
        ),
    skipped,
    element("h3", {}, "Health"),
    examine,
    doctor,
  );
  if (status.doctor) showSummary(doctor, status.doctor);
  void tellSkipped(skipped, jobs.indexing, counts.skipped ?? 0);
}

/** The languages that questions may be in. @param {{installed: boolean, codes: string[]}} languages */
function languagesText({ installed, codes }) {
  if (!installed) return `English; ${codes.length - 1} more with segsearch[languages]`;
  const names = new Intl.DisplayNames(document.documentElement.lang || "en", { type: "language" });
  return codes.map((code) => names.of(code) ?? code).join(", ");
}

/** What doctor last said. @param {HTMLElement} host @param {{at: number, problems: string[]}} told */
function showSummary(host, { at, problems }) {
  showDiagnosis(host, { problems });
  host.prepend(element("p", { class: "hint" }, `Examined at ${new Date(1000 * at).toLocaleString()}`));
}

/** What the last indexing left out, and why. @param {HTMLElement} host @param {Job | null} job @param {number} known */
async function tellSkipped(host, job, known) {
  const title = (/** @type {number} */ number) => element("h3", {}, `Skipped: ${counted(number, "file")}`);
  if (!job?.skipped) {
    if (known) replace(host, title(known), element("p", { class: "hint" }, "segsearch status tells which, and why."));
    return;
  }
  try {
    const told = await api.request("GET", `jobs/${encodeURIComponent(job.id)}`);
    /** @type {Skipped[]} */
    const all = told.skipped_photos ?? [];
    const items = all.map(({ path, kind, reason }) =>
      element("li", {}, element("span", { dir: "auto" }, path), element("small", {}, `${kind}: ${reason}`)),
    );
    replace(host, title(job.skipped), element("ul", { class: "skipped", tabindex: "0" }, ...items));
  } catch (error) {
    replace(host, element("p", { class: "hint" }, messageOf(error)));
  }
}

/** @param {HTMLElement} host */
async function tellDoctor(host) {
  replace(host, element("p", {}, "Examining …"));
  try {
    showDiagnosis(host, await api.request("GET", "doctor"));
  } catch (error) {
    replace(
      host,
      element("p", { class: "hint" }, api.isLacking(error) ? "Run segsearch doctor for that." : messageOf(error)),
    );
  }
}

/** @param {HTMLElement} host @param {{healthy?: boolean, problems?: string[], facts?: Record<string, string>}} told */
function showDiagnosis(host, told) {
  const problems = told.problems ?? [];
  replace(
    host,
    element(
      "p",
      { class: problems.length ? "wrong" : "" },
      problems.length ? counted(problems.length, "problem") : "All is well.",
    ),
    problems.length ? element("ul", {}, ...problems.map((line) => element("li", { dir: "auto" }, line))) : null,
    told.facts
      ? element(
          "dl",
          { class: "facts" },
          ...Object.entries(told.facts).flatMap(([name, finding]) => [
            element("dt", {}, name),
            element("dd", { dir: "auto" }, finding),
          ]),
        )
      : null,
  );
}
