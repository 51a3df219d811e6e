"""Which screen a desktop pixel belongs to. Pure: numbers in, numbers out.

Words: the *desktop* is the plane all monitors stand on, in device pixels, y down; it may have negative
coordinates and holes. A *monitor* is a screen, known by what it is. A *placement* is where it stands.
"""

from __future__ import annotations

import itertools
import re
import zlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from mousetrackd.core.printable import printable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

OUTSIDE = -1
"""The monitor index of a desktop pixel that no monitor shows."""

SIDE_MAX_PX = 16384
"""No screen is larger; what says so is a mistake, and would make pictures of gigabytes."""
AREA_MAX_PX = 64_000_000
"""The most pixels of one screen: nearly twice those of an 8K one."""
MONITORS_MAX = 16
"""So many monitors are tracked at a time."""
NAME_MAX = 128
"""The longest name of a monitor, in characters."""
SIZE_MAX_MM = 100_000
DESKTOP_MAX_PX = MONITORS_MAX * SIDE_MAX_PX
"""No monitor is farther from the desktop's origin, in either direction."""
CANVAS_MAX_PX = 160_000_000
"""The largest desktop that is drawn as it stands: four 8K screens."""
CANVAS_SIDE_MAX_PX = 4 * SIDE_MAX_PX

_EDID_HASH = re.compile("[0-9a-f]{0,16}")

EDGE_TOLERANCE_PX = 1
"""X11 reports a pointer up to one pixel outside its screen; that is still the edge."""


@dataclass(frozen=True, order=True)
class Monitor:
    """A screen at one resolution: counts of two monitors that are equal belong together.

    output is the connector's name ("DP-1"), edid_hash eight hex digits of the screen's own identity, empty
    where it has none (a virtual screen). The size in millimetres is 0 where unknown and is no part of who
    the screen is. Raises ValueError for a size or a name that no monitor has; data from outside goes through
    ``admit`` or ``clean_name`` first.
    """

    output: str
    width_px: int
    height_px: int
    edid_hash: str = ""

    def __post_init__(self) -> None:
        problem = size_problem(self.width_px, self.height_px) or _name_problem(self.output, self.edid_hash)
        if problem:
            raise ValueError(problem)

    @property
    def label(self) -> str:
        """What people and files call it, like ``DP-1@1920x1080`` or ``DP-1@1920x1080#1a2b3c4d``."""
        edid = f"#{self.edid_hash}" if self.edid_hash else ""
        return f"{self.output}@{self.width_px}x{self.height_px}{edid}"


@dataclass(frozen=True)
class Placement:
    """A monitor, and the desktop pixel of its top left corner. Raises ValueError for one that no desktop has."""

    monitor: Monitor
    desktop_x: int
    desktop_y: int
    width_mm: int = 0
    height_mm: int = 0

    def __post_init__(self) -> None:
        if not (
            _is_within(-DESKTOP_MAX_PX, self.desktop_x, DESKTOP_MAX_PX)
            and _is_within(-DESKTOP_MAX_PX, self.desktop_y, DESKTOP_MAX_PX)
        ):
            raise ValueError(f"{self.desktop_x},{self.desktop_y} is farther than {DESKTOP_MAX_PX} px from the origin")
        if not (_is_within(0, self.width_mm, SIZE_MAX_MM) and _is_within(0, self.height_mm, SIZE_MAX_MM)):
            raise ValueError(f"a monitor is at most {SIZE_MAX_MM} mm a side, got {self.width_mm}x{self.height_mm}")


@dataclass(frozen=True)
class Told:
    """A monitor as a server, a compositor or a file tells it: every field may be anything. See ``admit``."""

    output: str
    width_px: int
    height_px: int
    edid_hash: str
    desktop_x: int
    desktop_y: int
    width_mm: int = 0
    height_mm: int = 0


@dataclass(frozen=True)
class Exclusion:
    """A rectangle, in px, in which nothing is ever counted: of one monitor, or of the desktop.

    monitor: as in ``is_meant``; empty for a rectangle of the desktop.
    """

    monitor: str
    left: int
    top: int
    width_px: int
    height_px: int


class Layout:
    """All monitors as they stand at one time. left_out: a sentence for each that is not tracked."""

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

    def bounds(self) -> tuple[int, int, int, int]:
        """Left, top, width and height in px of the smallest rectangle that holds every monitor."""
        if not self.placements:
            return 0, 0, 0, 0
        left, top = self._rects[:, :2].min(axis=0)
        right, bottom = self._rects[:, 2:].max(axis=0)
        return int(left), int(top), int(right - left), int(bottom - top)


def size_problem(width_px: object, height_px: object) -> str:
    """What is wrong with a screen's size; empty where nothing is."""
    if not (_is_within(1, width_px, SIDE_MAX_PX) and _is_within(1, height_px, SIDE_MAX_PX)):
        return f"a screen is from 1x1 to {SIDE_MAX_PX}x{SIDE_MAX_PX} px, got {width_px}x{height_px}"
    if isinstance(width_px, int) and isinstance(height_px, int) and width_px * height_px > AREA_MAX_PX:
        return f"a screen has at most {AREA_MAX_PX // 1_000_000} million px, got {width_px}x{height_px}"
    return ""


def _is_within(least: int, value: object, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _name_problem(output: object, edid_hash: object) -> str:
    if not isinstance(output, str) or not output or len(output) > NAME_MAX or not output.isprintable():
        return f"a monitor's name has 1 to {NAME_MAX} printable characters"
    if not isinstance(edid_hash, str) or not _EDID_HASH.fullmatch(edid_hash):
        return "an EDID's hash is at most 16 hex digits"
    return ""


def clean_name(name: str) -> str:
    """A name from outside as a monitor may have it: printable, not empty, cut where it is too long.

    Two long names that differ stay apart: the end of what is cut is a checksum of all of it.
    """
    shown = printable(name) or "unnamed"
    if len(shown) <= NAME_MAX:
        return shown
    checksum = f"~{zlib.crc32(name.encode('utf-8', 'surrogatepass')):08x}"
    return shown[: NAME_MAX - len(checksum)] + checksum


def admit(told: Iterable[Told]) -> tuple[Layout, tuple[int, ...]]:
    """The one way from what is told of monitors to a layout: those that fit, and a sentence for each other.

    Names are cleaned, a size in mm that is impossible counts as unknown. Returns the layout, and of which of ``told``
    its placements are.
    """
    placements: list[Placement] = []
    kept: list[int] = []
    left_out: list[str] = []
    several = 0
    for number, one in enumerate(told):
        name = clean_name(one.output)
        if len(placements) == MONITORS_MAX:
            several += 1
            continue
        try:
            monitor = Monitor(name, one.width_px, one.height_px, one.edid_hash)
            size_mm = (one.width_mm, one.height_mm)
            known = all(_is_within(0, side, SIZE_MAX_MM) for side in size_mm)
            placements.append(Placement(monitor, one.desktop_x, one.desktop_y, *(size_mm if known else (0, 0))))
            kept.append(number)
        except ValueError as error:
            if len(left_out) < MONITORS_MAX:
                left_out.append(f'the monitor "{name}" is not tracked: {error}')
    if several:
        left_out.append(f"{several} more monitors are not tracked: at most {MONITORS_MAX} are, at a time")
    return Layout(placements, left_out), tuple(kept)


def drawable(layout: Layout, homeless: Iterable[Monitor] = ()) -> Layout:
    """The layout as it is drawn in one picture: as it is, and ``homeless`` monitors side by side to its right.

    Where that would be too large they are all set close together, and those left out, with a sentence, that are too
    many even so.
    """
    others = [Placement(monitor, 0, 0) for monitor in homeless]
    left, top, width_px, height_px = layout.bounds()
    wide = width_px + sum(one.monitor.width_px for one in others)
    high = max(height_px, *(one.monitor.height_px for one in others), 0)
    if max(wide, high) <= CANVAS_SIDE_MAX_PX and wide * high <= CANVAS_MAX_PX:
        ends = itertools.accumulate((one.monitor.width_px for one in others), initial=left + width_px)
        return Layout(
            [
                *layout.placements,
                *(replace(one, desktop_x=x, desktop_y=top) for one, x in zip(others, ends, strict=False)),
            ],
            layout.left_out,
        )
    placed: list[Placement] = []
    left_out = [*layout.left_out]
    x = y = right = bottom = 0
    for one in (*layout.placements, *others):
        screen = one.monitor
        if x and x + screen.width_px > CANVAS_SIDE_MAX_PX:
            x, y = 0, bottom
        wide, high = max(right, x + screen.width_px), max(bottom, y + screen.height_px)
        if high > CANVAS_SIDE_MAX_PX or wide * high > CANVAS_MAX_PX:
            left_out.append(f"left out {screen.label}: the picture would be too large")
            continue
        placed.append(replace(one, desktop_x=x, desktop_y=y))
        x, right, bottom = x + screen.width_px, wide, high
    return Layout(placed, dict.fromkeys(left_out))


def is_called(monitor: Monitor, name: str) -> bool:
    """Does a person who says ``name`` mean this monitor: by its output, or by its label without the EDID?"""
    return name in (monitor.output, monitor.label, monitor.label.partition("#")[0])


def is_meant(monitor: Monitor, name: str) -> bool:
    """As ``is_called``, and by the EDID's hash, ``#1a2b3c4d``, or a label with that hash, whatever its connector."""
    if is_called(monitor, name):
        return True
    label, hash_mark, edid_hash = name.rpartition("#")
    of_size = label.rpartition("@")[2]
    size = f"{monitor.width_px}x{monitor.height_px}"
    return bool(hash_mark and monitor.edid_hash and monitor.edid_hash == edid_hash.lower() and of_size in ("", size))


def all_meant(known: Iterable[Monitor], name: str) -> frozenset[Monitor]:
    """Those of ``known`` that a person who uses ``name`` means: also by other names that the same screens have there.

    The same EDID is the same screen. A label means it at its own resolution, another name at all of them.
    """
    monitors = frozenset(known)
    named = [one for one in monitors if is_meant(one, name)]
    sizes = {(one.edid_hash, one.width_px, one.height_px) for one in named if one.edid_hash}
    any_size = {one.edid_hash for one in named if one.edid_hash and one.output == name}
    return frozenset(
        one
        for one in monitors
        if one in named or one.edid_hash in any_size or (one.edid_hash, one.width_px, one.height_px) in sizes
    )
