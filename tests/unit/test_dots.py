"""Anyone's counts, in every shape that Python programs have them, become the same histogram."""

import math
from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mousetrackd.core import dots
from mousetrackd.core.counts import COUNT_MAX
from mousetrackd.core.errors import UsageError

SIZE = (8, 6)
DICT = {(0, 0): 3, (7, 5): 1, (2, 4): 12}
GRID = np.zeros((6, 8), np.int64)
for (_x, _y), _n in DICT.items():
    GRID[_y, _x] = _n
XS, YS, NS = [0, 7, 2], [0, 5, 4], [3, 1, 12]


class Table:
    """What pandas and polars have in common, as far as it is used."""

    def __init__(self, **columns: Any) -> None:
        self._columns = columns
        self.columns = [*columns]

    def __getitem__(self, name: str) -> Any:
        return self._columns[name]


class Grouped:
    """What ``df.groupby(["x", "y"]).size()`` is, as far as it is used."""

    ndim = 1

    def to_dict(self) -> dict[tuple[int, int], int]:
        return DICT

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        raise AssertionError("the positions are in its index")


def structured() -> Any:
    return np.array([*zip(XS, YS, NS, strict=True)], [("x", "i4"), ("y", "i4"), ("n", "u2")])


def points() -> Iterator[tuple[int, int, int]]:
    return zip(XS, YS, NS, strict=True)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(DICT, id="dict"),
        pytest.param(Counter([(0, 0)] * 3 + [(7, 5)] + [(2, 4)] * 12), id="Counter"),
        pytest.param({(np.int16(x), np.uint64(y)): np.int8(n) for (x, y), n in DICT.items()}, id="numpy keys"),
        pytest.param({(float(x), y + 0.5): float(n) for (x, y), n in DICT.items()}, id="floats"),
        pytest.param({**DICT, (5, 5): 0}, id="a count of nothing"),
        pytest.param((XS, YS, NS), id="lists"),
        pytest.param((np.array(XS), np.array(YS, np.float32), np.array(NS, np.uint8)), id="arrays"),
        pytest.param([*points()], id="tuples"),
        pytest.param(points(), id="an iterator of tuples"),
        pytest.param([(x, y) for x, y, n in points() for _ in range(n)], id="each by itself"),
        pytest.param({"x": XS, "y": YS, "count": NS}, id="dict of columns"),
        pytest.param(Table(X=np.array(XS), t=[0, 1, 2], Y=np.array(YS), Frequency=NS), id="table"),
        pytest.param(Table(x=np.array(XS, object), y=YS, n=np.array(NS, object)), id="table of objects"),
        pytest.param(Grouped(), id="grouped"),
        pytest.param(structured(), id="structured array"),
        pytest.param(np.array([*points()]), id="(N, 3)"),
        pytest.param(np.array([(x, y) for x, y, n in points() for _ in range(n)], np.float64), id="(N, 2)"),
        pytest.param(GRID, id="grid"),
        pytest.param(np.asfortranarray(GRID.astype(">f8")), id="grid, Fortran order, big-endian"),
        pytest.param(GRID.astype(np.float16), id="grid of half precision"),
        pytest.param(GRID.tolist(), id="grid of lists"),
    ],
)
def test_every_shape_is_the_same_histogram(data: object) -> None:
    found = dots.read(data, SIZE)
    assert found.counts.dense().tolist() == GRID.tolist()
    assert (found.per_unit, found.outside) == (1, 0)


@pytest.mark.parametrize("kind", "?bBhHiIlLqQefdg")
def test_a_grid_of_every_number_type_is_its_own_size(kind: str) -> None:
    counts = dots.read((GRID > 2).astype(kind)).counts
    assert (counts.width_px, counts.height_px, counts.total) == (8, 6, 2)


@pytest.mark.parametrize(
    ("data", "size"), [(DICT, (1920, 1080)), (GRID, (8, 6)), ([], (1920, 1080)), ({}, (1920, 1080))]
)
def test_without_a_size_points_are_on_full_hd_and_an_array_is_a_screen(data: object, size: tuple[int, int]) -> None:
    counts = dots.read(data).counts
    assert (counts.width_px, counts.height_px) == size


def test_equal_points_add() -> None:
    found = dots.read(([1, 1, 1], [2, 2, 2], [0.25, 0.5, 0.25]), SIZE)
    assert (found.counts.total, found.per_unit, found.counts.pixels) == (1, 1, 1)


def test_points_outside_are_left_out_and_counted() -> None:
    found = dots.read(([0, -1, 8, 3, 7.999, -0.5], [0, 0, 0, 6, 5.999, 0]), SIZE)
    assert (found.outside, found.counts.total) == (4, 2)
    assert found.note == "4 of 6 points lie outside 8x6 and are left out: x is from -1 to 8, y from 0 to 6"


@pytest.mark.parametrize("scale", [1e-300, 1e-9, 0.1, 1 / 3, 1e9 + 0.1, 1e25, 1e300], ids=str)
def test_fractions_keep_their_proportions(scale: float) -> None:
    given = {place: count * scale for place, count in DICT.items()}
    found = dots.read(given, SIZE)
    assert found.counts.pixels == 3
    back = found.counts.count / found.per_unit
    assert back.tolist() == pytest.approx([given[0, 0], given[2, 4], given[7, 5]], rel=1e-15)
    assert math.log2(found.per_unit).is_integer()


def test_whole_numbers_are_exact_up_to_the_largest() -> None:
    found = dots.read({(0, 0): COUNT_MAX, (1, 0): COUNT_MAX - 1}, SIZE)
    assert found.counts.count.tolist() == [COUNT_MAX, COUNT_MAX - 1]
    assert found.per_unit == 1


def test_what_is_larger_than_a_count_is_scaled_down() -> None:
    found = dots.read(np.array([[2**64 - 1, 1, 0, 0]] * 4, np.uint64))
    assert found.per_unit < 1
    assert float(found.counts.count[0]) / found.per_unit == pytest.approx(2.0**64)


def test_the_smallest_beside_the_largest_does_not_vanish() -> None:
    found = dots.read({(0, 0): 1e-30, (1, 0): 1e30}, SIZE)
    assert found.counts.pixels == 2


def test_larger_cells_are_spread_evenly() -> None:
    found = dots.read(np.array([[1, 0, 0, 0], [0, 0, 0, 2], [0, 0, 0, 0], [0, 4, 0, 0]]), (9, 7))
    values = found.counts.dense() / found.per_unit
    assert values.sum() == pytest.approx(7)
    # 9 columns in 4 cells: 3, 2, 2, 2; 7 rows: 2, 2, 2, 1.
    assert values[:2, :3].tolist() == pytest.approx(np.full((2, 3), 1 / 6))
    assert values[2:4, 7:].tolist() == pytest.approx(np.full((2, 2), 0.5))
    assert values[6, 3:5].tolist() == pytest.approx([2, 2])


NAN = math.nan


@pytest.mark.parametrize(
    ("data", "size", "words"),
    [
        ({(1, 1): NAN, (2, 2): 3}, SIZE, "1 of 2 counts is not a finite number, the first is nan"),
        ({(1, 1): -1, (2, 2): -3}, SIZE, "2 of 2 counts are negative, the first is -1"),
        ({(1, 1): math.inf}, SIZE, "1 of 1 counts is not a finite number"),
        ({(1, 1): 1e308, (1, 2): 1.5e308}, SIZE, "too large to be added"),
        (np.full((6, 8), NAN), None, "48 of 48 counts are not"),
        (([1, NAN], [1, 1]), SIZE, "1 of 2 points have no position"),
        (([1.0, math.inf], [1, 1]), SIZE, "1 of 2 points have no position"),
        (([0.1, 0.9], [0.5, 1.0]), SIZE, "from 0 to 1"),
        (([8, 9], [1, -1]), SIZE, "none of the points lies inside 8x6: x is from 8 to 9, y from -1 to 1"),
        (([1, 2], [1]), SIZE, "different lengths"),
        (([1], [1], [1], [1]), SIZE, "got 4 parts"),
        ((XS,), SIZE, "got 1 parts"),
        ([(1, 1), (1, 1, 2)], SIZE, "points of one kind"),
        ({(1, 1): "3"}, SIZE, "count: expected numbers, got '3'"),
        ({(1, 1): None}, SIZE, "count: expected numbers, got None"),
        ({(1, 1): Fraction(1, 3)}, SIZE, "count: expected numbers, got Fraction(1, 3)"),
        ({(1, 1): 1j}, SIZE, "count: expected numbers, got 1j"),
        ({(1, 1): 2**70, (1, 2): None}, SIZE, "expected numbers, got None"),
        ({(1, 1, 1): 1}, SIZE, "expected keys (x, y), got (1, 1, 1)"),
        ({(1, 1): 1, 5: 2}, SIZE, "expected keys (x, y), got 5"),
        ({"640,480": 1}, SIZE, "expected columns x and y, got 640,480"),
        ({"DP-1@8x6": GRID, "DP-2@8x6": GRID}, None, "expected columns x and y"),
        (Table(a=XS, b=YS), SIZE, "expected columns x and y, got a, b"),
        (Table(x=XS, y=YS, n=["a", "b", "c"]), SIZE, "count: expected numbers, got 'a'"),
        (np.zeros((9, 2)), None, "hardly a screen"),
        ([XS * 5, YS * 5], None, "hardly a screen"),
        (np.zeros((6, 8, 3)), None, "expected an array (height, width), got the shape (6, 8, 3)"),
        (np.zeros(8), None, "got the shape (8,)"),
        (5, None, "got the shape ()"),
        (None, None, "expected numbers, got None"),
        ([{"x": GRID}], None, "expected numbers, got {'x': array([[ 3, 0,"),
        (np.zeros((6, 8), complex), None, "expected numbers, got 0j"),
        (np.ma.masked_array(GRID), None, "masked array"),
        (np.zeros((16, 9)), (1920, 1080), "looks transposed"),
        (np.zeros((12, 16)), SIZE, "does not fit 8x6"),
        (np.zeros((4, 20000)), None, "a screen is from 1x1 to 16384x16384"),
        ("heat.csv", None, "got the name 'heat.csv'"),
        (Path("heat.csv"), None, "got the name 'heat.csv'"),
        (DICT, (0, 5), "a screen is from 1x1"),
        (DICT, "8x6", "expected (width, height) in px, got '8x6'"),
        (DICT, (8.5, 6), "expected (width, height) in px"),
        (DICT, (8, 6, 3), "expected (width, height) in px"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_counts_is_refused_and_named(data: object, size: Any, words: str) -> None:
    with pytest.raises(UsageError) as raised:
        dots.read(data, size)
    assert words in raised.value.message
    assert len(str(raised.value).splitlines()) <= 2


@pytest.mark.parametrize("size", [(np.int32(8), np.int64(6)), [8, 6], np.array([8, 6])], ids=str)
def test_a_size_may_be_any_pair_of_whole_numbers(size: Any) -> None:
    assert dots.read(DICT, size).counts.total == 16


def test_nothing_of_the_callers_is_changed() -> None:
    grid, table = GRID.copy(), dict(DICT)
    for data in (grid, table):
        dots.read(data, SIZE)
    assert (grid == GRID).all()
    assert table == DICT
