"""Counts as files that other programs read and write: CSV, JSON, npz and npy."""

from __future__ import annotations

import array
import csv
import io
import json
import os
import re
import zipfile
import zlib
from collections import defaultdict
from typing import IO, TYPE_CHECKING, Any, BinaryIO, Final

import numpy as np

from mousetrackd.core.counts import COUNT_MAX, Counts
from mousetrackd.core.errors import MousetrackError, UsageError
from mousetrackd.core.monitors import Monitor, clean_name, size_problem
from mousetrackd.system.input_files import bounded_lines, open_regular

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

COLUMNS: Final = ("monitor", "x", "y", "count")
_LABEL = re.compile(
    r"(?P<output>.+?)@(?P<width>[0-9]{1,5})x(?P<height>[0-9]{1,5})(?:#(?P<edid>[0-9a-f]{8}))?", re.DOTALL
)
_PAIR = re.compile(r"\(?\s*(-?\d+)\s*,\s*(-?\d+)\s*\)?")

_SCREENS_MAX = 256
"""So many screens are in one file at most; a store gathers one for each screen and resolution of many years."""
_JSON_MAX_BYTES = 256 * 1024**2
_HEAD_MAX_BYTES = 65536

Table = dict[Monitor, Counts]
"""Counts of one layer, by screen."""

_Row = tuple[str, tuple[object, object, object], str]


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
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for monitor, counts in table.items():  # not savez, which has parameters of its own that a name could be
                with archive.open(f"{_member(monitor.label)}.npy", "w", force_zip64=True) as member:
                    np.lib.format.write_array(member, counts.dense(), allow_pickle=False)
        return file.getvalue()
    raise UsageError(f'cannot export to ".{ending}"', "Give a file name that ends in .csv, .json or .npz.")


_UNSAFE = re.compile(r"[%/\\:\0]|\.(?=\.)|(?<=\.)\.|^\.")
_ESCAPED = re.compile("%(25|2F|5C|3A|00|2E)")


def _member(label: str) -> str:
    """A label as the name of a file in an archive: wherever it is unpacked, it stays in its folder."""
    return _UNSAFE.sub(lambda match: f"%{ord(match[0]):02X}", label)


def _label(member: str) -> str:
    return _ESCAPED.sub(lambda match: chr(int(match[1], 16)), member)


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
    with open_regular(path) as raw, io.TextIOWrapper(raw, encoding="utf-8-sig", newline="") as file:
        rows = csv.DictReader(bounded_lines(file))
        missing = [name for name in COLUMNS[1:] if name not in (rows.fieldnames or ())]
        if missing:
            raise ValueError(f"its first line should name the columns {','.join(COLUMNS)}; there is no {missing[0]}")
        found = (
            (row.get("monitor") or "", (row["x"], row["y"], row["count"]), f"line {rows.line_num}") for row in rows
        )
        return _table(found, output, size)


def _load_json(path: Path, output: str, size: tuple[int, int] | None) -> Table:
    with open_regular(path) as file:
        text = file.read(_JSON_MAX_BYTES + 1)
    if len(text) > _JSON_MAX_BYTES:
        raise ValueError(f"it is larger than {_JSON_MAX_BYTES // 1024**2} MB: use CSV or npz for so much")
    if b"[" in text or text.count(b"{") > 1:  # nothing is nested, and what is takes far more memory than bytes
        raise ValueError('expected {"x,y": count, ...}, with no list or other object inside')
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f'it is not JSON, like {{"640,480": 3}}: {error}') from error
    del text
    if not isinstance(content, dict):
        raise ValueError('expected {"x,y": count, ...}')  # noqa: TRY004 - it becomes a sentence like the others
    return _table(_pairs(content), output, size)


def _pairs(content: dict[str, object]) -> Iterator[_Row]:
    for key, count in content.items():
        pair = _PAIR.fullmatch(key)
        if pair is None:
            raise ValueError(f'expected keys like "640,480", got "{key[:40]}"')
        yield "", (pair[1], pair[2], count), f'key "{key[:40]}"'


def _table(rows: Iterable[_Row], output: str, size: tuple[int, int] | None) -> Table:
    """Counts from rows of (label, (x, y, count), where it stands)."""
    monitors: dict[str, Monitor] = {}
    index: dict[Monitor, array.array[int]] = defaultdict(lambda: array.array("q"))
    weight: dict[Monitor, array.array[int]] = defaultdict(lambda: array.array("q"))
    for label, values, where in rows:
        if label not in monitors:
            if len(monitors) == _SCREENS_MAX:
                raise ValueError(f"{where}: there are more than {_SCREENS_MAX} screens")
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


def _load_arrays(path: Path, output: str, size: tuple[int, int] | None) -> Table:
    with open_regular(path) as file:
        is_archive = file.read(4) in (b"PK\3\4", b"PK\5\6")
        file.seek(0)
        if is_archive:
            return _load_archive(file, output, size)
        screen, counts = _load_array("", file, os.fstat(file.fileno()).st_size, output, size)
        return {screen: counts} if counts.pixels else {}


def _load_archive(file: BinaryIO, output: str, size: tuple[int, int] | None) -> Table:
    table: Table = {}
    with zipfile.ZipFile(file) as archive:
        members = archive.infolist()
        if len(members) > _SCREENS_MAX:
            raise ValueError(f"there are more than {_SCREENS_MAX} arrays in it")
        for member in members:
            name = _label(member.filename.removesuffix(".npy"))
            with archive.open(member) as content:
                screen, counts = _load_array(name, content, member.file_size, output, size)
            if screen in table:
                raise ValueError(f"two arrays in it are of {screen.label}")
            table[screen] = counts
    return table


def _load_array(
    name: str, file: IO[bytes], size_bytes: int, output: str, size: tuple[int, int] | None
) -> tuple[Monitor, Counts]:
    """One array in NumPy's format (NEP 1). Its header is looked at before anything of what it announces is read."""
    what = f'array "{clean_name(name)}"' if name else "the array"
    head = _HeadReader(file)
    try:
        version = np.lib.format.read_magic(head)
        read_header = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}[
            version
        ]
        shape, is_fortran, kind = read_header(head)
    except (ValueError, KeyError, SyntaxError, TypeError, UnicodeError) as error:
        raise ValueError(f"{what} is damaged, or no NumPy file of plain numbers") from error
    if kind.kind not in "biuf" or kind.itemsize > 16:
        raise ValueError(f"{what}: expected numbers, got {str(kind)[:40]}")
    if len(shape) != 2 or 0 in shape:
        raise ValueError(f"{what}: expected the shape (height, width), got {str(shape)[:40]}")
    _check_size(shape[1], shape[0], what)
    expected = shape[0] * shape[1] * kind.itemsize
    if size_bytes - head.taken != expected:
        raise ValueError(f"{what}: its header announces {expected} bytes, and {size_bytes - head.taken} follow")
    content = file.read(expected)
    if len(content) != expected:
        raise ValueError(f"{what} ends too early")
    numbers = np.frombuffer(content, kind).reshape(shape, order="F" if is_fortran else "C")
    return _of_array(name, what, numbers, output, size)


class _HeadReader:
    """Gives NumPy a header and no more than one takes, and counts the bytes."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.taken = 0

    def read(self, count: int = -1, /) -> bytes:
        """As a file's."""
        if count < 0 or self.taken + count > _HEAD_MAX_BYTES:
            raise ValueError("a header is shorter")
        data = self._file.read(count)
        self.taken += len(data)
        return data


def _of_array(
    name: str, what: str, array: np.ndarray[Any, Any], output: str, size: tuple[int, int] | None
) -> tuple[Monitor, Counts]:
    if array.dtype.kind == "f" and not bool((np.isfinite(array) & (array == np.floor(array))).all()):
        raise ValueError(f"{what}: counts are whole numbers, and some of these are not")
    if int(array.min()) < 0 or int(array.max()) > COUNT_MAX:
        raise ValueError(f"{what}: a count is from 0 to {COUNT_MAX}")
    height_px, width_px = array.shape
    match = _LABEL.fullmatch(name)
    monitor = monitor_of(name, output, None) if match else Monitor(clean_name(name or output), width_px, height_px)
    if (monitor.width_px, monitor.height_px) != (width_px, height_px) or (size and size != (width_px, height_px)):
        raise ValueError(f"{what}: its shape {array.shape} does not fit the screen's size")
    return monitor, Counts.from_dense(array.astype(np.int64))
