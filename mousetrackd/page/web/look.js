// The controls of how the picture looks.

import { make } from "./dom.js";
import { withUnit } from "./legend.js";
import { layerOf } from "./measure.js";

/** @import {Meta, State} from "./types.js" */
/** @import {Measure} from "./measure.js" */

const SCALES = { log: "log: all places", sqrt: "square root: like a poster", linear: "linear: the busiest only" };
const UNITS_MS = { ms: 1, s: 1e3, min: 6e4, m: 6e4, h: 3.6e6 };
const SIZES = { k: 1e3, m: 1e6, g: 1e9 };
const BLUR_MAX_PX = 80;

/**
 * A maximum as the user writes it: "5 s", "2 min", "12", "0.5 %"; null for what is none.
 * @param {string} text
 * @param {string} unit of what is drawn
 */
export function parseMax(text, unit) {
  const found = /^\s*(\d+(?:[.,]\d+)?)\s*([a-z%]*)\s*$/i.exec(text);
  const value = found ? Number(found[1].replace(",", ".")) : 0;
  if (!found || !(value > 0)) return null;
  const name = found[2].toLowerCase();
  if (unit === "ms") return name === "" ? value * 1e3 : name in UNITS_MS ? value * UNITS_MS[/** @type {"s"} */ (name)] : null;
  if (unit !== "%" && name in SIZES) return value * SIZES[/** @type {"k"} */ (name)];
  return name === "" || name === unit ? value : null;
}

/** @param {string} id @param {[string, string][]} choices @param {(value: string) => void} change */
function select(id, choices, change) {
  const element = make("select", { id }, ...choices.map(([value, text]) => make("option", { value }, text)));
  element.addEventListener("change", () => change(element.value));
  return element;
}

/** @param {string} id @param {(isOn: boolean) => void} change */
function check(id, change) {
  const element = make("input", { id, type: "checkbox" });
  element.addEventListener("change", () => change(element.checked));
  return element;
}

/** @param {string} text @param {HTMLElement} control @param {...HTMLElement} others */
function line(text, control, ...others) {
  return make("p", { className: "field" }, make("label", { htmlFor: control.id }, text), control, ...others);
}

/** @param {string} text @param {HTMLElement} control */
function tick(text, control) {
  return make("label", { className: "tick" }, control, text);
}

/** @param {string} map @param {boolean} isReversed */
function mapName(map, isReversed) {
  return isReversed ? `${map}_r` : map;
}

/**
 * Fill the section with controls.
 * @param {HTMLElement} root
 * @param {Meta} meta
 * @param {{get: () => State, set: (patch: Partial<State>) => void}} store
 * @param {(file: File|null) => Promise<void>} choose an image, or none
 * @returns {(measure: Measure, hasImage: boolean) => void} shows the state in them
 */
export function createLook(root, meta, store, choose) {
  /** @type {[string, string][]} */
  const layers = meta.layers.map((one) => [one.name, one.title]);
  const firstClicks = layers.findIndex(([name]) => name.startsWith("clicks."));
  if (firstClicks >= 0) layers.splice(firstClicks, 0, ["clicks", "Clicks of all buttons"]);
  const layer = select("layer", layers, (value) => store.set({ layer: value, max: null }));
  const maps = Object.keys(meta.maps).filter((name) => !name.startsWith("difference"));
  const map = select("map", [["auto", "the layer's own"], ...maps.map((name) => /** @type {[string, string]} */ ([name, name]))], (value) =>
    store.set({ map: mapName(value, reverse.checked) }));
  const reverse = check("reverse", (isOn) => store.set({ map: mapName(map.value, isOn) }));
  const scale = select("scale", Object.entries(SCALES), (value) => store.set({ scale: /** @type {State["scale"]} */ (value) }));
  const max = make("input", { id: "max", type: "text", size: 8, autocomplete: "off" });
  const maxAuto = check("max-auto", (isOn) => store.set({ max: isOn ? null : shown.scale.max }));
  max.addEventListener("change", () => {
    const value = parseMax(max.value, shown.scale.unit);
    max.setCustomValidity(value ? "" : "A number above 0, or a time like 5 s or 2 min.");
    if (max.reportValidity()) store.set({ max: value });
  });
  const share = check("share", (isOn) => store.set({ share: isOn, max: null }));
  const blur = make("input", { id: "blur", type: "range", min: "0", max: String(BLUR_MAX_PX), step: "1" });
  const blurText = make("output", { htmlFor: "blur" });
  blur.addEventListener("input", () => store.set({ sigma_px: Number(blur.value) }));
  const blurAuto = check("blur-auto", (isOn) => store.set({ sigma_px: isOn ? null : Math.round(shown.sigma_px) }));
  const under = make("input", { id: "under", type: "file", accept: "image/*" });
  const problem = make("span", { role: "alert" });
  under.addEventListener("change", async () => {
    const file = under.files?.[0];
    problem.textContent = "";
    if (file) await choose(file).catch(() => (problem.textContent = `${file.name} is no image that this browser can read. Choose a PNG or a JPEG.`));
  });
  const opacity = make("input", { id: "under-opacity", type: "range", min: "0", max: "1", step: "0.05" });
  opacity.addEventListener("input", () => store.set({ under_opacity: Number(opacity.value) }));
  const remove = make("button", { id: "under-remove", type: "button" }, "Remove");
  remove.addEventListener("click", () => {
    under.value = "";
    void choose(null);
    under.focus();
  });
  const opacityField = line("Heat over it", opacity, remove);
  const monitors = meta.monitors.map((_, at) => check(`monitor-${at}`, () => {
    const chosen = monitors.flatMap((box, number) => (box.checked ? [number] : []));
    if (chosen.length) store.set({ monitors: chosen, view: { x: 0, y: 0, zoom: 1 } });
    else monitors[at].checked = true;
  }));
  const application = select("application", meta.applications.map((name, at) => [String(at), name || "all applications"]), (value) =>
    store.set({ application: Number(value) }));

  root.append(
    make("h2", {}, "Look"),
    line("Layer", layer),
    ...(meta.applications.length > 1 ? [line("Application", application)] : []),
    ...(monitors.length > 1
      ? [make("fieldset", {}, make("legend", {}, "Monitors"), ...meta.monitors.map((one, at) => tick(one.name, monitors[at])))]
      : []),
    line("Colours", map, tick("reversed", reverse)),
    line("Scale", scale),
    line("Hottest colour at", max, tick("automatic", maxAuto)),
    tick("percent of the total", share),
    line("Blur", blur, blurText, tick("automatic", blurAuto)),
    line("Your screenshot under it", under),
    make("small", {}, "It stays in this window and is never stored."),
    problem,
    opacityField,
  );

  /** @type {Measure} */
  let shown;
  return (measure, hasImage) => {
    shown = measure;
    const state = store.get();
    const isReversed = state.map.endsWith("_r");
    layer.value = layerOf(meta, state.layer).name;
    map.value = isReversed ? state.map.slice(0, -2) : state.map;
    map.disabled = measure.scale.isSigned; // a difference has its own
    reverse.checked = isReversed;
    scale.value = state.scale;
    maxAuto.checked = state.max === null;
    if (document.activeElement !== max) max.value = withUnit(measure.scale.max, measure.scale.unit);
    share.checked = state.share;
    blurAuto.checked = state.sigma_px === null;
    blur.value = String(Math.round(measure.sigma_px));
    blurText.value = `${Math.round(measure.sigma_px)} px`;
    blur.setAttribute("aria-valuetext", blurText.value);
    opacity.value = String(state.under_opacity);
    opacity.setAttribute("aria-valuetext", `${Math.round(100 * state.under_opacity)} %`);
    opacityField.hidden = !hasImage;
    application.value = String(state.application);
    monitors.forEach((box, at) => (box.checked = state.monitors.includes(at)));
  };
}
