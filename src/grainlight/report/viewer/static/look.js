// A result: its layers, single pixels and grains.

import { find, make, number, percent, show } from "./dom.js";
import { grains } from "./grains.js";
import { axesOf, barOf, keyOf, named } from "./legend.js";
import { Viewer, line } from "./viewer.js";

// Where layers, values and grains come from is the business of `source`, which has
//   image(file, layer)   its tiles            key()             bytes of the colour key of orientations
//   pixel(row, column)   what is known of it  grains(), labels()  their table, and the grain of each pixel
const SAMPLE = { X: [1, 0, 0], Y: [0, 1, 0], Z: [0, 0, 1] }; // right, up, out of the surface
let card = null, source = null, viewer = null, kept = new Map(), picked = null, shownLayer = null;

/** The tiles of a layer; the last few stay, so that going back to one is a matter of drawing it. */
async function tiles(file, layer) {
  if (!kept.has(file)) {
    kept.set(file, source.image(file, layer));
    while (kept.size > source.most) kept.delete(kept.keys().next().value);
  }
  return kept.get(file);
}

async function showLayer() {
  const layer = card.layers.find((one) => one.name === find("layer").value) ?? card.layers[0];
  shownLayer = layer;
  const [image, left] = await Promise.all([tiles(layer.file, layer), layer.left ? tiles(layer.left, layer) : null]);
  if (shownLayer !== layer) return;
  viewer.show(image, left, { step: card.step[0], aspect: card.step[1] / card.step[0], titles: layer.titles });
  show(find("cut-row"), Boolean(left));
  if (left) {
    find("cut-words").textContent = `${layer.titles[0]} | ${layer.titles[1]}`;
    tellCut();
  }
  find("layer-words").textContent = layer.words;
  const legend = find("layer-legend");
  if (layer.triangle) {
    keyOf(legend, await source.key(), layer.triangle, layer.keys);
    legend.firstChild.after(make("div", { className: "axes still-axes" }, axesOf(SAMPLE, layer.triangle)));
  }
  else legend.replaceChildren(...(layer.bar ? [barOf(layer.bar)] : []), ...(layer.keys?.length ? [named(layer.keys)] : []));
  find("layer-words").dataset.layer = layer.name;
}

function tellCut() {
  const left = find("cut-words").textContent.split(" | ")[0];
  find("cut").setAttribute("aria-valuetext", `${find("cut").value} % ${left}`);
  viewer.cut = Number(find("cut").value) / 100;
  viewer.draw();
}

/** Fetch the other layers while nobody waits, so that a change of layer is a matter of drawing. */
async function ahead() {
  const mine = card;
  for (const layer of mine.layers) {
    for (const file of [layer.file, layer.left]) {
      if (card !== mine) return;
      if (file) await tiles(file, layer);
      await new Promise((done) => { setTimeout(done, 30); });
    }
  }
}

/** Show what is known of a pixel, and its grain. */
async function pick(column, row) {
  const at = { column: Math.round(column), row: Math.round(row) };
  picked = at;
  viewer.draw();
  let known;
  find("pixel-none").textContent = "Reading …";
  show(find("pixel-none"), true);
  try {
    known = await source.pixel(at.row, at.column);
  } catch (error) {
    if (!error.problem) throw error;
    find("pixel-none").textContent = `Nothing is known of this pixel: ${error.problem}.`;
    return;
  }
  if (picked !== at) return;
  const finest = known.step >= 1 ? 0 : known.step >= 0.1 ? 1 : 2;
  const degrees = (value) => (value === null ? "–" : `${value.toFixed(finest)}°`);
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

export const look = {
  start() {
    find("layer").addEventListener("change", showLayer);
    find("cut").addEventListener("input", tellCut);
  },

  /** Show a layer by its name. */
  async layer(name) {
    find("layer").value = name;
    await showLayer();
  },

  /** Show a result: ``card`` says what its layers are, ``from`` has their bytes. */
  async open(now, from) {
    card = now;
    source = from;
    kept = new Map();
    picked = null;
    for (const id of ["pixel", "grain-facts"]) find(id).replaceChildren();
    find("pixel-none").textContent = "Click a pixel, or press Enter over it.";
    show(find("pixel-none"), true);
    const before = find("layer").value;
    find("layer").replaceChildren(...card.layers.map((layer) => make("option", { value: layer.name }, layer.title)));
    find("layer").value = card.layers.some((layer) => layer.name === before) && before ? before : "ipf-Z";
    if (!viewer) {
      viewer = new Viewer(find("result-view"), "the restored map", pick);
      viewer.oncut = (cut) => { find("cut").value = String(Math.round(100 * cut)); tellCut(); };
    }
    viewer.overlays.set("mark", mark);
    await grains.open(card, source, viewer);
    await showLayer();
    if (source.ahead) ahead().catch(() => { kept = new Map(); });
  },

  close() { card = null; },
};
