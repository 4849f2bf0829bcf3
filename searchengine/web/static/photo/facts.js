// What is known of a photo, and of the segment in it that is meant.

import { count, element, percent } from "../elements.js";

/**
 * Names and values, as a list of definitions has them.
 *
 * @param {import("../api.js").Photo} photo
 * @param {import("../api.js").Segment | null} chosen
 * @param {import("../api.js").Match} [match]
 * @returns {Node[]}
 */
export function factsOf(photo, chosen, match) {
  /** @type {[string, string | null | undefined][]} */
  const lines = [
    ["File", photo.path],
    ["Taken", photo.taken_at?.replace("T", " ")],
    ["Camera", photo.camera],
    ["Size", `${count(photo.size[1])} × ${count(photo.size[0])} pixels, ${photo.format}`],
    [
      "Place",
      photo.latitude === null || photo.longitude === null
        ? null
        : `${photo.latitude.toFixed(5)}, ${photo.longitude.toFixed(5)}`,
    ],
    ["Segments", count(photo.segment_count)],
    ["Share", chosen ? `${percent(chosen.area / (photo.size[0] * photo.size[1]))} of the photo` : null],
    ["Score", match?.score?.toFixed(3)],
    ["Same file", photo.files.length > 1 ? photo.files.filter((path) => path !== photo.path).join("\n") : null],
    ["Looks alike", match?.duplicates.length ? match.duplicates.join("\n") : null],
  ];
  return lines
    .filter(([, value]) => value)
    .flatMap(([title, value]) => [element("dt", {}, title), element("dd", { dir: "auto" }, value)]);
}
