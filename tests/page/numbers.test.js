import assert from "node:assert/strict";
import { test } from "node:test";
import { weekOfCard } from "../../mousetrackd/page/web/card.js";
import { csvOf } from "../../mousetrackd/page/web/csv.js";
import { chooseHours, rectangle, weekOf } from "../../mousetrackd/page/web/matrix.js";
import { barUnit, isKnown, rowsOfDays, sumWeekdays, trendOf } from "../../mousetrackd/page/web/numbers.js";
import { framesOf } from "../../mousetrackd/page/web/play.js";
import { barsOf, sumOf, tallyDays, tallyWeek } from "../../mousetrackd/page/web/tally.js";
import { formatChange, formatLeftOut, formatLength, formatTime, formatTotal, formatWeek, WEEKDAY_NAMES } from "../../mousetrackd/page/web/wording.js";

const MONDAY = 20001 - 5;
const HOUR_MS = 3600000;
const EVERY_HOUR = new Uint8Array(168).fill(1);
const NINE_TO_TEN = weekOf((_, hour) => hour === 9);

/** @param {number[][]} entries day, days, hour, monitor, layer, total */
function rows(entries) {
  const column = (at) => entries.map((entry) => entry[at]);
  return {
    day: Int32Array.from(column(0)), days: Uint16Array.from(column(1)), hour: Uint8Array.from(column(2)),
    monitor: Uint8Array.from(column(3)), layer: Uint8Array.from(column(4)), total: Float64Array.from(column(5)),
  };
}

const ARCHIVE = {
  meta: {
    layers: [{ name: "dwell" }, { name: "travel" }, { name: "clicks.left" }, { name: "clicks.right" }, { name: "scroll" }],
    monitors: [{ metres_per_px: 0.00025 }, { metres_per_px: 0 }],
  },
  totals: rows([
    [MONDAY - 28, 28, 0, 0, 0, 100 * HOUR_MS],
    [MONDAY, 1, 9, 0, 0, 2 * HOUR_MS], [MONDAY, 1, 9, 0, 1, 5000], [MONDAY, 1, 9, 0, 2, 30], [MONDAY, 1, 9, 1, 0, HOUR_MS],
    [MONDAY, 1, 24, 0, 0, 500], [MONDAY + 1, 1, 10, 0, 3, 4], [MONDAY + 1, 1, 10, 0, 4, 7],
  ]),
  paths: rows([[MONDAY - 28, 28, 0, 0, 0, 8000], [MONDAY, 1, 9, 0, 0, 4000], [MONDAY, 1, 9, 1, 0, 100]]),
};
const WHOLE = { first: MONDAY - 28, last: MONDAY + 6 };
const WEEK = { first: MONDAY, last: MONDAY + 6 };

test("numbers of days: monitors, hours, lengths in metres where they are known", () => {
  const first = tallyDays(ARCHIVE, WHOLE, EVERY_HOUR, [0]);
  assert.deepEqual(sumOf(first, WEEK), { active: 2 * HOUR_MS + 500, length: 1, clicks: 34, scroll: 7 });
  assert.equal(first.length_unit, "m");
  const both = tallyDays(ARCHIVE, WHOLE, EVERY_HOUR, [0, 1]);
  assert.deepEqual([both.length_unit, sumOf(both, WEEK).length, sumOf(both, WEEK).active], ["px", 4100, 3 * HOUR_MS + 500]);
  assert.deepEqual(sumOf(tallyDays(ARCHIVE, WHOLE, NINE_TO_TEN, [0]), WEEK), { active: 2 * HOUR_MS, length: 1, clicks: 30, scroll: 0 });
});

test("a month without days is in a sum only as a whole, and never where hours are chosen", () => {
  const tally = tallyDays(ARCHIVE, WHOLE, EVERY_HOUR, [0]);
  assert.equal(sumOf(tally, WHOLE).active, 102 * HOUR_MS + 500);
  assert.equal(sumOf(tally, { first: MONDAY - 27, last: MONDAY }).active, 2 * HOUR_MS + 500);
  assert.equal(sumOf(tallyDays(ARCHIVE, WHOLE, NINE_TO_TEN, [0]), WHOLE).active, 2 * HOUR_MS);
  assert.equal(sumOf(tally, { first: MONDAY + 100, last: MONDAY + 200 }).active, 0);
  assert.equal(sumOf(tally, { first: MONDAY - 300, last: MONDAY - 200 }).active, 0);
});

test("the rows of all days have the sums of all: months without days are rows of their own", () => {
  const tally = tallyDays(ARCHIVE, WHOLE, EVERY_HOUR, [0]);
  const found = rowsOfDays(tally, WHOLE, WHOLE);
  assert.deepEqual(found.map(([name]) => name).slice(0, 3), ["2024-09-02/2024-09-29", "2024-09-30", "2024-10-01"]);
  assert.equal(found.length, 1 + 7);
  for (const kind of ["active", "length", "clicks", "scroll"])
    assert.equal(found.reduce((total, [, sum]) => total + sum[kind], 0), sumOf(tally, WHOLE)[kind]);
  assert.equal(rowsOfDays(tally, WEEK, WEEK).length, 7);
});

test("hours of the week are of the range, and of known hours only", () => {
  const week = tallyWeek(ARCHIVE, WHOLE, [0, 1]);
  assert.equal(week[9], 3 * HOUR_MS);
  assert.equal(week.reduce((sum, value) => sum + value), 3 * HOUR_MS);
  assert.equal(tallyWeek(ARCHIVE, { first: MONDAY + 1, last: MONDAY + 6 }, [0, 1])[9], 0);
});

test("bars are days, weeks or months, and lose no day", () => {
  for (const [days, bars, name] of [[10, 10, "a day"], [200, 29, "a week"], [3000, 99, "a month"]]) {
    const range = { first: MONDAY + 3, last: MONDAY + 2 + days };
    const [per, unit] = barUnit({ longer: [] }, range);
    const found = barsOf(range, unit);
    assert.equal(per, name);
    assert.ok(Math.abs(found.length - bars) <= 1, `${days} days: ${found.length}`);
    assert.equal(found.reduce((sum, { first, last }) => sum + last - first + 1, 0), days);
  }
  assert.deepEqual(barsOf({ first: 5, last: 4 }, barUnit({ longer: [] }, { first: 5, last: 4 })[1]), []);
});

test("a bar is as long as what is known only as a sum, so that no sum is without a bar", () => {
  const range = { first: 18262, last: 20000 }; // from 2020-01-01 on
  const year = { span: { first: 18262, last: 18627 }, sum: { active: 7 } };
  const month = { span: { first: 18628, last: 18658 }, sum: { active: 5 } };
  for (const [longer, within, name] of [[[year, month], range, "a year"], [[month], range, "a month"], [[month], { first: 18628, last: 18700 }, "a month"], [[year], { first: 19000, last: 19010 }, "a day"]]) {
    const [per, unit] = barUnit({ longer }, within);
    assert.equal(per, name);
    const held = longer.filter(({ span }) => span.first >= within.first);
    for (const { span } of held) assert.ok(barsOf(within, unit).some((bar) => bar.first <= span.first && span.last <= bar.last), name);
  }
});

test("weekdays are a mean of the days that are known one by one", () => {
  const tally = tallyDays(ARCHIVE, WHOLE, EVERY_HOUR, [0]);
  assert.deepEqual([-29, -28, -1, 0, 6, 7].map((day) => isKnown(tally, MONDAY + day)), [false, false, false, true, true, false]);
  const sums = sumWeekdays(tally, WHOLE);
  assert.deepEqual(sums.map(({ days }) => days), [1, 1, 1, 1, 1, 1, 1]);
  const some = tallyDays(ARCHIVE, WHOLE, NINE_TO_TEN, [0]);
  assert.deepEqual(sumWeekdays(some, WHOLE).map(({ days }) => days), [1, 1, 1, 1, 1, 1, 1], "where some hours are chosen as well");
  assert.equal(rowsOfDays(some, WHOLE, WHOLE).length, 7);
  assert.equal(sums[0].active, 2 * HOUR_MS + 500);
});

test("CSV: quotes, and nothing that a spreadsheet runs", () => {
  const cells = [["=1+1", "'=1+1"], ["+x", "'+x"], ["-x", "'-x"], ["@x", "'@x"], ["\tx", "'\tx"], [-1.5, "-1.5"], [NaN, ""], ['say "a"', '"say ""a"""'], ["a,b", '"a,b"'], ["a\nb", '"a\nb"'], ['=A"', '"\'=A"""'], ["DP-1", "DP-1"]];
  for (const [value, expected] of cells) assert.equal(csvOf([[value]]), `${expected}\r\n`);
  assert.equal(csvOf([["a", "b"], ["x", 1]]), "a,b\r\nx,1\r\n");
});

test("values are written with their units", () => {
  const written = [
    [formatTime(0), "0 s"], [formatTime(-400), "-400 ms"], [formatTime(999), "999 ms"], [formatTime(59400), "59 s"], [formatTime(59999), "1 min 00 s"], [formatTime(8340000), "2 h 19 min"],
    [formatTime(-90000), "-1 min 30 s"], [formatTotal(1, "presses"), "1 press"], [formatTotal(1234, "steps"), "1,234 steps"], [formatTotal(0.12345, "crossings"), "0.123 crossings"],
    [formatTotal(1, "steps"), "1 step"], [formatTotal(2500000, "crossings"), "2.5M crossings"], [formatTotal(25, "ms", 1000), "2.5%"], [formatLength(1234, "m"), "1.23 km"], [formatLength(12.3, "px"), "12.3 px"],
    [formatChange(120, 100), "20% more"], [formatChange(50, 100), "50% less"], [formatChange(1, 0), ""], [formatChange(100.1, 100), "the same"],
  ];
  for (const [text, expected] of written) assert.equal(text, expected);
});

test("hours of the week are named exactly", () => {
  const [monday, , , , friday, saturday, sunday] = WEEKDAY_NAMES;
  assert.equal(formatWeek(EVERY_HOUR), "all hours");
  assert.equal(formatWeek(NINE_TO_TEN), "9:00 to 10:00");
  assert.equal(formatWeek(weekOf((day, hour) => day < 5 && hour >= 9 && hour < 17)), `${monday} to ${friday}, 9:00 to 17:00`);
  assert.equal(formatWeek(weekOf((day) => day > 4 || day === 0)), `${monday}, ${saturday} to ${sunday}`);
  assert.equal(formatWeek(weekOf((day, hour) => day === hour)), "7 of the 168 hours of the week");
});

test("choosing hours: the first are the only ones, then they are added and taken away, and none is all", () => {
  const one = chooseHours(EVERY_HOUR, [9]);
  assert.deepEqual([...one.keys()].filter((at) => one[at]), [9]);
  const two = chooseHours(one, [9, 10]);
  assert.deepEqual([...two.keys()].filter((at) => two[at]), [9, 10]);
  assert.deepEqual(chooseHours(one, [9]), EVERY_HOUR);
  assert.deepEqual(rectangle(34, 9), [9, 10, 33, 34]);
});

test("frames of a film are days with something in them, or weeks or months of a long range", () => {
  assert.deepEqual(framesOf({ first: 10, last: 13 }, ({ first }) => first === 11).map(({ first }) => first), [10, 12, 13]);
  assert.equal(framesOf({ first: MONDAY, last: MONDAY + 200 }, () => false)[1].first, MONDAY + 7);
  assert.ok(framesOf({ first: MONDAY, last: MONDAY + 3650 }, () => false).length < 125);
  assert.deepEqual(framesOf({ first: 5, last: 4 }, () => false), []);
});

test("a trend needs eight weeks, with something in the first four", () => {
  assert.equal(trendOf([1, 1, 1, 1, 2, 2, 2, 2]), "Last four whole weeks: 100% more than the four before");
  assert.equal(trendOf([9, 1, 1, 1, 1, 1, 1, 1, 1]), "Last four whole weeks: the same as the four before");
  for (const weeks of [[], [1, 2, 3], [0, 0, 0, 0, 1, 1, 1, 1]]) assert.equal(trendOf(weeks), "No trend yet");
});

test("a card has the numbers of its week, and no hours or monitors", () => {
  const card = weekOfCard(tallyDays(ARCHIVE, WHOLE, EVERY_HOUR, [0]), WEEK, false);
  assert.deepEqual(card.lines, [["active", "2 h 00 min"], ["travelled", "1 m"], ["clicks", "34"]]);
  assert.deepEqual(card.active, [2 * HOUR_MS + 500, 0, 0, 0, 0, 0, 0]);
  assert.deepEqual(Object.keys(card).toSorted(), ["active", "change", "dates", "lines"]);
  assert.equal(weekOfCard(tallyDays(ARCHIVE, WHOLE, NINE_TO_TEN, [0]), WEEK, true).dates, `${card.dates} · only a part of it`);
});

test("what is left out is a sentence, of many the first", () => {
  assert.equal(formatLeftOut([]), "");
  assert.equal(formatLeftOut(["left out a: why"]), "Left out a: why.");
  assert.equal(formatLeftOut(["a", "b", "c", "d", "e"]), "A; b; c; and 2 more.");
});
