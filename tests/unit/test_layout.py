"""Which screen a desktop pixel belongs to."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mousetrackd.layout import OUTSIDE, Layout, Monitor, Placement

A = Monitor("A", 4, 3)
B = Monitor("B", 2, 2)


def located(layout: Layout, x: int, y: int) -> tuple[int, int, int]:
    owner, local_x, local_y = layout.locate(np.array([x]), np.array([y]))
    return int(owner[0]), int(local_x[0]), int(local_y[0])


def owner_of(layout: Layout, x: int, y: int) -> int:
    return located(layout, x, y)[0]


def test_pixel_on_the_seam_belongs_to_the_right_monitor() -> None:
    layout = Layout([Placement(A, 0, 0), Placement(B, 4, 0)])
    assert located(layout, 3, 1) == (0, 3, 1)
    assert located(layout, 4, 1) == (1, 0, 1)


def test_pixel_on_the_seam_belongs_to_the_lower_monitor() -> None:
    layout = Layout([Placement(A, 0, 0), Placement(B, 0, 3)])
    assert located(layout, 1, 2) == (0, 1, 2)
    assert located(layout, 1, 3) == (1, 1, 0)


def test_a_monitor_may_stand_at_negative_coordinates() -> None:
    layout = Layout([Placement(A, 0, 0), Placement(B, -2, -1)])
    assert located(layout, -2, -1) == (1, 0, 0)
    assert located(layout, -1, 0) == (1, 1, 1)
    assert located(layout, 0, 0) == (0, 0, 0)


def test_of_mirrored_monitors_the_first_has_the_pixel() -> None:
    assert located(Layout([Placement(A, 0, 0), Placement(B, 0, 0)]), 1, 1) == (0, 1, 1)
    mirrored = Layout([Placement(B, 0, 0), Placement(A, 0, 0)])
    assert located(mirrored, 1, 1) == (0, 1, 1)
    assert located(mirrored, 3, 1) == (1, 3, 1)  # only the larger one shows it


@pytest.mark.parametrize(
    ("x", "y", "local"),
    [(-1, 0, (0, 0)), (4, 1, (3, 1)), (2, -1, (2, 0)), (2, 3, (2, 2)), (-1, -1, (0, 0)), (4, 3, (3, 2))],
)
def test_one_pixel_outside_is_clamped_onto_the_edge(x: int, y: int, local: tuple[int, int]) -> None:
    assert located(Layout([Placement(A, 0, 0)]), x, y) == (0, *local)


@pytest.mark.parametrize(("x", "y"), [(-2, 0), (5, 1), (2, -2), (2, 4), (-2, -1), (10**6, 10**6)])
def test_two_pixels_outside_belong_to_no_monitor(x: int, y: int) -> None:
    assert owner_of(Layout([Placement(A, 0, 0)]), x, y) == OUTSIDE


def test_a_pixel_inside_one_monitor_is_never_clamped_onto_its_neighbour() -> None:
    # (4, 0) is one pixel outside of A, which is asked first, and inside of B.
    assert located(Layout([Placement(A, 0, 0), Placement(B, 4, 0)]), 4, 0) == (1, 0, 0)


def test_a_hole_between_monitors_belongs_to_none() -> None:
    layout = Layout([Placement(A, 0, 0), Placement(B, 10, 0)])
    assert owner_of(layout, 7, 0) == OUTSIDE
    assert located(layout, 9, 0) == (1, 0, 0)


def test_without_monitors_every_pixel_is_outside() -> None:
    assert owner_of(Layout(), 0, 0) == OUTSIDE
    assert Layout().bounds() == (0, 0, 0, 0)


def test_bounds_hold_every_monitor() -> None:
    assert Layout([Placement(A, 0, 0), Placement(B, -2, -1)]).bounds() == (-2, -1, 6, 4)
    assert Layout([Placement(A, 5, 7)]).bounds() == (5, 7, 4, 3)


def test_layouts_are_equal_when_the_same_monitors_stand_at_the_same_places() -> None:
    assert Layout([Placement(A, 0, 0)]) == Layout([Placement(A, 0, 0)])
    assert hash(Layout([Placement(A, 0, 0)])) == hash(Layout([Placement(A, 0, 0)]))
    assert Layout([Placement(A, 0, 0)]) != Layout([Placement(A, 0, 1)])
    assert Layout([Placement(A, 0, 0), Placement(B, 4, 0)]) != Layout([Placement(B, 4, 0), Placement(A, 0, 0)])
    assert Layout() != ()


def test_label_says_output_size_and_identity() -> None:
    assert Monitor("DP-1", 1920, 1080).label == "DP-1@1920x1080"
    assert Monitor("DP-1", 1920, 1080, "1a2b3c4d").label == "DP-1@1920x1080#1a2b3c4d"


@pytest.mark.parametrize(("width_px", "height_px"), [(0, 1), (1, 0), (-1, 5)])
def test_a_monitor_without_pixels_is_refused(width_px: int, height_px: int) -> None:
    with pytest.raises(ValueError, match=f"{width_px}x{height_px}"):
        Monitor("A", width_px, height_px)


rectangles = st.lists(
    st.tuples(st.integers(-6, 6), st.integers(-6, 6), st.integers(1, 5), st.integers(1, 5)), max_size=4
)


@given(rectangles, st.integers(-9, 13), st.integers(-9, 13))
def test_locate_equals_asking_each_rectangle_in_turn(rects: list[tuple[int, int, int, int]], x: int, y: int) -> None:
    layout = Layout(Placement(Monitor(str(i), w, h), left, top) for i, (left, top, w, h) in enumerate(rects))
    expected = (OUTSIDE, 0, 0)
    for margin in (1, 0):
        for i, (left, top, w, h) in reversed(list(enumerate(rects))):
            if left - margin <= x < left + w + margin and top - margin <= y < top + h + margin:
                expected = (i, min(max(x - left, 0), w - 1), min(max(y - top, 0), h - 1))
    assert located(layout, x, y) == expected


@given(rectangles, st.lists(st.tuples(st.integers(-9, 13), st.integers(-9, 13)), max_size=8))
def test_many_pixels_at_once_are_each_located_as_if_alone(
    rects: list[tuple[int, int, int, int]], points: list[tuple[int, int]]
) -> None:
    layout = Layout(Placement(Monitor(str(i), w, h), left, top) for i, (left, top, w, h) in enumerate(rects))
    together = layout.locate(np.array([x for x, _ in points], np.int64), np.array([y for _, y in points], np.int64))
    found = list(zip(*(column.tolist() for column in together), strict=True))
    assert found == [located(layout, x, y) for x, y in points]
