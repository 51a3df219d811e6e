"""The daemon's two jobs for a process of its own: draw a picture, and roll up old counts. One of each at a time."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from mousetrackd.daemon.child_process import Child, Ended, Job
from mousetrackd.daemon.clocks import known_of_clock
from mousetrackd.picture.archive import is_whole, new_picture
from mousetrackd.system.bounded_calls import bounded
from mousetrackd.system.paths import HISTORY_NAME

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mousetrackd.daemon.clocks import Clocks
    from mousetrackd.daemon.event_loop import Timers
    from mousetrackd.daemon.status import Status

log = logging.getLogger("mousetrackd")

CHILD_DEATH_S: Final = 0.5
"""How long a child that has ended, or was killed, is waited for. One that cannot be killed is left behind."""


def snapshot_job(config_toml: bytes, latest: Path) -> Job:
    """Draw what is in the store. It is done when another picture than now is at ``latest``, whole."""
    return Job(
        "mousetrackd.daemon.snapshot_worker",
        "the snapshot worker",
        config_toml,
        look=lambda: new_picture(latest),
        memory_hint="Have it draw fewer layers: [snapshot] layer in the configuration.",
    )


def rollup_job(config_toml: bytes) -> Job:
    """Roll up what is old enough, and drop what is too old."""
    return Job("mousetrackd.daemon.rollup_worker", "the roll-up worker", config_toml)


@dataclass(frozen=True)
class ChildEnded:
    """Posted when a child has ended, and which one: its job may have been abandoned since."""

    child: Child
    ended: Ended


class Worker:
    """One job, done by one child at a time. post: given the message that a child has ended, from another thread.

    One that could not be killed is not joined by others.
    """

    def __init__(self, post: Callable[[ChildEnded], None]) -> None:
        self._post = post
        self._child: Child | None = None
        self._hanging: Child | None = None
        self._output_logged = ""

    @property
    def is_busy(self) -> bool:
        """Whether a child is at work, or has ended without ``take`` having been called."""
        return self._child is not None

    def start(self, job: Job) -> str:
        """Start a child; why there is none, or nothing."""
        if self._hanging is not None and self._hanging.is_alive():
            return (
                f"the last one still hangs (pid {self._hanging.pid})\nIt waits for a disk or network mount: see dmesg."
            )
        self._hanging = None
        try:
            self._child = Child(job, lambda child, ended: self._post(ChildEnded(child, ended)))
        except RuntimeError:
            return "there can be no more threads\nEnd some programs, or raise the limit: ulimit -u"
        return ""

    def take(self, message: ChildEnded) -> str | None:
        """The problem that a child of this worker has ended with, "" for none; None for any other child."""
        if message.child is not self._child:
            return None
        self._let_go()
        output = message.ended.output
        if output and output != self._output_logged:
            self._output_logged = output
            log.warning("%s printed:\n%s", message.child.name, output)
        return message.ended.problem

    def kill(self) -> None:
        """End the child, if there is one; its end is posted as any other."""
        if self._child is not None:
            self._child.kill()

    def abandon(self) -> None:
        """End the child, if there is one, and ignore its result."""
        if self._child is not None:
            self._child.abandon()
            self._let_go()

    def _let_go(self) -> None:
        if self._child is not None and self._child.is_alive(wait_s=CHILD_DEATH_S):
            self._hanging = self._child
        self._child = None


class Snapshots:
    """When the next picture is due, and the worker that draws it. is_old: there are counts that none shows yet.

    Arms the timer "snapshot"; reports in ``status``, which is not published.
    """

    def __init__(
        self, post: Callable[[ChildEnded], None], status: Status, timers: Timers, clocks: Clocks, latest: Path
    ) -> None:
        self.worker = Worker(post)
        self.is_old = False
        self._status = status
        self._timers = timers
        self._clocks = clocks
        self._latest = latest
        self._next_s = 0.0
        self._began_ns = 0
        self._is_asked_again = False
        self._is_first = False
        self._drops_page_within_s = 0.0

    def schedule_first(self, interval_s: float, file_timeout_s: float) -> None:
        """Let the first one be due at once where there is no picture yet. file_timeout_s: how long looking may take."""
        try:
            has_picture = bounded(file_timeout_s, partial(is_whole, self._latest), name="picture")
        except TimeoutError:  # a mount that is dead: the first picture is not tried at once, and will fail
            has_picture = True
        self._is_first = not has_picture
        self.schedule(0 if self._is_first else interval_s)

    def schedule(self, interval_s: float) -> None:
        """Let the next one be due in ``interval_s``, if there is something new to show then."""
        self._next_s = self._clocks.monotonic_s() + interval_s

    def schedule_earlier(self, interval_s: float) -> None:
        """As ``schedule``, unless it is due before; sets the timer."""
        self._next_s = min(self._next_s, self._clocks.monotonic_s() + interval_s)
        self.arm()

    def arm(self) -> None:
        """Set the timer, if there is something new to show."""
        if self.is_old:
            self._timers.arm_at("snapshot", self._next_s)

    def begin(self, interval_s: float) -> bool:
        """Note that one is wanted now. False while another is drawn, after which ``done`` says to begin again."""
        if self.worker.is_busy:
            self._is_asked_again = True
            return False
        self._began_ns = time.monotonic_ns()
        self._timers.disarm("snapshot")
        self.schedule(interval_s)
        return True

    def draw(self, config_toml: bytes) -> str:
        """Start the worker; why it cannot be started, or nothing."""
        self._timers.disarm("snapshot")
        self.is_old = False
        self._status.snapshot_began_ns = 0
        return self.worker.start(snapshot_job(config_toml, self._latest))

    def done(self, problem: str, *, try_again: bool) -> None:
        """The worker has ended with this problem, or with none. try_again: a failed one, at the time of the next."""
        if self._drops_page_within_s:
            self.drop_page(self._drops_page_within_s)
        self._status.snapshot_began_ns = self._began_ns
        self._status.snapshot_error = problem
        if problem:
            self._status.set_problem("snapshot", f"no new picture: {problem}")
            self.is_old = self.is_old or try_again
            if try_again:
                self.arm()
        else:
            self._status.last_snapshot = self._clocks.now_iso()
            self._status.set_problem("snapshot", "")

    def take_is_first(self) -> bool:
        """Whether the picture that was drawn is the first there ever was; not so when it is asked again."""
        is_first, self._is_first = self._is_first, False
        return is_first

    def drop_page(self, timeout_s: float) -> None:
        """Delete the page: its rules are not those in force. One that is being written goes when it is done.

        timeout_s: how long that may take. What is in the way is reported.
        """
        self._drops_page_within_s = timeout_s if self.worker.is_busy else 0.0
        page = self._latest.with_name(HISTORY_NAME)
        try:
            bounded(timeout_s, partial(page.unlink, missing_ok=True), name="page")
        except OSError as error:  # a TimeoutError is one
            problem = f"cannot delete {page}, which was made by other privacy rules: {error.strerror or error}"
            self._status.set_problem("page", f"{problem}\nDelete it yourself.")
        else:
            self._status.set_problem("page", "")

    def take_asked_again(self) -> bool:
        """Whether one was asked for while another was drawn, since the last call."""
        again, self._is_asked_again = self._is_asked_again, False
        return again

    def abandon(self, timeout_s: float) -> None:
        """Leave a worker behind that was not done in time, and draw no more."""
        self.worker.abandon()
        self.done(
            f"the last one was not done within {timeout_s:g} s\n"
            "To draw what is saved: mousetrackd render heatmap.png. See whether its disk or network mount answers.",
            try_again=False,
        )
        self.is_old = False  # another one would hang as well


class RollUps:
    """The worker that rolls up old counts, started once an hour."""

    def __init__(self, post: Callable[[ChildEnded], None], status: Status, clock_file: Path) -> None:
        self.worker = Worker(post)
        self._status = status
        self._clock_file = clock_file
        self._hour: int | None = None

    def start_if_due(self, now_s: float, config_toml: Callable[[], bytes]) -> None:
        """Start it, if it was not started in the hour of ``now_s`` (UTC)."""
        hour = int(now_s) // 3600
        if hour != self._hour and not self.worker.is_busy:
            self._hour = hour
            problem = self.worker.start(rollup_job(config_toml()))
            if problem:
                self.set_problem(problem)

    def done(self, problem: str) -> None:
        """The worker has ended with this problem, or with none; then it has left what it knows of the clock."""
        self.set_problem(problem)
        self._status.set_problem("clock", "" if problem else known_of_clock(self._clock_file).problem())

    def set_problem(self, problem: str) -> None:
        """Report why old counts are not rolled up, or that nothing is known to be in the way."""
        self._status.set_problem("rollup", f"could not roll up old counts: {problem}" if problem else "")
