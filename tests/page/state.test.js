import assert from "node:assert/strict";
import { test } from "node:test";
import { hashOf, patchOf } from "../../mousetrackd/page/web/hash.js";
import { createStore, defaultState } from "../../mousetrackd/page/web/state.js";

const META = {
  first_day: 20000,
  last_day: 20700,
  sums: [],
  layers: [{ name: "dwell" }, { name: "clicks.left" }],
  monitors: [{ name: "A" }, { name: "B" }],
  maps: { classic: "", ember: "" },
  applications: ["", "vim"],
};
const INITIAL = defaultState(META, { first: 20000, last: 20700 });
const OFFICE = Uint8Array.from({ length: 168 }, (_, at) => Number(at < 120 && at % 24 >= 9 && at % 24 < 17));

for (const patch of [
  { a: { first: 20001, last: 20001 } },
  { b: { first: 20001, last: 20007 }, mode: "side" },
  { b: { first: 20001, last: 20007 }, mode: "difference", a: { first: 20008, last: 20014 } },
  { week: OFFICE },
  { layer: "clicks" },
  { layer: "clicks.left", monitors: [1], application: 1 },
  { map: "ember_r", scale: "sqrt", max: 0.5, share: true, sigma_px: 0 },
  { view: { x: -12.25, y: 3000, zoom: 8 }, theme: "dark", under_opacity: 0.25 },
]) {
  test(`an address brings back ${Object.keys(patch).join(", ")}`, () => {
    const hash = hashOf({ ...INITIAL, ...patch }, INITIAL, META);
    assert.deepEqual(patchOf(`#${hash}`, META), patch);
  });
}

test("the view that the page opens with has an empty address", () => {
  assert.equal(hashOf(INITIAL, INITIAL, META), "");
  assert.deepEqual(patchOf("", META), {});
});

for (const hash of [
  "a=2026-02-30..2026-03-01", "a=2026-03-02..2026-03-01", "a=..", "hours=zz", `hours=${"0".repeat(42)}`, "layer=<script>", "layer=travel",
  "monitors=", "monitors=2", "monitors=0.5", "application=2", "map=constructor", "scale=cube", "max=-1", "max=NaN", "max=", "blur=1e9",
  "at=1,2", "at=1,2,0.5", "at=1,2,3,4", "theme=blue", "under=2", "mode=side", "2d", "%", "&&==", "share=yes", "__proto__=1",
]) {
  test(`a broken address is ignored: ${hash}`, () => assert.deepEqual(patchOf(hash, META), {}));
}

test("what is whole in a broken address is kept, and a B is shown beside A", () => {
  assert.deepEqual(patchOf("#2d&map=ember&scale=?&b=2024-10-05..2024-10-06", META), { map: "ember", b: { first: 20001, last: 20002 }, mode: "side" });
});

test("listeners get what changed, once, and nothing where nothing did", () => {
  const store = createStore(INITIAL);
  const seen = [];
  store.subscribe((state, changed) => seen.push([state.map, [...changed]]));
  store.set({ map: "ember", scale: "log", a: { ...INITIAL.a } });
  store.set({ map: "ember" });
  store.set({ week: Uint8Array.from(INITIAL.week) });
  store.set({ week: OFFICE });
  assert.deepEqual(seen, [["ember", ["map"]], ["ember", ["week"]]]);
  assert.equal(store.get().scale, "log");
});
