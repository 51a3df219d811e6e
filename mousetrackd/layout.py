"""Which screen a desktop pixel belongs to. Pure: numbers in, numbers out.

Words: the *desktop* is the plane all monitors stand on, in device pixels, y down; it may have negative
coordinates and holes. A *monitor* is a screen, known by what it is. A *placement* is where it stands.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

OUTSIDE = -1
"""The monitor index of a desktop pixel that no monitor shows."""

SIDE_MAX_PX = 16384
"""No screen is larger; what says so is a mistake, and would make pictures of gigabytes."""

EDGE_TOLERANCE_PX = 1
"""X11 reports a pointer up to one pixel outside its screen; that is still the edge."""


@dataclass(frozen=True, order=True)
class Monitor:
    """A screen at one resolution: counts of two monitors that are equal belong together.

    output is the connector's name ("DP-1"), edid_hash eight hex digits of the screen's own identity, empty
    where it has none (a virtual screen). The size in millimetres is 0 where unknown and is no part of who
    the screen is.
    """

    output: str
    width_px: int
    height_px: int
    edid_hash: str = ""

    def __post_init__(self) -> None:
        if self.width_px < 1 or self.height_px < 1:
            raise ValueError(f"a monitor is at least 1x1 px, got {self.width_px}x{self.height_px}")

    @property
    def label(self) -> str:
        """What people and files call it, like ``DP-1@1920x1080`` or ``DP-1@1920x1080#1a2b3c4d``."""
        edid = f"#{self.edid_hash}" if self.edid_hash else ""
        return f"{self.output}@{self.width_px}x{self.height_px}{edid}"


@dataclass(frozen=True)
class Placement:
    """A monitor, and the desktop pixel of its top left corner."""

    monitor: Monitor
    desktop_x: int
    desktop_y: int
    width_mm: int = 0
    height_mm: int = 0


@dataclass(frozen=True)
class Exclusion:
    """A rectangle, in px, in which nothing is ever counted: of one monitor, or of the desktop.

    monitor: its output's name or its label; empty for a rectangle of the desktop.
    """

    monitor: str
    left: int
    top: int
    width_px: int
    height_px: int


class Layout:
    """All monitors as they stand at one time."""

    def __init__(self, placements: Iterable[Placement] = ()) -> None:
        self.placements = tuple(placements)
        self.monitors = tuple(placement.monitor for placement in self.placements)
        rects = [
            (p.desktop_x, p.desktop_y, p.desktop_x + p.monitor.width_px, p.desktop_y + p.monitor.height_px)
            for p in self.placements
        ]
        self._rects = np.array(rects, dtype=np.int64).reshape(-1, 4)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Layout) and self.placements == other.placements

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

    def excluded(self, exclusions: Iterable[Exclusion]) -> NDArray[np.int64]:
        """The exclusions as rectangles of the desktop: (N, 4) left, top, right, bottom, the latter two outside.

        A monitor's are cut off at its edges; those of a monitor that is not there are none.
        """
        rects: list[tuple[int, int, int, int]] = []
        for one in exclusions:
            right, bottom = one.left + one.width_px, one.top + one.height_px
            if not one.monitor:
                rects.append((one.left, one.top, right, bottom))
            for p in (p for p in self.placements if one.monitor and is_called(p.monitor, one.monitor)):
                x, y, width_px, height_px = p.desktop_x, p.desktop_y, p.monitor.width_px, p.monitor.height_px
                rects.append(
                    (x + max(one.left, 0), y + max(one.top, 0), x + min(right, width_px), y + min(bottom, height_px))
                )
        return np.array(rects, dtype=np.int64).reshape(-1, 4)

    def bounds(self) -> tuple[int, int, int, int]:
        """Left, top, width and height in px of the smallest rectangle that holds every monitor."""
        if not self.placements:
            return 0, 0, 0, 0
        left, top = self._rects[:, :2].min(axis=0)
        right, bottom = self._rects[:, 2:].max(axis=0)
        return int(left), int(top), int(right - left), int(bottom - top)


def is_called(monitor: Monitor, name: str) -> bool:
    """Does a person who says ``name`` mean this monitor: by its output, or by its label without the EDID?"""
    return name in (monitor.output, monitor.label, monitor.label.partition("#")[0])
