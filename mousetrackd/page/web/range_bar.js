import { isoDay, parseDay, sameSpan } from "./days.js";
import { byId, field, make } from "./dom.js";
import { overlaps, quickRanges, stepSpan, today } from "./ranges.js";

/**
 * Quick ranges, the span before and after, dates to type, and the comparison.
 * @param {import("./state.js").Store} store @param {import("./types.js").Span} whole
 */
export function createRangeBar(store, whole) {
  const quickNow = () => quickRanges(today(), whole); // the page may be open for days
  const quick = Object.keys(quickNow()).map((name) => ({
    name,
    button: make("button", { type: "button", id: `quick-${name.toLowerCase().replace(/\W/g, "-")}` }, name),
  }));
  byId("quick").append(...quick.map(({ button }) => button));
  for (const { name, button } of quick) button.addEventListener("click", () => pickA(quickNow()[name]));

  /** @param {import("./types.js").Span} a */
  function pickA(a) {
    const { b, a: old } = store.get();
    store.set({ a, b: b && sameSpan(b, stepSpan(old, -1)) ? stepSpan(a, -1) : b });
  }
  for (const [id, direction] of /** @type {[string, number][]} */ ([["previous", -1], ["next", 1]]))
    byId(id).addEventListener("click", () => pickA(stepSpan(store.get().a, direction)));

  for (const [key, from, until] of /** @type {["a"|"b", string, string][]} */ ([["a", "from", "until"], ["b", "b-from", "b-until"]])) {
    for (const id of [from, until]) {
      byId(id).addEventListener("change", () => {
        let [first, last] = [parseDay(field(from).value), parseDay(field(until).value)];
        if (first === null || last === null) return show(store.get());
        if (first > last) [first, last] = id === from ? [first, first] : [last, last];
        store.set({ [key]: { first, last } });
      });
    }
  }

  byId("compare").addEventListener("click", () => {
    const { a, b } = store.get();
    store.set(b ? { b: null, mode: "single" } : { b: stepSpan(a, -1), mode: "side" });
  });
  byId("mode-side").addEventListener("change", () => store.set({ mode: "side" }));
  byId("mode-difference").addEventListener("change", () => store.set({ mode: "difference" }));

  /** @param {import("./types.js").State} state */
  function show({ a, b, mode }) {
    const spans = quickNow();
    for (const { name, button } of quick) button.setAttribute("aria-pressed", String(sameSpan(spans[name], a)));
    field("previous").disabled = !overlaps(stepSpan(a, -1), whole);
    field("next").disabled = !overlaps(stepSpan(a, 1), whole);
    /** @type {[string, number|undefined][]} */
    const dates = [["from", a.first], ["until", a.last], ["b-from", b?.first], ["b-until", b?.last]];
    for (const [id, day] of dates) field(id).value = day === undefined ? "" : isoDay(day);
    byId("comparison").hidden = !b;
    byId("compare").setAttribute("aria-pressed", String(Boolean(b)));
    field("mode-side").checked = mode === "side";
    field("mode-difference").checked = mode === "difference";
    if (!b) field("target-a").checked = true;
  }
  show(store.get());
  store.subscribe(show);

  return {
    pickA,
    /** What the calendar picks, A or B. @param {import("./types.js").Span} span */
    pickTarget: (span) => (field("target-b").checked ? store.set({ b: span }) : pickA(span)),
  };
}
