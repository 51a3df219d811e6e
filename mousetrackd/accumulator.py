"""Events in, counts out. Pure: the only clock is the one inside the events.

What exactly is counted, per monitor, in integer device pixels with the origin at the monitor's top left:

| layer | unit | meaning |
|---|---|---|
| dwell | ms | time at the pixel: each gap between events credits min(gap, rest_cap_ms) to where it rested |
| travel | crossings | how often the path entered the pixel, along 8-connected lines |
| clicks.left, .middle, .right, .other | presses | where a button went down |
| scroll | steps | where the wheel was turned |
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np

from mousetrackd.counts import Counts
from mousetrackd.events import Kind
from mousetrackd.layers import DWELL, SCROLL, TRAVEL
from mousetrackd.layout import OUTSIDE, Layout, Monitor

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from mousetrackd.events import Events

_KIND_LAYERS: Final[Mapping[Kind, str]] = {
    Kind.LEFT: "clicks.left",
    Kind.MIDDLE: "clicks.middle",
    Kind.RIGHT: "clicks.right",
    Kind.OTHER: "clicks.other",
    Kind.SCROLL: SCROLL,
}

_LINE_SLICE_PX = 1 << 15
"""Lines are drawn at most so many pixels at a time, so that a burst of long ones stays bounded in memory."""

_PENDING_MAX = 1 << 16
"""Unsorted additions to one histogram beyond this are folded into it: memory follows the pixels visited."""


@dataclass
class Tally:
    """What was counted between two checkpoints."""

    counts: dict[tuple[Monitor, str], Counts] = field(default_factory=dict)
    path_px: dict[Monitor, float] = field(default_factory=dict)
    """How far the pointer went, in pixels, as the crow flies from event to event."""

    def __bool__(self) -> bool:
        return bool(self.counts)


class _Histogram:
    """Counts of one monitor and layer that are still being added to."""

    def __init__(self, monitor: Monitor) -> None:
        self._monitor = monitor
        self._folded: Counts | None = None
        self._index: list[NDArray[np.int64]] = []
        self._weight: list[NDArray[np.int64]] = []
        self._pending = 0

    def add(self, index: NDArray[np.int64], weight: NDArray[np.int64] | None = None) -> None:
        self._index.append(index)
        self._weight.append(np.ones(index.size, np.int64) if weight is None else weight)
        self._pending += index.size
        if self._pending > _PENDING_MAX:
            self.fold()

    def fold(self) -> Counts:
        width_px, height_px = self._monitor.width_px, self._monitor.height_px
        if self._index:
            index, weight = np.concatenate(self._index), np.concatenate(self._weight)
            fresh = Counts.from_pixels(width_px, height_px, index, weight)
            self._folded = Counts.merge([self._folded, fresh]) if self._folded else fresh
            self._index, self._weight, self._pending = [], [], 0
        return self._folded or Counts.empty(width_px, height_px)

    def put_back(self, counts: Counts) -> None:
        self._folded = Counts.merge([self.fold(), counts])


class Accumulator:
    """Counts events per (monitor, layer). Not thread-safe: one loop owns it.

    rest_cap_ms: the most that one gap between events credits to the pixel the pointer rested on, so that a
    parked pointer does not drown the picture. warp_px: a jump farther than this, along either axis, is a
    warp by a program and draws no line.
    """

    def __init__(self, *, rest_cap_ms: int, warp_px: int) -> None:
        self.rest_cap_ms = rest_cap_ms
        self.warp_px = warp_px
        self.events = 0
        self.out_of_bounds = 0
        self._layout = Layout()
        self._last: tuple[int, int, int] | None = None  # time_ms, desktop_x, desktop_y
        self._rest_credited_ms = 0
        self._histograms: dict[tuple[Monitor, str], _Histogram] = {}
        self._path_px: dict[Monitor, float] = {}

    def feed(self, events: Events) -> None:
        """Count a batch. events: (N,) of ``EVENT``; time never runs backwards in dwell, whatever they say."""
        if events.size == 0:
            return
        self.events += int(events.size)
        time_ms = events["time_ms"].astype(np.int64)
        x = events["x"].astype(np.int64)
        y = events["y"].astype(np.int64)
        owner, local_x, local_y = self._layout.locate(x, y)
        self.out_of_bounds += int((owner == OUTSIDE).sum())
        index = self._pixel_index(owner, local_x, local_y)

        self._credit_rest(int(time_ms[0]))
        if events.size > 1:
            stayed = np.clip(np.diff(time_ms), 0, self.rest_cap_ms)
            self._add(DWELL, owner[:-1], index[:-1], stayed)

        if self._last is None:
            self._draw_lines(x, y)
        else:
            _, last_x, last_y = self._last
            self._draw_lines(np.concatenate(([last_x], x)), np.concatenate(([last_y], y)))

        kinds = events["kind"]
        for kind, layer in _KIND_LAYERS.items():
            chosen = kinds == kind
            if chosen.any():
                self._add(layer, owner[chosen], index[chosen])

        self._last = (int(time_ms[-1]), int(x[-1]), int(y[-1]))
        self._rest_credited_ms = 0

    def gap(self, time_ms: int) -> None:
        """The source saw nothing after ``time_ms``: the rest ends there, and no line crosses."""
        self._credit_rest(time_ms)
        self._last = None

    def change_layout(self, layout: Layout, time_ms: int) -> None:
        """The monitors stand differently from ``time_ms`` on; positions before mean other pixels."""
        if layout != self._layout:
            self.gap(time_ms)
            self._layout = layout

    def take(self, now_ms: int) -> Tally:
        """Hand out everything counted since the last ``take``, the rest up to ``now_ms`` included."""
        self._credit_rest(now_ms)
        counts = {key: histogram.fold() for key, histogram in self._histograms.items()}
        tally = Tally({key: counted for key, counted in counts.items() if counted.index.size}, self._path_px)
        self._histograms, self._path_px = {}, {}
        return tally

    def put_back(self, tally: Tally) -> None:
        """Take back a tally that could not be saved, so that the next ``take`` hands it out again."""
        for (monitor, layer), counts in tally.counts.items():
            self._histogram(monitor, layer).put_back(counts)
        for monitor, path_px in tally.path_px.items():
            self._path_px[monitor] = self._path_px.get(monitor, 0.0) + path_px

    def _credit_rest(self, now_ms: int) -> None:
        """Credit the time since the last event, once, up to the cap."""
        if self._last is None:
            return
        last_ms, desktop_x, desktop_y = self._last
        earned_ms = min(max(now_ms - last_ms, 0), self.rest_cap_ms) - self._rest_credited_ms
        if earned_ms > 0:
            owner, x, y = self._layout.locate(np.array([desktop_x]), np.array([desktop_y]))
            self._add(DWELL, owner, self._pixel_index(owner, x, y), np.array([earned_ms]))
            self._rest_credited_ms += earned_ms

    def _pixel_index(self, owner: NDArray[np.int64], x: NDArray[np.int64], y: NDArray[np.int64]) -> NDArray[np.int64]:
        # OUTSIDE is -1: it takes the width of the last monitor, or of the 0 that stands for no monitor at
        # all, and is dropped in _add.
        widths = np.array([monitor.width_px for monitor in self._layout.monitors] or [0], np.int64)
        return y * widths[owner] + x

    def _add(
        self,
        layer: str,
        owner: NDArray[np.int64],
        index: NDArray[np.int64],
        weight: NDArray[np.int64] | None = None,
    ) -> None:
        for number, monitor in enumerate(self._layout.monitors):
            here = owner == number
            if here.any():
                self._histogram(monitor, layer).add(index[here], None if weight is None else weight[here])

    def _histogram(self, monitor: Monitor, layer: str) -> _Histogram:
        key = (monitor, layer)
        if key not in self._histograms:
            self._histograms[key] = _Histogram(monitor)
        return self._histograms[key]

    def _draw_lines(self, x: NDArray[np.int64], y: NDArray[np.int64]) -> None:
        """Count the pixels of the path through the points (x, y), the first point excluded."""
        step_x, step_y = np.diff(x), np.diff(y)
        length = np.maximum(np.abs(step_x), np.abs(step_y))
        drawn = (length > 0) & (length <= self.warp_px)
        x, y = x[:-1][drawn], y[:-1][drawn]
        step_x, step_y, length = step_x[drawn], step_y[drawn], length[drawn]
        if length.size == 0:
            return
        end_owner, _, _ = self._layout.locate(x + step_x, y + step_y)
        distance = np.hypot(step_x, step_y)
        for number, monitor in enumerate(self._layout.monitors):
            gone = float(distance[end_owner == number].sum())
            if gone:
                self._path_px[monitor] = self._path_px.get(monitor, 0.0) + gone
        ends = np.cumsum(length)
        slice_starts = np.searchsorted(ends, np.arange(0, int(ends[-1]), _LINE_SLICE_PX))
        for part in np.split(np.arange(length.size), np.unique(slice_starts)[1:]):
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
        owner, local_x, local_y = self._layout.locate(line_x, line_y)
        self._add(TRAVEL, owner, self._pixel_index(owner, local_x, local_y))
