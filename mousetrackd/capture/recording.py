"""Reading a recorded session: a table with a time, x and y, and perhaps button and state; plain or gzip.

The columns are those of the Balabit Mouse Dynamics Challenge (github.com/balabit/Mouse-Dynamics-Challenge), of
SapiMouse (times in milliseconds), or any with common names; ``x,y,t`` and ``t,x,y`` also without a header.
"""

from __future__ import annotations

import csv
import math
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from mousetrackd.core.columns import kind_of, roles_of, roles_of_numbers
from mousetrackd.core.errors import RecordingError
from mousetrackd.core.events import EVENT, Events, Kind
from mousetrackd.core.layout import Layout, ReportedMonitor, admit
from mousetrackd.core.monitors import SIDE_MAX_PX
from mousetrackd.core.timestamps import in_ms, written_s
from mousetrackd.system.content import opened
from mousetrackd.system.text_table import SEPARATOR_NAMES, TextTable, encoding_of, is_number

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from mousetrackd.system.text_table import Block

_OFF_SCREEN: Final = 65535
"""What the Balabit recorder wrote when it did not know the position."""

_COMMON_SIZES: Final = (
    *((1024, 768), (1280, 720), (1280, 800), (1366, 768), (1280, 1024), (1440, 900), (1600, 900), (1680, 1050)),
    *((1920, 1080), (1920, 1200), (2560, 1080), (2560, 1440), (2560, 1600), (3440, 1440), (3840, 1080)),
    *((3840, 1600), (3840, 2160), (5120, 1440), (5120, 2880), (1080, 1920), (1200, 1920), (1440, 2560), (2160, 3840)),
)
_NEARLY: Final = 0.9
"""Positions that cover so much of a common size, in both directions, are of a screen of that size."""

EVENTS_MAX: Final = 20_000_000
"""Weeks of moving without a pause; half a gigabyte of memory."""

_BALABIT: Final = frozenset({"record timestamp", "client timestamp"})
"""Both are in the header of the Balabit recorder alone, whose times are in seconds."""

_COLUMNS: Final = "Its columns should be: client timestamp, button, state, x, y; or x, y and t"


@dataclass(frozen=True)
class RecordingOptions:
    """How a recording is to be read, where it does not say so itself.

    time_unit: s, ms, us or ns; empty to find out. size: of the screen, in px; None to find out. columns: their names.
    """

    time_unit: str = ""
    size: tuple[int, int] | None = None
    columns: tuple[str, ...] = ()


class Recording(NamedTuple):
    """A recorded session. events: at least one, from time 0 on. notes: what was assumed, and what is not counted."""

    events: Events
    layout: Layout
    notes: tuple[str, ...]


class _Rows(NamedTuple):
    time: NDArray[np.float64]
    kind: NDArray[np.uint8]
    x: NDArray[np.int64]
    y: NDArray[np.int64]


def read_recording(path: Path, options: RecordingOptions | None = None, *, events_max: int = EVENTS_MAX) -> Recording:
    """Read a recording. Raises RecordingError that says which line is wrong."""
    options = options or RecordingOptions()
    notes: list[str] = []
    try:
        with opened(path) as content:
            table = TextTable(content.file, encoding_of(content.head), options.columns)
            try:
                rows, name, unit = _read(table, options, events_max, notes)
            finally:
                table.close()
        times = in_ms(rows.time, name, unit)
    except (OSError, EOFError, ValueError, csv.Error, zlib.error) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error).splitlines()[0]
        why = "it is damaged or cut short" if isinstance(error, EOFError | zlib.error) else why
        raise RecordingError(
            f"cannot read the recording {path}: {why}",
            "Check the file's name and content. Columns without names are named by --columns, like t,x,y.",
        ) from error
    if rows.x.size == 0:
        raise RecordingError(f"the recording {path} holds no events", _COLUMNS)
    if times.assumed:
        notes.append(times.assumed)
    events = np.empty(rows.x.size, EVENT)
    # A recorder's clock may jitter; time that runs backwards would be credited to nobody.
    time_ms = np.maximum.accumulate(times.ms)
    events["time_ms"] = time_ms - time_ms[0]
    events["kind"], events["x"], events["y"] = rows.kind, rows.x, rows.y
    layout = _layout_of(events, options.size, notes)
    if not layout.placements:
        raise RecordingError(f"no screen holds the positions of the recording {path}", *layout.left_out)
    return Recording(events, layout, tuple(notes))


def _read(table: TextTable, options: RecordingOptions, events_max: int, notes: list[str]) -> tuple[_Rows, str, str]:
    """The rows, the name of the column of times, and their unit where it is known. Raises ValueError."""
    roles = roles_of(table.names) if table.names else _roles_without_names(table, notes)
    missing = [role for role in ("time", "x", "y") if role not in roles]
    if missing:
        shown = ", ".join(table.names or table.first_row)[:200]
        raise ValueError(
            f"it has no column {', '.join(missing)}; separated by {SEPARATOR_NAMES[table.separator]}, its columns:"
            f" {shown}. {_COLUMNS}"
        )
    parts: list[_Rows] = []
    taken = 0
    last = (0, 0)
    for block in table.blocks():
        part = _plain(table, roles, block) or _row_by_row(table, roles, block, last)
        taken += part.x.size
        if taken > events_max:
            raise ValueError(f"it holds more than {events_max:,} events: split it")
        if part.x.size:
            last = (int(part.x[-1]), int(part.y[-1]))
            parts.append(part)
    rows = _Rows(*(np.concatenate(column) for column in zip(*parts, strict=True))) if parts else _nothing()
    name = table.names[roles["time"]] if table.names else ""
    balabit = {one.strip().lower() for one in table.names} >= _BALABIT
    return rows, name, options.time_unit or ("s" if balabit else "")


def _nothing() -> _Rows:
    return _Rows(np.empty(0), np.empty(0, np.uint8), np.empty(0, np.int64), np.empty(0, np.int64))


def _roles_without_names(table: TextTable, notes: list[str]) -> dict[str, int]:
    fields = table.first_row
    if len(fields) == 3 and not is_number(fields[0]) and written_s(fields[0]) is not None:
        return {"time": 0, "x": 1, "y": 2}
    roles, sentence = roles_of_numbers(table.sample(range(3))) if len(fields) == 3 else ({}, "")
    if sentence:
        notes.append(sentence)
    return roles


def _plain(table: TextTable, roles: dict[str, int], block: Block) -> _Rows | None:
    """Moves alone, all in numbers; None where the block is something else."""
    if "state" in roles or "button" in roles:
        return None
    found = table.numbers(block, [roles["time"], roles["x"], roles["y"]], np.float64)
    if found is None or not np.isfinite(found).all() or np.abs(found[:, 1:]).max() > _OFF_SCREEN or found.min() < 0:
        return None
    return _Rows(
        found[:, 0],
        np.full(len(found), Kind.MOVE, np.uint8),
        np.floor(found[:, 1]).astype(np.int64),
        np.floor(found[:, 2]).astype(np.int64),
    )


def _row_by_row(table: TextTable, roles: dict[str, int], block: Block, last: tuple[int, int]) -> _Rows:
    rows: list[tuple[float, int, int, int]] = []
    button, state = roles.get("button"), roles.get("state")
    for number, line in zip(block.numbers, block.lines, strict=True):
        fields = table.split(line)
        kind = Kind.MOVE if state is None else kind_of(_field(fields, button), _field(fields, state))
        if kind is None:
            continue
        time = _time(_field(fields, roles["time"]))
        x, y = (_position(_field(fields, roles[role])) for role in ("x", "y"))
        if x is None or y is None or not 0 <= time < 1e20:
            raise ValueError(
                f"line {number}: expected a time and a position, got {str(fields)[:200]}. Remove that line, or the file"
                " is not a recording"
            )
        if kind == Kind.SCROLL and (x, y) == (0, 0):
            # The Balabit recorder notes no position with a wheel step: it is turned where the pointer is.
            x, y = last
        last = (x, y)
        rows.append((time, kind, x, y))
    if not rows:
        return _nothing()
    time_, kind_, x_, y_ = zip(*rows, strict=True)
    return _Rows(np.array(time_), np.array(kind_, np.uint8), np.array(x_, np.int64), np.array(y_, np.int64))


def _field(fields: Sequence[str], column: int | None) -> str:
    return "" if column is None or column >= len(fields) else fields[column]


def _time(text: str) -> float:
    try:
        return float(text.replace(",", "."))
    except ValueError:
        written = written_s(text)
        return math.nan if written is None else written


def _position(text: str) -> int | None:
    """A pixel; of a position between pixels, the one it is in. None for what is no position."""
    try:
        value = float(text.replace(",", ".")) if len(text) < 40 else math.nan
    except ValueError:
        return None
    return math.floor(value) if abs(value) <= _OFF_SCREEN else None


def _layout_of(events: Events, size: tuple[int, int] | None, notes: list[str]) -> Layout:
    """One screen. Where it is not given it holds every position the recorder was sure of; its origin is the least."""
    x, y = events["x"], events["y"]
    known = (x < SIDE_MAX_PX) & (y < SIDE_MAX_PX) & (x > -SIDE_MAX_PX) & (y > -SIDE_MAX_PX)
    x, y = x[known], y[known]
    left, top = min(int(x.min(initial=0)), 0), min(int(y.min(initial=0)), 0)
    right, bottom = int(x.max(initial=left)) + 1, int(y.max(initial=top)) + 1
    if size is None:
        width_px, height_px = right - left, bottom - top
        common = [one for one in _COMMON_SIZES if _is_nearly(width_px, one[0]) and _is_nearly(height_px, one[1])]
        width_px, height_px = min(common, key=lambda one: one[0] * one[1], default=(width_px, height_px))
        notes.append(
            f"the recording's screen is taken as {width_px}x{height_px}, by its positions; --size says otherwise"
        )
    else:
        width_px, height_px = size
    if left or top:
        notes.append(f"the recording has negative positions: its screen begins at {left},{top}")
    layout, _ = admit([ReportedMonitor("replay", width_px, height_px, "", left, top)])
    x, y = events["x"], events["y"]
    outside = np.count_nonzero((x < left) | (y < top) | (x >= left + width_px) | (y >= top + height_px))
    if outside:
        notes.append(f"{outside:,} of {events.size:,} events lie outside the screen, and are not counted")
    return layout


def _is_nearly(covered_px: int, whole_px: int) -> bool:
    return _NEARLY * whole_px <= covered_px <= whole_px
