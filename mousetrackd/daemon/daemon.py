"""The daemon: decides when things happen, and has its parts do them.

One loop, one queue of messages. Signals, the source and the child processes post messages from wherever they are;
everything is done here, in order. When nothing moves, nothing is armed, and the process sleeps. The parts
return what happened, and it is decided here what follows from it.
"""

from __future__ import annotations

import contextlib
import logging
import sys
import time
from functools import partial
from typing import TYPE_CHECKING, Final

from mousetrackd import __version__
from mousetrackd.core.errors import MousetrackError, StoreError
from mousetrackd.core.wording import reason
from mousetrackd.daemon import privacy_guard
from mousetrackd.daemon.capture_session import CaptureSession, Ended
from mousetrackd.daemon.checkpointer import SAVE_TIMEOUT_S, Checkpointer
from mousetrackd.daemon.clocks import CLOCKS, Clocks
from mousetrackd.daemon.event_loop import Message, Messages, Timers, signals_posted
from mousetrackd.daemon.jobs import ChildEnded, RollUps, Snapshots, Worker
from mousetrackd.daemon.last_resort import EndRequest
from mousetrackd.daemon.lock import InstanceLock
from mousetrackd.daemon.notifications import Notifications
from mousetrackd.daemon.pause_state import PauseState
from mousetrackd.daemon.saver import Outcome, Saver, try_step
from mousetrackd.daemon.status import Status
from mousetrackd.daemon.tracker import Tracker
from mousetrackd.system import memory
from mousetrackd.system.deadline import TIME_LIMITS, Deadline, TimeLimits
from mousetrackd.system.systemd import Watchdog, notify

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from mousetrackd.config import Config
    from mousetrackd.core.errors import LostConfigError
    from mousetrackd.core.events import Source
    from mousetrackd.system.paths import Paths

log = logging.getLogger("mousetrackd")

_RETRY_SAVE_S: Final = 0.5
_AFTER_SAVING_S: Final = 6.0
"""What the tries of the last save leave of the shutdown's budget: for the side file, and for ending."""

RESCUE_TIMEOUT_S: Final = 3600.0
"""A quarter of a minute for 100 MB, and more where the disk fails: longer than the watchdog and a start wait. Ended
half-way by systemd, a rescue would be started again by the next daemon, and ended again."""

_SWITCH_INTERVAL_S: Final = 0.0005
"""How long counting may keep the interpreter while the listener waits for it: at 32,000 events a second the listener's
socket is full after 9 ms, and Python's own 5 ms are counted more than once."""


class Daemon:
    """One run of the daemon, from ``run`` to its return.

    make_source gives a source for the configuration in force, unstarted or stopped. load_config reads the
    configuration again. limits: how long it waits for what may hang. log_problem says why no log file is kept, or
    nothing. lost: why ``conf`` is only what is still known of a configuration file that is gone.
    """

    def __init__(
        self,
        paths: Paths,
        conf: Config,
        make_source: Callable[[Config], Source],
        load_config: Callable[[], Config],
        *,
        limits: TimeLimits = TIME_LIMITS,
        log_problem: Callable[[], str] = str,
        clocks: Clocks = CLOCKS,
        lost: LostConfigError | None = None,
    ) -> None:
        self._paths = paths
        self._limits = limits
        self._clocks = clocks
        self._config = privacy_guard.ConfigInForce(conf, load_config, lost)
        self._messages: Messages[Message | ChildEnded] = Messages()
        self._timers = Timers(clocks.monotonic_s)
        self._end = EndRequest(limits, clocks.monotonic_s)
        self._lock = InstanceLock(paths)
        self._pause = PauseState(paths)
        self._watchdog = Watchdog()
        self._checkpointer = Checkpointer(paths, conf, clocks, self._lock.retake)
        self._status = Status(paths, clocks, self._lock, asides=self._checkpointer.asides, log_problem=log_problem)
        self._saver = Saver(self._checkpointer, self._status, clocks, self._rescue_time)
        notify_events = partial(self._messages.post, Message.EVENTS)
        self._session = CaptureSession(make_source, notify_events, limits.source_stop_s, source_name=conf.source)
        self._tracker = Tracker(self._session, self._checkpointer, self._status, self._timers)
        self._rollups = RollUps(self._messages.post, self._status, paths.clock)
        self._snapshots = Snapshots(self._messages.post, self._status, self._timers, clocks, paths.latest)
        notifier = Worker(self._messages.post)
        self._notifications = Notifications(notifier, self._status, self._timers, clocks, paths.latest)

    # Life ---------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Track until asked to end. Raises MousetrackError when it cannot start; AlreadyRunningError is one."""
        with contextlib.closing(self._messages), signals_posted(self._messages, self._end.begin):
            try:
                self._start()
                while not self._end.asked:
                    self._handle(self._messages.receive(self._timers.wait_s()))
                    self._do_what_is_due()
            except MousetrackError:
                raise
            except Exception as error:
                log.exception("mousetrackd has failed; it saves what was counted, and ends")
                raise _failure(error) from error
            finally:
                self._shut_down()
                self._end.last_resort.disarm()
        if self._status.unsaved:
            raise StoreError(self._status.unsaved)

    def _start(self) -> None:
        memory.return_large_blocks()
        sys.setswitchinterval(_SWITCH_INTERVAL_S)
        self._lock.acquire()
        self._status.publish()  # without one that is ours, others could not distinguish "starting" from "taken away"
        self._pause.load()
        if privacy_guard.remember(self._paths, privacy_guard.Rules.of(self._config.current)):
            self._snapshots.drop_page(self._limits.file_s)
        self._status.set_problem("configuration", self._config.problem)
        if self._saver.open() is Outcome.FAILED:
            self._timers.arm("checkpoint", self._config.current.checkpoint_interval_s)
        self._snapshots.is_old = self._saver.take_has_new_counts()
        self._tracker.protect(self._config.current.privacy)  # rules stay on screens renamed while no daemon ran
        self._snapshots.schedule_first(self._config.current.snapshot_interval_s, self._limits.file_s)
        log.info("mousetrackd %s: the picture will be %s", __version__, self._paths.latest)
        if self._pause.is_paused:
            self._status.enter("paused", "as you left it. To track again: mousetrackd resume")
        else:
            self._start_source()
        notify("READY=1")
        if self._watchdog.timeout_s:
            self._timers.arm("watchdog", self._watchdog.timeout_s / 2)

    # The end ------------------------------------------------------------------------------------------

    def _shut_down(self) -> None:
        """Stop listening, checkpoint, last snapshot, release. A failing step does not skip the next."""
        self._end.begin()
        notify("STOPPING=1")
        steps = {
            "stop listening": self._tracker.stop,
            "make the last checkpoint": self._save_last,
            "draw the last picture": self._draw_last,
            "end its children": self._rollups.worker.abandon,  # what is not done yet can wait for the next daemon
            "leave its notification": self._notifications.abandon,
            "close the store": self._checkpointer.close,
            "write the last status": self._status.end,
        }
        for step, do in steps.items():
            try_step(step, do)
        self._lock.release()

    def _save_last(self) -> None:
        """The last checkpoint: tried for as long as there is time; then what is left is kept in a side file."""
        budget = self._end.budget
        self._checkpointer.begin_last_save()
        self._checkpoint(max(budget.left_s(reserve_s=_AFTER_SAVING_S), budget.left_s() / 2))
        while (
            self._lock.is_ours
            and self._checkpointer.has_pending
            and not self._end.is_hurried
            and not budget.is_over(reserve_s=_AFTER_SAVING_S)
        ):
            self._handle(self._messages.receive(_RETRY_SAVE_S), ending=True)
            self._checkpoint(budget.left_s(reserve_s=_AFTER_SAVING_S))
        if self._lock.is_ours:
            self._saver.keep_aside(self._session.now_ms)

    def _draw_last(self) -> None:
        """The newest counts belong into the picture, unless there is no time, or the user is in a hurry."""
        time_left = self._end.picture_time()
        self._await_snapshot(time_left)
        if self._snapshots.is_old and self._lock.is_ours and not self._end.is_hurried and not time_left.is_over():
            self._draw()
            self._await_snapshot(time_left)

    def _await_snapshot(self, time_left: Deadline) -> None:
        """Wait for the snapshot worker until it is time to end; it is then left behind, killed."""
        while self._snapshots.worker.is_busy and not time_left.is_over():
            self._handle(self._messages.receive(time_left.left_s()), ending=True)
            if self._end.is_hurried:
                self._snapshots.worker.kill()
        if self._snapshots.worker.is_busy:
            self._snapshots.abandon(self._limits.last_picture_s)

    # The loop -----------------------------------------------------------------------------------------

    def _handle(self, messages: Sequence[Message | ChildEnded], *, ending: bool = False) -> None:
        for message in messages:
            if isinstance(message, ChildEnded):
                self._child_ended(message, ending=ending)
        self._end.asked += messages.count(Message.END)
        if ending or self._end.asked:
            return
        if Message.EVENTS in messages and self._tracker.events_wait(self._config.current.checkpoint_interval_s):
            self._drain()
        if Message.RELOAD in messages:
            self._reload()
        if {Message.RELOAD, Message.PAUSE, Message.RESUME} & set(messages):
            self._pause_or_resume(asked_pause=Message.PAUSE in messages, asked_resume=Message.RESUME in messages)
        if Message.SNAPSHOT in messages:
            self._snapshot()

    def _do_what_is_due(self) -> None:
        due = self._timers.take_due()
        if "drain" in due:
            self._drain()
        if "checkpoint" in due:
            self._checkpoint()
            if self._config.lost is not None:  # it may be back; looked for now, no timer is needed
                self._reload()
        if "snapshot" in due:
            self._snapshot()
        if "retry" in due and not self._pause.is_paused:
            if self._config.unsure is None:
                self._start_source()
            else:
                self._reload()
        if "watchdog" in due:
            self._feed_watchdog()
        self._notifications.attend(due, self._pause.since_s, self._config.current.notifications)

    def _pause_or_resume(self, *, asked_pause: bool, asked_resume: bool) -> None:
        self._status.looked_ns = time.monotonic_ns()
        has_changed = self._pause.settle(asked_pause=asked_pause, asked_resume=asked_resume)
        self._status.set_problem("pause", self._pause.problem)
        if not has_changed:
            self._status.publish()
        elif self._pause.is_paused:
            self._tracker.stop()
            self._checkpoint()
            self._status.enter("paused")
        else:
            self._session.reset_retries()
            self._start_source()

    # Tracking and saving ------------------------------------------------------------------------------

    def _start_source(self) -> None:
        self._after(self._tracker.start(self._config.current, self._config.unsure))

    def _drain(self) -> None:
        self._after(self._tracker.drain())

    def _after(self, ended: Ended | None) -> None:
        """Save what a source gave that has ended, and wait for the next one."""
        if ended is not None:
            self._checkpoint()
            if ended.error is not None:
                self._tracker.wait_after(ended.error)
            else:
                log.info("the recording has ended")
                self._end.asked = 1

    def _checkpoint(self, timeout_s: float = SAVE_TIMEOUT_S) -> None:
        """Save what was counted since the last time, or keep it for the next."""
        self._timers.disarm("checkpoint")
        if not self._lock.is_ours:
            return
        began_ns = time.monotonic_ns()
        self._tracker.count_pending()
        outcome = self._saver.save(self._session.now_ms, timeout_s)
        self._snapshots.is_old = self._saver.take_has_new_counts() or self._snapshots.is_old
        if outcome is Outcome.NOT_OURS:
            self._lock.is_ours = False
            self._end.asked += 1
        elif outcome is Outcome.FAILED:
            self._timers.arm("checkpoint", self._config.current.checkpoint_interval_s)
        else:
            self._status.saved_ns = began_ns
            self._snapshots.arm()
            memory.trim()
            if self._checkpointer.has_store and not self._end.asked:
                self._rollups.start_if_due(self._clocks.wall_s(), self._config.to_toml)
        self._status.publish()

    @contextlib.contextmanager
    def _rescue_time(self) -> Iterator[None]:
        """A block in which the store may be rescued, however long that takes."""
        self._rollups.worker.abandon()
        with self._end.last_resort.held(), self._watchdog.extended(RESCUE_TIMEOUT_S, self._status.state == "starting"):
            yield
        self._rollups.set_problem("")  # one of the damaged store would be reported for an hour

    # Child processes ----------------------------------------------------------------------------------

    def _child_ended(self, message: ChildEnded, *, ending: bool) -> None:
        drawn = self._snapshots.worker.take(message)
        if drawn is not None:
            self._drawn(drawn, ending=ending)
        rolled_up = self._rollups.worker.take(message)
        if rolled_up is not None:
            self._rollups.done(rolled_up)
            if rolled_up:
                self._saver.check()
            self._status.publish()
        self._notifications.take(message)

    def _snapshot(self) -> None:
        """Save everything, and let a worker draw it."""
        if self._snapshots.begin(self._config.current.snapshot_interval_s):
            self._session.catch_up()  # whoever asks for a picture wants to see what was just done
            self._checkpoint()
            if self._lock.is_ours:
                self._draw()

    def _draw(self) -> None:
        problem = self._snapshots.draw(self._config.to_toml(with_page=not self._end.asked))
        if problem:
            self._drawn(problem, ending=self._end.asked > 0)

    def _drawn(self, problem: str, *, ending: bool) -> None:
        if not problem or not self._end.is_hurried:
            self._snapshots.done(problem, try_again=not ending)  # a last picture is tried once
            if problem:
                self._saver.check()
            elif not ending:
                self._notifications.picture_drawn(is_first=self._snapshots.take_is_first())
        self._status.publish()
        if not ending and self._snapshots.take_asked_again():
            self._snapshot()

    # Configuration and watchdog -----------------------------------------------------------------------

    def _reload(self) -> None:
        notify(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")
        old, was_unsure = self._config.current, self._config.unsure is not None
        self._config.reload()
        self._status.set_problem("configuration", self._config.problem)
        new, is_unsure = self._config.current, self._config.unsure is not None
        self._status.is_privacy_unsure = is_unsure
        if new != old:
            log.info("the configuration has changed")
            self._checkpointer.configure(new)
            self._tracker.rule_applications(new.applications)
            self._snapshots.schedule_earlier(new.snapshot_interval_s)
        if new.privacy != old.privacy:
            self._tracker.protect(new.privacy)
        if privacy_guard.remember(self._paths, privacy_guard.Rules.of(new)):
            self._snapshots.drop_page(self._limits.file_s)
        if not self._pause.is_paused and (is_unsure or was_unsure or _listens_to(new) != _listens_to(old)):
            self._tracker.stop()
            if is_unsure:
                self._checkpoint()
            try:
                self._start_source()
            except MousetrackError as error:
                self._config.keep_source(old.source)
                self._status.set_problem("configuration", f"the old source stays. {error.message}")
                self._start_source()
        notify("READY=1")

    def _feed_watchdog(self) -> None:
        """Report to systemd that all is well, if it is: this loop goes on, and the display listened to answers."""
        if self._tracker.check_display():
            self._watchdog.feed()
        else:
            self._checkpoint()  # which would be the end of what is not saved
        self._timers.arm("watchdog", self._watchdog.timeout_s / 2)


def _listens_to(conf: Config) -> tuple[str, bool]:
    """What a source is made by."""
    return conf.source, conf.applications.enabled


def _failure(error: Exception) -> MousetrackError:
    return MousetrackError(
        f"mousetrackd has failed: {type(error).__name__}: {reason(error)}",
        "Start it again. If Python or mousetrackd was not just upgraded, please report what the log holds.",
    )
