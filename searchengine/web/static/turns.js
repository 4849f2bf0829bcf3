// Turns: what is drawn gives way to what a person does.

const BUDGET = 8; // milliseconds a frame

let last = Promise.resolve();
let begun = -Infinity;

/** @returns {Promise<number>} when the next frame begins */
const frame = () => new Promise((begin) => requestAnimationFrame(() => begin(performance.now())));

/** A turn to draw, in this frame where it has time left, else in one of the next. */
export function turn() {
  return (last = last.then(async () => {
    if (performance.now() - begun >= BUDGET) begun = await frame();
  }));
}
