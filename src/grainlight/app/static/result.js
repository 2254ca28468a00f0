// Step 5: the layers of the result, single pixels and grains, and the files.

import { bytes, get } from "./api.js";
import { find, make, number, percent, show, showCommand } from "./dom.js";
import { grains } from "./grains.js";
import { barOf, keyOf, named } from "./legend.js";
import { tilesOf } from "./tiles.js";
import { Viewer, line } from "./viewer.js";

const AHEAD = 5e6; // pixels up to which all layers are fetched ahead; four bytes each

let card = null, viewer = null, kept = new Map(), picked = null, shownLayer = null;

/** The tiles of a layer; the last few stay, so that going back to one is a matter of drawing it. */
async function tiles(file, layer) {
  if (!kept.has(file)) {
    kept.set(file, bytes(card.at, file).then((data) => tilesOf(data, card.rows, card.columns, layer.kind, layer.palette)));
    while (kept.size > (card.rows * card.columns > AHEAD ? 4 : 24)) kept.delete(kept.keys().next().value);
  }
  return kept.get(file);
}

async function showLayer() {
  const layer = card.layers.find((one) => one.name === find("layer").value) ?? card.layers[0];
  shownLayer = layer;
  const [image, left] = await Promise.all([tiles(layer.file, layer), layer.left ? tiles(layer.left, layer) : null]);
  if (shownLayer !== layer) return;
  viewer.show(image, left, { step: card.step[0], aspect: card.step[1] / card.step[0] });
  show(find("cut-row"), Boolean(left));
  if (left) find("cut-words").textContent = `${layer.titles[0]} | ${layer.titles[1]}`;
  find("layer-words").textContent = layer.words;
  const legend = find("layer-legend");
  if (layer.triangle) await keyOf(legend, card.at, layer.triangle, layer.keys);
  else legend.replaceChildren(...(layer.bar ? [barOf(layer.bar)] : []), ...(layer.keys?.length ? [named(layer.keys)] : []));
  find("layer-words").dataset.layer = layer.name;
}

/** Fetch the other layers while nobody waits, so that a change of layer is a matter of drawing. */
async function ahead() {
  const mine = card;
  if (card.rows * card.columns > AHEAD) return;
  for (const layer of mine.layers) {
    for (const file of [layer.file, layer.left]) {
      if (card !== mine) return;
      if (file) await tiles(file, layer);
      await new Promise((done) => { setTimeout(done, 30); });
    }
  }
}

async function pick(column, row) {
  const at = { column: Math.round(column), row: Math.round(row) };
  picked = at;
  viewer.draw();
  let known;
  try {
    known = await get(`/api/pixel?row=${at.row}&column=${at.column}`);
  } catch (error) {
    if (!error.problem) throw error;
    show(find("pixel-none"), true);
    find("pixel-none").textContent = `Nothing is known of this pixel: ${error.problem}.`;
    return;
  }
  if (picked !== at) return;
  const degrees = (value, digits = 2) => (value === null ? "–" : `${value.toFixed(digits)}°`);
  const rows = [
    ["Place", `column ${known.column}, row ${known.row}; x ${number(known.x, 5)}, y ${number(known.y, 5)} µm`],
    ["Phase", known.phase],
    ["Orientation", `φ1 ${degrees(known.euler[0])}, Φ ${degrees(known.euler[1])}, φ2 ${degrees(known.euler[2])} (${known.frames})`],
    ["c-axis", `${degrees(known.inclination)} from the surface normal, azimuth ${degrees(known.azimuth)} counter-clockwise from right`],
    ["Bound (90 %)", degrees(known.bound)],
    ["Another grain?", known.other_grain === null ? "–" : percent(known.other_grain)],
    ["Boundary here", known.boundary === null ? "–" : percent(known.boundary)],
    ["Source", known.source],
    ["Correction", degrees(known.correction)],
    ["Light", known.residual === null ? "–" : `misses the map by ${known.residual.toFixed(1)} standard deviations`],
    ...(known.flags.length ? [["Flags", known.flags.join("; ")]] : []),
  ];
  show(find("pixel-none"), false);
  find("pixel").replaceChildren(...rows.flatMap(([name, text]) => [make("dt", {}, name), make("dd", {}, text)]));
  find("status").textContent = `Pixel ${known.column}, ${known.row}: ${known.source}, bound ${degrees(known.bound)}, c-axis ${degrees(known.inclination)} from the normal.`;
  grains.choose(grains.at(at.row, at.column));
}

function mark(context, view) {
  if (!picked) return;
  const [x, y] = view.at(picked.column, picked.row), half = Math.max(view.view.scale / 2, 5), more = half + 7;
  line(context, [[x - more, y, x - half, y], [x + half, y, x + more, y], [x, y - more, x, y - half], [x, y + half, x, y + more]], 2);
}

export const result = {
  start() {
    find("layer").addEventListener("change", showLayer);
    find("cut").addEventListener("input", () => {
      viewer.cut = Number(find("cut").value) / 100;
      find("cut").setAttribute("aria-valuetext", `${find("cut").value} % ${find("cut-words").textContent.split(" | ")[0]}`);
      viewer.draw();
    });
    grains.start();
  },

  async show(state) {
    const now = state.cards.result;
    show(find("result-card"), Boolean(now));
    show(find("result-none"), !now);
    if (!now) { card = null; return; }
    find("downloads").replaceChildren(...state.downloads.map(([name, what]) =>
      make("li", {}, make("a", { href: `/download/${name}`, download: name }, name), ` ${what}`)));
    if (card && card.at === now.at) return;
    card = now;
    kept = new Map();
    picked = null;
    for (const id of ["pixel", "grain-facts"]) find(id).replaceChildren();
    show(find("pixel-none"), true);
    const source = ["not restored", "measured", "corrected", "inferred"];
    const shares = card.shares.map((share, k) => [share, source[k]]).filter(([share]) => share > 0).map(([share, name]) => `${percent(share)} ${name}`);
    const bound = card.median_bound === null ? "no bound is given" : `median bound ${card.median_bound.toFixed(2)}° (90 %)`;
    find("result-facts").textContent = `${card.rows} × ${card.columns} pixels of ${number(card.step[0])} µm: ${shares.join(", ")}; ${bound}; ${card.grains} grains`
      + (card.light_refused ? ". No light was used: " + card.light_refused + "." : ".");
    find("findings").replaceChildren(...card.findings.map(({ kind, text }) => make("li", {},
      make("span", { className: `tag ${kind}` }, { sound: "✓ sound", caution: "⚠ caution", note: "note" }[kind]), ` ${text}`)));
    const before = find("layer").value;
    find("layer").replaceChildren(...card.layers.map((layer) => make("option", { value: layer.name }, layer.title)));
    find("layer").value = card.layers.some((layer) => layer.name === before) && before ? before : "ipf-Z";
    viewer ??= new Viewer(find("result-view"), "the restored map", pick);
    viewer.overlays.set("mark", mark);
    await grains.open(card, viewer);
    await showLayer();
    showCommand("result-command", card.command);
    find("status").textContent = "The result is there.";
    ahead().catch(() => { kept = new Map(); });
  },
};
