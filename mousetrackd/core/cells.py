"""Cells: counts of one screen on a coarse grid, each cell with its exact sum and its centre of mass. Pure.

A cell is kept as one count at the pixel of its centre of mass. So counts out of cells are counts as any others, their
sum is exact, and what is drawn of them hardly differs: moved to the middle of their cells, lone spots would.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from mousetrackd.core import planes
from mousetrackd.core.counts import COUNT_MAX, Counts
from mousetrackd.core.validity import CELL_MAX_PX, CELL_SHARE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_PLACES: Final = 16
"""A centre of mass is kept to a sixteenth of a cell in each direction, together one byte. To a pixel of 16."""
_HEADER: Final = struct.Struct("<BIBB")  # format, cells, bytes per delta, bytes per sum
_FORMAT: Final = 1
_WAITING_CELLS: Final = 1 << 17
"""So many cells are added up at once: those of an hour are too few for numpy to be quick. About 10 MB meanwhile."""
_ZLIB_LEVEL: Final = 9
"""Written once and kept permanently, a few thousand numbers at a time."""


@dataclass(frozen=True)
class Cells:
    """The cells of a screen that were counted, one row of cells after the other.

    index: (N,) int64, number of the cell, strictly rising. count: (N,) int64, its sum. place: (N,) uint8, the place of
    its centre of mass: sixteenths of the cell to the right * 16 + sixteenths down.
    """

    index: NDArray[np.int64]
    count: NDArray[np.int64]
    place: NDArray[np.uint8]


class CellPlanes(NamedTuple):
    """The cells of a screen, as they are kept before they are deflated: bytes of one kind side by side.

    rows: (D + P + 1, N) uint8: of the differences of their numbers, of their sums, each the lowest first; their places.
    of_deltas: D.
    """

    rows: NDArray[np.uint8]
    of_deltas: int

    @property
    def deltas(self) -> NDArray[np.uint8]:
        """(D, N), the first difference is the first cell's number."""
        return self.rows[: self.of_deltas]

    @property
    def counts(self) -> NDArray[np.uint8]:
        """(P, N)."""
        return self.rows[self.of_deltas : -1]


def cell_px(width_px: int, height_px: int) -> int:
    """How wide and high the cells of a screen are. Those at its right and lower edge may be smaller."""
    return min(max(round(min(width_px, height_px) * CELL_SHARE), 1), CELL_MAX_PX)


def binned(counts: Counts, side_px: int) -> Counts:
    """The sum of each cell, on a grid of a number for each cell. side_px: how wide and high a cell is."""
    cols, rows = grid(counts.width_px, counts.height_px, side_px)
    return Counts.from_pixels(cols, rows, number_of(counts, side_px), counts.count)


def gathered(counts: Counts, side_px: int) -> Counts:
    """The sum of each cell at its centre of mass, to the pixel or to a sixteenth of the cell."""
    if not counts.pixels:
        return counts
    y, x = np.divmod(counts.index, counts.width_px)
    sums = binned(counts, side_px)
    cell = y // side_px * sums.width_px + x // side_px
    nth = np.searchsorted(sums.index, cell)
    weight = counts.count.astype(np.float64)
    weights = np.bincount(nth, weight)
    row, col = np.divmod(sums.index, sums.width_px)
    centre_y, centre_x = (
        at * side_px + _pixel_of(_place_of(mean - at * side_px, side_px), at, side_px, length_px)
        for at, mean, length_px in (
            # A mean of whole numbers, rounded, lies between them: in the cell, and on the screen.
            (row, np.rint(np.bincount(nth, weight * y) / weights).astype(np.int64), counts.height_px),
            (col, np.rint(np.bincount(nth, weight * x) / weights).astype(np.int64), counts.width_px),
        )
    )
    return Counts.from_pixels(counts.width_px, counts.height_px, centre_y * counts.width_px + centre_x, sums.count)


class Gathering:
    """Adds counts of one screen up into cells, however many there are. Sums are floats, exact up to 2**53."""

    def __init__(self, size: tuple[int, int], side_px: int) -> None:
        """size: width and height of the screen, in px."""
        self.size = size
        self.side_px = side_px
        self._cols, rows = grid(*size, side_px)
        self._sums = np.zeros((3, rows * self._cols))
        self._waiting: list[Cells] = []
        self._waiting_cells = 0
        self._waiting_px = side_px

    def add_counts(self, counts: Counts) -> None:
        """Add counts of pixels of the screen."""
        y, x = np.divmod(counts.index, self.size[0])
        self._add(x, y, counts.count)

    def add(self, of: Cells, side_px: int) -> None:
        """Add cells of the screen that are ``side_px`` wide, each at its centre of mass."""
        if side_px != self._waiting_px or self._waiting_cells > _WAITING_CELLS:
            self._add_waiting()
        self._waiting.append(of)
        self._waiting_cells += of.index.size
        self._waiting_px = side_px

    def _add_waiting(self) -> None:
        if not self._waiting:
            return
        columns = zip(*((one.index, one.count, one.place) for one in self._waiting), strict=True)
        self._waiting, self._waiting_cells = [], 0
        of = Cells(*map(np.concatenate, columns))
        self._add(*centres(of, size=self.size, side_px=self._waiting_px), of.count)

    def _add(self, x: NDArray[np.int64], y: NDArray[np.int64], count: NDArray[np.int64]) -> None:
        # In place where it can be: a page of a year adds 65 million cells, and most of the time is memory's.
        cell = y // self.side_px
        cell *= self._cols
        cell += x // self.side_px
        weight = count.astype(np.float64)
        self._sums[0] += np.bincount(cell, weight, self._sums.shape[1])
        moment = np.empty_like(weight)
        for nth, at in ((1, x), (2, y)):
            np.multiply(weight, at, out=moment)
            self._sums[nth] += np.bincount(cell, moment, self._sums.shape[1])

    def cells(self) -> Cells:
        """The sum of all that was added."""
        self._add_waiting()
        index = np.flatnonzero(self._sums[0])
        count, of_x, of_y = self._sums[:, index]
        row, col = np.divmod(index, self._cols)
        in_x, in_y = (
            _place_of(np.rint(moment / count).astype(np.int64) - at * self.side_px, self.side_px)
            for at, moment in ((col, of_x), (row, of_y))
        )
        return Cells(index, _whole(count), (in_x * _PLACES + in_y).astype(np.uint8))


def _whole(count: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.minimum(count, np.nextafter(float(COUNT_MAX), 0)).astype(np.int64)


def _place_of(offset_px: NDArray[np.int64], side_px: int) -> NDArray[np.int64]:
    """In which sixteenth of its cell each pixel is, 0 to 15."""
    return offset_px * _PLACES // side_px


def _pixel_of(place: NDArray[np.int64], at: NDArray[np.int64], side_px: int, length_px: int) -> NDArray[np.int64]:
    """The middle pixel of each sixteenth. at: the number of the cell along a screen of ``length_px``."""
    first, after = -(-place * side_px // _PLACES), -(-(place + 1) * side_px // _PLACES)
    return np.asarray(np.minimum((first + after - 1) // 2, length_px - 1 - at * side_px), np.int64)


def split(counts: Counts, side_px: int) -> Cells:
    """``gathered`` counts as cells."""
    row, col = _cells_of(counts, side_px)
    cols, _ = grid(counts.width_px, counts.height_px, side_px)
    order = np.argsort(row * cols + col)
    row, col, index = row[order], col[order], counts.index[order]
    y, x = np.divmod(index, counts.width_px)
    places = _place_of(x - col * side_px, side_px) * _PLACES + _place_of(y - row * side_px, side_px)
    return Cells(row * cols + col, counts.count[order], places.astype(np.uint8))


def encode(counts: Counts, side_px: int) -> bytes:
    """``gathered`` counts as bytes: the sums as ``Counts.encode`` has them, then the place in each cell.

    Without its size, and without a checksum: who keeps it has both.
    """
    found = in_planes(split(counts, side_px))
    of_counts = len(found.rows) - found.of_deltas - 1
    header = _HEADER.pack(_FORMAT, found.rows.shape[1], found.of_deltas, of_counts)
    return header + planes.deflated(found.rows, _ZLIB_LEVEL, planes.RAW)


def in_planes(of: Cells) -> CellPlanes:
    """Cells as bytes."""
    deltas = np.diff(of.index, prepend=0)
    of_deltas, of_counts = (planes.bytes_of(int(values.max(initial=0))) for values in (deltas, of.count))
    rows = np.empty((of_deltas + of_counts + 1, of.index.size), np.uint8)
    planes.split(deltas, rows[:of_deltas])
    planes.split(of.count, rows[of_deltas:-1])
    rows[-1] = of.place
    return CellPlanes(rows, of_deltas)


def decode(data: bytes, *, size: tuple[int, int], side_px: int, total: int) -> Counts:
    """From ``encode``'s bytes. size, total: the width and height, and the sum, that they are to have.

    Raises ValueError when they are none, whatever they are.
    """
    return joined([unpacked(data, size=size, side_px=side_px, total=total)], size=size, side_px=side_px)


def unpacked(data: bytes, *, size: tuple[int, int], side_px: int, total: int) -> Cells:
    """As ``decode``, as cells."""
    return checked([inflated(data, size=size, side_px=side_px)], [total], size=size, side_px=side_px)


def inflated(data: bytes, *, size: tuple[int, int], side_px: int) -> CellPlanes:
    """``encode``'s bytes, inflated, and no more than their header and their length checked. Raises ValueError."""
    cols, rows = grid(*size, side_px)
    try:
        form, number, of_deltas, of_counts = _HEADER.unpack_from(data)
    except struct.error as error:
        raise ValueError(f"no encoded cells: {error}") from error
    if form != _FORMAT or number > cols * rows or of_deltas > planes.bytes_of(cols * rows) or of_counts > 8:
        raise ValueError("no encoded cells: their header makes no sense")
    if (number > 1 and not of_deltas) or (number and not of_counts):
        raise ValueError("no encoded cells: they have no sums")
    try:
        found = planes.inflated(memoryview(data)[_HEADER.size :], (of_deltas + of_counts + 1, number), planes.RAW)
    except ValueError as error:
        raise ValueError(f"no encoded cells: {error}") from error
    return CellPlanes(found, of_deltas)


def together(parts: Sequence[CellPlanes]) -> CellPlanes:
    """The cells of some parts, one part after the other; in as many planes as any has, and at least one of a kind."""
    of_deltas = max([1, *(part.of_deltas for part in parts)])
    of_counts = max([1, *(len(part.rows) - part.of_deltas - 1 for part in parts)])
    rows = np.zeros((of_deltas + of_counts + 1, sum(part.rows.shape[1] for part in parts)), np.uint8)
    at = 0
    for part in parts:
        here = slice(at, at + part.rows.shape[1])
        rows[: part.of_deltas, here] = part.deltas
        rows[of_deltas : of_deltas + len(part.counts), here] = part.counts
        rows[-1, here] = part.rows[-1]
        at = here.stop
    return CellPlanes(rows, of_deltas)


def checked(parts: Sequence[CellPlanes], totals: Sequence[int], *, size: tuple[int, int], side_px: int) -> Cells:
    """The cells of parts of one screen, the index of each rising, one part after the other.

    totals: what the sums of each are to be. Raises ValueError when they are others, or a cell is not on the screen.
    """
    whole = together(parts)
    deltas, count = planes.joined(whole.deltas), planes.joined(whole.counts)
    sizes = np.array([part.rows.shape[1] for part in parts], np.int64)
    ends = np.cumsum(sizes)
    begins = ends - sizes
    sums = np.concatenate([[0], np.cumsum(deltas)])
    cols, rows = grid(*size, side_px)
    repeats = deltas == 0
    repeats[begins[sizes > 0]] = False
    if (sums[ends] - sums[begins] >= cols * rows).any() or repeats.any() or (count <= 0).any():
        raise ValueError("no encoded cells: they do not fit their screen")
    for total, counted in zip(totals, _sums(count, begins, ends), strict=True):
        if min(counted, COUNT_MAX) != total:
            raise ValueError(f"its counts are {counted} in all, and should be {total}")
    return Cells(sums[1:] - np.repeat(sums[begins], sizes), count, whole.rows[-1])


def _sums(count: NDArray[np.int64], begins: NDArray[np.int64], ends: NDArray[np.int64]) -> list[int]:
    """Of each stretch, exact however large."""
    if not count.size or float(count.max()) * count.size < COUNT_MAX:
        sums = np.concatenate([[0], np.cumsum(count)])
        return list(map(int, sums[ends] - sums[begins]))
    return [sum(count[begin:end].tolist()) for begin, end in zip(begins, ends, strict=True)]


def joined(parts: Sequence[Cells], *, size: tuple[int, int], side_px: int) -> Counts:
    """The sum of cells of one screen, each at its centre of mass. size: its width and height."""
    places = [centres(part, size=size, side_px=side_px) for part in parts]
    index = np.concatenate([y * size[0] + x for x, y in places])
    return Counts.from_pixels(*size, index, np.concatenate([part.count for part in parts]))


def centres(of: Cells, *, size: tuple[int, int], side_px: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The pixel of each cell's centre of mass: x and y, each (N,). size: width and height of the screen."""
    width_px, height_px = size
    cols, _ = grid(width_px, height_px, side_px)
    row = of.index // cols
    col = row * -cols
    col += of.index
    col *= _PLACES
    col += of.place // _PLACES
    row *= _PLACES
    row += of.place % _PLACES
    return _middles(width_px, side_px)[col], _middles(height_px, side_px)[row]


@lru_cache(maxsize=16)
def _middles(length_px: int, side_px: int) -> NDArray[np.int64]:
    """The pixel of each place of each cell along a screen, one cell after the other."""
    at, place = np.divmod(np.arange(-(-length_px // side_px) * _PLACES), _PLACES)
    return at * side_px + _pixel_of(place, at, side_px, length_px)


def number_of(counts: Counts, side_px: int) -> NDArray[np.int64]:
    """(N,), the number of the cell in which each pixel of ``counts.index`` lies."""
    row, col = _cells_of(counts, side_px)
    return row * grid(counts.width_px, counts.height_px, side_px)[0] + col


def _cells_of(counts: Counts, side_px: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    y, x = np.divmod(counts.index, counts.width_px)
    return y // side_px, x // side_px


def grid(width_px: int, height_px: int, side_px: int) -> tuple[int, int]:
    """How many cells are side by side, and below each other, on a screen."""
    return -(-width_px // side_px), -(-height_px // side_px)
