"""Where a picture shows no heat: between monitors, and where nothing may be counted. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from mousetrackd.core.exclusions import Exclusions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from mousetrackd.picture.scene import Scene

_LINE_PER_PX: Final = 1000
"""Lines are a pixel thick for so many pixels of the picture's height."""

_HATCH_PER_PX: Final = 500
_HATCH_APART: Final = 10
"""Hatching is a pixel thick for so many pixels of height, so that a smaller copy shows it as well, and its lines are so
many times their thickness apart."""


@dataclass(frozen=True)
class Masks:
    """nothing: what no monitor shows, and what is excluded. lines: outlines and hatching. Both (H, W)."""

    nothing: NDArray[np.bool_]
    lines: NDArray[np.bool_]


def excluded_places(scene: Scene) -> list[tuple[slice, slice]]:
    """Rows and columns of the picture in which nothing may be counted, each at least partly on a monitor."""
    rules = Exclusions()
    rules.rule(scene.exclude)
    left, top, width_px, height_px = scene.bounds()
    inside = _on_monitors(scene) if scene.exclude else np.empty((0, 0), np.uint8)
    found: list[tuple[slice, slice]] = []
    for from_x, from_y, to_x, to_y in (rules.on(scene.layout) - (left, top, left, top)).tolist():
        place = slice(max(from_y, 0), min(to_y, height_px)), slice(max(from_x, 0), min(to_x, width_px))
        if inside[place].any() and place not in found:
            found.append(place)
    return found


def masks(scene: Scene, excluded: Sequence[tuple[slice, slice]]) -> Masks | None:
    """Of several monitors the outlines and what lies between them, and ``excluded_places``; None where neither is."""
    several = len(scene.layout.placements) > 1
    if not several and not excluded:
        return None
    inside = _on_monitors(scene)
    lines = np.zeros_like(inside)
    thick = max(1, len(inside) // _LINE_PER_PX)
    hatch = max(1, len(inside) // _HATCH_PER_PX)
    apart = _HATCH_APART * hatch
    for rows, columns in excluded:
        down, across = (np.arange(one.start, one.stop) % apart for one in (rows, columns))
        lines[rows, columns] |= np.add.outer(down.astype(np.uint16), across.astype(np.uint16)) % apart < hatch
        cv2.rectangle(lines, (columns.start, rows.start), (columns.stop - 1, rows.stop - 1), 1, thick)
    lines &= inside
    for place in excluded:
        inside[place] = 0
    if several:
        for corner, opposite in _corners(scene):
            cv2.rectangle(lines, corner, opposite, 1, thick)
    return Masks(~inside.astype(bool), lines.astype(bool))


def _on_monitors(scene: Scene) -> NDArray[np.uint8]:
    """(H, W), 1 for what a monitor shows."""
    _, _, width_px, height_px = scene.bounds()
    inside = np.zeros((height_px, width_px), np.uint8)
    for corner, opposite in _corners(scene):
        cv2.rectangle(inside, corner, opposite, 1, cv2.FILLED)
    return inside


def _corners(scene: Scene) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """The first and the last pixel of each monitor in the picture, as x and y."""
    left, top, _, _ = scene.bounds()
    places = [(place, place.desktop_x - left, place.desktop_y - top) for place in scene.layout.placements]
    return [((x, y), (x + one.monitor.width_px - 1, y + one.monitor.height_px - 1)) for one, x, y in places]
