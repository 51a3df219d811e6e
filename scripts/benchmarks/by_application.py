"""What counting by application costs: while the mouse moves, while windows change their titles, and in the store."""

import contextlib
import itertools
import os
import sqlite3
import subprocess
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC
from typing import Any

import numpy as np
from support.waiting import wait_until
from support.xwindows import Program

from benchmarks import kernel, motion
from benchmarks.capture import settle
from benchmarks.desk import TOOL, Desk
from benchmarks.table import Row, median, times_at_most
from mousetrackd.core.accumulator import Accumulator, Tally
from mousetrackd.core.applications import ApplicationRules
from mousetrackd.core.events import NOBODY, AppChange, Events, Window
from mousetrackd.core.series import Series
from mousetrackd.storage.store import Store
from mousetrackd.storage.tiers import RollupAges

_OF_WITHOUT = 1.1
"""At 1000 events a second it may cost a tenth more CPU time than without."""
_GROWTH = 1.6
"""A store may be so many times as large as without, but for what is relative to windows."""
_RATE = 1000
_WINDOWS = 6
_SWITCH_S = 20
"""So often another window is raised."""
_TITLES_A_SECOND = 5
_APPLICATIONS = 20
"""Used in a day, the most used first, by Zipf's law."""
_BOUT_S = 90
"""So long one works in a window before the next, on average."""


def capture(*, quick: bool) -> Iterator[Row]:
    """The whole daemon with applications and without, in turns, over windows of which another is raised at times."""
    turns, seconds = (1, 6) if quick else (3, 60)
    percents: dict[bool, list[float]] = defaultdict(list)
    with Desk() as desk, _programs(desk) as opened:
        desk.has_picture()
        for turn in range(turns * 2):
            is_on = turn % 2 == 1
            _configure(desk, f"checkpoint_interval_s = {seconds + 2}\nsnapshot_interval_s = 86400\n", is_on=is_on)
            with desk.daemon() as pid:
                time.sleep(3)  # until it has read which programs are installed
                before_s = kernel.cpu_s(pid)
                driver = desk.start([TOOL, "drive", str(_RATE), str(seconds), "0"])
                for program, window in itertools.cycle(opened):
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        driver.wait(_SWITCH_S)
                        break
                    window.raise_window()
                    program.display.sync()
                time.sleep(4)  # the rest is counted and saved, and that counts
                percents[is_on].append((kernel.cpu_s(pid) - before_s) / seconds * 100)
    beside = f"{median(percents[True]):.2f} % of a core, without {median(percents[False]):.2f} %"
    name = f"by application, {_RATE} events/s: against without"
    yield times_at_most(name, median(percents[True]), median(percents[False]), _OF_WITHOUT, beside=beside)


def still(*, quick: bool) -> Iterator[Row]:
    """Wake-ups and ticks while the pointer lies still, and a window changes its title five times a second."""
    seconds = 5 if quick else 60
    with Desk() as desk, _programs(desk) as opened:
        _configure(desk, "checkpoint_interval_s = 2\nsnapshot_interval_s = 2\n", is_on=True)
        with desk.daemon() as pid:
            desk.drive("drive", 500, 1, 0)
            wait_until(lambda: desk.status["last_snapshot"], "there is a picture", timeout_s=60)
            settle(pid)
            before = kernel.wake_ups(pid), kernel.ticks(pid)
            program, window = opened[0]
            for number in range(seconds * _TITLES_A_SECOND):
                program.retitle(window, f"title {number}")
                time.sleep(1 / _TITLES_A_SECOND)
            used = kernel.wake_ups(pid) - before[0], kernel.ticks(pid) - before[1]
    name = f"by application, {seconds * _TITLES_A_SECOND} titles in {seconds} s"
    for what, number in zip(("wake-ups", "CPU ticks"), used, strict=True):
        yield Row(f"{name}: {what}", str(number), "", "0", number == 0)


def growth(*, quick: bool) -> Iterator[Row]:
    """Days of twenty applications each, rolled up into a month and its hours, and the days that are still in hours."""
    days, screen = (2 if quick else 20), "1920x1080"
    kinds: dict[str, Callable[[Series], bool]] = {
        "without": lambda series: not series.application,
        "with": lambda series: not series.grid,
        "in windows too": lambda _: True,
    }
    begin_s = int(time.time()) // 86_400 * 86_400 - 400 * 86_400
    rng = np.random.default_rng(17)
    with Desk() as desk:
        files = {kind: desk.folder / f"{number}.sqlite3" for number, kind in enumerate(kinds)}
        for day in range(days):
            for hour in range(motion.HOURS_A_DAY):
                tally = _hour(rng, screen)
                start_s = begin_s + day * 86_400 + (9 + hour) * 3600
                for kind, is_wanted in kinds.items():
                    counts = {series: counted for series, counted in tally.counts.items() if is_wanted(series)}
                    with Store.open(files[kind], zone=UTC) as store:
                        store.commit(Tally(counts, tally.path_px), start_s, start_s + 3600, motion.SCREENS[screen])
        for age, later_days in {"a week": 0, "older": 60}.items():
            sizes_kb: dict[str, float] = {}
            for kind, file in files.items():
                with Store.open(file, zone=UTC) as store:
                    store.roll_up(begin_s + (days + later_days) * 86_400, RollupAges(hourly_days=days + 1))
                with contextlib.closing(sqlite3.connect(file)) as sql:
                    sql.execute("VACUUM")  # what was free would count as well
                sizes_kb[kind] = file.stat().st_size / 1000 / days
            beside = ", ".join(f"{kind} {size_kb:.0f} kB a day" for kind, size_kb in sizes_kb.items())
            name = f"by application, store, {age}: against without"
            yield times_at_most(name, sizes_kb["with"], sizes_kb["without"], _GROWTH, beside=beside)


def _configure(desk: Desk, toml: str, *, is_on: bool) -> None:
    desk.configure(f"{toml}[applications]\nenabled = true\n" if is_on else toml)


@contextlib.contextmanager
def _programs(desk: Desk) -> Iterator[list[tuple[Program, Any]]]:
    """A display with some programs, each with a window; these overlap."""
    desk.open_display()
    before = os.environ.get("DISPLAY")
    os.environ["DISPLAY"] = desk.env["DISPLAY"]
    try:
        with contextlib.ExitStack() as stack:
            programs = [stack.enter_context(Program(f"p{number}", f"P{number}")) for number in range(_WINDOWS)]
            yield [
                (program, program.open(number * 200, number * 100, 900, 500)) for number, program in enumerate(programs)
            ]
    finally:
        os.environ.pop("DISPLAY")
        if before is not None:
            os.environ["DISPLAY"] = before


def _hour(rng: np.random.Generator, screen: str) -> Tally:
    """An hour of movements, in which the topmost window changes every minute and a half."""
    layout = motion.SCREENS[screen]
    _, _, width_px, height_px = layout.bounds()
    often = 1 / np.arange(1, _APPLICATIONS + 1)
    often /= often.sum()
    places = np.random.default_rng(5)
    windows = [
        _window(number, places, width_px, height_px) if number % 2 else _whole(number, width_px, height_px)
        for number in range(_APPLICATIONS)
    ]
    accumulator = Accumulator(rest_cap_ms=motion.REST_CAP_MS, warp_px=motion.WARP_PX)
    accumulator.rule_applications(ApplicationRules(is_on=True))
    accumulator.change_layout(layout, 0)
    events = motion.hour(rng, layout)
    for bout in _bouts(rng, events):
        topmost = windows[int(rng.choice(_APPLICATIONS, p=often))]
        accumulator.change_applications(AppChange(int(bout["time_ms"][0]), (topmost,), NOBODY))
        accumulator.feed(bout)
    return accumulator.take(int(events["time_ms"][-1]) + motion.REST_CAP_MS)


def _bouts(rng: np.random.Generator, events: Events) -> Iterator[Events]:
    ends_ms = np.cumsum(rng.exponential(_BOUT_S * 1000, 200))
    for bout in np.split(events, np.searchsorted(events["time_ms"], ends_ms)):
        if bout.size:
            yield bout


def _window(number: int, rng: np.random.Generator, width_px: int, height_px: int) -> Window:
    left, top = int(rng.integers(0, width_px // 3)), int(rng.integers(0, height_px // 4))
    box = (left, top, left + width_px // 2, top + height_px * 2 // 3)
    return Window((f"org.example.app{number}",), (box,), box)


def _whole(number: int, width_px: int, height_px: int) -> Window:
    box = (0, 30, width_px, height_px)
    return Window((f"org.example.app{number}",), (box,), box)
