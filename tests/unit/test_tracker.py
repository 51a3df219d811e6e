"""What a source gives is counted, and what becomes of it is the daemon's state."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.parts import FedSource, HandClock, paths_in

from mousetrackd.config import Config, PrivacyConfig
from mousetrackd.core.errors import BlindError, PrivacyError, RecordingError, SourceError
from mousetrackd.core.events import Gap, Kind, LayoutChange, batch
from mousetrackd.core.layout import Layout
from mousetrackd.core.monitors import Monitor, Placement
from mousetrackd.daemon.capture_session import CaptureSession
from mousetrackd.daemon.checkpointer import Checkpointer
from mousetrackd.daemon.event_loop import Timers
from mousetrackd.daemon.lock import InstanceLock
from mousetrackd.daemon.status import Status
from mousetrackd.daemon.tracker import Tracker
from mousetrackd.system.paths import Paths

SHOWN = LayoutChange(0, Layout([Placement(Monitor("S", 100, 100), 0, 0)]))


class Tracking:
    """A tracker, what it works with, and the sources that it gets one after the other."""

    def __init__(self, paths: Paths) -> None:
        self.sources: list[FedSource] = []
        self.clock = HandClock(1_800_000_000)
        self.timers = Timers(self.clock.clocks.monotonic_s)
        self.checkpointer = Checkpointer(paths, Config(), self.clock.clocks, lambda: None)
        self.status = Status(paths, self.clock.clocks, InstanceLock(paths))
        self.session = CaptureSession(lambda _: self.sources.pop(0), lambda: None, 10.0, source_name="auto")
        self.tracker = Tracker(self.session, self.checkpointer, self.status, self.timers)

    def start(self) -> FedSource:
        source = FedSource()
        source.items.append(SHOWN)
        self.sources.append(source)
        assert self.tracker.start(Config(), None) is None
        return source


@pytest.fixture
def tracking(tmp_path: Path) -> Iterator[Tracking]:
    tracking = Tracking(paths_in(tmp_path))
    yield tracking
    tracking.checkpointer.close()


def test_a_source_that_starts_is_tracked_and_counted(tracking: Tracking) -> None:
    assert tracking.status.source_name == "auto"
    source = tracking.start()
    assert (tracking.status.state, tracking.status.source_name) == ("tracking", "fed")
    assert tracking.status.layout == SHOWN.layout
    assert not tracking.tracker.events_wait(600)
    assert tracking.timers.wait_s() == 5
    source.items.append(batch([(1, Kind.LEFT, 1, 1), (2, Kind.LEFT, 900, 900)]))
    assert tracking.tracker.drain() is None
    assert (tracking.status.events, tracking.status.out_of_bounds) == (2, 1)


def test_a_source_that_notifies_again_before_it_was_drained_is_drained_at_once(tracking: Tracking) -> None:
    tracking.start()
    assert not tracking.tracker.events_wait(600)
    assert tracking.tracker.events_wait(600)
    tracking.tracker.drain()
    assert not tracking.tracker.events_wait(600)
    tracking.tracker.count_pending()
    assert not tracking.tracker.events_wait(600)
    assert tracking.timers.wait_s() == 5


@pytest.mark.parametrize(
    ("error", "state"), [(SourceError("no display", "Wait."), "waiting"), (BlindError("blind", "Wait."), "blind")]
)
def test_a_source_that_cannot_be_had_is_waited_for_and_its_reason_reported(
    tracking: Tracking, error: SourceError, state: str
) -> None:
    tracking.sources.append(FedSource(error))
    assert tracking.tracker.start(Config(), None) is None
    assert tracking.status.state == state
    assert tracking.status.problem("source") == f"{error.message}. Wait."
    assert tracking.timers.wait_s() == 1
    tracking.start()
    assert tracking.status.problem("source") == ""
    assert tracking.timers.wait_s() is None


def test_a_recording_that_cannot_be_played_is_no_reason_to_wait(tracking: Tracking) -> None:
    tracking.sources.append(FedSource(RecordingError("no such file")))
    with pytest.raises(RecordingError):
        tracking.tracker.start(Config(), None)
    assert tracking.timers.wait_s() is None


def test_nothing_is_listened_to_while_it_is_not_known_what_must_not_be_counted(tracking: Tracking) -> None:
    assert tracking.tracker.start(Config(), PrivacyError("a misspelt rule")) is None
    assert tracking.status.state == "blind"
    assert not tracking.session.is_listening
    assert tracking.timers.wait_s() == 1


def test_the_end_of_a_source_is_returned_when_all_of_it_is_counted(tracking: Tracking) -> None:
    source = tracking.start()
    source.items.append(batch([(1, Kind.LEFT, 1, 1)]))
    source.alive = False
    assert tracking.tracker.events_wait(600)
    ended = tracking.tracker.drain()
    assert ended is not None
    assert ended.error is not None
    assert tracking.status.events == 1
    assert tracking.status.state == "tracking", "what follows is decided by who is told"
    tracking.tracker.wait_after(ended.error)
    assert tracking.status.state == "waiting"
    assert tracking.tracker.drain() is None


def test_a_source_that_ended_while_it_started_is_returned_and_never_tracked(tracking: Tracking) -> None:
    source = FedSource()
    source.alive = False
    tracking.sources.append(source)
    assert tracking.tracker.start(Config(), None) is not None
    assert tracking.status.state == "starting"


def test_what_came_before_new_rules_is_counted_by_the_old_ones(tracking: Tracking) -> None:
    source = tracking.start()
    source.items.append(batch([(1, Kind.LEFT, 1, 1)]))
    tracking.tracker.protect(PrivacyConfig(exclude=["T 0,0 5x5"]))
    assert tracking.status.events == 1
    assert "privacy.exclude names T" in tracking.status.problem("exclude")
    tracking.tracker.protect(PrivacyConfig())
    assert tracking.status.problem("exclude") == ""


def test_a_stop_counts_what_came_and_clears_what_was_armed(tracking: Tracking) -> None:
    source = tracking.start()
    tracking.tracker.events_wait(600)
    source.items_at_stop.append(batch([(1, Kind.LEFT, 1, 1)]))
    tracking.tracker.stop()
    assert tracking.status.events == 1
    assert source.calls == ["start", "stop"]
    assert tracking.timers.wait_s() == 600, "only the checkpoint"
    tracking.tracker.stop()


def test_notes_of_the_source_are_reported_with_what_it_gives(tracking: Tracking) -> None:
    source = tracking.start()
    source.notes = ("half of the screen is not seen",)
    source.items.append(Gap(1, "hidden"))
    tracking.tracker.count_pending()
    assert tracking.status.notes == ("half of the screen is not seen",)


def test_a_display_that_does_not_answer_is_reported_until_it_does(tracking: Tracking) -> None:
    assert tracking.tracker.check_display()
    source = tracking.start()
    source.answers = False
    assert not tracking.tracker.check_display()
    assert tracking.status.problem("display").startswith("fed does not answer")
    source.answers = True
    assert tracking.tracker.check_display()
    assert tracking.status.problem("display") == ""
