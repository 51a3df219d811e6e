"""Tables of text: a row for each pixel or point, or a grid of counts; see ``text_table`` for how they are written."""

from __future__ import annotations

import csv
import io
import itertools
import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from mousetrackd.core.columns import kind_of, roles_of, roles_of_numbers
from mousetrackd.core.counts import COUNT_MAX, Counts
from mousetrackd.core.events import Kind
from mousetrackd.core.layers import CLICK_LAYERS, SCROLL
from mousetrackd.core.timestamps import written_s
from mousetrackd.exchange.grid import GRID_FROM, counts_of_grid
from mousetrackd.exchange.points import Points
from mousetrackd.exchange.table import check_size
from mousetrackd.system.text_table import SEPARATOR_NAMES, TextTable, encoding_of, is_number

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from mousetrackd.core.monitors import Monitor
    from mousetrackd.exchange.reading import FileCounts, Options
    from mousetrackd.exchange.table import Table
    from mousetrackd.system.content import Content
    from mousetrackd.system.text_table import Block


_MISSING: Final = ("", "nan", "na", "n/a", "null", "none")
"""How tables write that there is no value, as of eyes that blink."""

_KINDS: Final[Mapping[str, Kind]] = {
    **dict(zip(CLICK_LAYERS, (Kind.LEFT, Kind.MIDDLE, Kind.RIGHT, Kind.OTHER), strict=True)),
    SCROLL: Kind.SCROLL,
}


def write(tables: Mapping[str, Table], _unit: str = "") -> bytes:
    """``monitor,x,y,count`` rows; of several layers, a column for each by its name."""
    file = io.StringIO(newline="")
    writer = csv.writer(file, lineterminator="\n")
    names, parts = columns_of(tables)
    writer.writerow(["monitor", *names])
    for monitor, columns in parts:
        writer.writerows(zip(itertools.repeat(monitor.label), *(column.tolist() for column in columns)))
    return file.getvalue().encode()


def columns_of(tables: Mapping[str, Table]) -> tuple[list[str], list[tuple[Monitor, list[NDArray[np.int64]]]]]:
    """The names of the columns, x, y and counts; and these of each monitor, a row for each pixel that has a count."""
    names = ["x", "y", *(tables if len(tables) > 1 else ("count",))]
    parts: list[tuple[Monitor, list[NDArray[np.int64]]]] = []
    for monitor in dict.fromkeys(monitor for table in tables.values() for monitor in table):
        nothing = Counts.empty(monitor.width_px, monitor.height_px)
        layers = [table.get(monitor, nothing) for table in tables.values()]
        index = layers[0].index if len(layers) == 1 else Counts.merge(layers).index
        y, x = np.divmod(index, monitor.width_px)
        columns = [x, y]
        for counts in layers:
            column = np.zeros(index.size, np.int64)
            column[np.searchsorted(index, counts.index)] = counts.count
            columns.append(column)
        parts.append((monitor, columns))
    return names, parts


def recognises(_head: bytes) -> bool:
    """Whatever is nothing else is tried as a table."""
    return True


def read(content: Content, options: Options) -> FileCounts:
    """A table, of points where two of its columns are x and y, else a grid. Raises ValueError."""
    table = TextTable(content.file, encoding_of(content.head), options.columns)
    try:
        return _read(table, options)
    finally:
        table.close()


def _read(table: TextTable, options: Options) -> FileCounts:
    if not table.first_row and not table.names:
        raise ValueError("it is empty")
    if not table.names and table.width >= GRID_FROM and all(map(is_number, table.first_row)):
        return counts_of_grid(_grid(table), options, "the table")
    notes: list[str] = []
    roles = roles_of(table.names) if table.names else _roles_without_names(table, notes)
    missing = [role for role in ("x", "y") if role not in roles]
    if missing:
        raise ValueError(_unknown_columns(table, missing))
    return _PointReader(table, with_layer(roles, table.names, options.layer), options, notes).read()


def with_layer(roles: dict[str, int], names: Sequence[str], layer: str) -> dict[str, int]:
    """The roles, with the column of counts that is named as the layer, where there is one."""
    return {**roles, "count": [*names].index(layer)} if layer in names else roles


def _unknown_columns(table: TextTable, missing: list[str]) -> str:
    if max(table.width, len(table.names)) < 2:
        shown = (table.names or tuple(table.first_row))[0][:40]
        return f'it is no table: its first line is "{shown}", which no comma, semicolon, tab or space separates'
    shown = ", ".join(table.names or table.first_row)[:200]
    what = "columns" if table.names else "first row"
    return (
        f"there is no column {' or '.join(missing)}; separated by {SEPARATOR_NAMES[table.separator]}, its {what}:"
        f" {shown}. Name them in their order, like --columns x,y,count"
    )


def _roles_without_names(table: TextTable, notes: list[str]) -> dict[str, int]:
    """What the columns of a table without a header are."""
    fields = table.first_row
    numbers = [number for number, field in enumerate(fields) if is_number(field)]
    if len(fields) == 4 and numbers == [1, 2, 3]:
        return {"monitor": 0, "x": 1, "y": 2, "count": 3}
    if len(numbers) != len(fields):
        return {"time": 0, "x": 1, "y": 2} if numbers == [1, 2] and written_s(fields[0]) is not None else {}
    if len(fields) == 2:
        return {"x": 0, "y": 1}
    if len(fields) != 3:
        return {}
    roles, sentence = roles_of_numbers(table.sample(range(3)))
    if sentence:
        notes.append(sentence)
    return roles


class _PointReader:
    """Reads a table of points, block by block: plain numbers by numpy, anything else row by row."""

    def __init__(self, table: TextTable, roles: dict[str, int], options: Options, notes: list[str]) -> None:
        self._table = table
        self._roles = roles
        self._options = options
        self._notes = notes
        self._time = roles.get("time")
        self._count = roles.get("count")
        if self._time is not None and self._count == self._time:
            self._count = None
        names = table.names
        self._points = Points(options, time_name=names[self._time] if names and self._time is not None else "")
        self._has_kinds = "state" in roles
        self._kind = _KINDS.get(options.layer) if self._has_kinds and "button" in roles else None
        self._last = (0.0, 0.0)
        self._columns = [roles["x"], roles["y"], *([] if self._count is None else [self._count])]

    def read(self) -> FileCounts:
        for block in self._table.blocks():
            if not self._add_plain(block):
                self._add_rows(block)
        found = self._points
        found.notes[:0] = self._notes
        return found.finish()

    def _add_plain(self, block: Block) -> bool:
        """Add a block whose columns are all numbers, and whose label is always the same. False where it is not so."""
        if self._has_kinds:
            return False
        label = ""
        if "monitor" in self._roles:
            separator = self._table.separator
            label = block.lines[0].partition(separator)[0] if separator else ""
            prefix = f"{label}{separator}"
            if self._roles["monitor"] != 0 or '"' in label or not separator or not label:
                return False
            if not all(line.startswith(prefix) for line in block.lines):
                return False
        columns = [*self._columns, *([] if self._time is None else [self._time])]
        found: NDArray[Any] | None = None
        if self._time is None:
            found = self._table.numbers(block, columns, np.int64)
        if found is None:
            found = self._table.numbers(block, columns, np.float64)
            if found is not None and self._count is not None and float(np.abs(found[:, 2]).max()) >= 2**53:
                found = None
        if found is None:
            return False
        self._points.add(
            found[:, 0],
            found[:, 1],
            None if self._count is None else found[:, 2],
            lambda number: f"line {block.numbers[number]}",
            label=label.strip(),
            time=None if self._time is None else found[:, -1],
        )
        return True

    def _add_rows(self, block: Block) -> None:
        rows: dict[str, list[tuple[float, float, int, float, int]]] = {}
        for number, line in zip(block.numbers, block.lines, strict=True):
            fields = self._table.split(line)
            kind = kind_of(self._field(fields, "button"), self._field(fields, "state")) if self._has_kinds else None
            where = f"line {number}"
            x, y = (_position(fields, column, where) for column in self._columns[:2])
            if kind == Kind.SCROLL and (x, y) == (0, 0):
                # The Balabit recorder notes no position with a wheel step: it is turned where the pointer is.
                x, y = self._last
            self._last = (x, y)
            if self._kind is not None and kind != self._kind:
                continue
            count = 1 if self._count is None else _whole(fields, self._count, where)
            time = 0.0 if self._time is None else _time(fields, self._time, where)
            rows.setdefault(self._field(fields, "monitor"), []).append((x, y, count, time, number))
        for label, found in rows.items():
            x_, y_, count_, time_, numbers = zip(*found, strict=True)
            self._points.add(
                np.array(x_, np.float64),
                np.array(y_, np.float64),
                None if self._count is None else np.array(count_, np.int64),
                lambda number, numbers=numbers: f"line {numbers[number]}",  # type: ignore[misc]
                label=label,
                time=None if self._time is None else np.array(time_, np.float64),
            )

    def _field(self, fields: Sequence[str], role: str) -> str:
        column = self._roles.get(role)
        return "" if column is None or column >= len(fields) else fields[column]


def _position(fields: Sequence[str], column: int, where: str) -> float:
    text = _cell(fields, column, where)
    value = _float(text)
    if not math.isfinite(value) and text.lower() not in _MISSING:
        raise ValueError(f"{where}: expected a position, got {_cut(text)}")
    return value


def _time(fields: Sequence[str], column: int, where: str) -> float:
    text = _cell(fields, column, where)
    value = _float(text)
    if math.isfinite(value):
        return value
    written = written_s(text)
    if written is None:
        raise ValueError(f"{where}: expected a time, got {_cut(text)}")
    return written


def _whole(fields: Sequence[str], column: int, where: str) -> int:
    """A count, exact however large. Raises ValueError for what is none."""
    text = _cell(fields, column, where)
    try:
        count = int(text) if len(text) < 25 else -1
    except ValueError:
        value = _float(text)
        if not math.isfinite(value):
            raise ValueError(f"{where}: expected a count, got {_cut(text)}") from None
        if not value.is_integer():
            raise ValueError(
                f"{where}: a count is a whole number, got {_cut(text)}: multiply them all first, as by 1000"
            ) from None
        count = int(value)
    if not 0 <= count <= COUNT_MAX:
        raise ValueError(f"{where}: a count is from 0 to {COUNT_MAX}, got {_cut(text)}")
    return count


def _cell(fields: Sequence[str], column: int, where: str) -> str:
    if column >= len(fields):
        raise ValueError(f"{where}: it has {len(fields)} columns, and {column + 1} are needed")
    return fields[column]


def _float(text: str) -> float:
    try:
        return float(text.replace(",", "."))
    except ValueError:
        return math.nan


def _cut(text: str) -> str:
    return repr(text if len(text) <= 40 else f"{text[:40]}...")


def _grid(table: TextTable) -> NDArray[Any]:
    """The rows of a grid of numbers. Raises ValueError that names the line."""
    parts: list[NDArray[Any]] = []
    taken = 0
    for block in table.blocks():
        found = table.numbers(block, None, np.float64)
        if found is None or found.shape[1] != table.width:
            for number, line in zip(block.numbers, block.lines, strict=True):
                fields = table.split(line)
                bad = next((field for field in fields if not is_number(field)), None)
                if bad is not None or len(fields) != table.width:
                    why = f"got {_cut(bad)}" if bad is not None else f"got {len(fields)}"
                    raise ValueError(f"line {number}: expected {table.width} numbers, {why}")
            raise ValueError(f"line {block.numbers[0]}: expected {table.width} numbers in each line")
        taken += found.size
        check_size(table.width, taken // table.width, "the table")
        if float(np.abs(found).max()) >= 2**53:
            raise ValueError(f"near line {block.numbers[0]}: a count is too large for a grid of text: use npz")
        parts.append(found)
    return np.concatenate(parts)
