"""Points of a file, gathered into counts: checked, summed, and placed on their screens and in their hours."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from mousetrackd.core.counts import COUNT_MAX, Counts
from mousetrackd.core.dots import FULL_HD
from mousetrackd.core.layers import DWELL
from mousetrackd.core.monitors import SIDE_MAX_PX, Monitor, size_problem
from mousetrackd.core.timestamps import in_ms
from mousetrackd.exchange.reading import FileCounts
from mousetrackd.exchange.table import SCREENS_MAX, monitor_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from mousetrackd.exchange.reading import Options
    from mousetrackd.exchange.table import Table

    Where = Callable[[int], str]

_FOLD_FROM: Final = 1 << 20
"""So many points wait until they are summed."""

_DENSE_MAX: Final = 1 << 24
_DENSE_FROM: Final = 16
"""Pixels of a screen on which points are summed at once: at most so many, and so many for each point."""

_TIMED_MAX: Final = 50_000_000
"""Points with times are kept until the last: a gigabyte of memory."""

_MS_PER_HOUR: Final = 3_600_000


@dataclass
class _Screen:
    """What one label of the file names. width_px, height_px: as its pixels are numbered, at least its size."""

    width_px: int
    height_px: int
    index: list[NDArray[np.int64]] = field(default_factory=list)
    weight: list[NDArray[np.int64]] = field(default_factory=list)
    waiting: int = 0
    total: int = 0
    merged: Counts | None = None
    right_px: int = 0
    bottom_px: int = 0

    def add(self, x: NDArray[np.int64], y: NDArray[np.int64], count: NDArray[np.int64] | None) -> None:
        self.right_px = max(self.right_px, int(x.max(initial=-1)) + 1)
        self.bottom_px = max(self.bottom_px, int(y.max(initial=-1)) + 1)
        self.index.append(y * self.width_px + x)
        self.weight.append(np.ones(x.size, np.int64) if count is None else count)
        self.waiting += x.size
        if self.waiting >= _FOLD_FROM:
            self.merge()

    def merge(self) -> Counts:
        """Everything that was added. Many points are added to an array of all pixels, which takes no sorting."""
        if not self.index:
            return self.merged or Counts.empty(self.width_px, self.height_px)
        index, weight = np.concatenate(self.index), np.concatenate(self.weight)
        self.index, self.weight, self.waiting = [], [], 0
        self.total += sum(weight.tolist()) if float(weight.max()) * weight.size >= COUNT_MAX else int(weight.sum())
        if self.width_px * self.height_px > min(_DENSE_MAX, _DENSE_FROM * index.size) or self.total >= COUNT_MAX:
            fresh = Counts.from_pixels(self.width_px, self.height_px, index, weight)
        else:
            dense = np.zeros(self.width_px * self.height_px, np.int64)
            np.add.at(dense, index, weight)
            index = np.flatnonzero(dense)
            fresh = Counts(self.width_px, self.height_px, index, dense[index])
        self.merged = fresh if self.merged is None else Counts.merge([self.merged, fresh])
        return self.merged


class Points:
    """Gathers points. Equal pixels add up.

    has_times: each point has a time, and no count of its own unless ``add`` gets one. time_name: the name of the column
    of times. Whatever is wrong with a point raises ValueError that names its place in the file.
    """

    def __init__(self, options: Options, *, time_name: str = "") -> None:
        self._options = options
        self._time_name = time_name
        self._monitors: dict[str, Monitor | None] = {}
        self._screens: dict[str, _Screen] = {}
        self._timed: list[
            tuple[
                NDArray[np.float64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64] | None, NDArray[np.int64]
            ]
        ] = []
        self._timed_count = 0
        self._added = self._outside = self._rounded = 0
        self._first_outside = ""
        self._outside_right_px = self._outside_bottom_px = 0
        self._outside_negative = False
        self._are_shares: bool | None = None
        self.notes: list[str] = []

    def add(
        self,
        x: NDArray[Any],
        y: NDArray[Any],
        count: NDArray[Any] | None,
        where: Where,
        *,
        label: str = "",
        time: NDArray[np.float64] | None = None,
    ) -> None:
        """Some points. x, y: (N,) px. count: (N,), or None for one each. time: (N,), as the file has it."""
        if x.size == 0:
            return
        if label not in self._screens:
            if len(self._screens) == SCREENS_MAX:
                raise ValueError(f"{where(0)}: there are more than {SCREENS_MAX} screens")
            monitor = self._monitors[label] = self._monitor(label)
            size = (monitor.width_px, monitor.height_px) if monitor else (SIDE_MAX_PX, SIDE_MAX_PX)
            self._screens[label] = _Screen(*size)
        x, y = self._pixels(x, y, label, where)
        if count is not None:
            count = self._counts(count, where)
        elif time is None:
            count = np.full(x.size, self._options.each_ms, np.int64)
        self._added += x.size
        inside = self._inside(x, y, self._monitors[label])
        if not inside.all():
            self._note_outside(x, y, ~inside, self._monitors[label], where)
        if time is None:
            if not inside.all():
                x, y, count = x[inside], y[inside], None if count is None else count[inside]
            self._screens[label].add(x, y, count)
            return
        self._timed_count += x.size
        if self._timed_count > _TIMED_MAX:
            raise ValueError(f"there are more than {_TIMED_MAX:,} points with times: split the file")
        number = [*self._screens].index(label)
        screen = np.where(inside, number, -1)
        self._timed.append((time.astype(np.float64), x, y, count, screen))

    def finish(self, *, unit: str = "", layer: str = "") -> FileCounts:
        """Everything that was added."""
        self._judge_outside()
        hours: dict[int, Table] = {}
        if self._timed:
            hours, unit = self._finish_timed(unit)
        if self._options.has_each:
            unit = "ms"
        if self._rounded:
            self.notes.append(
                f"{self._rounded:,} of {self._added:,} points lie between pixels; each counts at its pixel"
            )
        counts: Table = {}
        for label, screen in self._screens.items():
            monitor = self._monitor_found(label)
            found = _on(monitor, screen.merge())
            counts[monitor] = Counts.merge([counts[monitor], found]) if monitor in counts else found
        return FileCounts(counts, unit, layer, tuple(self.notes), hours)

    def _monitor(self, label: str) -> Monitor | None:
        """The monitor of a label; None where its size is to be found by its points."""
        if self._options.assume_size and self._options.size is None:
            try:
                return monitor_of(label, self._options.output, None)
            except ValueError as error:
                if "--size" not in str(error):
                    raise
                return None
        return monitor_of(label, self._options.output, self._options.size)

    def _monitor_found(self, label: str) -> Monitor:
        monitor = self._monitors[label]
        if monitor is None:
            screen = self._screens[label]
            fits = screen.right_px <= FULL_HD[0] and screen.bottom_px <= FULL_HD[1]
            size = FULL_HD if fits else (screen.right_px, screen.bottom_px)
            monitor = self._monitors[label] = monitor_of(label, self._options.output, size)
            self.notes.append(
                f"the file does not contain the screen's size: taken as {size[0]}x{size[1]},"
                f" {'in which all its points lie' if fits else 'which just holds its points'}; --size says otherwise"
            )
        return monitor

    def _pixels(
        self, x: NDArray[Any], y: NDArray[Any], label: str, where: Where
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Whole pixels. Positions that are shares of the screen, from 0 to 1, become pixels of it."""
        if x.dtype.kind in "iu" and y.dtype.kind in "iu":
            return x.astype(np.int64), y.astype(np.int64)
        good = np.isfinite(x) & np.isfinite(y) & (np.abs(x) < 2**31) & (np.abs(y) < 2**31)
        if not good.all():
            bad = int(np.flatnonzero(~good)[0])
            if not self._options.drop_outside:
                raise ValueError(
                    f"{where(bad)}: {x[bad]:g},{y[bad]:g} is no position; --drop-outside leaves such points out"
                )
            x, y = np.where(good, x, -1), np.where(good, y, -1)
        floor_x, floor_y = np.floor(x), np.floor(y)
        between = (floor_x != x) | (floor_y != y)
        if self._are_shares is None and between.any():
            self._are_shares = bool(between.mean() > 0.5 and min(x.min(), y.min()) >= 0 and max(x.max(), y.max()) <= 1)
            if self._are_shares:
                self._expect_size(label)
        monitor = self._monitors[label]
        if self._are_shares and monitor is not None:
            floor_x = np.minimum(np.floor(x * monitor.width_px), monitor.width_px - 1)
            floor_y = np.minimum(np.floor(y * monitor.height_px), monitor.height_px - 1)
        else:
            self._rounded += int(np.count_nonzero(between))
        return floor_x.astype(np.int64), floor_y.astype(np.int64)

    def _expect_size(self, label: str) -> None:
        monitor = self._monitors[label]
        if monitor is None:
            raise ValueError("its positions are from 0 to 1, shares of a screen: give the screen's --size WxH")
        self.notes.append(
            f"positions from 0 to 1 are taken as shares of the {monitor.width_px}x{monitor.height_px} screen"
        )

    def _counts(self, count: NDArray[Any], where: Where) -> NDArray[np.int64]:
        """Whole counts, each ``each_ms`` times what the file has."""
        each = self._options.each_ms
        if count.dtype.kind == "f":
            good = np.isfinite(count) & (np.floor(count) == count) & (count < 2.0**63)
            if not good.all():
                bad = int(np.flatnonzero(~good)[0])
                raise ValueError(
                    f"{where(bad)}: a count is a whole number, got {count[bad]:g}: multiply them all first, as by 1000"
                )
        good = (count >= 0) & (count <= COUNT_MAX // each)
        if not good.all():
            bad = int(np.flatnonzero(~good)[0])
            raise ValueError(f"{where(bad)}: a count is from 0 to {COUNT_MAX // each}, got {count[bad]:.0f}")
        return count.astype(np.int64) * each

    @staticmethod
    def _inside(x: NDArray[np.int64], y: NDArray[np.int64], monitor: Monitor | None) -> NDArray[np.bool_]:
        width_px, height_px = (monitor.width_px, monitor.height_px) if monitor else (SIDE_MAX_PX, SIDE_MAX_PX)
        return (x >= 0) & (y >= 0) & (x < width_px) & (y < height_px)

    def _note_outside(
        self,
        x: NDArray[np.int64],
        y: NDArray[np.int64],
        outside: NDArray[np.bool_],
        monitor: Monitor | None,
        where: Where,
    ) -> None:
        found = np.flatnonzero(outside)
        first = int(found[0])
        size = f"the {monitor.width_px}x{monitor.height_px}" if monitor else "any"
        self._first_outside = self._first_outside or f"{where(first)}: {x[first]},{y[first]} lies outside {size} screen"
        self._outside += found.size
        self._outside_right_px = max(self._outside_right_px, int(x.max()) + 1)
        self._outside_bottom_px = max(self._outside_bottom_px, int(y.max()) + 1)
        self._outside_negative |= bool(min(x.min(), y.min()) < 0)

    def _judge_outside(self) -> None:
        """Raises ValueError where points lie outside and are not to be dropped."""
        if not self._outside:
            return
        of_all = f"{self._outside:,} of {self._added:,} points"
        if not self._options.drop_outside:
            right_px = max(self._outside_right_px, *(screen.right_px for screen in self._screens.values()))
            bottom_px = max(self._outside_bottom_px, *(screen.bottom_px for screen in self._screens.values()))
            fits = not self._outside_negative and not size_problem(right_px, bottom_px)
            size = f"--size {right_px}x{bottom_px} holds all; " if fits and len(self._screens) == 1 else ""
            raise ValueError(f"{self._first_outside}; {of_all} do: {size}--drop-outside leaves them out")
        self.notes.append(f"left out {of_all} that lie outside the screen, the first: {self._first_outside}")

    def _finish_timed(self, unit: str) -> tuple[dict[int, Table], str]:
        """Place the points that have times on their screens; and by hours, where they have dates."""
        raw, x, y, screen = (np.concatenate([part[place] for part in self._timed]) for place in (0, 1, 2, 4))
        counts = [part[3] for part in self._timed]
        times = in_ms(raw.astype(np.float64), self._time_name, self._options.time_unit)
        if times.assumed:
            self.notes.append(times.assumed)
        order = np.argsort(times.ms, kind="stable")
        time_ms, x, y, screen = (part[order] for part in (times.ms, x, y, screen))
        given = [part for part in counts if part is not None]
        if len(given) == len(counts):
            weight = np.concatenate(given)[order]
        elif self._options.layer == DWELL and not self._options.has_each:
            gaps = np.diff(time_ms, append=time_ms[-1])
            weight = np.minimum(gaps, self._options.rest_cap_ms)
            cut = int(np.count_nonzero(gaps > self._options.rest_cap_ms))
            if cut:
                self.notes.append(
                    f"{cut:,} gaps are longer than {self._options.rest_cap_ms} ms; each counts for that long"
                )
            unit = "ms"
        else:
            weight = np.full(x.size, self._options.each_ms, np.int64)
        for number, of_label in enumerate(self._screens.values()):
            here = screen == number
            of_label.add(x[here], y[here], weight[here])
        return (self._by_hour(time_ms, x, y, screen, weight) if times.is_absolute else {}), unit

    def _by_hour(
        self,
        time_ms: NDArray[np.int64],
        x: NDArray[np.int64],
        y: NDArray[np.int64],
        screen: NDArray[np.int64],
        weight: NDArray[np.int64],
    ) -> dict[int, Table]:
        hours: dict[int, Table] = {}
        hour = time_ms // _MS_PER_HOUR
        starts = np.flatnonzero(np.diff(hour, prepend=hour[0] - 1))
        monitors = [self._monitor_found(label) for label in self._screens]
        for start, end in zip(starts.tolist(), [*starts[1:].tolist(), hour.size], strict=True):
            table: Table = {}
            for number, monitor in enumerate(monitors):
                here = np.flatnonzero(screen[start:end] == number) + start
                if here.size:
                    index = y[here] * monitor.width_px + x[here]
                    table[monitor] = Counts.from_pixels(monitor.width_px, monitor.height_px, index, weight[here])
            hours[int(hour[start]) * 3600] = {monitor: counts for monitor, counts in table.items() if counts.pixels}
        return {begin_s: table for begin_s, table in hours.items() if table}


def _on(monitor: Monitor, counts: Counts) -> Counts:
    """Counts that are numbered as on a larger screen, on ``monitor``."""
    if (counts.width_px, counts.height_px) == (monitor.width_px, monitor.height_px):
        return counts
    y, x = np.divmod(counts.index, counts.width_px)
    return Counts(monitor.width_px, monitor.height_px, y * monitor.width_px + x, counts.count)
