// Further scans of the same field, and a calibration of the specimen.

import { post, send } from "./api.js";
import { find, make, number, show, tell } from "./dom.js";
import { takeFiles } from "./map.js";

let files = [], shown = "", done = null;

async function attempt(error, work) {
  tell(error, null);
  try {
    await work();
    await done();
  } catch (problem) {
    if (!problem.problem) throw problem;
    tell(error, problem);
  } finally {
    find("further-busy").textContent = "";
  }
}

const read = (ids) => attempt("further-error", async () => {
  find("further-busy").textContent = "reading …";
  await post("further", { files: ids });
});

export const further = {
  start(refresh) {
    done = refresh;
    takeFiles("ebsd", find("further-file"), (chosen) => attempt("further-error", async () => {
      const sent = await send("ebsd", chosen, (words) => { find("further-busy").textContent = words; });
      find("further-busy").textContent = "reading …";
      await post("further", { files: [...files, ...sent.map((one) => one.id)] });
    }));
    const field = find("calibration-file");
    field.addEventListener("change", () => {
      const chosen = [...field.files];
      field.value = "";
      if (chosen.length) attempt("calibration-error", async () => {
        const [sent] = await send("calibration", chosen.slice(0, 1), () => {});
        await post("calibration", { files: [sent.id] });
      });
    });
    find("calibration-clear").addEventListener("click", () => attempt("calibration-error", () => post("calibration", { files: [] })));
  },

  show(state) {
    const { further: card, calibration } = state.cards;
    if (state.errors.further) tell("further-error", state.errors.further);
    const now = JSON.stringify([card ?? null, calibration ?? null]);
    if (now === shown) return;
    shown = now;
    files = card?.ids ?? [];
    show(find("further-card"), Boolean(card));
    if (card) find("further").open = true;
    // a .cpr and its .crc are one map and two files
    const single = card && card.maps.length === files.length;
    find("further-table").tBodies[0].replaceChildren(...(card?.maps ?? []).map((map, k) => make("tr", {},
      make("th", { scope: "row" }, map.name.split(/[/\\]/).pop()), make("td", {}, `${map.grid}, ${map.rows} × ${map.columns}`), make("td", {}, map.points.toLocaleString("en")),
      make("td", {}, map.inside.toLocaleString("en")), make("td", {}, `${number(map.step[0], 4)} µm`),
      make("td", {}, make("button", { type: "button", className: "quiet", "aria-label": `leave out ${map.name}`,
        onclick: () => read(single ? files.filter((_, at) => at !== k) : []) }, single ? "×" : "leave all out")))));
    find("further-problems").replaceChildren(...(card?.maps ?? []).flatMap((map) =>
      map.problems.map((text) => make("li", { className: "caution" }, `${map.name.split(/[/\\]/).pop()}: ${text}`))));
    show(find("calibration-clear"), Boolean(calibration));
    find("calibration-told").replaceChildren(...(calibration ? [`${calibration.name}: bounds are multiplied by ${number(calibration.factor, 4)}`]
      : ["What ", make("code", {}, "grainlight validate --json"), " found on this specimen widens the stated bounds"]));
  },
};
