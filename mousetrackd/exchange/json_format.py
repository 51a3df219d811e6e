"""JSON and Python literals: a count for each pair, points, records, or a grid."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from mousetrackd.core.columns import roles_of, roles_of_numbers
from mousetrackd.core.counts import COUNT_MAX
from mousetrackd.core.errors import UsageError
from mousetrackd.core.layers import LAYERS, UNITS
from mousetrackd.core.timestamps import written_s
from mousetrackd.core.wording import printable
from mousetrackd.exchange.grid import GRID_FROM, counts_of_grid
from mousetrackd.exchange.points import Points
from mousetrackd.exchange.table import only_layer

if TYPE_CHECKING:
    from mousetrackd.exchange.reading import FileCounts, Options
    from mousetrackd.exchange.table import Table
    from mousetrackd.system.content import Content

_SAMPLE: Final = 50
MAX_BYTES: Final = 128 * 1024**2
_NESTED_MAX: Final = 4_000_000
"""Lists and objects inside: each takes far more memory than bytes."""

_NUMBER: Final = r"[-+]?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?"
_PAIR: Final = re.compile(rf"[(\[]?\s*({_NUMBER})\s*[,;:_|x\s]\s*({_NUMBER})\s*,?\s*[)\]]?")
_WRAPPED: Final = re.compile(r"(?:np|numpy)\.\w+\(\s*([^()]*?)\s*\)")
_COMMENT: Final = re.compile(r"(?:^|[\s,\]}])(?://|/\*|#)", re.MULTILINE)
_LISTS: Final = ("data", "points", "events", "records", "moves", "clicks", "heatmap", "rows")
"""Where the list of points is in an object of other programs; heatmap.js has it in ``data``."""


def write(tables: Mapping[str, Table], unit: str = "") -> bytes:
    """``{"monitor": label, "layer": ..., "unit": ..., "counts": {"x,y": count}}`` of one screen.

    unit: empty is the layer's own. Raises UsageError for several screens or layers.
    """
    layer, table = only_layer(tables, ".json")
    if len(table) > 1:
        labels = ", ".join(monitor.label for monitor in table)
        raise UsageError(
            f"JSON holds one screen, and there are {len(table)}: {labels}",
            "Choose one with --monitor, or export to .csv or .npz.",
        )
    content: dict[str, object] = {"layer": layer, "unit": unit or UNITS[layer], "counts": {}}
    for monitor, counts in table.items():
        y, x = np.divmod(counts.index, monitor.width_px)
        pairs = {f"{a},{b}": n for a, b, n in zip(x.tolist(), y.tolist(), counts.count.tolist(), strict=True)}
        content = {"monitor": monitor.label, **content, "counts": pairs}
    return json.dumps(content).encode()


def recognises(head: bytes) -> bool:
    """It begins with a brace or a bracket, in whatever encoding."""
    return head.replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")[:1] in (b"{", b"[")


class Pairs(list[tuple[str, Any]]):
    """An object of JSON, with every key as often as it is there."""


def read(content: Content, options: Options) -> FileCounts:
    """Any of the forms above. Raises ValueError."""
    text = content.text(MAX_BYTES)
    if text.count("[") + text.count("{") > _NESTED_MAX:
        raise ValueError(f"it has more than {_NESTED_MAX:,} lists and objects inside: use CSV or npz for so much")
    return counts_of_value(parsed(text), options)


def parsed(text: str, what: str = 'it is not JSON, like {"640,480": 3}') -> Any:
    """The value of a JSON text, or a list of the values of its lines.

    Raises ValueError that begins with ``what``, and names the line and the column.
    """
    text = text.lstrip("\ufeff")
    try:
        return json.loads(text, object_pairs_hook=Pairs)
    except json.JSONDecodeError as error:
        lines = text.splitlines()
        if error.msg == "Extra data" and len(lines) > 1:
            return [_line(line, number, what) for number, line in enumerate(lines, 1) if line.strip()]
        raise ValueError(f"{what}: see line {error.lineno}, column {error.colno}{_hint(text)}") from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise ValueError("it is not JSON of counts: a number is too long, or its parts are nested too deep") from error


def _hint(text: str) -> str:
    """What to do where a line begins or ends with a comment."""
    return "; JSON has no comments, so remove them" if _COMMENT.search(text) else ""


def _line(line: str, number: int, what: str) -> Any:
    try:
        return json.loads(line, object_pairs_hook=Pairs)
    except json.JSONDecodeError as error:
        raise ValueError(f"{what}: see line {number}, column {error.colno}") from error
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{what}: see line {number}") from error


def counts_of_value(value: Any, options: Options) -> FileCounts:
    """Counts of a parsed value. Raises ValueError that names the key or the entry."""
    if isinstance(value, Pairs):
        return _of_object(value, options)
    if isinstance(value, list):
        return _of_list(value, options)
    raise ValueError('expected {"x,y": count, ...} or a list of points')


def _of_object(pairs: Pairs, options: Options) -> FileCounts:
    by_name = {key.lower(): value for key, value in pairs}
    for name in _LISTS:
        if isinstance(by_name.get(name), list):
            return _of_list(by_name[name], options)
    counts = by_name.get("counts")
    if isinstance(counts, Pairs):
        label, layer, unit = (_text(by_name.get(name)) for name in ("monitor", "layer", "unit"))
        return _of_pairs(counts, options, label, layer if layer in LAYERS else "", unit)
    roles = roles_of([key for key, _ in pairs])
    values = [value for _, value in pairs]
    if {"x", "y"} <= roles.keys() and all(isinstance(values[place], list) for place in roles.values()):
        return _of_columns({role: _column(values[place]) for role, place in roles.items()}, pairs, roles, options)
    if {"x", "y"} <= roles.keys():
        return _of_list([pairs], options)
    return _of_pairs(pairs, options)


def _column(value: list[Any]) -> list[Any]:
    """A column as pandas writes it: a list, or an object with a value for each row."""
    return [one for _, one in value] if isinstance(value, Pairs) else value


def _of_columns(columns: dict[str, list[Any]], pairs: Pairs, roles: dict[str, int], options: Options) -> FileCounts:
    sizes = {len(column) for column in columns.values()}
    if len(sizes) > 1:
        raise ValueError(f"its columns have different lengths: {', '.join(map(str, sorted(sizes)))}")
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    name = pairs[roles["time"]][0] if "time" in roles else ""
    return _of_records(rows, options, name)


def _text(value: object) -> str:
    return printable(value) if isinstance(value, str) else ""


def _of_pairs(pairs: Pairs, options: Options, label: str = "", layer: str = "", unit: str = "") -> FileCounts:
    found: list[tuple[float, float, int]] = []
    for key, value in pairs:
        pair = _PAIR.fullmatch(_WRAPPED.sub(r"\1", key.strip()))
        if pair is None:
            seen = ", ".join(name for name, _ in pairs[:8])
            raise ValueError(f'expected keys like "640,480", got "{key[:40]}"; its keys: {seen[:200]}')
        found.append((float(pair[1]), float(pair[2]), _count(value, _named(key))))
    points = Points(options)
    if found:
        x, y, count = zip(*found, strict=True)
        keys = [key for key, _ in pairs]
        points.add(
            np.array(x),
            np.array(y),
            np.array(count, np.int64),
            lambda number: _named(keys[number]),
            label=label,
        )
    return points.finish(unit=unit or UNITS.get(layer, ""), layer=layer)


def _named(key: str) -> str:
    return f'key "{" ".join(key.split())[:40]}"'


def _of_list(rows: list[Any], options: Options) -> FileCounts:
    if not rows:
        return Points(options).finish()
    if all(isinstance(row, Pairs) for row in rows):
        roles = roles_of([key for key, _ in rows[0]])
        if not {"x", "y"} <= roles.keys():
            seen = ", ".join(key for key, _ in rows[0])
            raise ValueError(f"there is no x or y in its records; their names: {seen[:200]}")
        names = {rows[0][place][0]: role for role, place in roles.items()}
        records = [{names[key]: value for key, value in row if key in names} for row in rows]
        return _of_records(records, options, next((name for name, role in names.items() if role == "time"), ""))
    if not all(isinstance(row, list) and not isinstance(row, Pairs) for row in rows):
        raise ValueError(f"expected a list of points like [640, 480], got {json.dumps(rows[0])[:60]} among them")
    if all(len(row) == 2 and isinstance(row[0], list) for row in rows):  # of Counter.items()
        rows = [[*row[0], row[1]] for row in rows]
    widths = {len(row) for row in rows}
    width = widths.pop() if len(widths) == 1 else 0
    if width >= GRID_FROM and width != len(options.columns):
        return counts_of_grid(_array(rows), options, "the grid")
    columns = options.columns if width == len(options.columns) else ()
    for number, row in enumerate(rows, 1):
        if len(row) not in (2, 3) and not columns:
            raise ValueError(f"entry {number}: expected [x, y] or [x, y, count], got {json.dumps(row)[:60]}")
    roles, sentence = roles_of(columns) if columns else {"x": 0, "y": 1, "count": 2}, ""
    if width == 3 and not columns and all(_is_number(value) for row in rows[:_SAMPLE] for value in row):
        roles, sentence = roles_of_numbers(np.array(rows[:_SAMPLE], np.float64))
    records = [{role: row[place] for role, place in roles.items() if place < len(row)} for row in rows]
    return _of_records(records, options, columns[roles["time"]] if columns and "time" in roles else "", sentence)


def _array(rows: list[list[Any]]) -> np.ndarray[Any, Any]:
    for number, row in enumerate(rows, 1):
        bad = next((value for value in row if not _is_number(value)), None)
        if bad is not None:
            raise ValueError(f"row {number} of the grid: expected numbers, got {json.dumps(bad)[:40]}")
    try:
        return np.array(rows, np.int64)
    except (TypeError, ValueError, OverflowError):
        return np.array(rows, np.float64)


def _of_records(rows: Sequence[Mapping[str, Any]], options: Options, time_name: str, note: str = "") -> FileCounts:
    points = Points(options, time_name=time_name)
    points.notes += [note] if note else []
    by_label: dict[str, list[tuple[float, float, int, float, int]]] = {}
    has_count = any("count" in row for row in rows)
    has_time = all("time" in row for row in rows)
    for number, row in enumerate(rows, 1):
        where = f"entry {number}"
        x, y = (_position(row, name, where) for name in ("x", "y"))
        count = _count(row.get("count", 1), where)
        time = _time(row["time"], where) if has_time else 0.0
        by_label.setdefault(str(row.get("monitor", "")), []).append((x, y, count, time, number))
    for label, found in by_label.items():
        x_, y_, count_, time_, numbers = zip(*found, strict=True)
        points.add(
            np.array(x_, np.float64),
            np.array(y_, np.float64),
            np.array(count_, np.int64) if has_count else None,
            lambda number, numbers=numbers: f"entry {numbers[number]}",  # type: ignore[misc]
            label=label,
            time=np.array(time_, np.float64) if has_time else None,
        )
    return points.finish()


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _position(row: Mapping[str, Any], name: str, where: str) -> float:
    value = row.get(name)
    if not _is_number(value) or abs(value) > 2**53:  # type: ignore[arg-type]
        raise ValueError(f"{where}: expected a number for {name}, got {json.dumps(value)[:40]}")
    return float(value)  # type: ignore[arg-type]


def _count(value: object, where: str) -> int:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        got = json.dumps(value)[:40]
        raise ValueError(f"{where}: expected a whole number as its count, got {got}")  # noqa: TRY004 - as the others
    if not 0 <= value <= COUNT_MAX:
        raise ValueError(f"{where}: a count is from 0 to {COUNT_MAX}")
    return value


def _time(value: object, where: str) -> float:
    if _is_number(value) and abs(value) < 2**63:  # type: ignore[arg-type]
        return float(value)  # type: ignore[arg-type]
    written = written_s(value) if isinstance(value, str) else None
    if written is None:
        raise ValueError(f"{where}: expected a time, got {json.dumps(value)[:40]}")
    return written
