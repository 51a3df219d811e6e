"""Heat relative to a window, as a picture of it. Pure."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from mousetrackd.core.counts import Counts
from mousetrackd.core.layout import Layout
from mousetrackd.core.monitors import Monitor, Placement, clean_name
from mousetrackd.core.series import Series

if TYPE_CHECKING:
    from mousetrackd.storage.readings import Reading

_LONGER_PX: Final = 1280
_LONGEST: Final = 4.0
"""No window is drawn longer than so many times its width, or wider than its height."""
_UNKNOWN: Final = 1.6
"""Width by height where everything was counted at one place."""


def layout_of(relative: Reading, on_screen: Reading, name: str) -> Layout:
    """A screen of the shape that a window usually has.

    relative: counts in the parts of the window, of all layers. on_screen: the same in pixels, which shows how wide the
    window was for its height.
    """
    ratio = _ratio(relative, on_screen)
    width_px, height_px = (round(_LONGER_PX * side / max(ratio, 1.0)) for side in (ratio, 1.0))
    return Layout([Placement(Monitor(clean_name(name), width_px, height_px), 0, 0)])


def on_layout(relative: Reading, layout: Layout) -> Reading:
    """The counts in the parts of a window as those of the pixels of the screen that represents it."""
    (screen,) = layout.monitors
    width_px, height_px = screen.width_px, screen.height_px
    parts: dict[str, list[Counts]] = {}
    for series, counts in relative.counts.items():
        row, column = np.divmod(counts.index, series.grid)
        x = (2 * column + 1) * width_px // (2 * series.grid)
        y = (2 * row + 1) * height_px // (2 * series.grid)
        placed = Counts.from_pixels(width_px, height_px, y * width_px + x, counts.count)
        parts.setdefault(series.layer, []).append(placed)
    merged = {Series(screen, layer): Counts.merge(found) for layer, found in parts.items()}
    return replace(relative, counts=merged)


def _ratio(relative: Reading, on_screen: Reading) -> float:
    """Width by height of the window: by how far positions spread on the screen, and how far in the window.

    A window that stays where it is has its exact shape; one that was moved a little less so.
    """
    wide, high = (_spread(on_screen, axis) for axis in (1, 0))
    columns, rows = (_spread(relative, axis) for axis in (1, 0))
    if not all((wide, high, columns, rows)):
        return _UNKNOWN
    return min(max((wide / columns) / (high / rows), 1 / _LONGEST), _LONGEST)


def _spread(reading: Reading, axis: int) -> float:
    """The standard deviation of positions about the mean of their screen, along x (1) or y (0)."""
    variance = total = 0.0
    for counts in reading.counts.values():
        at = np.divmod(counts.index, counts.width_px)[axis].astype(np.float64)
        weight = counts.count.astype(np.float64)
        if weight.sum() > 0:
            variance += float((weight * (at - np.average(at, weights=weight)) ** 2).sum())
            total += float(weight.sum())
    return math.sqrt(variance / total) if total else 0.0
