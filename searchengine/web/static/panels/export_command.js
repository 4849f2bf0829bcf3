// The command line that exports what the page would.

/** @typedef {import("./export_dialog.js").What} What */
/** @typedef {{raw_frame: boolean, polygons?: boolean, margin?: number, val?: number}} Options */

/** @type {Record<string, string>} Conditions, and the command line's names for them. */
const FLAGS = {
  path_glob: "--in",
  after: "--after",
  before: "--before",
  camera: "--camera",
  min_area: "--min-area",
  max_area: "--max-area",
  near: "--near",
};

/**
 * A word of a shell's line, quoted where it has to be.
 *
 * @param {string} word
 */
export const quoted = (word) =>
  /^[\w@%+=:,./-]+$/.test(word) && !word.startsWith("-") ? word : `'${word.replaceAll("'", `'\\''`)}'`;

/**
 * The command that exports the same; null where only the page can ask so.
 *
 * @param {What} what
 * @param {string} format
 * @param {Options} options
 * @param {string} name
 * @returns {string | null}
 */
export function commandOf({ question, ids, total, index }, format, options, name) {
  const words = ["segsearch", "export"];
  const { where, examples, like, unlike, group, order, least_confidence } = question;
  if (ids) words.push("--ids", ids.join(","));
  else {
    const plain = question.words && !examples.length && !like.length && !unlike.length && order === "relevance";
    if (!plain || group !== "segment" || least_confidence > 0 || where.format) return null;
    words.push("-k", String(total));
    for (const negative of question.negatives) words.push("--not", quoted(`${negative.weight}:${negative.words}`));
    for (const [field, flag] of Object.entries(FLAGS)) {
      const value = where[field];
      if (value !== undefined && value !== "") words.push(flag, quoted(String(value)));
    }
    for (const place of where.places ?? []) words.push("--place", quoted(place));
  }
  words.push("--format", format);
  if (options.raw_frame) words.push("--raw-frame");
  if (options.polygons) words.push("--polygons");
  if (options.margin) words.push("--margin", String(options.margin));
  if (options.val) words.push("--val", String(options.val));
  words.push("--index", quoted(index), "--output", quoted(name));
  if (!ids) words.push("--", quoted(question.words));
  return words.join(" ");
}
