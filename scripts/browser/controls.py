"""Every control of the page, found in its document and operated by mouse and by keyboard. One without effect fails."""

import fnmatch
import json
import time
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from support.report import Report
from support.waiting import wait_until

from browser import gestures
from browser.control_table import TABLE, Control, choose_image
from browser.drive import LIMIT_S, SETTLED, SIZE, STATE, Opened
from browser.setting import APPLICATIONS, YEAR, Setting, complaints
from browser.sums import EPOCH, today

_FIND = """() => {
  const kinds = "button, input, select, textarea, a[href], summary, [role=button], [role=slider], [tabindex]";
  const cells = ["day", "month", "hour", "row", "column"];
  const found = {};
  for (const element of document.querySelectorAll(kinds)) {
    if (!element.checkVisibility({visibilityProperty: true})) continue;
    const cell = cells.find(name => name in element.dataset);
    const key = cell ? `cell:${cell}` : element.id || (element.dataset.do && `do:${element.dataset.do}`) ||
      (element.localName === "summary" && element.parentElement.id) ||
      (element.matches(".scroll") && "scroll") || element.outerHTML.slice(0, 120);
    const selector = cell ? `[data-${cell}]` : element.id ? `[id="${element.id}"]` :
      element.localName === "summary" ? `[id="${element.parentElement.id}"] > summary` :
      `[data-do="${element.dataset.do}"]`;
    found[key] ??= selector;
  }
  return found;
}"""
_KEEPS_PIXELS = """
const getContext = HTMLCanvasElement.prototype.getContext;
HTMLCanvasElement.prototype.getContext = function (kind, options) {
  return getContext.call(this, kind, {...options, preserveDrawingBuffer: true});
};
"""
"""Else what WebGL drew cannot be read once it is on the screen. (A real picture of the screen takes half a second.)"""
# As soon as nothing is summed or drawn any more: the state; a mark of all that the document shows but the control that
# was operated; and a mark of the pixels of the view. Marks are FNV-1a, that of pixels is of whole words.
_LOOK = f"""async operated => {{
  const busy = await ({SETTLED})();
  if (busy) throw new Error(busy);
  const add = (mark, word) => Math.imul(mark ^ word, 0x01000193);
  const others = [...document.querySelectorAll("input, select")].filter(e => e !== document.querySelector(operated));
  const fields = others.map(e => [e.value, e.checked, e.disabled]);
  const clones = [...document.body.children].filter(e => e.localName !== "script").map(e => e.cloneNode(true));
  for (const clone of clones) clone.querySelectorAll("script, style, select, input").forEach(e => e.remove());
  const card = document.querySelector("#card[open] canvas");
  const seen = JSON.stringify(fields) + clones.map(e => e.outerHTML).join("") + (card ? card.toDataURL() : "");
  let page = 0x811c9dc5;
  for (let at = 0; at < seen.length; at++) page = add(page, seen.charCodeAt(at));
  const layers = document.querySelectorAll("#picture canvas");
  const copy = new OffscreenCanvas(layers[0].width, layers[0].height);
  const pen = copy.getContext("2d", {{willReadFrequently: true}});
  for (const layer of layers) pen.drawImage(layer, 0, 0);
  let picture = copy.width;
  for (const word of new Uint32Array(pen.getImageData(0, 0, copy.width, copy.height).data.buffer)) {{
    picture = add(picture, word);
    picture = picture << 13 | picture >>> 19;
  }}
  return [({STATE})(), page, picture];
}}"""
_SIZE = {"width": 1000, "height": 700}
_NARROW = {"width": 420, "height": 900}
_FOUND_BELOW = {"scroll"}
"""What only scrolls, which the browser does."""


def check(setting: Setting, report: Report) -> None:
    """In each browser; then what is no single control: the way of Tab, gestures, the address."""
    for name in setting.browsers:
        with setting.opened(YEAR, name, script=_KEEPS_PIXELS, viewport=_SIZE) as one:
            operator = Operator(setting, report, one, name)
            operator.all()
            one.page.set_viewport_size(SIZE)
            gestures.check(one, report, name)
            report.check(f"{name}: it logged nothing", not complaints(one), details=complaints(one))
        with report.expect(f"{name}: two fingers zoom the picture, and move it"), setting.emulating(YEAR, name) as held:
            gestures.pinch(held)


@dataclass(frozen=True)
class _Look:
    """state: what the page is asked for; page and picture: marks of what the document and the view show."""

    state: dict[str, Any]
    page: int
    picture: int


class Operator:
    """Operates the controls of a page, one after the other, each from the same state."""

    def __init__(self, setting: Setting, report: Report, one: Opened, browser: str) -> None:
        self._setting = setting
        self._report = report
        self._one = one
        self._browser = browser
        self._tried: set[str] = set()

    def all(self) -> None:
        """As it opens; with an image below; comparing two ranges; narrow; and by application."""
        one = self._one
        one.run(_PREPARE)
        self._operate_found()
        choose_image(one, "")
        one.settle()
        self._operate_found()
        one.run(_SET, self._state_of((("b", "before"), ("mode", "side"))))
        one.settle()
        self._operate_found()
        one.run("for (const one of document.querySelectorAll('details')) one.open = true")
        self._operate_found()
        one.page.set_viewport_size(_NARROW)
        one.run(_SET, self._state_of(()))
        one.settle()
        self._operate_found()
        one.page.set_viewport_size(_SIZE)
        with self._setting.opened(APPLICATIONS, self._browser, script=_KEEPS_PIXELS, viewport=_SIZE) as self._one:
            self._one.run(_PREPARE)
            self._operate_found()
            logged = complaints(self._one)
            self._report.check(f"{self._browser}: a page by application logged nothing", not logged, details=logged)
        self._one = one
        unused = [key for key in TABLE if not any(fnmatch.fnmatch(each, key) for each in self._tried)]
        self._report.check(f"{self._browser}: every control that is known was there", not unused, details=unused)

    def _operate_found(self) -> None:
        for key, selector in self._one.run(_FIND).items():
            if key in self._tried or key in _FOUND_BELOW:
                continue
            self._tried.add(key)
            known = [control for pattern, control in TABLE.items() if fnmatch.fnmatch(key, pattern)]
            if not known:
                self._report.check(
                    f"{self._browser}: {key} is operated", False, details=["no line in control_table.py"]
                )
                continue
            control = TABLE.get(key, known[0])
            for by in ("mouse", "keyboard"):
                with self._report.expect(f"{self._browser}: {key}, by {by}"):
                    self._operate(control, selector, by)

    def _state_of(self, wanted: tuple[tuple[str, Any], ...]) -> dict[str, Any]:
        """The state to begin with: what is named in words, in numbers."""
        middle = (today().replace(day=1) - timedelta(days=40)).replace(day=10)
        long_ago = today() - timedelta(days=300)
        spans = {
            "fortnight": (middle, middle + timedelta(days=12)),
            "before": (middle - timedelta(days=27), middle - timedelta(days=15)),
            "long ago": (long_ago, long_ago + timedelta(days=12)),
        }
        state: dict[str, Any] = {"b": None, "mode": "single", "theme": "dark"}
        for key, value in wanted:
            if isinstance(value, str) and value in spans:
                first, last = spans[value]
                state[key] = {"first": (first - EPOCH).days, "last": (last - EPOCH).days}
            else:
                state[key] = [int(9 <= at % 24 < 12) for at in range(168)] if value == "work" else value
        if state["b"]:
            state.setdefault("a", {"first": (middle - EPOCH).days, "last": (middle - EPOCH).days + 12})
        return state

    def _operate(self, control: Control, selector: str, by: str) -> None:
        one = self._one
        one.run(_SET, self._state_of(control.state))
        if control.before:
            one.settle()
            control.before(one, selector)
        before = self._look(selector)
        files = {*self._files()} if "file" in control.shows else set()
        special = control.by_mouse if by == "mouse" else control.by_keys
        place = one.page.locator(selector).first
        if special:
            place.scroll_into_view_if_needed()
            special(one, selector)
        elif by == "mouse":
            place.click()
        else:
            place.focus()
            assert place.evaluate("e => e === document.activeElement"), "it does not take the focus"
            for key in control.keys:
                one.page.keyboard.press(key)
        if "file" in control.shows:
            wait_until(lambda: {*self._files()} - files, "a file is there", timeout_s=LIMIT_S)
        self._await_change(control, selector, before)
        if control.after:
            control.after(one, selector)

    def _await_change(self, control: Control, selector: str, before: _Look) -> None:
        deadline_s = time.monotonic() + LIMIT_S
        while True:
            now = self._look(selector)
            missing = [
                f"{key} is still {now.state[key]}" for key in control.changes if now.state[key] == before.state[key]
            ]
            if "page" in control.shows and now.page == before.page:
                missing.append("the document is as before")
            if "picture" in control.shows and now.picture == before.picture:
                missing.append("the picture is as before")
            if not missing:
                return
            assert time.monotonic() < deadline_s, "; ".join(missing)

    def _look(self, operated: str) -> _Look:
        state, page, picture = self._one.run(_LOOK, operated)
        return _Look(json.loads(state), page, picture)

    def _files(self) -> list[Path]:
        """What was downloaded, whole."""
        self._one.settle()  # Playwright notes what happened while it is asked for something
        kept = [*(Path(each.path()) for each in self._one.downloads), *self._setting.downloads.iterdir()]
        return [path for path in kept if path.suffix != ".part" and path.stat().st_size]


_PREPARE = """() => {
  window.initial = {...mousetrackd.store.get()};
  window.printed = 0;
  window.print = () => { printed++; };
}"""
_SET = """patch => {
  const {store} = mousetrackd;
  if (patch.week) patch.week = Uint8Array.from(patch.week);
  store.set({...initial, ...patch});
}"""


def day_of(number: int) -> date:
    """The date of a day of the page."""
    return EPOCH + timedelta(days=number)
