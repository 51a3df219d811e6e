import assert from "node:assert/strict";
import { test } from "node:test";

import { coloursOf } from "../../mousetrackd/page/web/colours.js";
import { arranged, boundsOf, clamped, inPane, paneOf } from "../../mousetrackd/page/web/geometry.js";
import { differenceOf, heatAt, heatOf as heatOn, hottestHeat, levelsOf, peaksOf, tone } from "../../mousetrackd/page/web/heat.js";
import { ticksOf, withUnit } from "../../mousetrackd/page/web/legend.js";
import { parseMax } from "../../mousetrackd/page/web/look.js";
import { describe, measureOf, nothingKnown } from "../../mousetrackd/page/web/measure.js";

const LAYER = { name: "dwell", title: "", unit: "ms", caption: "time", colormap: "ember", sigma_share: 0.02, plenty: 0, pixels_a_cell: 1 };
const META = { layers: [LAYER], monitors: [{ width_px: 400, height_px: 200 }], log_range: 30, guard: 15, percentile: 99.9 };
const STATE = { layer: "dwell", mode: "single", scale: "log", max: null, share: false, sigma_px: 8 };

const heatOf = (grid, sigma_px, isLine) => heatOn(grid, sigma_px, isLine, META.monitors[0]);
const length = (label) => 7 * label.length;

/** A grid of 100 by 50 cells of 4 px, with counts at [col, row, count]. */
function gridOf(...counts) {
  const values = new Float64Array(5000);
  const visited = new Uint8Array(25 * 13);
  for (const [col, row, count] of counts) {
    values[row * 100 + col] += count;
    visited[(row >> 2) * 25 + (col >> 2)] = 1;
  }
  const total = values.reduce((sum, one) => sum + one, 0);
  return { monitor: 0, cols: 100, rows: 50, cell_px: 4, values, total, hours: 1, cells: counts.length, visited, place_px: 16, inexact: "" };
}

test("a lone count has its own heat at its place, whatever the blur, and none far away", () => {
  for (const sigma_px of [8, 18, 50]) {
    const heat = heatOf(gridOf([50, 25, 10]), sigma_px, false);
    const block = heat.cell_px / 4;
    const at = heatAt(heat, (Math.floor(50 / block) + 0.5) * heat.cell_px, (Math.floor(25 / block) + 0.5) * heat.cell_px);
    assert.ok(Math.abs(at - 10) < 1.5, `${at} with sigma ${sigma_px}`);
    assert.ok(heatAt(heat, 0, 0) < 0.01 * 10);
  }
});

test("without a blur a cell has its count, and its neighbour none", () => {
  const heat = heatOf(gridOf([50, 25, 10]), 0, false);
  assert.ok(heat.isDots);
  assert.deepEqual([heatAt(heat, 200.1, 100.1), heatAt(heat, 203.9, 103.9), heatAt(heat, 204.1, 100.1)], [10, 10, 0]);
  const levels = levelsOf(heat, { max: 1000, scale: "linear", log_range: 30, isSigned: false });
  assert.ok(levels[25 * 100 + 50] > 127, "a dot is seen");
});

test("the hottest colour is of a percentile, guarded by what half of the places have, and whole where it is counted", () => {
  const rules = { percentile: 100, guard: 15 };
  const heat = heatOf(gridOf([10, 10, 1000], [50, 25, 2], [80, 40, 2]), 0, false);
  assert.equal(hottestHeat([heat], rules, 1, false), 30);
  assert.equal(hottestHeat([heat], { ...rules, guard: 1e6 }, 1, false), 1000);
  const blurred = heatOf(gridOf([10, 10, 1000], [11, 10, 1000], [50, 25, 2], [80, 40, 2]), 8, false);
  const lone = heatOf(gridOf([50, 25, 2]), 8, false);
  assert.equal(hottestHeat([blurred], rules, 1, false), 15 * lone.peak, "a place counts once, as hot as its hottest point");
  assert.equal(hottestHeat([heatOf(gridOf(), 8, false)], rules, 1, false), 1);
  assert.equal(hottestHeat([heatOf(gridOf([10, 10, 1]), 8, false)], rules, 1, true), 5);
});

test("a difference has the sign of what is more, and 128 is none", () => {
  const [a, b] = [heatOf(gridOf([20, 20, 100]), 8, false), heatOf(gridOf([80, 20, 100]), 8, false)];
  const difference = differenceOf(a, b, 1, 1);
  const levels = levelsOf(difference, { max: 100, scale: "linear", log_range: 30, isSigned: true });
  assert.ok(levels[20 * 100 + 20] > 240 && levels[20 * 100 + 80] < 16);
  assert.equal(levels[0], 128);
  assert.equal(levels[20 * 100 + 20] - 128, 128 - levels[20 * 100 + 80]);
});

test("the hottest places are apart, hottest first", () => {
  const heat = heatOf(gridOf([20, 20, 100], [22, 20, 90], [80, 40, 50]), 8, false);
  const places = peaksOf(heat, 40, 5, []);
  assert.deepEqual(places.map(({ x, y }) => [x, y]), [[86, 82], [322, 162]]);
  assert.equal(peaksOf(heat, 40, 1, []).length, 1);
  const [{ x, y }, ...others] = places;
  assert.deepEqual(peaksOf(heat, 40, 5, [[x - 1, y - 1, 3, 3]]), others, "a place that is excluded is not named");
});

test("two periods have one scale, and in percent each is a part of its own total", () => {
  const [a, b] = [gridOf([20, 20, 6000]), gridOf([20, 20, 1000], [80, 20, 1000])];
  const known = nothingKnown();
  const both = measureOf(META, { ...STATE, mode: "side" }, [[a], [b]], known);
  assert.equal(both.maxima[0], both.maxima[1]);
  assert.ok(both.scale.max > 4000);
  const shares = measureOf(META, { ...STATE, mode: "side", share: true }, [[a], [b]], known);
  const [ofA, ofB] = shares.valuesAt(0, 82, 82);
  assert.ok(Math.abs(ofA / ofB - 2) < 0.01);
  assert.ok(Math.abs(ofA - 100) < 15);
  const less = measureOf(META, { ...STATE, mode: "difference" }, [[a], [b]], nothingKnown());
  assert.ok(less.scale.isSigned);
  assert.match(describe(less, less.valuesAt(0, 322, 82)), /^\d.* less in A \(A 0 ms, B /);
});

test("ticks are round, apart, and end with the maximum", () => {
  const scale = { caption: "", max: 900_000, unit: "ms", isClipped: true, isSigned: false, place: (share) => tone(share, "log", 30) };
  for (const width of [120, 336, 1000]) {
    const ticks = ticksOf(scale, width, length);
    assert.equal(ticks.at(-1)[1], "15 min+");
    ticks.slice(1, -1).forEach(([place, label], at) => {
      const [before, beforeLabel] = ticks[at];
      assert.ok((place - before) * width >= (length(label) + length(beforeLabel)) / 2, `${beforeLabel} and ${label}`);
    });
  }
  assert.ok(ticksOf(scale, 1000, length).length > ticksOf(scale, 120, length).length);
});

test("counts are written as render's legend does", () => {
  const written = [[0.5, "ms"], [1500, "ms"], [90_000, "ms"], [7.2e6, "ms"], [12, "presses"], [12_400, "crossings"], [0.42, "%"]];
  assert.deepEqual(written.map(([value, unit]) => withUnit(value, unit)), ["0.5 ms", "1.5 s", "1.5 min", "2 h", "12", "12.4k", "0.42 %"]);
});

test("a maximum is read in the unit that is shown, and nothing else", () => {
  const texts = [["5 s", "ms"], ["2min", "ms"], ["3", "ms"], ["0.5 %", "%"], ["12", "presses"], ["1.5k", "crossings"]];
  assert.deepEqual(texts.map(([text, unit]) => parseMax(text, unit)), [5000, 120_000, 3000, 0.5, 12, 1500]);
  for (const [text, unit] of [["", "ms"], ["0", "ms"], ["-3", "ms"], ["5 s", "presses"], ["fast", "ms"], ["constructor", "ms"]])
    assert.equal(parseMax(text, unit), null, text);
});

test("a view shows no more beyond the desktop than it must, and no cell larger than can be used", () => {
  const desktop = boundsOf([{ x: -100, y: 0, width_px: 300, height_px: 200 }, { x: 200, y: 50, width_px: 100, height_px: 100 }]);
  assert.deepEqual(desktop, { x: -100, y: 0, width: 400, height: 200 });
  const box = { x: 0, y: 0, width: 800, height: 400 };
  assert.deepEqual(clamped({ x: 900, y: -900, zoom: 0.1 }, box, desktop, 4), { x: 100, y: 100, zoom: 1 });
  assert.deepEqual(clamped({ x: 900, y: -900, zoom: 2 }, box, desktop, 4), { x: 200, y: 50, zoom: 2 });
  assert.equal(clamped({ x: 0, y: 0, zoom: 1e9 }, box, desktop, 4).zoom, 6);
  const pane = paneOf(box, desktop, { x: 200, y: 50, zoom: 2 });
  assert.deepEqual(inPane(pane, { x: 100, y: 0, width: 10, height: 10 }), { x: 0, y: 0, width: 40, height: 40 });
});

test("two panes are beside each other where there is width, else below", () => {
  const desktop = { x: 0, y: 0, width: 1920, height: 1080 };
  const [wide, large, narrow] = [[2000, 700], [3250, 1555], [340, 600]].map(([width, highest]) => arranged(width, highest, 2, desktop, 1));
  assert.equal(wide.boxes[1].y, 0);
  assert.equal(large.boxes[1].y, 0);
  assert.equal(narrow.boxes[1].x, 0);
  for (const { boxes, width, height } of [wide, large, narrow])
    for (const box of boxes) assert.ok(box.x + box.width <= width && box.y + box.height <= height);
  const tall = arranged(1040, 720, 2, desktop, 1);
  assert.equal(tall.boxes[1].x, 0);
  assert.ok(tall.height <= 720, "both are seen at once");
});

test("colours over an image are the more opaque the hotter, up to what was chosen", () => {
  const ramp = Array.from({ length: 256 }, (_, at) => [at, at, at]).flat();
  const maps = { ember: btoa(String.fromCharCode(...ramp)) };
  const { palette } = coloursOf(maps, { map: "ember", isLight: false, isDifference: false, opacity: 0.7 });
  assert.equal(palette[3], 0);
  assert.ok(Math.abs(palette[1023] - 0.7 * 255) <= 1);
  assert.ok(palette[4 * 60 + 3] > 0 && palette[4 * 60 + 3] < palette[1023]);
  assert.equal(coloursOf(maps, { map: "ember", isLight: false, isDifference: false, opacity: null }).palette[3], 255);
});
