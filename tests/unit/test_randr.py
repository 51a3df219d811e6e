"""The layout between two queries of the monitors, worked out of the events that the server sends about changes."""

import struct

import pytest

from mousetrackd.capture.x11.randr import Change, LayoutTracker, Output, QueriedLayout, RandrState, Rect
from mousetrackd.core.events import LayoutChange
from mousetrackd.core.layout import Layout
from mousetrackd.core.monitors import Monitor, Placement

CONFIGURE, NOTIFY = 22, 90  # the server decides where RandR's events begin; this is Xvfb's

LEFT_CRTC, RIGHT_CRTC = 60, 61
EDP, DP, HDMI = 70, 71, 72

LAPTOP = Placement(Monitor("eDP-1", 1920, 1080, "aaaa0000"), 0, 0, 300, 170)
DESK = Placement(Monitor("DP-1", 2560, 1440, "bbbb0000"), 1920, 0, 600, 340)
OUTPUTS = {
    EDP: Output(LEFT_CRTC, "eDP-1", "aaaa0000", 300, 170),
    DP: Output(RIGHT_CRTC, "DP-1", "bbbb0000", 600, 340),
    HDMI: Output(0, "HDMI-1", "", 0, 0),
}
TWO = RandrState(4480, 1440, {LEFT_CRTC: Rect(0, 0, 1920, 1080), RIGHT_CRTC: Rect(1920, 0, 2560, 1440)}, OUTPUTS)


def crtc_event(crtc: int, rect: tuple[int, int, int, int] | None, *, rotation: int = 1, sequence: int = 0) -> bytes:
    where = rect or (0, 0, 0, 0)
    return struct.pack("=2BH 2I 2I 2H 2h2H", NOTIFY, 0, sequence, 0, 0, crtc, 99 if rect else 0, rotation, 0, *where)


def output_event(output: int, crtc: int) -> bytes:
    return struct.pack("=2BH 3I 3I H2B", NOTIFY, 1, 0, 0, 0, 0, output, crtc, 99, 1, 0, 0)


def size_event(width_px: int, height_px: int, *, sequence: int = 0) -> bytes:
    return struct.pack("=2BH 3I 2h2H 2H4x", CONFIGURE, 0, sequence, 1, 1, 0, 0, 0, width_px, height_px, 0, 0)


def after(*events: bytes) -> Layout:
    state = TWO
    for event in events:
        assert len(event) == 32
        state = state.after(event)
    return state.layout()


def test_each_crtc_that_is_on_is_a_monitor_called_as_its_output() -> None:
    assert TWO.layout() == Layout([LAPTOP, DESK])


def test_a_crtc_that_is_switched_off_is_no_monitor() -> None:
    assert after(crtc_event(RIGHT_CRTC, None), output_event(DP, 0), size_event(1920, 1080)) == Layout([LAPTOP])


def test_with_none_on_the_screen_is_a_whole() -> None:
    off = [crtc_event(LEFT_CRTC, None), crtc_event(RIGHT_CRTC, None)]
    assert after(*off, size_event(1280, 720)) == Layout([Placement(Monitor("screen", 1280, 720), 0, 0)])


def test_a_crtc_that_drives_another_output_is_another_monitor() -> None:
    moved = [crtc_event(RIGHT_CRTC, (1920, 0, 1280, 1024)), output_event(DP, 0), output_event(HDMI, RIGHT_CRTC)]
    assert after(*moved) == Layout([LAPTOP, Placement(Monitor("HDMI-1", 1280, 1024), 1920, 0)])


@pytest.mark.parametrize(
    ("rotation", "size"), [(1, (1280, 1024)), (2, (1024, 1280)), (4, (1280, 1024)), (8, (1024, 1280))]
)
def test_a_screen_on_its_side_is_as_wide_as_it_is_high(rotation: int, size: tuple[int, int]) -> None:
    turned = after(crtc_event(RIGHT_CRTC, (1920, 5, 1280, 1024), rotation=rotation))
    assert turned == Layout([LAPTOP, Placement(Monitor("DP-1", *size, "bbbb0000"), 1920, 5, 600, 340)])


def test_crtcs_keep_their_order_whichever_is_switched_on_last() -> None:
    assert after(crtc_event(LEFT_CRTC, None), crtc_event(LEFT_CRTC, (0, 0, 1920, 1080))) == Layout([LAPTOP, DESK])


def test_an_event_about_a_new_output_is_left_to_the_next_query() -> None:
    assert after(output_event(99, LEFT_CRTC)) == TWO.layout()


# In a stream --------------------------------------------------------------------------------------------


def queried(sequence: int, layout: Layout, state: RandrState | None = None, *, time_ms: int = 0) -> QueriedLayout:
    return QueriedLayout(sequence, time_ms, layout, state)


def change(sequence: int, width_px: int = 4480) -> Change:
    return Change(size_event(width_px, 1440, sequence=sequence))


ONE_LAYOUT, OTHER_LAYOUT, LAST_LAYOUT = (Layout([Placement(Monitor(name, 100, 100), 0, 0)]) for name in "abc")


def begun(first: QueriedLayout) -> LayoutTracker:
    tracker = LayoutTracker()
    assert tracker.begin(first, 5) == LayoutChange(5, first.layout)
    return tracker


def test_a_change_with_a_query_after_it_leads_to_what_was_queried() -> None:
    tracker = begun(queried(10, ONE_LAYOUT))
    one, other = change(10), change(11)
    assert not tracker.is_known(one, 8)
    tracker.add(queried(11, OTHER_LAYOUT, time_ms=7))
    tracker.add(queried(12, LAST_LAYOUT, time_ms=8))
    assert tracker.is_known(one, 8)
    assert tracker.after(one, other, 9) == [LayoutChange(7, OTHER_LAYOUT)]
    assert tracker.after(other, None, 9) == [LayoutChange(8, LAST_LAYOUT)]
    assert tracker.after(other, None, 9) == [], "nothing is different"


def test_a_change_without_a_query_is_what_its_events_say() -> None:
    tracker = begun(queried(10, TWO.layout(), TWO))
    tracker.add(queried(20, TWO.layout(), TWO, time_ms=9))
    off, on = (Change(crtc_event(RIGHT_CRTC, rect, sequence=10)) for rect in (None, (1920, 0, 2560, 1440)))
    assert tracker.after(off, on, 9) == [LayoutChange(9, Layout([LAPTOP]))]
    assert tracker.after(on, None, 9) == [LayoutChange(9, Layout([LAPTOP, DESK]))]


def test_where_the_events_do_not_say_all_the_next_query_does() -> None:
    tracker = begun(queried(10, ONE_LAYOUT))
    tracker.add(queried(20, LAST_LAYOUT, time_ms=9))
    assert tracker.after(change(10), change(10), 9) == [LayoutChange(9, LAST_LAYOUT)]


def test_a_change_whose_event_was_lost_is_applied_after_a_while() -> None:
    tracker = begun(queried(10, ONE_LAYOUT))
    tracker.add(queried(11, OTHER_LAYOUT, time_ms=100))
    assert tracker.newest(1000) == [], "its event may still come"
    assert tracker.newest(1200) == [LayoutChange(100, OTHER_LAYOUT)]
    assert tracker.newest(1300) == []


def test_sequence_numbers_that_wrap_are_still_in_order() -> None:
    assert Change(size_event(1, 1, sequence=65_535)).is_before(2)
    assert not Change(size_event(1, 1, sequence=2)).is_before(65_535)
    assert not Change(size_event(1, 1, sequence=7)).is_before(7)


def test_a_change_that_will_not_be_queried_is_what_its_events_say() -> None:
    tracker = begun(queried(10, TWO.layout(), TWO))
    off = Change(crtc_event(RIGHT_CRTC, None, sequence=10))
    assert tracker.after(off, None, 70) == [LayoutChange(70, Layout([LAPTOP]))]


def test_queries_of_long_ago_do_not_answer_for_changes_of_now() -> None:
    tracker = begun(queried(10, ONE_LAYOUT, time_ms=0))
    assert not tracker.is_known(change(40_001), 3_600_000), "number 10 came before, not after"
    tracker.add(queried(40_000, OTHER_LAYOUT, time_ms=3_600_000))
    assert not tracker.is_known(change(40_001), 3_600_000)
    assert tracker.is_known(change(39_999), 3_600_000)


def test_between_two_modes_there_is_no_monitor_made_of_the_whole_screen() -> None:
    one = RandrState(1920, 1080, {LEFT_CRTC: Rect(0, 0, 1920, 1080)}, OUTPUTS)
    tracker = begun(queried(10, one.layout(), one))
    off = Change(crtc_event(LEFT_CRTC, None, sequence=10))
    smaller = Change(size_event(1280, 720, sequence=10))
    on = Change(crtc_event(LEFT_CRTC, (0, 0, 1280, 720), sequence=10))
    assert tracker.after(off, smaller, 9) == []
    tracker.add(queried(20, Layout([LAPTOP]), time_ms=9))
    assert tracker.after(smaller, on, 9) == []
    assert [change.layout.monitors[0].label for change in tracker.after(on, on, 9)] == ["eDP-1@1280x720#aaaa0000"]
