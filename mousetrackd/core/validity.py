"""The ranges that our own writers keep: a number of a file that lies outside them is damage.

Whoever takes numbers out of a store, a journal or a file of our own asks here, so that reading, checking, rescuing and
writing agree. Sizes and names of monitors are ``layout``'s. Pure.
"""

from __future__ import annotations

from typing import Final

from mousetrackd.core.layers import LAYERS
from mousetrackd.core.monitors import DESKTOP_MAX_PX, MONITORS_MAX

DAY_S: Final = 86400
TIME_MIN_S: Final = -366 * DAY_S
"""Counts of January 1970, of a computer without a clock, may be rolled up into a local year that began before."""
TIME_MAX_S: Final = 9_999_999_999
"""The year 2286. No moment that is counted at is later."""
SPAN_MAX_S: Final = 400 * DAY_S
"""Longer than a year, the longest stretch that counts are rolled up into."""
IMPORTED_HOUR_S: Final = 3599
"""What an imported hour spans in the store, until the next roll-up takes it into the hour: a second less than what is
rolled up, so that a rescue does not take it for the sum of the chunks that lie in it."""
COUNT_MAX: Final = (1 << 63) - 1
PATH_MAX_PX: Final = 10**15
"""No pointer goes so far in a year: a million pixels each millisecond."""
APPLICATION_MAX: Final = 256
"""The longest name of an application, in characters."""
GRID_MAX: Final = 256
"""Heat relative to a window is counted in at most so many by so many equal parts of it."""
CELL_MAX_PX: Final = 255
"""The largest cell: a place in it is one byte a side."""
CELL_SHARE: Final = 0.015
"""The side of a cell, as a share of the shorter side of the screen: 16 px of 1080, 32 px of 2160. Here, because a
configuration is checked without numpy, which ``cells`` needs."""
UNIT_MAX: Final = 32
"""The longest unit of imported counts, in characters."""
LEFT_OUT_MAX: Final = 1_000_000
"""How long the text of what a sum leaves out may be, in characters."""


def is_between(least: int, value: object, most: int) -> bool:
    """Is it a whole number in this range? True and False are none."""
    return type(value) is int and least <= value <= most


def is_time(moment_s: object) -> bool:
    """Can something have been counted at this moment (UTC seconds)?"""
    return is_between(TIME_MIN_S, moment_s, TIME_MAX_S)


def is_span(span_s: object) -> bool:
    """Can counts be of a stretch of so many seconds?"""
    return is_between(1, span_s, SPAN_MAX_S)


def is_chunk(start_s: object, span_s: object, layer: object, total: object) -> bool:
    """Can a chunk say this of itself?"""
    return is_time(start_s) and is_span(span_s) and layer in LAYERS and is_between(0, total, COUNT_MAX)


def is_part(application: object, grid: object) -> bool:
    """Can a chunk be of this application, and counted on such a grid?"""
    return isinstance(application, str) and len(application) <= APPLICATION_MAX and is_between(0, grid, GRID_MAX)


def plain_name(name: str) -> str:
    """The name of an application as it is compared and stored: casefolded, printable, short, without ".desktop"."""
    shown = "".join(letter for letter in name.strip() if letter.isprintable()).casefold()
    return shown.removesuffix(".desktop")[:APPLICATION_MAX]


def is_path(start_s: object, span_s: object, length_px: object) -> bool:
    """Can a path be of this time and length?"""
    return is_time(start_s) and is_span(span_s) and is_between(0, length_px, PATH_MAX_PX)


def is_placement(since_s: object, desktop_x: object, desktop_y: object) -> bool:
    """Can a monitor have stood there since then?"""
    return is_time(since_s) and all(
        is_between(-DESKTOP_MAX_PX, side, DESKTOP_MAX_PX) for side in (desktop_x, desktop_y)
    )


def is_sum(first_s: object, last_s: object, left_out: object) -> bool:
    """Can a sum say this of itself?"""
    return (
        is_time(first_s)
        and is_between(TIME_MIN_S, last_s, TIME_MAX_S + SPAN_MAX_S)
        and isinstance(left_out, str)
        and len(left_out) <= LEFT_OUT_MAX
    )


def stretch(start_s: int, end_s: int) -> tuple[int, int]:
    """Start and span of what is counted from one moment to another, made possible whatever the clock says."""
    start_s = min(max(start_s, TIME_MIN_S), TIME_MAX_S)
    return start_s, min(max(end_s - start_s, 1), SPAN_MAX_S)


def _whole(column: str, least: int, most: int) -> str:
    return f"typeof({column}) = 'integer' AND {column} BETWEEN {least} AND {most}"


_START = _whole("start_s", TIME_MIN_S, TIME_MAX_S)
_SPAN = _whole("span_s", 1, SPAN_MAX_S)
_SCREEN = "monitor IN (SELECT id FROM monitor)"
_LAYERS = ", ".join(f"'{layer}'" for layer in LAYERS)

_SERIES = (
    _SCREEN,
    f"layer IN ({_LAYERS})",
    f"length(application) <= {APPLICATION_MAX}",
    _whole("grid", 0, GRID_MAX),
)

POSSIBLE: Final = {
    "chunk": (_START, _SPAN, *_SERIES, _whole("total", 0, COUNT_MAX)),
    "unit": (_SCREEN, f"layer IN ({_LAYERS})", f"length(unit) BETWEEN 1 AND {UNIT_MAX}"),
    "identity": ("length(id) BETWEEN 1 AND 64", "is_own IN (0, 1)"),
    "path": (_START, _SPAN, _SCREEN, _whole("length_px", 0, PATH_MAX_PX)),
    "placement": (
        _whole("since_s", TIME_MIN_S, TIME_MAX_S),
        _SCREEN,
        *(_whole(side, -DESKTOP_MAX_PX, DESKTOP_MAX_PX) for side in ("desktop_x", "desktop_y")),
        f"since_s IN (SELECT since_s FROM placement GROUP BY since_s HAVING count(*) <= {MONITORS_MAX})",  # noqa: S608 - ours
    ),
}
"""The same ranges as SQL: what holds for every row of a table of the store."""

POSSIBLE_HOURS: Final = {
    "hour": (_START, "chunk IN (SELECT id FROM chunk)", *_SERIES, _whole("total", 0, COUNT_MAX)),
    "cells": ("hour IN (SELECT id FROM hour)", _whole("cell_px", 1, CELL_MAX_PX)),
}
"""As ``POSSIBLE``, of the tables that have a row for every hour of many years: whoever reads one looks at that one."""
