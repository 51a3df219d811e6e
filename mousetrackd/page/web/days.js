/** Calendar arithmetic. A day is the number of whole days since 1970-01-01 of a local date; a month is year * 12 + month - 1. */

const DAY_MS = 86400000;

/** Monday is 0. @param {number} day @returns {number} */
export function weekdayOf(day) {
  return (((day + 3) % 7) + 7) % 7;
}

/** The date at midnight UTC, to be read with the getUTC functions and shown with timeZone "UTC". @param {number} day @returns {Date} */
export function dateOf(day) {
  return new Date(day * DAY_MS);
}

/** As 2026-11-28. @param {number} day @returns {string} */
export function isoDay(day) {
  return dateOf(day).toISOString().slice(0, 10);
}

/** The day of 2026-11-28; null of anything that is not a date. @param {string} text @returns {number|null} */
export function parseDay(text) {
  const day = /^\d{4}-\d\d-\d\d$/.test(text) ? Date.parse(text) / DAY_MS : NaN;
  return Number.isInteger(day) && isoDay(day) === text ? day : null;
}

/** The local date of a moment. @param {Date} moment @returns {number} */
export function localDay(moment) {
  return Date.UTC(moment.getFullYear(), moment.getMonth(), moment.getDate()) / DAY_MS;
}

/** @param {number} day @returns {number} */
export function monthOf(day) {
  const date = dateOf(day);
  return date.getUTCFullYear() * 12 + date.getUTCMonth();
}

/** @param {number} month @returns {number} */
export function firstDayOf(month) {
  return Date.UTC(Math.floor(month / 12), month % 12, 1) / DAY_MS;
}

/** The days of so many whole months. @param {number} month @param {number} [count] @returns {import("./types.js").Span} */
export function monthSpan(month, count = 1) {
  return { first: firstDayOf(month), last: firstDayOf(month + count) - 1 };
}

/** Monday to Sunday. @param {number} day @returns {import("./types.js").Span} */
export function weekSpan(day) {
  const first = day - weekdayOf(day);
  return { first, last: first + 6 };
}

/** @param {import("./types.js").Span} span @returns {number} */
export function lengthOf(span) {
  return span.last - span.first + 1;
}

/** @param {import("./types.js").Span|null} one @param {import("./types.js").Span|null} other @returns {boolean} */
export function sameSpan(one, other) {
  return one?.first === other?.first && one?.last === other?.last;
}

/** @param {import("./types.js").Span|null} span @param {number} day @returns {boolean} */
export function holds(span, day) {
  return span !== null && span.first <= day && day <= span.last;
}
