import { holds, lengthOf, weekdayOf } from "./days.js";

/** @typedef {{active: number, length: number, clicks: number, scroll: number}} Sum
 *   active in ms, length in metres, or in px where a screen's size is unknown */
/** @typedef {{first: number, active: Float64Array, length: Float64Array, clicks: Float64Array, scroll: Float64Array,
 *   length_unit: "m"|"px", longer: {span: import("./types.js").Span, sum: Sum}[]}} DayTally
 *   per day from the first on; longer: months and years whose days are no longer known, without their counts where only some hours are asked for */
/** @typedef {import("./types.js").HourTotals} Rows */

/** @type {(keyof Sum)[]} */
const SUM_KEYS = ["active", "length", "clicks", "scroll"];
const HOUR_UNKNOWN = 24;

/** @returns {Sum} */
export function nothing() {
  return { active: 0, length: 0, clicks: 0, scroll: 0 };
}

/**
 * The numbers of every day, in one pass over the hours. Where some hours are left out, so is what has no hour.
 * @param {import("./types.js").Counted} counted @param {import("./types.js").Span} whole
 * @param {Uint8Array} week @param {number[]} monitors @returns {DayTally}
 */
export function tallyDays({ meta, totals, paths }, whole, week, monitors) {
  const measured = monitors.every((monitor) => meta.monitors[monitor].metres_per_px > 0);
  const [active, length, clicks, scroll] = SUM_KEYS.map(() => new Float64Array(lengthOf(whole)));
  const columns = { active, length, clicks, scroll };
  /** @type {Map<string, {span: import("./types.js").Span, sum: Sum}>} */
  const longer = new Map();
  const everyHour = !week.includes(0);
  const everyHourOf = Array.from({ length: 7 }, (_, day) => !week.subarray(day * 24, day * 24 + 24).includes(0));
  const wanted = meta.monitors.map((_, monitor) => monitors.includes(monitor));

  /** @param {Rows} rows @param {(keyof Sum|null)[]} keys by layer @param {number[]} factors by monitor */
  function add(rows, keys, factors) {
    for (let row = 0; row < rows.day.length; row++) {
      const [day, days, hour, monitor] = [rows.day[row], rows.days[row], rows.hour[row], rows.monitor[row]];
      const key = keys[rows.layer[row]];
      if (!key || !wanted[monitor]) continue;
      const value = rows.total[row] * factors[monitor];
      if (days > 1) {
        const name = `${day} ${days}`;
        const one = longer.get(name) ?? { span: { first: day, last: day + days - 1 }, sum: nothing() };
        if (everyHour) one.sum[key] += value;
        longer.set(name, one);
      } else if (hour === HOUR_UNKNOWN ? everyHourOf[weekdayOf(day)] : week[weekdayOf(day) * 24 + hour]) {
        columns[key][day - whole.first] += value;
      }
    }
  }
  const ones = meta.monitors.map(() => 1);
  add(totals, meta.layers.map(({ name }) => (name === "dwell" ? "active" : name === "scroll" ? name : name.startsWith("clicks") ? "clicks" : null)), ones);
  add(paths, ["length"], measured ? meta.monitors.map(({ metres_per_px }) => metres_per_px) : ones);
  return { first: whole.first, ...columns, length_unit: measured ? "m" : "px", longer: [...longer.values()] };
}

/**
 * Active time by weekday and hour, in ms, of what is known by the hour.
 * @param {import("./types.js").Counted} counted
 * @param {import("./types.js").Span} span @param {number[]} monitors @returns {Float64Array} weekday * 24 + hour
 */
export function tallyWeek({ meta, totals }, span, monitors) {
  const week = new Float64Array(168);
  const dwell = meta.layers.findIndex((layer) => layer.name === "dwell");
  for (let row = firstRow(totals.day, span.first); row < totals.day.length && totals.day[row] <= span.last; row++) {
    const [day, hour] = [totals.day[row], totals.hour[row]];
    if (totals.layer[row] === dwell && totals.days[row] <= 1 && hour < HOUR_UNKNOWN && monitors.includes(totals.monitor[row]))
      week[weekdayOf(day) * 24 + hour] += totals.total[row];
  }
  return week;
}

/** The first entry of a sorted column that is not below the day. @param {Int32Array} days @param {number} day @returns {number} */
function firstRow(days, day) {
  let [low, high] = [0, days.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (days[middle] < day) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Of the days, and of the longer stretches that lie wholly inside. @param {DayTally} tally @param {import("./types.js").Span} span @returns {Sum} */
export function sumOf(tally, span) {
  const sum = nothing();
  const [from, to] = [span.first - tally.first, span.last - tally.first + 1].map((at) => Math.max(0, at));
  for (const key of SUM_KEYS) {
    sum[key] = tally[key].subarray(from, to).reduce((total, value) => total + value, 0);
    for (const one of tally.longer) if (holds(span, one.span.first) && holds(span, one.span.last)) sum[key] += one.sum[key];
  }
  return sum;
}

/**
 * The spans of a chart's bars, each of one unit.
 * @param {import("./types.js").Span} span @param {(day: number) => import("./types.js").Span} unit around a day
 * @returns {import("./types.js").Span[]} cut at the ends of the span
 */
export function barsOf(span, unit) {
  const bars = [];
  for (let day = span.first; day <= span.last; day = bars[bars.length - 1].last + 1)
    bars.push({ first: day, last: Math.min(unit(day).last, span.last) });
  return bars;
}
