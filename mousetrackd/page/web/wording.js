import { dateOf, firstDayOf, isoDay, lengthOf, monthOf, sameSpan, monthSpan, weekdayOf } from "./days.js";

/** Numbers are English like the text around them, dates are as the browser's owner writes them. */
const WHOLE = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const SHORT = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });
const COMPACT = new Intl.NumberFormat("en", { maximumSignificantDigits: 3, notation: "compact" });
const PERCENT = new Intl.NumberFormat("en", { maximumSignificantDigits: 3, style: "percent" });
const DATE = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });
const LONG_DATE = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeZone: "UTC" });
const MONTH = new Intl.DateTimeFormat(undefined, { month: "long", year: "numeric", timeZone: "UTC" });
const SHORT_MONTH = new Intl.DateTimeFormat(undefined, { month: "short", timeZone: "UTC" });
const WEEKDAY = new Intl.DateTimeFormat(undefined, { weekday: "short", timeZone: "UTC" });
const MONDAY = 4;

/** Names of the days of the week, Monday first. */
export const WEEKDAY_NAMES = [0, 1, 2, 3, 4, 5, 6].map((day) => WEEKDAY.format(dateOf(MONDAY + day)));

/**
 * A count with its unit, or its part of a total in percent.
 * @param {number} value @param {string} unit ms, crossings, presses, steps @param {number} [share_of] the total
 * @returns {string}
 */
export function formatTotal(value, unit, share_of) {
  if (share_of) return PERCENT.format(value / share_of);
  if (unit === "ms") return formatTime(value);
  const one = unit === "presses" ? "press" : unit.replace(/s$/, "");
  return `${formatCount(value)} ${value === 1 ? one : unit}`.trim();
}

/** Like 2 h 19 min, 1 min 05 s, 12 s, 40 ms. @param {number} time_ms @returns {string} */
export function formatTime(time_ms) {
  if (time_ms && Math.abs(time_ms) < 1000) return `${SHORT.format(time_ms)} ms`;
  const seconds = Math.round(Math.abs(time_ms) / 1000);
  const sign = time_ms < 0 ? "-" : "";
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  if (hours) return `${sign}${WHOLE.format(hours)} h ${twoDigits(minutes)} min`;
  return sign + (minutes ? `${minutes} min ${twoDigits(seconds % 60)} s` : `${seconds} s`);
}

/** @param {number} value @returns {string} */
export function formatCount(value) {
  if (Math.abs(value) >= 1e6) return COMPACT.format(value);
  return Number.isInteger(value) || Math.abs(value) >= 100 ? WHOLE.format(value) : SHORT.format(value);
}

/** Metres where the screens' sizes are known, else pixels. @param {number} length @param {"m"|"px"} unit @returns {string} */
export function formatLength(length, unit) {
  if (unit === "m" && length >= 1000) return `${SHORT.format(length / 1000)} km`;
  return `${formatCount(length)} ${unit}`;
}

/** Like 12 % more; empty where there is nothing to compare with. @param {number} value @param {number} before @returns {string} */
export function formatChange(value, before) {
  if (!before) return "";
  const change = value / before - 1;
  if (Math.abs(change) < 0.005) return "the same";
  return `${PERCENT.format(Math.round(Math.abs(change) * 100) / 100)} ${change > 0 ? "more" : "less"}`;
}

/** @param {number} value @returns {string} */
export function twoDigits(value) {
  return String(value).padStart(2, "0");
}

/** @param {number} day @returns {string} */
export function formatDay(day) {
  return LONG_DATE.format(dateOf(day));
}

/** @param {number} month @returns {string} */
export function formatMonth(month) {
  return MONTH.format(dateOf(firstDayOf(month)));
}

/** @param {number} month @returns {string} */
export function shortMonth(month) {
  return SHORT_MONTH.format(dateOf(firstDayOf(month)));
}

/** A day, a month by its name, or from when to when. @param {import("./types.js").Span} span @returns {string} */
export function formatSpan(span) {
  if (lengthOf(span) === 1) return `${WEEKDAY_NAMES[weekdayOf(span.first)]}, ${DATE.format(dateOf(span.first))}`;
  if (sameSpan(span, monthSpan(monthOf(span.first)))) return formatMonth(monthOf(span.first));
  return DATE.formatRange(dateOf(span.first), dateOf(span.last));
}

/** Which hours of the week are chosen, in as few words as are exact. @param {Uint8Array} week @returns {string} */
export function formatWeek(week) {
  const chosen = week.reduce((sum, flag) => sum + flag, 0);
  if (chosen === 168) return "all hours";
  const days = WEEKDAY_NAMES.map((_, day) => day).filter((day) => week.subarray(day * 24, day * 24 + 24).includes(1));
  const hours = [...Array(24).keys()].filter((hour) => days.some((day) => week[day * 24 + hour]));
  if (days.length * hours.length !== chosen) return `${chosen} of the 168 hours of the week`;
  const parts = [];
  if (days.length < 7) parts.push(runs(days).map(([from, to]) => nameRun(from, to, (day) => WEEKDAY_NAMES[day])).join(", "));
  if (hours.length < 24) parts.push(runs(hours).map(([from, to]) => `${from}:00 to ${to + 1}:00`).join(", "));
  return parts.join(", ");
}

/** Numbers in rows that follow each other. @param {number[]} numbers sorted @returns {[number, number][]} */
function runs(numbers) {
  /** @type {[number, number][]} */
  const found = [];
  for (const number of numbers) {
    const last = found.at(-1);
    if (last && last[1] === number - 1) last[1] = number;
    else found.push([number, number]);
  }
  return found;
}

/** @param {number} from @param {number} to @param {(number: number) => string} name @returns {string} */
function nameRun(from, to, name) {
  return from === to ? name(from) : `${name(from)} to ${name(to)}`;
}

/** A name for a file of what is shown. @param {string} what @param {import("./types.js").Span} span @param {string} ending @returns {string} */
export function fileName(what, span, ending) {
  const days = span.first === span.last ? isoDay(span.first) : `${isoDay(span.first)}-to-${isoDay(span.last)}`;
  return `mousetrackd-${what}-${days}.${ending}`;
}

/** What is not in the page, as a sentence; the first few of many. @param {string[]} notes @returns {string} */
export function formatLeftOut(notes) {
  const text = notes.slice(0, 3).join("; ") + (notes.length > 3 ? `; and ${notes.length - 3} more` : "");
  return text && `${text[0].toUpperCase()}${text.slice(1)}.`;
}
