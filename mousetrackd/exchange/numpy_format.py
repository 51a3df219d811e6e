"""NumPy: an (H, W) array for each screen in an archive (npz), or one array (npy)."""

from __future__ import annotations

import io
import os
import re
import zipfile
from typing import IO, TYPE_CHECKING, Any, BinaryIO

import numpy as np

from mousetrackd.core.counts import COUNT_MAX, Counts
from mousetrackd.core.monitors import Monitor, clean_name
from mousetrackd.exchange.table import LABEL, SCREENS_MAX, check_size, monitor_of
from mousetrackd.system.input_files import open_regular

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mousetrackd.exchange.table import Table

_HEAD_MAX_BYTES = 65536


def write(table: Mapping[Monitor, Counts]) -> bytes:
    """An archive with an array for each screen, named by its label."""
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


def read(path: Path, output: str, size: tuple[int, int] | None) -> Table:
    """An archive of arrays named by their screens, or one array. (H, W), y down, of any kind of whole numbers."""
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
        if len(members) > SCREENS_MAX:
            raise ValueError(f"there are more than {SCREENS_MAX} arrays in it")
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
    check_size(shape[1], shape[0], what)
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
    match = LABEL.fullmatch(name)
    monitor = monitor_of(name, output, None) if match else Monitor(clean_name(name or output), width_px, height_px)
    if (monitor.width_px, monitor.height_px) != (width_px, height_px) or (size and size != (width_px, height_px)):
        raise ValueError(f"{what}: its shape {array.shape} does not fit the screen's size")
    return monitor, Counts.from_dense(array.astype(np.int64))
