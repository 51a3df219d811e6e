// Moves what is shown of the desktop: by steps, by a pointer, and so that a place comes into it.

import { clamped, fitOf } from "./geometry.js";

/** @import {State} from "./types.js" */
/** @import {Box, Pane} from "./geometry.js" */

const ZOOM_STEP = 1.5;
const PAN_STEP = 0.15;

/**
 * @param {() => {pane: Pane, desktop: Box, cell_px: number}} scene as it was drawn
 * @param {(view: State["view"]) => void} set
 */
export function createCamera(scene, set) {
  function current() {
    const { pane, desktop } = scene();
    const { box, scale, left, top } = pane;
    return { x: left + box.width / scale / 2, y: top + box.height / scale / 2, zoom: scale / fitOf(box, desktop) };
  }

  /** @param {State["view"]} view */
  function look(view) {
    const { pane, desktop, cell_px } = scene();
    set(clamped(view, pane.box, desktop, cell_px));
  }

  const camera = {
    current,
    /** @type {(right: number, down: number) => void} in px of the canvas */
    move(right, down) {
      const { x, y, zoom } = current();
      const { scale } = scene().pane;
      look({ x: x + right / scale, y: y + down / scale, zoom });
    },
    /** @type {(right: number, down: number) => void} in steps */
    step(right, down) {
      const { box } = scene().pane;
      camera.move(right * PAN_STEP * box.width, down * PAN_STEP * box.height);
    },
    /** @type {(factor: number, fixed?: {x: number, y: number}|null) => void} fixed: the place of the desktop that stays where it is */
    zoom(factor, fixed) {
      const { x, y, zoom } = current();
      const to = Math.max(zoom * factor, 1);
      const at = fixed ?? { x, y };
      look({ x: at.x + ((x - at.x) * zoom) / to, y: at.y + ((y - at.y) * zoom) / to, zoom: to });
    },
    /** @type {(times: number, fixed?: {x: number, y: number}|null) => void} */
    zoomStep: (times, fixed) => camera.zoom(ZOOM_STEP ** times, fixed),
    all: () => look({ x: 0, y: 0, zoom: 1 }),
    /** @type {(at: {x: number, y: number}) => boolean} whether the view has to move to show a place, and does */
    follow(at) {
      const { left, top, box, scale } = scene().pane;
      const isSeen = at.x >= left && at.y >= top && at.x < left + box.width / scale && at.y < top + box.height / scale;
      if (!isSeen) look({ x: at.x, y: at.y, zoom: current().zoom });
      return !isSeen;
    },
  };
  return camera;
}
