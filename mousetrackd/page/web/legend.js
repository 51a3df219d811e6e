// The colour bar, whose ticks mean something, as mousetrackd/picture/legend.py draws it.

import { mixed } from "./colours.js";

/** @import {Colours, Rgb} from "./colours.js" */
/** @typedef {{caption: string, max: number, unit: string, isClipped: boolean, isSigned: boolean, place: (share: number) => number}} Scale
 *   max: of the hottest colour, in the unit. place: from 0 to 1 along the bar for a share of max. */
/** @typedef {{text: string, dim: string, font_px: number}} Style */

const HOUR_MS = 3.6e6;
const FAMILY = "system-ui, sans-serif";

/** @param {number} value */
function short(value) {
  if (value < 10) return String(Number(value.toPrecision(2)));
  if (value < 9999.5) return value.toFixed(0);
  let size = 1e3;
  for (const suffix of "kMGTP") {
    if (value < 999.5 * size) return Number((value / size).toPrecision(3)) + suffix;
    size *= 1e3;
  }
  return `${Number((value / size).toPrecision(3))}E`;
}

/**
 * A count with its unit, as short as is honest: 1.5 s, 2 h, 12, 0.4 %.
 * @param {number} value not negative
 * @param {string} unit
 */
export function withUnit(value, unit) {
  if (unit === "%") return `${short(value)} %`;
  if (unit !== "ms") return short(value);
  if (value < 1000) return `${short(value)} ms`;
  if (value < 60000) return `${short(value / 1000)} s`;
  return value < HOUR_MS ? `${short(value / 60000)} min` : `${short(value / HOUR_MS)} h`;
}

/** @param {string} unit */
function stepsOf(unit) {
  const digits = [1, 2, 5];
  /** @type {(from: number, to: number) => number[]} */
  const decades = (from, to) => Array.from({ length: to - from }, (_, at) => digits.map((one) => one * 10 ** (from + at))).flat();
  if (unit !== "ms") return decades(unit === "%" ? -12 : 0, 18);
  const sixty = [1, 2, 5, 10, 20, 30];
  return [...decades(0, 3), ...sixty.map((one) => one * 1e3), ...sixty.map((one) => one * 6e4), ...decades(0, 5).map((one) => one * HOUR_MS)];
}

/**
 * As many round values along a bar as there is space for, the last the end of the bar itself.
 * @param {Scale} scale
 * @param {number} bar_px
 * @param {(label: string) => number} length_px
 * @param {number} from_px where the first label may begin
 * @returns {[number, string][]} place from 0 to 1, and label
 */
export function ticksOf(scale, bar_px, length_px, from_px = 0) {
  const apart_px = length_px("0");
  const end = withUnit(scale.max, scale.unit) + (scale.isClipped ? "+" : "");
  const to_px = bar_px - length_px(end) - apart_px;
  let free_px = from_px;
  /** @type {[number, string][]} */
  const chosen = [];
  for (const step of stepsOf(scale.unit)) {
    if (step >= scale.max) break;
    const place = scale.place(step / scale.max);
    const label = withUnit(step, scale.unit);
    const half = length_px(label) / 2;
    if (place * bar_px - half < free_px || place * bar_px + half > to_px) continue;
    chosen.push([place, label]);
    free_px = place * bar_px + half + apart_px;
  }
  return [...chosen, [1, length_px(end) <= bar_px - from_px ? end : ""]];
}

/** How high a colour bar is, with caption and ticks. @param {number} font_px */
export function barHeight(font_px) {
  return Math.round(font_px * 4.7);
}

/**
 * @param {CanvasRenderingContext2D} pen
 * @param {Scale} scale
 * @param {HTMLCanvasElement} strip of `stripOf`
 * @param {{x: number, y: number, width: number}} at
 * @param {Style} style
 * @param {number[]} marks values to point at
 */
export function drawBar(pen, scale, strip, at, style, marks) {
  const em = style.font_px;
  const top = Math.round(at.y + em * 2);
  const high = Math.round(em);
  const last = at.width - 1;
  pen.font = `${em}px ${FAMILY}`;
  pen.textBaseline = "alphabetic";
  pen.textAlign = "left";
  pen.fillStyle = style.dim;
  pen.fillText(scale.caption, at.x, at.y + em, at.width);
  pen.drawImage(strip, at.x, top, at.width, high);
  pen.strokeStyle = style.dim;
  pen.lineWidth = Math.max(Math.round(em / 14), 1);
  pen.strokeRect(at.x - 0.5, top - 0.5, at.width + 1, high + 1);
  /** @type {(label: string) => number} */
  const length = (label) => pen.measureText(label).width;
  const half = last / 2;
  const ticks = scale.isSigned ? ticksOf(scale, half, (label) => length(`+${label}`), length("0") * 1.5) : ticksOf(scale, last, length);
  /** @type {(x: number, label: string, align: CanvasTextAlign) => void} */
  const tick = (x, label, align) => {
    pen.fillStyle = style.dim;
    pen.fillRect(Math.round(at.x + x - pen.lineWidth / 2), top + high, pen.lineWidth, em * 0.35);
    pen.fillStyle = style.text;
    pen.textAlign = align;
    pen.fillText(label, at.x + x, top + high + em * 1.35);
  };
  if (scale.isSigned) tick(half, "0", "center");
  for (const [place, label] of ticks) {
    const isEnd = place === 1;
    if (!scale.isSigned) tick(place * last, label, isEnd ? "right" : "center");
    else if (label) {
      tick(half + place * half, `+${label}`, isEnd ? "right" : "center");
      tick(half - place * half, `\u2212${label}`, isEnd ? "left" : "center");
    }
  }
  for (const value of marks) {
    const place = Math.sign(value) * scale.place(Math.abs(value) / scale.max);
    const x = at.x + (scale.isSigned ? half + place * half : place * last);
    pen.beginPath();
    pen.moveTo(x, top + 1);
    pen.lineTo(x - em * 0.45, top - em * 0.6);
    pen.lineTo(x + em * 0.45, top - em * 0.6);
    pen.closePath();
    pen.fillStyle = style.text;
    pen.fill();
    pen.fillRect(x - pen.lineWidth / 2, top, pen.lineWidth, high);
  }
}

/**
 * The colours of a bar as they look over what is below them: 256 px wide, one high.
 * @param {Colours} colours
 * @param {Rgb} below
 */
export function stripOf({ palette }, below) {
  const strip = document.createElement("canvas");
  strip.width = 256;
  strip.height = 1;
  const pen = /** @type {CanvasRenderingContext2D} */ (strip.getContext("2d"));
  for (let at = 0; at < 256; at++) {
    const [red, green, blue, opacity] = palette.subarray(4 * at, 4 * at + 4);
    pen.fillStyle = `rgb(${mixed(below, [red, green, blue], opacity / 255)})`;
    pen.fillRect(at, 0, 1, 1);
  }
  return strip;
}
