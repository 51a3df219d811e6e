"""Checks of compositors that report no clicks: who has the time that the pointer rests at a place."""

import itertools
import time
from collections import Counter
from typing import Protocol

from support.program import Pixel, Running
from support.report import Report

from wayland.applications import AT_ONE, ONE, SECRET, SETTLED_S, STILL_S, TWO, Checks, Desk
from wayland.program import RETITLE_S, Program
from wayland.session import Session, check_stillness

_RESTED_MS = 250
"""A rest is longer, and what a window has of another's is shorter."""
_WAKEUPS_PER_TITLE = 2

_visits = itertools.count()


class RestingDesk(Desk, Protocol):
    """A session as these checks use it."""

    def move(self, x: int, y: int) -> None:
        """Go there."""


class Rests(Checks):
    """The same checks, by where the pointer rests after a click."""

    def __init__(self, report: Report, session: Session, desk: RestingDesk) -> None:
        super().__init__(report, session, desk, sees_menus=False)
        self._resting = desk

    def check(self, what: str, clicks: list[tuple[tuple[int, int], str]]) -> None:
        """As there, but check whose the time is after each click."""
        self.check_rests(what, clicks, clicks=True)

    def check_denied_keyboard(self) -> None:
        """As there; a click would give the keyboard to another."""
        self.check_rests("nor does another while it has the keyboard", [(AT_ONE, "")], clicks=False)
        self.desk.click(*AT_ONE)
        time.sleep(SETTLED_S)
        self.check_rests("what comes after does", [(AT_ONE, ONE)], clicks=False)

    def check_stillness(self, daemon: Running, program: Program) -> None:
        """Check what wakes the daemon while nothing moves: nothing, or titles that the compositor reports unasked."""
        check_stillness(self.report, daemon)
        woken, titles = self.wakeups_by_titles(daemon, program), STILL_S / RETITLE_S
        what = f"{titles:g} titles change: at most {_WAKEUPS_PER_TITLE} wake-ups for each, which are reported unasked"
        self.report.check(what, woken <= titles * _WAKEUPS_PER_TITLE, woken)

    def check_rests(self, what: str, places: list[tuple[tuple[int, int], str]], *, clicks: bool) -> None:
        """Rest at a pixel of its own at each place, and check that nobody but the one named has the time there."""
        rested = []
        for (x, y), name in places:
            visit = next(_visits)
            pixel = (x + visit % 25 * 2, y + visit // 25 * 2)  # no neighbour of another's
            if clicks:
                self.desk.click(*pixel)
            else:
                self._resting.move(*pixel)
            time.sleep(SETTLED_S * 2)
            rested.append((pixel, name))
        self._resting.move(5, 5)
        time.sleep(SETTLED_S)
        home, counted = self.session.home, self._counted()
        known = {ONE, TWO, SECRET, "other"} & counted.keys()
        dwell = {name: home.cells("dwell", "--application", name) for name in known}
        wrong = []
        for pixel, name in rested:
            whose = {one for one, ms in dwell.items() if _near(pixel, ms) >= _RESTED_MS}
            if whose != ({name} if name else set()):
                wrong.append(f"{pixel} should be {name or 'nobody'}'s, and is of {sorted(whose)}")
        self.report.check(what, not wrong, f"{len(rested) - len(wrong)} of {len(rested)}", details=wrong)


def _near(pixel: Pixel, ms: Counter[Pixel]) -> int:
    """The time at a pixel. Where the pointer lies between pixels, it lies a little less far than it was moved."""
    x, y = pixel
    return sum(ms[at] for at in itertools.product((x - 1, x), (y - 1, y)))
