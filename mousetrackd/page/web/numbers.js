import { barChart } from "./charts.js";
import { holds, isoDay, lengthOf, monthOf, monthSpan, weekdayOf, weekSpan } from "./days.js";
import { byId, make } from "./dom.js";
import { createTable } from "./tables.js";
import { barsOf, nothing, sumOf } from "./tally.js";
import { fileName, formatChange, formatCount, formatLength, formatSpan, formatTime, WEEKDAY_NAMES } from "./wording.js";

/** @typedef {{a: import("./types.js").Span, b: import("./types.js").Span|null, tally: import("./tally.js").DayTally, hours: Float64Array, isOfOne: boolean}} Numbers
 *   hours: active ms by weekday and hour. isOfOne: of a single application */
/** @typedef {keyof import("./tally.js").Sum} Kind */

const MOST_BARS = 120;
const WEEKS_OF_TREND = 53;
/** @type {{[kind in Kind]: string}} */
const TITLES = { active: "Active time", length: "Distance", clicks: "Clicks", scroll: "Scrolling" };
const KINDS = /** @type {Kind[]} */ (Object.keys(TITLES));
/** @type {[string, (day: number) => import("./types.js").Span][]} */
const BAR_UNITS = [
  ["a day", (day) => ({ first: day, last: day })], ["a week", weekSpan], ["a month", (day) => monthSpan(monthOf(day))],
  ["a year", (day) => monthSpan(monthOf(day) - (monthOf(day) % 12), 12)],
];

/** @param {Kind} kind @param {number} value @param {"m"|"px"} unit of lengths @returns {string} */
function formatKind(kind, value, unit) {
  if (kind === "active") return formatTime(value);
  return kind === "length" ? formatLength(value, unit) : formatCount(value);
}

/**
 * How the newest four weeks compare with the four before them.
 * @param {number[]} weeks active ms of whole weeks, oldest first @returns {string}
 */
export function trendOf(weeks) {
  const [newer, older] = [weeks.slice(-4), weeks.slice(-8, -4)].map((part) => part.reduce((sum, value) => sum + value, 0));
  const change = weeks.length < 8 ? "" : formatChange(newer, older);
  if (!change) return "No trend yet";
  return `Last four whole weeks: ${change}${change === "the same" ? " as" : " than"} the four before`;
}

/**
 * Of what a bar is: a day, or a week or month where there are more days than bars are wide enough for; never less than
 * is known of all of the range, which may be months or years.
 * @param {import("./tally.js").DayTally} tally @param {import("./types.js").Span} range
 */
export function barUnit({ longer }, range) {
  const days = lengthOf(range);
  const longest = Math.max(0, ...longer.filter(({ span }) => holds(range, span.first)).map(({ span }) => lengthOf(span)));
  return BAR_UNITS[longest > 31 ? 3 : longest || days > MOST_BARS * 7 ? 2 : days > MOST_BARS ? 1 : 0];
}

/** Whether a day is known by itself, not only in a month or longer. @param {import("./tally.js").DayTally} tally @param {number} day */
export function isKnown({ first, active, longer }, day) {
  return day >= first && day < first + active.length && !longer.some(({ span }) => holds(span, day));
}

/**
 * The sums of each weekday of a range, and of how many days they are.
 * @param {import("./tally.js").DayTally} tally @param {import("./types.js").Span} range @returns {(import("./tally.js").Sum & {days: number})[]}
 */
export function sumWeekdays(tally, range) {
  const sums = WEEKDAY_NAMES.map(() => Object.assign(nothing(), { days: 0 }));
  for (let day = range.first; day <= range.last; day++) {
    const sum = sums[weekdayOf(day)];
    if (isKnown(tally, day)) sum.days++;
    for (const kind of KINDS) sum[kind] += tally[kind][day - tally.first];
  }
  return sums;
}

/** @param {string} title */
function makeFigure(title) {
  const [name, value, chart, axis] = [make("h3"), make("strong"), make("div"), make("p", { className: "axis" })];
  return {
    box: make("figure", {}, make("figcaption", {}, name, value), chart, axis),
    /** @param {string} text @param {SVGElement} svg @param {string[]} ends what is written below it @param {string} [most] */
    fill(text, svg, ends, most) {
      name.textContent = title + (most ? `, ${most}` : "");
      value.textContent = text;
      chart.replaceChildren(svg);
      axis.replaceChildren(...ends.map((end) => make("span", {}, end)));
    },
  };
}

/**
 * The numbers as tables: their columns are those of TITLES.
 * @param {string} name of the first column @param {string} title
 * @param {[string, import("./tally.js").Sum][]} sums @param {"m"|"px"} unit @returns {import("./tables.js").Table}
 */
function sumTable(name, title, sums, unit) {
  const names = { active: "active_ms", length: `distance_${unit}`, clicks: "clicks", scroll: "scroll_steps" };
  const columns = KINDS.map((kind) => ({ name: names[kind], title: TITLES[kind], format: (/** @type {number} */ value) => formatKind(kind, value, unit) }));
  return { columns: [{ name, title }, ...columns], rows: sums.map(([label, sum]) => [label].concat(/** @type {any} */ (KINDS.map((kind) => Math.round(sum[kind] * 100) / 100)))) };
}

/**
 * All that is in a range: what is known as a sum of a month or longer only, as first/last, and every other day.
 * @param {import("./tally.js").DayTally} tally @param {import("./types.js").Span} range
 * @param {import("./types.js").Span} days of it that there are @returns {[string, import("./tally.js").Sum][]}
 */
export function rowsOfDays(tally, range, days) {
  /** @type {[string, import("./tally.js").Sum][]} */
  const rows = tally.longer.filter(({ span, sum }) => KINDS.some((kind) => sum[kind]) && holds(range, span.first) && holds(range, span.last))
    .map(({ span, sum }) => [`${isoDay(span.first)}/${isoDay(span.last)}`, sum]);
  for (const day of barsOf(days, BAR_UNITS[0][1])) {
    const sum = sumOf(tally, day);
    if (KINDS.some((kind) => sum[kind]) || isKnown(tally, day.first)) rows.push([isoDay(day.first), sum]);
  }
  return rows;
}

/**
 * Active time, distance and clicks as charts with a table each, those of calendar and matrix too.
 * @param {import("./types.js").Span} whole @param {Numbers} shown
 */
export function createNumbers(whole, shown) {
  const inside = () => ({ first: Math.max(shown.a.first, whole.first), last: Math.min(shown.a.last, whole.last) });
  /** @param {import("./types.js").Span[]} spans @param {string} name @param {string} title */
  const bySpan = (spans, name, title) =>
    sumTable(name, title, spans.map((span) => [isoDay(span.first), sumOf(shown.tally, span)]), shown.tally.length_unit);
  const readDays = () => sumTable("day", "Day", rowsOfDays(shown.tally, shown.a, inside()), shown.tally.length_unit);

  function trendWeeks() {
    const newest = weekSpan(Math.max(inside().last, whole.first)).first;
    const oldest = Math.max(weekSpan(whole.first).first, newest - (WEEKS_OF_TREND - 1) * 7);
    return Array.from({ length: Math.max(0, (newest - oldest) / 7 + 1) }, (_, at) => weekSpan(oldest + at * 7)).filter(
      ({ first, last }) => isKnown(shown.tally, first) || isKnown(shown.tally, last));
  }

  const readHours = () => ({
    columns: [{ name: "weekday", title: "Weekday" }].concat(
      Array.from({ length: 24 }, (_, hour) => ({ name: `active_ms_${hour}`, title: `${hour}:00`, format: formatTime }))),
    rows: WEEKDAY_NAMES.map((name, day) => /** @type {(string|number)[]} */ ([name]).concat(...shown.hours.subarray(day * 24, day * 24 + 24))),
  });
  const readWeekdays = () => sumTable("weekday", "Weekday", sumWeekdays(shown.tally, inside()).map((sum, day) => [WEEKDAY_NAMES[day], sum]), shown.tally.length_unit);
  /** @param {string} id @param {string} caption @param {() => import("./tables.js").Table} read */
  const table = (id, caption, read) => createTable(id, caption, read, () => fileName(id, shown.a, "csv"));
  const tables = [
    table("days", "Every day of the range", readDays),
    table("hours", "Active time by weekday and hour", readHours),
    table("per-day", "Numbers of every day", readDays),
    table("weekdays", "Numbers by weekday", readWeekdays),
    table("weeks", "Numbers by week", () => bySpan(trendWeeks(), "week_from", "Week from")),
  ];
  const perDay = KINDS.slice(0, 3).map((kind) => ({ kind, figure: makeFigure(TITLES[kind]) }));
  const [byWeekday, byWeek] = [makeFigure("By weekday"), makeFigure("Week by week")];
  const changes = make("p", { id: "changes", hidden: true });
  byId("days").append(tables[0].box);
  byId("hours").append(tables[1].box);
  byWeekday.box.append(tables[3].box);
  byWeek.box.append(tables[4].box);
  byId("numbers").append(
    make("h2", {}, "Numbers"),
    changes,
    make("div", { className: "charts" }, ...perDay.map(({ figure }) => figure.box)),
    tables[2].box,
    make("div", { className: "charts" }, byWeekday.box, byWeek.box),
  );

  function drawDays() {
    const { a, b, tally, isOfOne } = shown;
    const [per, unit] = barUnit(tally, inside());
    const bars = barsOf(inside(), unit);
    const sums = bars.map((span) => sumOf(tally, span));
    const before = b ? barsOf(b, unit).map((span) => sumOf(tally, span)) : [];
    for (const { kind, figure } of perDay) {
      /** @param {number} value */
      const format = (value) => formatKind(kind, value, tally.length_unit);
      const values = sums.map((sum) => sum[kind]);
      const isKept = kind !== "length" || !isOfOne;
      const most = isKept ? `at most ${format(Math.max(...values, 0))} ${per}` : "";
      const total = isKept ? format(sumOf(tally, a)[kind]) : "not kept by application";
      const titles = bars.map((span, at) => `${formatSpan(span)}: ${format(values[at])}`);
      const chart = barChart(values, titles, `${TITLES[kind]}: ${total}, ${most}`, before.map((sum) => sum[kind]));
      figure.fill(total, chart, bars.length > 1 ? [formatSpan(bars[0]), formatSpan(bars[bars.length - 1])] : [], bars.length > 1 ? most : "");
    }
  }

  function drawWeeks() {
    const means = sumWeekdays(shown.tally, inside()).map((sum) => sum.active / (sum.days || 1));
    const titles = means.map((mean, day) => `${WEEKDAY_NAMES[day]}: ${formatTime(mean)} a day`);
    const most = Math.max(...means) ? `Most on ${titles[means.indexOf(Math.max(...means))]}` : "Nothing";
    byWeekday.fill(most, barChart(means, titles, `Active time by weekday. ${most}`), WEEKDAY_NAMES);
    const weeks = trendWeeks();
    const active = weeks.map((span) => sumOf(shown.tally, span).active);
    const trend = trendOf(active.filter((_, at) => isKnown(shown.tally, weeks[at].first) && isKnown(shown.tally, weeks[at].last)));
    const chart = barChart(active, weeks.map((span, at) => `${formatSpan(span)}: ${formatTime(active[at])}`), `Active time by week. ${trend}`);
    byWeek.fill(trend, chart, weeks.length > 1 ? [formatSpan(weeks[0]), formatSpan(weeks[weeks.length - 1])] : []);
  }

  function compare() {
    const { a, b, tally } = shown;
    changes.hidden = !b;
    if (!b) return;
    const [sumA, sumB] = [sumOf(tally, a), sumOf(tally, b)];
    const parts = KINDS.filter((kind) => sumA[kind] || sumB[kind]).map((kind) => {
      const change = formatChange(sumA[kind], sumB[kind]);
      return `${TITLES[kind]} ${formatKind(kind, sumA[kind], tally.length_unit)} and ${formatKind(kind, sumB[kind], tally.length_unit)}${change && ` (${change})`}`;
    });
    changes.textContent = `A and B: ${parts.join("; ")}. The dashed line in the charts is B.`;
  }

  return {
    /** @param {Numbers} numbers */
    show(numbers) {
      shown = numbers;
      drawDays();
      drawWeeks();
      compare();
      for (const one of tables) one.refresh();
    },
  };
}
