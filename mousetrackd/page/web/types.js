/** What the page holds, and what its parts hand each other. Types only: the build leaves this file out. */

/** @typedef {{name: string, width_px: number, height_px: number, x: number, y: number, cell_px: number, grid_px: number, sum_px: number, sigma_px: number, metres_per_px: number, holes: number[][]}} Monitor
 *   x, y: its place on the desktop; cell_px: side of an hour's cells, sum_px: of those of a sum; grid_px: whole px, about cell_px / 4, side of a Grid's cells at most;
 *   sigma_px: what `render` would blur layer dwell with by default (see Layer for others); metres_per_px: 0 where unknown; holes: excluded rectangles [x, y, w, h] in px of the monitor */

/** @typedef {{name: string, title: string, unit: string, caption: string, colormap: string, sigma_share: number, plenty: number, pixels_a_cell: number}} Layer
 *   names as in the store: dwell travel clicks.left clicks.middle clicks.right clicks.other scroll; unit: ms crossings presses steps; the rest as Style in picture/styles.py */

/** @typedef {{first: number, last: number}} Span   days, both included */

/** @typedef {{format: 2, version: string, made: string, first_day: number, last_day: number, zone: string,
 *   monitors: Monitor[], layers: Layer[], maps: {[name: string]: string}, log_range: number, guard: number, percentile: number,
 *   sums: Sum[], blocks: string[], applications: string[], notes: string[]}} Meta
 *   days: whole days since 1970-01-01 of the LOCAL date. maps: base64 of 256 * RGB bytes, every map of ours and OpenCV's, `_r` made in JS; made: ISO time.
 *   first_day, last_day: between which days there are hours in the page (before it: sums only). notes: sentences about what is left out.
 *   applications: "" for all of them and the names of those to choose; or the one name that the page is of */

/** @typedef {{first: number, last: number, name: string, more: boolean}} Sum
 *   counts of a month (or year) kept or shown as one; name: "March 2025". more: it holds counts that are in no hour of the page, so a part of it cannot be answered exactly */

/** @typedef {{day: Int32Array, days: Uint16Array, hour: Uint8Array, monitor: Uint8Array, layer: Uint8Array, total: Float64Array}} HourTotals
 *   one entry for each (hour, monitor, layer), sorted by time; columns of equal length. hour 24: the day is known and the hour is not. days > 1: a month or longer from `day` on,
 *   of which no hour is in the page. Their sums are those of `stats --json` */

/** @typedef {{span: Span, week: Uint8Array, layers: number[], monitors: number[], application: number}} Selection
 *   week: 168 flags, weekday * 24 + hour, Monday 0. layers: indices, summed (all click layers are one choice) */

/** @typedef {{monitor: number, cols: number, rows: number, cell_px: number, values: Float64Array, total: number, hours: number, cells: number, visited: Uint8Array, place_px: number, inexact: string}} Grid
 *   values: sums on cells of cell_px (grid_px, 4 px at 1080p, and half as much of clicks): each hour's cell is shared among the four places around its centre of mass. hours: of which something was counted. cells: how many there were. visited: 1 for each place in which there were any; place_px: their side, that of an hour's cell. inexact: "" or the sentence to show ("March 2025 is here as a whole month only") */

/** @typedef {{meta: Meta, totals: HourTotals, paths: HourTotals}} Counted */
/** @typedef {{meta: Meta, totals: HourTotals, paths: HourTotals, of: (application: number) => Promise<Counted>, first: () => Promise<Grid[]>, sum: (selection: Selection, isStale: () => boolean) => Promise<Grid[]|null>}} Archive
 *   paths: how far the pointer went, px (layer is 0 there). first(): the all-time grid of layer 0 for each monitor, before hours are read. sum(): a Grid for each monitor of the selection; null if isStale() became true; yields to the page between blocks */

/** @typedef {{a: Span, b: Span|null, mode: "single"|"side"|"difference", week: Uint8Array, layer: string, monitors: number[], application: number,
 *   map: string, scale: "log"|"sqrt"|"linear", max: number|null, share: boolean, sigma_px: number|null, view: {x: number, y: number, zoom: number}, theme: "auto"|"light"|"dark", under_opacity: number}} State
 *   layer: "dwell" "travel" "clicks" "clicks.left" ... "scroll". max null: automatic. share: percent of total instead of units. view: desktop px of the middle, zoom 1 = all fits */

export {};
