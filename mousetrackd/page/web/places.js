import { byId, make } from "./dom.js";
import { createTable } from "./tables.js";
import { fileName } from "./wording.js";

/** @typedef {{monitor: number, x: number, y: number, value: number}} Place */

const MOST_PLACES = 6;

/**
 * The hottest places with what was counted there, each a button that goes there.
 * @param {import("./types.js").Meta} meta @param {import("./state.js").Store} store
 * @param {{hottest: (n: number) => Place[], showPlace: (place: Place) => void, format: (value: number) => string}} view
 */
export function createPlaces(meta, store, view) {
  const list = make("ol", { id: "places" });
  const unit = () => (store.get().share ? "percent" : meta.layers.find(({ name }) => name.startsWith(store.get().layer))?.unit);
  /** @type {Place[]} */
  let places = [];
  const table = createTable("places", "The hottest places", () => ({
    columns: [{ title: "Monitor", name: "monitor" }, { title: "x", name: "x_px" }, { title: "y", name: "y_px" }, { title: "Around it", name: `heat_${unit()}`, format: view.format }],
    rows: places.map(({ monitor, x, y, value }) => [meta.monitors[monitor].name, Math.round(x), Math.round(y), Math.round(value * 100) / 100]),
  }), () => fileName("places", store.get().a, "csv"));
  byId("look").after(make("section", { id: "hottest", "aria-label": "Hottest places" }, make("h2", {}, "Hottest places"), list, table.box));

  return {
    show() {
      places = view.hottest(MOST_PLACES);
      list.replaceChildren(...places.map(({ monitor, x, y, value }, at) => {
        const { name } = meta.monitors[monitor];
        const go = make("button", { type: "button", id: `place-${at + 1}` }, `${view.format(value)} at ${Math.round(x)}, ${Math.round(y)}${meta.monitors.length > 1 ? ` on ${name}` : ""}`);
        go.addEventListener("click", () => view.showPlace({ monitor, x, y, value }));
        return make("li", {}, go);
      }));
      if (!places.length) list.append(make("li", {}, "Nothing was counted."));
      table.refresh();
    },
  };
}
