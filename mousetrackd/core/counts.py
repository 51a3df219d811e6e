"""How often each pixel of one screen was counted: a sparse histogram of integers. Pure.

Sparse, because in a minute a pointer touches a few thousand of a screen's millions of pixels; in a year it touches
nearly all, and then a number for every pixel takes less. Integers, because sums must be exact: any split of a day
into parts, merged in any order, gives the same day.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Self

import numpy as np

from mousetrackd.core.monitors import size_problem
from mousetrackd.core.planes import ZLIB, bytes_of, deflated, inflated, joined, split

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

COUNT_MAX = int(np.iinfo(np.int64).max)
"""A count that would grow beyond this stays at it."""

_HEADER = struct.Struct("<BxxxIIIBB")  # format, width_px, height_px, pixels, bytes per delta, bytes per count
_FORMAT = 1
_ZLIB_LEVEL = 6
_DENSE_FROM = 16
"""Sums are made on all pixels of the screen when there is a count to add for every so many of them."""
_KEPT_DENSE_FROM = 4
"""Kept as a number for every pixel where every so many of them have one: 4 bytes a pixel, and not 16 a count."""
_MOST_DEFLATED = 1032
"""No byte of deflate becomes more (zlib.net/zlib_tech.html)."""
_SLICE_PIXELS = 1 << 16
"""What is made on the way of long histograms is made of so many pixels at a time."""


class Counts:
    """Counts of one screen. Never changes."""

    def __init__(
        self,
        width_px: int,
        height_px: int,
        index: NDArray[np.int64],
        count: NDArray[np.int64],
        *,
        dense: NDArray[np.int64] | NDArray[np.uint32] | None = None,
    ) -> None:
        """index: (N,) pixel numbers ``y * width_px + x``, strictly rising. count: (N,), each above 0.

        dense: (height_px * width_px,), instead of both.
        """
        self.width_px = width_px
        self.height_px = height_px
        self.pixels = int(index.size if dense is None else np.count_nonzero(dense))
        """How many pixels have a count."""
        self._index = index
        self._count = count
        self._dense = dense

    @property
    def index(self) -> NDArray[np.int64]:
        """(N,) int64, pixel numbers ``y * width_px + x``, strictly rising."""
        return self._index if self._dense is None else np.flatnonzero(self._dense)

    @property
    def count(self) -> NDArray[np.int64]:
        """(N,) int64, each above 0: the counts of the pixels in ``index``."""
        return self._count if self._dense is None else self._dense[self.index].astype(np.int64)

    @classmethod
    def empty(cls, width_px: int, height_px: int) -> Self:
        """Nothing counted yet."""
        return cls(width_px, height_px, np.empty(0, np.int64), np.empty(0, np.int64))

    @classmethod
    def from_pixels(
        cls, width_px: int, height_px: int, index: NDArray[np.int64], weight: NDArray[np.int64] | None = None
    ) -> Self:
        """Sum ``weight`` (1 where None) over equal pixel numbers; the order of ``index`` does not matter.

        Raises ValueError for a pixel outside the screen or a negative weight.
        """
        index = np.asarray(index, np.int64)
        if index.size == 0:
            return cls.empty(width_px, height_px)
        if int(index.min()) < 0 or int(index.max()) >= width_px * height_px:
            raise ValueError(f"a pixel lies outside the {width_px}x{height_px} screen")
        if weight is None:
            unique, summed = np.unique(index, return_counts=True)
            return cls(width_px, height_px, unique, summed.astype(np.int64))
        weight = np.asarray(weight, np.int64)
        if int(weight.min()) < 0:
            raise ValueError(f"a count is never negative, got {int(weight.min())}")
        order = np.argsort(index, kind="stable")
        index, weight = index[order], weight[order]
        first = np.flatnonzero(np.diff(index, prepend=-1))
        summed = np.add.reduceat(weight, first)
        if float(weight.max()) * float(np.diff(first, append=index.size).max()) >= COUNT_MAX:
            # Rare, so exactness by Python's integers: the sums above may have wrapped around.
            parts = np.split(weight, first[1:])
            summed = np.array([min(sum(part.tolist()), COUNT_MAX) for part in parts], np.int64)
        positive = summed > 0
        return cls(width_px, height_px, index[first][positive], summed[positive])

    @classmethod
    def from_dense(cls, dense: NDArray[np.int64]) -> Self:
        """From an (H, W) array of counts, y down. Raises ValueError unless it is 2-D and nowhere negative."""
        dense = np.asarray(dense)
        if dense.ndim != 2 or dense.size == 0:
            raise ValueError(f"counts are (height, width), got the shape {dense.shape}")
        height_px, width_px = dense.shape
        index = np.flatnonzero(dense)
        return cls.from_pixels(width_px, height_px, index, dense.reshape(-1)[index])

    @classmethod
    def merge(cls, parts: Iterable[Counts]) -> Self:
        """The sum of parts of one screen. Raises ValueError when there are none or the sizes differ.

        parts may be a generator: where they cover much of the screen each is added to all its pixels at once and
        forgotten, which takes a seventh of the time of sorting and 8 bytes a pixel, however many they are.
        """
        sizes: set[tuple[int, int]] = set()
        waiting: list[Counts] = []
        dense: NDArray[np.int64] | None = None
        total = pixels = 0
        for part in parts:
            sizes.add((part.width_px, part.height_px))
            if len(sizes) > 1:
                break
            total += part.total
            pixels += part.pixels
            if dense is not None and total >= COUNT_MAX:  # a sum might wrap around: back to the exact way
                index = np.flatnonzero(dense)
                waiting, dense = [cls(part.width_px, part.height_px, index, dense[index])], None
            waiting.append(part)
            if dense is None and total < COUNT_MAX and pixels * _DENSE_FROM > part.width_px * part.height_px:
                dense = np.zeros(part.width_px * part.height_px, np.int64)
            if dense is not None:
                for one in waiting:
                    one.add_to(dense)
                waiting = []
        if len(sizes) != 1:
            raise ValueError(f"only counts of one size can be added, got {sorted(sizes)}")
        width_px, height_px = sizes.pop()
        if dense is not None:
            return cls._of_sums(width_px, height_px, dense)
        if len(waiting) == 1:
            return cls(width_px, height_px, waiting[0].index, waiting[0].count)
        index = np.concatenate([one.index for one in waiting])
        count = np.concatenate([one.count for one in waiting])
        return cls.from_pixels(width_px, height_px, index, count)

    @classmethod
    def _of_sums(cls, width_px: int, height_px: int, dense: NDArray[np.int64]) -> Self:
        """From one number for every pixel, kept in the form that takes less memory."""
        if np.count_nonzero(dense) * _KEPT_DENSE_FROM < dense.size:
            index = np.flatnonzero(dense)
            return cls(width_px, height_px, index, dense[index])
        narrow = dense.astype(np.uint32) if int(dense.max()) <= np.iinfo(np.uint32).max else dense
        return cls(width_px, height_px, np.empty(0, np.int64), np.empty(0, np.int64), dense=narrow)

    def add_to(self, dense: NDArray[np.int64]) -> None:
        """Add to ``dense``, (height_px * width_px,), one number for every pixel."""
        if self._dense is None:
            np.add.at(dense, self._index, self._count)
        else:
            dense += self._dense

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Counts)
            and (self.width_px, self.height_px) == (other.width_px, other.height_px)
            and np.array_equal(self.index, other.index)
            and np.array_equal(self.count, other.count)
        )

    def __hash__(self) -> int:
        return hash((self.width_px, self.height_px, self.index.tobytes(), self.count.tobytes()))

    @property
    def total(self) -> int:
        """The sum of all counts, exact however large."""
        values = self._count if self._dense is None else self._dense
        if values.size and float(values.max()) * values.size >= COUNT_MAX:
            return sum(self.count.tolist())
        return int(values.sum())

    def dense(self) -> NDArray[np.int64]:
        """All pixels of the screen as an (H, W) array, y down."""
        return self.rows(0, self.height_px)

    def rows(self, top: int, bottom: int) -> NDArray[np.int64]:
        """The rows of pixels from ``top`` to before ``bottom`` as a (bottom - top, W) array."""
        first, last = top * self.width_px, bottom * self.width_px
        if self._dense is not None:
            return self._dense[first:last].astype(np.int64).reshape(-1, self.width_px)
        rows = np.zeros(last - first, np.int64)
        begin, end = np.searchsorted(self._index, (first, last))
        rows[self._index[begin:end] - first] = self._count[begin:end]
        return rows.reshape(-1, self.width_px)

    def encode(self) -> bytes:
        """To bytes: differences of the rising pixel numbers and the counts, split by significance, deflated.

        Splitting puts the many zero high bytes side by side: 4 to 9 bits a pixel on real sessions.
        """
        widest = most = last = 0
        for index, count in self._slices():
            widest = max(widest, int(np.diff(index, prepend=last).max()))
            most, last = max(most, int(count.max())), int(index[-1])
        delta_bytes, count_bytes = bytes_of(widest), bytes_of(most)
        planes = np.empty((delta_bytes + count_bytes, self.pixels), np.uint8)
        done = last = 0
        for index, count in self._slices():
            part = planes[:, done : done + index.size]
            split(np.diff(index, prepend=last), part[:delta_bytes])
            split(count, part[delta_bytes:])
            done, last = done + index.size, int(index[-1])
        header = _HEADER.pack(_FORMAT, self.width_px, self.height_px, self.pixels, delta_bytes, count_bytes)
        return header + deflated(planes, _ZLIB_LEVEL, ZLIB)

    def _slices(self) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """``index`` and ``count`` in parts that are not empty."""
        for start in range(0, self.pixels if self._dense is None else self._dense.size, _SLICE_PIXELS):
            end = start + _SLICE_PIXELS
            if self._dense is None:
                yield self._index[start:end], self._count[start:end]
                continue
            here = self._dense[start:end]
            index = np.flatnonzero(here)
            if index.size:
                yield index + start, here[index].astype(np.int64)

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """From ``encode``'s bytes. Raises ValueError when they are none, whatever they are."""
        return cls.joined(cls.decode_parts(data))

    @classmethod
    def joined(cls, parts: Iterable[Counts]) -> Self:
        """One of ``decode_parts``."""
        parts = list(parts)
        if len(parts) == 1:
            return cls(parts[0].width_px, parts[0].height_px, parts[0].index, parts[0].count)
        return cls(
            parts[0].width_px,
            parts[0].height_px,
            np.concatenate([part.index for part in parts]),
            np.concatenate([part.count for part in parts]),
        )

    @classmethod
    def decode_parts(
        cls, data: bytes, *, size: tuple[int, int] | None = None, total: int | None = None
    ) -> Iterator[Self]:
        """``decode`` in parts of neighbouring pixels, at least one, so that only a part is in memory at once.

        size, total: the width and height, and the sum, that they are to have. Raises ValueError before the first part,
        and not later; nothing is inflated beyond what the header needs, and nothing for a header that cannot be.
        """
        try:
            form, width_px, height_px, pixels, delta_bytes, count_bytes = _HEADER.unpack_from(data)
        except struct.error as error:
            raise ValueError(f"not an encoded histogram: {error}") from error
        if form != _FORMAT or count_bytes > 8 or pixels > width_px * height_px or size_problem(width_px, height_px):
            raise ValueError("not an encoded histogram: its header makes no sense")
        if size is not None and size != (width_px, height_px):
            raise ValueError(f"it is of {width_px}x{height_px} pixels, its screen is of {size[0]}x{size[1]}")
        if (pixels > 1 and not delta_bytes) or (pixels and not count_bytes):
            raise ValueError("not an encoded histogram: it has pixels and no counts")
        most = _MOST_DEFLATED * len(data)
        if delta_bytes > bytes_of(width_px * height_px) or pixels * (delta_bytes + count_bytes) > most:
            raise ValueError("not an encoded histogram: its header says more than follows")
        try:
            planes = inflated(memoryview(data)[_HEADER.size :], (delta_bytes + count_bytes, pixels), ZLIB)
        except ValueError as error:
            raise ValueError(f"not an encoded histogram: {error}") from error
        return cls.of_planes((width_px, height_px), planes[:delta_bytes], planes[delta_bytes:], total=total)

    @classmethod
    def of_planes(
        cls, size: tuple[int, int], deltas: NDArray[np.uint8], counts: NDArray[np.uint8], *, total: int | None = None
    ) -> Iterator[Self]:
        """As ``decode_parts``, from the planes of the differences of the pixel numbers, and those of the counts."""
        width_px, height_px = size
        pixels = counts.shape[1]
        # The sum of all differences is the last pixel's number; in Python's integers it cannot wrap around.
        if pixels and (
            sum(int(plane.sum(dtype=np.uint64)) << 8 * nth for nth, plane in enumerate(deltas)) >= width_px * height_px
            or not (np.bitwise_or.reduce(deltas[:, 1:], axis=0) if pixels > 1 else np.ones(1)).all()
            or not np.bitwise_or.reduce(counts, axis=0).all()
            or (len(counts) == 8 and int(counts[7].max()) > 0x7F)
        ):
            raise ValueError("not an encoded histogram: its pixels do not fit its screen")
        if total is not None:
            counted = sum(int(plane.sum(dtype=np.uint64)) << 8 * nth for nth, plane in enumerate(counts))
            if min(counted, COUNT_MAX) != total:
                raise ValueError(f"its counts are {counted} in all, and should be {total}")
        return cls._parts_of(width_px, height_px, deltas, counts)

    @classmethod
    def _parts_of(
        cls, width_px: int, height_px: int, deltas: NDArray[np.uint8], counts: NDArray[np.uint8]
    ) -> Iterator[Self]:
        last = 0
        for start in range(0, max(counts.shape[1], 1), _SLICE_PIXELS):
            here = slice(start, start + _SLICE_PIXELS)
            index = np.cumsum(joined(deltas[:, here])) + last
            last = int(index[-1]) if index.size else 0
            yield cls(width_px, height_px, index, joined(counts[:, here]))
