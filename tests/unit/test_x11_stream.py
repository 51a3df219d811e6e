"""The buffer between the X11 source's threads and the daemon: whom it wakes, and how often."""

from mousetrackd.capture.x11 import record
from mousetrackd.capture.x11.server_clock import ServerClock
from mousetrackd.capture.x11.stream import EventStream, merged
from mousetrackd.core.events import MANY_EVENTS, AppChange, Gap, Interruption, Kind, batch

ELEMENT_BYTES = record.ELEMENT.itemsize


def test_it_notifies_of_the_first_part_and_whenever_much_has_gathered() -> None:
    notified: list[int] = []
    stream = EventStream(lambda: notified.append(stream.puts), ServerClock())
    with_header = bytes(2 * ELEMENT_BYTES)
    for _ in range(2 * MANY_EVENTS + 10):
        stream.put(with_header)
    assert notified == [1, MANY_EVENTS, 2 * MANY_EVENTS]
    stream.cut(lambda: None)
    for _ in range(MANY_EVENTS):
        stream.put(with_header)
    assert len(notified) == 5, "the count starts again when all has been taken"


def test_rows_of_the_stock_listener_count_as_well() -> None:
    notified: list[int] = []
    stream = EventStream(lambda: notified.append(stream.puts), ServerClock())
    for x in range(2 * MANY_EVENTS):
        stream.put((0, Kind.MOVE, x, 0))
    assert notified == [1, MANY_EVENTS, 2 * MANY_EVENTS]


def test_changes_of_windows_are_placed_by_time_after_an_event_of_the_same_ms() -> None:
    events = batch([(10, Kind.LEFT, 1, 1), (20, Kind.LEFT, 2, 2), (30, Kind.LEFT, 3, 3)])
    changes = [AppChange(at, (), ()) for at in (5, 20, 25, 40)]
    found = [
        item.time_ms if isinstance(item, AppChange) else item["time_ms"].tolist()
        for item in merged([events], changes)
        if isinstance(item, AppChange) or not isinstance(item, Interruption)
    ]
    assert found == [5, [10, 20], 20, 25, [30], 40]


def test_a_change_of_windows_comes_before_a_later_gap() -> None:
    gap = Gap(15, "suspend")
    assert merged([gap], [AppChange(10), AppChange(20)]) == [AppChange(10), gap, AppChange(20)]
