import assert from "node:assert/strict";
import { test } from "node:test";
import { firstDayOf, isoDay, localDay, monthOf, monthSpan, parseDay, weekdayOf, weekSpan } from "../../mousetrackd/page/web/days.js";
import { overlaps, quickRanges, stepSpan, wholeSpan, widened } from "../../mousetrackd/page/web/ranges.js";

const day = (text) => parseDay(text) ?? assert.fail(text);
const span = (first, last = first) => ({ first: day(first), last: day(last) });
const TODAY = day("2026-03-04");
const WHOLE = span("2024-02-10", "2026-03-03");

test("a day is its date, and only a real date is a day", () => {
  for (const text of ["1970-01-01", "2024-02-29", "1969-12-31", "2026-12-31"]) assert.equal(isoDay(day(text)), text);
  for (const text of ["2026-02-29", "2026-13-01", "2026-1-1", "", "today", "2026-01-01T00:00"]) assert.equal(parseDay(text), null, text);
  assert.equal(day("1970-01-01"), 0);
});

test("the local date is the clock's on the wall", () => {
  assert.equal(localDay(new Date(2026, 2, 29, 0, 30)), day("2026-03-29"));
  assert.equal(localDay(new Date(2026, 9, 25, 23, 59)), day("2026-10-25"));
});

test("weeks begin on Monday, months on their first", () => {
  assert.equal(weekdayOf(day("2026-03-02")), 0);
  assert.equal(weekdayOf(day("1969-12-28")), 6);
  assert.deepEqual(weekSpan(TODAY), span("2026-03-02", "2026-03-08"));
  assert.deepEqual(monthSpan(monthOf(day("2024-02-15"))), span("2024-02-01", "2024-02-29"));
  assert.equal(isoDay(firstDayOf(2025 * 12 + 12)), "2026-01-01");
});

test("quick ranges", () => {
  const ranges = quickRanges(TODAY, WHOLE);
  const expected = {
    Today: span("2026-03-04"),
    Yesterday: span("2026-03-03"),
    "This week": span("2026-03-02", "2026-03-08"),
    "Last week": span("2026-02-23", "2026-03-01"),
    "This month": span("2026-03-01", "2026-03-31"),
    "Last month": span("2026-02-01", "2026-02-28"),
    "12 months": span("2025-04-01", "2026-03-31"),
    All: WHOLE,
  };
  assert.deepEqual(ranges, expected);
  assert.deepEqual(quickRanges(day("2026-01-15"), WHOLE)["Last month"], span("2025-12-01", "2025-12-31"));
});

for (const [what, from, before, after] of [
  ["a day", span("2026-03-01"), span("2026-02-28"), span("2026-03-02")],
  ["a week", span("2026-03-02", "2026-03-08"), span("2026-02-23", "2026-03-01"), span("2026-03-09", "2026-03-15")],
  ["a month", span("2026-03-01", "2026-03-31"), span("2026-02-01", "2026-02-28"), span("2026-04-01", "2026-04-30")],
  ["a year", span("2024-01-01", "2024-12-31"), span("2023-01-01", "2023-12-31"), span("2025-01-01", "2025-12-31")],
  ["ten days across a month", span("2026-02-25", "2026-03-06"), span("2026-02-15", "2026-02-24"), span("2026-03-07", "2026-03-16")],
]) {
  test(`before and after ${what}`, () => {
    assert.deepEqual(stepSpan(from, -1), before);
    assert.deepEqual(stepSpan(from, 1), after);
    assert.ok(!overlaps(from, before) && !overlaps(from, after));
  });
}

test("the whole span is what was counted, and one day of a page without anything", () => {
  const totals = { day: Int32Array.of(31, 100, 200), days: Uint16Array.of(28, 1, 1) };
  const meta = { first_day: 100, last_day: 200, sums: [{ first: 31, last: 58 }, { first: 180, last: 211 }] };
  const whole = wholeSpan({ meta, totals });
  assert.deepEqual(whole, { first: 31, last: 200 });
  assert.deepEqual(widened(whole, whole, meta), { first: 31, last: 211 });
  assert.deepEqual(widened({ first: 40, last: 190 }, whole, meta), { first: 40, last: 190 });
  assert.deepEqual(wholeSpan({ meta: { first_day: 100, last_day: 99 }, totals: { day: [] } }), { first: 99, last: 99 });
});
