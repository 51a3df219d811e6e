import { byId, cellUnder, heatStep, make, rove } from "./dom.js";
import { formatTime, WEEKDAY_NAMES } from "./wording.js";

const MOVES = new Map([["ArrowLeft", [0, -1]], ["ArrowRight", [0, 1]], ["ArrowUp", [-1, 0]], ["ArrowDown", [1, 0]], ["Home", [0, -99]], ["End", [0, 99]]]);

/**
 * The week after cells were chosen: of a whole week only these stay, else they are added, or taken away where all of
 * them are there. A week without any hour is a whole week.
 * @param {Uint8Array} week @param {number[]} cells weekday * 24 + hour @returns {Uint8Array}
 */
export function chooseHours(week, cells) {
  const next = week.includes(0) ? Uint8Array.from(week) : new Uint8Array(168);
  const flag = week.includes(0) && cells.every((cell) => week[cell]) ? 0 : 1;
  for (const cell of cells) next[cell] = flag;
  return next.includes(1) ? next : next.fill(1);
}

/** The cells of a rectangle between two cells. @param {number} one @param {number} other @returns {number[]} */
export function rectangle(one, other) {
  const [early, late] = [Math.min(one % 24, other % 24), Math.max(one % 24, other % 24)];
  const [first, last] = [Math.floor(Math.min(one, other) / 24), Math.floor(Math.max(one, other) / 24)];
  const cells = [];
  for (let day = first; day <= last; day++) for (let hour = early; hour <= late; hour++) cells.push(day * 24 + hour);
  return cells;
}

/** The flags of these weekdays and hours. @param {(weekday: number, hour: number) => boolean} chosen @returns {Uint8Array} */
export function weekOf(chosen) {
  return Uint8Array.from({ length: 168 }, (_, at) => Number(chosen(Math.floor(at / 24), at % 24)));
}

/**
 * Hour by weekday, as a filter.
 * @param {() => Uint8Array} current @param {(week: Uint8Array) => void} pick
 */
export function createMatrix(current, pick) {
  const hours = [...Array(24).keys()];
  const head = make("tr", {}, make("td"), ...hours.map((hour) =>
    make("th", { scope: "col", tabIndex: -1, "data-column": hour, "aria-label": `${hour}:00 to ${hour + 1}:00, every day` }, String(hour))));
  const rows = WEEKDAY_NAMES.map((name, weekday) => make("tr", {},
    make("th", { scope: "row", tabIndex: -1, "data-row": weekday, "aria-label": `${name}, all hours` }, name),
    ...hours.map((hour) => make("td", { tabIndex: -1, "data-hour": weekday * 24 + hour }))));
  const table = make("table", { role: "grid", "aria-labelledby": "matrix-name", "aria-multiselectable": "true" },
    make("thead", {}, head), make("tbody", {}, ...rows));
  byId("matrix").append(table);
  rove(table, rows[0].cells[1], false);
  /** @type {{from: number, to: number, week: Uint8Array}|null} */
  let drag = null;

  /** @param {HTMLElement} cell @returns {number[]} */
  const cellsOf = ({ dataset }) => {
    if (dataset.hour) return [Number(dataset.hour)];
    if (dataset.row) return hours.map((hour) => Number(dataset.row) * 24 + hour);
    return WEEKDAY_NAMES.map((_, weekday) => weekday * 24 + Number(dataset.column));
  };

  table.addEventListener("pointerdown", (event) => {
    const cell = event.button === 0 ? cellUnder(event, "[data-hour]") : null;
    drag = cell && { from: Number(cell.dataset.hour), to: -1, week: current() };
  });
  table.addEventListener("pointermove", (event) => {
    const cell = drag && event.buttons ? cellUnder(event, "#matrix [data-hour]") : null;
    const to = Number(cell?.dataset.hour);
    if (!drag || !cell || to === drag.to || (drag.to < 0 && to === drag.from)) return;
    drag.to = to;
    pick(chooseHours(drag.week, rectangle(drag.from, to)));
  });
  table.addEventListener("click", (event) => {
    const cell = /** @type {HTMLElement|null} */ (/** @type {HTMLElement} */ (event.target).closest("[tabindex]"));
    if (cell && (!drag || drag.to < 0)) pick(chooseHours(current(), cellsOf(cell)));
    rove(table, cell, false);
    drag = null;
  });
  table.addEventListener("keydown", (event) => {
    const cell = /** @type {HTMLTableCellElement} */ (event.target);
    const move = MOVES.get(event.key);
    if (event.key === "Enter" || event.key === " ") pick(chooseHours(current(), cellsOf(cell)));
    else if (move) {
      const row = table.rows[Math.min(7, Math.max(0, /** @type {HTMLTableRowElement} */ (cell.parentElement).rowIndex + move[0]))];
      const next = row.cells[Math.min(24, Math.max(0, cell.cellIndex + move[1]))];
      if (next.hasAttribute("tabindex")) rove(table, next, true);
    } else return;
    event.preventDefault();
  });
  byId("all-hours").addEventListener("click", () => pick(weekOf(() => true)));
  byId("work-hours").addEventListener("click", () => pick(weekOf((weekday, hour) => weekday < 5 && hour >= 9 && hour < 17)));
  byId("free-hours").addEventListener("click", () => {
    const rest = current().map((flag) => 1 - flag);
    pick(rest.includes(1) ? rest : rest.fill(1));
  });

  return {
    /** @param {Float64Array} active ms by weekday and hour @param {Uint8Array} week */
    show(active, week) {
      const peak = active.reduce((most, value) => Math.max(most, value), 0);
      for (const cell of /** @type {NodeListOf<HTMLElement>} */ (table.querySelectorAll("[data-hour]"))) {
        const at = Number(cell.dataset.hour);
        cell.className = `heat${heatStep(active[at], peak)}${week[at] ? "" : " off"}`;
        cell.title = `${WEEKDAY_NAMES[Math.floor(at / 24)]} ${at % 24}:00 to ${(at % 24) + 1}:00: ${formatTime(active[at])}`;
        cell.setAttribute("aria-label", cell.title);
        cell.setAttribute("aria-selected", String(Boolean(week[at])));
      }
    },
  };
}
