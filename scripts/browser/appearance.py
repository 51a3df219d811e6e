"""How the page looks and reads: axe-core, widths, themes, less motion, print."""

import re
from pathlib import Path
from typing import Any

from support.report import Report

from browser.drive import CHROMIUM, Opened
from browser.setting import PERSON, YEAR, Setting, complaints

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
_BACKGROUND = "getComputedStyle(document.documentElement).backgroundColor"
_SHOTS = {360: 780, 1400: 1000, 3840: 2160}


def check(setting: Setting, report: Report) -> None:
    """What is the page's own doing in Chromium; the size of text and the layout in each browser."""
    if CHROMIUM in setting.browsers:
        _examine(setting, report)
        _manners(setting, report)
        if setting.screenshots:
            _shoot(setting)
    else:
        report.skipped.append(
            "axe-core, the system's theme, less motion and print: Playwright sets them in Chromium only"
        )
    for browser in setting.browsers:
        with setting.opened(YEAR, browser) as one:
            for width, height in _SHOTS.items():
                one.page.set_viewport_size({"width": width, "height": height})
                one.settle()
                too_wide = one.run(_OVERFLOW)
                report.check(f"{browser}, {width} px: nothing is cut off", not too_wide, details=too_wide)
                small = one.run(_SMALL)
                report.check(f"{browser}, {width} px: all can be hit", not small, details=small)


def _examine(setting: Setting, report: Report) -> None:
    """By axe-core: what is shown at first, and all that can be shown; at two widths, and in both themes."""
    with setting.opened(YEAR, CHROMIUM, "#theme=dark") as one:
        one.run(_AXE.read_text("utf-8"))
        for is_all in (False, True):
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
                    what = f"{width} px, {theme}{', comparing, all opened' if is_all else ''}"
                    report.check(f"{what}: axe-core finds nothing", not found, details=found)


def _manners(setting: Setting, report: Report) -> None:
    with setting.opened(PERSON, CHROMIUM, color_scheme="dark") as one:
        dark = one.run(_BACKGROUND)
        one.page.emulate_media(color_scheme="light")
        one.settle()
        light = one.run(_BACKGROUND)
        report.check("the system's theme is the page's", _brightness(dark) + 100 < _brightness(light), (dark, light))
        one.page.emulate_media(reduced_motion="reduce")
        one.page.locator("#quick button").first.click()
        moving = one.run("document.getAnimations().length")
        report.check("nothing moves where less motion is asked for", moving == 0, moving)
        one.page.locator("#quick-all").click()
        one.settle()
        live = one.run("document.querySelector('#summary').getAttribute('aria-live')")
        report.check("the summary is reported to a screen reader", live == "polite", live)
        before = one.run("document.querySelector('#summary').textContent")
        one.page.locator("#quick-this-month").click()  # more days than this store has
        one.settle()
        after = one.run("document.querySelector('#summary').textContent")
        report.check("and says what is shown", before != after, after)
        _print(one, report, setting)
        report.check("it logged nothing", not complaints(one), details=complaints(one))


def _brightness(colour: str) -> float:
    """The mean of red, green and blue of a CSS colour."""
    return sum(map(int, re.findall(r"\d+", colour)[:3])) / 3


def _print(one: Opened, report: Report, setting: Setting) -> None:
    one.run("theme => mousetrackd.store.set({theme})", "dark")
    one.page.emulate_media(media="print")
    one.settle()
    left = one.run(
        "[...document.querySelectorAll('button, select, input')].filter(e => e.checkVisibility()).map(e => e.id)"
        ".filter(id => !id.startsWith('place-'))"
    )
    report.check("no control is printed, but the hottest places, which are read", not left, details=left)
    shown = one.run("document.querySelector('#view canvas').checkVisibility()")
    report.check("the picture is printed", bool(shown))
    paper = one.run(_BACKGROUND)
    report.check("on white", paper in {"rgb(255, 255, 255)", "rgba(0, 0, 0, 0)"}, paper)
    pdf = one.page.pdf(format="A4")
    pages = pdf.count(b"/Type /Page\n") or pdf.count(b"/Type /Page")
    report.check("it prints on a few sheets", 1 <= pages <= 6, pages)
    if setting.screenshots:
        (setting.screenshots / "print.pdf").write_bytes(pdf)


def _shoot(setting: Setting) -> None:
    """Pictures to look at: each width in both themes, comparisons, and zoomed in."""
    assert setting.screenshots is not None
    for width, height in _SHOTS.items():
        for theme in ("dark", "light"):
            size: dict[str, Any] = {"viewport": {"width": width, "height": height}}
            with setting.opened(YEAR, CHROMIUM, f"#theme={theme}", **size) as one:
                one.page.screenshot(path=setting.screenshots / f"{width}-{theme}.png", full_page=True)
                one.page.locator("#compare").click()
                one.settle()
                one.page.screenshot(path=setting.screenshots / f"{width}-{theme}-side.png", full_page=width < 3000)
                one.page.locator("#mode-difference").click()
                one.settle()
                one.page.screenshot(
                    path=setting.screenshots / f"{width}-{theme}-difference.png", full_page=width < 3000
                )
            with setting.opened(PERSON, CHROMIUM, f"#theme={theme}", **size) as one:
                one.page.screenshot(path=setting.screenshots / f"{width}-{theme}-recorded.png", full_page=width < 3000)
