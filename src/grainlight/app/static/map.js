// Step 1: an EBSD file, and the card of what was understood of it.

import { bytes, post, send } from "./api.js";
import { find, make, percent, show, showCommand, tell } from "./dom.js";
import { axesOf, keyOf } from "./legend.js";
import { tilesOf } from "./tiles.js";
import { Viewer } from "./viewer.js";

let files = [], shown = "", viewer = null, done = null;
export const picture = { tiles: null, card: null };

/** Take files that are dropped on a field or chosen in it. */
export function takeFiles(kind, input, took) {
  const drop = input.closest(".drop");
  input.addEventListener("change", () => { if (input.files.length) took([...input.files]); input.value = ""; });
  drop.addEventListener("dragover", (event) => { event.preventDefault(); drop.classList.add("aimed"); });
  drop.addEventListener("dragleave", () => drop.classList.remove("aimed"));
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    event.stopPropagation();
    drop.classList.remove("aimed");
    if (event.dataTransfer.files.length) took([...event.dataTransfer.files]);
  });
}

async function attempt(work, words) {
  find("map-busy").textContent = words;
  tell("map-error", null);
  try {
    await work();
    await done();
  } catch (error) {
    if (!error.problem) throw error;
    tell("map-error", error);
  } finally {
    find("map-busy").textContent = "";
  }
}

const asked = () => ({
  files, frame: find("map-frame").value, crystal_frame: find("map-crystal").value, direction: find("map-direction").value,
  scan: find("map-scan").value, section: find("map-section").value, columns: find("map-columns").value,
});
const read = () => attempt(() => post("ebsd", asked()), "reading …");

export const map = {
  start(refresh) {
    done = refresh;
    takeFiles("ebsd", find("map-file"), (chosen) => attempt(async () => {
      files = (await send("ebsd", chosen, (words) => { find("map-busy").textContent = words; })).map((one) => one.id);
      for (const id of ["map-frame", "map-crystal", "map-scan", "map-section", "map-columns"]) find(id).value = "";
      find("map-busy").textContent = "reading …";
      await post("ebsd", asked());
    }, "sending …"));
    find("demo").addEventListener("click", () => attempt(() => post("demo"), "making the demo section …"));
    for (const id of ["map-frame", "map-crystal", "map-direction"]) find(id).addEventListener("change", read);
    find("map-form").addEventListener("submit", (event) => { event.preventDefault(); read(); });
  },

  async show(state) {
    const card = state.cards.ebsd;
    if (state.opening) find("map-busy").textContent = "opening the files …";
    else if (find("map-busy").textContent.startsWith("opening")) find("map-busy").textContent = "";
    if (state.errors.ebsd) tell("map-error", state.errors.ebsd);
    if (!card) show(find("map-card"), false);
    if (!card || card.at === shown) return;
    shown = card.at;
    const data = await bytes(card.at, "ipf");
    show(find("map-card"), true);
    files = card.ids;
    const chosen = state.choices.ebsd;
    for (const [id, value] of [["map-frame", chosen.frame], ["map-crystal", chosen.crystal_frame], ["map-direction", card.direction],
      ["map-scan", chosen.scan], ["map-section", chosen.section], ["map-columns", chosen.columns]]) find(id).value = value ?? "";
    find("map-name").textContent = chosen.shown.split(/[/\\]/).pop();
    facts(card);
    const [rows, columns] = card.image.shape, [across, down] = card.image.step;
    viewer ??= new Viewer(find("map-view"), "EBSD map in orientation colours");
    picture.tiles = tilesOf(data, rows, columns, "rgb");
    picture.card = card;
    viewer.show(picture.tiles, null, { step: across, aspect: down / across });
    find("map-caption").textContent = `Orientation colours, IPF-${card.direction}. The axes are those of the frame "${card.frame}".`;
    find("map-axes").replaceChildren(axesOf(card.axes));
    keyOf(find("map-legend"), await bytes(card.at, "key"), card.direction, [["#9e9e9e", "another phase"], ["#000000", "not indexed"]]);
    showCommand("map-command", state.commands.info);
  },
};

function facts(card) {
  const list = find("map-facts"), micro = (value) => `${Number(value.toPrecision(4))} µm`;
  const rows = [
    ["Format", card.format],
    ["Grid", `${card.grid}, ${card.rows} rows × ${card.columns} columns, ${card.points.toLocaleString("en")} points`],
    ["Step", card.step[0] === card.step[1] ? micro(card.step[0]) : card.step.map(micro).join(" × ")],
    ["Field", card.field.map(micro).join(" × ")],
    ["Indexed", percent(card.indexed)],
    ...card.phases.map((phase) => ["Phase", `${phase.name}: ${percent(phase.share)}${phase.usable ? "" : "; not 6/mmm, shown and not restored"}`]),
    ["Frames", `sample ${card.frame}, crystal X along ${card.crystal_frame}`],
  ];
  list.replaceChildren(...rows.flatMap(([name, text]) => [make("dt", {}, name), make("dd", {}, text)]));
  const problems = card.usable ? card.problems : ["No point is of Laue group 6/mmm: this map can be looked at, not restored.", ...card.problems];
  find("map-problems").replaceChildren(...(problems.length ? problems : ["None is suspected."]).map((text) =>
    make("li", { className: problems.length ? "caution" : "sound" }, text)));
}
