"""What a source reports about windows, and whose the pointer is."""

import time
from collections import Counter
from typing import Any

from mousetrackd.capture.x11.source import PynputSource
from mousetrackd.core.accumulator import Accumulator
from mousetrackd.core.applications import ApplicationRules
from mousetrackd.core.events import NOBODY, AppChange, Item, LayoutChange
from support.waiting import wait_until


class WindowsRecorder:
    """A source with windows, and all that it gave."""

    def __init__(self) -> None:
        self.source = PynputSource()
        self.source.identify_windows()
        self.items: list[Item] = []
        self.source.start(lambda: None)

    def drain(self) -> None:
        self.source.catch_up()
        self.items += self.source.drain()

    @property
    def last(self) -> AppChange:
        """The newest state."""
        self.drain()
        return next((item for item in reversed(self.items) if isinstance(item, AppChange)), AppChange(0))

    def names_at(self, x: int, y: int) -> tuple[str, ...]:
        """Whose the topmost window there is."""
        for window in reversed(self.last.windows or ()):
            if any(l <= x < r and t <= y < b for l, t, r, b in window.areas):  # noqa: E741 - left
                return window.names
        return NOBODY

    def await_at(self, x: int, y: int, *names: str) -> None:
        try:
            wait_until(lambda: self.names_at(x, y) == names, f"{names} is at {x},{y}", timeout_s=10)
        except AssertionError as error:
            raise AssertionError(f"{error}; there is {self.last}") from None

    def counted(self, rules: ApplicationRules) -> Counter[tuple[str, str, int]]:
        """The sums by application, layer and grid."""
        made = Accumulator(rest_cap_ms=5000, warp_px=10_000)
        made.rule_applications(rules)
        found: Counter[tuple[str, str, int]] = Counter()
        for item in self.items:
            if isinstance(item, AppChange):
                made.change_applications(item)
            elif isinstance(item, LayoutChange):
                made.change_layout(item.layout, item.time_ms)
            elif not hasattr(item, "reason"):
                made.feed(item)
        for series, counts in made.take(self.source.now_ms()).counts.items():
            found[series.application, series.layer, series.grid] += counts.total
        return found

    def await_focus(self, name: str) -> None:
        wait_until(lambda: self.last.focus[:1] == (name,), f"{name} has the keyboard")


def is_quiet(thread: Any) -> bool:
    """Whether nothing wakes the thread of the windows for longer than its pace."""
    before = thread.wake_ups
    time.sleep(0.2)
    return bool(thread.wake_ups == before)
