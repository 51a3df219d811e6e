"""What a monitor is, where it may be, and which one a name means. Pure, and without numpy: plain values.

The *desktop* is the plane of all monitors, in device pixels, y down; it may have negative coordinates and holes. A
*monitor* is a screen, known by what it is. A *placement* is its position on the desktop.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mousetrackd.core.wording import printable

if TYPE_CHECKING:
    from collections.abc import Iterable

SIDE_MAX_PX = 16384
"""No screen is larger; a larger size is a mistake, and would make pictures of gigabytes."""
AREA_MAX_PX = 64_000_000
"""The most pixels of one screen: nearly twice those of an 8K one."""
MONITORS_MAX = 16
"""So many monitors are tracked at a time."""
NAME_MAX = 128
"""The longest name of a monitor, in characters."""
SIZE_MAX_MM = 100_000
DESKTOP_MAX_PX = MONITORS_MAX * SIDE_MAX_PX
"""No monitor is farther from the desktop's origin, in either direction."""
_EDID_HASH = re.compile("[0-9a-f]{0,16}")


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

    def matches(self, name: str) -> bool:
        """Is it the monitor of this name: its output, or its label with or without the EDID's hash?"""
        return name in (self.output, self.label, self.label.partition("#")[0])

    def is_selected_by(self, name: str) -> bool:
        """As ``matches``, or by the EDID's hash, ``#1a2b3c4d``, or a label with that hash, at any connector."""
        if self.matches(name):
            return True
        label, hash_mark, edid_hash = name.rpartition("#")
        label_size = label.rpartition("@")[2]
        size = f"{self.width_px}x{self.height_px}"
        return bool(hash_mark and self.edid_hash and self.edid_hash == edid_hash.lower() and label_size in ("", size))


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
            is_within(-DESKTOP_MAX_PX, self.desktop_x, DESKTOP_MAX_PX)
            and is_within(-DESKTOP_MAX_PX, self.desktop_y, DESKTOP_MAX_PX)
        ):
            raise ValueError(f"{self.desktop_x},{self.desktop_y} is farther than {DESKTOP_MAX_PX} px from the origin")
        if not (is_within(0, self.width_mm, SIZE_MAX_MM) and is_within(0, self.height_mm, SIZE_MAX_MM)):
            raise ValueError(f"a monitor is at most {SIZE_MAX_MM} mm a side, got {self.width_mm}x{self.height_mm}")


@dataclass(frozen=True)
class Exclusion:
    """A rectangle, in px, in which nothing is ever counted: of one monitor, or of the desktop.

    monitor: as in ``Monitor.is_selected_by``; empty for a rectangle of the desktop.
    """

    monitor: str
    left: int
    top: int
    width_px: int
    height_px: int


def size_problem(width_px: object, height_px: object) -> str:
    """What is wrong with a screen's size; empty where nothing is."""
    if not (is_within(1, width_px, SIDE_MAX_PX) and is_within(1, height_px, SIDE_MAX_PX)):
        return f"a screen is from 1x1 to {SIDE_MAX_PX}x{SIDE_MAX_PX} px, got {width_px}x{height_px}"
    if isinstance(width_px, int) and isinstance(height_px, int) and width_px * height_px > AREA_MAX_PX:
        return f"a screen has at most {AREA_MAX_PX // 1_000_000} million px, got {width_px}x{height_px}"
    return ""


def is_within(least: int, value: object, most: int) -> bool:
    """Is it a whole number from ``least`` to ``most``?"""
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


def selected(known: Iterable[Monitor], name: str) -> frozenset[Monitor]:
    """Those of ``known`` that ``name`` selects, also under the other names that the same screens have there.

    The same EDID is the same screen. A label selects it at its own resolution, another name at all of them.
    """
    monitors = frozenset(known)
    named = [one for one in monitors if one.is_selected_by(name)]
    sizes = {(one.edid_hash, one.width_px, one.height_px) for one in named if one.edid_hash}
    any_size = {one.edid_hash for one in named if one.edid_hash and one.output == name}
    return frozenset(
        one
        for one in monitors
        if one in named or one.edid_hash in any_size or (one.edid_hash, one.width_px, one.height_px) in sizes
    )
