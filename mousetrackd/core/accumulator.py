"""Events in, counts out. Pure: the only clock is the one inside the events.

What exactly is counted, per monitor, in integer device pixels with the origin at the monitor's top left:

| layer | unit | meaning |
|---|---|---|
| dwell | ms | time at the pixel: each gap between events credits min(gap, rest_cap_ms) to where it rested |
| travel | crossings | how often the path entered the pixel, along 8-connected lines |
| clicks.left, .middle, .right, .other | presses | where a button went down |
| scroll | steps | where the wheel was turned |

What lies in an excluded rectangle is not counted at all, and presses are counted at the centre of their cell: both
here, so that no exact one is ever handed out to be stored.

By application the same is counted again beside the sum of all, but for travel: each press, step and millisecond for
exactly one. And in the parts of the window, wherever it is and whatever its size.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np

from mousetrackd.core.applications import GRID, ApplicationRules, Applications, Found
from mousetrackd.core.counts import Counts
from mousetrackd.core.events import Kind
from mousetrackd.core.exclusions import Exclusions
from mousetrackd.core.layers import CLICK_LAYERS, DWELL, SCROLL, TRAVEL
from mousetrackd.core.layout import OUTSIDE, Layout
from mousetrackd.core.monitors import Monitor
from mousetrackd.core.recentring import Recentring
from mousetrackd.core.series import Series

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from mousetrackd.core.events import AppChange, Events
    from mousetrackd.core.monitors import Exclusion, Placement

_KIND_LAYERS: Final[Mapping[Kind, str]] = {
    Kind.LEFT: "clicks.left",
    Kind.MIDDLE: "clicks.middle",
    Kind.RIGHT: "clicks.right",
    Kind.OTHER: "clicks.other",
    Kind.SCROLL: SCROLL,
}

_EXCLUDED = -2
"""In place of the monitor's number, as OUTSIDE: a desktop pixel at which nothing is counted."""

_LINE_SLICE_PX = 1 << 15
"""Lines are drawn at most so many pixels at a time, so that a burst of long ones stays bounded in memory."""

_PENDING_MAX = 1 << 16
"""Unsorted additions to one histogram beyond this are merged into it: memory follows the pixels visited."""


@dataclass
class Tally:
    """What was counted between two checkpoints."""

    counts: dict[Series, Counts] = field(default_factory=dict)
    path_px: dict[Monitor, float] = field(default_factory=dict)
    """How far the pointer went, in pixels, as the crow flies from event to event."""

    def __bool__(self) -> bool:
        return bool(self.counts)


class _Histogram:
    """Counts of one series that are still being added to."""

    def __init__(self, size: tuple[int, int]) -> None:
        self._size = size
        self._merged: Counts | None = None
        self._index: list[NDArray[np.int64]] = []
        self._weight: list[NDArray[np.int64]] = []
        self._pending = 0

    def add(self, index: NDArray[np.int64], weight: NDArray[np.int64] | None = None) -> None:
        self._index.append(index)
        self._weight.append(np.ones(index.size, np.int64) if weight is None else weight)
        self._pending += index.size
        if self._pending > _PENDING_MAX:
            self.merge()

    def merge(self) -> Counts:
        width_px, height_px = self._size
        if self._index:
            index, weight = np.concatenate(self._index), np.concatenate(self._weight)
            fresh = Counts.from_pixels(width_px, height_px, index, weight)
            self._merged = Counts.merge([self._merged, fresh]) if self._merged else fresh
            self._index, self._weight, self._pending = [], [], 0
        return self._merged or Counts.empty(width_px, height_px)

    def put_back(self, counts: Counts) -> None:
        self._merged = Counts.merge([self.merge(), counts])


def _geometry(layout: Layout) -> NDArray[np.int64]:
    """Left, top, width and height of each monitor on the desktop, (4, N + 2), to be indexed by its number.

    The two zeros at the end are for OUTSIDE and _EXCLUDED, -1 and -2; what is worked out of them is dropped.
    """
    rows = [(p.desktop_x, p.desktop_y, p.monitor.width_px, p.monitor.height_px) for p in layout.placements]
    return np.array([*rows, (0, 0, 0, 0), (0, 0, 0, 0)], np.int64).T


class Accumulator:
    """Counts events per series. Not thread-safe: one loop owns it.

    rest_cap_ms: the most that one gap between events credits to the pixel the pointer rested on, so that a
    parked pointer does not hide all other places. warp_px: a jump farther than this, along either axis, is a
    warp by a program and draws no line, like the returns of ``recentring``. click_cell_px, exclude: see ``protect``.
    """

    def __init__(
        self, *, rest_cap_ms: int, warp_px: int, click_cell_px: int = 1, exclude: Iterable[Exclusion] = ()
    ) -> None:
        self.rest_cap_ms = rest_cap_ms
        self.warp_px = warp_px
        self.events = 0
        self.out_of_bounds = 0
        self._layout = Layout()
        self._left, self._top, self._width_px, self._height_px = _geometry(self._layout)
        self.applications = Applications()
        self.exclusions = Exclusions()
        self.protect(click_cell_px=click_cell_px, exclude=exclude)
        self._draws_lines = True
        self._recentring = Recentring()
        self._last: tuple[int, int, int] | None = None  # time_ms, desktop_x, desktop_y
        self._rest_credited_ms = 0
        self._histograms: dict[Series, _Histogram] = {}
        self._path_px: dict[Monitor, float] = {}

    def protect(self, *, click_cell_px: int, exclude: Iterable[Exclusion], seen: Iterable[Placement] = ()) -> None:
        """What is fed from now on is counted under these rules.

        click_cell_px: a press is counted at the centre of its square of so many px; 1 is exact. exclude: where
        nothing is counted, neither dwell, travel, press, scroll nor event. seen: where monitors were earlier, the
        newest last, so that a rule stays on a screen that is renamed.
        """
        self._click_cell_px = click_cell_px
        self.exclusions.rule(exclude, seen)
        self._excluded = self.exclusions.on(self._layout)

    def feed(self, events: Events) -> None:
        """Count a batch. events: (N,) of ``EVENT``; time never runs backwards in dwell, whatever they say."""
        if events.size == 0:
            return
        time_ms = events["time_ms"].astype(np.int64)
        x = events["x"].astype(np.int64)
        y = events["y"].astype(np.int64)
        if self._last is not None:  # where the path comes from
            x, y = np.append(self._last[1], x), np.append(self._last[2], y)
        path_x, path_y = x, y
        path_owner, local_x, local_y = self._locate(x, y)
        x, y, owner, local_x, local_y = (part[-events.size :] for part in (x, y, path_owner, local_x, local_y))
        self.events += int(np.count_nonzero(owner != _EXCLUDED))
        self.out_of_bounds += int(np.count_nonzero(owner == OUTSIDE))
        index = self._pixel_index(owner, local_x, local_y)
        found = self.applications.find(x, y)

        self._credit_rest(int(time_ms[0]))
        if events.size > 1:
            stayed = np.clip(np.diff(time_ms), 0, self.rest_cap_ms)
            self._add(DWELL, owner[:-1], index[:-1], stayed, found and found.chosen(slice(-1)))

        if self._draws_lines:
            by_hand = ~self._recentring.returns(time_ms, x, y)
            self._draw_lines(path_x, path_y, path_owner, by_hand[by_hand.size - path_x.size + 1 :])

        pressed = np.flatnonzero(events["kind"])  # few; all others are moves
        kinds = events["kind"][pressed]
        for kind, layer in _KIND_LAYERS.items() if pressed.size else ():
            chosen = pressed[kinds == kind.value]
            whose = found and found.chosen(chosen)
            if chosen.size and layer in CLICK_LAYERS:
                self._add_presses(layer, owner[chosen], local_x[chosen], local_y[chosen], whose)
            elif chosen.size:
                self._add(layer, owner[chosen], index[chosen], found=whose)

        self._last = (int(time_ms[-1]), int(x[-1]), int(y[-1]))
        self._rest_credited_ms = 0

    def gap(self, time_ms: int) -> None:
        """The source saw nothing after ``time_ms``: the rest ends there, and no line crosses."""
        self._credit_rest(time_ms)
        self._last = None
        self._recentring.forget()

    def change_pointers(self, count: int, time_ms: int) -> None:
        """So many pointers move at once from ``time_ms`` on, and events do not say whose they are.

        Of more than one, no line is drawn: it would lead from one to another. Time goes to where one moved last.
        """
        self.gap(time_ms)
        self._draws_lines = count == 1

    def change_layout(self, layout: Layout, time_ms: int) -> None:
        """The monitors are placed differently from ``time_ms`` on; positions before mean other pixels."""
        if layout != self._layout:
            self.gap(time_ms)
            self._layout = layout
            self._left, self._top, self._width_px, self._height_px = _geometry(layout)
            self._excluded = self.exclusions.on(layout)

    def change_applications(self, change: AppChange) -> None:
        """The windows are placed differently from then on; what the pointer's rest earned before is their former's."""
        self._credit_rest(change.time_ms)
        if self._last is not None and self._is_excluded(*(np.array([side]) for side in self._last[1:])).any():
            self.gap(change.time_ms)  # no line leads from where nothing was counted
        self.applications.change(change)

    def rule_applications(self, rules: ApplicationRules) -> None:
        """What is fed from now on is counted by these rules about applications."""
        self.applications.rule(rules)

    def take(self, now_ms: int) -> Tally:
        """Hand out everything counted since the last ``take``, the rest up to ``now_ms`` included."""
        self._credit_rest(now_ms)
        counts = {series: histogram.merge() for series, histogram in self._histograms.items()}
        tally = Tally({series: counted for series, counted in counts.items() if counted.index.size}, self._path_px)
        self._histograms, self._path_px = {}, {}
        return tally

    def put_back(self, tally: Tally) -> None:
        """Take back a tally that could not be saved, so that the next ``take`` hands it out again."""
        for series, counts in tally.counts.items():
            self._histogram(series).put_back(counts)
        for monitor, path_px in tally.path_px.items():
            self._path_px[monitor] = self._path_px.get(monitor, 0.0) + path_px

    def _credit_rest(self, now_ms: int) -> None:
        """Credit the time since the last event, once, up to the cap."""
        if self._last is None:
            return
        last_ms, desktop_x, desktop_y = self._last
        earned_ms = min(max(now_ms - last_ms, 0), self.rest_cap_ms) - self._rest_credited_ms
        if earned_ms > 0:
            at = np.array([desktop_x]), np.array([desktop_y])
            owner, x, y = self._locate(*at)
            found = self.applications.find(*at)
            self._add(DWELL, owner, self._pixel_index(owner, x, y), np.array([earned_ms]), found)
            self._rest_credited_ms += earned_ms

    def _locate(
        self, x: NDArray[np.int64], y: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """As ``Layout.locate``, and ``_EXCLUDED`` in place of the monitor where nothing is counted."""
        owner, local_x, local_y = self._layout.locate(x, y)
        if self._excluded.size or self.applications.can_deny:
            inside = owner != OUTSIDE
            # A pointer just outside a screen is at its edge, and that may be excluded.
            shown_x = np.where(inside, self._left[owner] + local_x, x)
            shown_y = np.where(inside, self._top[owner] + local_y, y)
            owner[self._is_excluded(shown_x, shown_y)] = _EXCLUDED
        return owner, local_x, local_y

    def _is_excluded(self, desktop_x: NDArray[np.int64], desktop_y: NDArray[np.int64]) -> NDArray[np.bool_]:
        found = np.zeros(desktop_x.shape, np.bool_)
        for left, top, right, bottom in self._excluded:
            found |= (desktop_x >= left) & (desktop_x < right) & (desktop_y >= top) & (desktop_y < bottom)
        if self.applications.can_deny:
            found |= self.applications.denied(desktop_x, desktop_y)
        return found

    def _pixel_index(self, owner: NDArray[np.int64], x: NDArray[np.int64], y: NDArray[np.int64]) -> NDArray[np.int64]:
        index: NDArray[np.int64] = y * self._width_px[owner] + x
        return index

    def _add_presses(
        self,
        layer: str,
        owner: NDArray[np.int64],
        x: NDArray[np.int64],
        y: NDArray[np.int64],
        found: Found | None,
    ) -> None:
        """Count presses at pixels of their monitors, each at the centre of its cell."""
        if self._click_cell_px > 1:
            cell_px = self._click_cell_px
            # The last cell of a row may be cut off before its centre.
            x = np.minimum(x // cell_px * cell_px + cell_px // 2, self._width_px[owner] - 1)
            y = np.minimum(y // cell_px * cell_px + cell_px // 2, self._height_px[owner] - 1)
            # Nor is a press counted in an excluded rectangle because the centre of its cell lies there.
            at = self._left[owner] + x, self._top[owner] + y
            owner = np.where(self._is_excluded(*at), _EXCLUDED, owner)
            found = found and found.moved(*at)
        self._add(layer, owner, self._pixel_index(owner, x, y), found=found)

    def _add(
        self,
        layer: str,
        owner: NDArray[np.int64],
        index: NDArray[np.int64],
        weight: NDArray[np.int64] | None = None,
        found: Found | None = None,
    ) -> None:
        for number, monitor in enumerate(self._layout.monitors):
            here = owner == number
            if here.any():
                self._add_to(Series(monitor, layer), here, index, weight)
                if found is not None:
                    self._add_by_application(monitor, layer, here, index, weight, found)

    def _add_by_application(
        self,
        monitor: Monitor,
        layer: str,
        here: NDArray[np.bool_],
        index: NDArray[np.int64],
        weight: NDArray[np.int64] | None,
        found: Found,
    ) -> None:
        cells = found.cells()
        for name, of_it in found.parts():
            self._add_to(Series(monitor, layer, name), here & of_it, index, weight)
            self._add_to(Series(monitor, layer, name, GRID), here & of_it & (cells >= 0), cells, weight)

    def _add_to(
        self, series: Series, here: NDArray[np.bool_], index: NDArray[np.int64], weight: NDArray[np.int64] | None
    ) -> None:
        count = np.count_nonzero(here)
        if count and count == here.size:  # as nearly always
            self._histogram(series).add(index, weight)
        elif count:
            self._histogram(series).add(index[here], None if weight is None else weight[here])

    def _histogram(self, series: Series) -> _Histogram:
        if series not in self._histograms:
            self._histograms[series] = _Histogram(series.size)
        return self._histograms[series]

    def _draw_lines(
        self, x: NDArray[np.int64], y: NDArray[np.int64], owner: NDArray[np.int64], by_hand: NDArray[np.bool_]
    ) -> None:
        """Count the pixels of the path through the points (x, y), (N,), the first point excluded.

        owner: (N,), the monitors of the points. by_hand: (N - 1,), whether each step was made by a hand; no line is
        drawn of the others.
        """
        step_x, step_y = np.diff(x), np.diff(y)
        length = np.maximum(np.abs(step_x), np.abs(step_y))
        drawn = np.flatnonzero((length > 0) & (length <= self.warp_px) & by_hand)
        if drawn.size == 0:
            return
        start_owner, end_owner = owner[drawn], owner[drawn + 1]
        x, y, step_x, step_y, length = x[drawn], y[drawn], step_x[drawn], step_y[drawn], length[drawn]
        distance = np.hypot(step_x, step_y)
        distance[start_owner == _EXCLUDED] = 0
        for number, monitor in enumerate(self._layout.monitors):
            gone = float(distance[end_owner == number].sum())
            if gone:
                self._path_px[monitor] = self._path_px.get(monitor, 0.0) + gone
        ends = np.cumsum(length)
        slice_starts = np.searchsorted(ends, np.arange(0, int(ends[-1]), _LINE_SLICE_PX))
        # Not np.unique, which imports numpy.ma when it is first called: the library may be gone by then.
        cuts = slice_starts[1:][np.diff(slice_starts) > 0]
        for part in np.split(np.arange(length.size), cuts):
            self._draw_slice(x[part], y[part], step_x[part], step_y[part], length[part])

    def _draw_slice(
        self,
        x: NDArray[np.int64],
        y: NDArray[np.int64],
        step_x: NDArray[np.int64],
        step_y: NDArray[np.int64],
        length: NDArray[np.int64],
    ) -> None:
        # Step k of n of a line lies at start + round(k * step / n), halves upwards: the same pixels whatever
        # batch the line came in. n is the longer axis, so successive pixels touch (8-connected).
        line = np.repeat(np.arange(length.size), length)
        starts = np.cumsum(length) - length
        k = np.arange(1, line.size + 1) - starts[line]
        n = length[line]
        line_x = x[line] + (2 * k * step_x[line] + n) // (2 * n)
        line_y = y[line] + (2 * k * step_y[line] + n) // (2 * n)
        owner, local_x, local_y = self._locate(line_x, line_y)
        self._add(TRAVEL, owner, self._pixel_index(owner, local_x, local_y))
