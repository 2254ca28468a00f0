// Step 4: settings, what they will cost, the run.

import { post } from "./api.js";
import { clock, find, make, show, showCommand, tell } from "./dom.js";
import { showJob } from "./job.js";

const WORDS = {
  register: ["Registration", ["auto", "rigid", "affine", "deformable", "none"]],
  device: ["Device", ["auto", "cpu", "cuda"]],
  steps: ["Steps of a sample, in place of the quality's"],
  samples: ["Samples of the map, likewise"],
  visits: ["Visits to each pixel near a boundary, likewise"],
  noise: ["RMS error of the EBSD in degrees; estimated if empty"],
  fill_holes: ["Fill holes up to so many EBSD steps; 0 for none"],
  projection: ["Measured orientations have the last word"],
  keep_noise: ["Keep points that look like noise"],
};
let done = null, made = false, waiting = 0, asked = "", advised = false, known = "", blocked = false;

/** What the form says. */
export function settings() {
  const found = { scale: find("set-scale").value, quality: find("set-quality").value, seed: find("set-seed").value };
  for (const field of find("set-more").querySelectorAll("[name]")) found[field.name] = field.type === "checkbox" ? field.checked : field.value;
  return { settings: found, place: find("set-place").value };
}

function fields(list) {
  if (made) return;
  made = true;
  for (const { name, word, kind, default: usual } of list) {
    if (!WORDS[name]) continue;
    const [words, choices] = WORDS[name];
    const field = choices ? make("select", { name }, choices.map((choice) => make("option", {}, choice)))
      : kind === "on" || kind === "off" ? make("input", { type: "checkbox", name, checked: usual })
        : make("input", { name, inputMode: "decimal", autocomplete: "off" });
    const code = make("code", {}, word);
    find("set-more").append(field.type === "checkbox" ? make("label", { className: "check" }, field, ` ${words} `, code) : make("label", {}, `${words} `, code, field));
  }
}

/** What it will cost, a moment after the last change. */
function estimate() {
  clearTimeout(waiting);
  if (blocked) return;
  waiting = setTimeout(async () => {
    const now = JSON.stringify(settings());
    if (now === asked) return;
    asked = now;
    find("run-estimate").textContent = "estimating …";
    try {
      const told = await post("estimate", settings());
      if (asked !== now) return;
      find("run-estimate").textContent = `${told.rows} × ${told.columns} pixels: about ${clock(told.seconds)} and ${(told.memory / 1e9).toFixed(1)} GB of memory`;
      showCommand("run-command", told.command);
      tell("run-error", null);
    } catch (error) {
      if (!error.problem) throw error;
      if (asked !== now) return;
      find("run-estimate").textContent = "";
      tell("run-error", error);
    }
  }, 400);
}

export const run = {
  start(refresh) {
    done = refresh;
    find("run-form").addEventListener("change", estimate);
    find("run-form").addEventListener("submit", async (event) => {
      event.preventDefault();
      tell("run-error", null);
      try {
        await post("restore", settings());
        await refresh();
        find("run-job").scrollIntoView({ block: "nearest" });
      } catch (error) {
        if (!error.problem) throw error;
        tell("run-error", error);
      }
    });
  },

  show(state) {
    fields(state.settings);
    const { ebsd, light, place, advice } = state.cards;
    show(find("run-form"), Boolean(ebsd));
    show(find("run-none"), !ebsd);
    if (!ebsd) return;
    if (advice && !advised) {
      advised = true;
      find("set-scale").value = advice.scale;
    }
    const choices = [["auto", "found when it is restored"]];
    if (place) choices.push(["registration", place.trusted ? "as found above" : "as found above, although it is not trusted"]);
    if (place?.pairs.length) choices.push(["points", "from the pairs, found anew"]);
    const before = find("set-place").value, trusted = place?.trusted && place.at !== known;
    find("set-place").replaceChildren(...choices.map(([value, words]) => make("option", { value }, words)));
    find("set-place").value = trusted ? "registration" : choices.some(([value]) => value === before) ? before : "auto";
    known = place?.at ?? "";
    show(find("set-place-label"), Boolean(light));
    const running = state.job?.state === "running" || state.queue.running;
    find("run-go").disabled = running || Boolean(light?.missing);
    const job = state.job?.entry ? null : state.job;
    showJob("run-job", job, "restore", done);
    if (job?.kind === "restore" && job.state === "failed") tell("run-error", state.job.error);
    const { further, calibration } = state.cards;
    const inputs = JSON.stringify([ebsd.at, light?.at, further, calibration]);
    if (run.inputs !== inputs) {
      run.inputs = inputs;
      asked = "";
    }
    blocked = Boolean(light?.missing);
    if (blocked) {
      // what is missing stands in step 2; nothing can be estimated without it
      clearTimeout(waiting);
      asked = "";
      find("run-estimate").textContent = "The images need something first: see step 2.";
      tell("run-error", null);
    } else if (!running) estimate();
  },
};
