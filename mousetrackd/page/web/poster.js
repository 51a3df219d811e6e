// Pictures to keep: with title, caption and colour bar; and a small one of one monitor.

import { create2d } from "./canvas2d.js";
import { coloursOf } from "./colours.js";
import { make } from "./dom.js";
import { boundsOf, quadsOf } from "./geometry.js";
import { levelsOf } from "./heat.js";
import { barHeight, drawBar } from "./legend.js";
import { measureOf, nothingKnown } from "./measure.js";
import { drawOver } from "./overlay.js";
import { penOf } from "./under.js";

/** @import {Grid, Meta, State} from "./types.js" */
/** @import {Colours} from "./colours.js" */
/** @import {Scale} from "./legend.js" */

/**
 * @param {HTMLCanvasElement[]} layers of the picture, of one size, the lowest first
 * @param {{title: string, lines: string[], scale: Scale, colours: Colours, strip: HTMLCanvasElement, ratio: number}} legend
 * @returns {Promise<Blob>}
 */
export function posterOf(layers, { title, lines, scale, colours, strip, ratio }) {
  const [{ width, height }] = layers;
  const em = Math.max(Math.round(13 * ratio), 10);
  const margin = 2 * em;
  const isWide = width > 55 * em;
  const text_px = Math.round(em * (3.4 + 1.7 * lines.length));
  const bar_px = barHeight(em);
  const canvas = make("canvas", { width, height: height + margin + (isWide ? Math.max(text_px, bar_px) : text_px + bar_px) });
  const pen = penOf(canvas);
  pen.fillStyle = `rgb(${colours.panel})`;
  pen.fillRect(0, 0, canvas.width, canvas.height);
  for (const layer of layers) pen.drawImage(layer, 0, 0);
  const text = `rgb(${colours.text})`;
  const dim = `color-mix(in srgb, rgb(${colours.text}) 70%, rgb(${colours.panel}))`;
  const wide = isWide ? Math.round(width * 0.36) : width - 2 * margin;
  const space = isWide ? width - wide - 3 * margin : wide;
  pen.fillStyle = text;
  pen.font = `600 ${em}px system-ui, sans-serif`;
  pen.font = `600 ${em * Math.min(1.5, space / pen.measureText(title).width)}px system-ui, sans-serif`; // smaller, not squeezed
  pen.fillText(title, margin, height + em * 2.4);
  pen.font = `${em}px system-ui, sans-serif`;
  pen.fillStyle = dim;
  lines.forEach((line, at) => pen.fillText(line, margin, height + em * (4.4 + 1.7 * at), space));
  const place = isWide ? { x: width - margin - wide, y: height + em } : { x: margin, y: height + text_px + em * 0.5 };
  drawBar(pen, scale, strip, { ...place, width: wide }, { text, dim, font_px: em }, []);
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("the picture is too large for this browser"))));
  });
}

/**
 * The heat of some monitors in the colours in use, with their holes, without names and a legend.
 * @param {Meta} meta
 * @param {State} state
 * @param {Grid[]} grids
 * @param {number} width px
 */
export function smallPicture(meta, state, grids, width) {
  const monitors = grids.map((grid) => ({ ...meta.monitors[grid.monitor], name: "" }));
  const desktop = boundsOf(monitors);
  const box = { x: 0, y: 0, width, height: Math.round((width * desktop.height) / desktop.width) };
  const [canvas, over] = [make("canvas", { width, height: box.height }), make("canvas", { width, height: box.height })];
  const { drawn, maxima, layer } = measureOf(meta, { ...state, mode: "single" }, [grids], nothingKnown());
  const colours = coloursOf(meta.maps, { map: state.map.replace("auto", layer.colormap), isLight: false, isDifference: false, opacity: null });
  const pane = { box, scale: width / desktop.width, left: desktop.x, top: desktop.y };
  const renderer = create2d(canvas);
  renderer.setPalette(colours.palette);
  const measure = { max: maxima[0], scale: state.scale, log_range: meta.log_range, isSigned: false };
  drawn[0].forEach((heat, key) => renderer.setLevels(key, levelsOf(heat, measure), heat.cols, heat.rows, !heat.isDots));
  renderer.draw(colours.panel, quadsOf(pane, monitors, drawn[0], desktop, 0));
  drawOver(penOf(over), { panes: [pane], monitors, placed: meta.monitors, colours, captions: [], signs: [], cursor: null, ratio: 1 });
  penOf(canvas).drawImage(over, 0, 0);
  return canvas;
}
