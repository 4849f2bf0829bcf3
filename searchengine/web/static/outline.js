// The outline of a mask as a path: marching squares over a blurred field, so that no staircase is seen.

/** @typedef {import("./run_lengths.js").RunLengths} RunLengths */

const PAD = 2; // pixels around the mask: one for the blur, one for the outline
const LEVEL = 16; // the outline is where the field is half of what it is inside, 32
const STEPS = /** @type {const} */ ([1, 0, -1, 0]); // right, down, left, up

/** @type {WeakMap<RunLengths, Path2D>} */
const paths = new WeakMap();

/**
 * The outline of a mask in the pixels of its frame, holes included, to be filled by "evenodd". It
 * is traced once; every pixel's centre lies on its own side of it.
 *
 * @param {RunLengths} mask
 */
export function outlineOf(mask) {
  let path = paths.get(mask);
  if (!path) paths.set(mask, (path = traced(mask)));
  return path;
}

/** @param {RunLengths} mask */
function traced(mask) {
  const path = new Path2D();
  const window = windowOf(mask);
  if (!window) return path;
  const { left, top, rows } = window;
  const field = fieldOf(mask, window);
  const corner = [0, rows, rows + 1, 1]; // from a cell's upper left one, clockwise
  const visited = new Uint8Array(field.length);
  const point = (/** @type {number} */ outside, /** @type {number} */ inside) => {
    const from = field[outside] ?? 0;
    const share = (LEVEL - from) / ((field[inside] ?? 0) - from);
    const x = Math.floor(outside / rows);
    const y = outside % rows;
    const across = Math.floor(inside / rows) - x;
    const down = (inside % rows) - y;
    return /** @type {const} */ ([left + x + 0.5 + across * share, top + y + 0.5 + down * share]);
  };
  for (let start = 0; start + 1 < field.length; start++) {
    // a border with the mask below it, which its outline follows to the right
    if (visited[start] || (field[start] ?? 0) >= LEVEL || (field[start + 1] ?? 0) < LEVEL) continue;
    path.moveTo(...point(start, start + 1));
    let cell = start;
    let direction = 0;
    do {
      const at = (/** @type {number} */ turn) => cell + (corner[(direction + turn) % 4] ?? 0);
      const aheadLeft = field[at(1)] ?? 0;
      const aheadRight = field[at(2)] ?? 0;
      if (aheadRight >= LEVEL) direction = aheadLeft >= LEVEL ? direction + 3 : direction;
      else {
        // two corners inside that only touch are one where the middle between all four is inside
        const middle = aheadLeft + aheadRight + (field[at(0)] ?? 0) + (field[at(3)] ?? 0);
        direction += aheadLeft >= LEVEL && middle >= 4 * LEVEL ? 3 : 1;
      }
      direction %= 4;
      const outside = at(1);
      path.lineTo(...point(outside, at(2)));
      if (direction === 0) visited[outside] = 1;
      cell += (STEPS[direction] ?? 0) * rows + (STEPS[(direction + 3) % 4] ?? 0);
    } while (cell !== start || direction !== 0);
    path.closePath();
  }
  return path;
}

/**
 * The part of the frame, and of what lies around it, that holds a mask; null for an empty one.
 *
 * @param {RunLengths} mask
 */
function windowOf({ ends, height }) {
  let [left, right, top, bottom] = [Infinity, -1, Infinity, -1];
  for (let run = 1; run < ends.length; run += 2) {
    const begin = ends[run - 1] ?? 0;
    const last = (ends[run] ?? 0) - 1;
    if (last < begin) continue;
    const columns = [Math.floor(begin / height), Math.floor(last / height)];
    left = Math.min(left, columns[0] ?? 0);
    right = columns[1] ?? 0;
    top = columns[0] === columns[1] ? Math.min(top, begin % height) : 0;
    bottom = columns[0] === columns[1] ? Math.max(bottom, last % height) : height - 1;
  }
  if (right < 0) return null;
  return { left: left - PAD, top: top - PAD, columns: right - left + 1 + 2 * PAD, rows: bottom - top + 1 + 2 * PAD };
}

/**
 * A field of 0 to 32 for the centres of a window's pixels, column by column: the mask, blurred, but
 * nowhere across LEVEL. Around pixels that the blur would have lost, the mask is left as it is.
 *
 * @param {RunLengths} mask
 * @param {{left: number, top: number, columns: number, rows: number}} window
 */
function fieldOf({ ends, height }, { left, top, columns, rows }) {
  const inside = new Uint8Array(columns * rows);
  for (let run = 1; run < ends.length; run += 2) {
    const end = ends[run] ?? 0;
    for (let begin = ends[run - 1] ?? 0; begin < end;) {
      const column = Math.floor(begin / height);
      const stop = Math.min(end, (column + 1) * height);
      const shift = (column - left) * rows - top - column * height;
      inside.fill(1, begin + shift, stop + shift);
      begin = stop;
    }
  }
  const down = new Uint8Array(inside.length);
  for (let i = 1; i + 1 < inside.length; i++) {
    down[i] = (inside[i - 1] ?? 0) + 2 * (inside[i] ?? 0) + (inside[i + 1] ?? 0);
  }
  const field = new Uint8Array(inside.length);
  const lost = [];
  for (let i = rows; i + rows < inside.length; i++) {
    const value = 2 * ((down[i - rows] ?? 0) + 2 * (down[i] ?? 0) + (down[i + rows] ?? 0));
    if (inside[i]) {
      if (value <= LEVEL) lost.push(i);
      field[i] = Math.max(value, LEVEL + 1);
    } else {
      if (value >= LEVEL) lost.push(i);
      field[i] = Math.min(value, LEVEL - 1);
    }
  }
  for (const pixel of lost) {
    for (const column of [pixel - rows, pixel, pixel + rows]) {
      for (let i = column - 1; i <= column + 1; i++) field[i] = 2 * LEVEL * (inside[i] ?? 0);
    }
  }
  return field;
}
