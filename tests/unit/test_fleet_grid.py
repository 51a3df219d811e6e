"""The cells of a study: the same motion gives the same map on a screen of any resolution and shape."""

import numpy as np
import pytest
from numpy.typing import NDArray
from support.plain_cells import in_cells as plainly

from mousetrackd.core.counts import Counts
from mousetrackd.fleet.grid import TRAVEL_PARTS, grid_of, in_cells

SIZES = ((1920, 1080), (1366, 768), (3840, 2160), (1080, 1920), (200, 150))
DAY = 20_000


def as_map(counts: Counts, layer: str, day: int = DAY) -> NDArray[np.float64]:
    """(rows, columns) of what a screen gives."""
    columns, rows = grid_of(layer)
    found = np.zeros(rows * columns)
    cell, n = in_cells(counts, layer, day)
    found[cell] = n
    return found.reshape(rows, columns)


def at(size_px: tuple[int, int], u: NDArray[np.float64], v: NDArray[np.float64], n: int) -> Counts:
    """Counts at places from 0 to 1 of a screen."""
    width_px, height_px = size_px
    index = (v * height_px).astype(np.int64) * width_px + (u * width_px).astype(np.int64)
    return Counts.from_pixels(width_px, height_px, index, np.full(index.size, n))


@pytest.mark.parametrize("size_px", SIZES)
@pytest.mark.parametrize("layer", ["dwell", "travel", "clicks.left"])
def test_the_cells_are_those_of_a_dictionary(size_px: tuple[int, int], layer: str) -> None:
    rng = np.random.default_rng(3)
    u, v = rng.random((2, 400))
    counts = at(size_px, u, v, 7)
    pairs = zip(counts.index.tolist(), counts.count.tolist(), strict=True)
    pixels = [(index % size_px[0], index // size_px[0], n) for index, n in pairs]
    cell, n = in_cells(counts, layer, DAY)
    assert dict(zip(cell.tolist(), n.tolist(), strict=True)) == plainly(pixels, size_px, layer, DAY)
    assert layer == "travel" or n.sum() == counts.total


@pytest.mark.parametrize(
    ("size_px", "layer"),
    [((1366, 768), "dwell"), ((1366, 768), "clicks.left"), ((768, 1024), "dwell"), ((200, 150), "dwell")],
)
def test_what_is_even_on_a_screen_is_even_in_cells(size_px: tuple[int, int], layer: str) -> None:
    width_px, height_px = size_px
    found = as_map(Counts.from_dense(np.full((height_px, width_px), 1000, np.int64)), layer)
    assert found.sum() == 1000 * width_px * height_px
    assert found.std() < 0.01 * found.mean()  # a pixel wholly in one cell: 0.18 for 1366 x 768


@pytest.mark.parametrize("size_px", SIZES[1:])
def test_the_same_rests_and_presses_give_the_same_map(size_px: tuple[int, int]) -> None:
    rng = np.random.default_rng(5)
    u, v = np.clip(rng.normal(0.4, 0.1, (2, 20_000)), 0, 0.999)
    for layer in ("dwell", "clicks.left"):
        one, other = (as_map(at(size, u, v, 50), layer) for size in (SIZES[0], size_px))
        assert one.sum() == other.sum()
        blocks = [found.reshape(9, found.shape[0] // 9, 16, -1).sum((1, 3)) for found in (one, other)]
        pixel = 2 / min(size_px)  # a place is known to a pixel only
        assert np.abs(blocks[0] - blocks[1]).sum() < (0.01 + 4 * pixel) * one.sum()


@pytest.mark.parametrize(("size_px", "most"), [((1366, 768), 0.03), ((3840, 2160), 0.03), ((1080, 1920), 0.2)])
def test_the_same_ways_give_the_same_travel(size_px: tuple[int, int], most: float) -> None:
    """Of a screen of another shape only about: which way a pixel was crossed is not kept."""
    rng = np.random.default_rng(6)
    ends = rng.random((60, 4))

    def travelled(size: tuple[int, int]) -> float:
        places = []
        for u, v, to_u, to_v in ends.tolist():
            pixels = int(max(abs(to_u - u) * size[0], abs(to_v - v) * size[1])) + 1
            along = np.linspace(0, 1, pixels)
            places.append((u + (to_u - u) * along * 0.999, v + (to_v - v) * along * 0.999))
        us, vs = np.concatenate(places, axis=1)
        return float(as_map(at(size, us, vs, 1), "travel").sum())

    assert travelled(size_px) == pytest.approx(travelled(SIZES[0]), rel=most)


@pytest.mark.parametrize("size_px", [(1920, 1080), (3840, 2160), (7680, 4320)])
def test_a_line_across_a_cell_is_its_parts(size_px: tuple[int, int]) -> None:
    u = (np.arange(size_px[0]) + 0.5) / size_px[0]
    found = as_map(at(size_px, u, np.full_like(u, 0.5), 1), "travel")
    across = found[135]
    assert found.sum() == across.sum()
    assert across.tolist() == [TRAVEL_PARTS] * 480


def test_a_huge_count_is_shared_without_overflow() -> None:
    counts = Counts.from_pixels(1366, 768, np.arange(1366), np.full(1366, 2**40))
    cell, n = in_cells(counts, "dwell", DAY)
    assert n.sum() == 1366 * 2**40
    assert n.min() > 0
    assert cell.max() < 480
