// The detail: one photo, all its segments, and every way to ask by them.

import * as api from "../api.js";
import { announce, baseName, button, element, replace } from "../elements.js";
import { addExample, ask, judge, messageOf } from "../query_bar.js";
import { store } from "../state.js";
import { captionOf, maskOf, picture } from "../tile.js";
import { factsOf } from "./facts.js";
import { Stage } from "./stage.js";
import { uploaded } from "./uploads.js";

/** @typedef {import("../api.js").Match} Match */
/** @typedef {import("../api.js").Photo} Photo */
/** @typedef {import("../api.js").Segment} Segment */
/** @typedef {import("../state.js").State} State */

/**
 * The smallest of the segments that cover a point of the photo, null where none does.
 *
 * @param {Segment[]} segments
 * @param {[number, number]} point x and y in the photo
 * @param {[number, number]} size height and width of the photo
 */
export function smallestAt(segments, [x, y], size) {
  /** @type {Segment | null} */
  let smallest = null;
  for (const segment of segments) {
    const [left, top, width, height] = segment.bbox;
    if (x < left || y < top || x >= left + width || y >= top + height) continue;
    if (smallest && smallest.area <= segment.area) continue;
    const mask = maskOf(segment);
    if (mask.covers((x * mask.width) / size[1], (y * mask.height) / size[0])) smallest = segment;
  }
  return smallest;
}

/**
 * @param {HTMLElement} host
 * @param {{matchOf: (segment: number) => Match | undefined, walk: (step: number) => void, select: (match: Match) => void}} how
 */
export function makeDetail(host, { matchOf, walk, select }) {
  const canvas = element("canvas", { class: "stage", tabindex: "0", role: "img", "aria-label": "Photo" });
  const stage = new Stage(canvas);
  const name = element("h2", { dir: "auto" });
  const facts = element("dl", { class: "facts" });
  const actions = element("div", { class: "actions" });
  const hint = element(
    "p",
    { class: "hint" },
    element(
      "span",
      { class: "by-mouse" },
      "Click a thing to find its like, or drag a box around it. The wheel zooms; hold space to move.",
    ),
    element("span", { class: "by-touch" }, "Tap a thing to find its like. Two fingers zoom."),
  );
  const panTool = button("hand", "Move the photo by dragging", () => pan(!stage.panning), {
    "aria-pressed": "false",
    key: "space",
  });
  replace(
    host,
    element(
      "header",
      {},
      name,
      button("left", "Previous match", () => walk(-1), { key: "←" }),
      button("right", "Next match", () => walk(1), { key: "→" }),
      button("close", "Close the photo", close, { key: "Esc" }),
    ),
    element(
      "div",
      { class: "staging" },
      canvas,
      element(
        "div",
        { class: "tools", role: "toolbar", "aria-label": "Photo" },
        button("minus", "Farther", () => stage.approach(1 / 1.5)),
        button("plus", "Nearer", () => stage.approach(1.5)),
        button("fit", "Whole photo", () => stage.fit(), { key: "0" }),
        panTool,
        button("part", "A part of it", () => stepTree(-1), { key: "[" }),
        button("whole", "The whole that it is part of", () => stepTree(1), { key: "]" }),
      ),
    ),
    element("div", { class: "about" }, actions, hint, facts),
  );

  /** @type {Segment[]} */
  let segments = [];
  /** @type {Segment | null} */
  let chosen = null;
  /** @type {number[]} wholes that one came from, to go back to the same part */
  let trail = [];
  /** @type {number | null} */
  let photoId = null;
  /** @type {string | null} */
  let uploadId = null;
  /** @type {[number, number] | null} */
  let pointer = null;
  let sharp = false;
  /** @type {AbortController | null} */
  let loading = null;

  function close() {
    store().change({ open: null });
  }

  /** @param {boolean} on */
  function pan(on) {
    stage.panning = on;
    panTool.setAttribute("aria-pressed", String(on));
    canvas.classList.toggle("panning", on);
  }

  /** @param {Segment | null} segment */
  function choose(segment) {
    chosen = segment;
    stage.chosen = segment;
    stage.hovered = null;
    stage.draw();
    describe();
  }

  /** To the whole that a segment is part of, or to a part of it. @param {1 | -1} step */
  function stepTree(step) {
    const from = stage.hovered ?? chosen;
    if (!from) return announce("point at a segment first");
    if (step > 0) {
      const whole = segments.find((segment) => segment.segment_id === from.parent_id);
      if (!whole) return announce("this is part of nothing larger");
      trail.push(from.segment_id);
      return choose(whole);
    }
    const back = trail.pop();
    const parts = segments.filter((segment) => segment.parent_id === from.segment_id).sort((a, b) => b.area - a.area);
    const under = pointer && smallestAt(parts, pointer, stage.size);
    const part = parts.find((segment) => segment.segment_id === back) ?? under ?? parts[0];
    if (part) choose(part);
    else announce("this has no parts");
  }

  stage.addEventListener("point", (event) => {
    pointer = /** @type {CustomEvent} */ (event).detail;
    const found = pointer && smallestAt(segments, pointer, stage.size);
    if (found === stage.hovered) return;
    stage.hovered = found;
    stage.draw();
  });
  stage.addEventListener("pick", (event) => {
    const point = /** @type {CustomEvent<[number, number]>} */ (event).detail;
    const segment = stage.hovered ?? smallestAt(segments, point, stage.size);
    if (segment && photoId !== null) {
      choose(segment);
      askBy({ segment: segment.segment_id }, segment.segment_id);
      return;
    }
    if (segment) choose(segment);
    askBy({ ...source(), point: [Math.round(point[0]), Math.round(point[1])] });
  });
  stage.addEventListener("box", (event) => askBy({ ...source(), box: /** @type {CustomEvent} */ (event).detail }));
  const sharpen = async () => {
    if (sharp || !stage.isCoarse || photoId === null) return;
    sharp = true;
    const wanted = photoId;
    try {
      const image = await picture(api.imageAddress(wanted));
      if (photoId === wanted) stage.sharpen({ source: image, width: image.naturalWidth });
    } catch {
      announce("the photo cannot be shown at full size: its file is missing or unreadable", { seen: true });
    }
  };
  for (const event of ["wheel", "pointerup", "click"])
    host.addEventListener(event, () => requestAnimationFrame(() => void sharpen()), { passive: true });

  const source = () => (uploadId !== null ? { upload: uploadId } : { photo: photoId ?? 0 });

  /** A question by an example alone: what was asked before is behind Back. @param {import("../api.js").Example} example @param {number} [segment] */
  function askBy(example, segment) {
    const open = segment !== undefined && photoId !== null ? { photo: photoId, segment } : store().state.open;
    ask({ words: "", negatives: [], like: [], unlike: [], examples: [example], open });
    announce("Searching for what is like this");
  }

  function describe() {
    const match = chosen ? matchOf(chosen.segment_id) : undefined;
    const id = chosen?.segment_id;
    if (photoId === null || id === undefined) {
      replace(actions);
      return;
    }
    const download = (/** @type {"cutout" | "mask"} */ what, /** @type {string} */ text) =>
      element(
        "a",
        { class: "plain small", href: api.segmentAddress(id, what), download: `segment-${id}-${what}.png` },
        text,
      );
    replace(
      actions,
      match ? element("p", { class: "confidence" }, captionOf(match)) : null,
      button("similar", "Find what is like this", () => askBy({ segment: id }, id), {
        text: "Find alike",
        class: "plain small",
        key: "s",
      }),
      button("", "Add to the question", () => addExample({ segment: id }), {
        text: "Add to question",
        class: "plain small",
      }),
      match ? button("plus", "More like this", () => judge(id, "like"), { key: "+" }) : null,
      match ? button("minus", "Not like this", () => judge(id, "unlike"), { key: "–" }) : null,
      match ? button("check", "Select", () => select(match), { key: "x" }) : null,
      download("cutout", "Cut-out"),
      download("mask", "Mask"),
    );
  }

  /** @param {Photo} photo */
  function tell(photo) {
    name.textContent = baseName(photo.path);
    name.title = photo.path;
    replace(facts, ...factsOf(photo, chosen, chosen ? matchOf(chosen.segment_id) : undefined));
    canvas.setAttribute("aria-label", `Photo ${baseName(photo.path)}, ${photo.segment_count} segments`);
  }

  /** @param {State["open"]} open */
  async function show(open) {
    loading?.abort();
    host.hidden = !open;
    document.body.classList.toggle("with-detail", open !== null);
    if (!open) return;
    if (open.upload !== undefined) return showUpload(open.upload);
    uploadId = null;
    const { signal } = (loading = new AbortController());
    try {
      const match = open.segment === undefined ? undefined : matchOf(open.segment);
      const wanted = open.photo ?? 0;
      const meant = () => segments.find((segment) => segment.segment_id === open.segment) ?? null;
      if (photoId !== wanted) {
        photoId = wanted;
        segments = [];
        trail = [];
        sharp = false;
        chosen = null;
        stage.chosen = match ?? null;
        if (match) name.textContent = baseName(match.photo);
        replace(facts);
        replace(actions);
        /** @param {256 | 1024} side */
        const thumb = async (side) => {
          const image = await picture(api.thumbAddress(wanted, side));
          if (photoId !== wanted || sharp || (stage.picture && side === 256)) return;
          stage.sharpen({ source: image, width: image.naturalWidth });
          if (side === 1024) void sharpen();
        };
        if (match) stage.show(match.frame_size, null);
        if (match) thumb(256).catch(() => undefined);
        const [photo, found] = await Promise.all([api.photo(wanted, signal), api.segments(wanted, signal)]);
        segments = found;
        if (!match) stage.show(photo.size, null);
        if (!match) thumb(256).catch(() => undefined);
        thumb(1024).catch(() => announce("the photo's file is missing or unreadable", { seen: true }));
        choose(meant());
        shown = photo;
      } else if (chosen?.segment_id !== open.segment) choose(meant());
      else describe();
      if (shown) tell(shown);
    } catch (error) {
      if (!api.isAborted(error)) announce(messageOf(error), { seen: true });
    }
  }
  /** @type {Photo | null} */
  let shown = null;

  /** @param {string} id */
  function showUpload(id) {
    const given = uploaded(id);
    photoId = null;
    uploadId = id;
    shown = null;
    name.textContent = given?.name ?? "The picture is gone; choose it again";
    segments = given?.segments ?? [];
    chosen = null;
    stage.chosen = null;
    replace(actions);
    replace(facts);
    if (given) stage.show(given.size, { source: given.bitmap, width: given.bitmap.width });
  }

  store().onChange((state, before) => {
    stage.style = state.mask;
    if (JSON.stringify(state.open) !== JSON.stringify(before.open)) void show(state.open);
    else stage.draw();
  });
  stage.style = store().state.mask;

  canvas.addEventListener("keydown", (event) => {
    /** @type {Record<string, [number, number]>} */
    const pans = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] };
    const step = pans[event.key];
    if (event.key === " ") pan(true);
    else if (step && !stage.fitted) stage.pan(...step);
    else if (event.key === "0") stage.fit();
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  canvas.addEventListener("keyup", (event) => {
    if (event.key === " ") pan(false);
  });

  return {
    close,
    stepTree,
    show: () => show(store().state.open),
    /** Matches have come, of which one may be shown. */
    refresh: () => describe(),
    /** @param {boolean} hidden whether masks are hidden while a key is held */
    hideMasks(hidden) {
      stage.style = hidden ? "hidden" : store().state.mask;
      stage.draw();
    },
    zoom: (/** @type {number} */ factor) => stage.approach(factor),
    fit: () => stage.fit(),
    focus: () => canvas.focus({ preventScroll: true }),
    get chosen() {
      return chosen;
    },
    askBy,
  };
}
