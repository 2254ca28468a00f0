// Step 2: light images, in their order and with their angles.

import { bytes, post, send } from "./api.js";
import { find, make, show, tell } from "./dom.js";
import { takeFiles } from "./map.js";

let files = [], shown = "", done = null, card = null;

async function attempt(work, words) {
  find("light-busy").textContent = words;
  tell("light-error", null);
  try {
    await work();
    await done();
  } catch (error) {
    if (!error.problem) throw error;
    tell("light-error", error);
  } finally {
    find("light-busy").textContent = "";
  }
}

const asked = () => ({
  files, angles: find("light-angles").value, step: find("light-step").value,
  origin: [find("light-x").value || 0, find("light-y").value || 0],
  rotates: find("light-rotates").value, mirror: find("light-mirror").checked,
});
const read = () => attempt(() => post("light", asked()), "reading the images …");

/** Take the angles from the fields under the thumbnails. */
function angles() {
  const values = [...find("thumbs").querySelectorAll("input")].map((input) => input.value.trim());
  if (values.every((value) => value === "")) return;
  find("light-angles").value = values.map((value) => value.replace(",", ".")).join(",");
  read();
}

/** Put a file at another place, or away (to -1), with its angle. */
function move(from, to) {
  const order = files.map((id, k) => ({ id, angle: card.angles[k] }));
  const [one] = order.splice(from, 1);
  if (to >= 0) order.splice(to, 0, one);
  files = order.map((entry) => entry.id);
  if (order.every((entry) => entry.angle !== null && entry.angle !== undefined) && find("light-angles").value) {
    find("light-angles").value = order.map((entry) => entry.angle).join(",");
  }
  attempt(() => (files.length ? post("light", asked()) : post("light", { files: [] })), "reading the images …");
}

export const light = {
  start(refresh) {
    done = refresh;
    takeFiles("light", find("light-file"), (chosen) => attempt(async () => {
      chosen.sort((a, b) => a.name.localeCompare(b.name, "en", { numeric: true }));
      files = (await send("light", chosen, (words) => { find("light-busy").textContent = words; })).map((one) => one.id);
      // other images, other steps: what was typed for those before would be taken for them in silence
      for (const id of ["light-angles", "light-step", "light-x", "light-y"]) find(id).value = "";
      find("light-busy").textContent = "reading the images …";
      await post("light", asked());
    }, "sending …"));
    find("light-form").addEventListener("submit", (event) => { event.preventDefault(); read(); });
    find("light-clear").addEventListener("click", () => attempt(() => post("light", { files: [] }), ""));
  },

  async show(state) {
    card = state.cards.light ?? null;
    if (state.errors.light) tell("light-error", state.errors.light);
    show(find("light-card"), Boolean(card));
    show(find("light-clear"), Boolean(card));
    if (!card) { shown = ""; return; }
    if (card.at === shown) return;
    shown = card.at;
    files = card.ids;
    const chosen = state.choices.light;
    for (const [id, value] of [["light-angles", chosen.angles], ["light-step", chosen.step], ["light-x", chosen.origin[0] || ""],
      ["light-y", chosen.origin[1] || ""], ["light-rotates", chosen.rotates]]) find(id).value = value ?? "";
    find("light-mirror").checked = chosen.mirror;
    if (card.missing) tell("light-error", card.missing);
    const what = card.missing ? `${card.count} images` : card.determined ? `${card.count} angles` : `${card.count} images, no full set of angles`;
    find("light-facts").textContent = `${what}, ${card.rows} × ${card.columns} pixels${card.step ? `, ${Number(card.step.toPrecision(4))} µm per pixel` : ""}`;
    find("light-notes").replaceChildren(...card.notes.map((text) => make("li", { className: "caution" }, text)));
    await thumbs();
  },
};

async function thumbs() {
  const [count, high, wide] = card.thumbs.shape, data = new Uint8Array(await bytes(card.at, "thumbs"));
  const several = files.length === count;
  const figures = [];
  for (let k = 0; k < count; k += 1) {
    const canvas = make("canvas", { width: wide, height: high, role: "img", "aria-label": `image ${k + 1}` });
    const context = canvas.getContext("2d"), image = context.createImageData(wide, high), out = new Uint32Array(image.data.buffer);
    for (let p = 0; p < high * wide; p += 1) out[p] = 0xff000000 | (data[k * high * wide + p] * 0x010101);
    context.putImageData(image, 0, 0);
    const name = several ? card.files[k].split(/[/\\]/).pop() : `image ${k + 1}`;
    const { flags, mean } = card.images[k];
    const angle = make("input", { value: card.angles[k] === null ? "" : String(card.angles[k]), inputMode: "decimal", size: 5, "aria-label": `angle of ${name} in degrees`, onchange: angles });
    const tools = several && count > 1 ? make("span", { className: "tools" },
      make("button", { type: "button", className: "quiet", disabled: k === 0, "aria-label": `${name} earlier`, onclick: () => move(k, k - 1) }, "◂"),
      make("button", { type: "button", className: "quiet", disabled: k === count - 1, "aria-label": `${name} later`, onclick: () => move(k, k + 1) }, "▸"),
      make("button", { type: "button", className: "quiet", "aria-label": `leave out ${name}`, onclick: () => move(k, -1) }, "×")) : null;
    figures.push(make("li", {}, canvas, make("span", { className: "name", title: name }, name),
      make("label", {}, angle, " °"), make("span", { className: "hint" }, mean === null ? "" : `mean ${mean}`),
      flags.map((flag) => make("span", { className: "flag" }, `⚠ ${flag}`)), tools));
  }
  find("thumbs").replaceChildren(...figures);
}
