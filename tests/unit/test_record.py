"""The bytes of a RECORD connection: what is found in them."""

import struct

import numpy as np
import pytest

from mousetrackd.events import Kind
from mousetrackd.sources.randr import Change
from mousetrackd.sources.record import Splitter, decode

HEADER = bytes([1]) + bytes(31)
CHANGED, ALSO_CHANGED = 22, 90


def element(kind: int, detail: int = 0, *, time_ms: int = 0, x: int = 0, y: int = 0) -> bytes:
    return struct.pack("=2BH I 12x 2h 8x", kind, detail, 0, time_ms, x, y)


def told(number: int, kind: int = CHANGED) -> bytes:
    return bytes([kind, 0]) + number.to_bytes(2, "little") + bytes([CHANGED]) * 28


MOVE, PRESS, RELEASE = 6, 4, 5


def test_changes_stand_between_what_came_before_and_after_them() -> None:
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
