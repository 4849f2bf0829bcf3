// The question: words, things that should not be there, and pictures or segments to be like.

import { segmentAddress, thumbAddress } from "./api.js";
import { announce, button, element, icon, replace } from "./elements.js";
import { pictureIn, sendPicture, uploaded } from "./photo/uploads.js";
import { store } from "./state.js";

/** @typedef {import("./api.js").Example} Example */
/** @typedef {import("./state.js").State} State */

export const SEGMENT_TYPE = "application/x-segsearch-segment";
const WEIGHTS = [0.25, 0.5, 1];

/**
 * The bar at the top; it follows the state, and changes it.
 *
 * @param {HTMLElement} host
 * @param {HTMLElement} chips
 */
export function makeQueryBar(host, chips) {
  const words = element("input", {
    id: "words",
    type: "search",
    name: "q",
    dir: "auto",
    autocomplete: "off",
    spellcheck: "false",
    enterkeyhint: "search",
    maxlength: "2000",
    "aria-label": "What to look for",
    placeholder: "red car door, cup left of the bowl, street without cars …",
  });
  const file = element("input", {
    type: "file",
    accept: "image/*",
    hidden: true,
    change: () => void take(file.files?.[0] ?? null),
  });
  const form = element(
    "form",
    { role: "search", class: "ask" },
    icon("search"),
    words,
    button("picture", "Search by a picture: choose, paste or drop one", () => file.click()),
    file,
    element("button", { type: "submit", class: "main" }, "Search"),
  );
  host.append(form);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    ask({ words: words.value });
  });
  words.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && words.value === store().state.words) words.blur();
  });

  /** @param {File | null} picture */
  async function take(picture) {
    if (!picture) return;
    try {
      const { id } = await sendPicture(picture);
      ask({
        examples: [...store().state.examples.filter((example) => example.upload === undefined), { upload: id }],
        open: { upload: id },
      });
    } catch (error) {
      announce(messageOf(error), { seen: true });
    }
    file.value = "";
  }

  document.addEventListener("paste", (event) => {
    const picture = pictureIn(event.clipboardData);
    if (!picture) return;
    event.preventDefault();
    void take(picture);
  });
  document.addEventListener("dragover", (event) => {
    const kinds = event.dataTransfer?.types ?? [];
    if (!kinds.includes("Files") && !kinds.includes(SEGMENT_TYPE)) return;
    event.preventDefault();
    if (event.dataTransfer) event.dataTransfer.dropEffect = "copy";
    document.body.classList.add("dropping");
  });
  for (const over of ["dragend", "drop"])
    document.addEventListener(over, () => document.body.classList.remove("dropping"));
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) document.body.classList.remove("dropping");
  });
  document.addEventListener("drop", (event) => {
    const segment = event.dataTransfer?.getData(SEGMENT_TYPE);
    const picture = pictureIn(event.dataTransfer);
    if (!segment && !picture) return;
    event.preventDefault();
    if (segment && host.contains(/** @type {Node} */ (event.target))) addExample({ segment: Number(segment) });
    else void take(picture);
  });

  const show = () => {
    const { state } = store();
    if (document.activeElement !== words || words.value.trim() === "") words.value = state.words;
    replace(chips, ...chipsOf(state));
    document.title = state.words ? `${state.words} – segsearch` : "segsearch";
  };
  store().onChange((state, before) => {
    if (state.words !== before.words) words.value = state.words;
    show();
  });
  show();
  return { focus: () => (words.focus(), words.select()) };
}

/**
 * A changed question; it begins at its first match.
 *
 * @param {Partial<State>} change
 */
export const ask = (change) => store().change({ place: 0, ...change });

/** One more thing to be like. @param {Example} example */
export function addExample(example) {
  const { examples } = store().state;
  if (examples.some((known) => JSON.stringify(known) === JSON.stringify(example))) return;
  ask({ examples: [...examples, example] });
}

/**
 * A judgement of a segment, or none where the same is judged again.
 *
 * @param {number} segment
 * @param {"like" | "unlike"} judgement
 */
export function judge(segment, judgement) {
  const { state } = store();
  const had = state[judgement].includes(segment);
  const like = state.like.filter((id) => id !== segment);
  const unlike = state.unlike.filter((id) => id !== segment);
  if (!had) (judgement === "like" ? like : unlike).push(segment);
  ask({ like, unlike });
  announce(had ? "judgement taken back" : judgement === "like" ? "more like this" : "not like this");
}

/** @param {State} state @returns {Node[]} */
function chipsOf(state) {
  /** @type {Node[]} */
  const chips = [];
  for (const example of state.examples) {
    const rest = state.examples.filter((each) => each !== example);
    chips.push(
      chip("like this", exampleName(example), () => ask({ examples: rest }), exampleImage(example), "example"),
    );
  }
  for (const judgement of /** @type {const} */ (["like", "unlike"])) {
    for (const segment of state[judgement].slice(0, 8)) {
      const sign = judgement === "like" ? "+" : "–";
      chips.push(
        chip(
          sign,
          `judgement of segment ${segment}`,
          () => judge(segment, judgement),
          segmentImage(segment),
          judgement,
        ),
      );
    }
    if (state[judgement].length > 8) {
      chips.push(
        chip(
          `${state[judgement].length - 8} more`,
          "all of these judgements",
          () => ask({ [judgement]: [] }),
          null,
          judgement,
        ),
      );
    }
  }
  for (const negative of state.negatives) {
    const others = state.negatives.filter((each) => each !== negative);
    const weight = element(
      "button",
      {
        type: "button",
        class: "weight",
        title: "How much it counts against a match; the words count 1",
        click: () => {
          const next = WEIGHTS[(WEIGHTS.indexOf(negative.weight) + 1) % WEIGHTS.length] ?? 0.5;
          ask({ negatives: state.negatives.map((each) => (each === negative ? { ...each, weight: next } : each)) });
        },
      },
      `× ${negative.weight}`,
    );
    chips.push(
      chip(
        `without ${negative.words}`,
        `without ${negative.words}`,
        () => ask({ negatives: others }),
        null,
        "negative",
        weight,
      ),
    );
  }
  if (state.words || state.examples.length || state.like.length) chips.push(withoutField(state));
  return chips;
}

/**
 * @param {string} text
 * @param {string} name what is removed, read aloud
 * @param {() => void} remove
 * @param {Node | null} image
 * @param {string} kind
 * @param {Node | null} [more]
 */
function chip(text, name, remove, image, kind, more = null) {
  return element(
    "span",
    { class: `chip ${kind}` },
    image,
    element("span", { dir: "auto" }, text),
    more,
    button("close", `Remove ${name}`, remove),
  );
}

/** @param {State} state */
function withoutField(state) {
  const field = element("input", {
    type: "text",
    dir: "auto",
    maxlength: "300",
    placeholder: "without …",
    "aria-label": "Without: what matches should not show",
  });
  const form = element("form", { class: "without" }, field);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const words = field.value.trim();
    if (words) ask({ negatives: [...state.negatives, { words, weight: 0.5 }] });
  });
  return form;
}

/** @param {number} segment */
const segmentImage = (segment) =>
  element("img", { src: segmentAddress(segment, "cutout"), alt: "", loading: "lazy", decoding: "async" });

/** @param {Example} example @returns {Node | null} */
function exampleImage(example) {
  if (example.segment !== undefined) return segmentImage(example.segment);
  if (example.photo !== undefined) return element("img", { src: thumbAddress(example.photo, 256), alt: "" });
  const picture = uploaded(example.upload ?? "");
  if (!picture) return icon("picture");
  const canvas = element("canvas", { width: "64", height: "64", "aria-hidden": "true" });
  const side = Math.min(picture.bitmap.width, picture.bitmap.height);
  canvas
    .getContext("2d")
    ?.drawImage(
      picture.bitmap,
      (picture.bitmap.width - side) / 2,
      (picture.bitmap.height - side) / 2,
      side,
      side,
      0,
      0,
      64,
      64,
    );
  return canvas;
}

/** @param {Example} example */
function exampleName(example) {
  const what =
    example.segment !== undefined
      ? `segment ${example.segment}`
      : example.photo !== undefined
        ? `photo ${example.photo}`
        : "the picture";
  const where = example.box ? ", in a box" : example.point ? ", at a point" : "";
  return `likeness to ${what}${where}`;
}

/** One line for people on what went wrong and what to do. @param {unknown} error */
export function messageOf(error) {
  if (!(error instanceof Error)) return String(error);
  const fix = "fix" in error && error.fix ? `: ${error.fix}` : "";
  return error.message + fix;
}
