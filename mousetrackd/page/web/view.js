// The picture: it shows what was counted, lets it be moved and read, and draws it again when the state changes.

import { createCamera } from "./camera.js";
import { coloursOf } from "./colours.js";
import { make } from "./dom.js";
import { arranged, boundsOf, clamped, paneOf, quadsOf } from "./geometry.js";
import { listen } from "./gestures.js";
import { inHole, levelsOf } from "./heat.js";
import { barHeight, drawBar, stripOf, withUnit } from "./legend.js";
import { createLook } from "./look.js";
import { describe, measureOf, nothingKnown } from "./measure.js";
import { drawOver } from "./overlay.js";
import { posterOf, smallPicture } from "./poster.js";
import { createSurface } from "./surface.js";
import { fitted, meanColour, penOf, readImage } from "./under.js";

/** @import {Archive, Grid, State} from "./types.js" */
/** @import {Box, Pane} from "./geometry.js" */
/** @import {Colours} from "./colours.js" */
/** @import {Measure, Place} from "./measure.js" */

const HIGHEST = 0.72;
const CURSOR_STEP_PX = 8;
const SIGNS = 6;
const HOTTEST = 10;
const TEXT_PX = 14;
const BAR_FONT_PX = 13;
const LEAST_BAR_PX = 560;
/** What fits on A4 and on Letter, in CSS px, whatever the window; and how many px of the canvas are one: of 3, Chromium prints a part. */
const PAPER = { wide: 690, high: 560, ratio: 2 };
/** Where the picture is by so much lower than its controls are high, the hottest places are below it, else below these. */
const LOW_BY_PX = 60;
const KEY_HELP = "Arrow keys read a place, Shift and arrow keys move the picture, + and \u2212 zoom, 0 shows all, H goes to the next hottest place. After a click the wheel zooms.";
/** @type {[string, string, string][]} what a button does, its sign, its name */
const BUTTONS = [
  ["zoom-in", "+", "Zoom in"], ["zoom-out", "\u2212", "Zoom out"], ["zoom-all", "All", "Show all"],
  ["pan-left", "\u2190", "Move left"], ["pan-up", "\u2191", "Move up"], ["pan-down", "\u2193", "Move down"], ["pan-right", "\u2192", "Move right"],
];
/** @type {{[key: string]: [number, number]}} */
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/**
 * @param {HTMLElement} root
 * @param {Archive} archive
 * @param {{get: () => State, set: (patch: Partial<State>) => void}} store
 */
export function createView(root, archive, store) {
  const { meta } = archive;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const picture = make("div", { id: "picture", tabIndex: 0, role: "application", "aria-roledescription": "heat map", "aria-describedby": "keys" });
  const reading = make("output", { id: "reading" });
  const bar = make("canvas", { id: "bar", role: "img" });
  const buttons = BUTTONS.map(([name, sign, title]) => {
    const button = make("button", { type: "button", title, "data-do": name, "aria-label": title }, sign);
    button.addEventListener("click", () => act(name));
    return button;
  });
  const tools = make("div", { className: "tools", role: "group", "aria-label": "Zoom and move" }, ...buttons);
  root.append(picture, make("div", { className: "below" }, tools, reading), bar, make("p", { id: "keys" }, KEY_HELP));

  /** @type {Grid[][]} of A and B */
  let shown = [];
  let captions = { a: "", b: "" };
  let known = nothingKnown();
  /** @type {Measure} */
  let measure;
  /** @type {Colours} */
  let colours;
  /** @type {HTMLCanvasElement} */
  let strip;
  /** @type {HTMLCanvasElement|null} */
  let image = null;
  /** @type {Box} */
  let desktop = { x: 0, y: 0, width: 1, height: 1 };
  /** @type {Pane[]} */
  let panes = [];
  /** @type {{x: number, y: number, isKept: boolean}|null} in px of the desktop; kept where the keyboard put it */
  let cursor = null;
  let ratio = 1;
  /** Sizes of text and lines, in px of the canvas: 1 at the usual size of text. */
  let unit_px = 1;
  let wide_px = 1;
  let layerShown = "";
  let isOnPaper = false;
  let [measured, coloured, frame, hottestAt] = ["", "", 0, 0];

  const surface = createSurface(picture, /[#&]2d\b/.test(location.hash), () => {
    surface.renderer.setImage(image);
    [measured, coloured] = ["", ""];
    draw();
  });
  const camera = createCamera(
    () => ({ pane: panes[0], desktop, cell_px: smallestCell() }),
    (view) => {
      store.set({ view });
      panes = panes.map(({ box }) => paneOf(box, desktop, view)); // two fingers zoom and move before it is drawn
      later();
    },
  );

  const smallestCell = () => Math.min(...shown[0].map((grid) => grid.cell_px));
  const monitorsShown = () => shown[0].map((grid) => meta.monitors[grid.monitor]);
  const isCompared = () => shown.length > 1 && store.get().mode !== "single";
  const isLight = () => {
    const { theme } = store.get();
    return isOnPaper || (theme === "auto" ? !dark.matches : theme === "light");
  };

  /** Give the renderer what has changed. */
  function prepare() {
    const { renderer } = surface;
    const state = { ...store.get(), layer: layerShown }; // another layer is read before it is shown
    const asked = JSON.stringify([state.layer, isCompared() && state.mode, state.share, state.sigma_px, state.max, state.scale]);
    if (asked !== measured) {
      measured = asked;
      measure = measureOf(meta, state, isCompared() ? shown : shown.slice(0, 1), known);
      const { isSigned } = measure.scale;
      measure.drawn.forEach((heats, pane) =>
        heats.forEach((heat, at) => {
          const levels = levelsOf(heat, { max: measure.maxima[pane], scale: state.scale, log_range: meta.log_range, isSigned });
          renderer.setLevels(pane * heats.length + at, levels, heat.cols, heat.rows, !heat.isDots);
        }),
      );
    }
    const map = state.map.replace("auto", measure.layer.colormap);
    const choice = { map, isLight: isLight(), isDifference: measure.scale.isSigned, opacity: image && state.under_opacity };
    if (JSON.stringify(choice) === coloured) return;
    coloured = JSON.stringify(choice);
    colours = coloursOf(meta.maps, choice);
    renderer.setPalette(colours.palette);
    strip = stripOf(colours, image ? meanColour(image) : colours.panel);
  }

  /** @param {State} state */
  function arrange(state) {
    ratio = isOnPaper ? PAPER.ratio : window.devicePixelRatio || 1;
    unit_px = isOnPaper ? ratio : (ratio * parseFloat(getComputedStyle(root).fontSize)) / TEXT_PX;
    const [most_px, highest_px] = isOnPaper ? [PAPER.wide, PAPER.high] : [root.clientWidth, HIGHEST * innerHeight];
    desktop = boundsOf(monitorsShown());
    const places = arranged(most_px * ratio, highest_px * ratio, measure.drawn.length, desktop, ratio);
    surface.resize(places.width, places.height, ratio);
    // As wide as the picture, and wide enough to be read.
    wide_px = Math.round(Math.min(Math.max(places.width, LEAST_BAR_PX * unit_px), most_px * ratio));
    root.style.setProperty("--wide", `${wide_px / ratio}px`);
    const lookHigh_px = lookRoot ? lookRoot.offsetHeight * ratio : 0;
    root.parentElement?.classList.toggle("low", places.height + LOW_BY_PX * unit_px < lookHigh_px);
    const view = clamped(state.view, places.boxes[0], desktop, smallestCell());
    picture.classList.toggle("zoomed", view.zoom > 1);
    panes = places.boxes.map((box) => paneOf(box, desktop, view));
  }

  function draw() {
    if (!shown.length) return;
    const start = performance.now();
    const state = store.get();
    prepare();
    arrange(state);
    const lies = image ? fitted(image, desktop) : desktop;
    const quads = panes.flatMap((pane, at) => quadsOf(pane, monitorsShown(), measure.drawn[at], lies, at * shown[0].length));
    surface.renderer.draw(colours.panel, quads);
    drawAround();
    if (isOnPaper) {
      const pen = penOf(surface.over); // WebGL's canvas is printed empty, so a copy lies over it
      pen.globalCompositeOperation = "destination-over";
      pen.drawImage(surface.layers()[0], 0, 0);
      pen.globalCompositeOperation = "source-over";
    }
    describePicture();
    showLook?.(measure, image !== null);
    performance.measure("draw", { start, end: performance.now() });
  }

  function later() {
    frame ||= requestAnimationFrame(() => {
      frame = 0;
      draw();
    });
  }

  /** What lies over the heat, the colour bar, and what is read. */
  function drawAround() {
    const { isSigned } = measure.scale;
    const names = !isCompared() ? [] : isSigned ? ["A minus B"] : [`A: ${captions.a}`, `B: ${captions.b}`];
    const signs = isSigned ? measure.hottest(SIGNS) : [];
    drawOver(penOf(surface.over), { panes, monitors: monitorsShown(), placed: meta.monitors, colours, captions: names, signs, cursor, ratio: unit_px });
    const values = cursor && valuesAt(cursor);
    const marks = !values ? [] : isSigned ? [values[0] - values[1]] : values;
    const em = Math.round(BAR_FONT_PX * unit_px);
    bar.width = wide_px;
    bar.height = barHeight(em);
    bar.style.width = `${bar.width / ratio}px`;
    bar.style.height = `${bar.height / ratio}px`;
    const { color } = getComputedStyle(bar);
    drawBar(penOf(bar), measure.scale, strip, { x: 2, y: 0, width: bar.width - 4 }, { text: color, dim: color, font_px: em }, marks);
    if (cursor && values) reading.value = `${placeName(cursor)}: ${describe(measure, values)}`;
    else reading.value = `${Math.round(camera.current().zoom * 100)} %`;
  }

  /** For those who do not see it. */
  function describePicture() {
    const { max, unit, isClipped, isSigned, caption } = measure.scale;
    const end = withUnit(max, unit) + (isClipped ? " and more" : "");
    bar.setAttribute("aria-label", `Colour bar, ${caption}: ${isSigned ? `minus ${end} to plus` : "0 to"} ${end}`);
    const when = isCompared() ? `A ${captions.a}, B ${captions.b}` : captions.a;
    const hottest = measure.hottest(3).map((one) => {
      const { x, y } = meta.monitors[one.monitor];
      return placeName({ x: x + one.x, y: y + one.y });
    });
    picture.setAttribute("aria-label", `${measure.layer.title}. ${when}. ${hottest.length ? `Hottest at ${hottest.join("; ")}.` : "Nothing was counted."}`);
  }

  /** @param {{x: number, y: number}} at of the desktop */
  function monitorAt(at) {
    return monitorsShown().findIndex((one) => at.x >= one.x && at.y >= one.y && at.x < one.x + one.width_px && at.y < one.y + one.height_px);
  }

  /** @param {{x: number, y: number}} at of the desktop */
  function placeName(at) {
    const { name, x, y } = monitorsShown()[monitorAt(at)];
    return `${name} ${Math.floor(at.x - x)}, ${Math.floor(at.y - y)}`;
  }

  /** What was counted around a place; null where there is no monitor, or a hole. @param {{x: number, y: number}} at */
  function valuesAt(at) {
    const number = monitorAt(at);
    if (number < 0) return null;
    const { x, y, holes } = monitorsShown()[number];
    const [across, down] = [at.x - x, at.y - y];
    return inHole(holes, across, down) ? null : measure.valuesAt(number, across, down);
  }

  /** Read a place by keyboard, and bring it into what is shown. @param {{x: number, y: number}} at */
  function readAt(at) {
    const { x, y, width, height } = desktop;
    cursor = { x: Math.min(Math.max(at.x, x), x + width - 1), y: Math.min(Math.max(at.y, y), y + height - 1), isKept: true };
    reading.setAttribute("aria-live", "polite");
    if (!camera.follow(cursor)) drawAround();
  }

  /** @param {Place} one */
  function showPlace(one) {
    const { x, y } = meta.monitors[one.monitor];
    readAt({ x: x + one.x, y: y + one.y });
  }

  /** @param {string} name of a button */
  function act(name) {
    if (!shown.length) return;
    const [right, down] = ARROWS[`Arrow${name[4].toUpperCase()}${name.slice(5)}`] ?? [0, 0];
    if (name === "zoom-in") camera.zoomStep(1, cursor);
    else if (name === "zoom-out") camera.zoomStep(-1, cursor);
    else if (name === "zoom-all") camera.all();
    else camera.step(right, down);
  }

  /** Whether a key is one of ours. @param {KeyboardEvent} event */
  function onKey(event) {
    const step = ARROWS[event.key];
    if (event.ctrlKey || event.metaKey || event.altKey || !shown.length) return false;
    if (step && event.shiftKey) camera.step(...step);
    else if (step) {
      const px = Math.max((CURSOR_STEP_PX * ratio) / panes[0].scale, 1);
      readAt(cursor ? { x: cursor.x + step[0] * px, y: cursor.y + step[1] * px } : camera.current());
    } else if (event.key === "+" || event.key === "=") act("zoom-in");
    else if (event.key === "-") act("zoom-out");
    else if (event.key === "0") act("zoom-all");
    else if (event.key.toLowerCase() === "h") {
      const places = measure.hottest(HOTTEST);
      if (places.length) showPlace(places[hottestAt++ % places.length]);
    } else if (event.key === "Escape" && cursor) {
      cursor = null;
      drawAround();
    } else return false;
    return true;
  }
  picture.addEventListener("keydown", (event) => {
    if (onKey(event)) event.preventDefault();
  });

  /** @type {(x: number, y: number) => {x: number, y: number}|null} from CSS px of the picture to px of the desktop */
  const onDesktop = (x, y) => {
    const [right, down] = [x * ratio, y * ratio];
    const pane = panes.find(({ box }) => right >= box.x && down >= box.y && right < box.x + box.width && down < box.y + box.height);
    return pane ? { x: pane.left + (right - pane.box.x) / pane.scale, y: pane.top + (down - pane.box.y) / pane.scale } : null;
  };
  listen(picture, {
    move: (right, down) => shown.length && camera.move(-right * ratio, -down * ratio),
    zoom: (factor, x, y) => shown.length && camera.zoom(factor, onDesktop(x, y)),
    point: (x, y) => {
      const at = onDesktop(x, y);
      cursor = at && { ...at, isKept: false };
      reading.setAttribute("aria-live", "off");
      if (shown.length) drawAround();
    },
    leave: () => {
      if (cursor?.isKept) return;
      cursor = null;
      if (shown.length) drawAround();
    },
    isZoomed: () => picture.classList.contains("zoomed"),
  });

  const lookRoot = document.getElementById("look");
  const showLook = lookRoot && createLook(lookRoot, meta, store, async (file) => {
    image = file && (await readImage(file));
    surface.renderer.setImage(image);
    coloured = "";
    draw();
  });
  new ResizeObserver(later).observe(root);
  dark.addEventListener("change", later);

  return {
    /** @param {Grid[]} a @param {Grid[]|null} b @param {{a: string, b: string}} named */
    show(a, b, named) {
      const others = b && a.map((grid) => b.find((one) => one.monitor === grid.monitor) ?? { ...grid, values: new Float64Array(grid.values.length), visited: new Uint8Array(grid.visited.length), total: 0, cells: 0 });
      shown = others ? [a, others] : [a];
      [captions, known, measured, hottestAt, layerShown] = [named, nothingKnown(), "", 0, store.get().layer];
      draw();
    },
    redraw: later,
    /** For paper, which is light, or for the screen again. @param {boolean} on */
    print(on) {
      isOnPaper = on;
      if (on) cursor = null;
      draw();
    },
    /** The picture as it is, with its legend. @param {string} text its title, and lines below it @returns {Promise<Blob>} */
    toPng(text) {
      cursor = null;
      draw(); // at once before it is copied: WebGL keeps it only until the browser has shown it
      const names = monitorsShown().map((one) => `${one.name} ${one.width_px} x ${one.height_px}`).join(", ");
      const [title, ...lines] = text.split("\n");
      return posterOf(surface.layers(), { title, lines: [...lines, names], scale: measure.scale, colours, strip, ratio: unit_px });
    },
    /** @param {number} n @returns {Place[]} */
    hottest(n) {
      if (!shown.length) return [];
      prepare();
      return measure.hottest(n);
    },
    showPlace,
    /** What is shown at a place, as the reading has it. @param {number} value */
    format: (value) => measure.format(value),
    /** For a card, which is dark. @param {Grid[]} grids @param {number} width px */
    paint: (grids, width) => smallPicture(meta, store.get(), grids, width),
  };
}
