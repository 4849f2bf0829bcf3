// An answer that is fetched as it is looked at: any stretch of a million matches, none of them twice.

import * as api from "./api.js";

/** @typedef {import("./api.js").Match} Match */

export const FIRST = 60; // matches that are asked for with a question
const STRETCH = 20; // matches that are kept, and forgotten, together
const MOST_AT_ONCE = 500; // matches that the server tells in one go
const MOST_KEPT = 600; // stretches, 12,000 matches

/** Matches of one question, by their place in its order. */
export class Answer extends EventTarget {
  /**
   * @param {import("./api.js").Question} question
   * @param {import("./api.js").Answer} told
   */
  constructor(question, told) {
    super();
    this.question = question;
    this.told = told;
    this.id = told.id;
    this.total = told.total;
    this.isExact = told.total_is_exact;
    /** @type {Map<number, Match[]>} */
    this.stretches = new Map();
    /** @type {Map<number, AbortController>} */
    this.waiting = new Map();
    /** @type {Promise<void> | null} */
    this.renewing = null;
    this.#keep(0, told.matches);
  }

  /** @param {number} place @returns {Match | undefined} */
  at(place) {
    return this.stretches.get(Math.floor(place / STRETCH))?.[place % STRETCH];
  }

  /** Place of a segment among the matches that are here, -1 where it is not. @param {number} segment */
  placeOf(segment) {
    for (const [stretch, matches] of this.stretches) {
      const found = matches.findIndex((match) => match.segment_id === segment);
      if (found >= 0) return stretch * STRETCH + found;
    }
    return -1;
  }

  /**
   * Fetch what is missing in a range; what was asked for elsewhere is not waited for any more.
   *
   * @param {number} from
   * @param {number} to exclusive
   */
  need(from, to) {
    const first = Math.floor(from / STRETCH);
    const last = Math.floor((Math.min(to, this.total) - 1) / STRETCH);
    const wanted = new Set();
    for (let stretch = first; stretch <= last; stretch++) {
      const control = this.waiting.get(stretch);
      if (control) wanted.add(control);
    }
    for (const control of this.waiting.values()) if (!wanted.has(control)) control.abort();
    const isMissing = (/** @type {number} */ stretch) => !this.stretches.has(stretch) && !this.waiting.has(stretch);
    for (let stretch = first; stretch <= last; stretch++) {
      if (!isMissing(stretch)) continue;
      let end = stretch + 1;
      while (end <= last && isMissing(end)) end++;
      void this.#fetch(stretch, end);
    }
  }

  /** Fetch neighbouring stretches in one go. @param {number} from @param {number} to exclusive */
  async #fetch(from, to) {
    const control = new AbortController();
    for (let stretch = from; stretch < to; stretch++) this.waiting.set(stretch, control);
    try {
      const told = await this.#page(from * STRETCH, (to - from) * STRETCH, control.signal);
      this.#keep(from, told.matches);
      this.#count(told);
      this.dispatchEvent(new Event("more"));
    } catch (error) {
      if (!api.isAborted(error)) this.dispatchEvent(new CustomEvent("failed", { detail: error }));
    } finally {
      for (let stretch = from; stretch < to; stretch++) {
        if (this.waiting.get(stretch) === control) this.waiting.delete(stretch);
      }
    }
  }

  /** @param {number} offset @param {number} limit @param {AbortSignal} signal */
  async #page(offset, limit, signal) {
    try {
      return await api.page(this.id, offset, limit, signal);
    } catch (error) {
      if (!(error instanceof api.ApiError) || error.status !== 404) throw error;
      await this.renew();
      return api.page(this.id, offset, limit, signal);
    }
  }

  /**
   * All matches of a range, fetched where they are not here.
   *
   * @param {number} from
   * @param {number} to exclusive
   * @returns {Promise<Match[]>}
   */
  async range(from, to) {
    /** @type {Match[]} */
    const found = [];
    for (let place = from; place < Math.min(to, this.total);) {
      const here = this.at(place);
      if (here) {
        found.push(here);
        place++;
        continue;
      }
      const { matches } = await api.page(this.id, place, Math.min(to - place, MOST_AT_ONCE));
      if (!matches.length) break;
      found.push(...matches);
      place += matches.length;
    }
    return found;
  }

  /** Learn how many there are in all, where that was not known at first. */
  async settle() {
    if (this.isExact) return;
    try {
      this.#count(await api.page(this.id, 0, 1));
    } catch {
      // it is learnt with the next stretch
    }
  }

  /** @param {import("./api.js").Page} told */
  #count({ total, total_is_exact = true }) {
    if (total === this.total && total_is_exact === this.isExact) return;
    this.total = total;
    this.isExact = total_is_exact;
    this.dispatchEvent(new Event("counted"));
  }

  /** Ask again, once for all who wait: the server keeps an answer for ten minutes. */
  async renew() {
    this.renewing ??= this.#renew().finally(() => (this.renewing = null));
    await this.renewing;
  }

  async #renew() {
    const told = await api.search(this.question, FIRST);
    this.id = told.id;
    if (told.generation === this.told.generation && told.total === this.total) return;
    this.stretches.clear();
    this.told = told;
    this.total = told.total;
    this.isExact = told.total_is_exact;
    this.#keep(0, told.matches);
    this.dispatchEvent(new Event("renewed"));
  }

  /** @param {number} stretch the first one @param {Match[]} matches of it and of those after it */
  #keep(stretch, matches) {
    for (let at = 0; at < matches.length; at += STRETCH) {
      this.stretches.set(stretch + at / STRETCH, matches.slice(at, at + STRETCH));
    }
    for (const oldest of this.stretches.keys()) {
      if (this.stretches.size <= MOST_KEPT) break;
      this.stretches.delete(oldest);
    }
  }
}
