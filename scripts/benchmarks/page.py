"""The page: how large it is, what making it takes, and what Chromium needs to show it."""

import sqlite3
import time
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from benchmarks import growth
from benchmarks.desk import MOUSETRACKD, Desk
from benchmarks.table import Row, at_most, median, ms, times_at_most
from mousetrackd.core import planes
from mousetrackd.page import build

_SCREEN = "1920x1080"
_DAYS, _QUICK_DAYS = (10, 365, 3650), (4, 10)
"""How many days the stores hold. The second is the one that is made, asked and drawn."""
_FILE, _FIRST, _MAKING = 1.4, 1.5, 4
_MEMORY_MB, _FRAME_MS = 250, 16
_ASKED = {"one day": 0.2, "Tuesdays 9-17": 0.5, "a year": 2}
"""How many times as much time of the main thread as loading a page of a year each question may take."""
_CHANGES = 20
_MAPS = ("ember", "classic", "viridis", "ice")
_HEADER_BYTES = 7
"""Of the cells of an hour, before what is deflated."""

_SET = """async patch => {
  if (patch.week) patch.week = Uint8Array.from(patch.week);
  mousetrackd.store.set(patch);
  for (let calm = 0; calm < 2; ) {
    await new Promise(done => requestAnimationFrame(done));
    calm = document.documentElement.dataset.busy === "1" ? 0 : calm + 1;
  }
}"""
_FIRST_PICTURE = "performance.getEntriesByName('first-picture')[0].duration"
_DRAWN = """() => {
  const all = performance.getEntriesByName("draw").map(one => one.duration);
  performance.clearMeasures("draw");
  return all;
}"""


def page(*, quick: bool) -> Iterator[Row]:
    """Pages of ten days, a year and ten years, opened offline; of four and ten days when ``quick``."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - only this benchmark needs it

    with ExitStack() as stack:
        desk = stack.enter_context(Desk())
        desk.env |= {"OPENBLAS_NUM_THREADS": "1", "TZ": "UTC"}
        pages = {}
        all_days = _QUICK_DAYS if quick else _DAYS
        for days in all_days:
            growth.grow(desk, desk.store, _SCREEN, days)
            pages[days] = desk.folder / f"{days}.html"
            used = desk.run([MOUSETRACKD, "page", str(pages[days])])
            if days == all_days[1]:
                yield from _made(desk, pages[days], used.cpu_s, used.peak_mb)
        browser = _Chromium(stack.enter_context(sync_playwright()))
        stack.callback(browser.close)
        yield from _shown(browser, pages, quick=quick)


def _made(desk: Desk, file: Path, cpu_s: float, peak_mb: float) -> Iterator[Row]:
    """What a page of a year costs to make, and how large it is."""
    today = datetime.now(UTC).date()
    first = today.replace(year=today.year - 1, day=1)
    stats_s = desk.run([MOUSETRACKD, "stats", "--since", f"{first}"]).cpu_s
    stored, packed_s = _rows(desk.store, first)
    size = file.stat().st_size
    yield times_at_most("page: the file against its hours' rows", size, stored, _FILE, beside=f"{size / 1e6:.1f} MB")
    yield at_most("page: HTML, CSS and JavaScript", build.code_bytes() / 1000, build.CODE_MAX_BYTES / 1000, "kB")
    yield at_most(
        "page: CPU of making one of a year",
        cpu_s,
        _MAKING * stats_s + packed_s,
        "s",
        beside=f"{_MAKING} times stats, {stats_s:.2f} s, and its rows inflated and deflated, {packed_s:.2f} s",
    )
    yield at_most("page: peak memory of making it", peak_mb, _MEMORY_MB, "MB", digits=0)


def _rows(store: Path, first: date) -> tuple[int, float]:
    """How many bytes the rows of the hours since a day have, and the CPU of inflating and deflating them once."""
    with sqlite3.connect(f"file:{store}?mode=ro", uri=True) as connection:
        rows = connection.execute(
            "SELECT counts FROM cells JOIN hour ON hour.id = cells.hour WHERE start_s >= ?",
            (datetime(first.year, first.month, first.day, tzinfo=UTC).timestamp(),),
        )
        blobs = [bytes(blob) for (blob,) in rows]
    began_s = time.process_time()
    for blob in blobs:
        zlib.compress(zlib.decompress(blob[_HEADER_BYTES:], planes.RAW))
    return sum(map(len, blobs)), time.process_time() - began_s


class _MainThread:
    """The time that a tab's main thread is at work, from now on."""

    def __init__(self, tab: Any) -> None:
        self._session = tab.context.new_cdp_session(tab)
        self._session.send("Performance.enable", {"timeDomain": "threadTicks"})

    def s(self) -> float:
        """So far."""
        metrics = self._session.send("Performance.getMetrics")["metrics"]
        return float(next(one["value"] for one in metrics if one["name"] == "TaskDuration"))


class _Chromium:
    """Debian's, without a network, drawing by the processor alone."""

    def __init__(self, playwright: Any) -> None:
        words = ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
        self._browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=words, timeout=90_000)

    def open(self, file: Path, fragment: str = "") -> tuple[Any, _MainThread]:
        """A page that has shown its first picture and is read to its end, in a context of its own, with its thread."""
        context = self._browser.new_context(viewport={"width": 1400, "height": 1000}, offline=True)
        tab = context.new_page()
        thread = _MainThread(tab)
        tab.goto(file.as_uri() + fragment, wait_until="load", timeout=120_000)
        while tab.evaluate("document.documentElement.dataset.ready") != "1":
            tab.evaluate("new Promise(done => setTimeout(done, 20))")
        return tab, thread

    def close(self) -> None:
        """End it."""
        self._browser.close()


def _shown(browser: _Chromium, pages: dict[int, Path], *, quick: bool) -> Iterator[Row]:
    turns = 1 if quick else 5
    firsts_s: dict[int, float] = {}
    for days, file in pages.items():
        found = []
        for _ in range(turns):
            tab, _ = browser.open(file)
            found.append(tab.evaluate(_FIRST_PICTURE) / 1000)
            tab.context.close()
        firsts_s[days] = median(found)
    short, *longer = firsts_s
    for days in longer:
        beside = f"{ms(firsts_s[days])} and {ms(firsts_s[short])}"
        what = f"page: first picture, {days} days of store against {short}"
        yield times_at_most(what, firsts_s[days], firsts_s[short], _FIRST, beside=beside)
    yield from _asked(browser, pages[longer[0]], longer[0], turns)
    for name, fragment in (("WebGL2", ""), ("canvas 2D", "#2d")):
        yield from _frames(browser, pages[longer[0]], name, fragment)


def _asked(browser: _Chromium, file: Path, of_days: int, turns: int) -> Iterator[Row]:
    """What a page of a year takes to load, and to answer."""
    today = (datetime.now(UTC).date() - date(1970, 1, 1)).days
    days = [today - of_days // 2, today - of_days + 5, today]
    week = [int(at // 24 == 1 and 9 <= at % 24 < 17) for at in range(168)]
    patches: dict[str, dict[str, Any]] = {
        "one day": {"a": {"first": days[0], "last": days[0]}},
        "Tuesdays 9-17": {"a": {"first": days[1], "last": days[2]}, "week": week},
        "a year": {"a": {"first": days[1], "last": days[2]}},
    }
    loads_s = []
    asked_s: dict[str, list[float]] = {name: [] for name in patches}
    for _ in range(turns):
        for name, patch in patches.items():
            tab, thread = browser.open(file)
            loaded_s = thread.s()
            tab.evaluate(_SET, patch)
            asked_s[name].append(thread.s() - loaded_s)
            loads_s.append(loaded_s)
            tab.context.close()
    load_s = median(loads_s)
    for name, found in asked_s.items():
        beside = f"{ms(median(found))}; loading the page {ms(load_s)}, of the main thread"
        yield times_at_most(f"page: {name} against loading a year", median(found), load_s, _ASKED[name], beside=beside)


def _frames(browser: _Chromium, file: Path, name: str, fragment: str) -> Iterator[Row]:
    """How long a frame keeps the main thread while the picture is moved, zoomed or coloured."""
    tab, _ = browser.open(file, fragment)
    middle = {"x": 960, "y": 540}
    changes: dict[str, list[dict[str, Any]]] = {
        "pan": [{"view": {"x": 700 + 20 * nth, "y": 540, "zoom": 4}} for nth in range(_CHANGES)],
        "zoom": [{"view": {**middle, "zoom": 1.1**nth}} for nth in range(1, _CHANGES + 1)],
        "colour": [{"map": _MAPS[nth % len(_MAPS)]} for nth in range(_CHANGES)],
        "scale": [{"scale": ("sqrt", "linear", "log")[nth % 3]} for nth in range(_CHANGES)],
    }
    for what, patches in changes.items():
        tab.evaluate(_DRAWN)
        began_s = time.monotonic()
        for patch in patches:
            tab.evaluate(_SET, patch)
        took_ms = (time.monotonic() - began_s) * 1000 / len(patches)
        drawn = tab.evaluate(_DRAWN)
        beside = f"the longest {max(drawn):.1f} ms; {took_ms:.0f} ms from one to the next with two frames waited for"
        if fragment:
            yield Row(f"page: {what}, {name}", f"{median(drawn):.2f} ms", beside)
        else:
            yield at_most(f"page: {what}, {name}", median(drawn), _FRAME_MS, "ms", beside=beside)
    tab.context.close()
