"""Which monitor a desktop pixel belongs to. Pure: numbers in, numbers out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mousetrackd.core.monitors import MONITORS_MAX, SIZE_MAX_MM, Monitor, Placement, clean_name, is_within

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

OUTSIDE = -1
"""The monitor index of a desktop pixel that no monitor shows."""

EDGE_TOLERANCE_PX = 1
"""X11 reports a pointer up to one pixel outside its screen; that is still the edge."""


@dataclass(frozen=True)
class ReportedMonitor:
    """A monitor as a server, a compositor or a file reports it: every field may have any value. See ``admit``."""

    output: str
    width_px: int
    height_px: int
    edid_hash: str
    desktop_x: int
    desktop_y: int
    width_mm: int = 0
    height_mm: int = 0


class Layout:
    """All monitors and their positions at one time. left_out: a sentence for each that is not tracked."""

    def __init__(self, placements: Iterable[Placement] = (), left_out: Iterable[str] = ()) -> None:
        self.placements = tuple(placements)
        self.left_out = tuple(left_out)
        self.monitors = tuple(placement.monitor for placement in self.placements)
        rects = [
            (p.desktop_x, p.desktop_y, p.desktop_x + p.monitor.width_px, p.desktop_y + p.monitor.height_px)
            for p in self.placements
        ]
        self._rects = np.array(rects, dtype=np.int64).reshape(-1, 4)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Layout) and (self.placements, self.left_out) == (other.placements, other.left_out)

    def __hash__(self) -> int:
        return hash(self.placements)

    def __repr__(self) -> str:
        places = ", ".join(f"{p.monitor.label}+{p.desktop_x}+{p.desktop_y}" for p in self.placements)
        return f"Layout({places})"

    def locate(
        self, desktop_x: NDArray[np.int64], desktop_y: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Find the monitor of each desktop pixel.

        desktop_x, desktop_y: (N,). Returns three (N,) arrays: the index into ``monitors`` or ``OUTSIDE``,
        and x, y on that monitor. A pixel belongs to the monitor whose half-open rectangle holds it, to the
        first of mirrored ones; a pixel that none holds but that lies within 1 px of one is clamped onto it.
        """
        only = self._only_monitor(desktop_x, desktop_y)
        if only is not None:
            left, top, _, _ = self._rects[only]
            return np.full(desktop_x.shape, only, np.int64), desktop_x - left, desktop_y - top
        owner = np.full(desktop_x.shape, OUTSIDE, dtype=np.int64)
        local_x = np.zeros(desktop_x.shape, dtype=np.int64)
        local_y = np.zeros(desktop_y.shape, dtype=np.int64)
        for tolerance in (0, EDGE_TOLERANCE_PX):
            for index, (left, top, right, bottom) in enumerate(self._rects):
                here = (
                    (owner == OUTSIDE)
                    & (desktop_x >= left - tolerance)
                    & (desktop_x < right + tolerance)
                    & (desktop_y >= top - tolerance)
                    & (desktop_y < bottom + tolerance)
                )
                owner[here] = index
                local_x[here] = np.clip(desktop_x[here], left, right - 1) - left
                local_y[here] = np.clip(desktop_y[here], top, bottom - 1) - top
            if not (owner == OUTSIDE).any():
                break
        return owner, local_x, local_y

    def _only_monitor(self, desktop_x: NDArray[np.int64], desktop_y: NDArray[np.int64]) -> int | None:
        """The monitor that all of the pixels belong to; None where several do, or it takes a closer look."""
        if not desktop_x.size:
            return None
        first_x, last_x, first_y, last_y = desktop_x.min(), desktop_x.max(), desktop_y.min(), desktop_y.max()
        for index, (left, top, right, bottom) in enumerate(self._rects):
            if left <= first_x and last_x < right and top <= first_y and last_y < bottom:
                return index
            if left <= last_x and first_x < right and top <= last_y and first_y < bottom:
                return None  # it may hold some of them
        return None

    def bounds(self) -> tuple[int, int, int, int]:
        """Left, top, width and height in px of the smallest rectangle that holds every monitor."""
        if not self.placements:
            return 0, 0, 0, 0
        left, top = self._rects[:, :2].min(axis=0)
        right, bottom = self._rects[:, 2:].max(axis=0)
        return int(left), int(top), int(right - left), int(bottom - top)


def admit(reported: Iterable[ReportedMonitor]) -> tuple[Layout, tuple[int, ...]]:
    """The only way from reported monitors to a layout: those that fit, and a sentence for each of the others.

    Names are cleaned, a size in mm that is impossible counts as unknown. Returns the layout, and the
    index in ``reported`` of each of its placements.
    """
    placements: list[Placement] = []
    kept: list[int] = []
    left_out: list[str] = []
    several = 0
    for number, one in enumerate(reported):
        name = clean_name(one.output)
        if len(placements) == MONITORS_MAX:
            several += 1
            continue
        try:
            monitor = Monitor(name, one.width_px, one.height_px, one.edid_hash)
            size_mm = (one.width_mm, one.height_mm)
            known = all(is_within(0, side, SIZE_MAX_MM) for side in size_mm)
            placements.append(Placement(monitor, one.desktop_x, one.desktop_y, *(size_mm if known else (0, 0))))
            kept.append(number)
        except ValueError as error:
            if len(left_out) < MONITORS_MAX:
                left_out.append(f'the monitor "{name}" is not tracked: {error}')
    if several:
        left_out.append(f"{several} more monitors are not tracked: at most {MONITORS_MAX} are, at a time")
    return Layout(placements, left_out), tuple(kept)
