import { sameSpan, weekSpan } from "./days.js";
import { byId, make, saveFile } from "./dom.js";
import { stepSpan } from "./ranges.js";
import { sumOf } from "./tally.js";
import { fileName, formatChange, formatCount, formatLength, formatSpan, formatTime, WEEKDAY_NAMES } from "./wording.js";

const [WIDTH, HEIGHT, EDGE, RIGHT] = [1200, 675, 56, 600];
const [BRIGHT, SOFT, WARM, HOT] = ["#f4f1ec", "#a8abb5", "#ffb15c", "#d2691e"];

/** @typedef {{dates: string, active: number[], lines: [string, string][], change: string}} Week */

/**
 * All that a card says of a week.
 * @param {import("./tally.js").DayTally} tally @param {import("./types.js").Span} span Monday to Sunday
 * @param {boolean} isPart not of all hours, monitors and applications @returns {Week}
 */
export function weekOfCard(tally, span, isPart) {
  const sum = sumOf(tally, span);
  const change = formatChange(sum.active, sumOf(tally, stepSpan(span, -1)).active);
  const lines = /** @type {[string, string][]} */ ([["active", formatTime(sum.active)], ["clicks", formatCount(sum.clicks)]]);
  if (sum.length) lines.splice(1, 0, ["travelled", formatLength(sum.length, tally.length_unit)]);
  const active = WEEKDAY_NAMES.map((_, at) => sumOf(tally, { first: span.first + at, last: span.first + at }).active);
  return { dates: formatSpan(span) + (isPart ? " · only a part of it" : ""), active, lines, change: change && `${change}${change === "the same" ? " time as" : " than"} the week before` };
}

/** @param {HTMLCanvasElement} canvas @param {Week} week @param {HTMLCanvasElement|null} picture */
function drawCard(canvas, week, picture) {
  const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  /** @param {string} text @param {number} x @param {number} y @param {number} size @param {string} colour @param {number} [weight] */
  const write = (text, x, y, size, colour, weight = 400) => {
    pen.font = `${weight} ${size}px system-ui, sans-serif`;
    pen.fillStyle = colour;
    pen.fillText(text, x, y);
  };
  pen.fillStyle = "#101114";
  pen.fillRect(0, 0, WIDTH, HEIGHT);
  write("A week at the mouse", EDGE, 98, 42, BRIGHT, 600);
  write(week.dates, EDGE, 138, 24, SOFT);
  week.lines.forEach(([name, value], at) => {
    write(value, EDGE, 228 + at * 88, 44, WARM, 600);
    write(name, EDGE, 258 + at * 88, 20, SOFT);
  });
  const [left, top, width] = picture ? [EDGE, 480, WIDTH - 2 * EDGE] : [RIGHT, 100, WIDTH - RIGHT - EDGE];
  const [step, tall, peak] = [width / 6.75, 575 - top, Math.max(...week.active) || 1];
  week.active.forEach((active, at) => {
    const height = (active / peak) * tall;
    pen.fillStyle = HOT;
    pen.fillRect(left + at * step, 575 - height, step * 0.75, height);
    write(WEEKDAY_NAMES[at], left + at * step, 603, 20, SOFT);
  });
  if (picture) {
    const scale = Math.min((WIDTH - RIGHT - EDGE) / picture.width, 380 / picture.height);
    pen.drawImage(picture, WIDTH - EDGE - picture.width * scale, 60, picture.width * scale, picture.height * scale);
  }
  write([week.change, "mousetrackd"].filter(Boolean).join("  ·  "), EDGE, HEIGHT - 28, 20, SOFT);
}

/**
 * The weekly card: the numbers of one week, and its picture where that is chosen. It is drawn when it is opened.
 * @param {() => {tally: import("./tally.js").DayTally, a: import("./types.js").Span, isPart: boolean}} current
 * @param {((span: import("./types.js").Span) => Promise<HTMLCanvasElement|null>)} paint the picture of a week
 */
export function createCard(current, paint) {
  const canvas = make("canvas", { width: WIDTH, height: HEIGHT, role: "img" });
  const withPicture = make("input", { type: "checkbox", id: "card-picture" });
  const save = make("button", { type: "button", id: "card-save" }, "Save the card (PNG)");
  const details = make(
    "details",
    { id: "card" },
    make("summary", {}, "A card of the week, to share"),
    make("p", { className: "hint" }, "It shows the dates, time, distance, clicks and a bar for each day of the week in which the range ends; its picture only if you choose so. No hours, no names, no screenshot."),
    canvas,
    make("div", { className: "row" }, make("label", { className: "tick" }, withPicture, "with the picture"), save),
  );
  byId("numbers").append(details);
  let shown = weekSpan(0);

  async function refresh() {
    if (!details.open) return;
    const { tally, a, isPart } = current();
    const span = weekSpan(a.last);
    shown = span;
    const week = weekOfCard(tally, span, isPart);
    canvas.setAttribute("aria-label", `A week at the mouse, ${week.dates}: ${week.lines.map((line) => line.join(" ")).join(", ")}. ${week.change}`);
    const picture = withPicture.checked ? await paint(span) : null;
    if (sameSpan(span, shown)) drawCard(canvas, week, picture);
  }
  details.addEventListener("toggle", refresh);
  withPicture.addEventListener("change", refresh);
  save.addEventListener("click", () => canvas.toBlob((blob) => blob && saveFile(blob, fileName("week", shown, "png"))));
  return { refresh };
}
