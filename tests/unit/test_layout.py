"""Which screen a desktop pixel belongs to."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mousetrackd.core.layout import OUTSIDE, Layout, ReportedMonitor, admit
from mousetrackd.core.monitors import (
    MONITORS_MAX,
    NAME_MAX,
    SIDE_MAX_PX,
    Monitor,
    Placement,
    clean_name,
)

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


def test_a_monitor_may_be_at_negative_coordinates() -> None:
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


def test_layouts_are_equal_when_the_same_monitors_are_at_the_same_places() -> None:
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


# What is told of monitors from outside ------------------------------------------------------------------


def told(
    output: Any = "DP-1", width: Any = 4, height: Any = 3, x: Any = 0, y: Any = 0, mm: Any = (0, 0), edid: Any = ""
) -> ReportedMonitor:
    return ReportedMonitor(output, width, height, edid, x, y, *mm)


def test_what_fits_is_admitted_as_it_was_reported() -> None:
    layout, kept = admit([told("DP-1", 4, 3, -5, 7, (60, 30), "1a2b3c4d"), told("HDMI-1", SIDE_MAX_PX, 1)])
    assert layout.placements == (
        Placement(Monitor("DP-1", 4, 3, "1a2b3c4d"), -5, 7, 60, 30),
        Placement(Monitor("HDMI-1", SIDE_MAX_PX, 1), 0, 0),
    )
    assert (kept, layout.left_out) == ((0, 1), ())


@pytest.mark.parametrize(
    ("impossible", "why"),
    [
        (told("BIG", 65535, 65535), "65535x65535"),
        (told("BIG", SIDE_MAX_PX, SIDE_MAX_PX), "64 million"),
        (told("BIG", 0, 5), "0x5"),
        (told("BIG", -1, 5), "-1x5"),
        (told("BIG", 4.5, 5), "4.5x5"),
        (told("BIG", True, 5), "Truex5"),
        (told("BIG", "4", 5), "4x5"),
        (told("BIG", 4, 5, x=30_000_000), "30000000,0"),
        (told("BIG", 4, 5, y=-(1 << 400)), "farther"),
        (told("BIG", 4, 5, x=math.nan), "farther"),
        (told("BIG", 4, 5, edid="../etc"), "hash"),
    ],
)
def test_what_cannot_be_is_left_out_and_the_others_are_tracked(impossible: ReportedMonitor, why: str) -> None:
    layout, kept = admit([told("A"), impossible, told("B", x=4)])
    assert [monitor.output for monitor in layout.monitors] == ["A", "B"]
    assert kept == (0, 2)
    (note,) = layout.left_out
    assert note.startswith('the monitor "BIG" is not tracked: ')
    assert why in note
    assert layout != Layout(layout.placements)


def test_not_more_than_so_many_are_tracked_at_a_time() -> None:
    layout, kept = admit([told(f"DP-{number}", x=4 * number) for number in range(MONITORS_MAX + 5)])
    assert kept == (*range(MONITORS_MAX),)
    assert layout.left_out == (f"5 more monitors are not tracked: at most {MONITORS_MAX} are, at a time",)


def test_an_impossible_size_in_millimetres_counts_as_unknown() -> None:
    layout, _ = admit([told(mm=(-1, 5)), told(mm=(5, 10**9))])
    assert [(one.width_mm, one.height_mm) for one in layout.placements] == [(0, 0), (0, 0)]


@given(st.text(st.characters(codec=None), max_size=300))
def test_any_name_is_made_one_that_a_monitor_may_have(name: str) -> None:
    cleaned = clean_name(name)
    assert Monitor(cleaned, 4, 3).output == cleaned
    assert clean_name(cleaned) == cleaned
    if name.isprintable() and 0 < len(name) <= NAME_MAX:
        assert cleaned == name


def test_a_name_with_escape_sequences_is_shown_as_what_it_is() -> None:
    layout, _ = admit([told("evil\x1b]0;PWN\a\nproblem  fake")])
    assert layout.monitors[0].label == r"evil\x1b]0;PWN\x07\nproblem  fake@4x3"


def test_two_long_names_stay_apart() -> None:
    assert clean_name("a" * 20_000 + "b") != clean_name("a" * 20_000 + "c")
    assert len(clean_name("a" * 20_000)) == NAME_MAX


@pytest.mark.parametrize("output", ["", "a\n", "a" * (NAME_MAX + 1), "\u202eabc"])
def test_no_monitor_is_made_with_a_name_that_was_not_cleaned(output: str) -> None:
    with pytest.raises(ValueError, match="name"):
        Monitor(output, 4, 3)
