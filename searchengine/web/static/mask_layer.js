// What a mask looks like over a photo: its outline with dimmed surroundings, or a tint.

/** @typedef {import("./run_lengths.js").RunLengths} RunLengths */
/** @typedef {{x: number, y: number, width: number, height: number}} View rectangle of the photo or, beside a mask, of the mask's frame, pixels */
/** @typedef {"outline" | "fill" | "hidden"} MaskStyle */

const MOST_DRAWN = 400_000; // pixels of a mask; more are stretched, so that a photo can be moved smoothly

/** @typedef {readonly [number, number, number]} Colour red, green, blue */

/** @type {Colour} */
export const WHITE = [255, 255, 255];
/** @type {Colour} The page's colour of things, --thing of its styles. */
export const THING = [255, 206, 84];

/**
 * Share of each drawn pixel that a mask covers, 0 to 255, row by row.
 *
 * Down a column it is exact; across, up to three columns of the frame stand for a drawn one. Where
 * the frame is coarser than the drawing, the outline is smooth instead of in steps.
 *
 * @param {RunLengths} mask
 * @param {View} view
 * @param {number} width drawn pixels
 * @param {number} height drawn pixels
 */
export function coverage(mask, view, width, height) {
  const across = view.width / width;
  if (across < 1.25) return enlarged(mask, view, width, height);
  const drawn = new Uint8Array(width * height);
  const column = new Float32Array(height);
  const samples = across > 2 ? 3 : 2;
  for (let x = 0; x < width; x++) {
    column.fill(0);
    for (let i = 0; i < samples; i++) {
      addColumn(mask, view, column, Math.floor(view.x + (x + (i + 0.5) / samples) * across), 1 / samples);
    }
    for (let y = 0, at = x; y < height; y++, at += width) {
      drawn[at] = Math.min(255, (column[y] ?? 0) * 255 + 0.5);
    }
  }
  return drawn;
}

/**
 * The same where the frame's pixels are larger than the drawn ones: a blurred field between their
 * centres, and its outline where it crosses one half.
 *
 * @param {RunLengths} mask
 * @param {View} view
 * @param {number} width
 * @param {number} height
 */
function enlarged(mask, view, width, height) {
  const left = Math.floor(view.x) - 2;
  const top = Math.floor(view.y) - 2;
  const columns = Math.ceil(view.x + view.width) + 3 - left;
  const rows = Math.ceil(view.y + view.height) + 3 - top;
  const field = new Float32Array(columns * rows); // column by column
  const column = new Float32Array(rows);
  const whole = { x: left, y: top, width: columns, height: rows };
  for (let x = 0; x < columns; x++) {
    column.fill(0);
    addColumn(mask, whole, column, left + x, 1);
    for (let y = 0; y < rows; y++) {
      const value = (2 * (column[y] ?? 0) + (column[y - 1] ?? 0) + (column[y + 1] ?? 0)) / 4;
      for (const [next, weight] of /** @type {[number, number][]} */ ([
        [x - 1, 0.25],
        [x, 0.5],
        [x + 1, 0.25],
      ])) {
        if (next >= 0 && next < columns) field[next * rows + y] = (field[next * rows + y] ?? 0) + value * weight;
      }
    }
  }
  const drawn = new Uint8Array(width * height);
  const across = view.width / width;
  const down = view.height / height;
  const steep = 0.6 / Math.max(across, 0.02); // an edge is some two drawn pixels wide
  for (let x = 0; x < width; x++) {
    const at = view.x - left + (x + 0.5) * across - 0.5;
    const first = Math.floor(at) * rows;
    const right = at - Math.floor(at);
    for (let y = 0; y < height; y++) {
      const height_ = view.y - top + (y + 0.5) * down - 0.5;
      const row = first + Math.floor(height_);
      const below = height_ - Math.floor(height_);
      const before = (field[row] ?? 0) * (1 - below) + (field[row + 1] ?? 0) * below;
      const after = (field[row + rows] ?? 0) * (1 - below) + (field[row + rows + 1] ?? 0) * below;
      const value = (before * (1 - right) + after * right - 0.5) * steep * 2 + 0.5;
      drawn[y * width + x] = value <= 0 ? 0 : value >= 1 ? 255 : value * 255;
    }
  }
  return drawn;
}

/**
 * One column of the photo added to a drawn one.
 *
 * @param {RunLengths} mask
 * @param {View} view
 * @param {Float32Array} column
 * @param {number} x
 * @param {number} weight
 */
function addColumn(mask, view, column, x, weight) {
  if (x < 0 || x >= mask.width || weight <= 0) return;
  const { ends, height } = mask;
  const base = x * height;
  const down = view.height / column.length;
  const first = Math.max(0, Math.floor(view.y));
  const last = Math.min(height, Math.ceil(view.y + view.height));
  if (first >= last) return;
  let run = mask.runAt(base + first);
  if (run % 2 === 0) run++;
  for (; run < ends.length; run += 2) {
    const begin = ((ends[run - 1] ?? 0) - base - view.y) / down;
    const end = (Math.min((ends[run] ?? 0) - base, height) - view.y) / down;
    if (begin >= column.length || begin * down + view.y >= last) break;
    const from = Math.max(begin, (0 - view.y) / down, 0);
    const to = Math.min(end, column.length);
    if (to <= from) continue;
    const top = Math.floor(from);
    const bottom = Math.min(Math.ceil(to), column.length);
    for (let y = top; y < bottom; y++) {
      const share = Math.min(y + 1, to) - Math.max(y, from);
      column[y] = (column[y] ?? 0) + share * weight;
    }
  }
}

/**
 * The largest value within a distance, along rows and columns: a mask made thicker.
 *
 * @param {Uint8Array} drawn
 * @param {number} width
 * @param {number} height
 * @param {number} radius drawn pixels
 */
function thickened(drawn, width, height, radius) {
  const rows = new Uint8Array(drawn.length);
  const both = new Uint8Array(drawn.length);
  spread(drawn, rows, height, width, width, 1, radius);
  spread(rows, both, width, height, 1, width, radius);
  return both;
}

/**
 * Largest values along lines; only near an edge is anything compared.
 *
 * @param {Uint8Array} from
 * @param {Uint8Array} to
 * @param {number} lines
 * @param {number} length pixels a line
 * @param {number} apart between the beginnings of lines
 * @param {number} step between pixels of a line
 * @param {number} radius
 */
function spread(from, to, lines, length, apart, step, radius) {
  for (let line = 0; line < lines; line++) {
    const begin = line * apart;
    let reach = -1; // the last pixel that something shines upon
    for (let i = 0; i < Math.min(radius, length); i++) if (from[begin + i * step]) reach = i + radius;
    for (let i = 0; i < length; i++) {
      if (i + radius < length && from[begin + (i + radius) * step]) reach = i + 2 * radius;
      if (i > reach) continue;
      let most = from[begin + i * step] ?? 0;
      const end = Math.min(length - 1, i + radius);
      for (let j = Math.max(0, i - radius); most < 255 && j <= end; j++)
        most = Math.max(most, from[begin + j * step] ?? 0);
      to[begin + i * step] = most;
    }
  }
}

const scratch = /** @type {{canvas: HTMLCanvasElement | null}} */ ({ canvas: null });

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
  const finest = Math.min(1, Math.sqrt(MOST_DRAWN / (place.width * place.height)));
  const width = Math.round(place.width * finest);
  const height = Math.round(place.height * finest);
  if (style === "hidden" || width < 1 || height < 1) return;
  const drawn = coverage(mask, view, width, height);
  const canvas = (scratch.canvas ??= document.createElement("canvas"));
  if (canvas.width < width) canvas.width = width;
  if (canvas.height < height) canvas.height = height;
  const layer = canvas.getContext("2d", { willReadFrequently: true });
  if (!layer) return;
  const pixels = layer.createImageData(width, height);
  const data = pixels.data;
  const outer = thickened(drawn, width, height, Math.max(1, Math.round(line * finest)));
  const halo = style === "outline" ? thickened(outer, width, height, 1) : outer;
  const [red, green, blue] = tint;
  for (let i = 0, at = 0; i < drawn.length; i++, at += 4) {
    const inside = (drawn[i] ?? 0) / 255;
    const edge = (outer[i] ?? 0) / 255 - inside;
    const shade =
      style === "outline"
        ? Math.max(dim * (1 - (outer[i] ?? 0) / 255), (0.55 * ((halo[i] ?? 0) - (outer[i] ?? 0))) / 255)
        : 0;
    const light = style === "outline" ? edge : Math.max(edge, 0.42 * inside);
    const alpha = Math.min(1, light + shade);
    if (alpha <= 0) continue;
    const share = light / alpha;
    data[at] = red * share;
    data[at + 1] = green * share;
    data[at + 2] = blue * share;
    data[at + 3] = alpha * 255;
  }
  layer.putImageData(pixels, 0, 0);
  context.drawImage(canvas, 0, 0, width, height, place.x, place.y, place.width, place.height);
}
