// The user's image under the heat, as mousetrackd/picture/under.py draws it: in its own shape, a little darker.

/** @import {Box} from "./geometry.js" */
/** @import {Rgb} from "./colours.js" */

const BRIGHTNESS = 0.8;
const ALIKE = 0.01;
const SIDE_MAX_PX = 4096;
const SAMPLED = 32;

/**
 * Read an image from a file that the user chose. It stays in memory only. Rejects what is no image.
 * @param {File} file
 */
export async function readImage(file) {
  const bitmap = await createImageBitmap(file);
  const canvas = document.createElement("canvas");
  const share = Math.min(SIDE_MAX_PX / Math.max(bitmap.width, bitmap.height), 1);
  canvas.width = Math.max(Math.round(bitmap.width * share), 1);
  canvas.height = Math.max(Math.round(bitmap.height * share), 1);
  const pen = penOf(canvas);
  pen.fillRect(0, 0, canvas.width, canvas.height); // what is transparent is dark
  pen.globalAlpha = BRIGHTNESS;
  pen.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  return canvas;
}

/** @param {HTMLCanvasElement} canvas */
export function penOf(canvas) {
  return /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
}

/**
 * Where an image lies on the desktop: as large as it fits, in the middle; never stretched.
 * @param {HTMLCanvasElement} image
 * @param {Box} desktop
 * @returns {Box}
 */
export function fitted(image, desktop) {
  if (Math.abs((image.width * desktop.height) / (image.height * desktop.width) - 1) <= ALIKE) return desktop;
  const scale = Math.min(desktop.width / image.width, desktop.height / image.height);
  const [width, height] = [image.width * scale, image.height * scale];
  return { x: desktop.x + (desktop.width - width) / 2, y: desktop.y + (desktop.height - height) / 2, width, height };
}

/** @param {HTMLCanvasElement} image @returns {Rgb} */
export function meanColour(image) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = SAMPLED;
  penOf(canvas).drawImage(image, 0, 0, SAMPLED, SAMPLED);
  const { data } = penOf(canvas).getImageData(0, 0, SAMPLED, SAMPLED);
  /** @type {Rgb} */
  const sums = [0, 0, 0];
  data.forEach((one, at) => {
    if (at % 4 < 3) sums[at % 4] += one / SAMPLED ** 2;
  });
  return /** @type {Rgb} */ (sums.map(Math.round));
}
