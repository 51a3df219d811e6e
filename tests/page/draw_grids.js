// Reads questions as JSON on standard input: [{meta, state, isLight, cols, rows, cell_px, cells, values, visited, place_px}].
// Writes for each the levels of its cells, its palette and its measure. For test_drawing.py.

import { readFileSync } from "node:fs";

import { coloursOf } from "../../mousetrackd/page/web/colours.js";
import { levelsOf } from "../../mousetrackd/page/web/heat.js";
import { measureOf, nothingKnown } from "../../mousetrackd/page/web/measure.js";

const answers = JSON.parse(readFileSync(0, "utf8")).map((one) => {
  const { meta, state, cols, rows, cell_px, cells, values, visited, place_px, isLight } = one;
  const grid = { monitor: 0, cols, rows, cell_px, values: Float64Array.from(values), visited: Uint8Array.from(visited), place_px, total: 0, hours: 1, cells, inexact: "" };
  const measure = measureOf(meta, state, [[grid]], nothingKnown());
  const [heat] = measure.drawn[0];
  const { scale, log_range } = { scale: state.scale, log_range: meta.log_range };
  const levels = levelsOf(heat, { max: measure.maxima[0], scale, log_range, isSigned: false });
  const colours = coloursOf(meta.maps, { map: state.map, isLight, isDifference: false, opacity: one.opacity ?? null });
  return {
    levels: Array.from(levels),
    cols: heat.cols,
    rows: heat.rows,
    cell_px: heat.cell_px,
    palette: Array.from(colours.palette),
    panel: colours.panel,
    line: colours.line,
    max: measure.scale.max,
    sigma_px: measure.sigma_px,
  };
});
process.stdout.write(JSON.stringify(answers));
