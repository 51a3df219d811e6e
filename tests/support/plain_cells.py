"""What ``mousetrackd.fleet.grid`` is compared with: the same sums by a dictionary, pixel by pixel, without arrays."""

from collections import Counter
from collections.abc import Iterable, Iterator
from math import sqrt


def in_cells(pixels: Iterable[tuple[int, int, int]], size_px: tuple[int, int], layer: str, day: int) -> Counter[int]:
    """The cells that (x, y, n) of a screen fall into on a day (since 1970-01-01), and how much into each."""
    columns, rows = (160, 90) if layer.startswith("clicks") else (480, 270)
    found: Counter[int] = Counter()
    for x, y, n in pixels:
        threshold = x * 49471 + y * 37345 + day * 40503
        for column, across in _shares(x, n, size_px[0], columns, threshold % 65536):
            for row, share in _shares(y, across, size_px[1], rows, threshold * 49471 % 65536):
                found[row * columns + column] += share
    if layer == "travel":
        times = 100 / sqrt(size_px[0] * size_px[1] / (columns * rows))
        return Counter({cell: max(1, round(n * times)) for cell, n in found.items()})
    return found


def _shares(at: int, n: int, size: int, parts: int, threshold: int) -> Iterator[tuple[int, int]]:
    """The parts that a pixel lies in, and its counts in each."""
    before = 0
    for part in range(at * parts // size, ((at + 1) * parts - 1) // size + 1):
        reaches = min((part + 1) * size - at * parts, parts)  # of the pixel, in so many parts of it
        until = (n * reaches * 65536 + threshold * parts) // (parts * 65536)
        if until > before:
            yield part, until - before
        before = until
