// What a mask looks like over a photo: its outline with dimmed surroundings, or a tint.

import { outlineOf } from "./outline.js";

/** @typedef {import("./run_lengths.js").RunLengths} RunLengths */
/** @typedef {{x: number, y: number, width: number, height: number}} View rectangle of the photo or, beside a mask, of the mask's frame, pixels */
/** @typedef {"outline" | "fill" | "hidden"} MaskStyle */

/** @typedef {readonly [number, number, number]} Colour red, green, blue */

/** @type {Colour} */
export const WHITE = [255, 255, 255];
/** @type {Colour} The page's colour of things, --thing of its styles. */
export const THING = [255, 206, 84];

const HALO = 0.55; // how dark the line is that parts the outline from what is bright

/**
 * A mask drawn over what a canvas shows, in the rectangle that shows the view.
 *
 * @param {CanvasRenderingContext2D} context
 * @param {RunLengths} mask
 * @param {View} view
 * @param {{x: number, y: number, width: number, height: number}} place rectangle of the canvas, its pixels
 * @param {{style: MaskStyle, line?: number, dim?: number, tint?: Colour}} look
 */
export function drawMask(context, mask, view, place, { style, line = 2, dim = 0.38, tint = WHITE }) {
  if (style === "hidden" || place.width < 1 || place.height < 1) return;
  const across = place.width / view.width;
  const down = place.height / view.height;
  const move = new DOMMatrix([across, 0, 0, down, place.x - view.x * across, place.y - view.y * down]);
  const path = new Path2D();
  path.addPath(outlineOf(mask), move);
  const colour = (/** @type {number} */ alpha) => `rgb(${tint.join(" ")} / ${alpha})`;
  context.save();
  context.beginPath();
  context.rect(place.x, place.y, place.width, place.height);
  context.clip();
  context.lineJoin = "round";
  if (style === "outline") {
    const around = new Path2D(path);
    around.rect(place.x, place.y, place.width, place.height);
    context.fillStyle = `rgb(0 0 0 / ${dim})`;
    context.fill(around, "evenodd");
    context.strokeStyle = `rgb(0 0 0 / ${HALO})`;
    context.lineWidth = line + 2;
    context.stroke(path);
  } else {
    context.fillStyle = colour(0.42);
    context.fill(path, "evenodd");
  }
  context.strokeStyle = colour(1);
  context.lineWidth = line;
  context.stroke(path);
  context.restore();
}
