"""How often each pixel of one screen was counted: a sparse histogram of integers. Pure.

Sparse, because in a minute a pointer touches a few thousand of a screen's millions of pixels. Integers,
because sums must be exact: any split of a day into parts, merged in any order, gives the same day.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

COUNT_MAX = int(np.iinfo(np.int64).max)
"""A count that would grow beyond this stays at it."""

_HEADER = struct.Struct("<BxxxIIIBB")  # format, width_px, height_px, pixels, bytes per delta, bytes per count
_FORMAT = 1
_ZLIB_LEVEL = 6
_DENSE_FROM = 16
"""Sums are made on all pixels of the screen when there is a count to add for every so many of them."""


@dataclass(frozen=True, eq=False)
class Counts:
    """Counts of one screen.

    index: (N,) int64, pixel numbers ``y * width_px + x``, strictly rising. count: (N,) int64, each above 0.
    """

    width_px: int
    height_px: int
    index: NDArray[np.int64]
    count: NDArray[np.int64]

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
        total = 0
        for part in parts:
            sizes.add((part.width_px, part.height_px))
            if len(sizes) > 1:
                break
            total += part.total
            if dense is not None and total >= COUNT_MAX:  # a sum might wrap around: back to the exact way
                index = np.flatnonzero(dense)
                waiting, dense = [cls(part.width_px, part.height_px, index, dense[index])], None
            waiting.append(part)
            pixels = sum(one.index.size for one in waiting)
            if dense is None and total < COUNT_MAX and pixels * _DENSE_FROM > part.width_px * part.height_px:
                dense = np.zeros(part.width_px * part.height_px, np.int64)
            if dense is not None:
                for one in waiting:
                    np.add.at(dense, one.index, one.count)
                waiting = []
        if len(sizes) != 1:
            raise ValueError(f"only counts of one size can be added, got {sorted(sizes)}")
        width_px, height_px = sizes.pop()
        if dense is not None:
            index = np.flatnonzero(dense)
            return cls(width_px, height_px, index, dense[index])
        if len(waiting) == 1:
            return cls(width_px, height_px, waiting[0].index, waiting[0].count)
        index = np.concatenate([one.index for one in waiting])
        count = np.concatenate([one.count for one in waiting])
        return cls.from_pixels(width_px, height_px, index, count)

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
        if self.count.size and float(self.count.max()) * self.count.size >= COUNT_MAX:
            return sum(self.count.tolist())
        return int(self.count.sum())

    def dense(self) -> NDArray[np.int64]:
        """All pixels of the screen as an (H, W) array, y down."""
        dense = np.zeros(self.height_px * self.width_px, np.int64)
        dense[self.index] = self.count
        return dense.reshape(self.height_px, self.width_px)

    def encode(self) -> bytes:
        """To bytes: differences of the rising pixel numbers and the counts, split by significance, deflated.

        Splitting puts the many zero high bytes side by side: 4 to 9 bits a pixel on real sessions.
        """
        delta = np.diff(self.index, prepend=0)
        delta_planes, delta_bytes = _planes(delta)
        count_planes, count_bytes = _planes(self.count)
        header = _HEADER.pack(_FORMAT, self.width_px, self.height_px, self.index.size, delta_bytes, count_bytes)
        return header + zlib.compress(delta_planes + count_planes, _ZLIB_LEVEL)

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """From ``encode``'s bytes. Raises ValueError when they are none, whatever they are."""
        try:
            form, width_px, height_px, pixels, delta_bytes, count_bytes = _HEADER.unpack_from(data)
            if form != _FORMAT or delta_bytes > 8 or count_bytes > 8 or pixels > width_px * height_px:
                raise ValueError("not an encoded histogram: its header makes no sense")
            if (pixels > 1 and not delta_bytes) or (pixels and not count_bytes):
                raise ValueError("not an encoded histogram: it has pixels and no counts")
            split = pixels * delta_bytes
            expected = split + pixels * count_bytes
            inflate = zlib.decompressobj()
            planes = inflate.decompress(data[_HEADER.size :], expected + 1)
        except (struct.error, zlib.error) as error:
            raise ValueError(f"not an encoded histogram: {error}") from error
        if not inflate.eof or inflate.unused_data or inflate.unconsumed_tail or len(planes) != expected:
            raise ValueError("not an encoded histogram: its length does not match its header")
        index = np.cumsum(_unplanes(planes[:split], pixels, delta_bytes))
        count = _unplanes(planes[split:], pixels, count_bytes)
        if pixels and (
            # A sum that wrapped around shows as a negative index.
            int(index.min()) < 0
            or int(index.max()) >= width_px * height_px
            or not bool((np.diff(index) > 0).all())
            or not bool((count > 0).all())
        ):
            raise ValueError("not an encoded histogram: its pixels do not fit its screen")
        return cls(width_px, height_px, index, count)


def _planes(values: NDArray[np.int64]) -> tuple[bytes, int]:
    """Byte planes of non-negative values, least significant first, and how many planes there are."""
    used = (int(values.max()).bit_length() + 7) // 8 if values.size else 0
    octets = values.astype("<i8").view(np.uint8).reshape(-1, 8)
    return np.ascontiguousarray(octets[:, :used].T).tobytes(), used


def _unplanes(planes: bytes, pixels: int, used: int) -> NDArray[np.int64]:
    octets = np.zeros((pixels, 8), np.uint8)
    octets[:, :used] = np.frombuffer(planes, np.uint8).reshape(used, pixels).T
    return octets.view("<i8").reshape(-1).astype(np.int64)
