"""The bytes of a page's blocks. Pure.

A block is deflated without a header, and base64 in the page. Numbers are split by significance into planes of bytes,
the lowest first, so that the many zero bytes lie side by side. ``web/data.js`` decodes it.

Cells: four uint32 (entries E, cells C of them all, planes of a difference D, planes of a count P), then for each entry
its day since the sum's first (1 byte), its hour (1 byte), its number of cells (3 planes); then for each cell the
difference of its number to the one before in its entry (D planes), its count (P planes), and its place (1 byte).

Columns: a uint32 (rows R), then for each column its number of planes (1 byte); then all planes, column by column.
"""

from __future__ import annotations

import base64
import zlib
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from mousetrackd.core.cells import Cells

    Numbers: TypeAlias = NDArray[np.unsignedinteger[Any]]

DAY_ONLY: Final = 24
"""The hour of an entry whose day is known, and its hour is not."""
_SIZE_PLANES: Final = 3
_LEVEL: Final = 6
_NONE: Final = np.empty(0, np.uint32)


class Entry(NamedTuple):
    """The cells of one hour. day: since the first of its block, 0 to 255. hour: 0 to 23, or ``DAY_ONLY``."""

    day: int
    hour: int
    cells: Cells


class CellsBlock:
    """Takes the entries of a block one after the other, in about 9 bytes a cell."""

    def __init__(self) -> None:
        self._when: list[tuple[int, int]] = []
        self._differences: list[Numbers] = []
        self._counts: list[Numbers] = []
        self._places: list[NDArray[np.uint8]] = []

    def add(self, entry: Entry) -> None:
        """Append an hour."""
        index, count = entry.cells.index, entry.cells.count
        differences = index.astype(np.uint32)
        np.subtract(index[1:], index[:-1], out=differences[1:], casting="unsafe")
        is_small = not count.size or int(count.max()) < 1 << 32
        self._when.append((entry.day, entry.hour))
        self._differences.append(differences)
        self._counts.append(count.astype(np.uint32 if is_small else np.uint64))
        self._places.append(entry.cells.place)

    def encode(self) -> bytes:
        """The block's bytes, not deflated."""
        sizes = np.array([place.size for place in self._places], np.int64)
        differences, counts = (_planes(np.concatenate([_NONE, *one])) for one in (self._differences, self._counts))
        return b"".join(
            [
                np.array([sizes.size, int(sizes.sum()), len(differences), len(counts)], "<u4").tobytes(),
                bytes(day for day, _ in self._when),
                bytes(hour for _, hour in self._when),
                *((sizes >> 8 * nth & 0xFF).astype(np.uint8).tobytes() for nth in range(_SIZE_PLANES)),
                *differences,
                *counts,
                *(place.tobytes() for place in self._places),
            ]
        )


def _planes(numbers: Numbers) -> list[bytes]:
    """The bytes of numbers from 0 up, the lowest first; the highest, where they are all 0, are left out."""
    wide = max((int(numbers.max()).bit_length() + 7) // 8, 1) if numbers.size else 1
    return [(numbers >> numbers.dtype.type(8 * nth)).astype(np.uint8).tobytes() for nth in range(wide)]


def columns(values: Sequence[Sequence[int]]) -> bytes:
    """Columns of whole numbers from 0 up, all of one length, not deflated."""
    planes = [_planes(np.array(column, np.uint64)) for column in values]
    return b"".join(
        [
            np.array([len(values[0])], "<u4").tobytes(),
            bytes(len(of_column) for of_column in planes),
            *(plane for of_column in planes for plane in of_column),
        ]
    )


def packed(block: bytes, *, is_long: bool = False) -> bytes:
    """Deflated, and as base64.

    is_long: it is of many hours, whose low bytes look random and whose high ones are equal. Then only runs of equal
    bytes are sought: that takes a tenth of the time, and finds 2 % more than a search for all that is repeated.
    """
    deflate = zlib.compressobj(
        _LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS, zlib.DEF_MEM_LEVEL, zlib.Z_RLE if is_long else zlib.Z_DEFAULT_STRATEGY
    )
    return base64.b64encode(deflate.compress(block) + deflate.flush())
