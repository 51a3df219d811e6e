"""A pointer source that fails in a way nobody expected: it ends, says why, and takes nothing else with it."""

import os
import struct
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.waiting import wait_until

from mousetrackd.capture.guard import Guard, GuardedSource
from mousetrackd.capture.wayland.reader_thread import CompositorSource
from mousetrackd.core.errors import BlindError, FaultError, SourceError, UsageError
from mousetrackd.core.events import MANY_EVENTS, Item, Kind, LayoutChange, batch
from mousetrackd.core.layout import Layout

FAULTS = [
    OverflowError("Python int too large to convert to C long"),
    struct.error("unpack requires a buffer of 4 bytes"),
    UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"),
    RecursionError(),
    MemoryError(),
    KeyError("x"),
    TimeoutError(),
]


class Faulty:
    """A source of which each call named in ``faults`` raises that."""

    def __init__(self, **faults: Exception) -> None:
        self.faults = faults
        self.stops = 0

    def _meet(self, call: str, value: Any) -> Any:
        if call in self.faults:
            raise self.faults[call]
        return value

    @property
    def name(self) -> str:
        return str(self._meet("name", "faulty"))

    @property
    def notes(self) -> tuple[str, ...]:
        notes: tuple[str, ...] = self._meet("notes", ("a note",))
        return notes

    def start(self, _notify: Callable[[], None]) -> None:
        self._meet("start", None)

    def drain(self) -> list[Item]:
        items: list[Item] = self._meet("drain", [LayoutChange(1, Layout())])
        return items

    def catch_up(self) -> None:
        self._meet("catch_up", None)

    def now_ms(self) -> int:
        return int(self._meet("now_ms", 17))

    def is_alive(self) -> bool:
        return bool(self._meet("is_alive", True))

    def ping(self) -> bool:
        return bool(self._meet("ping", True))

    def finished(self) -> bool:
        return bool(self._meet("finished", False))

    def stop(self) -> None:
        self.stops += 1
        self._meet("stop", None)


CALLS: dict[str, Callable[[GuardedSource], object]] = {
    "name": lambda source: source.name,
    "notes": lambda source: source.notes,
    "drain": lambda source: source.drain(),
    "catch_up": lambda source: source.catch_up(),
    "now_ms": lambda source: source.now_ms(),
    "is_alive": lambda source: source.is_alive(),
    "ping": lambda source: source.ping(),
    "finished": lambda source: source.finished(),
}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
@pytest.mark.parametrize("call", CALLS)
def test_a_call_that_fails_ends_the_source_with_a_reason_and_raises_nothing(call: str, fault: Exception) -> None:
    faulty = Faulty()
    told: list[int] = []
    source = Guard().make(lambda: faulty)
    source.start(lambda: told.append(1))
    assert CALLS["is_alive"](source) is True
    before = source.failure
    assert before is None
    faulty.faults[call] = fault
    CALLS[call](source)
    assert CALLS["is_alive"](source) is False
    assert faulty.stops == 1
    assert told == [1]
    assert isinstance(source.failure, FaultError)
    assert type(fault).__name__ in source.failure.message
    assert not source.failure.message.endswith(": ")
    assert source.failure.hint
    assert not source.finished()
    for call_again in CALLS.values():
        call_again(source)
    assert faulty.stops == 1


def test_a_clock_that_fails_stays_at_the_last_time_it_gave() -> None:
    faulty = Faulty()
    source = Guard().make(lambda: faulty)
    assert source.now_ms() == 17
    faulty.faults["now_ms"] = OSError()
    assert source.now_ms() == 17


@pytest.mark.parametrize("item", [None, 5, "text", np.zeros(3), batch([(1, Kind.MOVE, 2, 3)])["x"]])
def test_what_is_no_event_ends_the_source(item: Any) -> None:
    class Nonsense(Faulty):
        def drain(self) -> list[Item]:
            return [item]

    source = Guard().make(Nonsense)
    assert source.drain() == []
    assert not source.is_alive()
    assert "is no event" in str(source.failure)


def test_a_start_that_fails_is_a_source_error_and_leaves_nothing_open() -> None:
    faulty = Faulty(start=OverflowError("too large"))
    source = Guard().make(lambda: faulty)
    with pytest.raises(FaultError, match="OverflowError: too large"):
        source.start(lambda: None)
    assert faulty.stops == 1
    assert not source.is_alive()


def test_what_is_expected_of_a_start_stays_what_it_is() -> None:
    with pytest.raises(BlindError, match="blind"):
        Guard().make(lambda: Faulty(start=BlindError("blind"))).start(lambda: None)


def test_a_choice_that_fails_is_a_source_error_and_a_wrong_name_stays_one() -> None:
    def choose(error: Exception) -> Faulty:
        raise error

    with pytest.raises(SourceError, match="ZeroDivisionError, without a reason"):
        Guard().make(lambda: choose(ZeroDivisionError()))
    with pytest.raises(UsageError, match="unknown"):
        Guard().make(lambda: choose(UsageError("unknown source")))


def test_a_stop_that_fails_is_reported_and_raises_nothing() -> None:
    source = Guard().make(lambda: Faulty(stop=OSError(5, "Input/output error")))
    source.stop()
    assert "Input/output error" in str(source.failure)


def test_a_traceback_is_logged_once_however_often_it_is_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    guard = Guard()
    for _ in range(5):
        guard.make(lambda: Faulty(drain=KeyError("x"))).drain()
    assert len([record for record in caplog.records if record.exc_info]) == 1
    guard.make(lambda: Faulty(drain=IndexError("x"))).drain()
    assert len([record for record in caplog.records if record.exc_info]) == 2


def test_what_a_source_is_called_and_notes_is_printable_and_bounded() -> None:
    class Loud(Faulty):
        name = "evil\x1b]0;PWN\x07" + "x" * 10_000
        notes = ("a\nproblem  fake", "\udcff")

    source = Guard().make(Loud)
    assert source.name.isprintable()
    assert len(source.name) <= 200
    assert all(note.isprintable() for note in source.notes)


# The thread of a native source ------------------------------------------------------------------------


class BrokenConnection:
    """A connection whose ``dispatch`` does as given, once something can be read."""

    notes = ()

    def __init__(self, steps: list[Callable[[], float | None]], *, close_fails: bool = False) -> None:
        self._steps = steps
        self._close_fails = close_fails
        self.reads, self.writes = os.pipe()

    def fileno(self) -> int:
        return self.reads

    def dispatch(self) -> float | None:
        return self._steps.pop(0)() if self._steps else None

    def ask(self, answered: Callable[[], None]) -> None:
        answered()

    def close(self) -> None:
        os.close(self.reads)
        os.close(self.writes)
        if self._close_fails:
            raise OSError(5, "Input/output error")


def failing(error: Exception) -> Callable[[], float | None]:
    def fail() -> float | None:
        raise error

    return fail


@pytest.mark.parametrize("fault", [*FAULTS, SourceError("KWin went away", "Waiting for it.")], ids=repr)
def test_a_thread_that_fails_ends_its_source_visibly(fault: Exception, caplog: pytest.LogCaptureFixture) -> None:
    told: list[int] = []
    source = CompositorSource("broken", lambda _: BrokenConnection([lambda: 0, failing(fault)]))
    source.start(lambda: told.append(1))
    wait_until(lambda: not source.is_alive() and len(told) == 2, "it was dead, and had said so")
    assert source.failure is not None
    if isinstance(fault, SourceError):
        assert source.failure is fault
    else:
        assert type(fault).__name__ in source.failure.message
    assert len([record for record in caplog.records if record.exc_info]) == (not isinstance(fault, SourceError))
    source.stop()


def test_a_connection_that_cannot_be_closed_ends_its_source_all_the_same() -> None:
    source = CompositorSource("broken", lambda _: BrokenConnection([failing(SourceError("gone"))], close_fails=True))
    source.start(lambda: None)
    wait_until(lambda: not source.is_alive(), "it was dead")
    source.stop()


@pytest.mark.parametrize("point", [(2**31, 0), (0, -(2**31) - 1), (10**400, 3)])
def test_a_position_that_no_event_can_hold_ends_the_source_and_keeps_what_came_before(point: tuple[int, int]) -> None:
    def move(source: CompositorSource) -> None:
        source.put_move(3, 4)
        source.put_move(*point)

    source = CompositorSource("far", lambda source: BrokenConnection([partial(move, source)]))
    source.start(lambda: None)
    wait_until(lambda: not source.is_alive(), "it was dead")
    (events,) = source.drain()
    assert events.tolist()[0][2:] == (3, 4)  # type: ignore[union-attr]
    assert isinstance(source.failure, FaultError)
    source.stop()


def test_a_flood_that_nobody_takes_ends_the_source() -> None:
    def flood(source: CompositorSource) -> None:
        for x in range(2000):
            source.put_move(x, 0)

    source = CompositorSource("loud", lambda source: BrokenConnection([partial(flood, source)]), unread_max=1000)
    source.start(lambda: None)
    wait_until(lambda: not source.is_alive(), "it was dead")
    assert "more than can be counted" in str(source.failure)
    (events,) = source.drain()
    assert len(events) == 1000  # type: ignore[arg-type]
    source.stop()


def test_a_source_that_holds_many_events_notifies_again() -> None:
    notified: list[int] = []

    def flood(source: CompositorSource) -> None:
        for x in range(2 * MANY_EVENTS + 10):
            source.put_move(x, 0)

    source = CompositorSource("loud", lambda source: BrokenConnection([partial(flood, source)]))
    source.start(lambda: notified.append(1))
    source.catch_up()
    source.stop()
    # When it starts, for the first event, twice for many, and at its end.
    assert len(notified) == 5
    assert sum(len(item) for item in source.drain()) == 2 * MANY_EVENTS + 10  # type: ignore[arg-type, misc]


def test_more_that_waits_is_read_at_once_and_a_stop_is_obeyed_meanwhile() -> None:
    calls: list[int] = []

    class Endless(BrokenConnection):
        def dispatch(self) -> float | None:
            calls.append(1)
            return 0

    source = CompositorSource("endless", lambda _: Endless([]))
    source.start(lambda: None)
    wait_until(lambda: len(calls) > 100, "it was dispatched without a pause")
    source.stop()
    assert not source.is_alive()
    assert source.failure is None


def test_an_opening_that_fails_leaves_no_word(tmp_path: Path) -> None:
    def fail(source: CompositorSource) -> BrokenConnection:
        source.put_move(1, 1)
        raise OverflowError(str(tmp_path))

    source = CompositorSource("broken", fail)
    with pytest.raises(OverflowError):
        source.start(lambda: None)
    assert source.drain() == []
