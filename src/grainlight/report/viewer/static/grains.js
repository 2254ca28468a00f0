// Grains of the result: a table that sorts and selects, the grain that is highlighted, its boundaries.

import { find, make, show } from "./dom.js";
import { line } from "./viewer.js";

const PAGE = 20;
let table = null, labels = null, size = [0, 0], order = [], sorted = { column: 0, down: false }, page = 0, chosen = 0, outline = [], viewer = null;

const plain = (title) => title.replace(/_(um2|um|deg)$/, (_, unit) => ` (${{ um: "µm", um2: "µm²", deg: "°" }[unit]})`).replaceAll("_", " ");
const cell = (text) => (text !== "" && Number.isFinite(Number(text)) ? String(Number(Number(text).toPrecision(4))) : text || "–");

function columns() {
  const wanted = ["id", "phase", "pixels", "x_um", "y_um", "area_um2", "diameter_um", "aspect", "gos_deg", "kam_deg", "neighbours", "phi1_deg", "Phi_deg", "phi2_deg", "agreement"];
  return wanted.map((name) => table.titles.indexOf(name)).filter((k) => k >= 0);
}

function sort() {
  const { column, down } = sorted;
  const value = (k) => { const text = table.rows[k][column]; return text === "" ? -Infinity : Number.isFinite(Number(text)) ? Number(text) : text; };
  order.sort((a, b) => { const x = value(a), y = value(b); return (x < y ? -1 : x > y ? 1 : a - b) * (down ? -1 : 1); });
}

function draw() {
  const shown = columns();
  const head = make("tr", {}, shown.map((k) => {
    const mine = sorted.column === k;
    return make("th", { "aria-sort": mine ? (sorted.down ? "descending" : "ascending") : "none" },
      make("button", { type: "button", onclick: () => {
        sorted = { column: k, down: mine ? !sorted.down : table.titles[k] !== "id" };
        page = 0;
        sort();
        draw();
        find("grains-table").tHead.rows[0].cells[shown.indexOf(k)].firstChild.focus();
      } }, plain(table.titles[k]), make("span", { "aria-hidden": "true" }, mine ? (sorted.down ? " ▾" : " ▴") : "")));
  }));
  find("grains-table").tHead.replaceChildren(head);
  const rows = order.slice(page * PAGE, (page + 1) * PAGE).map((k) => {
    const id = Number(table.rows[k][0]);
    return make("tr", { className: id === chosen ? "chosen" : "", onclick: () => grains.choose(id, true) }, shown.map((column, n) => (n === 0
      ? make("th", {}, make("button", { type: "button", "aria-pressed": String(id === chosen), "aria-label": `grain ${id}${id === chosen ? ", chosen" : ""}`, onclick: (event) => { event.stopPropagation(); grains.choose(id, true); } }, `${id === chosen ? "▸ " : ""}${id}`))
      : make("td", {}, cell(table.rows[k][column])))));
  });
  find("grains-table").tBodies[0].replaceChildren(...rows);
  const last = Math.max(0, Math.ceil(order.length / PAGE) - 1);
  find("grains-pages").replaceChildren(...(last ? [
    make("button", { type: "button", className: "quiet", disabled: page === 0, onclick: () => { page -= 1; draw(); } }, "◂ before"),
    make("span", {}, `${page * PAGE + 1} to ${Math.min((page + 1) * PAGE, order.length)} of ${order.length}${table.all > order.length ? `, the largest of ${table.all}` : ""}`),
    make("button", { type: "button", className: "quiet", disabled: page === last, onclick: () => { page += 1; draw(); } }, "next ▸")] : []));
}

/** Sides of pixels between a grain and what is not it, as lines in pixels of the image. */
function outlineOf(id) {
  const [rows, wide] = size, found = [];
  const at = (row, column) => (row < 0 || column < 0 || row >= rows || column >= wide ? 0 : labels[row * wide + column]);
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < wide; column += 1) {
      if (labels[row * wide + column] !== id) continue;
      if (at(row - 1, column) !== id) found.push([column - 0.5, row - 0.5, column + 0.5, row - 0.5]);
      if (at(row + 1, column) !== id) found.push([column - 0.5, row + 0.5, column + 0.5, row + 0.5]);
      if (at(row, column - 1) !== id) found.push([column - 0.5, row - 0.5, column - 0.5, row + 0.5]);
      if (at(row, column + 1) !== id) found.push([column + 0.5, row - 0.5, column + 0.5, row + 0.5]);
    }
  }
  return found;
}

export const grains = {
  /** Take the grains of a result: ``source`` has their table and their labels. */
  async open(card, source, view) {
    viewer = view;
    size = [card.rows, card.columns];
    [table, labels] = await Promise.all([source.grains(), source.labels()]);
    order = table.rows.map((_, k) => k);
    page = chosen = 0;
    outline = [];
    sorted = { column: table.titles.indexOf("area_um2"), down: true };
    sort();
    draw();
    show(find("grain"), false);
    show(find("grain-none"), true);
    viewer.overlays.set("grain", (context, seen) => line(context, outline.map(([x0, y0, x1, y1]) => [...seen.at(x0, y0), ...seen.at(x1, y1)]), 2.5 * (window.devicePixelRatio || 1), "#fff", "#000"));
  },

  /** The grain of a pixel, 0 where there is none. */
  at(row, column) {
    return labels ? labels[row * size[1] + column] : 0;
  },

  /** Highlight a grain and show its row and its boundaries; bring it into sight if it was chosen in the table. */
  choose(id, move = false) {
    chosen = id;
    outline = id ? outlineOf(id) : [];
    show(find("grain"), id > 0);
    show(find("grain-none"), !id);
    if (id) {
      const k = table.rows.findIndex((row) => Number(row[0]) === id), row = table.rows[k];
      // a report tells of its largest grains only
      find("grain-facts").replaceChildren(...(row ? columns().flatMap((column) => [make("dt", {}, plain(table.titles[column])), make("dd", {}, cell(row[column]))])
        : [make("dt", {}, "id"), make("dd", {}, `${id}, which is not among the ${table.rows.length} largest that are told of here`)]));
      const around = table.neighbours[id] ?? [];
      find("grain-neighbours").tBodies[0].replaceChildren(...around.slice(0, 40).map(([other, angle, edges, special]) => make("tr", {},
        make("th", {}, make("button", { type: "button", "aria-label": `grain ${other}`, onclick: () => grains.choose(other, true) }, String(other))),
        make("td", {}, `${angle.toFixed(1)}°`), make("td", {}, String(edges)), make("td", {}, special || "–"))));
      if (row) page = Math.floor(order.indexOf(k) / PAGE);
      if (move && outline.length) {
        const [sx, sy] = outline.reduce(([a, b], one) => [a + one[0], b + one[1]], [0, 0]);
        viewer.centre(sx / outline.length, sy / outline.length);
      }
    }
    draw();
    viewer.draw();
  },
};
