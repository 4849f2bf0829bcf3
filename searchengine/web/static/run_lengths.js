// COCO's compressed run lengths, as pycocotools writes them: column by column, background first.

/**
 * Ends of the runs, in pixels counted down the columns; runs at odd places are the segment.
 *
 * @param {string} counts
 * @returns {Uint32Array}
 */
export function decodeEnds(counts) {
  /** @type {number[]} */
  const runs = [];
  let at = 0;
  while (at < counts.length) {
    let run = 0;
    let shift = 0;
    let last = 0;
    do {
      if (at >= counts.length) throw new RangeError("run lengths end in the middle of a number");
      last = counts.charCodeAt(at++) - 48;
      if (last < 0 || last > 63 || shift > 30) throw new RangeError("run lengths hold what is no number");
      run |= (last & 31) << shift;
      shift += 5;
    } while (last & 32);
    if (last & 16 && shift < 32) run |= -1 << shift;
    // from the fourth on a run is told as the difference from the one before the last
    if (runs.length > 2) run += runs[runs.length - 2] ?? 0;
    if (run < 0) throw new RangeError("run lengths hold a negative run");
    runs.push(run);
  }
  const ends = new Uint32Array(runs.length);
  let sum = 0;
  for (let i = 0; i < runs.length; i++) ends[i] = sum += runs[i] ?? 0;
  return ends;
}

/** A mask that stays run lengths: what is drawn is sampled from them, never the whole photo. */
export class RunLengths {
  /** @param {{size: [number, number], counts: string}} segmentation */
  constructor({ size, counts }) {
    this.height = size[0];
    this.width = size[1];
    this.ends = decodeEnds(counts);
    if ((this.ends.at(-1) ?? 0) > this.height * this.width) throw new RangeError("run lengths leave their frame");
  }

  /**
   * Number of the run that holds a pixel, counted down the columns.
   *
   * @param {number} pixel
   */
  runAt(pixel) {
    const ends = this.ends;
    let low = 0;
    let high = ends.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (/** @type {number} */ (ends[middle]) > pixel) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /**
   * Whether the segment covers a pixel; outside the frame it does not.
   *
   * @param {number} x
   * @param {number} y
   */
  covers(x, y) {
    const column = Math.floor(x);
    const row = Math.floor(y);
    if (column < 0 || row < 0 || column >= this.width || row >= this.height) return false;
    return this.runAt(column * this.height + row) % 2 === 1;
  }

  /** The whole mask, height × width, 0 and 1, row by row; for tests and small frames. */
  pixels() {
    const out = new Uint8Array(this.width * this.height);
    for (let run = 1; run < this.ends.length; run += 2) {
      for (let pixel = this.ends[run - 1] ?? 0; pixel < (this.ends[run] ?? 0); pixel++) {
        out[(pixel % this.height) * this.width + Math.floor(pixel / this.height)] = 1;
      }
    }
    return out;
  }
}
