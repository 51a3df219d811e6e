import { isoDay, parseDay } from "./days.js";

/** @typedef {import("./types.js").State} HashState */
/** @typedef {{key: string, write(state: HashState, meta: import("./types.js").Meta): string, read(text: string, meta: import("./types.js").Meta): Partial<HashState>|null}} HashField
 *   read gives null for a text that is not one of its own */

/** @param {import("./types.js").Span|null} span @returns {string} */
function writeSpan(span) {
  return span ? `${isoDay(span.first)}..${isoDay(span.last)}` : "";
}

/** @param {string} text @returns {import("./types.js").Span|null} */
function readSpan(text) {
  const [first, last] = text.split("..").map(parseDay);
  return first != null && last != null && first <= last ? { first, last } : null;
}

/** 168 hours as 42 hexadecimal digits. @param {Uint8Array} week @returns {string} */
function writeWeek(week) {
  return week.join("").replace(/.{4}/g, (bits) => parseInt(bits, 2).toString(16));
}

/** @param {string} text @returns {Uint8Array|null} */
function readWeek(text) {
  if (!/^[0-9a-f]{42}$/.test(text) || !/[^0]/.test(text)) return null;
  return Uint8Array.from([...text].flatMap((digit) => [8, 4, 2, 1].map((bit) => (parseInt(digit, 16) & bit ? 1 : 0))));
}

/** @param {string} text @param {number} low @param {number} high @returns {number|null} */
function readNumber(text, low, high) {
  const value = text.trim() ? Number(text) : NaN;
  return value >= low && value <= high ? value : null;
}

/**
 * A field whose text is one of a few.
 * @param {"mode"|"layer"|"map"|"scale"|"theme"} key @param {(meta: import("./types.js").Meta) => string[]} choices @returns {HashField}
 */
function choice(key, choices) {
  return {
    key,
    write: (state) => state[key],
    read: (text, meta) => (choices(meta).includes(text) ? { [key]: text } : null),
  };
}

/**
 * A field that is a number, or null where the text is "auto".
 * @param {string} key @param {"max"|"sigma_px"|"under_opacity"} name @param {number} high @returns {HashField}
 */
function amount(key, name, high) {
  return {
    key,
    write: (state) => String(state[name] ?? "auto"),
    read(text) {
      const value = readNumber(text, 0, high);
      return value === null ? null : { [name]: value };
    },
  };
}

/** @type {HashField[]} */
const FIELDS = [
  { key: "a", write: (state) => writeSpan(state.a), read: (text) => spanPatch("a", text) },
  { key: "b", write: (state) => writeSpan(state.b), read: (text) => spanPatch("b", text) },
  choice("mode", () => ["single", "side", "difference"]),
  {
    key: "hours",
    write: (state) => writeWeek(state.week),
    read(text) {
      const week = readWeek(text);
      return week && { week };
    },
  },
  choice("layer", (meta) => [...meta.layers.map((layer) => layer.name), "clicks"]),
  {
    key: "monitors",
    write: (state) => state.monitors.join(","),
    read(text, meta) {
      const monitors = [...new Set(text.split(",").map((part) => readNumber(part, 0, meta.monitors.length - 1) ?? -1))];
      return monitors.every((index) => index >= 0 && Number.isInteger(index)) ? { monitors } : null;
    },
  },
  {
    key: "application",
    write: (state, meta) => meta.applications[state.application],
    read(text, meta) {
      const application = meta.applications.indexOf(text);
      return application > 0 ? { application } : null;
    },
  },
  choice("map", (meta) => ["auto", ...Object.keys(meta.maps)].flatMap((name) => [name, `${name}_r`])),
  choice("scale", () => ["log", "sqrt", "linear"]),
  amount("max", "max", 1e15),
  { key: "share", write: (state) => (state.share ? "1" : "0"), read: (text) => (/^[01]$/.test(text) ? { share: text === "1" } : null) },
  amount("blur", "sigma_px", 1000),
  {
    key: "at",
    write: ({ view }) =>
      view.zoom > 1 ? [view.x, view.y, view.zoom].map((value) => Math.round(value * 100) / 100).join(",") : "",
    read(text) {
      const [x, y, zoom, ...more] = text.split(",").map((part, at) => readNumber(part, at < 2 ? -1e6 : 1, 1e6));
      return x != null && y != null && zoom != null && !more.length ? { view: { x, y, zoom } } : null;
    },
  },
  choice("theme", () => ["auto", "light", "dark"]),
  amount("under", "under_opacity", 1),
];

/** @param {"a"|"b"} key @param {string} text @returns {Partial<HashState>|null} */
function spanPatch(key, text) {
  const span = readSpan(text);
  return span && { [key]: span };
}

/**
 * The address of a view: what differs from what the page shows by itself.
 * @param {HashState} state @param {HashState} initial @param {import("./types.js").Meta} meta @returns {string} without the "#"; empty for the initial view
 */
export function hashOf(state, initial, meta) {
  return FIELDS.filter((field) => field.write(state, meta) !== field.write(initial, meta))
    .map((field) => `${field.key}=${encodeURIComponent(field.write(state, meta))}`)
    .join("&")
    .replaceAll("%2C", ",");
}

/**
 * What an address asks for. Parts that are unknown or broken are left out; a comparison without a B is none.
 * @param {string} hash with or without its "#" @param {import("./types.js").Meta} meta @returns {Partial<HashState>}
 */
export function patchOf(hash, meta) {
  const given = new URLSearchParams(hash.replace(/^#/, ""));
  /** @type {Partial<HashState>} */
  const patch = {};
  for (const field of FIELDS) Object.assign(patch, field.read(given.get(field.key) ?? "", meta));
  if (!patch.b) delete patch.mode;
  else if (!patch.mode || patch.mode === "single") patch.mode = "side";
  return patch;
}
