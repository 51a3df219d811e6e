"""A layer as other programs have it: counts by screen, from rows and from labels."""

from __future__ import annotations

import array
import re
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from mousetrackd.core.counts import COUNT_MAX, Counts
from mousetrackd.core.monitors import Monitor, clean_name, size_problem

if TYPE_CHECKING:
    from collections.abc import Iterable

LABEL = re.compile(
    r"(?P<output>.+?)@(?P<width>[0-9]{1,5})x(?P<height>[0-9]{1,5})(?:#(?P<edid>[0-9a-f]{8}))?", re.DOTALL
)

SCREENS_MAX = 256
"""So many screens are in one file at most; a store gathers one for each screen and resolution of many years."""

Table = dict[Monitor, Counts]
"""Counts of one layer, by screen."""


class Row(NamedTuple):
    """One count of a file. values: x, y and the count, of any type. where: its place in the file, for errors."""

    label: str
    values: tuple[object, object, object]
    where: str


def monitor_of(label: str, output: str, size: tuple[int, int] | None) -> Monitor:
    """The monitor of a label like ``DP-1@1920x1080``; else of ``label`` or ``output`` and ``size``.

    Raises ValueError when the size is not known.
    """
    match = LABEL.fullmatch(label)
    if match:
        width_px, height_px = int(match["width"]), int(match["height"])
        check_size(width_px, height_px, label)
        return Monitor(clean_name(match["output"]), width_px, height_px, match["edid"] or "")
    if size is None:
        raise ValueError("the file does not contain the screen's size: give it with --size, like --size 1920x1080")
    return Monitor(clean_name(label or output), *size)


def check_size(width_px: int, height_px: int, where: str) -> None:
    """Raises ValueError, with ``where``, for a size that no screen has."""
    problem = size_problem(width_px, height_px)
    if problem:
        raise ValueError(f"{where}: {problem}")


def of_rows(rows: Iterable[Row], output: str, size: tuple[int, int] | None) -> Table:
    """Counts from rows: equal pixels add up. Raises ValueError that names the row."""
    monitors: dict[str, Monitor] = {}
    index: dict[Monitor, array.array[int]] = defaultdict(lambda: array.array("q"))
    weight: dict[Monitor, array.array[int]] = defaultdict(lambda: array.array("q"))
    for label, values, where in rows:
        if label not in monitors:
            if len(monitors) == SCREENS_MAX:
                raise ValueError(f"{where}: there are more than {SCREENS_MAX} screens")
            monitors[label] = monitor_of(label, output, size)
        monitor = monitors[label]
        x, y, count = (_whole(value, where) for value in values)
        if not (0 <= x < monitor.width_px and 0 <= y < monitor.height_px):
            raise ValueError(f"{where}: {x},{y} lies outside the {monitor.width_px}x{monitor.height_px} screen")
        if not 0 <= count <= COUNT_MAX:
            raise ValueError(f"{where}: a count is from 0 to {COUNT_MAX}, got {count}")
        index[monitor].append(y * monitor.width_px + x)
        weight[monitor].append(count)
    return {
        monitor: Counts.from_pixels(
            monitor.width_px,
            monitor.height_px,
            np.frombuffer(index[monitor], np.int64),
            np.frombuffer(weight[monitor], np.int64),
        )
        for monitor in index
    }


def _whole(value: object, where: str) -> int:
    if isinstance(value, str) and re.fullmatch(r"\s*-?[0-9]{1,19}\s*", value):
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1 << 64:
        return value
    got = "too few columns" if value is None else _cut(value)
    raise ValueError(f"{where}: expected whole numbers, got {got}")


def _cut(value: object) -> str:
    text = repr(value) if not isinstance(value, int) else "a number of many digits"
    return text[:40]
