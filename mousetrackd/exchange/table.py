"""A layer as other programs have it: counts by screen, and the labels of screens."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mousetrackd.core.counts import Counts
from mousetrackd.core.errors import UsageError
from mousetrackd.core.monitors import Monitor, clean_name, size_problem

if TYPE_CHECKING:
    from collections.abc import Mapping

LABEL = re.compile(
    r"(?P<output>.+?)@(?P<width>[0-9]{1,5})x(?P<height>[0-9]{1,5})(?:#(?P<edid>[0-9a-f]{8}))?", re.DOTALL
)

SCREENS_MAX = 256
"""So many screens are in one file at most; a store gathers one for each screen and resolution of many years."""

Table = dict[Monitor, Counts]
"""Counts of one layer, by screen."""


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


def only_layer(tables: Mapping[str, Table], ending: str) -> tuple[str, Table]:
    """The one layer that a format holds, and its counts. Raises UsageError for several."""
    if len(tables) > 1:
        raise UsageError(f"{ending} holds one layer", "Choose one with --layer, or export to .csv or .parquet.")
    ((layer, table),) = tables.items()
    return layer, table
