// Legends: the triangle of orientation colours, colour bars with their ticks, and keys with their names.

import { make } from "./dom.js";

const over = (text) => make("span", { className: "over" }, text);

/** The colour key of orientations (6/mmm), of the bytes of its canvas, and the keys beside it. */
export function keyOf(place, buffer, direction, keys = []) {
  const data = new Uint8ClampedArray(buffer);
  const high = Math.round(Math.sqrt(data.length / 8));
  const canvas = make("canvas", { width: 2 * high, height: high, role: "img",
    "aria-label": `Colour key of IPF-${direction}: red where c, 0001, lies along ${direction}; green and blue where 2-1-10 and 10-10 do` });
  canvas.getContext("2d").putImageData(new ImageData(data, 2 * high, high), 0, 0);
  const figure = make("div", { className: "triangle" }, canvas, make("span", { className: "c" }, "0001"),
    make("span", { className: "a" }, "2", over("1"), over("1"), "0"), make("span", { className: "b" }, "10", over("1"), "0"));
  place.replaceChildren(figure, named(keys));
}

/** Keys: a colour and its name each. */
export function named(keys) {
  return make("ul", { className: "keys" }, keys.map(([colour, name]) => {
    const swatch = make("i", { "aria-hidden": "true" });
    swatch.style.background = colour;
    return make("li", {}, swatch, name);
  }));
}

/** A colour bar: colours from low to high, ticks as [place in per cent, text], and the unit. */
export function barOf({ colours, ticks, unit }) {
  const canvas = make("canvas", { width: colours.length, height: 1, role: "img", "aria-label": `Colour scale in ${unit}: ${ticks.map(([, text]) => text).join(", ")}` });
  const context = canvas.getContext("2d");
  colours.forEach(([r, g, b], k) => {
    context.fillStyle = `rgb(${r}, ${g}, ${b})`;
    context.fillRect(k, 0, 1, 1);
  });
  const marks = ticks.map(([at, text]) => {
    const mark = make("span", {}, text);
    mark.style.left = `${at}%`;
    return mark;
  });
  return make("div", { className: "bar" }, canvas, make("em", {}, unit), make("u", { "aria-hidden": "true" }, marks));
}

/** Arrows of X and Y, and Z as a dot (towards the reader) or a cross (away), as a drawing; one of them may be marked. */
export function axesOf(of, marked = null) {
  const words = [], parser = document.createElement("template");
  const draw = (name, attributes, text = "") => {
    // the parser knows by itself that these are drawings
    parser.innerHTML = name === "svg" ? "<svg></svg>" : `<svg><${name}></${name}></svg>`;
    const svg = parser.content.firstChild, node = name === "svg" ? svg : svg.firstChild;
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
      parts.push(draw("path", { class: `${kind}${name === marked ? " marked" : ""}`, d: `M60 60L${x} ${y}M${x - 9 * right - 6 * up} ${y + 9 * up - 6 * right}L${x} ${y}L${x - 9 * right + 6 * up} ${y + 9 * up + 6 * right}` }));
    }
    parts.push(draw("text", { x: 60 + 52 * right, y: 65 - 52 * up, "text-anchor": "middle", class: name === marked ? "marked" : "" }, name));
  }
  const out = of.Z[2] > 0;
  words.push(out ? "Z out of the surface" : "Z into the surface");
  parts.push(draw("circle", { class: marked === "Z" ? "ring marked" : "ring", cx: 60, cy: 60, r: 8 }));
  parts.push(out ? draw("circle", { class: marked === "Z" ? "tip marked" : "tip", cx: 60, cy: 60, r: 3 }) : draw("path", { class: "core thin", d: "M55 55l10 10M65 55l-10 10" }));
  const right = of.X[0] + of.Y[0], up = of.X[1] + of.Y[1];
  parts.push(draw("text", { x: 60 - 19 * right, y: 65 + 19 * up, "text-anchor": "middle", class: marked === "Z" ? "marked" : "" }, "Z"));
  const drawing = draw("svg", { viewBox: "0 0 120 120", role: "img", "aria-label": marked ? `Colours along ${marked}; axes of the sample: ${words.join(", ")}` : `Frame of the angles: ${words.join(", ")}` });
  drawing.append(...parts);
  return drawing;
}
