"""Anyone's counts, in whatever shape Python programs have them, as a histogram of one screen. Pure.

Read are a mapping of ``(x, y)`` to a count; points as ``(xs, ys)``, ``(xs, ys, weights)``, (N, 2) and (N, 3) arrays,
and tuples in a list; a table with columns x, y and perhaps count; and an (H, W) array, alone or as the only value of a
mapping. Positions are pixels, y down; a fraction belongs to the pixel it lies in.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

import numpy as np

from mousetrackd.core.columns import roles_of
from mousetrackd.core.counts import COUNT_MAX, Counts
from mousetrackd.core.errors import UsageError
from mousetrackd.core.monitors import size_problem
from mousetrackd.core.wording import shown

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers: TypeAlias = NDArray[Any]

FULL_HD: Final = (1920, 1080)
"""The screen of points that come without one, in px."""

_EXACT_UP_TO: Final = 2.0**53
"""Sums of whole numbers are exact in double precision up to here."""
_BITS: Final = 62
"""Numbers that are not whole are multiplied by a power of two so large that their sum has so many bits: an int64."""
_POWER_MAX: Final = 1000
_THINNEST_PX: Final = 3
"""No array so narrow is taken for a screen, unless its size is named: it is far more often a list of points."""


class Dots(NamedTuple):
    """Counts of one screen.

    per_unit: how many counts are one of what was given: 1, or a power of two where it was not whole numbers. outside:
    how many of the given points lie outside the screen, and are not in ``counts``; note says so, and where they are.
    """

    counts: Counts
    per_unit: float
    outside: int = 0
    note: str = ""


def read(data: object, size: tuple[int, int] | None = None) -> Dots:
    """The counts that ``data`` holds.

    size: the screen's width and height in px. Where it is None, an array is a screen of its own shape, and points are
    on one of ``FULL_HD``. An array of another shape is spread evenly over a screen of this size.
    Raises UsageError for what cannot be counts: other shapes and types, NaN, infinite and negative numbers, positions
    from 0 to 1, no point inside the screen.
    """
    if size is not None:
        size = checked_size(size)
    if isinstance(data, str | bytes) or hasattr(data, "__fspath__"):
        raise UsageError(f"expected counts, got the name {str(data)[:60]!r}", "Read a file with mousetrackd.load.")
    names = _column_names(data)
    if names:
        return _of_table(data, names, size)
    if hasattr(data, "to_dict") and getattr(data, "ndim", 1) == 1:  # a pandas Series: df.groupby(["x", "y"]).size()
        data = data.to_dict()
    if isinstance(data, Mapping):
        return _of_mapping(data, size)
    if isinstance(data, tuple):
        return _of_points(data, size)
    if not hasattr(data, "__array__") and isinstance(data, Iterable):
        data = [*data]
        if all(isinstance(point, tuple) for point in data):
            return _of_points(_turned(data), size)
    return _of_array(_numbers(data, "the array"), size)


def _column_names(data: object) -> list[object]:
    """The names of a table's columns: of a data frame, a structured array, a mapping of names; else none."""
    if isinstance(data, Mapping):
        return [*data] if all(isinstance(key, str) for key in data) else []
    named = getattr(data, "columns", None)
    if named is None:
        named = getattr(getattr(data, "dtype", None), "names", None)
    return [] if named is None else [*named]


def checked_size(size: object, name: str = "size") -> tuple[int, int]:
    """Width and height in px of a screen. Raises UsageError."""
    try:
        width_px, height_px = map(operator.index, size)  # type: ignore[call-overload]  # the rest is refused
    except (TypeError, ValueError) as error:
        raise UsageError(f"{name}: expected (width, height) in px, got {shown(size)}") from error
    problem = size_problem(width_px, height_px)
    if problem:
        raise UsageError(f"{name}: {problem}", "Give (width, height) in px, like (1920, 1080).")
    return width_px, height_px


def _of_mapping(data: Mapping[Any, Any], size: tuple[int, int] | None) -> Dots:
    for key in data:
        if not isinstance(key, tuple) or len(key) != 2:
            raise UsageError(f"expected keys (x, y), got {shown(key)}", "Like {(640, 480): 3}.")
    return _of_points(([x for x, _ in data], [y for _, y in data], [*data.values()]), size)


def _of_table(data: Any, names: list[object], size: tuple[int, int] | None) -> Dots:
    roles = roles_of([str(name) for name in names])
    if "x" not in roles or "y" not in roles:
        if len(names) == 1 and isinstance(data, Mapping) and np.ndim(data[names[0]]) == 2:
            return _of_array(_numbers(data[names[0]], "the array"), size)
        hint = "Name them x, y and, where each row is not one, count."
        if isinstance(data, Mapping) and any(np.ndim(value) == 2 for value in data.values()):
            hint = f"A heatmap is of one screen: give one of the arrays, like found[{shown(names[0])}]."
        raise UsageError(f"expected columns x and y, got {', '.join(map(str, names[:9]))[:80]}", hint)
    chosen = [names[roles[role]] for role in ("x", "y", "count") if role in roles]
    return _of_points(tuple(data[name] for name in chosen), size)


def _turned(points: list[tuple[Any, ...]]) -> tuple[Any, ...]:
    """From (x, y) and so on of each point to all x, all y and so on."""
    for point in points:
        if len(point) != len(points[0]):
            raise UsageError(f"expected points of one kind, got {shown(points[0])} and {shown(point)}")
    return tuple(zip(*points, strict=True)) or ((), ())


def _of_points(columns: tuple[Any, ...], size: tuple[int, int] | None) -> Dots:
    """columns: x, y and, where there is one, the count."""
    if len(columns) not in (2, 3):
        raise UsageError(f"expected (xs, ys) or (xs, ys, weights), got {len(columns)} parts")
    width_px, height_px = size or FULL_HD
    columns = tuple(_numbers(column, name) for name, column in zip(("x", "y", "count"), columns, strict=False))
    if any(column.shape != columns[0].shape or column.ndim != 1 for column in columns):
        shapes = ", ".join(str(column.shape) for column in columns)
        raise UsageError(f"x, y and count have different lengths, or are no lists: {shapes}")
    x, y = columns[:2]
    for name, column in zip(("x", "y"), (x, y), strict=True):
        if not np.isfinite(column).all():
            found = np.count_nonzero(~np.isfinite(column))
            raise UsageError(
                f"{found} of {column.size} points have no position: {name} is not finite", "Leave them out."
            )
    weight = _checked(columns[2]) if len(columns) == 3 else None
    _refuse_shares(x, y)
    inside = (x >= 0) & (x < width_px) & (y >= 0) & (y < height_px)
    outside = x.size - int(np.count_nonzero(inside))
    note = ""
    if outside:
        where = f"x is from {x.min():.9g} to {x.max():.9g}, y from {y.min():.9g} to {y.max():.9g}"
        note = f"{outside} of {x.size} points lie outside {width_px}x{height_px} and are left out: {where}"
    if outside and outside == x.size:
        raise UsageError(
            f"none of the points lies inside {width_px}x{height_px}: {where}",
            "Give the screen's size: size=(width, height).",
        )
    row, column = (np.floor(part[inside]).astype(np.int64) for part in (y, x))
    return Dots(
        *_histogram(width_px, height_px, row * width_px + column, None if weight is None else weight[inside]),
        outside,
        note,
    )


def _refuse_shares(x: Numbers, y: Numbers) -> None:
    """Raises UsageError for positions from 0 to 1, which would all be in one corner."""
    both = np.concatenate([x, y])
    if both.size and both.min() >= 0 and both.max() <= 1 and (both != np.floor(both)).any():
        raise UsageError("the positions are from 0 to 1, and should be pixels", "Multiply them by the size.")


def _of_array(array: Numbers, size: tuple[int, int] | None) -> Dots:
    if array.ndim != 2:
        raise UsageError(
            f"expected an array (height, width), got the shape {array.shape}",
            "For points give (xs, ys), or an array (N, 2) or (N, 3) with size=(width, height).",
        )
    rows, cols = array.shape
    if size is not None and cols in (2, 3) and size != (cols, rows):
        return _of_points(tuple(array.T), size)
    if size is None and min(rows, cols) <= _THINNEST_PX:
        raise UsageError(
            f"an array of the shape {array.shape} is hardly a screen",
            "For points give (xs, ys), or name the screen: size=(width, height).",
        )
    array = _checked(array)
    if size is None:
        size = checked_size((cols, rows))
    elif size != (cols, rows):
        array = _spread(array, size)
    index = np.flatnonzero(array)
    return Dots(*_histogram(*size, index, array.reshape(-1)[index]))


def _spread(cells: Numbers, size: tuple[int, int]) -> Numbers:
    """Each cell's count evenly over the pixels it covers on a screen of this size. Raises UsageError."""
    (rows, cols), (width_px, height_px) = cells.shape, size
    if rows > height_px or cols > width_px or not cells.size:
        raise UsageError(f"an array of the shape {cells.shape} does not fit {width_px}x{height_px}")
    if rows * height_px == cols * width_px and rows != cols:
        raise UsageError(
            f"an array of the shape {cells.shape} looks transposed for {width_px}x{height_px}",
            "y comes first. numpy.histogram2d(xs, ys) has x first: give its transpose, .T",
        )
    row = np.arange(height_px) * rows // height_px
    col = np.arange(width_px) * cols // width_px
    share = 1.0 / (np.bincount(row)[:, None] * np.bincount(col))
    return np.asarray((cells * share)[row][:, col])


def _numbers(values: object, what: str) -> Numbers:
    """An array of numbers. Raises UsageError."""
    if hasattr(values, "filled"):
        raise UsageError(f"{what} is a masked array", "Say what is masked: for nothing counted there, .filled(0)")
    try:
        array = np.asarray(values)
        if array.dtype.kind == "O":  # whole numbers beyond int64 stay objects; pandas has columns of them
            array = np.array(array.tolist())
    except (TypeError, ValueError) as error:
        raise UsageError(f"{what}: expected numbers, got {shown(values)}") from error
    if array.size == 0 and array.dtype.kind not in "biuf":
        return array.astype(np.float64)
    if array.dtype.kind not in "biuf":
        odd = next((one for one in array.ravel().tolist() if not isinstance(one, int | float)), array.dtype)
        raise UsageError(f"{what}: expected numbers, got {shown(odd)}")
    return array


def _checked(counts: Numbers) -> Numbers:
    """Raises UsageError unless each is a number from 0 up."""
    for problem, are in (("not a finite number", ~np.isfinite(counts)), ("negative", counts < 0)):
        bad = int(np.count_nonzero(are))
        if bad:
            first = counts[are].reshape(-1)[0]
            raise UsageError(
                f"{bad} of {counts.size} counts {'is' if bad == 1 else 'are'} {problem}, the first is {first:g}",
                "A count is a number from 0 up: correct them, or leave them out.",
            )
    return counts


def _histogram(width_px: int, height_px: int, index: NDArray[np.int64], weight: Numbers | None) -> tuple[Counts, float]:
    """The sums per pixel, and how many of its counts are one of ``weight``.

    Whole numbers stay as they are. Others are multiplied by a power of two and rounded, each by at most 2^-61 of the
    sum of all.
    """
    if weight is None:
        return Counts.from_pixels(width_px, height_px, index), 1.0
    if weight.dtype.kind in "bi" or (weight.dtype.kind == "u" and (not weight.size or weight.max() <= COUNT_MAX)):
        return Counts.from_pixels(width_px, height_px, index, weight.astype(np.int64)), 1.0
    pixels, place = np.unique(index, return_inverse=True)
    sums = np.bincount(place, weights=weight.astype(np.float64), minlength=pixels.size)
    with np.errstate(over="ignore"):  # what overflows is refused
        total = float(sums.sum())
    if not math.isfinite(total):
        raise UsageError("the counts are too large to be added")
    if total < _EXACT_UP_TO and bool((sums == np.floor(sums)).all()):
        return Counts.from_pixels(width_px, height_px, pixels, sums.astype(np.int64)), 1.0
    power = min(_BITS - math.frexp(total)[1], _POWER_MAX)
    whole = np.rint(np.ldexp(sums, power)).astype(np.int64)
    whole[(whole == 0) & (sums > 0)] = 1  # nothing that was counted vanishes
    return Counts.from_pixels(width_px, height_px, pixels, whole), math.ldexp(1, power)
