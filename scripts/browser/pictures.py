"""That the page draws what ``mousetrackd render`` draws for the same question, pixel by pixel."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import cv2
import numpy as np
from numpy.typing import NDArray
from support.report import Report

from browser.drive import CHROMIUM, FIREFOX, Opened
from browser.person import APPLICATIONS as NAMES
from browser.setting import APPLICATIONS, PERSON, YEAR, Setting, complaints
from browser.sums import monday, today

_LEVELS = 2
"""Of 255, the mean difference."""
_BIG = {"width": 1900, "height": 1300}
_WHERE = """() => {
  const {archive: {meta}, store} = mousetrackd;
  const canvas = document.querySelector("#view canvas");
  const box = canvas.getBoundingClientRect();
  const shown = meta.monitors.filter((_, at) => store.get().monitors.includes(at));
  // Drawn on whole pixels; Firefox would mix two of them in a picture that begins between them.
  return {box: {x: Math.round(box.x), y: Math.round(box.y), width: box.width, height: box.height}, shown};
}"""
_GO = """to => new Promise(done => {
  if (location.hash === to) return done();
  addEventListener("hashchange", () => done(), {once: true});
  location.hash = to;
})"""
_OVER = "visibility => (document.querySelectorAll('#view canvas')[1].style.visibility = visibility)"
"""The outlines and names of monitors, which are another canvas."""
_BELOW = """() => {
  const box = id => document.querySelector(id).getBoundingClientRect();
  const next = [box("#hottest"), box("#time")].filter(each => each.left < box("#view").right).map(each => each.top);
  return Math.min(...next) - box("#keys").bottom;
}"""
_GAP_PX = 120
"""What other fonts may leave; without the hottest places there it was 380."""
_ON_PAPER = """() => {
  const over = document.querySelectorAll("#view canvas")[1];
  const {data} = over.getContext("2d").getImageData(0, 0, over.width, over.height);
  return [over.getBoundingClientRect().width, data.reduce((sum, one) => sum + one, 0) / data.length];
}"""
_PAPER_PX = 703
"""What is between the margins of A4."""
_LIGHT = 150
"""The mean of red, green, blue and opacity, where B is empty; dark, or with nothing on it, it is half of that."""
_IS_GL = "!!document.querySelector('#view canvas').getContext('webgl2')"

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Picture:
    """A view of the page by its address, and the words for ``render``."""

    name: str
    whose: str
    fragment: str
    words: tuple[str, ...]


def _pictures() -> list[Picture]:
    light = ("--background", "#ffffff")
    day = today() - timedelta(days=3)
    two_weeks = today() - timedelta(days=14)
    span = f"a={two_weeks}..{today() - timedelta(days=1)}"
    words = ("--since", f"{two_weeks}", "--until", f"{today() - timedelta(days=1)}")
    old = monday(200)
    return [
        Picture("all time, dark", YEAR, "theme=dark", ()),
        Picture("all time, light", YEAR, "theme=light", light),
        # A level is three times as much in this map as in others, so it shows by how little automatic maxima differ.
        Picture("all time, classic", YEAR, "theme=dark&map=classic", ("--colormap", "classic")),
        Picture(
            "all time, classic, a blur of 30 px",
            YEAR,
            "theme=dark&map=classic&blur=30",
            ("--colormap", "classic", "--sigma", "30"),
        ),
        # Lines in pixels are thinner than any that cells, all that a page has, can show: in both of one width here.
        # Of such lines the automatic maximum is 16 crossings by cells, on some days, where it is 15 by pixels.
        Picture(
            "two weeks, travel",
            YEAR,
            f"theme=dark&layer=travel&blur=13&max=15&{span}",
            ("--layer", "travel", "--sigma", "13", "--max", "15", *words),
        ),
        Picture("two weeks, all clicks", YEAR, f"theme=dark&layer=clicks&{span}", ("--layer", "clicks", *words)),
        Picture("two weeks, scroll", YEAR, f"theme=light&layer=scroll&{span}", ("--layer", "scroll", *light, *words)),
        Picture(
            "two weeks, ice, square root",
            YEAR,
            f"theme=dark&map=ice&scale=sqrt&{span}",
            ("--colormap", "ice", "--scale", "sqrt", *words),
        ),
        Picture(
            "two weeks, linear, reversed",
            YEAR,
            f"theme=dark&map=ember_r&scale=linear&{span}",
            ("--colormap", "ember_r", "--scale", "linear", *words),
        ),
        Picture(
            "a maximum and a blur of 30 px",
            YEAR,
            f"theme=dark&max=5000&blur=30&{span}",
            ("--max", "5000", "--sigma", "30", *words),
        ),
        Picture(
            "a day half a year ago", YEAR, f"theme=dark&a={old}..{old}", ("--since", f"{old}", "--until", f"{old}")
        ),
        Picture("a recorded person, dark", PERSON, "theme=dark", ()),
        Picture("a recorded person, classic", PERSON, "theme=dark&map=classic", ("--colormap", "classic")),
        Picture(
            "a recorded person, light, clicks",
            PERSON,
            "theme=light&layer=clicks.left",
            ("--layer", "clicks.left", *light),
        ),
        Picture(
            "a recorded person's day",
            PERSON,
            f"theme=dark&a={day - timedelta(days=3)}..{today()}",
            ("--since", f"{day - timedelta(days=3)}"),
        ),
        # How wide little is blurred depends on how many pixels were counted, which cells show only roughly.
        Picture(
            "one monitor of two",
            YEAR,
            f"theme=dark&monitors=1&blur=20&{span}",
            ("--monitor", "HDMI-1", "--sigma", "20", *words),
        ),
        Picture(
            "an application",
            APPLICATIONS,
            f"theme=dark&blur=20&application={NAMES[-1]}",
            ("--application", NAMES[-1], "--sigma", "20"),
        ),
    ]


def check(setting: Setting, report: Report) -> None:
    """With WebGL2 in software, and some of it with canvas 2D as well; that both draw the same; where all is."""
    comparison = _Comparison(setting, report)
    by_gl = None
    for whose in (YEAR, PERSON, APPLICATIONS) if CHROMIUM in setting.browsers else ():
        with setting.opened(whose, CHROMIUM, viewport=_BIG) as one:
            if whose == YEAR:
                report.check("WebGL2 is used", one.run(_IS_GL))
            for picture in (each for each in _pictures() if each.whose == whose):
                shown = comparison.make(one, picture)
                by_gl = shown if by_gl is None else by_gl
            report.check(f"{whose}: it logged nothing", not complaints(one), details=complaints(one))
    for browser in setting.browsers:
        with setting.opened(YEAR, browser, "#2d", viewport=_BIG) as one:
            report.check(f"{browser}: canvas 2D is used where it is asked for", not one.run(_IS_GL))
            first, *others = _pictures()[:3]
            flat = comparison.make(one, first, also=f"{browser}, canvas 2D")
            for picture in others:
                comparison.make(one, picture, also=f"{browser}, canvas 2D")
            report.check(f"{browser}: it logged nothing", not complaints(one), details=complaints(one))
        if browser == FIREFOX:
            with setting.in_window(YEAR, viewport=_BIG) as one:
                report.check(f"{browser}, in a window: WebGL2 is used", one.run(_IS_GL))
                by_gl = comparison.make(one, first, also=f"{browser}, in a window")
                one.open("#2d")
                flat = comparison.make(one, first, also=f"{browser}, in a window, canvas 2D")
                report.check(f"{browser}, in a window: it logged nothing", not complaints(one), details=complaints(one))
        if by_gl is not None:
            mean = float(np.abs(by_gl.astype(np.float32) - flat.astype(np.float32)).mean())
            report.check(
                f"{browser}: WebGL2 and canvas 2D draw the same", mean <= _LEVELS, f"{mean:.2f} levels in the mean"
            )
        for whose in (YEAR, PERSON):  # a wide desktop, and one monitor
            with setting.opened(whose, browser) as one:
                _places(one, report, f"{browser}, {whose}")


def _places(one: Opened, report: Report, what: str) -> None:
    """Nothing is empty below the picture; what is compared is seen at once; on paper the picture is whole."""
    below_px = one.run(_BELOW)
    report.check(f"{what}: the place below the picture is used", below_px <= _GAP_PX, f"{below_px:.0f} px are empty")
    one.page.locator("#compare").click()
    for width, height in ((1400, 1000), (3840, 2160)):
        one.page.set_viewport_size({"width": width, "height": height})
        one.settle()
        high = one.run("document.querySelector('#picture').getBoundingClientRect().height")
        report.check(f"{what}, {width} px: A and B are seen at once", high <= 0.8 * height, f"{high:.0f} px high")
    one.run("dispatchEvent(new Event('beforeprint'))")
    size, light = one.run(_ON_PAPER)
    one.run("dispatchEvent(new Event('afterprint'))")
    report.check(
        f"{what}: on paper the picture is whole, and light", size <= _PAPER_PX and light > _LIGHT, (size, light)
    )
    one.settle()
    again = one.run("document.querySelector('#picture').getBoundingClientRect().width")
    report.check(f"{what}: then it is on the screen as before", again > _PAPER_PX, again)


class _Comparison:
    """Of what the page shows with what ``render`` draws, which it does once for each question."""

    def __init__(self, setting: Setting, report: Report) -> None:
        self._setting = setting
        self._report = report
        self._rendered: dict[str, Pixels] = {}

    def _expected(self, picture: Picture) -> Pixels:
        if picture.name not in self._rendered:
            drawn = self._setting.folder / "render.png"
            self._setting.home(picture.whose).run_ok("render", drawn, "--no-legend", *picture.words)
            self._rendered[picture.name] = decoded(drawn.read_bytes())
        return self._rendered[picture.name]

    def make(self, one: Opened, picture: Picture, also: str = "") -> Pixels:
        """Have the page show it by a change of its address, and compare; what it shows."""
        expected = self._expected(picture)
        is_flat = one.run("location.hash").startswith("#2d")
        one.run(_GO, f"#{'2d&' if is_flat else ''}{picture.fragment}")
        shown, places = picture_of(one)
        differences = []
        for place in places:
            (left, top, width, height), (x, y, wide, high) = place
            part = expected[y : y + high, x : x + wide]
            small = cv2.resize(part, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32)
            differences.append(np.abs(small - shown[top : top + height, left : left + width]).mean(axis=2))
        mean = float(np.concatenate([each.ravel() for each in differences]).mean()) if differences else 255.0
        what = f"{also + ': ' if also else ''}{picture.name}: the picture is that of render"
        self._report.check(what, mean <= _LEVELS, f"{mean:.2f} levels in the mean")
        if mean > _LEVELS and self._setting.screenshots:
            name = "".join(c if c.isalnum() else "-" for c in f"{also} {picture.name}".strip())
            for ending, image in (("page", shown), ("render", expected)):
                cv2.imwrite(str(self._setting.screenshots / f"differs-{name}-{ending}.png"), image)
        return shown


def picture_of(one: Opened) -> tuple[Pixels, Sequence[tuple[tuple[int, ...], tuple[int, ...]]]]:
    """The canvas as it is on the screen, BGR; and each monitor's rectangle in it, and in a picture of the desktop."""
    one.page.mouse.move(1, 1)
    one.run("document.activeElement?.blur?.()")
    one.settle()
    where = one.run(_WHERE)
    box = where["box"]
    one.run(_OVER, "hidden")
    shown = decoded(one.page.screenshot(clip=box, animations="disabled", caret="initial"))
    one.run(_OVER, "")
    monitors = where["shown"]
    left, top = min(each["x"] for each in monitors), min(each["y"] for each in monitors)
    wide = max(each["x"] + each["width_px"] for each in monitors) - left
    high = max(each["y"] + each["height_px"] for each in monitors) - top
    scale = min(box["width"] / wide, box["height"] / high)
    from_x, from_y = (box["width"] - wide * scale) / 2, (box["height"] - high * scale) / 2
    places = []
    for each in monitors:
        x, y = each["x"] - left, each["y"] - top
        edges = [
            from_x + x * scale,
            from_y + y * scale,
            from_x + (x + each["width_px"]) * scale,
            from_y + (y + each["height_px"]) * scale,
        ]
        a, b, c, d = (round(edge) for edge in edges)
        places.append(((a, b, c - a, d - b), (x, y, each["width_px"], each["height_px"])))
    return shown, places


def decoded(png: bytes) -> Pixels:
    """BGR, (H, W, 3)."""
    image = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    return image.astype(np.uint8, copy=False)
