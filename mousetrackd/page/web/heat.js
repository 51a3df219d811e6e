// From a grid of counts to heat, and from heat to brightness, as mousetrackd/picture/heat.py and styles.py define them.
// Pure: no document, no state.

/** @import {Grid, Layer} from "./types.js" */

const CELLS_PER_SIGMA = 4;
const TOUCHED = 1e-3;
const WIDEST = 2;
/** The least sigma, as a share of the shorter side, at which an hour's cells join into lines. */
const SIGMA_OF_CELLS = 0.012;
const FAINTEST_DOT = 0.5;
const LEAST_MAX = 5;
/** Places with less than this part of the peak are none of the hottest. */
const PEAKS_FROM = 200;
const LONE_SLACK = 0.05;

/** @typedef {{cols: number, rows: number, cell_px: number, cells: Float32Array, typical: number, peak: number, isDots: boolean}} Heat
 *   cells: heat at the middle of each cell, of cell_px by cell_px px of the monitor. peak: the most of them. typical: that of the middle one of the
 *   places where something was counted; Infinity where nothing was. isDots: it is not blurred. */

/**
 * How far heat of a layer spreads, in px of each monitor whose shorter side has so many px: wider while little is counted.
 * @param {Layer} layer
 * @param {number} counted how many cells were counted in
 * @param {number} shorter_px
 */
export function defaultSigma(layer, counted, shorter_px) {
  if (!layer.plenty) return Math.max(layer.sigma_share, SIGMA_OF_CELLS) * shorter_px;
  const widening = (layer.plenty / Math.max(counted * layer.pixels_a_cell, 1)) ** (1 / 6);
  return layer.sigma_share * shorter_px * Math.min(Math.max(widening, 1), WIDEST);
}

/**
 * Heat: the counts around a point, weighted by a Gaussian that is 1 at the point itself. Nothing is beyond the edges.
 * @param {Grid} grid
 * @param {number} sigma_px of less than half a cell does not blur
 * @param {boolean} isLine many cells along a line add to the heat of one: a line crossed once is to have the heat 1
 * @param {{width_px: number, height_px: number}} monitor of the grid
 * @returns {Heat}
 */
export function heatOf(grid, sigma_px, isLine, monitor) {
  const isDots = sigma_px < grid.cell_px / 2;
  const block = isDots ? 1 : Math.max(Math.floor(sigma_px / CELLS_PER_SIGMA / grid.cell_px), 1);
  const { cols, rows, values } = binned(grid, block);
  const cell_px = grid.cell_px * block;
  /** @type {Float32Array} */
  let cells = values;
  if (!isDots) {
    // Sharing a count among the cells around it, and interpolating between them, blur by n^2 / 6 each.
    const left = Math.sqrt(Math.max(sigma_px ** 2 - cell_px ** 2 / 3, 1e-6)) / cell_px;
    const line = isLine ? Math.max(Math.sqrt(2 * Math.PI) * sigma_px, 1) : 1;
    cells = blurred(values, cols, rows, kernel(left), (2 * Math.PI * sigma_px ** 2) / cell_px ** 2 / line);
  }
  const heat = { cols, rows, cell_px, cells, typical: Infinity, peak: peakOf(cells), isDots };
  const found = isDots ? cells.filter(Boolean) : hottestOfPlaces(heat, grid, sigma_px, monitor);
  if (found.length) heat.typical = nth(found, found.length >> 1);
  return heat;
}

/**
 * How wide the cells of `render` are along a length: they divide it.
 * @param {number} length_px
 * @param {number} sigma_px
 */
function renderCell(length_px, sigma_px) {
  let cell_px = Math.max(Math.floor(sigma_px / CELLS_PER_SIGMA), 1);
  while (length_px % cell_px) cell_px--;
  return cell_px;
}

/**
 * From where to where the cells along a length are that belong to each place.
 * @param {number} length_px
 * @param {number} cell_px
 * @param {number} place_px
 */
function cellsOfPlaces(length_px, cell_px, place_px) {
  const cells = Math.floor(length_px / cell_px);
  const places = Math.ceil(length_px / place_px);
  const begins = Array.from({ length: places }, (_, place) => Math.min(Math.floor((place * place_px) / cell_px), cells - 1));
  return begins.map((begin, place) => [begin, place + 1 < places ? Math.max(begins[place + 1], begin + 1) : cells]);
}

/**
 * The hottest point of each place that was visited, of those where `render` has cells: on a slope it is at the edge of its
 * place, so that it is the hotter the finer one looks. Of cells finer than the heat's, their middles are all there is.
 * @param {Heat} heat
 * @param {Grid} grid
 * @param {number} sigma_px
 * @param {{width_px: number, height_px: number}} monitor
 */
function hottestOfPlaces(heat, { visited, place_px, cols, cell_px }, sigma_px, { width_px, height_px }) {
  const across = Math.ceil((cols * cell_px) / place_px);
  const [wide, high] = [width_px, height_px].map((length_px) => Math.max(renderCell(length_px, sigma_px), heat.cell_px));
  const columns = cellsOfPlaces(width_px, wide, place_px);
  const found = new Float32Array(visited.length);
  cellsOfPlaces(height_px, high, place_px).forEach(([top, bottom], down) =>
    columns.forEach(([left, right], along) => {
      const place = down * across + along;
      if (!visited[place]) return;
      for (let row = top; row < bottom; row++)
        for (let col = left; col < right; col++) found[place] = Math.max(found[place], heatAt(heat, (col + 0.5) * wide, (row + 0.5) * high));
    }),
  );
  return found.filter(Boolean);
}

/** @param {Float32Array} cells */
function peakOf(cells) {
  let peak = 0;
  for (const cell of cells) peak = Math.max(peak, Math.abs(cell));
  return peak;
}

/**
 * @param {Grid} grid
 * @param {number} block how many cells a side become one
 */
function binned(grid, block) {
  if (block === 1) return { cols: grid.cols, rows: grid.rows, values: Float32Array.from(grid.values) };
  const cols = Math.ceil(grid.cols / block);
  const rows = Math.ceil(grid.rows / block);
  const values = new Float32Array(cols * rows);
  for (let y = 0, from = 0; y < grid.rows; y++) {
    const row = Math.floor(y / block) * cols;
    for (let x = 0; x < grid.cols; x++) values[row + Math.floor(x / block)] += grid.values[from++];
  }
  return { cols, rows, values };
}

/** @param {number} sigma in cells */
function kernel(sigma) {
  const reach = Math.round(sigma * 8 + 1) >> 1;
  const weights = Float64Array.from({ length: 2 * reach + 1 }, (_, at) => Math.exp(-((at - reach) ** 2) / 2 / sigma ** 2));
  const sum = weights.reduce((all, one) => all + one);
  return weights.map((one) => one / sum);
}

/**
 * @param {Float32Array} values
 * @param {number} cols
 * @param {number} rows
 * @param {Float64Array} weights
 * @param {number} factor
 */
function blurred(values, cols, rows, weights, factor) {
  const reach = weights.length >> 1;
  const along = new Float32Array(values.length);
  const sums = new Float32Array(values.length);
  for (let row = 0; row < rows; row++) {
    const start = row * cols;
    for (let col = 0; col < cols; col++) {
      const value = values[start + col] * factor;
      if (!value) continue; // most places are empty
      const to = Math.min(col + reach, cols - 1);
      for (let at = Math.max(col - reach, 0); at <= to; at++) along[start + at] += value * weights[at - col + reach];
    }
  }
  for (let row = 0; row < rows; row++) {
    for (let at = Math.max(row - reach, 0); at <= Math.min(row + reach, rows - 1); at++) {
      const weight = weights[at - row + reach];
      for (let col = 0, to = at * cols, from = row * cols; col < cols; col++) sums[to++] += weight * along[from++];
    }
  }
  return sums;
}

/**
 * The n-th smallest of positive numbers, counted from 0. Their bits are in the same order: no need to sort them all.
 * @param {Float32Array} values
 * @param {number} n
 */
function nth(values, n) {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const counts = new Uint32Array(1 << 16);
  for (const one of bits) counts[one >>> 16]++;
  let head = 0;
  let before = 0;
  while (before + counts[head] <= n) before += counts[head++];
  return values.filter((_, at) => bits[at] >>> 16 === head).toSorted()[n - before];
}

/**
 * The heat that gets the hottest colour: a percentile of the touched area over all monitors, at most `guard` times what
 * half of the visited places have. Of what is counted one by one it is a whole number, and no small one.
 * @param {Heat[]} heats
 * @param {{percentile: number, guard: number}} rules
 * @param {number} least
 * @param {boolean} isCounted
 */
export function hottestHeat(heats, rules, least, isCounted) {
  const all = new Float32Array(heats.reduce((sum, heat) => sum + heat.cells.length, 0));
  let filled = 0;
  for (const { cells } of heats)
    for (const cell of cells) if (Math.abs(cell) > TOUCHED * least) all[filled++] = Math.abs(cell);
  const touched = all.subarray(0, filled);
  let hottest = least;
  if (filled) {
    const place = (rules.percentile / 100) * (filled - 1);
    const low = nth(touched, Math.floor(place));
    const typicals = heats.map((heat) => heat.typical).filter(Number.isFinite);
    const guard = typicals.length ? rules.guard * Math.max(...typicals) : Infinity;
    hottest = Math.max(Math.min(low + (nth(touched, Math.ceil(place)) - low) * (place % 1), guard), least);
  }
  return isCounted ? Math.max(Math.ceil(hottest - LONE_SLACK), LEAST_MAX) : hottest;
}

/**
 * What A has more than B, cell by cell. Both are of one monitor and one sigma.
 * @param {Heat} a
 * @param {Heat} b
 * @param {number} factorA
 * @param {number} factorB
 * @returns {Heat}
 */
export function differenceOf(a, b, factorA, factorB) {
  const typicals = [a.typical * factorA, b.typical * factorB].filter(Number.isFinite);
  const typical = typicals.length ? Math.max(...typicals) : Infinity;
  const cells = a.cells.map((one, at) => one * factorA - b.cells[at] * factorB);
  return { ...a, typical, cells, peak: peakOf(cells) };
}

/**
 * Brightness from 0 to 1 for heat as a share of the hottest.
 * @param {number} share
 * @param {string} scale
 * @param {number} log_range
 */
export function tone(share, scale, log_range) {
  const clipped = Math.min(Math.max(share, 0), 1);
  if (scale === "log") return Math.log1p(clipped * log_range) / Math.log1p(log_range);
  return scale === "sqrt" ? Math.sqrt(clipped) : clipped;
}

/**
 * A level from 0 to 255 for each cell; of differences 128 is none, below is less.
 * @param {Heat} heat
 * @param {{max: number, scale: string, log_range: number, isSigned: boolean}} measure
 */
export function levelsOf(heat, measure) {
  const levels = new Uint8Array(heat.cells.length);
  for (let at = 0; at < levels.length; at++) {
    const cell = heat.cells[at];
    if (!cell && !measure.isSigned) continue;
    let bright = tone(Math.abs(cell) / measure.max, measure.scale, measure.log_range);
    if (heat.isDots && bright > 0) bright = FAINTEST_DOT + (1 - FAINTEST_DOT) * bright;
    levels[at] = measure.isSigned ? Math.round(128 + 127 * Math.sign(cell) * bright) : Math.round(255 * bright);
  }
  return levels;
}

/**
 * Heat at a point of the monitor, in px.
 * @param {Heat} heat
 * @param {number} x
 * @param {number} y
 */
export function heatAt(heat, x, y) {
  const across = x / heat.cell_px - (heat.isDots ? 0 : 0.5);
  const down = y / heat.cell_px - (heat.isDots ? 0 : 0.5);
  /** @type {(row: number, col: number) => number} */
  const cell = (row, col) =>
    heat.cells[Math.min(Math.max(row, 0), heat.rows - 1) * heat.cols + Math.min(Math.max(col, 0), heat.cols - 1)];
  const [col, row] = [Math.floor(across), Math.floor(down)];
  if (heat.isDots) return cell(row, col);
  const [right, below] = [across - col, down - row];
  const upper = cell(row, col) * (1 - right) + cell(row, col + 1) * right;
  return upper * (1 - below) + (cell(row + 1, col) * (1 - right) + cell(row + 1, col + 1) * right) * below;
}

/** Is no cell around it hotter? @param {Heat} heat @param {number} at */
function isPeak({ cells, cols, rows }, at) {
  const [row, col] = [Math.floor(at / cols), at % cols];
  for (let y = Math.max(row - 1, 0); y <= Math.min(row + 1, rows - 1); y++)
    for (let x = Math.max(col - 1, 0); x <= Math.min(col + 1, cols - 1); x++)
      if (Math.abs(cells[y * cols + x]) > Math.abs(cells[at])) return false;
  return true;
}

/** Whether a place of a monitor is excluded. @param {number[][]} holes @param {number} x @param {number} y */
export function inHole(holes, x, y) {
  return holes.some(([left, top, wide, high]) => x >= left && y >= top && x < left + wide && y < top + high);
}

/**
 * The hottest places of a monitor that are in none of its holes, hottest first, no two closer than apart_px.
 * @param {Heat} heat
 * @param {number} apart_px
 * @param {number} n
 * @param {number[][]} holes
 * @returns {{x: number, y: number, value: number}[]}
 */
export function peaksOf(heat, apart_px, n, holes) {
  const { cells, cols, cell_px } = heat;
  /** @type {{x: number, y: number, value: number}[]} */
  const peaks = [];
  const least = heat.peak / PEAKS_FROM;
  for (let at = 0; at < cells.length; at++) {
    const value = Math.abs(cells[at]);
    if (value > least && isPeak(heat, at)) peaks.push({ x: ((at % cols) + 0.5) * cell_px, y: (Math.floor(at / cols) + 0.5) * cell_px, value: cells[at] });
  }
  /** @type {typeof peaks} */
  const chosen = [];
  for (const peak of peaks.toSorted((one, other) => Math.abs(other.value) - Math.abs(one.value))) {
    if (chosen.length === n) break;
    if (!inHole(holes, peak.x, peak.y) && chosen.every((one) => Math.hypot(one.x - peak.x, one.y - peak.y) >= apart_px)) chosen.push(peak);
  }
  return chosen;
}
