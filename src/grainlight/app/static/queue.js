// The queue: several maps, one after the other, each with its settings.

import { post } from "./api.js";
import { clock, find, make, show, showCommand, tell } from "./dom.js";
import { showJob } from "./job.js";
import { settings } from "./run.js";

const MARKS = { waiting: "○", running: "…", restored: "✓", failed: "⚠", cancelled: "×" };
let done = null, drawn = "";

async function attempt(work) {
  tell("queue-error", null);
  try {
    await work();
    await done();
  } catch (error) {
    if (!error.problem) throw error;
    tell("queue-error", error);
  }
}

function row(one, k, shown) {
  const ask = (name) => () => attempt(() => post(`queue-${name}`, { key: one.key }));
  const tool = (words, name) => make("button", { type: "button", className: "quiet", "aria-label": `${words}: ${one.ebsd}`, onclick: ask(name) }, words);
  const kind = { restored: "sound", failed: "caution", cancelled: "caution" }[one.state] ?? "note";
  const home = ["restored.ang", "report.html"].filter((name) => one.downloads.includes(name));
  return make("li", { className: shown ? "shown" : "" },
    make("span", {}, make("span", { className: `tag ${kind}` }, `${MARKS[one.state]} ${one.state}`), ` ${k + 1}. ${one.ebsd} → ${one.output}`,
      one.seconds === null ? "" : `, ${clock(one.seconds)}`, shown ? " (shown below)" : ""),
    make("span", { className: "tools" },
      home.map((name) => make("a", { href: `/queue/${one.key}/${name}`, download: "", "aria-label": `${name === "restored.ang" ? "map" : "report"} of ${one.ebsd}` }, name === "restored.ang" ? ".ang" : "report")),
      one.state === "restored" && !shown ? tool("show", "show") : null,
      ["failed", "cancelled"].includes(one.state) ? tool("again", "again") : null,
      one.state === "running" ? null : tool("take out", "drop")),
    one.said ? make("p", { className: "said" }, one.said) : null,
    make("details", {}, make("summary", {}, "its command"), make("pre", { tabIndex: 0 }, one.command)));
}

export const queue = {
  start(refresh) {
    done = refresh;
    find("queue-add").addEventListener("click", () => attempt(() => post("queue-add", settings())));
    find("queue-run").addEventListener("click", () => attempt(() => post("queue-run")));
  },

  show(state) {
    const { entries, running, told } = state.queue;
    show(find("queue"), entries.length > 0);
    const working = state.job?.state === "running" || running;
    find("queue-run").disabled = working || !entries.some((one) => one.state === "waiting");
    find("queue-add").disabled = find("run-go").disabled && !working;
    // how each map ended stands in its row
    showJob("queue-job", state.job?.entry && state.job.state === "running" ? state.job : null, "restore", done);
    const at = state.cards.result?.at, now = JSON.stringify([entries, at]);
    if (now !== drawn) {
      drawn = now;
      find("queue-list").replaceChildren(...entries.map((one, k) => row(one, k, one.at !== null && one.at === at)));
      showCommand("queue-command", entries.length ? "grainlight batch --summary summary.csv jobs.csv" : "");
    }
    if (find("queue-told").textContent !== told) find("queue-told").textContent = told;
  },
};
