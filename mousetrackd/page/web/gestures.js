// Mouse, touch and wheel on an element, as moves, zooms and a place that is pointed at. Keys are in view.js.

const WHEEL_STEP = 300;

/**
 * @param {HTMLElement} element
 * @param {{move: (right: number, down: number) => unknown, zoom: (factor: number, x: number, y: number) => unknown,
 *   point: (x: number, y: number) => void, leave: () => void, isZoomed: () => boolean}} on
 *   all in CSS px from the element's corner
 */
export function listen(element, on) {
  /** @type {Map<number, {x: number, y: number}>} */
  const held = new Map();
  /** @type {(event: MouseEvent) => {x: number, y: number}} */
  const placeIn = (event) => {
    const box = element.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };
  const spread = () => {
    const [one, other = one] = held.values();
    return { x: (one.x + other.x) / 2, y: (one.y + other.y) / 2, apart: Math.hypot(one.x - other.x, one.y - other.y) };
  };
  element.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    const place = placeIn(event);
    held.set(event.pointerId, place);
    element.setPointerCapture(event.pointerId);
    on.point(place.x, place.y);
  });
  element.addEventListener("pointermove", (event) => {
    const place = placeIn(event);
    if (!held.has(event.pointerId)) return on.point(place.x, place.y);
    const before = spread();
    held.set(event.pointerId, place);
    const after = spread();
    if (before.apart && after.apart) on.zoom(after.apart / before.apart, after.x, after.y);
    on.move(after.x - before.x, after.y - before.y);
  });
  for (const name of /** @type {("pointerup"|"pointercancel")[]} */ (["pointerup", "pointercancel"]))
    element.addEventListener(name, (event) => held.delete(event.pointerId));
  element.addEventListener("pointerleave", () => {
    if (!held.size) on.leave();
  });
  element.addEventListener("dblclick", (event) => on.zoom(2, placeIn(event).x, placeIn(event).y));
  element.addEventListener(
    "wheel",
    (event) => {
      // Else the page scrolls, as it does where there is nothing left to zoom out.
      const isMeant = event.ctrlKey || (element.contains(document.activeElement) && (event.deltaY < 0 || on.isZoomed()));
      if (!isMeant) return;
      event.preventDefault();
      const px = event.deltaY * (event.deltaMode ? 30 : 1) * (event.ctrlKey ? 3 : 1);
      const place = placeIn(event);
      on.zoom(Math.exp(-px / WHEEL_STEP), place.x, place.y);
    },
    { passive: false },
  );
}
