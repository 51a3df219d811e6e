"""Counts as files that other programs read and write: CSV, JSON, npz and npy."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
import zlib
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from mousetrackd.counts import COUNT_MAX, Counts
from mousetrackd.errors import MousetrackError, UsageError
from mousetrackd.layout import Monitor, clean_name, size_problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

COLUMNS: Final = ("monitor", "x", "y", "count")
_LABEL = re.compile(
    r"(?P<output>.+?)@(?P<width>[0-9]{1,5})x(?P<height>[0-9]{1,5})(?:#(?P<edid>[0-9a-f]{8}))?", re.DOTALL
)
_PAIR = re.compile(r"\(?\s*(-?\d+)\s*,\s*(-?\d+)\s*\)?")

Table = dict[Monitor, Counts]
"""Counts of one layer, by screen."""


def dump(table: Mapping[Monitor, Counts], ending: str) -> bytes:
    """A layer as the content of a file whose name ends in ``ending``: csv, json or npz.

    csv: ``monitor,x,y,count`` rows. json: ``{"x,y": count}`` of one screen. npz: an (H, W) array per screen,
    named by its label. Nothing counted gives an empty table. Raises UsageError for another ending, or for
    json of several screens.
    """
    if ending == "csv":
        return _dump_csv(table)
    if ending == "json":
        return _dump_json(table)
    if ending == "npz":
        file = io.BytesIO()
        arrays: dict[str, Any] = {monitor.label: counts.dense() for monitor, counts in table.items()}
        np.savez_compressed(file, **arrays)
        return file.getvalue()
    raise UsageError(f'cannot export to ".{ending}"', "Give a file name that ends in .csv, .json or .npz.")


def _dump_csv(table: Mapping[Monitor, Counts]) -> bytes:
    file = io.StringIO(newline="")
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    for monitor, counts in table.items():
        y, x = np.divmod(counts.index, monitor.width_px)
        label = [monitor.label] * counts.index.size
        writer.writerows(zip(label, x.tolist(), y.tolist(), counts.count.tolist(), strict=True))
    return file.getvalue().encode()


def _dump_json(table: Mapping[Monitor, Counts]) -> bytes:
    if len(table) > 1:
        labels = ", ".join(monitor.label for monitor in table)
        raise UsageError(
            f"JSON holds one screen, and there are {len(table)}: {labels}",
            "Choose one with --monitor, or export to .csv or .npz.",
        )
    pairs: dict[str, int] = {}
    for monitor, counts in table.items():
        y, x = np.divmod(counts.index, monitor.width_px)
        pairs = {f"{a},{b}": n for a, b, n in zip(x.tolist(), y.tolist(), counts.count.tolist(), strict=True)}
    return json.dumps(pairs).encode()


def load(path: Path, output: str, size: tuple[int, int] | None) -> Table:
    """Read a file that ``dump`` wrote, or anyone's counts of that form; .npy is one (H, W) array.

    output: what the screen is called where the file does not say. size: its width and height in px, needed
    where the file does not tell. Raises MousetrackError saying what is wrong with which line or key.
    """
    readers = {".csv": _load_csv, ".json": _load_json, ".npz": _load_arrays, ".npy": _load_arrays}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise UsageError(f'cannot import "{path}"', "Give a file whose name ends in .csv, .json, .npz or .npy.")
    try:
        return reader(path, output, size)
    except OSError as error:
        raise MousetrackError(f"cannot read {path}: {error.strerror or error}", "Nothing was imported.") from error
    except (
        ValueError,
        csv.Error,
        zipfile.BadZipFile,
        MemoryError,
        EOFError,
        RuntimeError,
        zlib.error,
        OverflowError,
    ) as error:
        raise MousetrackError(
            f"{path}: {str(error).splitlines()[0] if str(error) else type(error).__name__}",
            "Nothing was imported.",
        ) from error


def monitor_of(label: str, output: str, size: tuple[int, int] | None) -> Monitor:
    """The monitor of a label like ``DP-1@1920x1080``; else of ``label`` or ``output`` and ``size``.

    Raises ValueError when the size is not known.
    """
    match = _LABEL.fullmatch(label)
    if match:
        width_px, height_px = int(match["width"]), int(match["height"])
        _check_size(width_px, height_px, label)
        return Monitor(clean_name(match["output"]), width_px, height_px, match["edid"] or "")
    if size is None:
        raise ValueError("the file does not tell the screen's size: give it with --size, like --size 1920x1080")
    return Monitor(clean_name(label or output), *size)


def _check_size(width_px: int, height_px: int, where: str) -> None:
    problem = size_problem(width_px, height_px)
    if problem:
        raise ValueError(f"{where}: {problem}")


def _load_csv(path: Path, output: str, size: tuple[int, int] | None) -> Table:
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.DictReader(file)
        missing = [name for name in COLUMNS[1:] if name not in (rows.fieldnames or ())]
        if missing:
            raise ValueError(f"its first line should name the columns {','.join(COLUMNS)}; there is no {missing[0]}")
        found = (
            (row.get("monitor") or "", (row["x"], row["y"], row["count"]), f"line {rows.line_num}") for row in rows
        )
        return _table(found, output, size)


def _load_json(path: Path, output: str, size: tuple[int, int] | None) -> Table:
    try:
        content = json.loads(path.read_bytes())
    except json.JSONDecodeError as error:
        raise ValueError(f'it is not JSON, like {{"640,480": 3}}: {error}') from error
    if not isinstance(content, dict):
        raise ValueError('expected {"x,y": count, ...}')  # noqa: TRY004 - it becomes a sentence like the others
    found: list[tuple[str, tuple[object, object, object], str]] = []
    for key, count in content.items():
        pair = _PAIR.fullmatch(key)
        if pair is None:
            raise ValueError(f'expected keys like "640,480", got "{key[:40]}"')
        found.append(("", (pair[1], pair[2], count), f'key "{key}"'))
    if not found:
        return {}
    return _table(found, output, size)


def _table(
    rows: Iterable[tuple[str, tuple[object, object, object], str]], output: str, size: tuple[int, int] | None
) -> Table:
    """Counts from rows of (label, (x, y, count), where it stands)."""
    monitors: dict[str, Monitor] = {}
    index: dict[Monitor, list[int]] = defaultdict(list)
    weight: dict[Monitor, list[int]] = defaultdict(list)
    for label, values, where in rows:
        if label not in monitors:
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
            np.array(index[monitor], np.int64),
            np.array(weight[monitor], np.int64),
        )
        for monitor in index
    }


def _whole(value: object, where: str) -> int:
    if isinstance(value, str) and re.fullmatch(r"\s*-?\d{1,19}\s*", value):
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    got = "too few columns" if value is None else f"{value!r:.40}"
    raise ValueError(f"{where}: expected whole numbers, got {got}")


def _load_arrays(path: Path, output: str, size: tuple[int, int] | None) -> Table:
    try:
        loaded = np.load(path, allow_pickle=False)
    except ValueError as error:  # whatever it does not know it takes for a pickle, and tells how to load that unsafely
        raise ValueError("it is damaged, or no NumPy file of plain numbers") from error
    if isinstance(loaded, np.ndarray):
        return {monitor: counts for monitor, counts in [_of_array("", loaded, output, size)] if counts.index.size}
    with loaded as arrays:
        return dict(_of_array(name, arrays[name], output, size) for name in arrays.files)


def _of_array(
    name: str, array: np.ndarray[Any, Any], output: str, size: tuple[int, int] | None
) -> tuple[Monitor, Counts]:
    what = f'array "{name}"' if name else "the array"
    if not isinstance(array, np.ndarray):
        raise ValueError(f"{what} is no array")  # noqa: TRY004 - it becomes a sentence like the others
    if array.ndim != 2 or array.size == 0:
        raise ValueError(f"{what}: expected the shape (height, width), got {array.shape}")
    if array.dtype.kind not in "biuf":
        raise ValueError(f"{what}: expected numbers, got {array.dtype}")
    if array.dtype.kind == "f" and not bool((np.isfinite(array) & (array == np.floor(array))).all()):
        raise ValueError(f"{what}: counts are whole numbers, and some of these are not")
    if int(array.min()) < 0 or int(array.max()) > COUNT_MAX:
        raise ValueError(f"{what}: a count is from 0 to {COUNT_MAX}")
    height_px, width_px = array.shape
    _check_size(width_px, height_px, what)
    match = _LABEL.fullmatch(name)
    monitor = monitor_of(name, output, None) if match else Monitor(clean_name(name or output), width_px, height_px)
    if (monitor.width_px, monitor.height_px) != (width_px, height_px) or (size and size != (width_px, height_px)):
        raise ValueError(f"{what}: its shape {array.shape} does not fit the screen's size")
    return monitor, Counts.from_dense(array.astype(np.int64))
