import { lengthOf, monthOf, monthSpan, sameSpan, weekSpan } from "./days.js";
import { byId, field } from "./dom.js";

/**
 * The frames of a film: the days of a span with anything in them, or its weeks or months where it is long.
 * @param {import("./types.js").Span} span @param {(span: import("./types.js").Span) => boolean} isEmpty
 * @returns {import("./types.js").Span[]}
 */
export function framesOf(span, isEmpty) {
  const days = lengthOf(span);
  const frames = [];
  for (let day = span.first; day <= span.last; ) {
    const frame = days <= 100 ? { first: day, last: day } : days <= 800 ? weekSpan(day) : monthSpan(monthOf(day));
    if (!isEmpty(frame)) frames.push(frame);
    day = frame.last + 1;
  }
  return frames;
}

/** How long a frame stays. Twice as long for whoever wants less motion. @returns {number} */
function stay_ms() {
  return (matchMedia("(prefers-reduced-motion: reduce)").matches ? 2000 : 1000) / Number(field("pace").value);
}

/**
 * The days as a film. It stops when anything else picks a range, and gives its range back at the end.
 * @param {import("./state.js").Store} store @param {import("./types.js").Span} whole
 * @param {(span: import("./types.js").Span) => boolean} isEmpty
 * @returns {{isOn(): boolean, drawn(): void}} drawn: to be called when a picture is on the screen
 */
export function createFilm(store, whole, isEmpty) {
  /** @type {import("./types.js").Span[]} */
  let frames = [];
  let at = -1;
  let range = whole;
  let on = false;
  let timer = 0;

  /** @param {boolean} play */
  function turn(play) {
    on = play;
    clearTimeout(timer);
    byId("play").setAttribute("aria-pressed", String(on));
    byId("play").textContent = on ? "❚❚ Pause" : "▶ Play";
    byId("summary").setAttribute("aria-live", on ? "off" : "polite");
  }

  function advance() {
    at++;
    if (at < frames.length) return store.set({ a: frames[at] });
    turn(false);
    store.set({ a: range });
  }

  byId("play").addEventListener("click", () => {
    if (on) return turn(false);
    const { a } = store.get();
    if (!sameSpan(a, frames[at] ?? null)) {
      range = lengthOf(a) > 1 ? a : whole;
      const inside = { first: Math.max(range.first, whole.first), last: Math.min(range.last, whole.last) };
      frames = framesOf(inside, isEmpty);
      at = -1;
    }
    if (!frames.length) return;
    turn(true);
    advance();
  });
  store.subscribe(({ a }, changed) => {
    if (on && changed.has("a") && !sameSpan(a, frames[at] ?? null)) turn(false);
  });

  return {
    isOn: () => on,
    drawn() {
      clearTimeout(timer);
      if (on) timer = setTimeout(advance, stay_ms());
    },
  };
}
