"""Grids of counts: a whole screen, or cells of one that are spread over its pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from mousetrackd.core.columns import roles_of, roles_of_numbers
from mousetrackd.core.counts import COUNT_MAX, Counts
from mousetrackd.core.monitors import Monitor, clean_name
from mousetrackd.exchange.points import Points
from mousetrackd.exchange.reading import FileCounts
from mousetrackd.exchange.table import LABEL, check_size, monitor_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mousetrackd.exchange.reading import Options

GRID_FROM: Final = 4
"""No screen is narrower: an array of two or three columns is a list of points."""

_SAMPLE: Final = 50
_SLENDER: Final = 16
"""No screen is so many times as long as it is wide."""
_SMALL_PX: Final = 480
"""No screen whose longer side is below this is higher than wide."""


def counts_of_grid(array: NDArray[Any], options: Options, what: str, name: str = "") -> FileCounts:
    """Counts of an (H, W) array, y down. name: its screen's name or label, where it has one. Raises ValueError."""
    if options.transpose:
        array = array.T
    check_size(array.shape[1], array.shape[0], what)
    whole = _whole(array, options, what)
    height_px, width_px = whole.shape
    label = monitor_of(name, options.output, None) if LABEL.fullmatch(name) else None
    size = (label.width_px, label.height_px) if label else options.size
    if label and (size != (width_px, height_px) or (options.size or size) != size):
        raise ValueError(f"{what}: its shape {array.shape} does not fit the screen's size")
    notes: tuple[str, ...] = ()
    if size is None:
        if not _may_be_screen(width_px, height_px):
            raise ValueError(
                f"{what} is {width_px} wide and {height_px} high, as no screen is. Cells of a screen? Give its --size"
                " WxH; and --transpose where x is the first axis, as numpy.histogram2d has it. Points? Name what they"
                " have, like --columns t,x,y"
            )
        if max(width_px, height_px) < _SMALL_PX:
            notes = (f"{what} is taken as a screen of {width_px}x{height_px} px; --size WxH spreads its cells",)
    elif size != (width_px, height_px):
        whole, notes = _fitted(whole, size, what)
    monitor = label or Monitor(clean_name(name or options.output), whole.shape[1], whole.shape[0])
    return FileCounts({monitor: Counts.from_dense(whole)}, unit="ms" if options.has_each else "", notes=notes)


def _may_be_screen(width_px: int, height_px: int) -> bool:
    """Is it no list of points, and no histogram whose first axis is x? A line of pixels may be anything."""
    if min(width_px, height_px) == 1:
        return True
    is_upright = height_px > width_px and height_px < _SMALL_PX
    return not is_upright and max(width_px, height_px) <= max(_SMALL_PX, _SLENDER * min(width_px, height_px))


def is_points(array: NDArray[Any], options: Options) -> bool:
    """Is it (N, 2) or (N, 3), x, y and perhaps a count or time, or has it the columns that the user named?"""
    return array.ndim == 2 and (array.shape[1] in (2, 3) or array.shape[1] == len(options.columns))


def counts_of_points(array: NDArray[Any], options: Options, what: str, name: str = "") -> FileCounts:
    """Counts of points, (N, columns), by the names that the user gave, or else by what they look like.

    Raises ValueError that names the row.
    """
    named = len(options.columns) == array.shape[1]
    if named:
        roles, sentence = roles_of(options.columns), ""
    elif array.shape[1] == 2:
        roles, sentence = {"x": 0, "y": 1}, ""
    else:
        roles, sentence = roles_of_numbers(array[:_SAMPLE].astype(np.float64))
    points = Points(options, time_name=options.columns[roles["time"]] if named and "time" in roles else "")
    if not named:
        points.notes.append(
            f"{what} is taken as {len(array)} points: {', '.join(sorted(roles, key=roles.__getitem__))}"
        )
    points.notes += [sentence] if sentence else []
    columns = {role: array[:, place] for role, place in roles.items()}
    points.add(
        columns["x"],
        columns["y"],
        columns.get("count"),
        lambda number: f"{what}, row {number}",
        label=name,
        time=columns.get("time"),
    )
    return points.finish()


def _whole(array: NDArray[Any], options: Options, what: str) -> NDArray[np.int64]:
    if array.dtype.kind == "f":
        if not bool(np.isfinite(array).all()):
            raise ValueError(
                f"{what}: some of its values are not numbers (NaN or infinite): fill them first, as with 0"
            )
        if not bool((array == np.floor(array)).all()):
            raise ValueError(
                f"{what}: counts are whole numbers, and some of these are not: multiply them first, as by 1000"
            )
        if float(array.max()) >= 2.0**63:
            raise ValueError(f"{what}: a count is from 0 to {COUNT_MAX}")
    most = COUNT_MAX // options.each_ms
    if int(array.min()) < 0 or int(array.max()) > most:
        raise ValueError(f"{what}: a count is from 0 to {most}")
    return array.astype(np.int64) * options.each_ms


def _fitted(cells: NDArray[np.int64], size: tuple[int, int], what: str) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Cells as pixels of a screen of ``size``, no count lost: each is spread over its pixels, or several are added."""
    width_px, height_px = size
    rows, columns = cells.shape
    stretch = (width_px / columns) / (height_px / rows)
    turned = (width_px / rows) / (height_px / columns)
    if not 0.5 < stretch < 2:
        hint = "--transpose where x is its first axis, as numpy.histogram2d has it" if 0.5 < turned < 2 else "another"
        hint = hint if hint != "another" else f"another --size, or make it {columns}x{rows}"
        raise ValueError(
            f"{what} is {columns} wide and {rows} high, which does not fit the screen's size {width_px}x{height_px}:"
            f" give {hint}"
        )
    notes = [f"{what}: its {columns}x{rows} cells are spread over {width_px}x{height_px} px"]
    if rows == columns:
        notes.append("its first axis is taken as y; --transpose where it is x, as numpy.histogram2d has it")
    if columns > width_px or rows > height_px:
        small = np.zeros((height_px, width_px), np.int64)
        y = np.arange(rows) * height_px // rows
        x = np.arange(columns) * width_px // columns
        if float(cells.max()) * cells.size >= COUNT_MAX:
            raise ValueError(f"{what}: its counts are too large to be added")
        if columns <= width_px or rows <= height_px:
            raise ValueError(f"{what}: give a --size of at least or at most {columns}x{rows} in both directions")
        np.add.at(small, (y[:, None], x[None, :]), cells)
        return small, tuple(notes)
    cell_y = np.arange(height_px) * rows // height_px
    cell_x = np.arange(width_px) * columns // width_px
    high, wide = np.bincount(cell_y, minlength=rows), np.bincount(cell_x, minlength=columns)
    top = np.arange(height_px) - np.searchsorted(cell_y, cell_y)
    left = np.arange(width_px) - np.searchsorted(cell_x, cell_x)
    area = high[cell_y][:, None] * wide[cell_x][None, :]
    rank = top[:, None] * wide[cell_x][None, :] + left[None, :]
    count = cells[cell_y[:, None], cell_x[None, :]]
    # The remainder goes to pixels at even distances, so that the sum is exact.
    each, rest = np.divmod(count, area)
    half = area // 2
    return each + (rest * (rank + 1) + half) // area - (rest * rank + half) // area, tuple(notes)
