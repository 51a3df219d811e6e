"""How the page looks and reads: axe-core, widths, themes, less motion, print."""

import re
from pathlib import Path
from typing import Any

from support.report import Report

from browser import gestures
from browser.drive import CHROMIUM, Driven, Opened
from browser.paper import largest_picture, sheets_of
from browser.setting import APPLICATIONS, PERSON, YEAR, Setting, complaints

_AXE = Path(__file__).resolve().parents[2] / ".cache/npm/axe-core/node_modules/axe-core/axe.min.js"
_RUN_AXE = """async () => {
  const found = await axe.run(document, {resultTypes: ["violations"]});
  return found.violations.map(one => `${one.id} (${one.impact}): ${one.help}: ` +
    one.nodes.slice(0, 4).map(node => node.target.join(" ") + " " + (node.any[0]?.message ?? "")).join("; "));
}"""
_OVERFLOW = """() => {
  const wide = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= wide) return [];
  const right = e => Math.round(e.getBoundingClientRect().right);
  return [...document.querySelectorAll("body *")].filter(e => right(e) > wide + 1 && !e.closest(".scroll"))
    .map(e => `${e.id || e.className || e.localName} ${right(e)}`);
}"""
# WCAG 2.2, 2.5.8: at least 24 px, or so far from any other that circles of 24 px around their middles do not meet. What
# a label holds is hit anywhere in it. The cells of the two grids have their keys, rows and columns as well.
_SMALL = """() => {
  const all = [...document.querySelectorAll("button, input, select, summary, a[href]")]
    .filter(e => e.checkVisibility({visibilityProperty: true}))
    .map(e => [e, (e.closest("label") ?? e).getBoundingClientRect()]);
  const middle = box => [box.x + box.width / 2, box.y + box.height / 2];
  const far = (a, b) => Math.hypot(middle(a)[0] - middle(b)[0], middle(a)[1] - middle(b)[1]) >= 24;
  return all.filter(([e, box]) => (box.width < 24 || box.height < 24) &&
      !all.every(([other, place]) => other === e || far(box, place)))
    .map(([e, box]) => `${e.id || e.textContent.slice(0, 20)} ${Math.round(box.width)} x ${Math.round(box.height)}`);
}"""
# What scrolls within itself may hold wider things.
_WIDER = """() => [...document.querySelectorAll("section *")]
  .filter(e => !e.closest(".scroll")?.contains(e.parentElement) &&
    e.getBoundingClientRect().right > e.closest("section").getBoundingClientRect().right + 1)
  .map(e => `${e.id || e.className.baseVal || e.className || e.localName} in ${e.closest("section").id}`)"""
_TOO_SMALL_FOR_FINGERS = """least => [...document.querySelectorAll("button, input, select, summary")]
  .filter(e => e.checkVisibility({visibilityProperty: true}) && e.type !== "range")
  .map(e => [e, (e.closest("label") ?? e).getBoundingClientRect()])
  .filter(([, box]) => box.width < least || box.height < least)
  .map(([e, box]) => `${e.id || e.dataset.do || e.textContent.slice(0, 20)} ${box.width} x ${box.height}`)"""
_FINGER_PX = 38
_OPEN_ALL = "() => { for (const each of document.querySelectorAll('details')) each.open = true; }"
_CUT_TABLES = """() => [...document.querySelectorAll(".scroll")].filter(e => e.scrollWidth > e.clientWidth + 1)
  .map(e => `${e.ariaLabel} ${e.scrollWidth} of ${e.clientWidth}`)"""
_BACKGROUND = "getComputedStyle(document.documentElement).backgroundColor"
_SLOW_MS = 350
"""Between the frames of a film at the highest pace there are 400 with less motion, else 200, and what a frame takes."""
_SCREEN = "[document.documentElement.dataset.theme, getComputedStyle(document.body).color]"
_DRAWN = 20
"""Levels of 255 by which the pixels of a picture deviate in the mean; of one that is empty, 0."""
_SUMMARY = "document.querySelector('#summary').textContent"
_SHOTS = {360: 780, 1400: 1000, 3840: 2160}


def check(setting: Setting, report: Report) -> None:
    """In each browser, one after the other."""
    for browser in setting.browsers:
        _examine(setting, report, browser)
        _manners(setting, report, browser)
        if setting.screenshots:
            _shoot(setting, browser, setting.screenshots)
        with setting.opened(YEAR, browser) as one:
            for width, height in _SHOTS.items():
                one.page.set_viewport_size({"width": width, "height": height})
                one.settle()
                too_wide = one.run(_OVERFLOW)
                report.check(f"{browser}, {width} px: nothing is cut off", not too_wide, details=too_wide)
                small = one.run(_SMALL)
                report.check(f"{browser}, {width} px: all can be hit", not small, details=small)
        if browser == CHROMIUM:
            _by_finger(setting, report)


def _by_finger(setting: Setting, report: Report) -> None:
    """On a phone. Only Chromium can be given one."""
    phone: dict[str, Any] = {"viewport": {"width": 360, "height": 780}, "has_touch": True, "is_mobile": True}
    with setting.opened(APPLICATIONS, CHROMIUM, **phone) as one:
        one.page.locator("#compare").click()
        one.run(_OPEN_ALL)
        one.settle()
        small = one.run(_TOO_SMALL_FOR_FINGERS, _FINGER_PX)
        report.check("on a phone: all is as large as a finger", not small, details=small)
        wider = one.run(_WIDER)
        report.check("on a phone: nothing is wider than its panel", not wider, details=wider)


def _examine(setting: Setting, report: Report, browser: str) -> None:
    """By axe-core: what is shown at first, and all that can be shown; at two widths, and in both themes."""
    with setting.opened(YEAR, browser, "#theme=dark") as one:
        one.run(_AXE.read_text("utf-8"))
        # All that is shown at first is among all that can be shown: one browser looks at it alone as well.
        for is_all in (False, True) if browser == CHROMIUM else (True,):
            if is_all:
                # The rows of tables are alike: those of two weeks are enough.
                one.page.locator("#quick-last-month").click()
                one.page.locator("#compare").click()
                one.run("for (const each of document.querySelectorAll('details')) each.open = true")
            for width in (360, 1400):
                one.page.set_viewport_size({"width": width, "height": 900})
                for theme in ("dark", "light"):
                    one.run("theme => mousetrackd.store.set({theme})", theme)
                    one.settle()
                    found = one.run(_RUN_AXE)
                    what = f"{browser}, {width} px, {theme}{', comparing, all opened' if is_all else ''}"
                    report.check(f"{what}: axe-core finds nothing", not found, details=found)


def _manners(setting: Setting, report: Report, browser: str) -> None:
    """The desktop's settings, what a screen reader is told, and print."""
    with setting.emulating(PERSON, browser) as one:
        one.emulate(theme="dark", motion="no-preference")
        dark = one.run(_BACKGROUND)
        one.emulate(theme="light", motion="reduce")
        light = one.run(_BACKGROUND)
        is_good = _brightness(dark) + 100 < _brightness(light)
        report.check(f"{browser}: the system's theme is the page's", is_good, (dark, light))
        one.click("#quick button")
        moving = one.run("document.getAnimations().length")
        report.check(f"{browser}: nothing moves where less motion is asked for", moving == 0, moving)
        one.click("#quick-all")
        one.settle()
        apart_ms = gestures.frames_apart_ms(one, "5", 3)
        report.check(f"{browser}: and a film is half as fast", apart_ms > _SLOW_MS, f"{apart_ms:.0f} ms")
        live = one.run("document.querySelector('#summary').getAttribute('aria-live')")
        report.check(f"{browser}: the summary is reported to a screen reader", live == "polite", live)
        before = one.run(_SUMMARY)
        one.click("#quick-this-month")  # more days than this store has
        one.settle()
        after = one.run(_SUMMARY)
        report.check(f"{browser}: and says what is shown", before != after, after)
        _print(one, report, setting, browser)
        if isinstance(one, Opened):
            report.check(f"{browser}: it logged nothing", not complaints(one), details=complaints(one))


def _brightness(colour: str) -> float:
    """The mean of red, green and blue of a CSS colour."""
    return sum(map(int, re.findall(r"\d+", colour)[:3])) / 3


def _print(one: Driven, report: Report, setting: Setting, browser: str) -> None:
    one.run("theme => mousetrackd.store.set({theme})", "dark")
    one.settle()
    before = one.run(_SCREEN)
    one.emulate(medium="print")
    left = one.run(
        "[...document.querySelectorAll('button, select, input')].filter(e => e.checkVisibility()).map(e => e.id)"
        ".filter(id => !id.startsWith('place-'))"
    )
    what = "no control is printed, but the hottest places, which are read"
    report.check(f"{browser}: {what}", not left, details=left)
    shown = one.run("document.querySelector('#view canvas').checkVisibility()")
    report.check(f"{browser}: the picture is printed", bool(shown))
    paper = one.run(_BACKGROUND)
    report.check(f"{browser}: on white", paper in {"rgb(255, 255, 255)", "rgba(0, 0, 0, 0)"}, paper)
    one.run(_OPEN_ALL)
    one.run("() => { document.body.style.width = '703px'; }")  # what is between the margins of A4
    one.settle()
    cut = one.run(_CUT_TABLES)
    report.check(f"{browser}: tables that are open are printed whole", not cut, details=cut)
    one.run("() => { document.body.style.width = ''; }")
    one.run("() => { for (const each of document.querySelectorAll('details')) each.open = false; }")
    one.emulate(medium="screen")
    pdf = one.pdf()
    sheets, printed = sheets_of(pdf), largest_picture(pdf)
    report.check(f"{browser}: it prints on a few sheets", 1 <= sheets <= 6, sheets)
    light, spread = (float(printed.mean()), float(printed.std())) if printed.size else (0.0, 0.0)
    is_light = light > 128 and spread > _DRAWN
    report.check(f"{browser}: with a picture in light colours", is_light, f"mean {light:.0f}, deviation {spread:.0f}")
    on_screen = one.run(_SCREEN)
    report.check(f"{browser}: and is dark on the screen as before", on_screen == before, on_screen)
    if setting.screenshots:
        (setting.screenshots / f"{browser}-print.pdf").write_bytes(pdf)


def _shoot(setting: Setting, browser: str, folder: Path) -> None:
    """Pictures to look at: each width in both themes, comparisons, and a recorded person."""
    for width, height in _SHOTS.items():
        for theme in ("dark", "light"):
            size: dict[str, Any] = {"viewport": {"width": width, "height": height}}
            with setting.opened(YEAR, browser, f"#theme={theme}", **size) as one:
                one.page.screenshot(path=folder / f"{browser}-{width}-{theme}.png", full_page=True)
                one.page.locator("#compare").click()
                one.settle()
                one.page.screenshot(path=folder / f"{browser}-{width}-{theme}-side.png", full_page=width < 3000)
                one.page.locator("#mode-difference").click()
                one.settle()
                one.page.screenshot(path=folder / f"{browser}-{width}-{theme}-difference.png", full_page=width < 3000)
            with setting.opened(PERSON, browser, f"#theme={theme}", **size) as one:
                one.page.screenshot(path=folder / f"{browser}-{width}-{theme}-recorded.png", full_page=width < 3000)
