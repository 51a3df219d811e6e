"""The daemon's jobs: one child at a time, whose end is a message, and what is reported of it."""

import queue
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from support.parts import HandClock, paths_in
from support.waiting import wait_until

from mousetrackd.config import Config, to_toml
from mousetrackd.daemon.child_process import Job
from mousetrackd.daemon.event_loop import Timers
from mousetrackd.daemon.jobs import ChildEnded, RollUps, Snapshots, Worker
from mousetrackd.daemon.lock import InstanceLock
from mousetrackd.daemon.status import Status
from mousetrackd.system.paths import Paths

pytest_plugins = ("support.jobs",)

ENDS_WITHIN_S = 30.0
CONFIG = to_toml(Config(), comments=False).encode()


class Posted:
    """Where the ends of children are posted."""

    def __init__(self) -> None:
        self._messages: queue.SimpleQueue[ChildEnded] = queue.SimpleQueue()
        self.post = self._messages.put

    def receive(self) -> ChildEnded:
        return self._messages.get(timeout=ENDS_WITHIN_S)

    @property
    def is_empty(self) -> bool:
        return self._messages.empty()


@pytest.fixture
def posted() -> Posted:
    return Posted()


# A worker -----------------------------------------------------------------------------------------------


def test_a_worker_is_busy_until_the_end_of_its_child_is_taken(
    posted: Posted, make_job: Callable[..., Job], caplog: pytest.LogCaptureFixture
) -> None:
    worker = Worker(posted.post)
    assert not worker.is_busy
    for _ in range(2):
        assert worker.start(make_job("print('a warning of a library')")) == ""
        assert worker.is_busy
        message = posted.receive()
        assert worker.is_busy
        assert worker.take(message) == ""
        assert not worker.is_busy
        assert worker.take(message) is None, "its end was taken already"
    assert [record.message for record in caplog.records] == ["the worker printed:\na warning of a library"]


def test_the_child_of_another_worker_is_none_of_its_business(posted: Posted, make_job: Callable[..., Job]) -> None:
    worker, other = Worker(posted.post), Worker(posted.post)
    assert other.start(make_job("import os\nos._exit(3)")) == ""
    message = posted.receive()
    assert worker.take(message) is None
    assert str(other.take(message)).startswith("the worker failed (exit code 3)")


def test_a_child_that_is_killed_posts_its_end(posted: Posted, make_job: Callable[..., Job]) -> None:
    worker = Worker(posted.post)
    worker.kill()
    assert worker.start(make_job("import time\ntime.sleep(1000)")) == ""
    worker.kill()
    assert str(worker.take(posted.receive())).startswith("the worker was ended by SIGKILL")


def test_a_child_that_is_abandoned_posts_nothing_and_another_may_start(
    posted: Posted, make_job: Callable[..., Job]
) -> None:
    worker = Worker(posted.post)
    worker.abandon()
    assert worker.start(make_job("import time\ntime.sleep(1000)")) == ""
    worker.abandon()
    assert not worker.is_busy
    problem = worker.start(make_job("pass"))
    deadline_s = time.monotonic() + ENDS_WITHIN_S
    while problem.startswith("the last one still hangs") and time.monotonic() < deadline_s:  # a slow machine
        problem = worker.start(make_job("pass"))
    assert problem == ""
    assert worker.take(posted.receive()) == ""
    assert posted.is_empty


def test_one_that_cannot_be_killed_is_not_joined_by_others(posted: Posted, make_job: Callable[..., Job]) -> None:
    hanging = queue.SimpleQueue[None]()
    job = make_job("pass", look=lambda: void(hanging.get(timeout=ENDS_WITHIN_S)))
    worker = Worker(posted.post)
    assert worker.start(job) == ""
    worker.abandon()  # its thread waits for files that do not answer
    assert worker.start(make_job("pass")).startswith("the last one still hangs")
    assert not worker.is_busy
    hanging.put(None)
    wait_until(lambda: all(thread.name != "the worker" for thread in threading.enumerate()), "its thread has ended")


def void(_: object) -> Callable[[], str]:
    return lambda: ""


# The two jobs -------------------------------------------------------------------------------------------


class Jobs:
    """Both jobs, with a status and timers of their own."""

    def __init__(self, paths: Paths, posted: Posted) -> None:
        self.paths = paths
        self.clock = HandClock(1_800_000_000)
        self.timers = Timers(self.clock.clocks.monotonic_s)
        self.status = Status(paths, self.clock.clocks, InstanceLock(paths))
        self.snapshots = Snapshots(posted.post, self.status, self.timers, self.clock.clocks, paths.latest)
        self.rollups = RollUps(posted.post, self.status, paths.clock)


@pytest.fixture
def jobs(tmp_path: Path, posted: Posted, monkeypatch: pytest.MonkeyPatch) -> Jobs:
    for name, folder in (("XDG_DATA_HOME", "data"), ("XDG_CONFIG_HOME", "config"), ("XDG_STATE_HOME", "state")):
        monkeypatch.setenv(name, str(tmp_path / folder))
    paths = paths_in(tmp_path)
    return Jobs(paths, posted)


def test_a_picture_is_due_at_its_time_and_only_when_there_is_something_new(jobs: Jobs) -> None:
    jobs.snapshots.schedule(600)
    jobs.snapshots.arm()
    assert jobs.timers.wait_s() is None
    jobs.snapshots.is_old = True
    jobs.snapshots.arm()
    assert jobs.timers.wait_s() == 600
    jobs.snapshots.schedule_earlier(900)
    assert jobs.timers.wait_s() == 600
    jobs.snapshots.schedule_earlier(60)
    assert jobs.timers.wait_s() == 60


def test_the_first_picture_is_due_at_once_where_there_is_none(jobs: Jobs) -> None:
    jobs.snapshots.is_old = True
    jobs.snapshots.schedule_first(600, file_timeout_s=ENDS_WITHIN_S)
    jobs.snapshots.arm()
    assert jobs.timers.wait_s() == 0
    jobs.timers.disarm("snapshot")
    jobs.paths.latest.parent.mkdir(parents=True)
    jobs.paths.latest.write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\0IEND\xaeB`\x82")
    jobs.snapshots.schedule_first(600, file_timeout_s=ENDS_WITHIN_S)
    jobs.snapshots.arm()
    assert jobs.timers.wait_s() == 600


def test_a_picture_that_fails_is_reported_and_tried_again_at_the_time_of_the_next(jobs: Jobs, posted: Posted) -> None:
    snapshots, status = jobs.snapshots, jobs.status
    before_ns = time.monotonic_ns()
    assert snapshots.begin(600)
    assert snapshots.draw(CONFIG) == ""  # there is no store
    assert not snapshots.is_old
    assert status.snapshot_began_ns == 0
    assert not snapshots.begin(600), "one is being drawn"
    problem = snapshots.worker.take(posted.receive())
    assert problem
    snapshots.done(problem, try_again=True)
    assert status.problem("snapshot") == f"no new picture: {problem}"
    assert status.snapshot_error == problem
    assert status.snapshot_began_ns >= before_ns
    assert snapshots.is_old
    assert jobs.timers.wait_s() == 600
    assert snapshots.take_asked_again()
    assert not snapshots.take_asked_again()
    snapshots.done("", try_again=True)
    assert (status.problem("snapshot"), status.snapshot_error) == ("", "")
    assert status.last_snapshot == jobs.clock.clocks.now_iso()


def test_a_last_picture_that_was_not_done_in_time_is_not_tried_again(jobs: Jobs, posted: Posted) -> None:
    jobs.snapshots.is_old = True
    assert jobs.snapshots.draw(CONFIG) == ""
    jobs.snapshots.abandon(10.0)
    assert not jobs.snapshots.worker.is_busy
    assert not jobs.snapshots.is_old
    assert jobs.status.problem("snapshot").startswith("no new picture: the last one was not done within 10 s")
    assert posted.is_empty


def test_old_counts_are_rolled_up_once_an_hour_and_not_beside_each_other(jobs: Jobs, posted: Posted) -> None:
    rollups, now_s = jobs.rollups, jobs.clock.wall_s
    asked: list[bytes] = []

    def config_toml() -> bytes:
        asked.append(CONFIG)
        return CONFIG

    rollups.start_if_due(now_s, config_toml)
    assert rollups.worker.is_busy
    rollups.start_if_due(now_s + 3600, config_toml)
    problem = rollups.worker.take(posted.receive())
    assert problem is not None
    rollups.start_if_due(now_s + 60, config_toml)
    assert not rollups.worker.is_busy
    assert len(asked) == 1
    rollups.start_if_due(now_s + 3600, config_toml)
    assert rollups.worker.is_busy
    assert rollups.worker.take(posted.receive()) is not None


def test_a_rollup_that_fails_is_reported_until_one_does_not(jobs: Jobs) -> None:
    jobs.rollups.done("the disk is full")
    assert jobs.status.problem("rollup") == "could not roll up old counts: the disk is full"
    jobs.rollups.done("")
    assert jobs.status.problem("rollup") == ""
    assert jobs.status.problem("clock") == ""
