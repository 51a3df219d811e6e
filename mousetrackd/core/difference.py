"""Counts less other counts that are a part of them: what is left, to the pixel or to the cell. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mousetrackd.core import cells
from mousetrackd.core.counts import Counts

if TYPE_CHECKING:
    from numpy.typing import NDArray


def of_pixels(whole: Counts, part: Counts) -> tuple[Counts, Counts]:
    """What is left of ``whole`` without ``part``, and what of ``part`` is not in it; both pixel by pixel."""
    index, count = whole.index, whole.count.copy()
    taken = np.zeros(part.pixels, np.int64)
    if index.size:
        at = np.minimum(np.searchsorted(index, part.index), index.size - 1)
        both = index[at] == part.index
        taken[both] = np.minimum(count[at[both]], part.count[both])
        count[at[both]] -= taken[both]
    return _positive(whole, index, count), _positive(part, part.index, part.count - taken)


def in_cells(whole: Counts, part: Counts, side_px: int) -> tuple[Counts, int]:
    """As ``of_pixels``; but what is not at its own pixel of ``whole`` is taken from others in the same cell.

    side_px: how wide the cells are. Returns what is left, and how much of ``part`` is in no cell of ``whole``.
    """
    left, missing = of_pixels(whole, part)
    if not missing.pixels or not left.pixels:
        return left, missing.total
    cell = cells.number_of(left, side_px)
    order = np.argsort(cell, kind="stable")
    count = left.count[order]
    wanted = cells.binned(missing, side_px)
    at = np.minimum(np.searchsorted(wanted.index, cell[order]), wanted.pixels - 1)
    need = np.where(wanted.index[at] == cell[order], wanted.count[at], 0)
    # Of each cell one pixel after the other, as far as needed.
    first = np.flatnonzero(np.diff(cell[order], prepend=-1))
    before = np.cumsum(count) - count
    before -= np.repeat(before[first], np.diff(first, append=count.size))
    taken = np.clip(need - before, 0, count)
    stays = np.empty_like(count)
    stays[order] = count - taken
    return _positive(left, left.index, stays), missing.total - int(taken.sum())


def of_centres(whole: Counts, part: Counts, side_px: int) -> Counts:
    """As ``in_cells``, where each cell has one count at its centre of mass; each that is left has too.

    What ``part`` has more than ``whole`` in a cell is not taken.
    """
    sums, less = (_moments(one, side_px) for one in (whole, part))
    taken = np.minimum(sums.count, less.count)
    count = sums.count - taken
    cell = np.flatnonzero(count)
    share = taken[cell] / np.maximum(less.count[cell], 1)
    row, col = np.divmod(cell, cells.grid(whole.width_px, whole.height_px, side_px)[0])
    x, y = (
        np.clip(
            np.rint((of_whole[cell] - of_part[cell] * share) / count[cell]).astype(np.int64),
            at * side_px,
            np.minimum((at + 1) * side_px, length_px) - 1,
        )
        for of_whole, of_part, at, length_px in (
            (sums.of_x, less.of_x, col, whole.width_px),
            (sums.of_y, less.of_y, row, whole.height_px),
        )
    )
    return Counts.from_pixels(whole.width_px, whole.height_px, y * whole.width_px + x, count[cell])


@dataclass(frozen=True)
class _Moments:
    """Of all cells of a screen, each (N,): the sum, and the sums of the counts times x and times y."""

    count: NDArray[np.int64]
    of_x: NDArray[np.float64]
    of_y: NDArray[np.float64]


def _moments(counts: Counts, side_px: int) -> _Moments:
    cols, rows = cells.grid(counts.width_px, counts.height_px, side_px)
    cell = cells.number_of(counts, side_px)
    y, x = np.divmod(counts.index, counts.width_px)
    count = np.zeros(cols * rows, np.int64)
    np.add.at(count, cell, counts.count)
    of_x, of_y = np.zeros(count.size), np.zeros(count.size)
    for sums, at in ((of_x, x), (of_y, y)):
        np.add.at(sums, cell, counts.count.astype(np.float64) * at)
    return _Moments(count, of_x, of_y)


def _positive(like: Counts, index: NDArray[np.int64], count: NDArray[np.int64]) -> Counts:
    kept = count > 0
    return Counts(like.width_px, like.height_px, index[kept], count[kept])
