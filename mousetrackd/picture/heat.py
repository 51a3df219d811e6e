"""Counts in, pixels out: bin, blur, tone, colour. Pure: numpy and cv2 only.

*Heat* at a point is the sum of the counts around it, each weighted by a Gaussian of its distance that is 1
at the point itself. So a single press seen from its own pixel has the heat 1 whatever sigma is, and a legend
can show presses and seconds. With sigma 0, heat is the count of the pixel itself. Nothing is counted beyond an edge,
so a lone press there has the heat 1 as well; with ``edges`` "total", what would be carried over an edge is folded back.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from mousetrackd.core.cells import cell_px
from mousetrackd.core.cells import grid as cells_grid

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from mousetrackd.core.counts import Counts

CELLS_PER_SIGMA: Final = 4
"""How fine the blurred grid is. Blurring so few cells costs 1/16 to 1/500 of blurring every pixel; a lone count
moves by up to half a cell to its cell's middle, an eighth of sigma, which no eye sees in a blob."""

LOG_RANGE: Final = 30.0
"""How many times below the hottest a place may be until the log scale shows it as hardly anything.

Chosen by eye, on three recorded people and made-up days: with 200, a single rest of five seconds is as bright as an
hour of work, and a day is a leopard's skin; with 10 quiet places vanish. With 30 one sees which place is the busiest.
"""

GUARD: Final = 15.0
"""How many times as hot as what half of the visited places have the hottest colour may be.

On recorded days the 99.9th percentile is 4 to 15 times that, and this changes nothing. Where the pointer was parked for
hours on one spot it keeps the rest at about a third of the scale.
"""

_LEAST_SIGMA_PX: Final = 0.01
"""Less does not blur: a neighbour's weight is exp(-5000), and the peak of a Gaussian of 1e-300 is infinite."""

BAND_ROWS: Final = 128
_SLICE_PIXELS: Final = 1 << 14
_MANY_FROM: Final = 3
"""Where one in so many pixels has a count, all of them are looked at in their order, which is quicker."""

FAINTEST_DOT: Final = 0.5
"""How bright a dot is at least in a picture that is not blurred: lone pixels must be seen. All tones begin there."""

SCALES: Final = ("log", "sqrt", "linear")
EDGES: Final = ("true", "total")

TOUCHED: Final = 1e-3
"""Heat below this share of a lone count is the far tail of a Gaussian, and no place anybody touched."""


@dataclass(frozen=True)
class HeatGrid:
    """Heat of one screen on a grid of equal cells.

    cells: (rows, cols) float32, y down. Each cell is cell_width_px by cell_height_px pixels of the picture.
    typical_heat: that of the middle one of the places where something was counted; infinite where unknown. A place is
    as large as an hour's cell, and as hot as its hottest point, so that pixels have the same as cells out of them; of a
    picture that is not blurred it is a dot.
    """

    cells: NDArray[np.float32]
    cell_width_px: int
    cell_height_px: int
    typical_heat: float = math.inf

    @property
    def size_px(self) -> tuple[int, int]:
        """Width and height of the screen it covers, in px of the picture."""
        rows, cols = self.cells.shape
        return cols * self.cell_width_px, rows * self.cell_height_px


def heat_grid(parts: Sequence[Counts], width_px: int, height_px: int, sigma_px: float, edges: str = "true") -> HeatGrid:
    """Blur the counts of one screen for a picture of ``width_px`` by ``height_px``.

    parts: counts of that screen, of any size: another resolution of the same screen is scaled. sigma_px: how
    far heat spreads, in px of the picture; 0 does not blur. edges: "true" is heat as it is defined; "total" keeps
    the sum of all counts: what a Gaussian would carry over the edge is reflected (BORDER_REFLECT), so that beside an
    edge heat reads up to twice as high, in a corner four times.
    Raises ValueError for a sigma that is negative or not a number.
    """
    if not (0 <= sigma_px < math.inf):
        raise ValueError(f"sigma is a number of pixels from 0 up, got {sigma_px}")
    sigma_px = 0 if sigma_px < _LEAST_SIGMA_PX else sigma_px
    cell_width_px = _cell_px(width_px, sigma_px)
    cell_height_px = _cell_px(height_px, sigma_px)
    rows, cols = height_px // cell_height_px, width_px // cell_width_px
    cells = np.zeros(rows * cols, np.float32)
    for counts in parts:
        many = counts.pixels * _MANY_FROM > counts.width_px * counts.height_px
        if (rows, cols) == (counts.height_px, counts.width_px):
            if many:
                for band in bands(rows):
                    cells[band.start * cols : band.stop * cols] += counts.rows(band.start, band.stop).reshape(-1)
            else:
                cells[counts.index] += counts.count  # every pixel is in the index once
        elif many and sigma_px and counts.height_px % rows == counts.width_px % cols == 0:
            cells += _all_shared_among_cells(counts, rows, cols)
        elif sigma_px == 0:
            y, x = np.divmod(counts.index, counts.width_px)
            row, col = y * rows // counts.height_px, x * cols // counts.width_px
            cells += np.bincount(row * cols + col, weights=counts.count, minlength=rows * cols)
        else:
            cells += _shared_among_cells(counts, rows, cols)
    grid = cells.reshape(rows, cols)
    if sigma_px == 0:
        return HeatGrid(grid, cell_width_px, cell_height_px, _middle(cells[cells > 0]))
    sigma_x, sigma_y = _sigma_cells(sigma_px, cell_width_px), _sigma_cells(sigma_px, cell_height_px)
    # A count's heat at its own pixel is to be 1. Its share there is 1 / (2 pi sigma^2), but where sigma is less
    # than a pixel or two, the sampled Gaussian's own peak.
    peak = 1 / (2 * math.pi * sigma_px**2)
    if cell_width_px == cell_height_px == 1:
        peak = float(_kernel(sigma_x).max() * _kernel(sigma_y).max())
    grid /= np.float32(peak * cell_width_px * cell_height_px)
    blurred = np.asarray(
        cv2.GaussianBlur(
            grid,
            (0, 0),
            sigmaX=sigma_x,
            sigmaY=sigma_y,
            borderType=cv2.BORDER_REFLECT if edges == "total" else cv2.BORDER_CONSTANT,
        ),
        np.float32,
    )
    places = _hottest_of_places(blurred, parts, (width_px, height_px))
    return HeatGrid(blurred, cell_width_px, cell_height_px, _middle(places))


def _hottest_of_places(
    blurred: NDArray[np.float32], parts: Sequence[Counts], size_px: tuple[int, int]
) -> NDArray[np.float32]:
    """The heat of the hottest point of each place in which something was counted, (N,). size_px: the screen's."""
    side_px = cell_px(*size_px)
    cols, rows = cells_grid(*size_px, side_px)
    visited = np.zeros((rows, cols), np.bool_)
    for counts in parts:
        if (counts.width_px, counts.height_px) == size_px and counts.pixels * _MANY_FROM > size_px[0] * size_px[1]:
            for row in range(rows):  # a sixth of the time of looking for the place of each pixel
                in_row = counts.rows(row * side_px, min((row + 1) * side_px, size_px[1])).any(axis=0)
                visited[row] |= np.logical_or.reduceat(in_row, np.arange(cols) * side_px)
            continue
        of_x = np.arange(counts.width_px) * size_px[0] // (counts.width_px * side_px)
        of_y = np.arange(counts.height_px) * size_px[1] // (counts.height_px * side_px)
        index = counts.index
        for start in range(0, index.size, _SLICE_PIXELS):
            y = index[start : start + _SLICE_PIXELS] // counts.width_px
            x = index[start : start + _SLICE_PIXELS] - y * counts.width_px
            visited[of_y[y], of_x[x]] = True
    hottest_of = blurred
    for axis, (places, length_px) in enumerate(((rows, size_px[1]), (cols, size_px[0]))):
        grid_px = length_px // blurred.shape[axis]
        begins = np.minimum(np.arange(places) * side_px // grid_px, blurred.shape[axis] - 1)
        hottest_of = np.maximum.reduceat(hottest_of, begins, axis=axis)
    return np.asarray(hottest_of[visited], np.float32)


def _middle(heat: NDArray[np.float32]) -> float:
    """The middle one of (N,); infinite of none."""
    middle = heat.size // 2
    return float(np.partition(heat, middle)[middle]) if heat.size else math.inf


def _kernel(sigma_cells: float) -> NDArray[np.float64]:
    """The samples that cv2.GaussianBlur weighs with, on float images (OpenCV documentation, getGaussianKernel)."""
    return np.asarray(cv2.getGaussianKernel(round(sigma_cells * 8 + 1) | 1, sigma_cells), np.float64)


def _cell_px(length_px: int, sigma_px: float) -> int:
    """The largest divisor of ``length_px`` that keeps ``CELLS_PER_SIGMA``: equal cells keep symmetry exact."""
    coarsest = max(int(sigma_px / CELLS_PER_SIGMA), 1)
    return next(cell for cell in range(coarsest, 0, -1) if length_px % cell == 0)


def _sigma_cells(sigma_px: float, cell_px: int) -> float:
    """The blur that is left to do, in cells: summing blocks and interpolating between them blur as well.

    Sharing a count between the two cells around it has, on average, the variance n^2 / 6 of cells of n pixels, and
    so has linear interpolation.
    """
    left = sigma_px**2 - (cell_px**2 / 3 if cell_px > 1 else 0)
    return math.sqrt(max(left, 1e-6)) / cell_px


def _shared_among_cells(counts: Counts, rows: int, cols: int) -> NDArray[np.float32]:
    """Each count shared among the four cells around it, or it would move by up to half a cell. (rows * cols,)."""
    shared = np.zeros(rows * cols, np.float64)
    all_index, all_count = counts.index, counts.count
    # Whole numbers up to the division: sums of fractions would not be symmetric to the last bit.
    around_y = [
        (row * cols, share.astype(np.float64))
        for row, share in _around(np.arange(counts.height_px), counts.height_px, rows)
    ]
    around_x = [
        (col, share.astype(np.float64)) for col, share in _around(np.arange(counts.width_px), counts.width_px, cols)
    ]
    for start in range(0, all_index.size, _SLICE_PIXELS):
        index = all_index[start : start + _SLICE_PIXELS]
        count = all_count[start : start + _SLICE_PIXELS].astype(np.float64)
        y = index // counts.width_px
        x = index - y * counts.width_px
        of_rows = [(first_of_row[y], share_y[y] * count) for first_of_row, share_y in around_y]
        for col, share_x in around_x:
            col_here, share_here = col[x], share_x[x]
            for first, weight in of_rows:
                np.add.at(shared, first + col_here, weight * share_here)
    return (shared / (4 * counts.height_px * counts.width_px)).astype(np.float32)


def _all_shared_among_cells(counts: Counts, rows: int, cols: int) -> NDArray[np.float32]:
    """The same of every pixel of the screen, for cells of whole pixels: a fifth of the time. (rows * cols,)."""
    along_rows = np.empty((counts.height_px, cols), np.float64)
    for band in bands(counts.height_px):
        along_rows[band] = _shared_along(counts.rows(band.start, band.stop).astype(np.float64), cols)
    shared = _shared_along(np.ascontiguousarray(along_rows.T), rows).T
    return (shared.reshape(-1) / (4 * counts.height_px * counts.width_px)).astype(np.float32)


def _shared_along(values: NDArray[np.float64], cells: int) -> NDArray[np.float64]:
    """Rows of values shared among the cells along them: (N, length) to (N, cells). Exact for whole numbers."""
    length = values.shape[1]
    pixels = length // cells
    # In the middle one of three cells: what each of its pixels gives to the one before, to itself, to the one after.
    give = np.zeros((pixels, 3), np.float64)
    for cell, share in _around(np.arange(pixels, 2 * pixels), 3 * pixels, 3):
        give[np.arange(pixels), cell] += share * cells / 3  # of 2 * length, as everywhere
    before, own, after = np.moveaxis((values.reshape(-1, pixels) @ give).reshape(len(values), cells, 3), 2, 0)
    own[:, :-1] += before[:, 1:]
    own[:, 1:] += after[:, :-1]
    own[:, 0] += before[:, 0]
    own[:, -1] += after[:, -1]
    return own


def _around(
    position: NDArray[np.int64], length_px: int, cells: int
) -> tuple[tuple[NDArray[np.int64], NDArray[np.int64]], ...]:
    """The two cells whose middles are around each pixel's, and the share of each, of 2 * length_px.

    Beyond the edge it is reflected, as the blur does.
    """
    place = (2 * position + 1) * cells - length_px
    before = place // (2 * length_px)
    share_after = place - before * 2 * length_px
    return (np.maximum(before, 0), 2 * length_px - share_after), (np.minimum(before + 1, cells - 1), share_after)


def hottest(grids: Sequence[HeatGrid], percentile: float) -> float:
    """The heat that gets the hottest colour: ``percentile`` of the touched area, over all screens.

    But at most ``GUARD`` times what half of the visited places have, so that where few places were visited,
    and the pointer was parked on one of them, the others can still be seen. At least 1, a lone count's heat: less would
    promise a scale that no integer counts can fill.
    """
    touched = [np.compress((grid.cells > TOUCHED).ravel(), grid.cells.ravel()) for grid in grids]
    together = np.concatenate(touched) if touched else np.empty(0, np.float32)
    if not together.size:
        return 1.0
    typical = max((grid.typical_heat for grid in grids if grid.typical_heat < math.inf), default=math.inf)
    return max(min(_percentile(together, percentile), GUARD * typical), 1.0)


def _percentile(values: NDArray[np.float32], percentile: float) -> float:
    """As np.percentile's, which imports all of numpy.ma. Changes the order of ``values``."""
    place = percentile / 100 * (values.size - 1)
    below, above = math.floor(place), math.ceil(place)
    values.partition([below, above])
    low, high = float(values[below]), float(values[above])
    return low + (high - low) * (place - below)


def tone(share: NDArray[np.float32], scale: str) -> NDArray[np.float32]:
    """Brightness from 0 to 1 for heat as a share of the hottest; monotonic, 0 for 0, 1 for 1 and above.

    scale: "log" is log(1 + 30 share) / log(31), "sqrt" the square root, "linear" the share itself.
    Raises ValueError for another.
    """
    clipped = np.clip(share, 0, 1).astype(np.float32)
    if scale == "log":
        return np.asarray(np.log1p(clipped * np.float32(LOG_RANGE)) / np.float32(math.log1p(LOG_RANGE)))
    if scale == "sqrt":
        return np.sqrt(clipped)
    if scale == "linear":
        return clipped
    raise ValueError(f'there is no scale "{scale}", only {", ".join(SCALES)}')


def dot_tone(brightness: float) -> float:
    """How bright a dot of that ``tone`` is in a picture that is not blurred."""
    return FAINTEST_DOT + (1 - FAINTEST_DOT) * brightness


def untone(brightness: float, scale: str) -> float:
    """The share of the hottest that ``tone`` shows as ``brightness``."""
    if scale == "log":
        return math.expm1(brightness * math.log1p(LOG_RANGE)) / LOG_RANGE
    return brightness**2 if scale == "sqrt" else brightness


def levels(
    grid: HeatGrid,
    size_px: tuple[int, int] | None = None,
    *,
    max_heat: float,
    scale: str,
    level_count: int = 256,
    faintest: float = 0.0,
) -> NDArray[np.uint8]:
    """The picture of a grid as levels: (H, W) uint8 of the full size, 0 for no heat, up to level_count - 1.

    size_px: width and height, where they are not the grid's: each pixel is then drawn as a rectangle. faintest: how
    bright what is touched is at least, 0 to 1; its tones are spread over the rest, see ``dot_tone``.
    The tone is applied to the small grid and the levels are interpolated, which costs one byte a pixel.
    """
    small = np.empty(grid.cells.shape, np.uint8)
    for band in bands(len(small)):
        shaded = tone(grid.cells[band] / np.float32(max_heat), scale)
        if faintest:
            shaded = np.where(shaded > 0, faintest + (1 - faintest) * shaded, np.float32(0))
        small[band] = np.rint(shaded * np.float32(level_count - 1))
    if grid.cell_width_px == grid.cell_height_px == 1:
        small[(small < 1) & (grid.cells > TOUCHED)] = 1  # a dot of one count may be faint, but it is there
        if size_px is None or size_px == grid.size_px:
            return small
        return np.asarray(cv2.resize(small, size_px, interpolation=cv2.INTER_NEAREST), np.uint8)
    return np.asarray(cv2.resize(small, grid.size_px, interpolation=cv2.INTER_LINEAR), np.uint8)


def bands(rows: int) -> Iterator[slice]:
    """Slices of rows, a band at a time: what is made on the way of a 4K picture's floats stays small, and in cache."""
    return (slice(top, min(top + BAND_ROWS, rows)) for top in range(0, rows, BAND_ROWS))
