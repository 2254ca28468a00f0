// One viewer for every image of page, report and notebook: zoom to single pixels, pan, compare two layers, overlays, a scale bar.

import { make } from "./dom.js";
import { drawTiles } from "./tiles.js";

const MOST = 64; // screen pixels of one pixel

/** Length of a scale bar: 1, 2 or 5 times a power of ten, at most a third of the width. */
export function barLength(width) {
  const limit = width / 3, power = 10 ** Math.floor(Math.log10(limit));
  return Math.max(...[1, 2, 5].map((factor) => factor * power).filter((length) => length <= limit * (1 + 1e-9)));
}

export class Viewer {
  /** ``onpick(column, row)`` is called for the pixel under a click, or under the cross when Enter is pressed. */
  constructor(place, label, onpick = null) {
    this.onpick = onpick;
    this.oncut = null; // told when the line of a comparison is dragged
    this.titles = null;
    this.image = this.left = null;
    this.cut = 0.5;
    this.step = null;
    this.cross = false;
    this.overlays = new Map();
    this.view = { x: 0, y: 0, scale: 1, aspect: 1 };
    this.canvas = make("canvas", { tabIndex: 0, role: "application", "aria-label": label, "aria-roledescription": "map",
      "aria-description": "Plus and minus zoom, the arrow keys move, 0 shows all" + (onpick ? ", Enter picks the pixel under the cross in the middle." : ".") });
    this.buttons = make("div", { className: "zoom" },
      make("button", { type: "button", title: "zoom in", "aria-label": `zoom in: ${label}`, onclick: () => this.zoom(2) }, "+"),
      make("button", { type: "button", title: "zoom out", "aria-label": `zoom out: ${label}`, onclick: () => this.zoom(0.5) }, "−"),
      make("button", { type: "button", title: "show all", "aria-label": `show all: ${label}`, onclick: () => this.fit() }, "all"));
    place.replaceChildren(this.canvas, this.buttons);
    place.classList.add("viewer");
    this.listen();
    new ResizeObserver(() => this.resize()).observe(this.canvas);
  }

  /** Show an image; its place stays where it is if it has the size of the one before. */
  show(image, left = null, { step = null, aspect = 1, titles = null } = {}) {
    this.titles = titles;
    const same = this.image && this.image.rows === image.rows && this.image.columns === image.columns;
    this.image = image;
    this.left = left;
    this.step = step;
    this.view.aspect = aspect;
    if (same) this.draw();
    else {
      // the frame is as high as the image is, within limits
      this.canvas.style.aspectRatio = String(Math.min(Math.max(image.columns / (image.rows * aspect), 0.6), 2.4));
      this.resize();
      this.fit();
    }
  }

  overlay(name, draw) {
    if (draw) this.overlays.set(name, draw);
    else this.overlays.delete(name);
    this.draw();
  }

  resize() {
    const box = this.canvas.getBoundingClientRect(), ratio = window.devicePixelRatio || 1;
    const width = Math.max(1, Math.round(box.width * ratio)), height = Math.max(1, Math.round(box.height * ratio));
    if (this.canvas.width === width && this.canvas.height === height) return;
    this.canvas.width = width;
    this.canvas.height = height;
    if (!this.moved) this.fit();
    // at once: a canvas of another size is black until it is painted
    this.paint();
  }

  fit() {
    if (!this.image) return;
    const { width, height } = this.canvas;
    const { rows, columns } = this.image;
    const scale = Math.min(width / columns, height / (rows * this.view.aspect));
    Object.assign(this.view, { scale, x: (width - scale * columns) / 2, y: (height - scale * rows * this.view.aspect) / 2 });
    this.moved = false;
    this.draw();
  }

  /** Zoom about a place of the canvas; the middle if none is named. */
  zoom(factor, x = this.canvas.width / 2, y = this.canvas.height / 2) {
    if (!this.image) return;
    const least = 0.5 * Math.min(this.canvas.width / this.image.columns, this.canvas.height / this.image.rows);
    const scale = Math.min(Math.max(this.view.scale * factor, least), MOST);
    const by = scale / this.view.scale;
    Object.assign(this.view, { scale, x: x - (x - this.view.x) * by, y: y - (y - this.view.y) * by });
    this.moved = true;
    this.draw();
  }

  pan(x, y) {
    this.view.x += x;
    this.view.y += y;
    this.moved = true;
    this.draw();
  }

  /** Bring a pixel into the middle. */
  centre(column, row) {
    this.pan(this.canvas.width / 2 - (this.view.x + (column + 0.5) * this.view.scale),
      this.canvas.height / 2 - (this.view.y + (row + 0.5) * this.view.scale * this.view.aspect));
  }

  /** The place on the image (column, row) under a place of the canvas; whole numbers are centres of pixels. */
  under(x, y) {
    return [(x - this.view.x) / this.view.scale - 0.5, (y - this.view.y) / (this.view.scale * this.view.aspect) - 0.5];
  }

  /** The place on the canvas of a place on the image. */
  at(column, row) {
    return [this.view.x + (column + 0.5) * this.view.scale, this.view.y + (row + 0.5) * this.view.scale * this.view.aspect];
  }

  pick(x, y) {
    if (!this.image || !this.onpick) return;
    const [column, row] = this.under(x, y);
    if (column < -0.5 || row < -0.5 || column >= this.image.columns - 0.5 || row >= this.image.rows - 0.5) return;
    this.onpick(column, row);
  }

  listen() {
    const { canvas } = this;
    const place = (event) => {
      const box = canvas.getBoundingClientRect();
      return [(event.clientX - box.left) * canvas.width / box.width, (event.clientY - box.top) * canvas.height / box.height];
    };
    const pointers = new Map();
    let far = 0, cutting = false;
    const onLine = ([x]) => this.left !== null && this.oncut !== null && Math.abs(x - this.cut * canvas.width) < 12 * (window.devicePixelRatio || 1);
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      cutting = !pointers.size && onLine(place(event));
      pointers.set(event.pointerId, place(event));
      far = 0;
    });
    canvas.addEventListener("pointermove", (event) => {
      const before = pointers.get(event.pointerId), now = place(event);
      if (!before) {
        canvas.style.cursor = onLine(now) ? "ew-resize" : "";
        return;
      }
      if (cutting && pointers.size === 1) {
        this.oncut(Math.min(Math.max(now[0] / canvas.width, 0), 1));
        far = 100;
        return;
      }
      if (pointers.size === 2) {
        const other = [...pointers.entries()].find(([id]) => id !== event.pointerId)[1];
        const span = ([x, y]) => Math.hypot(x - other[0], y - other[1]);
        this.zoom(span(now) / Math.max(span(before), 1), other[0], other[1]);
        far = 100;
      } else {
        far += Math.hypot(now[0] - before[0], now[1] - before[1]);
        if (far > 4) this.pan(now[0] - before[0], now[1] - before[1]);
      }
      pointers.set(event.pointerId, now);
    });
    const up = (event) => {
      if (pointers.delete(event.pointerId) && event.type === "pointerup" && far <= 4) {
        this.cross = false;
        this.pick(...place(event));
      }
    };
    canvas.addEventListener("pointerup", up);
    canvas.addEventListener("pointercancel", up);
    canvas.addEventListener("wheel", (event) => {
      // the page scrolls on where nobody works with the map
      if (!event.ctrlKey && document.activeElement !== canvas) return;
      event.preventDefault();
      this.zoom(2 ** (-event.deltaY / 240), ...place(event));
    }, { passive: false });
    canvas.addEventListener("keydown", (event) => {
      const pace = event.shiftKey ? 200 : 40;
      const moves = { ArrowLeft: [pace, 0], ArrowRight: [-pace, 0], ArrowUp: [0, pace], ArrowDown: [0, -pace] };
      if (moves[event.key]) this.pan(...moves[event.key]);
      else if (event.key === "+" || event.key === "=") this.zoom(2);
      else if (event.key === "-") this.zoom(0.5);
      else if (event.key === "0") this.fit();
      else if (event.key === "Enter" && this.onpick) this.pick(canvas.width / 2, canvas.height / 2);
      else return;
      this.cross = Boolean(this.onpick);
      this.draw();
      event.preventDefault();
    });
    canvas.addEventListener("blur", () => { this.cross = false; this.draw(); });
  }

  draw() {
    if (this.asked) return;
    this.asked = requestAnimationFrame(() => { this.asked = 0; this.paint(); });
  }

  paint() {
    const context = this.canvas.getContext("2d", { alpha: false });
    const { width, height } = this.canvas;
    context.fillStyle = getComputedStyle(this.canvas).getPropertyValue("--ground") || "#e8ebee";
    context.fillRect(0, 0, width, height);
    if (!this.image) return;
    // pixels hardly larger than the screen's would be one or two wide by turns, and regular patterns would flicker
    context.imageSmoothingEnabled = this.view.scale < 2;
    const compared = this.left !== null, edge = this.cut * width;
    const part = (image, x0, x1) => {
      context.save();
      context.beginPath();
      context.rect(x0, 0, x1 - x0, height);
      context.clip();
      drawTiles(context, image, this.view, width, height);
      context.restore();
    };
    if (compared) part(this.left, 0, edge);
    part(this.image, compared ? edge : 0, width);
    for (const draw of this.overlays.values()) draw(context, this);
    if (compared) this.drawLine(context, edge);
    if (this.cross) {
      const x = width / 2, y = height / 2;
      line(context, [[x - 12, y, x + 12, y], [x, y - 12, x, y + 12]], 2);
    }
    if (this.step) this.scaleBar(context);
  }

  /** The line of a comparison with its handle, and the names of both sides beside it. */
  drawLine(context, edge) {
    const { height } = this.canvas, ratio = window.devicePixelRatio || 1, size = 14 * ratio, pad = 8 * ratio;
    line(context, [[edge, 0, edge, height]], 2 * ratio);
    if (this.oncut) {
      context.beginPath();
      context.roundRect(edge - 16 * ratio, height / 2 - 13 * ratio, 32 * ratio, 26 * ratio, 13 * ratio);
      context.fillStyle = "#fff";
      context.fill();
      context.lineWidth = ratio;
      context.strokeStyle = "rgba(0, 0, 0, .55)";
      context.stroke();
      context.beginPath();
      for (const way of [-1, 1]) {
        context.moveTo(edge + 11 * way * ratio, height / 2);
        context.lineTo(edge + 4 * way * ratio, height / 2 - 5 * ratio);
        context.lineTo(edge + 4 * way * ratio, height / 2 + 5 * ratio);
      }
      context.fillStyle = "#111";
      context.fill();
    }
    if (!this.titles) return;
    context.font = `${size}px system-ui, sans-serif`;
    this.titles.forEach((text, k) => {
      const wide = context.measureText(text).width + 2 * pad, x = k ? edge + pad : edge - pad - wide;
      // below the buttons where they would lie on it
      const y = x + wide > this.canvas.width - 140 * ratio ? 6 * pad : pad;
      context.fillStyle = "rgba(255, 255, 255, .92)";
      context.fillRect(x, y, wide, size + 1.2 * pad);
      context.fillStyle = "#111";
      context.fillText(text, x + pad, y + size + 0.35 * pad);
    });
  }

  scaleBar(context) {
    const { width, height } = this.canvas, ratio = window.devicePixelRatio || 1;
    const length = barLength(width / this.view.scale * this.step), long = length / this.step * this.view.scale;
    const size = 14 * ratio, pad = 8 * ratio;
    context.font = `600 ${size}px system-ui, sans-serif`;
    const text = `${Number(length.toPrecision(3))} µm`, wide = Math.max(long, context.measureText(text).width);
    context.fillStyle = "rgba(255, 255, 255, .9)";
    context.fillRect(pad, height - pad - size - 3 * pad, wide + 2 * pad, size + 3 * pad);
    context.fillStyle = "#111";
    context.fillText(text, 2 * pad, height - 3.2 * pad);
    context.fillRect(2 * pad, height - 2.2 * pad, long, 4 * ratio);
  }
}

/** Draw lines [x0, y0, x1, y1] that are seen on bright and on dark ground. */
export function line(context, lines, width, colour = "#fff", rim = "rgba(0, 0, 0, .75)") {
  const path = new Path2D();
  for (const [x0, y0, x1, y1] of lines) {
    path.moveTo(x0, y0);
    path.lineTo(x1, y1);
  }
  for (const [style, wide] of [[rim, 2.2 * width], [colour, width]]) {
    context.strokeStyle = style;
    context.lineWidth = wide;
    context.stroke(path);
  }
}
