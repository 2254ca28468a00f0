// An image of any size as canvases of a moderate one, from bytes: what is not seen is not drawn.

const SIDE = 1024;

/** Tiles of an image: kind "rgb" (three bytes a pixel), "grey", or "index" into a palette of [r, g, b]. */
export function tilesOf(buffer, rows, columns, kind, palette) {
  const data = new Uint8Array(buffer);
  const colours = new Uint32Array(256);
  for (let k = 0; k < 256; k += 1) {
    const [r, g, b] = kind === "index" ? palette[Math.min(k, palette.length - 1)] : [k, k, k];
    colours[k] = ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0;
  }
  const tiles = [];
  for (let top = 0; top < rows; top += SIDE) {
    for (let left = 0; left < columns; left += SIDE) {
      const high = Math.min(SIDE, rows - top), wide = Math.min(SIDE, columns - left);
      const canvas = document.createElement("canvas");
      canvas.width = wide;
      canvas.height = high;
      const context = canvas.getContext("2d");
      const image = context.createImageData(wide, high);
      const out = new Uint32Array(image.data.buffer);
      let to = 0;
      for (let row = 0; row < high; row += 1) {
        let from = (top + row) * columns + left;
        if (kind === "rgb") {
          from *= 3;
          for (let k = 0; k < wide; k += 1, from += 3, to += 1) {
            out[to] = 0xff000000 | (data[from + 2] << 16) | (data[from + 1] << 8) | data[from];
          }
        } else {
          for (let k = 0; k < wide; k += 1, from += 1, to += 1) out[to] = colours[data[from]];
        }
      }
      context.putImageData(image, 0, 0);
      tiles.push({ canvas, left, top, wide, high });
    }
  }
  return { tiles, rows, columns };
}

/** A picture of the document as an image of so many pixels, drawn as it is. */
export async function tilesOfPicture(picture, rows, columns) {
  await picture.decode();
  return { tiles: [{ canvas: picture, left: 0, top: 0, wide: columns, high: rows }], rows, columns };
}

/** Draw those tiles that are seen; ``view`` has the place of the image's corner and the size of a pixel. */
export function drawTiles(context, image, view, width, height) {
  for (const { canvas, left, top, wide, high } of image.tiles) {
    // whole pixels of the screen, so that tiles meet without a seam
    const x0 = Math.round(view.x + left * view.scale), x1 = Math.round(view.x + (left + wide) * view.scale);
    const y0 = Math.round(view.y + top * view.scale * view.aspect), y1 = Math.round(view.y + (top + high) * view.scale * view.aspect);
    if (x1 <= 0 || y1 <= 0 || x0 >= width || y0 >= height) continue;
    context.drawImage(canvas, x0, y0, x1 - x0, y1 - y0);
  }
}
