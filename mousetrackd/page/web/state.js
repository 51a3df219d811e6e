/** @typedef {{get(): import("./types.js").State, set(patch: Partial<import("./types.js").State>): void,
 *   subscribe(listener: (state: import("./types.js").State, changed: Set<string>) => void): void}} Store */

/** What is shown first. @param {import("./types.js").Meta} meta @param {import("./types.js").Span} whole @returns {import("./types.js").State} */
export function defaultState(meta, whole) {
  return {
    a: whole,
    b: null,
    mode: "single",
    week: new Uint8Array(168).fill(1),
    layer: meta.layers.length ? meta.layers[0].name : "dwell",
    monitors: meta.monitors.map((_, index) => index),
    application: 0,
    map: "auto",
    scale: "log",
    max: null,
    share: false,
    sigma_px: null,
    view: { x: 0, y: 0, zoom: 1 },
    theme: "auto",
    under_opacity: 0.7,
  };
}

/**
 * The one state of the page. Listeners are called once for each set that changes something, with the names of what changed.
 * @param {import("./types.js").State} initial @returns {Store}
 */
export function createStore(initial) {
  let state = initial;
  /** @type {((state: import("./types.js").State, changed: Set<string>) => void)[]} */
  const listeners = [];
  return {
    get: () => state,
    set(patch) {
      const before = /** @type {{[key: string]: unknown}} */ (state);
      const changed = new Set(
        Object.entries(patch).filter(([key, value]) => !sameValue(before[key], value)).map(([key]) => key),
      );
      if (!changed.size) return;
      state = { ...state, ...patch };
      for (const listener of listeners) listener(state, changed);
    },
    subscribe: (listener) => void listeners.push(listener),
  };
}

/** @param {unknown} one @param {unknown} other @returns {boolean} */
function sameValue(one, other) {
  return Object.is(one, other) || JSON.stringify(one) === JSON.stringify(other);
}
