// Legends: the triangle of orientation colours, colour bars with their ticks, and keys with their names.

import { bytes } from "./api.js";
import { make } from "./dom.js";

const over = (text) => make("span", { className: "over" }, text);

/** The colour key of orientations (6/mmm), as the server's canvas bytes, and the keys beside it. */
export async function keyOf(place, at, direction, keys = []) {
  const data = new Uint8ClampedArray(await bytes(at, "key"));
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
