"""The daemon: owns the threads, the timers, the signals and the lock, and decides when things happen.

One loop, one queue of words. Signals, the source and the snapshot worker put words on it from wherever they
are; everything is done here, in order. When nothing moves, nothing is armed, and the process sleeps.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import logging
import math
import os
import select
import signal
import sys
import time
from collections import deque
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from mousetrackd import __version__, config
from mousetrackd.capture.guard import Guard
from mousetrackd.core import exclusions
from mousetrackd.core.accumulator import Accumulator
from mousetrackd.core.errors import (
    BlindError,
    ConfigError,
    FaultError,
    LostConfigError,
    MousetrackError,
    PrivacyError,
    RecordingError,
    RefusedError,
    SourceError,
    StoreError,
)
from mousetrackd.core.events import Gap, LayoutChange, Pointers
from mousetrackd.core.layout import Layout
from mousetrackd.core.wording import printable, printable_lines, reason
from mousetrackd.daemon import client, pause_state, privacy_guard
from mousetrackd.daemon.child_process import Child, Ended, Job
from mousetrackd.daemon.last_resort import LastResort
from mousetrackd.daemon.lock import AlreadyRunningError, Lock
from mousetrackd.daemon.rollup_worker import known_of_clock
from mousetrackd.picture.archive import is_whole, new_picture
from mousetrackd.storage import unsaved
from mousetrackd.storage.batch import Batch
from mousetrackd.storage.errors import DamagedError, NotOursError
from mousetrackd.storage.forget import unfinished
from mousetrackd.storage.recovery import Rescued, rescue
from mousetrackd.storage.store import Store
from mousetrackd.system import displays
from mousetrackd.system.bounded_calls import Disk, bounded
from mousetrackd.system.deadline import TIME_LIMITS, Deadline, TimeLimits
from mousetrackd.system.files import check_private, make_private, write_whole
from mousetrackd.system.systemd import notify, watchdog_s

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from types import FrameType

    from mousetrackd.capture.guard import GuardedSource
    from mousetrackd.config import Config
    from mousetrackd.core.events import Source
    from mousetrackd.core.monitors import Placement
    from mousetrackd.system.paths import Paths

log = logging.getLogger("mousetrackd")

DRAIN_INTERVAL_S = 2.0
"""How long events gather in the source before they are counted, a batch at a time."""

_CLOCK_STEP_S = 2.0
"""The wall clock is slewed all the time; when it is off by this much, someone has set it."""

RETRY_FIRST_S = 1.0
RETRY_LONGEST_S = 30.0
CHILD_DEATH_S = 0.5
"""How long a child that has ended, or was killed, is waited for. One that cannot be killed is left behind."""

_SAVE_PATIENCE_S = 10.0
"""How long a save is waited for: longer than for another process that writes. Then the disk does not answer."""
_RETRY_SAVE_S = 0.5
_KEEP_PATIENCE_S = 1.5
"""How long the disk of a side file is waited for, before the next one is tried."""
_AFTER_SAVING_S = 6.0
"""What the tries of the last save leave of the shutdown's budget: for the side file, and for ending."""
_OPENINGS = 3

RESCUE_TIMEOUT_S = 3600.0
"""A quarter of a minute for 100 MB, and more where the disk fails: longer than the watchdog and a start wait."""

_SWITCH_INTERVAL_S = 0.0005
"""How long counting may keep the interpreter while the listener waits for it: at 32,000 events a second the listener's
socket is full after 9 ms, and Python's own 5 ms are counted more than once."""

_WORDS = {
    signal.SIGUSR1: "pause",
    signal.SIGUSR2: "resume",
    signal.SIGALRM: "snapshot",
    signal.SIGHUP: "look",
    signal.SIGTERM: "end",
    signal.SIGINT: "end",
}


@dataclass(frozen=True)
class _ChildEnded:
    """Posted when a child has ended, and which one: it may be of a store that was set aside since."""

    child: Child
    ended: Ended


@dataclass(frozen=True)
class _Moment:
    """One moment by all three clocks."""

    wall_s: float
    monotonic_s: float
    boottime_s: float


@dataclass
class _Saving:
    """What is on its way into the store.

    pending: was tried and is not known to be there. stored_mark: of the batch before, which is. found: problems met in
    the thread that saves. asides: what lay in the data folder when its disk last answered. failure: why the last counts
    could not be stored, and where they are.
    """

    disk: Disk
    pending: Batch | None = None
    stored_mark: int | None = None
    side_files_wait: bool = True
    found: list[tuple[str, str]] = field(default_factory=list)
    asides: list[str] = field(default_factory=list)
    failure: str = ""


_Word: TypeAlias = str | _ChildEnded


class _Words:
    """What signals, the source and the worker say, for the one loop to hear.

    Waiting is on a pipe into which the signal itself writes (signal.set_wakeup_fd). Waiting on a queue's lock
    would sleep over a signal that comes just before the lock is waited for.
    """

    def __init__(self) -> None:
        self._said: deque[_Word] = deque()
        self._ear, self.mouth = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._poll = select.poll()
        self._poll.register(self._ear, select.POLLIN)

    def say(self, word: _Word) -> None:
        """Say a word, from any thread or signal handler."""
        self._said.append(word)
        with contextlib.suppress(BlockingIOError):  # a full pipe wakes as well
            os.write(self.mouth, b".")

    def wait(self, timeout_s: float | None) -> list[_Word]:
        """Sleep until something is said, at most ``timeout_s``; everything that has been said."""
        self._poll.poll(None if timeout_s is None else math.ceil(timeout_s * 1000))
        with contextlib.suppress(BlockingIOError):
            while os.read(self._ear, 4096):
                pass
        words: list[_Word] = []
        with contextlib.suppress(IndexError):
            while True:
                words.append(self._said.popleft())
        return words

    def close(self) -> None:
        """Close the pipe."""
        os.close(self._ear)
        os.close(self.mouth)


class _Timers:
    """Deadlines by name, on the monotonic clock."""

    def __init__(self) -> None:
        self._due_s: dict[str, float] = {}

    def arm(self, name: str, due_s: float) -> None:
        """Let ``name`` be due at ``due_s``, or earlier if it already is."""
        self._due_s[name] = min(due_s, self._due_s.get(name, due_s))

    def disarm(self, name: str) -> None:
        self._due_s.pop(name, None)

    def take_due(self, now_s: float) -> set[str]:
        """The names that are due, which are no longer armed."""
        due = {name for name, due_s in self._due_s.items() if due_s <= now_s}
        for name in due:
            del self._due_s[name]
        return due

    def wait_s(self, now_s: float) -> float | None:
        """Seconds until the next is due; None when none is armed."""
        return max(min(self._due_s.values()) - now_s, 0.0) if self._due_s else None


class Daemon:
    """One run of the daemon, from ``run`` to its return.

    make_source gives a source for the configuration in force, unstarted or stopped. load_config reads the
    configuration again. limits: how long it waits for what may hang. log_problem says why no log file is kept, or
    nothing. wall_s, monotonic_s and boottime_s, which goes on in suspend, are the clocks. lost: why ``conf`` is only
    what is still known of a configuration file that is gone.
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
        wall_s: Callable[[], float] = time.time,
        monotonic_s: Callable[[], float] = time.monotonic,
        boottime_s: Callable[[], float] = lambda: time.clock_gettime(time.CLOCK_BOOTTIME),
        lost: LostConfigError | None = None,
    ) -> None:
        self._paths = paths
        self._config = conf
        self._limits = limits
        self._make_source = make_source
        self._load_config = load_config
        self._log_problem = log_problem
        self._wall_s = wall_s
        self._monotonic_s = monotonic_s
        self._boottime_s = boottime_s

        self._words = _Words()
        self._timers = _Timers()
        self._locks: list[Lock] = []
        self._is_the_one = False
        self._accumulator = Accumulator(
            rest_cap_ms=conf.rest_cap_ms,
            warp_px=conf.warp_px,
            click_cell_px=conf.privacy.click_cell_px,
            exclude=conf.privacy.exclusions,
        )
        self._unsure_privacy: PrivacyError | None = None
        self._lost_config = lost
        self._layout = Layout()
        self._store: Store | None = None
        self._source: GuardedSource | None = None
        self._guard = Guard()
        self._source_name = conf.source
        self._source_notes: tuple[str, ...] = ()
        self._notes_logged: set[str] = set()
        self._retry_s = RETRY_FIRST_S

        self._state = "starting"
        self._paused = False
        self._wish = pause_state.DesiredState(pause=False, mark=None)
        self._ends_asked = 0
        self._budget: Deadline | None = None
        self._last_resort = LastResort()
        self._since = self._iso_now()
        self._unsaved_since: _Moment | None = None
        self._saving = _Saving(Disk(paths.data_dir))
        self._folded_hour: int | None = None
        self._last_checkpoint: str | None = None
        self._last_snapshot: str | None = None
        self._snapshot_began_ns = 0
        self._snapshot_error = ""
        self._looked_ns = 0
        self._saved_ns = 0
        self._next_snapshot_s = 0.0
        self._worker: Child | None = None
        self._snapshot_again = False
        self._housekeeper: Child | None = None
        self._hanging: dict[str, Child] = {}
        self._output_logged = ""
        self._changed_since_snapshot = False
        self._problems: dict[str, str] = {}
        self._rescued: Rescued | None = None
        self._watchdog_s = watchdog_s()

    # Life ---------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Track until told to end. Raises MousetrackError when it cannot start; AlreadyRunningError is one."""
        with self._signals_as_words():
            try:
                self._startup()
                while not self._ends_asked:
                    self._handle(self._next_words())
                    self._tick()
            except MousetrackError:
                raise
            except Exception as error:
                log.exception("mousetrackd has failed; it saves what was counted, and ends")
                raise MousetrackError(
                    f"mousetrackd has failed: {type(error).__name__}: {reason(error)}",
                    "Start it again. If Python or mousetrackd was not just upgraded, please report what the log holds.",
                ) from error
            finally:
                self._shutdown()
                self._last_resort.disarm()
        if self._saving.failure:
            raise StoreError(self._saving.failure)

    def _startup(self) -> None:
        _give_memory_back()
        sys.setswitchinterval(_SWITCH_INTERVAL_S)
        for folder in (self._paths.runtime_dir, self._paths.data_dir):
            make_private(folder)
        for path in (self._paths.runtime_lock, self._paths.data_lock):
            lock = Lock(path)
            self._locks.append(lock)
            lock.acquire(status=self._paths.status)
        self._is_the_one = True
        self._write_status()  # without one that is ours, others could not tell "starting" from "taken away"
        self._wish = pause_state.read_desired_state(self._paths)
        self._paused = self._wish.pause
        privacy_guard.remember(self._paths, self._config.privacy)
        if self._lost_config is not None:
            self._problem("configuration", str(self._lost_config))
        try:
            self._store = self._open_store()
            self._take_in_side_files(self._store)
            self._protect()  # rules stay on screens that were renamed while no daemon ran
        except NotOursError:
            raise
        except StoreError as error:  # a full disk, say: what is counted meanwhile is not lost
            self._not_saving(error)
        self._tell_what_the_disk_said()
        now_s = self._monotonic_s()
        has_picture = self._has_picture()
        self._next_snapshot_s = now_s + (self._config.snapshot_interval_s if has_picture else 0)
        log.info("mousetrackd %s: the picture will be %s", __version__, self._paths.latest)
        if self._paused:
            self._enter("paused", "as it was when it last ended")
        else:
            self._start_source()
        notify("READY=1")
        if self._watchdog_s:
            self._timers.arm("watchdog", self._monotonic_s() + self._watchdog_s / 2)

    def _has_picture(self) -> bool:
        try:
            return bounded(self._limits.file_s, partial(is_whole, self._paths.latest), name="picture")
        except TimeoutError:  # a mount that is dead: the first picture is not tried at once, and will fail
            return True

    def _shutdown(self) -> None:
        """Stop listening, checkpoint, last snapshot, let go. A failing step does not skip the next."""
        self._shutdown_budget()
        self._last_resort.arm(self._limits.last_resort_s)
        notify("STOPPING=1")
        with _logged("stop listening"):
            self._stop_source()
        if self._is_the_one:
            with _logged("make the last checkpoint"):
                self._save_to_the_last()
        with _logged("draw the last picture"):
            self._last_picture()
        with _logged("end its children"):
            self._end_housekeeping()
        with _logged("close the store"):
            if self._store is not None and not self._saving.disk.is_hanging():
                self._store.close()
        with _logged("write the last status"):
            if self._is_the_one:
                self._problem("configuration", "")  # nobody reads it again; a status that finds it bad says so itself
                self._enter("stopped", "")
        for lock in reversed(self._locks):
            lock.release()

    def _last_picture(self) -> None:
        """The newest counts belong into the picture, unless there is no time, or the user is in a hurry."""
        left_s = self._shutdown_budget().left_s(reserve_s=self._limits.last_steps_s)
        time_left = Deadline(min(left_s, self._limits.last_picture_s), monotonic_s=self._monotonic_s)
        self._await_worker(time_left)
        if self._changed_since_snapshot and self._is_the_one and not self._in_a_hurry() and not time_left.is_over():
            self._start_worker()
            self._await_worker(time_left)

    def _await_worker(self, time_left: Deadline) -> None:
        """Wait for the worker until it is time to end; it is then left behind, killed."""
        while self._worker is not None and not time_left.is_over():
            self._handle(self._words.wait(time_left.left_s()), ending=True)
            if self._in_a_hurry() and self._worker is not None:
                self._worker.kill()
        if self._worker is not None:
            self._worker.abandon()
            self._worker = None
            self._changed_since_snapshot = False  # another one would hang as well
            self._snapshot_failed(
                f"the last one was not done within {self._limits.last_picture_s:g} s\n"
                "To draw what is saved: mousetrackd render heatmap.png. See whether its disk or network mount answers."
            )

    def _shutdown_budget(self) -> Deadline:
        """The one budget of all steps of the shutdown. It begins with the first request to end."""
        if self._budget is None:
            self._budget = Deadline(self._limits.shutdown_s, monotonic_s=self._monotonic_s)
        return self._budget

    def _in_a_hurry(self) -> bool:
        return self._ends_asked > 1

    # The loop -----------------------------------------------------------------------------------------

    def _next_words(self) -> list[_Word]:
        """Sleep until there is a word or a deadline; then everything that has been said."""
        return self._words.wait(self._timers.wait_s(self._monotonic_s()))

    def _handle(self, words: list[_Word], *, ending: bool = False) -> None:
        for word in words:
            if isinstance(word, _ChildEnded):
                self._child_ended(word, ending=ending)
        self._ends_asked += words.count("end")
        if ending or self._ends_asked:
            return
        if "events" in words:
            self._events_wait()
        if "look" in words:
            self._reload()
        if {"look", "pause", "resume"} & set(words):
            self._pause_or_resume(asked_pause="pause" in words, asked_resume="resume" in words)
        if "snapshot" in words:
            self._snapshot()

    def _tick(self) -> None:
        due = self._timers.take_due(self._monotonic_s())
        if "drain" in due:
            self._drain()
        if "checkpoint" in due:
            self._checkpoint()
            if self._lost_config is not None:  # it may be back; looked for now, no timer is needed
                self._reload()
        if "snapshot" in due:
            self._snapshot()
        if "retry" in due and not self._paused:
            if self._unsure_privacy is None:
                self._start_source()
            else:
                self._reload()
        if "watchdog" in due:
            self._feed_watchdog()

    # Pause and resume ---------------------------------------------------------------------------------

    def _pause_or_resume(self, *, asked_pause: bool, asked_resume: bool) -> None:
        """Do what is wanted now. Where signals and the file disagree their order is unknowable: pause wins."""
        self._looked_ns = time.monotonic_ns()
        with pause_state.desired_state_lock(self._paths):
            wish = pause_state.read_desired_state(self._paths)
            # A file that is gone says nothing. One that was written anew does, even if what it said before.
            is_new = wish.mark is not None and wish != self._wish
            wanted = self._paused
            if asked_pause or (is_new and wish.pause):
                wanted = True
            elif asked_resume or is_new:
                wanted = False
            if wish.pause != wanted:
                try:
                    pause_state.write_desired_state(self._paths, pause=wanted)
                    wish = pause_state.read_desired_state(self._paths)
                except MousetrackError as error:
                    self._problem("wanted", error.message)
            self._wish = wish
        if wish.pause == wanted:
            self._problem("wanted", "")
        if wanted and not self._paused:
            self._paused = True
            self._timers.disarm("retry")
            self._stop_source()
            self._checkpoint()
            self._enter("paused", "")
        elif not wanted and self._paused:
            self._paused = False
            self._retry_s = RETRY_FIRST_S
            self._start_source()
        else:
            self._write_status()

    # The source ---------------------------------------------------------------------------------------

    def _start_source(self) -> None:
        self._timers.disarm("retry")
        if self._unsure_privacy is not None:
            self._problem("source", "")
            self._retry_later()
            self._enter("blind", "it is not known what must not be counted")
            return
        try:
            source = self._guard.make(partial(self._make_source, self._config))
            self._source_name = source.name
            source.start(lambda: self._words.say("events"))
        except RecordingError:
            raise
        except SourceError as error:
            self._wait_for_source("blind" if isinstance(error, BlindError) else "waiting", error)
            return
        self._source = source
        self._source_notes = source.notes
        self._problem("source", "")
        self._drain()
        if self._source is source:  # it may have died while it started
            self._enter("tracking", source.name)

    def _wait_for_source(self, state: str, error: SourceError) -> None:
        self._problem("source", f"{error.message}. {error.hint}".strip())
        self._retry_later()
        self._enter(state, error.message)

    def _retry_later(self) -> None:
        self._timers.arm("retry", self._monotonic_s() + self._retry_s)
        self._retry_s = min(self._retry_s * 2, RETRY_LONGEST_S)

    def _stop_source(self) -> None:
        """Stop listening, and count what had arrived. After this no connection to a display is open."""
        if self._source is None:
            return
        source = self._source
        self._timers.disarm("drain")
        try:
            self._count_pending(source)
            if self._has_stopped(source):
                self._count_pending(source)
        finally:
            self._source = None
            self._accumulator.change_pointers(1, source.now_ms())  # a gap; the next source tells of more

    def _has_stopped(self, source: GuardedSource) -> bool:
        try:
            bounded(self._limits.source_stop_s, source.stop, name="stopping")
        except TimeoutError:
            self._problem("stopping", f"{source.name} does not stop\nNothing more of it is counted.")
            return False
        self._problem("stopping", "")
        return True

    def _events_wait(self) -> None:
        """The source has something: count it soon, and save it in time."""
        now_s = self._monotonic_s()
        wall_s = int(self._wall_s())
        self._timers.arm("drain", now_s + DRAIN_INTERVAL_S)
        # Hours are kept apart, so a checkpoint does not reach across the full hour.
        until_hour_s = 3600 - wall_s % 3600
        self._timers.arm("checkpoint", now_s + min(self._config.checkpoint_interval_s, until_hour_s))
        if self._unsaved_since is None:
            self._unsaved_since = self._now()
        if self._source is not None and not self._source.is_alive():
            self._drain()

    def _drain(self) -> None:
        source = self._source
        if source is None:
            return
        # Looked at first: what a dying source said last is still counted below.
        alive = source.is_alive()
        self._count_pending(source)
        if alive:
            return
        finished = source.finished()
        self._stop_source()
        self._checkpoint()
        if finished:
            log.info("the recording has ended")
            self._ends_asked = 1
        else:
            error = source.failure or SourceError(f"{source.name} went away", "Waiting for it to return.")
            if self._state == "tracking" and not isinstance(error, FaultError):
                self._retry_s = RETRY_FIRST_S
            self._wait_for_source("blind" if isinstance(error, BlindError) else "waiting", error)

    def _count_pending(self, source: GuardedSource) -> None:
        for item in source.drain():
            if isinstance(item, LayoutChange):
                self._accumulator.change_layout(item.layout, item.time_ms)
                self._layout = item.layout
                log.info("monitors: %s", ", ".join(m.label for m in item.layout.monitors))
                self._look_for_excluded_monitors()
                self._write_status()
            elif isinstance(item, Pointers):
                self._accumulator.change_pointers(item.count, item.time_ms)
            elif isinstance(item, Gap):
                self._accumulator.gap(item.time_ms)
            else:
                self._accumulator.feed(item)
        notes = (*source.notes, *self._layout.left_out)
        if notes != self._source_notes:
            self._tell_notes(notes)

    def _tell_notes(self, notes: tuple[str, ...]) -> None:
        """What the source cannot see just now, and could before: in status, and the first time in the log."""
        for note in notes:
            if note not in self._source_notes and note not in self._notes_logged:
                self._notes_logged.add(note)
                log.warning("%s", note)
        self._source_notes = notes
        self._write_status()

    # The store ----------------------------------------------------------------------------------------

    def _open_store(self) -> Store:
        """The store; of a damaged one, what can be read. Raises StoreError for one that is not ours to touch."""
        try:
            return Store.open(self._paths.store)
        except DamagedError as error:
            self._rescue(error)
            return Store.open(self._paths.store)

    def _rescue(self, error: DamagedError) -> None:
        """Set the damaged store aside, and begin a new one with what can be read of it."""
        self._end_housekeeping()
        if self._store is not None:
            self._store.close()
            self._store = None  # opened again by the next checkpoint
        with self._time_for_a_rescue():
            aside, self._rescued = rescue(self._paths.store, datetime.fromtimestamp(self._wall_s(), UTC))
        self._problem("fold", "")  # it was the damaged one's, and would be told for an hour
        log.warning("%s. It is now %s; %s; counting goes on.", error.message, aside.name, self._rescued)

    def _checkpoint(self, patience_s: float = _SAVE_PATIENCE_S) -> None:
        """Save what was counted since the last time, or keep it for the next."""
        self._timers.disarm("checkpoint")
        if not self._is_the_one:
            return
        began_ns = time.monotonic_ns()
        if self._source is not None:
            self._count_pending(self._source)
        try:
            saved = self._save_all(patience_s)
        except AlreadyRunningError as error:
            # What is not saved yet the other may have counted as well.
            log.warning("our lock was deleted, and %s Ending.", error.message)
            self._is_the_one = False
            self._ends_asked += 1
            return
        except StoreError as error:
            self._tell_what_the_disk_said()
            if isinstance(error, DamagedError):
                with _logged("rescue the damaged store"):
                    self._rescue(error)
            self._not_saving(error)
            self._write_status()
            return
        self._tell_what_the_disk_said()
        self._problem("saving", "")
        if saved:
            self._last_checkpoint = self._iso_now()
            self._changed_since_snapshot = True
        if self._changed_since_snapshot:
            self._timers.arm("snapshot", self._next_snapshot_s)
        self._saved_ns = began_ns
        _trim_memory()
        self._keep_house(int(self._wall_s()))
        self._write_status()

    def _save_all(self, patience_s: float) -> bool:
        """Save what waits for it since an earlier try, and what was counted since. Returns whether there was any.

        Raises StoreError; what is not saved then still waits. Raises AlreadyRunningError where another daemon has taken
        our lock.
        """
        saved = False
        while True:
            # What was tried stays as it is: that it is not in the store is not known of every commit that failed.
            is_last = self._saving.pending is None
            if self._saving.pending is None:
                self._saving.pending = self._take_batch()
            batch = self._saving.pending
            self._saving.disk.run(partial(self._save, batch), patience_s)
            if batch is not None:
                self._saving.pending, self._saving.stored_mark, saved = None, batch.mark, True
            if is_last:
                return saved

    def _take_batch(self) -> Batch | None:
        """Everything that was counted and not taken yet; None when that is nothing."""
        # Without a source a gap has ended every rest: no time is left to credit.
        tally = self._accumulator.take(0 if self._source is None else self._source.now_ms())
        start_s, end_s = self._unsaved_stretch_s()
        self._unsaved_since = None
        return Batch.of(tally, start_s, end_s, self._layout) if tally else None

    def _save(self, batch: Batch | None) -> None:
        """Store a batch, and see that it is where others find it; in a thread, while nothing else uses the store."""
        self._keep_locks()
        if batch is None and "saving" not in self._problems and (self._store is None or self._store.is_in_place()):
            return
        for _ in range(_OPENINGS):
            if self._store is not None and not self._store.is_in_place():
                self._saving.found.append(("moved", self._store.leave()))
                self._store = None
            if self._store is None:
                self._store = Store.open(self._paths.store)
            self._take_in_side_files(self._store)
            if batch is not None:
                self._store.commit_batch(batch, instead_of=self._saving.stored_mark)
            if self._store.is_in_place():
                return
        raise StoreError(
            f"the files of {self._paths.store} are taken away again and again", "What does that? Let it stop."
        )

    def _take_in_side_files(self, store: Store) -> None:
        """Store what could not be saved at the end of an earlier run. Raises StoreError; the files then wait."""
        if not self._saving.side_files_wait:
            return
        done = unsaved.take_in(self._paths, store)
        self._saving.side_files_wait = False
        if done.taken:
            self._changed_since_snapshot = True
            log.info(
                "counts that an earlier run could not save are in the store now: %s", ", ".join(map(str, done.taken))
            )
        self._saving.found.append(("unsaved", "\n".join(done.problems)))

    def _tell_what_the_disk_said(self) -> None:
        """Make problems of what was found while saving."""
        told, self._saving.found = self._saving.found, []
        for kind, sentence in told:
            self._problem(kind, sentence)

    def _not_saving(self, error: StoreError) -> None:
        """Say so, once, and try again at the time of the next checkpoint."""
        self._timers.arm("checkpoint", self._monotonic_s() + self._config.checkpoint_interval_s)
        if "saving" not in self._problems:
            self._problem("saving", f"not saving since {self._iso_now()}: {error.message}. {error.hint}".strip())

    def _save_to_the_last(self) -> None:
        """The last checkpoint: tried for as long as there is time; then what is left is kept in a side file."""
        budget = self._shutdown_budget()
        self._checkpoint(max(budget.left_s(reserve_s=_AFTER_SAVING_S), budget.left_s() / 2))
        while (
            self._is_the_one
            and self._saving.pending is not None
            and not self._in_a_hurry()
            and not budget.is_over(reserve_s=_AFTER_SAVING_S)
        ):
            self._handle(self._words.wait(_RETRY_SAVE_S), ending=True)
            self._checkpoint(budget.left_s(reserve_s=_AFTER_SAVING_S))
        if self._is_the_one:
            self._keep_aside([batch for batch in (self._saving.pending, self._take_batch()) if batch is not None])

    def _keep_aside(self, batches: list[Batch]) -> None:
        """Write what could not be stored into side files, and say so: it is an error, though nothing is lost."""
        kept: list[str] = []
        lost = 0
        folders = list(unsaved.folders(self._paths))
        for batch in batches:
            path = self._kept_aside(batch, folders)
            kept += [] if path is None else [str(path)]
            lost += path is None
        if not batches:
            return
        why = self._problems.get("saving", "not saving")
        where = [f"Kept in {', '.join(kept)}: the next start takes it in."] if kept else []
        gone = ["It could not be kept anywhere else either, and is lost."] if lost else []
        self._saving.failure = "\n".join([f"the last counts are not in the store: {why}", *where, *gone])
        self._problem("saving", self._saving.failure)
        log.error("%s", self._saving.failure)

    def _kept_aside(self, batch: Batch, folders: list[Path]) -> Path | None:
        """The side file of a batch, in the first folder that takes it; None where none does. Drops those that hang."""
        for folder in tuple(folders):
            try:
                return bounded(_KEEP_PATIENCE_S, partial(unsaved.write, self._paths, folder, batch), name="disk")
            except TimeoutError:
                folders.remove(folder)
            except (OSError, MousetrackError) as error:
                log.warning("%s cannot be written to either: %s", folder, error)
        return None

    def _now(self) -> _Moment:
        return _Moment(self._wall_s(), self._monotonic_s(), self._boottime_s())

    def _unsaved_stretch_s(self) -> tuple[int, int]:
        """The UTC seconds between which the unsaved was counted, by the clock as it is set now.

        Time asleep is left out: a minute before a suspended weekend is still a minute.
        """
        now = self._now()
        since = self._unsaved_since or now
        start_s = now.wall_s - (now.boottime_s - since.boottime_s)
        if abs(start_s - since.wall_s) < _CLOCK_STEP_S:
            start_s = since.wall_s
        start_s = max(int(start_s), 0)
        return start_s, start_s + int(now.monotonic_s - since.monotonic_s)

    def _keep_locks(self) -> None:
        """Take again what was deleted of the locks. Raises AlreadyRunningError where another daemon has taken one."""
        try:
            make_private(self._paths.runtime_dir)  # which goes with the end of another login
            check_private(self._paths.data_dir)
            for lock in self._locks:
                lock.acquire(status=self._paths.status)
            self._saving.found.append(("lock", ""))
        except RefusedError as error:  # the folder is gone, and with it the store: told, and tried again
            self._saving.found.append(("lock", error.message))

    def _keep_house(self, now_s: int) -> None:
        """Once an hour: fold what is old enough, drop what is too old."""
        hour = now_s // 3600
        if self._store is None or hour == self._folded_hour or self._ends_asked or self._housekeeper is not None:
            return
        self._folded_hour = hour
        job = Job("mousetrackd.daemon.rollup_worker", "housekeeping", self._told())
        self._housekeeper, problem = self._start_child(job)
        if problem:
            self._problem("fold", f"could not fold old counts: {problem}")

    def _house_kept(self, problem: str) -> None:
        self._housekeeper = None
        self._problem("fold", f"could not fold old counts: {problem}" if problem else "")
        self._problem("clock", "" if problem else known_of_clock(self._paths.clock).problem())
        if problem:
            self._look_at_store()
        self._write_status()

    def _end_housekeeping(self) -> None:
        """What it has not done yet can wait for the next daemon."""
        if self._housekeeper is not None:
            self._housekeeper.abandon()
            if self._housekeeper.is_alive(wait_s=CHILD_DEATH_S):
                self._hanging["housekeeping"] = self._housekeeper
        self._housekeeper = None

    # Snapshots ----------------------------------------------------------------------------------------

    def _snapshot(self) -> None:
        """Save everything, and let a worker draw it."""
        if self._worker is not None:
            self._snapshot_again = True
            return
        began_ns = time.monotonic_ns()
        self._timers.disarm("snapshot")
        self._next_snapshot_s = self._monotonic_s() + self._config.snapshot_interval_s
        if self._source is not None:
            self._source.catch_up()  # whoever asks for a picture wants to see what was just done
        self._checkpoint()
        if self._is_the_one:
            self._snapshot_began_ns = began_ns
            self._start_worker()

    def _start_worker(self) -> None:
        self._timers.disarm("snapshot")
        self._changed_since_snapshot = False
        latest = self._paths.latest
        job = Job(
            "mousetrackd.daemon.snapshot_worker",
            "the snapshot worker",
            self._told(),
            look=lambda: new_picture(latest),
            memory_hint="Have it draw fewer layers: [snapshot] layer in the configuration.",
        )
        self._worker, problem = self._start_child(job)
        if problem:
            self._snapshot_done(problem, ending=self._ends_asked > 0)

    # Children -----------------------------------------------------------------------------------------

    def _told(self) -> bytes:
        """What a child reads from its stdin: the configuration in force."""
        return config.to_toml(self._config, comments=False).encode("utf-8", "surrogateescape")

    def _start_child(self, job: Job) -> tuple[Child | None, str]:
        """A child that does the job, or why there is none. One that could not be killed is not joined by others."""
        hanging = self._hanging.get(job.name)
        if hanging is not None and hanging.is_alive():
            return (
                None,
                f"the last one still hangs (pid {hanging.pid})\nIt waits for a disk or network mount: see dmesg.",
            )
        self._hanging.pop(job.name, None)
        try:
            return Child(job, lambda child, ended: self._words.say(_ChildEnded(child, ended))), ""
        except RuntimeError:
            return None, "there can be no more threads\nEnd some programs, or raise the limit: ulimit -u"

    def _child_ended(self, word: _ChildEnded, *, ending: bool) -> None:
        if word.child.is_alive(wait_s=CHILD_DEATH_S):
            self._hanging[word.child.name] = word.child
        problem, output = word.ended.problem, word.ended.output
        if output and output != self._output_logged:
            self._output_logged = output
            log.warning("%s printed:\n%s", word.child.name, output)
        if word.child is self._worker:
            self._worker = None
            self._snapshot_done(problem, ending=ending)
        elif word.child is self._housekeeper:
            self._house_kept(problem)

    def _snapshot_done(self, problem: str, *, ending: bool) -> None:
        if problem and not self._in_a_hurry():
            if not ending:  # a last picture is tried once, the others again at their time
                self._changed_since_snapshot = True
                self._timers.arm("snapshot", self._next_snapshot_s)
            self._snapshot_failed(problem)
            self._look_at_store()
        elif not problem:
            self._snapshot_error = ""
            self._last_snapshot = self._iso_now()
            self._problem("snapshot", "")
        self._write_status()
        if self._snapshot_again and not ending:
            self._snapshot_again = False
            self._snapshot()

    def _snapshot_failed(self, problem: str) -> None:
        self._snapshot_error = problem
        self._problem("snapshot", f"no new picture: {problem}")

    def _look_at_store(self) -> None:
        """A child could not do its work: if that is because the store is damaged, rescue it now."""
        if self._store is not None and not self._saving.disk.is_hanging():
            try:
                self._store.look_at_every_page()
            except DamagedError as error:
                with _logged("rescue the damaged store"):
                    self._rescue(error)
            except StoreError:
                pass  # what keeps it from being read will keep it from being written, which is told

    # Configuration ------------------------------------------------------------------------------------

    def _reload(self) -> None:
        notify(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")
        old, was_unsure = self._config, self._unsure_privacy is not None
        self._read_config()
        if self._config != old:
            log.info("the configuration has changed")
            self._accumulator.rest_cap_ms = self._config.rest_cap_ms
            self._accumulator.warp_px = self._config.warp_px
            self._next_snapshot_s = min(self._next_snapshot_s, self._monotonic_s() + self._config.snapshot_interval_s)
            if self._changed_since_snapshot:
                self._timers.arm("snapshot", self._next_snapshot_s)
        if self._config.privacy != old.privacy:
            self._protect()
        privacy_guard.remember(self._paths, self._config.privacy)
        unsure = self._unsure_privacy is not None
        if not self._paused and (unsure or was_unsure or self._config.source != old.source):
            self._stop_source()
            if unsure:
                self._checkpoint()
            self._change_source(old)
        notify("READY=1")

    def _read_config(self) -> None:
        """Take over the file's configuration. Of a bad one only [privacy], where that is known to be good.

        Where it is not, the user believes in a rule that is not in force: nothing more is counted.
        """
        self._lost_config = None
        try:
            self._config = self._load_config()
        except PrivacyError as error:
            self._unsure_privacy = error
            said = f"nothing is counted until it is known what must not be. {error.message}"
            self._problem("configuration", f"{said}\nMend it: it is read again within half a minute.")
        except ConfigError as error:
            if isinstance(error, LostConfigError):
                self._lost_config = error
            self._problem("configuration", f"the old configuration stays. {error}")
            if error.privacy is not None:
                self._config = replace(self._config, privacy=error.privacy)
                self._unsure_privacy = None
        else:
            self._problem("configuration", "")
            self._unsure_privacy = None

    def _protect(self) -> None:
        """Count by the privacy rules now in force; what came before is counted by those of then."""
        if self._source is not None:
            self._count_pending(self._source)
        privacy = self._config.privacy
        seen: list[Placement] = []
        if self._store is not None and privacy.exclusions:
            with contextlib.suppress(StoreError, ValueError):  # a damaged store knows no names
                seen = self._store.last_seen()
        self._accumulator.protect(click_cell_px=privacy.click_cell_px, exclude=privacy.exclusions, seen=seen)
        self._look_for_excluded_monitors()

    def _look_for_excluded_monitors(self) -> None:
        """Report a rule whose monitor is not there: it was renamed, or its name is misspelt."""
        self._problem("exclude", exclusions.report(self._accumulator.exclusions, self._layout))

    def _change_source(self, old: Config) -> None:
        try:
            self._start_source()
        except MousetrackError as error:
            self._config = replace(self._config, source=old.source)
            self._problem("configuration", f"the old source stays. {error.message}")
            self._start_source()

    # The watchdog -------------------------------------------------------------------------------------

    def _feed_watchdog(self) -> None:
        """Tell systemd that all is well, if it is: this loop goes on, and the display that we listen to answers."""
        source = self._source
        if source is None or not source.is_alive() or source.ping():
            notify("WATCHDOG=1")
            if "display" in self._problems:
                self._problem("display", "")
                self._write_status()
        else:
            self._problem("display", f"{source.name} does not answer: systemd may start mousetrackd anew")
            self._checkpoint()  # which would be the end of what is not saved
        self._timers.arm("watchdog", self._monotonic_s() + self._watchdog_s / 2)

    @contextlib.contextmanager
    def _time_for_a_rescue(self) -> Iterator[None]:
        """Ended half-way by systemd, it would be begun anew by the next daemon, and ended again."""
        long_usec = int(RESCUE_TIMEOUT_S * 1e6)
        is_watched = self._watchdog_s > 0 and self._state != "starting"
        watchdog = f"\nWATCHDOG_USEC={long_usec}" if is_watched else ""
        notify(f"EXTEND_TIMEOUT_USEC={long_usec}{watchdog}")
        try:
            with self._last_resort.held():
                yield
        finally:
            if is_watched:
                notify(f"WATCHDOG_USEC={int(self._watchdog_s * 1e6)}\nWATCHDOG=1")

    # What others see ----------------------------------------------------------------------------------

    def _enter(self, state: str, why: str) -> None:
        """Change the state; said once, in the log and in status."""
        if state != self._state:
            self._state = state
            self._since = self._iso_now()
            level = logging.WARNING if state in ("waiting", "blind") else logging.INFO
            log.log(level, "%s%s", state, f": {why}" if why else "")
        notify(f"STATUS={printable(client.headline(self._status()))}")
        self._write_status()

    def _problem(self, kind: str, sentence: str) -> None:
        """Note, change or clear (with an empty sentence) a problem; a new one is logged once."""
        before = self._problems.pop(kind, "")
        if sentence:
            self._problems[kind] = sentence = printable_lines(sentence)
            if not before:
                log.warning("%s", sentence)
        elif before and kind == "saving":
            log.info("saving again")

    def _status(self) -> dict[str, Any]:
        if not self._saving.disk.is_hanging():  # nobody looks at a disk that does not answer
            with contextlib.suppress(OSError):  # too many files are open, say: what was found before still holds
                self._saving.asides = self._found_aside()
        problems = [*self._problems.values(), *filter(None, [self._log_problem()]), *self._saving.asides]
        named = displays.named_in(os.environ)
        return {
            "state": self._state,
            "since": self._since,
            "pid": os.getpid(),
            "version": __version__,
            "source": self._source_name,
            "display": displays.followed_by(self._source_name, named),
            "displays": named,
            "gives_way": self._gives_way(),
            "notes": [printable(note) for note in self._source_notes],
            "written": self._iso_now(),
            "events": self._accumulator.events,
            "out_of_bounds": self._accumulator.out_of_bounds,
            "monitors": [
                {"monitor": p.monitor.label, "desktop_x": p.desktop_x, "desktop_y": p.desktop_y}
                for p in self._layout.placements
            ],
            "last_checkpoint": self._last_checkpoint,
            "last_snapshot": self._last_snapshot,
            "snapshot_error": self._snapshot_error,
            "looked_ns": self._looked_ns,
            "saved_ns": self._saved_ns,
            "snapshot_began_ns": self._snapshot_began_ns if self._worker is None else 0,
            "picture": str(self._paths.latest),
            "problems": problems,
            "unsaved": self._saving.failure,
        }

    def _gives_way(self) -> bool:
        """May another daemon take this one's place, if it can listen? Not where counts could be lost, or privacy."""
        waits = self._state in ("waiting", "blind")
        return waits and self._unsure_privacy is None and "saving" not in self._problems

    def _found_aside(self) -> list[str]:
        """Sentences about what lies in the data folder and waits for the user."""
        asides = sorted(self._paths.data_dir.glob("heat.damaged-*.sqlite3"))
        rescued = f"{self._rescued}; " if self._rescued else ""
        said = [
            f"a damaged store was set aside as {aside}; {rescued}remove it when you need it no more"
            for aside in asides[-1:]
        ]
        return said + [f"unfinished, do it again: mousetrackd forget {options}" for options in unfinished(self._paths)]

    def _write_status(self) -> None:
        if not self._is_the_one:
            return
        try:
            if not self._paths.runtime_dir.is_dir():  # it goes with the end of another login
                make_private(self._paths.runtime_dir)
                for lock in self._locks:
                    lock.acquire(status=self._paths.status)
            write_whole(self._paths.status, json.dumps(self._status(), indent=1).encode(), durable=False)
        except (OSError, MousetrackError) as error:
            # Others then see an old status; there is nobody else to tell but the log.
            why = error.strerror if isinstance(error, OSError) else error
            log.warning("cannot write %s: %s", self._paths.status, why)

    def _iso_now(self) -> str:
        return datetime.fromtimestamp(self._wall_s(), UTC).astimezone().isoformat(timespec="seconds")

    @contextlib.contextmanager
    def _signals_as_words(self) -> Iterator[None]:
        """Turn signals into words; put the old handlers back at the end."""

        def say(number: int, _frame: FrameType | None) -> None:
            if _WORDS[signal.Signals(number)] == "end":
                self._shutdown_budget()
                self._last_resort.arm(self._limits.last_resort_s)
            self._words.say(_WORDS[signal.Signals(number)])

        woken_before = signal.set_wakeup_fd(self._words.mouth, warn_on_full_buffer=False)
        before = {number: signal.signal(number, say) for number in _WORDS}
        try:
            # The unit starts us with these blocked, so that an early one waits for the handlers.
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _WORDS)
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            signal.set_wakeup_fd(woken_before)
            self._words.close()


@contextlib.contextmanager
def _logged(step: str) -> Iterator[None]:
    """Let a step of the shutdown fail, whatever the reason, without taking the next ones with it."""
    try:
        yield
    except MousetrackError as error:
        log.error("could not %s: %s", step, error)  # noqa: TRY400 - a sentence, not a traceback
    except Exception:
        log.exception("could not %s", step)


def _give_memory_back() -> None:
    """Let glibc return what a burst or a fold needed for a moment, instead of keeping it for ever (mallopt(3))."""
    with contextlib.suppress(OSError, AttributeError):  # another C library has no such call, and needs none
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_MMAP_THRESHOLD, 1 << 17)
        mallopt(_M_TRIM_THRESHOLD, 1 << 18)


_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # malloc.h


def _trim_memory() -> None:
    """Give back what lies free between what is in use, a few megabytes after each checkpoint (malloc_trim(3))."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
