"""The bytes of a RECORD connection: what is found in them."""

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mousetrackd.capture.x11.randr import Change
from mousetrackd.capture.x11.record import Screens, Splitter, decode, is_end, last_stamp_ms, pointers_in_time, roots
from mousetrackd.core.events import AppChange, Gap, Item, Kind, LayoutChange, Pointers, batch

HEADER = bytes([1]) + bytes(31)
CHANGED, ALSO_CHANGED = 22, 90


def element(kind: int, detail: int = 0, *, time_ms: int = 0, x: int = 0, y: int = 0) -> bytes:
    return struct.pack("=2BH I 12x 2h 8x", kind, detail, 0, time_ms, x, y)


def told(number: int, kind: int = CHANGED) -> bytes:
    return bytes([kind, 0]) + number.to_bytes(2, "little") + bytes([CHANGED]) * 28


MOVE, PRESS, RELEASE = 6, 4, 5


def test_changes_come_between_what_came_before_and_after_them() -> None:
    before, after = HEADER + element(MOVE, x=1), HEADER + element(MOVE, x=CHANGED, y=CHANGED)
    raw = before + HEADER + told(7) + told(8, ALSO_CHANGED) + after
    assert Splitter((CHANGED, ALSO_CHANGED)).split(raw) == [
        before + HEADER,
        *(Change(told(7)), Change(told(8, ALSO_CHANGED))),
        after,
    ]
    assert [part.sequence for part in Splitter((CHANGED, ALSO_CHANGED)).split(raw) if isinstance(part, Change)] == [
        7,
        8,
    ]


@pytest.mark.parametrize("types", [(), (CHANGED,)])
def test_without_changes_it_stays_in_one_piece(types: tuple[int, ...]) -> None:
    raw = HEADER + element(MOVE, CHANGED, x=CHANGED)
    assert Splitter(types).split(raw) == [raw]
    assert Splitter(types).split(b"") == []


@pytest.mark.parametrize("number", range(2, 128))
def test_every_event_number_can_be_looked_for(number: int) -> None:
    raw = HEADER + element(number) + HEADER
    assert len(Splitter((number,)).split(raw)) == 3
    assert Splitter((number % 126 + 2,)).split(raw) == [raw]


def test_presses_moves_and_nothing_else_are_events() -> None:
    raw = b"".join(
        [HEADER, element(MOVE, x=3, y=4), element(PRESS, 1, x=5, y=6), element(RELEASE, 1), element(PRESS, 4), told(1)]
    )
    events = decode(raw, 1000, 1000)
    assert events["kind"].tolist() == [Kind.MOVE, Kind.LEFT, Kind.SCROLL]
    assert events[["x", "y"]].tolist() == [(3, 4), (5, 6), (0, 0)]


def test_times_are_ours_even_where_the_servers_wrap() -> None:
    raw = element(MOVE, time_ms=2**32 - 10) + element(MOVE, time_ms=5)
    assert decode(raw, 70_000, 2**32 + 20)["time_ms"].tolist() == [69_970, 69_985]
    assert decode(b"", 70_000, 0).size == 0
    assert np.all(decode(raw, 70_000, 20)["time_ms"] == [69_970, 69_985])


OURS, OTHER = 100, 200


@given(st.lists(st.tuples(st.sampled_from([0, OURS, OTHER]), st.integers(0, 9)), max_size=12), st.booleans())
def test_events_on_another_screen_are_gaps_wherever_batches_end(rows: list[tuple[int, int]], is_here: bool) -> None:
    is_ours, expected = is_here, []
    for root, _ in rows:
        is_ours = is_ours if root == 0 else root == OURS
        expected.append(is_ours)
    events = batch((time_ms, Kind.MOVE, x, 0) for time_ms, (_, x) in enumerate(rows))
    of_rows = np.array([root for root, _ in rows], np.uint32)
    shown = [events[number] for number, is_ours in enumerate(expected) if is_ours]
    for cut in range(len(rows) + 1):
        screens = Screens([OTHER], is_here=is_here)
        items = [*screens.split(events[:cut], of_rows[:cut]), *screens.split(events[cut:], of_rows[cut:])]
        assert [event for item in items if not isinstance(item, Gap) for event in item] == shown
        gaps = {item.time_ms for item in items if isinstance(item, Gap)}
        left = {n for n, ours in enumerate(expected) if not ours and (n == 0 or expected[n - 1])}
        assert left <= gaps <= left | {cut}
    screens = Screens([OTHER], is_here=is_here)
    assert [screens.shows(root) for root, _ in rows] == expected


def test_the_root_windows_are_those_of_the_events() -> None:
    raw = HEADER + struct.pack("=2BH 4I 2h 8x", MOVE, 0, 0, 0, 77, 1, 2, 3, 4) + element(RELEASE) + element(PRESS, 1)
    assert roots(raw).tolist() == [77, 0]


def test_the_last_stamp_is_that_of_an_event() -> None:
    assert last_stamp_ms(HEADER + element(MOVE, time_ms=2**32 - 1)) == 2**32 - 1
    assert last_stamp_ms(element(RELEASE, time_ms=7)) == last_stamp_ms(element(RELEASE | 0x80, time_ms=7)) == 7
    for none in (b"", HEADER, element(MOVE) + HEADER, told(1)):
        assert last_stamp_ms(none) is None


def test_no_event_is_of_the_future() -> None:
    assert decode(element(MOVE, time_ms=900_000), 70_000, 20)["time_ms"].tolist() == [70_000]


def shown(items: list[Item]) -> list[str | list[int]]:
    return [
        item.reason if isinstance(item, Gap) else item["time_ms"].tolist()
        for item in items
        if not isinstance(item, LayoutChange | AppChange)
    ]


def of_times(*times_ms: int) -> Item:
    return batch((time_ms, Kind.MOVE, 0, 0) for time_ms in times_ms)


@pytest.mark.parametrize(
    ("time_ms", "expected"),
    [
        (9, ["suspend", [3, 5], [5, 7], "pointers", [9]]),
        (7, ["suspend", [3, 5], [5], "pointers", [7], [9]]),
        (5, ["suspend", [3], "pointers", [5], [5, 7], [9]]),
        (1, ["suspend", "pointers", [3, 5], [5, 7], [9]]),
    ],
)
def test_pointers_come_before_the_events_that_came_after_them(time_ms: int, expected: list[str | list[int]]) -> None:
    items = [Gap(2, "suspend"), of_times(3, 5), of_times(5, 7), Pointers(time_ms, "pointers", 2), of_times(9)]
    assert shown(pointers_in_time(items)) == expected


def test_the_end_of_a_recording_is_known() -> None:
    end = bytes([1, 5]) + bytes(30)
    assert is_end(end)
    assert is_end(HEADER + element(MOVE) + end)
    assert not any(is_end(raw) for raw in (b"", HEADER, element(MOVE), end + element(MOVE), bytes([1, 4]) + bytes(30)))
