import { createCalendar } from "./calendar.js";
import { createCard } from "./card.js";
import { openArchive } from "./data.js";
import { lengthOf, sameSpan } from "./days.js";
import { byId, field, make, saveFile } from "./dom.js";
import { hashOf, patchOf } from "./hash.js";
import { createMatrix } from "./matrix.js";
import { layerOf } from "./measure.js";
import { createNumbers } from "./numbers.js";
import { createPlaces } from "./places.js";
import { createFilm } from "./play.js";
import { createRangeBar } from "./range_bar.js";
import { wholeSpan, widened } from "./ranges.js";
import { createStore, defaultState } from "./state.js";
import { sumOf, tallyDays, tallyWeek } from "./tally.js";
import { createView } from "./view.js";
import { fileName, formatChange, formatDay, formatLeftOut, formatSpan, formatTotal, formatWeek } from "./wording.js";

/** What needs new sums; anything else only draws again. */
const COUNTED = ["a", "b", "week", "layer", "monitors", "application"];
const HASH_DELAY_MS = 200;

/** What the numbers are of. @param {import("./types.js").State} state */
const countedIn = ({ week, monitors, application }) => JSON.stringify([week, monitors, application]);

/** @param {import("./types.js").Archive} archive */
function start(archive) {
  const { meta } = archive;
  const whole = wholeSpan(archive);
  const initial = defaultState(meta, whole);
  const flat = location.hash.slice(1).split("&").includes("2d");
  const store = createStore({ ...initial, ...patchOf(location.hash, meta) });
  const view = createView(byId("view"), archive, store);
  Object.assign(window, { mousetrackd: { archive, store, view } });
  const page = document.documentElement;
  let round = 0;
  /** @type {import("./types.js").Counted} */
  let counted = archive;
  let tally = tallyDays(archive, whole, store.get().week, store.get().monitors);
  let tallied = "";

  const range = createRangeBar(store, whole);
  const calendar = createCalendar(whole, range.pickTarget);
  const matrix = createMatrix(() => store.get().week, (week) => store.set({ week }));
  const film = createFilm(store, whole, (span) => !sumOf(tally, span).active);
  const places = createPlaces(meta, store, view);
  const numbers = createNumbers(whole, { a: whole, b: null, tally, hours: new Float64Array(168), isOfOne: false });
  const card = createCard(() => ({ tally, a: store.get().a, isPart: tallied !== countedIn(initial) }), async (span) => {
    const grids = await archive.sum(selectionOf(span), () => false);
    return grids && view.paint(grids, 1200);
  });

  /** @param {import("./types.js").Span} span @returns {import("./types.js").Selection} */
  function selectionOf(span) {
    const { week, layer, monitors, application } = store.get();
    const layers = meta.layers.flatMap(({ name }, index) => (name === layer || name.startsWith(`${layer}.`) ? [index] : []));
    return { span: widened(span, whole, meta), week, layers, monitors, application };
  }

  /** @param {import("./types.js").Span} span @param {() => boolean} isStale @returns {Promise<import("./types.js").Grid[]|null>} */
  async function read(span, isStale) {
    const state = store.get();
    const untouched = COUNTED.every((key) => key === "b" || hashOf({ ...initial, [key]: /** @type {any} */ (state)[key] }, initial, meta) === "");
    return untouched && sameSpan(span, whole) ? archive.first() : archive.sum(selectionOf(span), isStale);
  }

  async function update() {
    const mine = ++round;
    const isStale = () => mine !== round;
    page.dataset.busy = "1";
    try {
      const { a, b } = store.get();
      performance.mark("sum-start");
      const gridsA = await read(a, isStale);
      const gridsB = b && !isStale() ? await read(b, isStale) : null;
      performance.measure("sum", "sum-start");
      if (isStale() || !gridsA) return;
      view.show(gridsA, gridsB, { a: formatSpan(a), b: b ? formatSpan(b) : "" });
      if (!page.dataset.ready) performance.measure("first-picture");
      summarise(gridsA, gridsB);
      await new Promise((done) => setTimeout(done));
      await count();
      if (isStale()) return;
      showNumbers();
      page.dataset.ready = "1";
    } catch (error) {
      byId("summary").textContent = `This range could not be read: ${reasonOf(error)}. Choose another one, or make the page again with "mousetrackd page".`;
    }
    page.dataset.busy = "0";
    film.drawn();
  }

  async function count() {
    const { week, monitors, application } = store.get();
    const asked = countedIn(store.get());
    if (asked === tallied) return;
    counted = await archive.of(application);
    tally = tallyDays(counted, whole, week, monitors);
    tallied = asked;
  }

  function showNumbers() {
    const { a, b, week, monitors, application } = store.get();
    calendar.show(a, b, tally.active);
    const hours = tallyWeek(counted, a, monitors);
    matrix.show(hours, week);
    places.show();
    if (!film.isOn()) numbers.show({ a, b, tally, hours, isOfOne: Boolean(meta.applications[application]) });
    card.refresh();
  }

  /** @param {import("./types.js").Grid[]} gridsA @param {import("./types.js").Grid[]|null} gridsB */
  function summarise(gridsA, gridsB) {
    const { a, b, week, layer, application } = store.get();
    const name = meta.applications[application];
    const { unit, title } = layerOf(meta, layer);
    const [totalA, totalB] = [gridsA, gridsB ?? []].map((grids) => grids.reduce((sum, grid) => sum + grid.total, 0));
    const hours = formatWeek(week);
    const parts = [`${title}${name && ` in ${name}`}: ${totalA ? formatTotal(totalA, unit) : "nothing"}`, formatSpan(a), ...(hours === "all hours" ? [] : [hours])];
    let text = parts.join(" · ");
    if (b && gridsB) {
      const change = formatChange(totalA, totalB);
      text += `.\nB: ${totalB ? formatTotal(totalB, unit) : "nothing"} · ${formatSpan(b)}${change ? `. A has ${change === "the same" ? "the same" : change}` : ""}`;
    }
    byId("summary").textContent = `${text}.`.replace(/([\dhn]) (?=\w)/g, "$1\u00a0"); // a number stays with its unit
    const notes = [...new Set([...gridsA, ...(gridsB ?? [])].map((grid) => grid.inexact).filter(Boolean))];
    if (!archive.totals.day.length) notes.push('This page has no counts yet, or none of what was asked for; "mousetrackd page" makes it again.');
    else if (Math.max(a.first, whole.first) < meta.first_day) notes.push(`Before ${formatDay(meta.first_day)} only sums are known; days, hours and weekdays are later ones.`);
    else if (a.last > whole.last && !totalA) notes.push(`This page ends on ${formatDay(whole.last)}; "mousetrackd page" makes it again.`);
    if (name && layer === "travel") notes.push("Travel is not kept by application.");
    if (meta.notes.length) notes.push(formatLeftOut(meta.notes));
    byId("note").textContent = notes.join(" ");
    byId("note").hidden = !notes.length;
  }

  let hashTimer = 0;
  store.subscribe((state, changed) => {
    clearTimeout(hashTimer);
    hashTimer = setTimeout(() => {
      const hash = [flat ? "2d" : "", hashOf(store.get(), initial, meta)].filter(Boolean).join("&");
      history.replaceState(null, "", `#${hash}`);
    }, HASH_DELAY_MS);
    if (changed.has("theme")) page.dataset.theme = field("theme").value = state.theme;
    if (COUNTED.some((key) => changed.has(key))) update();
    else {
      view.redraw();
      if (["scale", "max", "sigma_px", "share", "mode"].some((key) => changed.has(key))) places.show();
    }
  });
  addEventListener("hashchange", () => store.set({ ...initial, ...patchOf(location.hash, meta) }));
  page.dataset.theme = field("theme").value = store.get().theme;
  byId("theme").addEventListener("change", () => store.set({ theme: /** @type {any} */ (field("theme").value) }));
  addEventListener("beforeprint", () => {
    page.dataset.theme = "light";
    view.print(true);
  });
  addEventListener("afterprint", () => {
    page.dataset.theme = store.get().theme;
    view.print(false);
  });

  const save = make("button", { type: "button", id: "save-picture" }, "Save as PNG");
  save.addEventListener("click", async () => saveFile(await view.toPng(byId("summary").textContent ?? ""), fileName("picture", store.get().a, "png")));
  const print = make("button", { type: "button", id: "print" }, "Print");
  print.addEventListener("click", () => window.print());
  byId("look").prepend(make("div", { className: "row" }, /** @type {Element} */ (byId("look").firstElementChild), save, print));

  byId("about").textContent = `This file holds what your mouse did hour by hour, ${formatSpan(whole)} (${lengthOf(whole)} ${lengthOf(whole) > 1 ? "days" : "day"}), of ${meta.monitors.map(({ name }) => name).join(", ") || "no monitor"}. Whoever has it can see when you worked${meta.applications.join("") && ", and in which applications"}. It sends and loads nothing. Made by mousetrackd ${meta.version}, ${new Date(meta.made).toLocaleString()}; times of ${meta.zone}.`;
  update();
}

async function begin() {
  try {
    performance.mark("load");
    start(await openArchive(document));
  } catch (error) {
    byId("summary").textContent = `This page is damaged: ${reasonOf(error)}. Make it again with "mousetrackd page".`;
  }
}

/** @param {unknown} error @returns {string} */
function reasonOf(error) {
  return error instanceof Error ? error.message : String(error);
}

begin();
