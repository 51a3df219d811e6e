// Where everything is: the desktop, the panes of the picture, and what part of the desktop they show. Pure.

/** @import {Monitor, State} from "./types.js" */
/** @import {Heat} from "./heat.js" */
/** @import {Quad} from "./gl.js" */
/** @typedef {{x: number, y: number, width: number, height: number}} Box */
/** @typedef {{box: Box, scale: number, left: number, top: number}} Pane
 *   box: in px of the canvas. scale: px of the canvas a desktop px. left, top: desktop px of the box's corner. */

const GAP_PX = 8;
const CELL_MAX_PX = 48;

/**
 * @param {Monitor[]} monitors at least one
 * @returns {Box}
 */
export function boundsOf(monitors) {
  const x = Math.min(...monitors.map((one) => one.x));
  const y = Math.min(...monitors.map((one) => one.y));
  const width = Math.max(...monitors.map((one) => one.x + one.width_px)) - x;
  return { x, y, width, height: Math.max(...monitors.map((one) => one.y + one.height_px)) - y };
}

/**
 * The places of one or two panes of the desktop's shape, as large as they fit beside or below each other: what is
 * compared is to be seen at once.
 * @param {number} width
 * @param {number} highest of all panes
 * @param {number} count
 * @param {Box} desktop
 * @param {number} ratio px of the canvas a CSS px
 */
export function arranged(width, highest, count, desktop, ratio) {
  const gap = Math.round(GAP_PX * ratio);
  const beside = Math.min((width - gap * (count - 1)) / count / desktop.width, highest / desktop.height);
  const below = Math.min(width / desktop.width, (highest - gap) / count / desktop.height);
  const isBelow = count > 1 && below > beside;
  const scale = isBelow ? below : beside;
  const wide = Math.max(Math.floor(scale * desktop.width), 1);
  const high = Math.max(Math.floor(scale * desktop.height), 1);
  const [right, down] = isBelow ? [0, high + gap] : [wide + gap, 0];
  const boxes = Array.from({ length: count }, (_, at) => ({ x: at * right, y: at * down, width: wide, height: high }));
  return { boxes, width: wide + right * (count - 1), height: high + down * (count - 1) };
}

/**
 * @param {Box} box
 * @param {Box} desktop
 */
export function fitOf(box, desktop) {
  return Math.min(box.width / desktop.width, box.height / desktop.height);
}

/**
 * @param {Box} box
 * @param {Box} desktop
 * @param {State["view"]} view
 * @returns {Pane}
 */
export function paneOf(box, desktop, view) {
  const scale = fitOf(box, desktop) * view.zoom;
  return { box, scale, left: view.x - box.width / scale / 2, top: view.y - box.height / scale / 2 };
}

/**
 * The middle of what is shown, so that it is within a length, or in its middle.
 * @param {number} middle
 * @param {number} from
 * @param {number} length
 * @param {number} shown
 */
function within(middle, from, length, shown) {
  if (shown >= length) return from + length / 2;
  return Math.min(Math.max(middle, from + shown / 2), from + length - shown / 2);
}

/**
 * A view that shows no more beyond the desktop than it must.
 * @param {State["view"]} view
 * @param {Box} box
 * @param {Box} desktop
 * @param {number} cell_px side of the smallest cell, in desktop px
 * @returns {State["view"]}
 */
export function clamped(view, box, desktop, cell_px) {
  const fit = fitOf(box, desktop);
  const zoom = Math.min(Math.max(view.zoom, 1), Math.max(CELL_MAX_PX / cell_px / fit, 1));
  const x = within(view.x, desktop.x, desktop.width, box.width / fit / zoom);
  return { x, y: within(view.y, desktop.y, desktop.height, box.height / fit / zoom), zoom };
}

/**
 * A rectangle of the desktop in a pane, in px of the canvas, whole or not.
 * @param {Pane} pane
 * @param {Box} part
 * @returns {Box}
 */
export function inPane(pane, part) {
  return {
    x: pane.box.x + (part.x - pane.left) * pane.scale, y: pane.box.y + (part.y - pane.top) * pane.scale,
    width: part.width * pane.scale, height: part.height * pane.scale,
  };
}

/**
 * The whole px that two rectangles share; without width where there are none.
 * @param {Box} one
 * @param {Box} other
 * @returns {Box}
 */
export function shared(one, other) {
  const x = Math.max(Math.round(one.x), Math.round(other.x));
  const y = Math.max(Math.round(one.y), Math.round(other.y));
  const right = Math.min(Math.round(one.x + one.width), Math.round(other.x + other.width));
  const bottom = Math.min(Math.round(one.y + one.height), Math.round(other.y + other.height));
  return { x, y, width: Math.max(right - x, 0), height: Math.max(bottom - y, 0) };
}

/** @param {Monitor} monitor
 *  @returns {Box} */
export function placeOf(monitor) {
  return { x: monitor.x, y: monitor.y, width: monitor.width_px, height: monitor.height_px };
}

/**
 * What a renderer is to draw of a pane.
 * @param {Pane} pane
 * @param {Monitor[]} monitors of the heats; of mirrored ones the first is the one that is seen
 * @param {Heat[]} heats
 * @param {Box} image the place of the image below, in px of the desktop
 * @param {number} firstKey of the levels
 * @returns {Quad[]}
 */
export function quadsOf(pane, monitors, heats, image, firstKey) {
  const quads = heats.map((heat, at) => {
    const { x, y } = monitors[at];
    const cells = { x, y, width: heat.cols * heat.cell_px, height: heat.rows * heat.cell_px };
    const clip = shared(inPane(pane, placeOf(monitors[at])), pane.box);
    return { key: firstKey + at, clip, place: inPane(pane, cells), image: inPane(pane, image) };
  });
  return quads.toReversed().filter(({ clip }) => clip.width && clip.height);
}
