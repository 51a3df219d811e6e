"""A source from its start to its end: nothing that it gave is lost, and its end is returned."""

import threading

import pytest
from support.parts import FedSource
from support.waiting import wait_until

from mousetrackd.config import ApplicationsConfig, Config
from mousetrackd.core.errors import BlindError, FaultError, SourceError
from mousetrackd.core.events import Gap, Item
from mousetrackd.daemon.capture_session import NO_WINDOWS, CaptureSession, Ended


class Identifying(FedSource):
    """One that knows windows."""

    identifies_by = "magic"


def session_of(*sources: FedSource, stop_timeout_s: float = 10.0) -> CaptureSession:
    waiting = list(sources)
    return CaptureSession(lambda _: waiting.pop(0), lambda: None, stop_timeout_s, source_name="configured")


def test_what_a_source_gives_is_taken_in_order_and_once() -> None:
    source = FedSource()
    session = session_of(source)
    assert (session.is_listening, session.now_ms, session.source_name) == (False, 0, "configured")
    session.start(Config())
    assert (session.is_listening, session.now_ms, session.source_name) == (True, 17, "fed")
    source.items += [Gap(1, "one"), Gap(2, "two")]
    source.notes = ("half blind",)
    assert session.poll() == [Gap(1, "one"), Gap(2, "two")]
    assert session.take() == []
    assert session.notes == ("half blind",)


def test_a_source_that_knows_no_windows_has_a_note_where_somebody_counts_by_application() -> None:
    blind, able = FedSource(), Identifying()
    session = session_of(blind, able)
    blind.notes = able.notes = ("no wheel",)
    session.start(Config(applications=ApplicationsConfig(enabled=True)))
    session.take()
    assert [*session.notes] == ["no wheel", NO_WINDOWS]
    session.start(Config(applications=ApplicationsConfig(enabled=True)))
    session.take()
    assert [*session.notes] == ["no wheel"]


def test_a_source_that_was_stopped_gives_what_came_while_it_stopped() -> None:
    source = FedSource()
    session = session_of(source)
    session.start(Config())
    source.items.append(Gap(1, "before"))
    source.items_at_stop.append(Gap(2, "at the end"))
    stopped = session.stop()
    assert stopped.items == [Gap(1, "before"), Gap(2, "at the end")]
    assert (stopped.now_ms, stopped.problem) == (17, "")
    assert not session.is_listening
    assert session.stop().items == []
    assert source.calls == ["start", "stop"]


@pytest.mark.parametrize("is_finished", [True, False])
def test_the_end_of_a_source_is_returned_with_what_it_gave_last(is_finished: bool) -> None:
    source = FedSource()
    session = session_of(source)
    session.start(Config())
    source.items.append(Gap(1, "last"))
    source.alive, source.is_finished = False, is_finished
    assert session.has_ended
    ended = session.poll()
    assert isinstance(ended, Ended)
    assert ended.items == [Gap(1, "last")]
    assert (ended.error is None) == is_finished
    assert is_finished or "fed went away" in str(ended.error)
    assert not session.has_ended
    assert session.poll() == []
    assert source.calls == ["start", "stop"]


def test_a_source_that_fails_in_an_unexpected_way_ends_with_that_failure() -> None:
    class Failing(FedSource):
        def drain(self) -> list[Item]:
            raise OverflowError("too large")

    session = session_of(Failing())
    session.start(Config())
    assert session.take() == []
    ended = session.poll()
    assert isinstance(ended, Ended)
    assert isinstance(ended.error, FaultError)


def test_a_source_that_does_not_stop_is_left_behind_with_a_problem() -> None:
    released = threading.Event()

    class Endless(FedSource):
        def stop(self) -> None:
            released.wait(60)

    source = Endless()
    session = session_of(source, stop_timeout_s=0.05)
    session.start(Config())
    source.items.append(Gap(1, "counted"))
    stopped = session.stop()
    released.set()
    wait_until(lambda: all(thread.name != "stopping" for thread in threading.enumerate()), "its thread has ended")
    assert stopped.items == [Gap(1, "counted")]
    assert stopped.problem.startswith("fed does not stop")
    assert not session.is_listening


def test_a_source_that_cannot_be_had_leaves_none() -> None:
    session = session_of(FedSource(BlindError("blind", "Log in to X11.")), FedSource())
    with pytest.raises(BlindError):
        session.start(Config())
    assert not session.is_listening
    assert session.source_name == "fed"
    session.start(Config())
    assert session.is_listening


def test_waits_between_tries_grow_to_half_a_minute_and_start_again() -> None:
    session = session_of()
    assert [session.next_retry_s() for _ in range(7)] == [1, 2, 4, 8, 16, 30, 30]
    session.reset_retries(after=FaultError("a fault"))
    assert session.next_retry_s() == 30
    session.reset_retries(after=SourceError("gone"))
    assert session.next_retry_s() == 1
    session.reset_retries()
    assert session.next_retry_s() == 1


def test_only_a_living_source_can_fail_to_answer() -> None:
    source = FedSource()
    session = session_of(source)
    source.answers = False
    assert session.answers()
    session.start(Config())
    assert not session.answers()
    source.alive = False
    assert session.answers()


def test_a_source_is_asked_to_catch_up() -> None:
    source = FedSource()
    session = session_of(source)
    session.catch_up()
    assert source.calls == []
    session.start(Config())
    session.catch_up()
    assert source.calls == ["start", "catch_up"]
