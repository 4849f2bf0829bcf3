// The server's events: one stream a browser, however many tabs; the tab that has it tells the others.

import { eventsAddress } from "./api.js";

const NAMES = ["job", "generation", "loading", "saved", "gap"];
const CHANNEL = "segsearch-events";

/**
 * Events as they come, by name.
 *
 * @param {(name: string, told: any) => void} heed
 * @param {() => void} lacking called once where the server has no events
 */
export function listen(heed, lacking) {
  const channel = "BroadcastChannel" in window ? new BroadcastChannel(CHANNEL) : null;
  channel?.addEventListener("message", ({ data }) => heed(data.name, data.told));
  const lead = () =>
    new Promise((resolve) => {
      const stream = new EventSource(eventsAddress);
      for (const name of NAMES) {
        stream.addEventListener(name, ({ data }) => {
          /** @type {unknown} */
          let told;
          try {
            told = JSON.parse(data);
          } catch {
            return;
          }
          heed(name, told);
          channel?.postMessage({ name, told });
        });
      }
      stream.addEventListener("error", () => {
        // a stream that broke is opened again by the browser; one that was refused is not
        if (stream.readyState !== EventSource.CLOSED) return;
        lacking();
        resolve(undefined);
      });
    });
  // without locks, as over plain HTTP from another machine, each tab has its own stream
  if (navigator.locks) void navigator.locks.request(CHANNEL, lead);
  else void lead();
}
