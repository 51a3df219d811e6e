// What lies over the heat: outlines and names of monitors, hatched holes, captions, and the place that is read.

import { inPane, placeOf, shared } from "./geometry.js";

/** @import {Colours} from "./colours.js" */
/** @import {Pane} from "./geometry.js" */
/** @import {Monitor} from "./types.js" */
/** @import {Place} from "./measure.js" */

const HATCH_PX = 7;
const SIGN_PX = 8;

/**
 * @param {CanvasRenderingContext2D} pen
 * @param {{panes: Pane[], monitors: Monitor[], colours: Colours, captions: string[], signs: Place[], placed: Monitor[],
 *   cursor: {x: number, y: number, isKept: boolean}|null, ratio: number}} what
 *   captions: of each pane, or none. signs: places to mark with plus or minus, on monitors of `placed`. cursor: in px of the desktop
 */
export function drawOver(pen, what) {
  const { panes, monitors, placed, colours, ratio } = what;
  const line = `rgb(${colours.line})`;
  pen.clearRect(0, 0, pen.canvas.width, pen.canvas.height);
  pen.font = `${12 * ratio}px system-ui, sans-serif`;
  pen.textBaseline = "middle";
  pen.textAlign = "left";
  panes.forEach((pane, at) => {
    const { x, y, width, height } = pane.box;
    pen.save();
    pen.beginPath();
    pen.rect(x, y, width, height);
    pen.clip();
    pen.lineWidth = Math.max(Math.round(ratio), 1);
    for (const monitor of monitors) {
      const place = placeOf(monitor);
      for (const [left, top, wide, high] of monitor.holes) {
        const hole = shared(inPane(pane, { x: monitor.x + left, y: monitor.y + top, width: wide, height: high }), inPane(pane, place));
        if (hole.width && hole.height) hatch(pen, hole, colours, HATCH_PX * ratio);
      }
      if (monitors.length + panes.length < 3) continue;
      const seen = shared(inPane(pane, place), inPane(pane, place));
      pen.strokeStyle = line;
      pen.strokeRect(seen.x + pen.lineWidth / 2, seen.y + pen.lineWidth / 2, seen.width - pen.lineWidth, seen.height - pen.lineWidth);
      const within = shared(seen, pane.box);
      if (monitor.name && monitors.length > 1 && within.width > pen.measureText(monitor.name).width + 24 * ratio && within.height > 60 * ratio)
        label(pen, monitor.name, within.x + 6 * ratio, within.y + 6 * ratio, colours, ratio);
    }
    for (const { monitor, x: right, y: below, value } of what.signs) {
      const { x: from, y: top } = placed[monitor];
      const at = inPane(pane, { x: from + right, y: top + below, width: 0, height: 0 });
      if (at.x < x || at.y < y || at.x > x + width || at.y > y + height) continue;
      const rim = SIGN_PX * ratio; // at an edge all of it is seen
      const seen = { x: Math.min(Math.max(at.x, x + rim), x + width - rim), y: Math.min(Math.max(at.y, y + rim), y + height - rim) };
      sign(pen, seen, value > 0, colours, ratio);
    }
    if (what.cursor) crosshair(pen, inPane(pane, { ...what.cursor, width: 0, height: 0 }), what.cursor.isKept, ratio);
    const caption = what.captions[at];
    if (caption) label(pen, caption, x + 6 * ratio, y + height - 26 * ratio, colours, ratio);
    pen.restore();
  });
}

/**
 * @param {CanvasRenderingContext2D} pen
 * @param {import("./geometry.js").Box} hole
 * @param {Colours} colours
 * @param {number} apart
 */
function hatch(pen, hole, colours, apart) {
  pen.save();
  pen.beginPath();
  pen.rect(hole.x, hole.y, hole.width, hole.height);
  pen.fillStyle = `rgb(${colours.panel})`;
  pen.fill();
  pen.clip();
  pen.strokeStyle = `rgb(${colours.line})`;
  pen.strokeRect(hole.x + pen.lineWidth / 2, hole.y + pen.lineWidth / 2, hole.width - pen.lineWidth, hole.height - pen.lineWidth);
  pen.beginPath();
  // Only what can be seen: a hole of a monitor that is drawn very large has many lines.
  const to = Math.min(hole.width + hole.height, pen.canvas.width + pen.canvas.height - hole.x - hole.y);
  for (let at = Math.max(Math.floor((-hole.x - hole.y) / apart), 0) * apart; at < to; at += apart) {
    pen.moveTo(hole.x + at, hole.y);
    pen.lineTo(hole.x + at - hole.height, hole.y + hole.height);
  }
  pen.stroke();
  pen.restore();
}

/**
 * @param {CanvasRenderingContext2D} pen
 * @param {string} text
 * @param {number} x
 * @param {number} y
 * @param {Colours} colours
 * @param {number} ratio
 */
function label(pen, text, x, y, colours, ratio) {
  pen.globalAlpha = 0.82;
  pen.fillStyle = `rgb(${colours.panel})`;
  pen.beginPath();
  pen.roundRect(x, y, pen.measureText(text).width + 12 * ratio, 20 * ratio, 4 * ratio);
  pen.fill();
  pen.globalAlpha = 1;
  pen.fillStyle = `rgb(${colours.text})`;
  pen.fillText(text, x + 6 * ratio, y + 10.5 * ratio);
}

/**
 * @param {CanvasRenderingContext2D} pen
 * @param {{x: number, y: number}} at
 * @param {boolean} isMore
 * @param {Colours} colours
 * @param {number} ratio
 */
function sign(pen, at, isMore, colours, ratio) {
  const arm = 4.5 * ratio;
  pen.fillStyle = `rgb(${colours.panel})`;
  pen.beginPath();
  pen.arc(at.x, at.y, SIGN_PX * ratio, 0, 2 * Math.PI);
  pen.fill();
  pen.fillStyle = `rgb(${colours.text})`;
  pen.fillRect(at.x - arm, at.y - ratio, 2 * arm, 2 * ratio);
  if (isMore) pen.fillRect(at.x - ratio, at.y - arm, 2 * ratio, 2 * arm);
}

/**
 * @param {CanvasRenderingContext2D} pen
 * @param {{x: number, y: number}} at
 * @param {boolean} isKept it is the keyboard's, not the pointer's
 * @param {number} ratio
 */
function crosshair(pen, at, isKept, ratio) {
  const [near, far] = isKept ? [5 * ratio, 14 * ratio] : [4 * ratio, 9 * ratio];
  for (const [colour, width] of /** @type {[string, number][]} */ ([["#000", 4], ["#fff", 1.5]])) {
    pen.strokeStyle = colour;
    pen.lineWidth = width * ratio;
    pen.beginPath();
    for (const [x, y] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
      pen.moveTo(at.x + x * near, at.y + y * near);
      pen.lineTo(at.x + x * far, at.y + y * far);
    }
    if (isKept) pen.roundRect(at.x - near, at.y - near, 2 * near, 2 * near, near);
    pen.stroke();
  }
}
