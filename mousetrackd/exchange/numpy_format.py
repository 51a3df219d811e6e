"""NumPy: an (H, W) array for each screen in an archive (npz), or one array (npy)."""

from __future__ import annotations

import io
import math
import re
import tokenize
import warnings
import zipfile
from typing import IO, TYPE_CHECKING, Any, Final

import numpy as np

from mousetrackd.core.columns import roles_of
from mousetrackd.core.monitors import clean_name
from mousetrackd.exchange.grid import counts_of_grid, counts_of_points, is_points
from mousetrackd.exchange.points import Points
from mousetrackd.exchange.reading import FileCounts
from mousetrackd.exchange.table import LABEL, SCREENS_MAX, check_size, only_layer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from mousetrackd.exchange.reading import Options
    from mousetrackd.exchange.table import Table
    from mousetrackd.system.content import Content

_HEAD_MAX_BYTES = 65536
ARRAY_MAX_BYTES: Final = 1024**3
_ROWS_OF_POINTS_FROM: Final = 16
"""Two or three rows of more numbers are no screen."""


def write(tables: Mapping[str, Table], _unit: str = "") -> bytes:
    """An archive with an array for each screen, named by its label. Raises UsageError for several layers."""
    table = only_layer(tables, ".npz")[1]
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for monitor, counts in table.items():  # not savez, which has parameters of its own that a name could be
            with archive.open(f"{_member(monitor.label)}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, counts.dense(), allow_pickle=False)
    return file.getvalue()


_UNSAFE = re.compile(r"[%/\\:\0]|\.(?=\.)|(?<=\.)\.|^\.")
_ESCAPED = re.compile("%(25|2F|5C|3A|00|2E)")


def _member(label: str) -> str:
    """A label as the name of a file in an archive: wherever it is unpacked, it stays in its folder."""
    return _UNSAFE.sub(lambda match: f"%{ord(match[0]):02X}", label)


def _label(member: str) -> str:
    return _ESCAPED.sub(lambda match: chr(int(match[1], 16)), member)


def recognises(head: bytes) -> bool:
    """An archive or an array of NumPy."""
    return head.startswith((b"PK\3\4", b"PK\5\6", b"\x93NUMPY"))


def read(content: Content, options: Options) -> FileCounts:
    """An archive of arrays named by their screens, or one array. (H, W), y down, or (N, 2) or (N, 3) points."""
    if content.head.startswith(b"PK"):
        return _read_archive(content, options)
    array = read_array("the array", content.file, content.size_bytes)
    return _counts_of(array, options, "the array", "")


def _read_archive(content: Content, options: Options) -> FileCounts:
    """Each member that is an array of counts; x and y as arrays of their own are points. Others are left out."""
    table: Table = {}
    lists: dict[str, NDArray[Any]] = {}
    problems: list[str] = []
    notes: list[str] = []
    with zipfile.ZipFile(content.file) as archive:
        for member in _members(archive):
            name = _label(member.filename.removesuffix(".npy"))
            what = f'array "{clean_name(name)}"'
            try:
                with archive.open(member) as file:
                    array = read_array(what, file, member.file_size)
                if array.ndim == 1 and not array.dtype.names:
                    lists[name] = array
                    continue
                found = _counts_of(array, options, what, name)
            except ValueError as error:
                if LABEL.fullmatch(name):
                    raise
                problems.append(str(error))
                continue
            twice = next((screen.label for screen in found.counts if screen in table), "")
            if twice:
                raise ValueError(f"two arrays in it are of {twice}")
            table |= found.counts
            notes += found.notes
    roles = roles_of([*lists])
    if not table and {"x", "y"} <= roles.keys():
        return _counts_of_lists([*lists.values()], roles, options, [*lists])
    problems += [f'array "{clean_name(name)}" has one dimension' for name in lists]
    if problems and not table:
        raise ValueError(problems[0])
    notes += [f"left out: {problem}" for problem in problems]
    return FileCounts(table, notes=tuple(notes))


def _members(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    members = archive.infolist()
    if len(members) > SCREENS_MAX:
        raise ValueError(f"there are more than {SCREENS_MAX} arrays in it")
    if any(member.filename == "[Content_Types].xml" for member in members):
        raise ValueError("it looks like a spreadsheet or a document: save its table as CSV")
    return members


def _counts_of_lists(
    arrays: Sequence[NDArray[Any]], roles: Mapping[str, int], options: Options, names: Sequence[str]
) -> FileCounts:
    """Counts of points whose x, y and perhaps count and time are arrays of their own."""
    columns = {role: arrays[place] for role, place in roles.items()}
    sizes = {column.size for column in columns.values()}
    if len(sizes) > 1:
        raise ValueError(f"its arrays of x and y have different lengths: {', '.join(map(str, sorted(sizes)))}")
    points = Points(options, time_name=names[roles["time"]] if "time" in roles else "")
    points.add(
        columns["x"], columns["y"], columns.get("count"), lambda number: f"row {number}", time=columns.get("time")
    )
    return points.finish()


def _counts_of(array: NDArray[Any], options: Options, what: str, name: str) -> FileCounts:
    """Counts of an array: named fields, points, or a grid."""
    if array.dtype.names:
        names = array.dtype.names
        roles = roles_of(names)
        if not {"x", "y"} <= roles.keys():
            raise ValueError(f"{what}: there is no x or y among its fields {', '.join(names)[:100]}")
        return _counts_of_lists([array[field].ravel() for field in names], roles, options, names)
    if array.ndim != 2 or 0 in array.shape:
        raise ValueError(f"{what}: expected the shape (height, width), got {str(array.shape)[:40]}")
    if not LABEL.fullmatch(name) and options.size != array.shape[::-1]:
        turned = array.T if options.transpose else array
        if is_points(turned, options):
            return counts_of_points(turned, options, what, name)
        if array.shape[0] in (2, 3) and array.shape[1] > _ROWS_OF_POINTS_FROM and options.size is None:
            raise ValueError(f"{what} has the shape {array.shape}: if its rows are x and y, give --transpose")
    return counts_of_grid(array, options, what, name)


def read_array(what: str, file: IO[bytes], size_bytes: int | None) -> NDArray[Any]:
    """One array in NumPy's format (NEP 1). Its header is looked at before anything of what it announces is read."""
    head = _HeadReader(file)
    try:
        version = np.lib.format.read_magic(head)
        read_header = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}[
            version
        ]
        with warnings.catch_warnings(action="ignore"):  # about files of Python 2, which are read all the same
            shape, is_fortran, kind = read_header(head)
    except (ValueError, KeyError, SyntaxError, TypeError, UnicodeError, tokenize.TokenError) as error:
        raise ValueError(f"{what} is damaged, or no NumPy file of plain numbers") from error
    kinds = [kind[name] for name in kind.names] if kind.names else [kind]
    if any(one.kind not in "biuf" or one.itemsize > 16 for one in kinds):
        raise ValueError(f"{what}: expected numbers, got {str(kind)[:40]}")
    if len(shape) not in (1, 2) or 0 in shape:
        raise ValueError(f"{what}: expected the shape (height, width), got {str(shape)[:40]}")
    if len(shape) == 2 and min(shape) > 3:
        check_size(shape[1], shape[0], what)
    expected = math.prod(shape) * kind.itemsize
    if expected > ARRAY_MAX_BYTES:
        raise ValueError(f"{what} is larger than {ARRAY_MAX_BYTES // 1024**2} MB")
    if size_bytes is not None and size_bytes - head.taken != expected:
        raise ValueError(f"{what}: its header announces {expected} bytes, and {size_bytes - head.taken} follow")
    data = file.read(expected)
    if len(data) != expected:
        raise ValueError(f"{what} ends too early")
    return np.frombuffer(data, kind).reshape(shape, order="F" if is_fortran else "C")


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
