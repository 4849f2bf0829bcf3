// The stage: one photo at any size up to its full resolution, with masks, a point or a box over it.

import { THING, WHITE, drawMask } from "../mask_layer.js";
import { inFrame, maskOf } from "../tile.js";

/** @typedef {import("../api.js").Segment} Segment */
/** @typedef {{source: CanvasImageSource, width: number}} Picture a drawable of the whole photo, and its width in pixels */

const NEAREST = 8; // screen pixels a pixel of the photo
const CLICK = 5; // screen pixels that a pointer may move in a click

export class Stage extends EventTarget {
  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    super();
    this.canvas = canvas;
    /** @type {[number, number]} height and width of the photo */
    this.size = [1, 1];
    /** @type {Picture | null} */
    this.picture = null;
    /** @type {Pick<Segment, "segmentation" | "bbox"> | null} the segment that is meant */
    this.chosen = null;
    /** @type {Segment | null} the segment under the pointer */
    this.hovered = null;
    /** @type {[number, number, number, number] | null} */
    this.box = null;
    /** @type {import("../mask_layer.js").MaskStyle} */
    this.style = "outline";
    this.panning = false; // whether a drag of the mouse moves the photo rather than draws a box
    this.scale = 1; // screen pixels a pixel of the photo
    this.left = 0;
    this.top = 0;
    this.frame = 0;
    this.fitted = true;
    /** @type {Map<number, {x: number, y: number}>} pointers that are down */
    this.down = new Map();
    this.#listen();
    new ResizeObserver(() => (this.fitted ? this.fit() : this.draw())).observe(canvas);
  }

  /** @param {[number, number]} size @param {Picture | null} picture */
  show(size, picture) {
    const same = size[0] === this.size[0] && size[1] === this.size[1] && this.picture;
    this.size = size;
    this.picture = picture;
    this.box = null;
    this.hovered = null;
    if (!same || !picture) this.fit();
    else this.draw();
  }

  /** A finer drawable of the same photo. @param {Picture} picture */
  sharpen(picture) {
    this.picture = picture;
    this.draw();
  }

  /** The whole photo in view. */
  fit() {
    const { clientWidth: width, clientHeight: height } = this.canvas;
    const [photoHeight, photoWidth] = this.size;
    this.scale = Math.min(width / photoWidth, height / photoHeight) || 1;
    this.left = (width - photoWidth * this.scale) / 2;
    this.top = (height - photoHeight * this.scale) / 2;
    this.fitted = true;
    this.draw();
  }

  /**
   * Nearer or farther, a point of the canvas staying where it is.
   *
   * @param {number} factor
   * @param {number} [x]
   * @param {number} [y]
   */
  zoom(factor, x = this.canvas.clientWidth / 2, y = this.canvas.clientHeight / 2) {
    const least = Math.min(this.canvas.clientWidth / this.size[1], this.canvas.clientHeight / this.size[0], 1);
    const scale = Math.max(least, Math.min(NEAREST, this.scale * factor));
    if (scale <= least && factor < 1) return this.fit();
    this.left = x - ((x - this.left) * scale) / this.scale;
    this.top = y - ((y - this.top) * scale) / this.scale;
    this.scale = scale;
    this.fitted = false;
    this.#bound();
    this.draw();
  }

  /** Nearer or farther, the segment that is meant staying in view. @param {number} factor */
  approach(factor) {
    if (!this.chosen) return this.zoom(factor);
    const [x, y, width, height] = this.chosen.bbox;
    this.zoom(factor, this.left + (x + width / 2) * this.scale, this.top + (y + height / 2) * this.scale);
  }

  /** @param {number} x @param {number} y screen pixels */
  pan(x, y) {
    this.left += x;
    this.top += y;
    this.fitted = false;
    this.#bound();
    this.draw();
  }

  #bound() {
    const { clientWidth: width, clientHeight: height } = this.canvas;
    const [photoHeight, photoWidth] = this.size;
    const inside = (/** @type {number} */ at, /** @type {number} */ length, /** @type {number} */ room) =>
      length <= room ? (room - length) / 2 : Math.min(0, Math.max(room - length, at));
    this.left = inside(this.left, photoWidth * this.scale, width);
    this.top = inside(this.top, photoHeight * this.scale, height);
  }

  /** The point of the photo under a place of the canvas. @param {number} x @param {number} y @returns {[number, number]} */
  photoPoint(x, y) {
    return [(x - this.left) / this.scale, (y - this.top) / this.scale];
  }

  /** Drawn at the next frame, once. */
  draw() {
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.#draw();
    });
  }

  #draw() {
    const density = devicePixelRatio || 1;
    const { canvas, size } = this;
    const width = Math.round(canvas.clientWidth * density);
    const height = Math.round(canvas.clientHeight * density);
    if (!width || !height) return;
    if (canvas.width !== width || canvas.height !== height) {
      canvas.width = width;
      canvas.height = height;
    }
    const context = canvas.getContext("2d");
    if (!context) return;
    context.clearRect(0, 0, width, height);
    const scale = this.scale * density;
    // the part of the photo that is in view
    const x = Math.max(0, -this.left / this.scale);
    const y = Math.max(0, -this.top / this.scale);
    const view = {
      x,
      y,
      width: Math.min(size[1], (canvas.clientWidth - this.left) / this.scale) - x,
      height: Math.min(size[0], (canvas.clientHeight - this.top) / this.scale) - y,
    };
    if (view.width <= 0 || view.height <= 0) return;
    const place = {
      x: (this.left + x * this.scale) * density,
      y: (this.top + y * this.scale) * density,
      width: view.width * scale,
      height: view.height * scale,
    };
    if (this.picture) {
      const share = this.picture.width / size[1];
      context.imageSmoothingQuality = "high";
      context.imageSmoothingEnabled = scale / share < 4; // farther in, pixels are what is looked at
      context.drawImage(
        this.picture.source,
        view.x * share,
        view.y * share,
        view.width * share,
        view.height * share,
        place.x,
        place.y,
        place.width,
        place.height,
      );
    }
    const line = Math.max(2, Math.round(1.75 * density));
    if (this.chosen && this.style !== "hidden") {
      const mask = maskOf(this.chosen);
      drawMask(context, mask, inFrame(view, size, mask), place, {
        style: this.style,
        line,
        dim: this.hovered ? 0.15 : 0.34,
        tint: this.style === "fill" ? THING : WHITE,
      });
    }
    if (this.hovered && this.hovered !== this.chosen) {
      const mask = maskOf(this.hovered);
      drawMask(context, mask, inFrame(view, size, mask), place, { style: "fill", line, tint: THING });
    }
    if (this.box) {
      const [boxX, boxY, boxWidth, boxHeight] = this.box;
      context.setLineDash([6 * density, 4 * density]);
      for (const [colour, shift] of /** @type {[string, number][]} */ ([
        ["#000", 0],
        ["#fff", 5 * density],
      ])) {
        context.lineDashOffset = shift;
        context.lineWidth = 2 * density;
        context.strokeStyle = colour;
        context.strokeRect(
          (this.left + boxX * this.scale) * density,
          (this.top + boxY * this.scale) * density,
          boxWidth * scale,
          boxHeight * scale,
        );
      }
      context.setLineDash([]);
    }
  }

  /** Whether more pixels than the drawable has would be seen. */
  get isCoarse() {
    return this.picture !== null && this.scale * (devicePixelRatio || 1) > (this.picture.width / this.size[1]) * 1.05;
  }

  #listen() {
    const { canvas } = this;
    const at = (/** @type {MouseEvent} */ event) => {
      const frame = canvas.getBoundingClientRect();
      return { x: event.clientX - frame.left, y: event.clientY - frame.top };
    };
    /** @type {{x: number, y: number} | null} */
    let start = null;
    let moving = false;
    let drag = false;
    canvas.addEventListener(
      "wheel",
      (event) => {
        event.preventDefault();
        const { x, y } = at(event);
        this.zoom(Math.exp(-event.deltaY * (event.deltaMode === 1 ? 0.05 : 0.0022)), x, y);
      },
      { passive: false },
    );
    canvas.addEventListener("dblclick", (event) => event.preventDefault());
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      this.down.set(event.pointerId, at(event));
      start = at(event);
      moving = false;
      drag = this.panning || event.pointerType === "touch" || event.button === 1;
    });
    canvas.addEventListener("pointermove", (event) => {
      const now = at(event);
      const before = this.down.get(event.pointerId);
      if (!before) {
        this.dispatchEvent(new CustomEvent("point", { detail: this.photoPoint(now.x, now.y) }));
        return;
      }
      if (this.down.size === 2) {
        const [other] = [...this.down].filter(([id]) => id !== event.pointerId).map(([, point]) => point);
        if (other) {
          const apart = (/** @type {{x: number, y: number}} */ a) => Math.hypot(a.x - other.x, a.y - other.y) || 1;
          this.zoom(apart(now) / apart(before), (now.x + other.x) / 2, (now.y + other.y) / 2);
          this.pan((now.x - before.x) / 2, (now.y - before.y) / 2);
        }
        moving = true;
        this.down.set(event.pointerId, now);
        return;
      }
      if (start && Math.hypot(now.x - start.x, now.y - start.y) > CLICK) moving = true;
      if (moving && drag) this.pan(now.x - before.x, now.y - before.y);
      else if (moving && start) {
        this.box = this.#boxOf(start, now);
        this.hovered = null;
        this.draw();
      }
      this.down.set(event.pointerId, now);
    });
    const up = (/** @type {PointerEvent} */ event) => {
      if (!this.down.delete(event.pointerId) || this.down.size) return;
      const now = at(event);
      if (event.type === "pointercancel") this.box = null;
      else if (!moving && event.button === 0)
        this.dispatchEvent(new CustomEvent("pick", { detail: this.photoPoint(now.x, now.y) }));
      else if (this.box) this.dispatchEvent(new CustomEvent("box", { detail: this.box }));
      this.box = null;
      start = null;
      this.draw();
    };
    canvas.addEventListener("pointerup", up);
    canvas.addEventListener("pointercancel", up);
    canvas.addEventListener("pointerleave", () => {
      if (!this.down.size) this.dispatchEvent(new CustomEvent("point", { detail: null }));
    });
  }

  /**
   * @param {{x: number, y: number}} a
   * @param {{x: number, y: number}} b
   * @returns {[number, number, number, number]} x, y, width, height in the photo
   */
  #boxOf(a, b) {
    const [height, width] = this.size;
    const [x0, y0] = this.photoPoint(Math.min(a.x, b.x), Math.min(a.y, b.y));
    const [x1, y1] = this.photoPoint(Math.max(a.x, b.x), Math.max(a.y, b.y));
    const left = Math.max(0, Math.min(width - 1, Math.round(x0)));
    const top = Math.max(0, Math.min(height - 1, Math.round(y0)));
    return [
      left,
      top,
      Math.max(1, Math.min(width, Math.round(x1)) - left),
      Math.max(1, Math.min(height, Math.round(y1)) - top),
    ];
  }
}
