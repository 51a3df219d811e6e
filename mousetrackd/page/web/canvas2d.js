// Draws levels in the colours of a palette without WebGL2, the same pixels within rounding.

/** @import {Quad, Renderer} from "./gl.js" */

/**
 * The two cells around each of `count` px, and the share of the second in 256ths.
 * @param {number} first px of the canvas
 * @param {number} count
 * @param {number} from px of the canvas where the cells begin
 * @param {number} length px of the canvas over which there are
 * @param {number} cells
 * @param {boolean} isSmooth
 */
function between(first, count, from, length, cells, isSmooth) {
  const before = new Int32Array(count);
  const after = new Int32Array(count);
  const share = new Int32Array(count);
  for (let at = 0; at < count; at++) {
    const place = ((first + at + 0.5 - from) / length) * cells - (isSmooth ? 0.5 : 0);
    const cell = Math.floor(place);
    before[at] = Math.min(Math.max(cell, 0), cells - 1);
    after[at] = Math.min(Math.max(cell + 1, 0), cells - 1);
    share[at] = isSmooth ? Math.round((place - cell) * 256) : 0;
  }
  return { before, after, share };
}

/**
 * @param {HTMLCanvasElement} canvas
 * @returns {Renderer}
 */
export function create2d(canvas) {
  const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d", { alpha: false }));
  const layer = document.createElement("canvas");
  const layerPen = /** @type {CanvasRenderingContext2D} */ (layer.getContext("2d"));
  /** @type {Map<number, {levels: Uint8Array, cols: number, rows: number, isSmooth: boolean}>} */
  const grids = new Map();
  let colours = new Uint32Array(256);
  /** @type {HTMLCanvasElement|null} */
  let picture = null;

  /** @param {Quad} quad */
  function imageOf(quad) {
    const { levels, cols, rows, isSmooth } = /** @type {{levels: Uint8Array, cols: number, rows: number, isSmooth: boolean}} */ (grids.get(quad.key));
    const { width, height } = quad.clip;
    const image = pen.createImageData(width, height);
    const pixels = new Uint32Array(image.data.buffer);
    const across = between(quad.clip.x, width, quad.place.x, quad.place.width, cols, isSmooth);
    const down = between(quad.clip.y, height, quad.place.y, quad.place.height, rows, isSmooth);
    const row = new Int32Array(cols);
    const { before, after, share } = across;
    for (let y = 0, to = 0; y < height; y++) {
      const [above, below, part] = [down.before[y] * cols, down.after[y] * cols, down.share[y]];
      for (let col = 0; col < cols; col++) row[col] = levels[above + col] * (256 - part) + levels[below + col] * part;
      for (let x = 0; x < width; x++, to++) {
        const left = row[before[x]];
        pixels[to] = colours[(left * 256 + (row[after[x]] - left) * share[x] + 32768) >> 16];
      }
    }
    return image;
  }

  return {
    setLevels: (key, levels, cols, rows, isSmooth) => void grids.set(key, { levels, cols, rows, isSmooth }),
    setPalette: (palette) => void (colours = new Uint32Array(palette.slice().buffer)),
    setImage: (image) => void (picture = image),
    draw(panel, quads) {
      pen.fillStyle = `rgb(${panel})`;
      pen.fillRect(0, 0, canvas.width, canvas.height);
      for (const quad of quads) {
        const { x, y, width, height } = quad.clip;
        if (!picture) {
          pen.putImageData(imageOf(quad), x, y);
          continue;
        }
        pen.save();
        pen.beginPath();
        pen.rect(x, y, width, height);
        pen.clip();
        pen.drawImage(picture, quad.image.x, quad.image.y, quad.image.width, quad.image.height);
        [layer.width, layer.height] = [width, height];
        layerPen.putImageData(imageOf(quad), 0, 0);
        pen.drawImage(layer, x, y);
        pen.restore();
      }
    },
  };
}
