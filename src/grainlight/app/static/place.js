// Step 3: where the light lies on the map; found by the server, judged by eye, or pointed at by hand.

import { bytes, post } from "./api.js";
import { find, make, show, showCommand, tell } from "./dom.js";
import { showJob } from "./job.js";
import { picture } from "./map.js";
import { tilesOf } from "./tiles.js";
import { Viewer, line } from "./viewer.js";

let shown = "", seen = "", viewer = null, panes = null, pairs = [], half = null, light = null, done = null, blinking = 0, turn = 0;

async function attempt(work) {
  tell("place-error", null);
  try {
    await work();
    await done();
  } catch (error) {
    if (!error.problem) throw error;
    tell("place-error", error);
  }
}

/** Draw segments (x0, y0, x1, y1 in pixels of the recorded image) as boundaries. */
function overlay(segments) {
  return (context, view) => {
    const opacity = Number(find("place-opacity").value) / 100;
    if (!opacity || blinking === 2) return;
    const drawn = [], { width, height } = context.canvas, every = light.every;
    for (let k = 0; k < segments.length; k += 4) {
      const [x0, y0] = view.at(segments[k] / every, segments[k + 1] / every);
      const [x1, y1] = view.at(segments[k + 2] / every, segments[k + 3] / every);
      if (Math.max(x0, x1) < 0 || Math.max(y0, y1) < 0 || Math.min(x0, x1) > width || Math.min(y0, y1) > height) continue;
      drawn.push([x0, y0, x1, y1]);
    }
    context.globalAlpha = opacity;
    line(context, drawn, 1.6 * (window.devicePixelRatio || 1), "#ff8c1a", "rgba(0, 0, 0, .8)");
    context.globalAlpha = 1;
  };
}

/** Marks of the pairs, numbered, on one of the panes. */
function marks(which) {
  return (context, view) => {
    const ratio = window.devicePixelRatio || 1;
    const at = pairs.map((pair) => (which === "map" ? onPicture(pair) : [pair[2] / light.every, pair[3] / light.every]));
    if (half && half.which === which) at.push(half.at);
    at.forEach(([column, row], k) => {
      const [x, y] = view.at(column, row);
      line(context, [[x - 8 * ratio, y, x + 8 * ratio, y], [x, y - 8 * ratio, x, y + 8 * ratio]], 2 * ratio);
      context.font = `700 ${14 * ratio}px system-ui, sans-serif`;
      context.lineWidth = 3 * ratio;
      context.strokeStyle = "#000";
      context.strokeText(String(k + 1), x + 6 * ratio, y - 6 * ratio);
      context.fillStyle = "#fff";
      context.fillText(String(k + 1), x + 6 * ratio, y - 6 * ratio);
    });
  };
}

// the picture of a map may have other pixels than the map has points: hexagonal grids, large maps
const ratioOf = () => [picture.card.image.step[0] / picture.card.step[0], picture.card.image.step[1] / picture.card.step[1]];
const onMap = ([column, row]) => { const [a, b] = ratioOf(); return [column * a, row * b]; };
const onPicture = ([column, row]) => { const [a, b] = ratioOf(); return [column / a, row / b]; };

function picked(which, column, row) {
  if (half && half.which !== which) {
    const map = which === "map" ? [column, row] : half.at, image = which === "map" ? half.at : [column, row];
    pairs.push([...onMap(map), image[0] * light.every, image[1] * light.every].map((value) => Math.round(100 * value) / 100));
    half = null;
  } else half = { which, at: [column, row] };
  judge();
}

async function judge() {
  const mine = ++turn;
  const words = half ? (half.which === "map" ? "Now the same place on the light." : "Now the same place on the map.") : "";
  for (const pane of panes) pane.draw();
  let told = { residuals: [], told: "" };
  if (pairs.length) {
    try {
      told = await post("pairs", { pairs });
    } catch (error) {
      if (!error.problem) throw error;
      tell("place-error", error);
    }
  }
  // an answer that comes after that of a later pair says nothing any more
  if (mine !== turn) return;
  find("pairs-told").textContent = [words, told.told].filter(Boolean).join(" ");
  const show2 = (a, b) => `${a.toFixed(1)}, ${b.toFixed(1)}`;
  find("pairs-table").tBodies[0].replaceChildren(...pairs.map((pair, k) => make("tr", {},
    make("th", {}, String(k + 1)), make("td", {}, show2(pair[0], pair[1])), make("td", {}, show2(pair[2], pair[3])),
    make("td", {}, told.residuals[k] === null || told.residuals[k] === undefined ? "–" : `${told.residuals[k].toFixed(2)} px`),
    make("td", {}, make("button", { type: "button", className: "quiet", "aria-label": `remove pair ${k + 1}`, onclick: () => { pairs.splice(k, 1); judge(); } }, "×")))));
  show(find("pairs-table"), pairs.length > 0);
  find("pairs-find").disabled = pairs.length < 3;
  find("pairs-save").disabled = pairs.length < 1;
  find("pairs-save").dataset.csv = told.csv ?? "";
}

function openPanes() {
  if (!light || !picture.tiles) return;
  panes ??= [
    new Viewer(find("pairs-map"), "EBSD map, to pick places on", (column, row) => picked("map", column, row)),
    new Viewer(find("pairs-light"), "light, to pick places on", (column, row) => picked("light", column, row)),
  ];
  const [across, down] = picture.card.image.step;
  panes[0].show(picture.tiles, null, { step: across, aspect: down / across });
  panes[1].show(light.tiles, null, { step: light.step ? light.step * light.every : null });
  panes[0].overlay("marks", marks("map"));
  panes[1].overlay("marks", marks("light"));
  judge();
}

export const place = {
  start(refresh) {
    done = refresh;
    const register = () => find("place-method").value;
    find("place-find").addEventListener("click", () => attempt(() => post("place", { register: register() })));
    find("pairs-find").addEventListener("click", () => attempt(() => post("place", { register: register(), pairs })));
    find("pairs-save").addEventListener("click", () => {
      const address = URL.createObjectURL(new Blob([find("pairs-save").dataset.csv], { type: "text/csv" }));
      make("a", { href: address, download: "points.csv" }).click();
      setTimeout(() => URL.revokeObjectURL(address), 1000);
    });
    find("place-opacity").addEventListener("input", () => viewer?.draw());
    find("place-blink").addEventListener("change", () => {
      clearInterval(place.timer);
      blinking = 0;
      if (find("place-blink").checked) place.timer = setInterval(() => { blinking = blinking === 2 ? 1 : 2; viewer?.draw(); }, 600);
      viewer?.draw();
    });
    find("pairs").addEventListener("toggle", () => { if (find("pairs").open) openPanes(); });
  },

  async show(state) {
    const { ebsd, light: images, place: found } = state.cards;
    const possible = Boolean(ebsd && images && !images.missing);
    show(find("place-card"), possible);
    show(find("place-none"), !possible);
    if (!possible) { shown = seen = ""; return; }
    if (images.at !== seen) {
      seen = images.at;
      const [rows, columns] = images.spread.shape;
      light = { tiles: tilesOf(await bytes(images.at, "spread"), rows, columns, "grey"), every: images.spread.every, step: images.step };
      pairs = [];
      half = null;
      shown = "";
    }
    if (find("pairs").open) openPanes();
    showJob("place-job", state.job, "place", done);
    const working = state.job?.state === "running";
    find("place-find").disabled = working;
    if (state.job?.kind === "place" && state.job.state === "failed") tell("place-error", state.job.error);
    if (!found) show(find("place-found"), false);
    const register = state.commands.register;
    showCommand("place-command", state.job?.kind === "place" ? state.job.command : register);
    if (!found || found.at === shown) return;
    shown = found.at;
    const segments = new Float32Array(await bytes(found.at, "segments"));
    show(find("place-found"), true);
    viewer ??= new Viewer(find("place-view"), "boundaries of the EBSD map on the light");
    viewer.show(light.tiles, null, { step: light.step ? light.step * light.every : null });
    viewer.overlay("segments", overlay(segments));
    const residual = found.residual_px === null ? "" : `, residual ${found.residual_px.toFixed(2)} px or ${Number(found.residual_um.toPrecision(2))} µm (rms, estimated)`;
    const moved = found.moved_px ? `, ${found.moved_px.toFixed(2)} px (rms) from the stated place, turned by ${found.turn.toFixed(2)}°${found.mirrored ? ", mirrored" : ""}` : ", in its stated place";
    find("place-verdict").replaceChildren(
      make("span", { className: `tag ${found.trusted ? "sound" : "caution"}` }, found.trusted ? "✓ place trusted" : "⚠ place NOT TRUSTED"), ` ${found.method}${moved}${residual}`);
    const told = found.trusted ? found.warnings : [...found.warnings, "Point at three pairs of places below, or restore without light."];
    find("place-warnings").replaceChildren(...told.map((text) => make("li", { className: "caution" }, text)));
    if (!found.trusted && !find("pairs").open) find("pairs").open = true;
    find("status").textContent = found.trusted ? "The place of the light was found." : "The place of the light is not trusted.";
  },
};
