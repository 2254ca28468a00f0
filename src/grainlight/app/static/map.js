// Step 1: an EBSD file, and the card of what was understood of it.

import { bytes, post, send } from "./api.js";
import { find, make, percent, show, showCommand, tell } from "./dom.js";
import { keyOf } from "./legend.js";
import { tilesOf } from "./tiles.js";
import { Viewer } from "./viewer.js";

let files = [], shown = "", viewer = null, done = null;
export const picture = { tiles: null, card: null };

/** Take files that are dropped on a field or chosen in it. */
export function takeFiles(kind, input, took) {
  const drop = input.closest(".drop");
  input.addEventListener("change", () => { if (input.files.length) took([...input.files]); input.value = ""; });
  drop.addEventListener("dragover", (event) => { event.preventDefault(); drop.classList.add("over"); });
  drop.addEventListener("dragleave", () => drop.classList.remove("over"));
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    event.stopPropagation();
    drop.classList.remove("over");
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
    axes(card.axes);
    await keyOf(find("map-legend"), card.at, card.direction, [["#9e9e9e", "another phase"], ["#000000", "not indexed"]]);
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

/** Arrows of X and Y, and Z as a dot (towards the reader) or a cross (away), as a drawing over the map. */
function axes(of) {
  const space = "http://www.w3.org/2000/svg", words = [];
  const draw = (name, attributes, text = "") => {
    const node = document.createElementNS(space, name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    node.textContent = text;
    return node;
  };
  const parts = [];
  const turned = ([right, up]) => (Math.abs(right) > Math.abs(up) ? (right > 0 ? "right" : "left") : up > 0 ? "up" : "down");
  for (const name of ["X", "Y"]) {
    const [right, up] = of[name], x = 60 + 38 * right, y = 60 - 38 * up;
    words.push(`${name} ${turned(of[name])}`);
    for (const kind of ["rim", "core"]) {
      parts.push(draw("path", { class: kind, d: `M60 60L${x} ${y}M${x - 9 * right - 6 * up} ${y + 9 * up - 6 * right}L${x} ${y}L${x - 9 * right + 6 * up} ${y + 9 * up + 6 * right}` }));
    }
    parts.push(draw("text", { x: 60 + 52 * right, y: 65 - 52 * up, "text-anchor": "middle" }, name));
  }
  const out = of.Z[2] > 0;
  words.push(out ? "Z out of the surface" : "Z into the surface");
  parts.push(draw("circle", { class: "ring", cx: 60, cy: 60, r: 8 }));
  parts.push(out ? draw("circle", { class: "tip", cx: 60, cy: 60, r: 3 }) : draw("path", { class: "core thin", d: "M55 55l10 10M65 55l-10 10" }));
  const right = of.X[0] + of.Y[0], up = of.X[1] + of.Y[1];
  parts.push(draw("text", { x: 60 - 19 * right, y: 65 + 19 * up, "text-anchor": "middle" }, "Z"));
  const drawing = draw("svg", { viewBox: "0 0 120 120", role: "img", "aria-label": `Frame of the angles: ${words.join(", ")}` });
  drawing.append(...parts);
  find("map-axes").replaceChildren(drawing);
}
