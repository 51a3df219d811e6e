"""The cells of a study, into which a screen of any size and shape is divided, and what of a pixel falls into each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from mousetrackd.core.layers import CLICK_LAYERS, CLICKS, TRAVEL

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mousetrackd.core.counts import Counts

GRID: Final = (480, 270)
"""Columns and rows."""
CLICKS_GRID: Final = (160, 90)
"""For clicks, which are few: of 200 machines, half of them would be hidden in smaller cells."""
TRAVEL_PARTS: Final = 100
"""A line that crosses a cell from side to side adds so much to the travel there, on a screen of any resolution."""
_ONE: Final = 1 << 16
"""A rounding threshold is a whole number of such parts of a count."""
_STEP_X, _STEP_Y, _STEP_DAY = 49471, 37345, 40503
"""Of a threshold from pixel to pixel and day to day, odd so that all thresholds occur: 1/p and 1/p² with the plastic
number p (M. Roberts, "The Unreasonable Effectiveness of Quasirandom Sequences", 2018), and the golden ratio's."""


def grid_of(layer: str) -> tuple[int, int]:
    """Columns and rows of a layer's cells."""
    return CLICKS_GRID if layer == CLICKS or layer in CLICK_LAYERS else GRID


def in_cells(counts: Counts, layer: str, day: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Which cells, rising, and how much is in each: whole counts, whose sum is that of ``counts``.

    A pixel that lies in several cells is shared between them by its area, so that what is even on a screen is even
    here. What is not whole then is rounded up or down by a threshold of that pixel and day, for the same result each
    time. Travel is in parts of a cell's side, ``TRAVEL_PARTS``: a screen of twice the resolution has twice the pixels
    on the same way.
    """
    columns, rows = grid_of(layer)
    y, x = np.divmod(counts.index, counts.width_px)
    threshold = x * _STEP_X + y * _STEP_Y + day * _STEP_DAY
    column, across, pixel = _shared(x, counts.count, counts.width_px, columns, threshold % _ONE)
    row, n, part = _shared(y[pixel], across, counts.height_px, rows, threshold[pixel] * _STEP_X % _ONE)
    cell, n = summed([(row * columns + column[part], n)])
    if layer == TRAVEL:
        pixels_a_side = np.sqrt(counts.width_px * counts.height_px / (columns * rows))
        n = np.maximum(np.rint(n * (TRAVEL_PARTS / pixels_a_side)).astype(np.int64), 1)
    return cell, n


def _shared(
    at: NDArray[np.int64], n: NDArray[np.int64], size: int, parts: int, threshold: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Share counts at ``at`` of ``size`` pixels between ``parts`` cells: the cells, the counts, and whose they were."""
    first = at * parts // size
    times = ((at + 1) * parts - 1) // size - first + 1
    whose = np.repeat(np.arange(at.size), times)
    cell = np.arange(whose.size) - np.repeat(np.cumsum(times) - times, times) + first[whose]
    # How much of the pixel, in parts of it, and then how many of its counts lie before the end of the cell.
    before_end = np.minimum((cell + 1) * size - at[whose] * parts, parts)
    whole, rest = np.divmod(n[whose], parts)
    until = whole * before_end + (rest * before_end * _ONE + threshold[whose] * parts) // (parts * _ONE)
    share = np.diff(until, prepend=0)
    is_first = cell == first[whose]
    share[is_first] = until[is_first]
    some = share > 0
    return cell[some], share[some], whose[some]


def summed(
    parts: list[tuple[NDArray[np.int64], NDArray[np.int64]]],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Cells with counts, added up: each cell once, rising."""
    cells, where = np.unique(np.concatenate([cell for cell, _ in parts]), return_inverse=True)
    sums = np.zeros(cells.size, np.int64)
    np.add.at(sums, where, np.concatenate([n for _, n in parts]))
    return cells, sums
