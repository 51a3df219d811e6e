"""The buffer between the X11 source's threads and the daemon: whom it wakes, and how often."""

from mousetrackd.capture.x11 import record
from mousetrackd.capture.x11.server_clock import ServerClock
from mousetrackd.capture.x11.stream import EventStream
from mousetrackd.core.events import MANY_EVENTS, Kind

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
