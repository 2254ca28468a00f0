// The page: one state on the server, which every tab shows; what a tab does goes to the server and comes back as state.

import { get } from "./api.js";
import { find } from "./dom.js";
import { further } from "./further.js";
import { light } from "./light.js";
import { map } from "./map.js";
import { place } from "./place.js";
import { queue } from "./queue.js";
import { result } from "./result.js";
import { run } from "./run.js";

const parts = [map, further, light, place, run, queue, result];
let version = 0, timer = 0, gone = false;

let showing = null, again = false;

/** Show the state of the server; one look at a time, and another one after it if it was asked for meanwhile. */
export async function refresh() {
  again = true;
  showing ??= (async () => {
    while (again) {
      again = false;
      await look();
    }
  })().finally(() => { showing = null; });
  return showing;
}

async function look() {
  clearTimeout(timer);
  let wait = 4000;
  try {
    const state = await get("/api/state");
    if (gone) {
      gone = false;
      find("status").textContent = "The server answers again.";
    }
    const working = (state.job && state.job.state === "running") || state.queue.running;
    if (state.version !== version || working) {
      version = state.version;
      for (const part of parts) await part.show(state);
      steps(state);
    }
    if (working || state.opening) wait = 400;
  } catch (error) {
    if (error.status === 404) {
      // what this state told of is replaced already: look again
      again = true;
      version = 0;
      return;
    }
    if (!gone) find("status").textContent = error.problem || String(error);
    gone = true;
    if (!error.problem) throw error;
  } finally {
    timer = setTimeout(refresh, document.hidden ? 10000 : wait);
  }
}

function steps(state) {
  const done = { map: state.cards.ebsd, light: state.cards.light && !state.cards.light.missing, place: state.cards.place, run: state.cards.result, result: state.cards.result };
  for (const link of find("steps").querySelectorAll("a")) {
    const name = link.hash.slice(1);
    link.dataset.done = done[name] ? "yes" : "";
    link.setAttribute("aria-label", `${link.textContent}${done[name] ? ", done" : ""}`);
  }
}

for (const part of parts) part.start(refresh);
document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh(); });
// a file that misses its field must not take the page away
for (const kind of ["dragover", "drop"]) document.addEventListener(kind, (event) => event.preventDefault());
refresh();
