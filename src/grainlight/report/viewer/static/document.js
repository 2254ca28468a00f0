// The viewer in a document of its own, a report or the cell of a notebook: everything it shows is in the document.

import { find, make, show } from "./dom.js";
import { look } from "./look.js";
import { tilesOfPicture } from "./tiles.js";

const MISSING = 65535;

/** Bytes that were deflated, as text of the document. */
async function inflated(text) {
  const packed = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  return new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"))).arrayBuffer();
}

/** Whole numbers of so many bytes each: they were told as differences, all lowest bytes first. */
async function numbers(text, wide) {
  const planes = new Uint8Array(await inflated(text)), count = planes.length / wide;
  const out = new ({ 1: Uint8Array, 2: Uint16Array, 4: Int32Array })[wide](count);
  let sum = 0;
  for (let k = 0; k < count; k += 1) {
    let step = 0;
    for (let plane = wide - 1; plane >= 0; plane -= 1) step = (step << 8) | planes[plane * count + k];
    sum = (sum + step) | 0;
    out[k] = sum;
  }
  return out;
}

/** Inclination and azimuth in degrees of the c-axis of Euler angles (Bunge) in a frame whose axes are told. */
function axisOf([phi1, Phi], axes) {
  const [a, b] = [phi1, Phi].map((angle) => angle * Math.PI / 180);
  const along = [Math.sin(a) * Math.sin(b), -Math.cos(a) * Math.sin(b), Math.cos(b)];
  let seen = [0, 1, 2].map((k) => along[0] * axes.X[k] + along[1] * axes.Y[k] + along[2] * axes.Z[k]);
  if (seen[2] < 0) seen = seen.map((value) => -value);
  const degrees = (angle) => angle * 180 / Math.PI;
  return { inclination: degrees(Math.acos(Math.min(seen[2], 1))), azimuth: (degrees(Math.atan2(seen[1], seen[0])) + 360) % 360 };
}

function sourceOf(card) {
  const { arrays, units, every } = card.values, got = new Map();
  const array = (name) => {
    if (!got.has(name)) got.set(name, numbers(arrays[name], 2));
    return got.get(name);
  };
  return {
    ahead: false,
    most: 64,
    image: (file) => tilesOfPicture(find(`img-${file}`), card.rows, card.columns),
    key: () => inflated(card.key),
    grains: async () => JSON.parse(new TextDecoder().decode(await inflated(card.grains))),
    labels: () => numbers(card.labels, 4),
    async pixel(row, column) {
      const [r, c] = [Math.floor(row / every), Math.floor(column / every)];
      const at = r * Math.ceil(card.columns / every) + c, value = {};
      for (const name of Object.keys(arrays)) {
        const found = (await array(name))[at];
        value[name] = found === MISSING ? null : found * units[name];
      }
      const euler = [value.euler0, value.euler1, value.euler2], thin = card.every * every;
      return {
        row: r * thin, column: c * thin, x: card.origin[0] + c * thin * card.step[0] / card.every, y: card.origin[1] + r * thin * card.step[1] / card.every,
        phase: card.phases[value.phase] ?? "not indexed", euler, frames: card.frames, ...axisOf(euler, card.axes), step: units.bound,
        bound: value.bound, other_grain: value.other_grain ?? null, boundary: value.boundary, source: card.sources[value.source],
        correction: value.correction, residual: value.residual ?? null,
        flags: card.flags.filter(([bits]) => (value.flags ?? 0) & bits).map(([, name]) => name),
      };
    },
  };
}

async function begin() {
  const card = JSON.parse(find("look-data").textContent);
  document.documentElement.classList.add("live");
  show(find("look"), true);
  show(find("grains-part"), true);
  look.start();
  await look.open(card, sourceOf(card));
  for (const figure of document.querySelectorAll("figure[data-layer]")) {
    const title = figure.querySelector("h3");
    title.after(make("button", { type: "button", className: "closer", "aria-label": `look closer: ${title.textContent}`, onclick: async () => {
      await look.layer(figure.dataset.layer);
      find("look").scrollIntoView({ block: "start" });
      find("layer").focus();
    } }, "look closer"));
  }
  document.documentElement.dataset.viewer = "ready";
}

// a browser that cannot inflate shows the pictures as they stand
if (typeof DecompressionStream !== "undefined") begin();
