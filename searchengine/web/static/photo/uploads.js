// Pictures that were dropped, pasted or chosen: the server looks at them for ten minutes and keeps none.

import * as api from "../api.js";
import { announce } from "../elements.js";

/** @typedef {{id: string, size: [number, number], segments: import("../api.js").Segment[], bitmap: ImageBitmap, name: string}} Picture */

const MOST_BYTES = 32e6;

/** @type {Map<string, Picture>} Pictures of this page by the server's id. */
const pictures = new Map();

/** @param {string} id */
export const uploaded = (id) => pictures.get(id);

/**
 * A picture sent to the server, which tells its segments.
 *
 * @param {File} file
 * @returns {Promise<Picture>}
 */
export async function sendPicture(file) {
  if (!file.type.startsWith("image/")) throw new Error(`${file.name || "what was dropped"} is no picture`);
  if (file.size > MOST_BYTES) throw new Error(`${file.name} has ${(file.size / 1e6).toFixed(0)} MB; 32 MB is the most`);
  announce("Looking at the picture …", { seen: true });
  const [told, bitmap] = await Promise.all([
    api.upload(file),
    createImageBitmap(file, { imageOrientation: "from-image" }),
  ]);
  // its segments have no ids in any index: their places serve, below all ids
  const segments = told.segments.map((segment, i) => ({
    ...segment,
    segment_id: -1 - i,
    parent_id: segment.parent === null ? null : -1 - segment.parent,
  }));
  const picture = { ...told, segments, bitmap, name: file.name || "pasted picture" };
  pictures.set(told.id, picture);
  if (pictures.size > 8) {
    const [oldest] = pictures;
    oldest?.[1].bitmap.close();
    if (oldest) pictures.delete(oldest[0]);
  }
  return picture;
}

/** The first picture among what was dropped or pasted. @param {DataTransfer | null} data */
export function pictureIn(data) {
  return [...(data?.files ?? [])].find((file) => file.type.startsWith("image/")) ?? null;
}
