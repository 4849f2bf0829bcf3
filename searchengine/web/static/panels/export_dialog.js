// Export: what is selected, in any format, as a zip or in the folder that the server was started with.

import * as api from "../api.js";
import { announce, button, count, counted, dialog, element, percent, replace } from "../elements.js";
import { messageOf } from "../query_bar.js";
import { commandOf } from "./export_command.js";

/** @typedef {import("../api.js").Question} Question */
/** @typedef {{total: number, search: () => string, renew: () => Promise<void>, question: Question, ids: number[] | null, photos: number | null, index: string,
 *   folder: string | null}} What search: the answer's name, which renew makes anew; ids: null for all of the answer; folder: where the server may write */

/** @type {[string, string, string][]} Name, title and what comes out. */
export const FORMATS = [
  ["masks", "Masks", "one PNG a segment, at the photo's full size"],
  ["cutouts", "Cut-outs", "one transparent PNG a segment, cropped to it"],
  ["overlays", "Overlays", "each photo with its masks drawn in"],
  ["coco", "COCO", "one JSON with run lengths, or polygons"],
  ["yolo", "YOLO", "polygons, a text file a photo"],
  ["labelme", "LabelMe", "a JSON file a photo"],
  ["cvat", "CVAT", "one XML, to be imported as images"],
];

/** A name of a folder from words. @param {string} words */
const folderName = (words) =>
  words
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, 60) || "matches";

/** @param {What} what */
export function openExport(what) {
  const told = what.ids ? what.ids.length : what.total;
  const radio = (
    /** @type {string} */ group,
    /** @type {string} */ value,
    /** @type {string} */ title,
    /** @type {string} */ text,
    /** @type {boolean} */ on,
    off = false,
  ) =>
    element(
      "label",
      { class: "option" },
      element("input", { type: "radio", name: group, value, checked: on, disabled: off }),
      element("span", {}, element("strong", {}, title), element("small", {}, text)),
    );
  const formats = element(
    "fieldset",
    {},
    element("legend", {}, "Format"),
    ...FORMATS.map(([value, title, text], i) => radio("format", value, title, text, i === 0)),
  );
  const raw = element("input", { type: "checkbox" });
  const polygons = element("input", { type: "checkbox" });
  const margin = shares("Margin", [0, 0.1, 0.25, 0.5]);
  const val = shares("For validation", [0, 0.1, 0.2]);
  /** @type {[string, HTMLElement][]} Choices that one format alone knows. */
  const own = [
    ["coco", element("label", { class: "tick" }, polygons, " polygons instead of run lengths")],
    ["cutouts", element("label", { class: "tick" }, "margin ", margin)],
    ["yolo", element("label", { class: "tick" }, "kept for validation ", val)],
  ];
  const name = element("input", {
    type: "text",
    dir: "auto",
    value: folderName(what.question.words),
    maxlength: "100",
    "aria-label": "Name",
  });
  const destination = element(
    "fieldset",
    {},
    element("legend", {}, "Where"),
    radio("destination", "zip", "A zip", "downloaded by this browser", true),
    radio(
      "destination",
      "folder",
      "A folder",
      what.folder ? `in ${what.folder}` : "the server was started without --exports",
      false,
      what.folder === null,
    ),
  );
  const command = element("code", { dir: "ltr" });
  const copy = button("copy", "Copy the command", () => {
    void navigator.clipboard?.writeText(command.textContent ?? "").then(() => announce("copied", { seen: true }));
  });
  const commandLine = element("div", { class: "command" }, command, copy);
  const progress = element("div", { class: "progress", role: "status" });
  const form = element(
    "form",
    { class: "export" },
    element(
      "p",
      {},
      `${counted(told, "segment")}${what.photos === null ? "" : ` in ${counted(what.photos, "photo")}`}, with a manifest.json that tells query, scores and preset.`,
    ),
    formats,
    element(
      "div",
      { class: "options" },
      element("label", { class: "tick" }, raw, " as the file's pixels lie, EXIF not applied"),
      ...own.map(([, label]) => label),
    ),
    destination,
    element("label", { class: "line" }, "Name ", name),
    element("p", { class: "hint" }, "The same on the command line:"),
    commandLine,
    progress,
    element("button", { type: "submit", class: "main" }, `Export ${counted(told, "segment")}`),
  );
  const chosen = (/** @type {string} */ group) => String(new FormData(form).get(group));
  /** @returns {import("./export_command.js").Options} */
  const options = () => {
    const format = chosen("format");
    return {
      raw_frame: raw.checked,
      ...(format === "coco" ? { polygons: polygons.checked } : {}),
      ...(format === "cutouts" ? { margin: Number(margin.value) } : {}),
      ...(format === "yolo" ? { val: Number(val.value) } : {}),
    };
  };
  const show = () => {
    for (const [format, label] of own) label.hidden = chosen("format") !== format;
    const line = commandOf(what, chosen("format"), options(), name.value || "matches");
    command.textContent = line ?? "no command asks by pictures, judgements, bursts or a cut-off";
    copy.hidden = line === null;
  };
  form.addEventListener("input", show);
  show();
  /** @type {AbortController} */
  const stop = new AbortController();
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const submit = form.querySelector("button[type=submit]");
    submit?.setAttribute("disabled", "");
    try {
      const ask = () =>
        api.request("POST", "exports", {
          ...(what.ids ? { ids: what.ids } : { search: what.search() }),
          format: chosen("format"),
          options: options(),
          destination: chosen("destination"),
          name: name.value.trim() || "matches",
        });
      const { job, command: same } = await ask().catch(async (error) => {
        if (!(error instanceof api.ApiError) || error.kind !== "SearchGone") throw error;
        await what.renew();
        return ask();
      });
      if (same) command.textContent = same;
      await follow(
        String(job),
        chosen("destination") === "zip",
        `${name.value || "matches"}.zip`,
        progress,
        stop.signal,
      );
    } catch (error) {
      const text = api.isLacking(error) ? "this server does not export; the command does" : messageOf(error);
      if (!api.isAborted(error)) replace(progress, element("p", { class: "wrong" }, text));
    }
    submit?.removeAttribute("disabled");
  });
  const made = dialog("Export", form);
  made.addEventListener("close", () => stop.abort());
  form.querySelector("input")?.focus();
}

/** A choice among shares. @param {string} name @param {number[]} values */
const shares = (name, values) =>
  element(
    "select",
    { "aria-label": name },
    ...values.map((value) => element("option", { value }, value ? percent(value) : "none")),
  );

/**
 * An export until it ends.
 *
 * @param {string} job
 * @param {boolean} zip
 * @param {string} fileName
 * @param {HTMLElement} progress
 * @param {AbortSignal} signal
 */
async function follow(job, zip, fileName, progress, signal) {
  for (;;) {
    const told = await api.request("GET", `jobs/${encodeURIComponent(job)}`, undefined, signal);
    if (told.state === "failed") throw new api.ApiError(0, told.error ?? { what: "the export failed" });
    if (told.state === "cancelled" || told.state === "stopped")
      throw new api.ApiError(0, { what: "the export was stopped" });
    if (told.state === "done") {
      const summary = told.summary ?? told.result ?? {};
      const written = typeof summary.files === "number" ? `${counted(summary.files, "file")} written. ` : "Done. ";
      if (zip) {
        const link = element(
          "a",
          { href: api.exportAddress(job), download: fileName, class: "main", id: "zip" },
          "Download the zip",
        );
        replace(progress, element("p", {}, written, link));
        link.click();
      } else replace(progress, element("p", {}, written, summary.folder ? `In ${summary.folder}` : ""));
      return;
    }
    const { done, total } = told;
    const bar = element("progress", {
      max: String(total || 1),
      ...(total ? { value: String(done ?? 0) } : {}),
      "aria-label": "Export",
    });
    replace(progress, bar, element("span", {}, total ? `${count(done ?? 0)} of ${count(total)}` : "waiting …"));
    await new Promise((resolve) => setTimeout(resolve, 250));
    signal.throwIfAborted();
  }
}
