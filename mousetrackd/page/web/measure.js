// What a picture shows of a choice: the heat of each monitor, one scale for all, and what a point means. Pure.

import { defaultSigma, differenceOf, heatAt, heatOf, hottestHeat, peaksOf, tone } from "./heat.js";
import { withUnit } from "./legend.js";

/** @import {Grid, Layer, Meta, State} from "./types.js" */
/** @import {Heat} from "./heat.js" */
/** @import {Scale} from "./legend.js" */
/** @typedef {{monitor: number, x: number, y: number, value: number}} Place */

/** @typedef {{heats: WeakMap<Grid, {sigma_px: number, heat: Heat}>, key: string, drawn: Heat[][], hottest: number[]}} Known */

/** @returns {Known} */
export function nothingKnown() {
  return { heats: new WeakMap(), key: "", drawn: [], hottest: [] };
}

/** The layer that is drawn; all buttons together look like the left one. @param {Meta} meta @param {string} name @returns {Layer} */
export function layerOf(meta, name) {
  const found = meta.layers.find((one) => one.name === name);
  if (found) return found;
  const clicks = meta.layers.find((one) => one.name.startsWith("clicks"));
  return name === "clicks" && clicks ? { ...clicks, name, title: "Clicks of all buttons" } : meta.layers[0];
}

/**
 * The measure of one picture, or of two that are compared.
 * @param {Meta} meta
 * @param {State} state
 * @param {Grid[][]} shown of A, and of B where it is compared; the same monitors in the same order
 * @param {Known} known what was found before for the same grids; it is added to
 */
export function measureOf(meta, state, shown, known) {
  const layer = layerOf(meta, state.layer);
  const isSigned = shown.length > 1 && state.mode === "difference";
  const unit = state.share ? "%" : layer.unit;
  const totals = shown.map((grids) => grids.reduce((sum, grid) => sum + grid.total, 0));
  const factors = totals.map((total) => (!state.share ? 1 : total ? 100 / total : 0));
  const counted = Math.max(...shown.map((grids) => grids.reduce((sum, grid) => sum + grid.cells, 0)));
  let largest_px = 0;
  let sigmaShown_px = 0;
  const heats = shown.map((grids) =>
    grids.map((grid) => {
      const monitor = meta.monitors[grid.monitor];
      const shorter_px = Math.min(monitor.width_px, monitor.height_px);
      const sigma_px = state.sigma_px ?? defaultSigma(layer, counted, shorter_px);
      if (shorter_px > largest_px) [largest_px, sigmaShown_px] = [shorter_px, sigma_px];
      const before = known.heats.get(grid);
      if (before && before.sigma_px === sigma_px) return before.heat;
      const heat = heatOf(grid, sigma_px, layer.name === "travel", monitor);
      known.heats.set(grid, { sigma_px, heat });
      return heat;
    }),
  );
  const drawnFactors = isSigned ? [1] : factors;
  const key = JSON.stringify([state.layer, isSigned, state.share, state.sigma_px, shown.length]);
  if (key !== known.key) {
    known.key = key;
    known.drawn = isSigned ? [heats[0].map((heat, at) => differenceOf(heat, heats[1][at], factors[0], factors[1]))] : heats;
    const least = isSigned ? Math.min(...factors) : 1;
    const isCounted = layer.unit !== "ms" && !(isSigned && state.share);
    known.hottest = known.drawn.map((one, at) => hottestHeat(one, meta, least, isCounted) * drawnFactors[at]);
  }
  const { drawn } = known;
  const max = state.max || Math.max(...known.hottest) || 1;
  const isClipped = drawn.some((one, at) => one.some((heat) => heat.peak * drawnFactors[at] > max * 1.001));
  /** @type {Scale} */
  const scale = {
    caption: isSigned ? `A minus B: ${layer.caption}` : layer.caption + (state.share ? ", in percent of all" : ""),
    max, unit, isClipped, isSigned,
    place: (share) => tone(share, state.scale, meta.log_range),
  };
  /** @param {number} value of any sign */
  const format = (value) => (value < 0 ? "\u2212" : "") + withUnit(Math.abs(value), unit) + (unit === "ms" || unit === "%" ? "" : ` ${unit}`);
  return {
    layer, scale, totals, drawn, format, sigma_px: sigmaShown_px,
    /** The maximum of each pane in the unit of its heats. */
    maxima: drawnFactors.map((factor) => (factor ? max / factor : Infinity)),
    /** What was counted around a point of one of the monitors: of A, and of B. @type {(at: number, x: number, y: number) => number[]} */
    valuesAt: (at, x, y) => heats.map((one, pane) => heatAt(one[at], x, y) * factors[pane]),
    /** The hottest places of A, or of the difference. @type {(n: number) => Place[]} */
    hottest: (n) =>
      drawn[0]
        .flatMap((heat, at) => {
          const { monitor } = shown[0][at];
          const peaks = peaksOf(heat, Math.max(3 * sigmaShown_px, 4 * heat.cell_px), n, meta.monitors[monitor].holes);
          return peaks.map(({ x, y, value }) => ({ monitor, x, y, value: value * drawnFactors[0] }));
        })
        .toSorted((one, other) => Math.abs(other.value) - Math.abs(one.value))
        .slice(0, n),
  };
}

/** @typedef {ReturnType<typeof measureOf>} Measure */

/**
 * What was counted around a point, in a sentence's part.
 * @param {Measure} measure
 * @param {number[]} values of A, and of B
 */
export function describe(measure, values) {
  const { format: text, scale: { isSigned } } = measure;
  if (values.length === 1) return text(values[0]);
  const both = `A ${text(values[0])}, B ${text(values[1])}`;
  if (!isSigned) return both;
  const more = values[0] - values[1];
  return `${text(Math.abs(more))} ${more < 0 ? "less" : "more"} in A (${both})`;
}
