// The server's API: one function a route, errors with what went wrong and what to do.

/**
 * @typedef {{size: [number, number], counts: string}} Segmentation mask as COCO's compressed run lengths; size is [height, width]
 * @typedef {{rank: number, score: number | null, confidence: number | null, photo: string, photo_id: number,
 *   segment_id: number, bbox: [number, number, number, number], area: number, segmentation: Segmentation,
 *   missing: boolean, proposed: boolean, merged: number[], duplicates: string[], taken_at: string | null,
 *   frame_size: [number, number]}} Match
 * @typedef {{segment?: number, photo?: number, upload?: string, point?: [number, number],
 *   box?: [number, number, number, number]}} Example
 * @typedef {{words: string, weight: number}} Negative
 * @typedef {{path_glob?: string, after?: string, before?: string, camera?: string, min_area?: number,
 *   max_area?: number, format?: string, photo_ids?: number[], near?: number[], places?: string[], [name: string]: unknown}} Where
 * @typedef {{words: string, negatives: Negative[], examples: Example[], like: number[], unlike: number[],
 *   where: Where, order: string, group: string, least_confidence: number}} Question
 * @typedef {{words: string, negatives: Negative[], [name: string]: unknown}} Understood
 * @typedef {{id: string, total: number, total_is_exact: boolean, confident: boolean, understood: Understood | null,
 *   not_understood: string[], notes: string[], generation: number, seconds: number, matches: Match[]}} Answer
 * @typedef {{offset: number, total: number, total_is_exact?: boolean, matches: Match[]}} Page
 * @typedef {{dates: {month: string | null, count: number}[], folders: {path: string, count: number}[],
 *   cameras: {name: string, count: number}[], formats: {name: string, count: number}[],
 *   sizes: {from: number, to: number, count: number}[], places: {place: string, count: number}[],
 *   colours?: {name: string, count: number}[], materials?: {name: string, count: number}[]}} Facets
 * @typedef {{segment_id: number, ordinal: number, parent_id: number | null, bbox: [number, number, number, number],
 *   area: number, quality: number, segmentation: Segmentation}} Segment
 * @typedef {{id: number, path: string, size: [number, number], taken_at: string | null, camera: string | null,
 *   latitude: number | null, longitude: number | null, format: string, files: string[],
 *   segment_count: number}} Photo
 * @typedef {{id: string, size: [number, number], segments: (Omit<Segment, "segment_id" | "parent_id"> &
 *   {parent: number | null})[]}} Upload segments name the place of the one that they are part of
 */

const ROOT = "/api/v1/";
const TRIES = 4;

/** What the server refused, in its own words. */
export class ApiError extends Error {
  /**
   * @param {number} status HTTP status, 0 where no answer came
   * @param {{kind?: string, what?: string, fix?: string}} told
   */
  constructor(status, told) {
    super(told.what ?? `the server answered ${status}`);
    this.status = status;
    this.kind = told.kind ?? "";
    this.what = this.message;
    this.fix = told.fix ?? "";
  }
}

/** Name of this page among the server's clients: its newer question cancels its older one. */
export const client = [...crypto.getRandomValues(new Uint8Array(16))]
  .map((byte) => byte.toString(16).padStart(2, "0"))
  .join("")
  .replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12})$/, "$1-$2-4$3-8$4-$5");

/**
 * The answer of one route; where the server is busy it is asked again after the time that it names.
 *
 * @param {string} method
 * @param {string} path below `/api/v1/`
 * @param {unknown} [body] sent as JSON, or as it is where it is a blob
 * @param {AbortSignal} [signal]
 * @returns {Promise<any>}
 */
export async function request(method, path, body, signal) {
  /** @type {RequestInit} */
  const options = { method, signal: signal ?? null, credentials: "same-origin" };
  if (body instanceof Blob) {
    options.body = body;
    options.headers = { "Content-Type": body.type || "application/octet-stream" };
  } else if (body !== undefined || method !== "GET") {
    options.body = JSON.stringify(body ?? {});
    options.headers = { "Content-Type": "application/json" };
  }
  for (let attempt = 1; ; attempt++) {
    /** @type {Response} */
    let response;
    try {
      response = await fetch(ROOT + path, options);
    } catch (error) {
      if (signal?.aborted) throw error;
      throw new ApiError(0, {
        kind: "Offline",
        what: "the server does not answer",
        fix: "see whether segsearch serve still runs",
      });
    }
    if (response.status === 503 && attempt < TRIES) {
      const seconds = Number(response.headers.get("Retry-After")) || 1;
      await pause(Math.min(seconds, 10) * 1000, signal);
      continue;
    }
    const text = await response.text();
    const told = text && response.headers.get("Content-Type")?.includes("json") ? JSON.parse(text) : {};
    if (!response.ok) throw new ApiError(response.status, told.error ?? {});
    return told;
  }
}

/**
 * @param {number} milliseconds
 * @param {AbortSignal} [signal]
 * @returns {Promise<void>}
 */
function pause(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });
}

/**
 * The answer to a question, with its first matches.
 *
 * @param {Question} question
 * @param {number} limit
 * @param {AbortSignal} [signal]
 * @returns {Promise<Answer>}
 */
export const search = (question, limit, signal) => request("POST", "search", { ...question, limit, client }, signal);

/**
 * A stretch of an answer's matches.
 *
 * @param {string} id
 * @param {number} offset
 * @param {number} limit
 * @param {AbortSignal} [signal]
 * @returns {Promise<Page>}
 */
export const page = (id, offset, limit, signal) =>
  request("GET", `searches/${encodeURIComponent(id)}?offset=${offset}&limit=${limit}`, undefined, signal);

/** @param {string} id @param {AbortSignal} [signal] @returns {Promise<Facets>} */
export const facets = (id, signal) => request("GET", `searches/${encodeURIComponent(id)}/facets`, undefined, signal);

/** @param {number} id @param {AbortSignal} [signal] @returns {Promise<Photo>} */
export const photo = (id, signal) => request("GET", `photos/${id}`, undefined, signal);

/** @param {number} id @param {AbortSignal} [signal] @returns {Promise<Segment[]>} */
export const segments = async (id, signal) =>
  (await request("GET", `photos/${id}/segments`, undefined, signal)).segments;

/** @param {Blob} picture @param {AbortSignal} [signal] @returns {Promise<Upload>} */
export const upload = (picture, signal) => request("POST", "uploads", picture, signal);

/** @param {number} id @param {256 | 1024} width */
export const thumbAddress = (id, width) => `${ROOT}photos/${id}/thumb?w=${width}`;
/** @param {number} id */
export const imageAddress = (id) => `${ROOT}photos/${id}/image`;
/** @param {number} id @param {"cutout" | "mask"} what */
export const segmentAddress = (id, what) => `${ROOT}segments/${id}/${what}`;
/** @param {string} job */
export const exportAddress = (job) => `${ROOT}exports/${encodeURIComponent(job)}/file`;
export const eventsAddress = `${ROOT}events`;

/**
 * Whether the server has not a route at all: an older one, or one without a part.
 *
 * @param {unknown} error
 */
export const isLacking = (error) =>
  error instanceof ApiError &&
  (error.status === 405 || (error.status === 404 && ["", "NotFound"].includes(error.kind)));

/** Whether an error is only that somebody stopped waiting. @param {unknown} error */
export const isAborted = (error) => error instanceof DOMException && error.name === "AbortError";
