"""Where each monitor is in a picture: as the desktop is arranged, and within what can be drawn."""

from mousetrackd.core.layout import Layout
from mousetrackd.core.monitors import DESKTOP_MAX_PX, SIDE_MAX_PX, Monitor, Placement
from mousetrackd.picture.scene import CANVAS_MAX_PX, CANVAS_SIDE_MAX_PX, append_unplaced_monitors, fit_canvas

A = Monitor("A", 4, 3)
B = Monitor("B", 2, 2)
LEFT = Monitor("DP-1", 80, 60)
ALONE = Layout([Placement(LEFT, 0, 0)])


def test_several_without_a_position_are_put_side_by_side_the_largest_first() -> None:
    small, large, same = Monitor("A", 10, 10), Monitor("B", 30, 20), Monitor("A", 5, 5)
    placed = append_unplaced_monitors(Layout(), {small, large, same}).placements
    assert placed == (Placement(large, 0, 0), Placement(small, 30, 0))


def test_what_has_a_position_keeps_it() -> None:
    assert append_unplaced_monitors(ALONE, {LEFT, Monitor("DP-1", 5, 5)}) == ALONE


def test_a_desktop_that_can_be_drawn_is_drawn_as_it_is() -> None:
    layout = Layout([Placement(A, 100, 50), Placement(B, -30, -20)])
    assert fit_canvas(layout) == layout
    assert fit_canvas(layout, [Monitor("C", 5, 5)]).placements == (
        *layout.placements,
        Placement(Monitor("C", 5, 5), 104, -20),
    )


def test_a_desktop_that_is_too_large_is_drawn_closer_together() -> None:
    layout = Layout([Placement(A, 0, 0, 60, 30), Placement(B, DESKTOP_MAX_PX, -DESKTOP_MAX_PX)])
    assert fit_canvas(layout).placements == (Placement(A, 0, 0, 60, 30), Placement(B, 4, 0))


def test_what_no_picture_can_hold_is_left_out_and_named() -> None:
    many = [Monitor(f"S{number}", SIDE_MAX_PX, 3000) for number in range(40)]
    drawn = fit_canvas(Layout([Placement(A, 0, 0)]), many)
    _, _, width_px, height_px = drawn.bounds()
    assert width_px * height_px <= CANVAS_MAX_PX
    assert max(width_px, height_px) <= CANVAS_SIDE_MAX_PX
    assert drawn.monitors[:2] == (A, many[0])
    assert len(drawn.monitors) + len(drawn.left_out) == 41
    assert fit_canvas(drawn, [one for one in many if one not in drawn.monitors]) == drawn
