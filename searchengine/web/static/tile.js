// A tile: what a match looks like. The thing fills it, cut out of the photo with some of its surroundings.

import { thumbAddress } from "./api.js";
import { percentSure, baseName } from "./elements.js";
import { THING, WHITE, drawMask } from "./mask_layer.js";
import { RunLengths } from "./run_lengths.js";
import { turn } from "./turns.js";

/** @typedef {import("./api.js").Match} Match */
/** @typedef {import("./mask_layer.js").View} View */
/** @typedef {{tile: "crop" | "photo", mask: "outline" | "fill" | "hidden", padding: number}} Look */

const LEAST_VIEW = 0.28; // of the photo's shorter side: what is smaller is shown with more around it
const MOST_PICTURES = 320;

/** @type {Map<string, Promise<HTMLImageElement>>} Thumbnails by address; the one used last is the last. */
const pictures = new Map();

/**
 * A picture, ready to be drawn.
 *
 * @param {string} address
 */
export function picture(address) {
  let found = pictures.get(address);
  if (found) pictures.delete(address);
  else {
    const image = new Image();
    image.src = address;
    found = image.decode().then(() => image);
    found.catch(() => pictures.delete(address)); // so that it is tried again when it is next in view
    if (pictures.size >= MOST_PICTURES) {
      const [oldest] = pictures.keys();
      if (oldest !== undefined) pictures.delete(oldest);
    }
  }
  pictures.set(address, found);
  return found;
}

/** @type {WeakMap<{segmentation: import("./api.js").Segmentation}, RunLengths>} */
const masks = new WeakMap();

/** The mask of a match or a segment, decoded once. @param {{segmentation: import("./api.js").Segmentation}} match */
export function maskOf(match) {
  let mask = masks.get(match);
  if (!mask) masks.set(match, (mask = new RunLengths(match.segmentation)));
  return mask;
}

/**
 * The rectangle of a photo that a tile shows: the segment with a margin, in the tile's own proportions
 * as far as the photo reaches.
 *
 * @param {[number, number, number, number]} box x, y, width, height of the segment
 * @param {[number, number]} size height and width of the photo
 * @param {number} proportion the tile's width by its height
 * @param {number} padding margin on each side, as a share of the segment's longer side
 * @returns {View}
 */
export function cropAround([x, y, w, h], [photoHeight, photoWidth], proportion, padding) {
  const margin = padding * Math.max(w, h);
  const least = LEAST_VIEW * Math.min(photoHeight, photoWidth);
  let width = Math.max(w + 2 * margin, least);
  let height = Math.max(h + 2 * margin, least);
  if (width < height * proportion) width = height * proportion;
  else height = width / proportion;
  // where the photo ends before the tile does, the margin gives way, and the segment never
  if (width > photoWidth) [width, height] = [photoWidth, Math.max(h, photoWidth / proportion)];
  if (height > photoHeight)
    [width, height] = [Math.min(photoWidth, Math.max(w, photoHeight * proportion)), photoHeight];
  return {
    x: Math.max(0, Math.min(x + w / 2 - width / 2, photoWidth - width)),
    y: Math.max(0, Math.min(y + h / 2 - height / 2, photoHeight - height)),
    width,
    height,
  };
}

/**
 * A match drawn on a canvas: first from the small thumbnail and then, where that is too coarse, from the large.
 *
 * @param {HTMLCanvasElement} canvas
 * @param {Match} match
 * @param {Look} look
 * @param {() => boolean} wanted whether the canvas still shows this match
 * @returns {Promise<void>}
 */
export async function drawTile(canvas, match, look, wanted) {
  const size = match.frame_size;
  const density = Math.min(devicePixelRatio || 1, 2);
  const width = Math.round(canvas.clientWidth * density);
  const height = Math.round(canvas.clientHeight * density);
  if (!width || !height) return;
  const view =
    look.tile === "crop"
      ? cropAround(match.bbox, size, width / height, look.padding)
      : { x: 0, y: 0, width: size[1], height: size[0] };
  const scale = Math.min(width / view.width, height / view.height);
  const place = {
    x: Math.round((width - view.width * scale) / 2),
    y: Math.round((height - view.height * scale) / 2),
    width: Math.round(view.width * scale),
    height: Math.round(view.height * scale),
  };
  const small = 256 / Math.max(...size);
  const coarse = small < 1 && view.width * small < 0.75 * place.width;
  /** @type {(256 | 1024)[]} */
  const sides = coarse ? [256, 1024] : [256];
  for (const side of sides) {
    const image = await picture(thumbAddress(match.photo_id, side));
    if (wanted()) await turn();
    if (!wanted()) return;
    const context = canvas.getContext("2d");
    if (!context) return;
    if (canvas.width !== width || canvas.height !== height) {
      canvas.width = width;
      canvas.height = height;
    } else context.clearRect(0, 0, width, height);
    const across = image.naturalWidth / size[1];
    const down = image.naturalHeight / size[0];
    context.imageSmoothingQuality = "high";
    context.drawImage(
      image,
      view.x * across,
      view.y * down,
      view.width * across,
      view.height * down,
      place.x,
      place.y,
      place.width,
      place.height,
    );
    drawMask(context, maskOf(match), inFrame(view, size, maskOf(match)), place, {
      style: look.mask,
      line: density > 1 ? 3 : 2,
      tint: look.mask === "fill" ? THING : WHITE,
    });
    canvas.classList.add("drawn");
  }
}

/**
 * A rectangle of a photo in the frame of a mask, which may be smaller than the photo.
 *
 * @param {View} view
 * @param {[number, number]} size height and width of the photo
 * @param {RunLengths} mask
 * @returns {View}
 */
export function inFrame({ x, y, width, height }, size, mask) {
  const across = mask.width / size[1];
  const down = mask.height / size[0];
  return { x: x * across, y: y * down, width: width * across, height: height * down };
}

/** @type {[number, string][]} Least confidence, and what it is called. */
const WORDS = [
  [0.9, "almost certain"],
  [0.7, "likely"],
  [0.5, "probable"],
  [0.25, "doubtful"],
  [0, "unlikely"],
];

/** Confidence in words. @param {number} confidence */
export const confidenceWord = (confidence) => WORDS.find(([least]) => confidence >= least)?.[1] ?? "unlikely";

/** What is said below a tile: how sure, or how like. @param {Match} match */
export function captionOf({ confidence, score, proposed }) {
  const kept = proposed ? " · proposed" : "";
  if (confidence !== null) return `${confidenceWord(confidence)} · ${percentSure(confidence)}${kept}`;
  return score === null ? kept.slice(3) : `likeness ${score.toFixed(2)}${kept}`;
}

/** What is read aloud of a tile. @param {Match} match @param {boolean} selected */
export function spokenName(match, selected) {
  const parts = [`Match ${match.rank}`, captionOf(match), baseName(match.photo)];
  if (match.taken_at) parts.push(match.taken_at.slice(0, 10));
  if (match.missing) parts.push("file is missing");
  if (selected) parts.push("selected");
  return parts.join(", ");
}
