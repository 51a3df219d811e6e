import { firstDayOf, lengthOf, localDay, monthOf, monthSpan, weekSpan } from "./days.js";

/** From the first day with anything counted to the last. @param {import("./types.js").Archive} archive @returns {import("./types.js").Span} */
export function wholeSpan({ meta, totals }) {
  if (!totals.day.length) return { first: meta.last_day, last: meta.last_day };
  return { first: totals.day[0], last: totals.day.reduce((last, day, row) => Math.max(last, day + Math.max(totals.days[row], 1) - 1), 0) };
}

/**
 * A span that takes whole months in at its ends where they hold no more days: their sums answer it.
 * @param {import("./types.js").Span} span @param {import("./types.js").Span} whole @param {import("./types.js").Meta} meta
 * @returns {import("./types.js").Span}
 */
export function widened(span, whole, meta) {
  const first = span.first <= whole.first ? Math.min(span.first, ...meta.sums.map((sum) => sum.first)) : span.first;
  const last = span.last >= whole.last ? Math.max(span.last, ...meta.sums.map((sum) => sum.last)) : span.last;
  return { first, last };
}

/**
 * The ranges that have a button, by the name the button goes by.
 * @param {number} today @param {import("./types.js").Span} whole
 * @returns {{[name: string]: import("./types.js").Span}}
 */
export function quickRanges(today, whole) {
  const month = monthOf(today);
  return {
    "Today": { first: today, last: today },
    "Yesterday": { first: today - 1, last: today - 1 },
    "This week": weekSpan(today),
    "Last week": weekSpan(today - 7),
    "This month": monthSpan(month),
    "Last month": monthSpan(month - 1),
    "12 months": { first: firstDayOf(month - 11), last: monthSpan(month).last },
    "All": whole,
  };
}

/**
 * The span before (-1) or after (1): whole months move by months, anything else by its own length.
 * @param {import("./types.js").Span} span @param {number} direction
 * @returns {import("./types.js").Span}
 */
export function stepSpan(span, direction) {
  const month = monthOf(span.first);
  const count = monthOf(span.last + 1) - month;
  const whole = monthSpan(month, count);
  if (whole.first === span.first && whole.last === span.last) return monthSpan(month + direction * count, count);
  const days = direction * lengthOf(span);
  return { first: span.first + days, last: span.last + days };
}

/** The days of both that lie in the span, in order. @param {number} one @param {number} other @returns {import("./types.js").Span} */
export function spanBetween(one, other) {
  return { first: Math.min(one, other), last: Math.max(one, other) };
}

/** @param {import("./types.js").Span} one @param {import("./types.js").Span} other @returns {boolean} */
export function overlaps(one, other) {
  return one.first <= other.last && other.first <= one.last;
}

/** Today, by the clock of whoever looks. @returns {number} */
export function today() {
  return localDay(new Date());
}
