/** A first page: the time the pointer rested, of all days. */
import {openArchive} from "./data.js";

async function showAll() {
  const archive = await openArchive(document);
  const [grid] = await archive.first();
  if (!grid) return;
  const canvas = /** @type {HTMLCanvasElement} */ (document.getElementById("picture"));
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const {cols, rows, values} = grid;
  canvas.width = cols;
  canvas.height = rows;
  const image = context.createImageData(cols, rows);
  const colours = atob(archive.meta.maps.ember);
  const peak = values.reduce((most, value) => Math.max(most, value), 1);
  values.forEach((value, at) => {
    const level = Math.round((255 * Math.log1p((30 * value * 20) / peak)) / Math.log1p(600));
    for (let nth = 0; nth < 3; nth++) image.data[at * 4 + nth] = colours.charCodeAt(Math.min(level, 255) * 3 + nth);
    image.data[at * 4 + 3] = 255;
  });
  context.putImageData(image, 0, 0);
  const summary = /** @type {HTMLElement} */ (document.getElementById("summary"));
  summary.textContent = `${(grid.total / 3.6e6).toFixed(1)} hours on ${archive.meta.monitors[grid.monitor].name}`;
  document.documentElement.dataset.ready = "1";
}

showAll();
