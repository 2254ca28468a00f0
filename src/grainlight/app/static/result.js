// Step 5: the result under the viewer, what to trust, and the files.

import { bytes, get } from "./api.js";
import { find, make, number, percent, show, showCommand } from "./dom.js";
import { look } from "./look.js";
import { tilesOf } from "./tiles.js";

const AHEAD = 5e6; // pixels up to which all layers are fetched ahead; four bytes each

let card = null;

/** Layers, values and grains of a result, as the server has them. */
function sourceOf({ at, rows, columns }) {
  const small = rows * columns <= AHEAD;
  return {
    ahead: small,
    most: small ? 32 : 4,
    image: async (file, layer) => tilesOf(await bytes(at, file), rows, columns, layer.kind, layer.palette),
    key: () => bytes(at, "key"),
    pixel: (row, column) => get(`/api/pixel?row=${row}&column=${column}`),
    grains: async () => JSON.parse(new TextDecoder().decode(await bytes(at, "grains"))),
    labels: async () => new Int32Array(await bytes(at, "labels")),
  };
}

export const result = {
  start() { look.start(); },

  async show(state) {
    const now = state.cards.result;
    show(find("result-card"), Boolean(now));
    show(find("result-none"), !now);
    if (!now) { card = null; look.close(); return; }
    find("downloads").replaceChildren(...state.downloads.map(([name, what]) =>
      make("li", {}, make("a", { href: `/download/${name}`, download: name }, name), ` ${what}`)));
    if (card && card.at === now.at) return;
    card = now;
    const source = ["not restored", "measured", "corrected", "inferred"];
    const shares = card.shares.map((share, k) => [share, source[k]]).filter(([share]) => share > 0).map(([share, name]) => `${percent(share)} ${name}`);
    const bound = card.median_bound === null ? "no bound is given" : `median bound ${card.median_bound.toFixed(2)}° (90 %)`;
    find("result-facts").textContent = `${card.name}: ${card.rows} × ${card.columns} pixels of ${number(card.step[0])} µm: ${shares.join(", ")}; ${bound}; ${card.grains} grains`
      + (card.light_refused ? ". No light was used: " + card.light_refused + "." : ".");
    find("findings").replaceChildren(...card.findings.map(({ kind, text }) => make("li", {},
      make("span", { className: `tag ${kind}` }, { sound: "✓ sound", caution: "⚠ caution", note: "note" }[kind]), ` ${text}`)));
    await look.open(card, sourceOf(card));
    showCommand("result-command", card.command);
    find("status").textContent = "The result is there.";
  },
};
