"""Arrays of whole numbers as deflated bytes: all first bytes side by side, then all second ones, and so on. Pure.

Such a plane holds bytes of one kind, often zeros, and bytes of another follow in the next.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

ZLIB: Final = zlib.MAX_WBITS
"""A zlib stream, with a header and a checksum."""
RAW: Final = -zlib.MAX_WBITS
"""Bare deflate, six bytes less, for what has a checksum of its own."""
_VALUE: Final = np.dtype("<i8")
"""A whole number with its least significant byte first, like the planes, on every processor."""


def bytes_of(value: int) -> int:
    """How many planes numbers up to ``value`` take."""
    return (value.bit_length() + 7) // 8


def split(values: NDArray[np.int64], planes: NDArray[np.uint8]) -> None:
    """Write the bytes of non-negative values into planes, least significant first."""
    for nth, plane in enumerate(planes):
        plane[:] = values >> 8 * nth & 0xFF


def joined(planes: NDArray[np.uint8]) -> NDArray[np.int64]:
    """The values whose bytes are in planes, as ``split`` writes them."""
    values = planes[0].astype(_VALUE) if len(planes) else np.zeros(planes.shape[1], _VALUE)
    as_bytes = values.view(np.uint8)
    for nth, plane in enumerate(planes[1:], 1):
        as_bytes[nth :: _VALUE.itemsize] = plane
    return values.astype(np.int64, copy=False)


def deflated(planes: NDArray[np.uint8], level: int, wbits: int) -> bytes:
    """(planes, N) as one stream. wbits: ``ZLIB`` or ``RAW``.

    Each plane gets Huffman codes of its own, and bytes that are nearly random are not searched for repetitions of
    three by chance (zlib.net/manual.html, Z_FILTERED). Of real sessions that takes a twentieth less, in no more time.
    """
    deflate = zlib.compressobj(level, wbits=wbits, strategy=zlib.Z_FILTERED)
    parts = []
    for nth, plane in enumerate(planes):
        if nth:
            parts.append(deflate.flush(zlib.Z_PARTIAL_FLUSH))
        parts.append(deflate.compress(plane.data))
    return b"".join([*parts, deflate.flush()])


def inflated(data: bytes | memoryview, shape: tuple[int, int], wbits: int) -> NDArray[np.uint8]:
    """(planes, N) from ``deflated``'s bytes. Nothing is inflated beyond that shape.

    Raises ValueError when they are none, or of another shape.
    """
    expected = shape[0] * shape[1]
    inflate = zlib.decompressobj(wbits)
    try:
        content = inflate.decompress(data, expected + 1)
    except zlib.error as error:
        raise ValueError(str(error)) from error
    if not inflate.eof or inflate.unused_data or inflate.unconsumed_tail or len(content) != expected:
        raise ValueError("its length does not match its header")
    return np.frombuffer(content, np.uint8).reshape(shape)
