// A job that runs: its stage, how much is done, the time left, and the button that ends it.

import { post } from "./api.js";
import { clock, find, make, show } from "./dom.js";

const words = { place: "Finding the place", restore: "Restoring" };
let said = "";

/** Show the job of a kind in its place, or how it ended. */
export function showJob(id, job, kind, refresh) {
  const place = find(id), mine = job && job.kind === kind && job.state !== "failed";
  show(place, Boolean(mine));
  if (!mine) return;
  if (place.dataset.job !== `${job.id} ${job.state}`) {
    place.dataset.job = `${job.id} ${job.state}`;
    const running = job.state === "running";
    const bar = make("progress", { max: 1, "aria-label": words[kind] });
    const cancel = make("button", { type: "button", className: "quiet", onclick: async () => {
      cancel.disabled = true;
      await post("cancel");
      await refresh();
    } }, "Cancel");
    place.replaceChildren(...(running ? [bar, make("span", { className: "told" }), cancel] : [make("span", { className: "told" })]));
  }
  const told = place.querySelector(".told"), bar = place.querySelector("progress");
  if (job.state === "done") told.textContent = `Done in ${clock(job.passed)}.`;
  else if (job.state === "cancelled") told.textContent = "Cancelled; nothing is left of it.";
  else {
    if (job.part > 0) bar.value = job.part;
    const left = job.left === null || !job.part ? "" : `, about ${clock(job.left)} left`;
    told.textContent = `${job.stage}${job.total > 1 ? ` (${job.done} of ${job.total})` : ""}; ${clock(job.passed)} so far${left}`;
  }
  const now = `${words[kind]}: ${job.state === "running" ? job.stage : told.textContent}`;
  if (now !== said) {
    said = now;
    find("status").textContent = now;
  }
}
