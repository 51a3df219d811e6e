import { firstDayOf, holds, monthOf, monthSpan, weekdayOf, weekSpan } from "./days.js";
import { byId, cellUnder, field, heatStep, make, rove } from "./dom.js";
import { spanBetween } from "./ranges.js";
import { formatDay, formatMonth, formatTime, shortMonth, WEEKDAY_NAMES } from "./wording.js";

const STEPS = new Map([["ArrowLeft", -7], ["ArrowRight", 7], ["ArrowUp", -1], ["ArrowDown", 1]]);

/**
 * The days by activity, a column a week. Only the weeks that fit are there, however long the history is.
 * @param {import("./types.js").Span} whole
 * @param {(span: import("./types.js").Span) => void} pick
 */
export function createCalendar(whole, pick) {
  const root = byId("calendar");
  const table = make("table", { role: "grid", "aria-labelledby": "calendar-name", "aria-multiselectable": "true" });
  root.append(table);
  const [oldest, newest] = [weekSpan(whole.first).first, weekSpan(whole.last).first];
  let weeks = 0;
  let start = newest;
  let anchor = whole.last;
  let dragged = false;
  let pressed = false;
  /** @type {{a: import("./types.js").Span, b: import("./types.js").Span|null, active: Float64Array}} */
  let shown = { a: whole, b: null, active: new Float64Array() };

  /** @param {number} day @returns {HTMLElement|null} */
  const cellOf = (day) => table.querySelector(`[data-day="${day}"]`);

  function layOut() {
    const focused = Number(/** @type {HTMLElement} */ (table.querySelector('[tabindex="0"]') ?? table).dataset.day ?? whole.last);
    const head = make("tr", {}, make("td"));
    const rows = WEEKDAY_NAMES.map((name) => make("tr", {}, make("th", { scope: "row" }, name)));
    for (let column = 0; column < weeks; ) {
      const month = monthOf(start + column * 7 + 6);
      let width = 1;
      while (column + width < weeks && monthOf(start + (column + width) * 7 + 6) === month) width++;
      const label = shortMonth(month) + (month % 12 ? "" : ` ${month / 12}`);
      head.append(
        make("th", { scope: "col", colSpan: width, className: width > 2 ? "" : "narrow", tabIndex: -1, "data-month": month, "aria-label": formatMonth(month), title: formatMonth(month) }, label),
      );
      column += width;
    }
    for (let day = start; day < start + weeks * 7; day++)
      rows[weekdayOf(day)].append(make("td", holds(whole, day) ? { "data-day": day, tabIndex: -1 } : { className: "none" }));
    table.replaceChildren(make("thead", {}, head), make("tbody", {}, ...rows));
    const months = [start + 6, start + weeks * 7 - 1].map((day) => formatMonth(monthOf(Math.min(day, whole.last))));
    byId("calendar-months").textContent = [...new Set(months)].join(" to ");
    field("earlier").disabled = start <= oldest;
    field("later").disabled = start + weeks * 7 > newest;
    byId("earlier").parentElement?.toggleAttribute("hidden", weeks * 7 > newest - oldest);
    paint();
    rove(table, cellOf(Math.min(Math.max(focused, start, whole.first), start + weeks * 7 - 1, whole.last)), false);
  }

  function paint() {
    const peak = shown.active.reduce((most, value) => Math.max(most, value), 0);
    for (const cell of /** @type {NodeListOf<HTMLElement>} */ (table.querySelectorAll("[data-day]"))) {
      const day = Number(cell.dataset.day);
      const active = shown.active[day - whole.first] ?? 0;
      const [inA, inB] = [holds(shown.a, day), holds(shown.b, day)];
      cell.className = `heat${heatStep(active, peak)}${inA ? " in-a" : ""}${inB ? " in-b" : ""}`;
      cell.title = `${formatDay(day)}: ${active ? `${formatTime(active)} active` : "not active"}`;
      cell.setAttribute("aria-label", cell.title + (inA && shown.b ? ", in A" : "") + (inB ? ", in B" : ""));
      cell.setAttribute("aria-selected", String(inA || inB));
    }
    table.classList.toggle("all", holds(shown.a, whole.first) && holds(shown.a, whole.last));
  }

  /** @param {number} first Monday of the first column */
  function turnTo(first) {
    start = Math.max(oldest, Math.min(first, newest - (weeks - 1) * 7));
    layOut();
  }

  function fit() {
    const [size, space] = [parseFloat(getComputedStyle(root).fontSize), root.clientWidth - 3 * parseFloat(getComputedStyle(root).fontSize)];
    const fitting = Math.min(53, Math.max(8, Math.floor(space / (size * 1.15))), (newest - oldest) / 7 + 1);
    root.style.setProperty("--cell", `${Math.min(space / fitting, size * 1.8)}px`);
    if (fitting === weeks) return;
    const end = start + (weeks || 1) * 7;
    weeks = fitting;
    turnTo(end - weeks * 7);
  }

  /** @param {number} day @param {boolean} extend */
  function moveTo(day, extend) {
    const to = Math.min(Math.max(day, whole.first), whole.last);
    if (to < start) turnTo(weekSpan(to).first);
    else if (to >= start + weeks * 7) turnTo(weekSpan(to).first - (weeks - 1) * 7);
    rove(table, cellOf(to), true);
    if (extend) pick(spanBetween(anchor, to));
  }

  /** @param {HTMLElement|null} cell @param {boolean} extend */
  function choose(cell, extend) {
    if (!cell) return;
    if (cell.dataset.month) return pick(monthSpan(Number(cell.dataset.month)));
    const day = Number(cell.dataset.day);
    if (!extend) anchor = day;
    pick(spanBetween(anchor, day));
    rove(table, cell, false);
  }

  table.addEventListener("pointerdown", (event) => {
    const cell = cellUnder(event, "[data-day]");
    dragged = false;
    pressed = cell !== null && event.button === 0;
    if (pressed && !event.shiftKey) anchor = Number(cell?.dataset.day);
  });
  table.addEventListener("pointermove", (event) => {
    const cell = pressed && event.buttons ? cellUnder(event, "#calendar [data-day]") : null;
    if (!cell || (!dragged && Number(cell.dataset.day) === anchor)) return;
    dragged = true;
    pick(spanBetween(anchor, Number(cell.dataset.day)));
  });
  table.addEventListener("click", (event) => {
    const cell = /** @type {HTMLElement} */ (event.target).closest("[data-day],[data-month]");
    if (!dragged) choose(/** @type {HTMLElement|null} */ (cell), event.shiftKey);
    dragged = pressed = false;
  });
  table.addEventListener("keydown", (event) => {
    const cell = /** @type {HTMLElement} */ (event.target);
    if (event.altKey || event.metaKey) return;
    if (event.key === "Enter" || event.key === " ") choose(cell, event.shiftKey);
    else if (cell.dataset.month) {
      const next = event.key === "ArrowLeft" ? cell.previousElementSibling : event.key === "ArrowRight" ? cell.nextElementSibling : null;
      if (event.key === "ArrowDown") moveTo(Math.max(firstDayOf(Number(cell.dataset.month)), start), false);
      else if (next instanceof HTMLElement && next.dataset.month) rove(table, next, true);
      else return;
    } else {
      const day = Number(cell.dataset.day);
      const step = STEPS.get(event.key);
      const page = event.key === "PageUp" ? -1 : event.key === "PageDown" ? 1 : 0;
      if (event.key === "ArrowUp" && !event.shiftKey && (weekdayOf(day) === 0 || day === whole.first))
        rove(table, table.querySelector(`[data-month="${monthOf(weekSpan(day).last)}"]`), true);
      else if (step) moveTo(day + step, event.shiftKey);
      else if (page) moveTo(firstDayOf(monthOf(day) + page) + Math.min(day - firstDayOf(monthOf(day)), 27), event.shiftKey);
      else if (event.key === "Home") moveTo(event.ctrlKey ? whole.first : start, event.shiftKey);
      else if (event.key === "End") moveTo(event.ctrlKey ? whole.last : start + weeks * 7 - 1, event.shiftKey);
      else return;
    }
    event.preventDefault();
  });
  byId("earlier").addEventListener("click", () => turnTo(start - Math.max(weeks - 4, 1) * 7));
  byId("later").addEventListener("click", () => turnTo(start + Math.max(weeks - 4, 1) * 7));
  new ResizeObserver(fit).observe(root);

  return {
    /** @param {import("./types.js").Span} a @param {import("./types.js").Span|null} b @param {Float64Array} active ms per day of the whole span */
    show(a, b, active) {
      const moved = a.last !== shown.a.last;
      shown = { a, b, active };
      if (!weeks) fit();
      if (moved && !pressed && (a.last < start || a.first >= start + weeks * 7)) turnTo(weekSpan(a.last).first - (weeks - 1) * 7);
      else paint();
    },
    /** Days of the weeks on screen. @returns {import("./types.js").Span} */
    visible: () => ({ first: Math.max(start, whole.first), last: Math.min(start + weeks * 7 - 1, whole.last) }),
  };
}
