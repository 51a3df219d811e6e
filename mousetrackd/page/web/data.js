/** Reads what mousetrackd/page/encode.py wrote: blocks of text, inflated when first needed. */
import { weekdayOf } from "./days.js";
import { defaultSigma } from "./heat.js";

/** How many bytes of inflated blocks are kept. */
const KEPT_BYTES = 192 * 2 ** 20;
/** After so long the page gets a turn. */
const TURN_MS = 12;
const DAY_ONLY = 24;
/** Days in a table are counted from here, see collect.py. */
const FIRST_DAY = -366;

/**
 * The numbers of planes of bytes, the lowest first.
 * @param {Uint8Array[]} planes
 * @param {number} size
 */
function numbers(planes, size) {
  const values = new Float64Array(size);
  let factor = 1;
  for (const plane of planes) {
    for (let i = 0; i < size; i++) values[i] += plane[i] * factor;
    factor *= 256;
  }
  return values;
}

/**
 * Takes planes off a block, one after the other.
 * @param {Uint8Array} bytes
 * @param {number} at
 */
function planeReader(bytes, at) {
  return (/** @type {number} */ count, /** @type {number} */ size) => {
    const planes = [];
    for (let i = 0; i < count; i++, at += size) planes.push(bytes.subarray(at, at + size));
    return planes;
  };
}

/**
 * @param {Uint8Array} bytes
 * @returns {import("./types.js").HourTotals}
 */
export function decodeTotals(bytes) {
  const rows = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  const take = planeReader(bytes, 10);
  const [day, days, hour, monitor, layer, total] = [...bytes.subarray(4, 10)].map((n) => numbers(take(n, rows), rows));
  return {
    day: Int32Array.from(day, (value) => value + FIRST_DAY),
    days: Uint16Array.from(days),
    hour: Uint8Array.from(hour),
    monitor: Uint8Array.from(monitor),
    layer: Uint8Array.from(layer),
    total,
  };
}

/**
 * The entries of a block of cells, as planes: sizes is how many cells each has.
 * @param {Uint8Array} bytes
 */
export function decodeCells(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const [entries, cells, differences, counts] = [0, 4, 8, 12].map((at) => view.getUint32(at, true));
  const take = planeReader(bytes, 16);
  const [day, hour] = take(2, entries);
  const sizes = numbers(take(3, entries), entries);
  const difference = take(differences, cells);
  const count = take(counts, cells);
  const [place] = take(1, cells);
  return {day, hour, sizes, difference, count, place};
}

/**
 * For each column of cells and each sixteenth in it, the columns of the grid whose middles are around it, the share of
 * the second, and the hour's cell it is in; the same for rows. As core/cells.py, and _around in picture/heat.py.
 * @param {number} lengthPx
 * @param {number} cellPx
 * @param {number} gridPx
 * @param {number} hourPx
 */
function gridPlaces(lengthPx, cellPx, gridPx, hourPx) {
  const cells = Math.ceil(lengthPx / cellPx);
  const last = Math.ceil(lengthPx / gridPx) - 1;
  const before = new Int32Array(cells * 16);
  const after = new Int32Array(cells * 16);
  const share = new Float64Array(cells * 16);
  const within = new Int32Array(cells * 16);
  for (let cell = 0; cell < cells; cell++) {
    for (let nth = 0; nth < 16; nth++) {
      const first = Math.ceil((nth * cellPx) / 16);
      const next = Math.ceil(((nth + 1) * cellPx) / 16);
      const at = Math.min(cell * cellPx + Math.floor((first + next - 1) / 2), lengthPx - 1);
      const place = (at + 0.5) / gridPx - 0.5;
      const entry = cell * 16 + nth;
      before[entry] = Math.max(Math.floor(place), 0);
      after[entry] = Math.min(Math.floor(place) + 1, last);
      share[entry] = place - Math.floor(place);
      within[entry] = Math.floor(at / hourPx);
    }
  }
  return {before, after, share, within};
}

/**
 * Adds the entries of a block that are wanted to a grid, each cell shared among the four places around its centre;
 * returns how many cells there were.
 * @param {Uint8Array} bytes
 * @param {import("./types.js").Grid & {sidePx: number, monitorOf: import("./types.js").Monitor}} onto
 * @param {(day: number, hour: number) => boolean} wants
 */
function addCells(bytes, {sidePx, monitorOf, cols, cell_px, place_px, values, visited}, wants) {
  const {day, hour, sizes, difference, count, place} = decodeCells(bytes);
  const across = gridPlaces(monitorOf.width_px, sidePx, cell_px, place_px);
  const down = gridPlaces(monitorOf.height_px, sidePx, cell_px, place_px);
  const placeCols = Math.ceil((cols * cell_px) / place_px);
  const cellCols = Math.ceil(monitorOf.width_px / sidePx);
  const [low, high = null, ...higher] = difference;
  const [ones, ...rest] = count;
  let begin = 0;
  let added = 0;
  for (let entry = 0; entry < sizes.length; entry++) {
    const end = begin + sizes[entry];
    if (!wants(day[entry], hour[entry])) {
      begin = end;
      continue;
    }
    let row = 0;
    let col = 0;
    for (let i = begin; i < end; i++) {
      col += low[i];
      if (high) col += high[i] * 256;
      for (let nth = 0, factor = 65536; nth < higher.length; nth++, factor *= 256) col += higher[nth][i] * factor;
      if (col >= cellCols) {
        row += Math.floor(col / cellCols);
        col %= cellCols;
      }
      let value = ones[i];
      for (let nth = 0, factor = 256; nth < rest.length; nth++, factor *= 256) value += rest[nth][i] * factor;
      const [x, y] = [col * 16 + (place[i] >> 4), row * 16 + (place[i] & 15)];
      const [left, right] = [across.before[x], across.after[x]];
      const [upper, lower] = [down.before[y] * cols, down.after[y] * cols];
      const below = value * down.share[y];
      const above = value - below;
      const part = across.share[x];
      visited[down.within[y] * placeCols + across.within[x]] = 1;
      values[upper + left] += above - above * part;
      values[upper + right] += above * part;
      values[lower + left] += below - below * part;
      values[lower + right] += below * part;
    }
    added += sizes[entry];
    begin = end;
  }
  return added;
}

/**
 * The bytes of text with seven bits a character, as as_text in encode.py makes it.
 * @param {string} text
 */
function bytesOf(text) {
  const bytes = new Uint8Array((text.length * 7) >> 3);
  for (let i = 0, at = 0, held = 0, bits = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    held |= (code < 128 ? code : code - 192) << bits;
    bits += 7;
    if (bits < 8) continue;
    bytes[at++] = held;
    held >>= 8;
    bits -= 8;
  }
  return bytes;
}

/** @param {Uint8Array} bytes */
async function inflate(bytes) {
  const blob = new Blob([/** @type {BlobPart} */ (bytes)]);
  const stream = blob.stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/**
 * Finds and inflates blocks by name; the last ones used are kept.
 * @param {Document} document
 */
function blockReader(document) {
  /** @type {Map<string, Uint8Array>} */
  const kept = new Map();
  let keptBytes = 0;
  return async (/** @type {string} */ name) => {
    let bytes = kept.get(name);
    if (bytes) {
      kept.delete(name);
    } else {
      if (!document.getElementById(name) && document.readyState === "loading") {
        await new Promise((done) => document.addEventListener("DOMContentLoaded", done, {once: true}));
      }
      bytes = await inflate(bytesOf(document.getElementById(name)?.textContent ?? ""));
      keptBytes += bytes.length;
    }
    kept.set(name, bytes);
    for (const [oldest, of] of kept) {
      if (keptBytes <= KEPT_BYTES || oldest === name) break;
      kept.delete(oldest);
      keptBytes -= of.length;
    }
    return bytes;
  };
}

/** Lets the page handle what waits, where that has waited for long. */
function makeTurns() {
  let last = performance.now();
  return async () => {
    if (performance.now() - last < TURN_MS) return;
    await new Promise((done) => setTimeout(done));
    last = performance.now();
  };
}

/**
 * Does a week of 168 flags have an hour, or all hours of a day?
 * @param {Uint8Array} week
 * @param {number} weekday
 * @param {number} hour
 */
function weekHas(week, weekday, hour) {
  const from = weekday * 24;
  return hour === DAY_ONLY ? week.subarray(from, from + 24).every(Boolean) : week[from + hour] === 1;
}

/**
 * Does a week have any hour of a day?
 * @param {Uint8Array} week
 * @param {number} weekday
 */
const weekTouches = (week, weekday) => week.subarray(weekday * 24, weekday * 24 + 24).some(Boolean);

/**
 * On which weekdays between two days, both included, a week has any hour.
 * @param {Uint8Array} week
 * @param {number} first
 * @param {number} last
 */
function weekdaysIn(week, first, last) {
  const all = Array.from({length: Math.min(last - first + 1, 7)}, (_, nth) => weekdayOf(first + nth));
  return all.filter((weekday) => weekTouches(week, weekday));
}

/**
 * The sentence about what is left out. @param {string[]} sums @param {string[]} days
 */
function inexactText(sums, days) {
  const parts = [];
  if (sums.length) parts.push(`${listed(sums)} ${sums.length > 1 ? "are" : "is"} here as a whole only`);
  if (days.length) parts.push("the hours of some days are not known");
  return parts.length ? `Left out: ${parts.join("; ")}.` : "";
}

/** @param {string[]} names */
function listed(names) {
  return names.length > 3 ? `${names[0]} to ${names[names.length - 1]}` : names.join(", ");
}

/**
 * How many hours of a selection have counts; of a sum without hours none is known.
 * @param {import("./types.js").HourTotals} totals
 * @param {import("./types.js").Selection} selection
 * @param {number} monitor
 */
function hoursIn(totals, {span, week, layers}, monitor) {
  const found = new Set();
  for (let i = 0; i < totals.day.length; i++) {
    const day = totals.day[i];
    if (totals.monitor[i] !== monitor || totals.days[i] > 1 || totals.hour[i] === DAY_ONLY) continue;
    if (day < span.first || day > span.last || !layers.includes(totals.layer[i])) continue;
    if (week[weekdayOf(day) * 24 + totals.hour[i]]) found.add(day * 24 + totals.hour[i]);
  }
  return found.size;
}

/**
 * Opens the data of a page.
 * @param {Document} document
 * @returns {Promise<import("./types.js").Archive>}
 */
export async function openArchive(document) {
  const read = blockReader(document);
  /** @type {import("./types.js").Meta} */
  const meta = JSON.parse(document.getElementById("meta")?.textContent ?? "");
  const known = new Set(meta.blocks);
  const [totals, paths] = [decodeTotals(await read("totals")), decodeTotals(await read("paths"))];

  /** On cells half as wide where the layer is blurred so little that it is seen. @param {number} monitor @param {number} layer @returns {import("./types.js").Grid} */
  function emptyGrid(monitor, layer) {
    const {width_px, height_px, grid_px, cell_px: place_px} = meta.monitors[monitor];
    const isFine = defaultSigma(meta.layers[layer], Infinity, Math.min(width_px, height_px)) < 2 * grid_px;
    const cell_px = isFine ? Math.ceil(grid_px / 2) : grid_px;
    const [cols, rows] = [Math.ceil(width_px / cell_px), Math.ceil(height_px / cell_px)];
    const values = new Float64Array(cols * rows);
    const visited = new Uint8Array(Math.ceil((cols * cell_px) / place_px) * Math.ceil((rows * cell_px) / place_px));
    return {monitor, cols, rows, cell_px, values, total: 0, hours: 0, cells: 0, visited, place_px, inexact: ""};
  }

  /** @param {import("./types.js").Grid} grid @param {string} name @param {number} sidePx
   *  @param {(day: number, hour: number) => boolean} wants */
  async function addBlock(grid, name, sidePx, wants) {
    if (!known.has(name)) return;
    grid.cells += addCells(await read(name), {...grid, sidePx, monitorOf: meta.monitors[grid.monitor]}, wants);
  }

  /** The numbers of an application, of which no paths are kept. @param {number} application @returns {Promise<import("./types.js").Counted>} */
  async function of(application) {
    if (!application) return {meta, totals, paths};
    const name = `totals.${application}`;
    return {meta, totals: decodeTotals(await read(name)), paths: decodeTotals(new Uint8Array(10))};
  }

  /** @param {import("./types.js").Grid} grid @param {import("./types.js").Selection} selection */
  async function finish(grid, selection) {
    for (const value of grid.values) grid.total += value;
    grid.total = Math.round(grid.total); // counts are whole, their shares are not
    grid.hours = hoursIn((await of(selection.application)).totals, selection, grid.monitor);
    return grid;
  }

  const everything = {
    span: {first: -1e9, last: 1e9},
    week: new Uint8Array(168).fill(1),
    layers: [0],
    monitors: meta.monitors.map((_, index) => index),
    application: 0,
  };

  async function first() {
    const grids = everything.monitors.map((monitor) => emptyGrid(monitor, 0));
    for (const grid of grids) {
      await addBlock(grid, `f.${grid.monitor}`, grid.cell_px, () => true);
      await finish(grid, everything);
    }
    return grids;
  }

  /** @param {import("./types.js").Selection} selection @param {() => boolean} isStale */
  async function sum(selection, isStale) {
    const {span, week, layers, monitors, application} = selection;
    const suffix = application ? `.${application}` : "";
    const isAllHours = week.every(Boolean);
    const turn = makeTurns();
    const grids = [];
    for (const monitor of monitors) {
      const grid = emptyGrid(monitor, layers[0]);
      const sums = [];
      /** @type {Set<string>} */
      const days = new Set();
      for (const [number, one] of meta.sums.entries()) {
        if (one.last < span.first || one.first > span.last) continue;
        const isWhole = isAllHours && one.first >= span.first && one.last <= span.last;
        const present = layers.filter((layer) => known.has(`s.${number}.${monitor}.${layer}${suffix}`));
        if (one.more && !isWhole && present.length) sums.push(one.name);
        const weekdays = weekdaysIn(week, Math.max(one.first, span.first), Math.min(one.last, span.last));
        const kinds = isWhole ? ["s"] : weekdays.map((weekday) => `h${weekday}`);
        const names = present.flatMap((layer) => kinds.map((kind) => `${kind}.${number}.${monitor}.${layer}${suffix}`));
        const sidePx = meta.monitors[monitor][isWhole ? "sum_px" : "cell_px"];
        for (const name of names) {
          await turn();
          if (isStale()) return null;
          await addBlock(grid, name, sidePx, (ofSum, hour) => {
            const day = one.first + ofSum;
            if (isWhole) return true;
            if (day < span.first || day > span.last) return false;
            const has = weekHas(week, weekdayOf(day), hour);
            if (!has && hour === DAY_ONLY && weekTouches(week, weekdayOf(day))) days.add(String(day));
            return has;
          });
        }
      }
      grid.inexact = inexactText(sums, [...days]);
      grids.push(await finish(grid, selection));
    }
    return isStale() ? null : grids;
  }

  return {meta, totals, paths, of, first, sum};
}
