"""Cells: how large they are, and what is kept of the counts in them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mousetrackd.core import cells
from mousetrackd.core.counts import Counts

SIDES_PX = {
    (1920, 1080): 16,
    (1080, 1920): 16,
    (3840, 2160): 32,
    (2560, 1440): 22,
    (1366, 768): 12,
    (640, 480): 7,
    (1, 1): 1,
}


@pytest.mark.parametrize("size", SIDES_PX, ids=lambda size: f"{size[0]}x{size[1]}")
def test_cells_are_a_share_of_the_shorter_side(size: tuple[int, int]) -> None:
    assert cells.cell_px(*size) == SIDES_PX[size]


@st.composite
def counted(draw: st.DrawFn) -> Counts:
    """Counts of any screen, often at its edges."""
    width_px, height_px = draw(st.integers(1, 2500)), draw(st.integers(1, 2500))
    xs = st.integers(0, width_px - 1) | st.sampled_from([0, width_px - 1])
    ys = st.integers(0, height_px - 1) | st.sampled_from([0, height_px - 1])
    dots = draw(st.lists(st.tuples(xs, ys, st.integers(1, 1 << 32)), min_size=1, max_size=40))
    x, y, count = np.array(dots, np.int64).T
    return Counts.from_pixels(width_px, height_px, y * width_px + x, count)


@given(counted())
def test_each_cell_keeps_its_sum_and_stays_where_it_is_also_at_the_edges(counts: Counts) -> None:
    side_px = cells.cell_px(counts.width_px, counts.height_px)
    gathered = cells.gathered(counts, side_px)
    data = cells.encode(gathered, side_px)
    size = counts.width_px, counts.height_px
    read = cells.decode(data, size=size, side_px=side_px, total=counts.total)
    for kept in (gathered, read):
        assert kept.index.max() < counts.width_px * counts.height_px
        assert cells.binned(kept, side_px) == cells.binned(counts, side_px)


@given(counted())
def test_a_centre_of_mass_is_at_most_a_sixteenth_of_a_cell_away(counts: Counts) -> None:
    side_px = cells.cell_px(counts.width_px, counts.height_px)
    kept = cells.gathered(counts, side_px)
    number = cells.number_of(counts, side_px)
    for cell, at in zip(cells.number_of(kept, side_px), kept.index, strict=True):
        inside = number == cell
        y, x = np.divmod(counts.index[inside], counts.width_px)
        weights = counts.count[inside].astype(float)
        assert abs(at % counts.width_px - np.average(x, weights=weights)) <= max(side_px / 16, 1)
        assert abs(at // counts.width_px - np.average(y, weights=weights)) <= max(side_px / 16, 1)


def kept(counts: Counts) -> tuple[cells.CellPlanes, int]:
    side_px = cells.cell_px(counts.width_px, counts.height_px)
    data = cells.encode(cells.gathered(counts, side_px), side_px)
    return cells.inflated(data, size=(counts.width_px, counts.height_px), side_px=side_px), counts.total


SIZE = (200, 100)
SIDE_PX = 2


def screen_of(*dots: tuple[int, int]) -> Counts:
    index, count = np.array(dots, np.int64).reshape(-1, 2).T
    return Counts.from_pixels(*SIZE, index, count)


PARTS = {
    "none": screen_of(),
    "the first pixel": screen_of((0, 1)),
    "the last": screen_of((19_999, 300)),
    "many": screen_of(*((nth * 37, 1 + nth**3) for nth in range(540))),
    "much": screen_of((5, 2**62), (700, 2**61)),
}
ORDERS = [("many",), ("none", "many", "the last"), ("the first pixel", "none", "the first pixel"), ("much", "many"), ()]


@pytest.mark.parametrize("names", ORDERS, ids=" ".join)
def test_parts_are_checked_together_as_one_by_one(names: tuple[str, ...]) -> None:
    of_each = [kept(PARTS[name]) for name in names]
    parts, totals = [part for part, _ in of_each], [total for _, total in of_each]
    found = cells.checked(parts, totals, size=SIZE, side_px=SIDE_PX)
    alone = [cells.checked([part], [total], size=SIZE, side_px=SIDE_PX) for part, total in of_each]
    for name in ("index", "count", "place"):
        one_by_one = np.concatenate([[], *(getattr(one, name) for one in alone)])
        assert np.array_equal(getattr(found, name), one_by_one)
    assert [cells.joined([one], size=SIZE, side_px=SIDE_PX).total for one in alone] == totals


DAMAGES = {
    # Row and column of the planes, the byte that is put there, and what is added to the total.
    "a cell twice": (0, 7, 0, 0),
    "a cell beyond the screen": (0, 3, 255, 0),
    "another sum": (1, 3, 255, 0),
    "another total": (1, 0, 1, 1),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_part_that_cannot_be_is_refused_among_others(damage: str) -> None:
    good, total = kept(PARTS["many"])
    assert good.of_deltas == 1
    row, column, byte, more = DAMAGES[damage]
    rows = good.rows.copy()
    rows[row, column] = byte
    other = cells.CellPlanes(rows, good.of_deltas)
    cells.checked([good, good], [total, total], size=SIZE, side_px=SIDE_PX)
    with pytest.raises(ValueError, match=r"fit their screen|should be"):
        cells.checked([good, other], [total, total + more], size=SIZE, side_px=SIDE_PX)
