"""Listening to a pointer source, from its start to its end. What it gave and that it has ended is returned."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Final

from mousetrackd.capture.guard import Guard
from mousetrackd.core.errors import FaultError, SourceError
from mousetrackd.system.bounded_calls import bounded

if TYPE_CHECKING:
    from collections.abc import Callable

    from mousetrackd.capture.guard import GuardedSource
    from mousetrackd.config import Config
    from mousetrackd.core.events import Item, Source

RETRY_FIRST_S: Final = 1.0
RETRY_LONGEST_S: Final = 30.0

NO_WINDOWS: Final = "windows are not identified here: nothing is counted by application"
"""The note where somebody counts by application and the source knows no windows."""


@dataclass(frozen=True)
class Stopped:
    """A source that was stopped. items: what nobody had drained. now_ms: its clock then. problem: if it goes on."""

    items: list[Item]
    now_ms: int
    problem: str = ""


@dataclass(frozen=True)
class Ended(Stopped):
    """A source that has ended by itself. error: why; None where it had given everything that it had."""

    error: SourceError | None = None


@dataclass
class CaptureSession:
    """One source at a time, of those that ``make_source`` gives, unstarted, for a configuration.

    notify: called from any thread when there is something to drain. stop_timeout_s: how long a source may take to stop.
    source_name, notes: of the last source; before the first, what the configuration calls it, and none.
    """

    make_source: Callable[[Config], Source]
    notify: Callable[[], None]
    stop_timeout_s: float
    source_name: str = ""
    notes: tuple[str, ...] = ()
    _no_windows: tuple[str, ...] = ()
    _guard: Guard = field(default_factory=Guard)
    _source: GuardedSource | None = None
    _retry_s: float = RETRY_FIRST_S

    @property
    def is_listening(self) -> bool:
        """Whether there is a source, even one whose end was not noticed yet."""
        return self._source is not None

    @property
    def has_ended(self) -> bool:
        """Whether there is a source from which no more can come: ``poll`` then stops it."""
        return self._source is not None and not self._source.is_alive()

    @property
    def now_ms(self) -> int:
        """The clock of the events; 0 without a source."""
        return 0 if self._source is None else self._source.now_ms()

    def start(self, config: Config) -> None:
        """Start to listen. Raises SourceError, after which nothing is open, and other MousetrackErrors."""
        source = self._guard.make(partial(self.make_source, config))
        self.source_name = source.name
        source.start(self.notify)
        self._source = source
        self._no_windows = (NO_WINDOWS,) if config.applications.enabled and not source.identifies_by else ()
        self.notes = (*source.notes, *self._no_windows)

    def take(self) -> list[Item]:
        """Everything since the last call, in its order."""
        if self._source is None:
            return []
        items = self._source.drain()
        self.notes = (*self._source.notes, *self._no_windows)
        return items

    def poll(self) -> list[Item] | Ended:
        """As ``take``; where the source has ended it is stopped, and ``Ended`` has what it gave last."""
        source = self._source
        if source is None:
            return []
        if source.is_alive():  # checked first: what a dying source gave last is still drained below
            return self.take()
        is_finished = source.finished()
        stopped = self.stop()
        gone = source.failure or SourceError(f"{source.name} went away", "Waiting for it to return.")
        return Ended(stopped.items, stopped.now_ms, stopped.problem, None if is_finished else gone)

    def stop(self) -> Stopped:
        """Stop to listen. After this no connection to a display is open, or the problem says that it may be."""
        source = self._source
        if source is None:
            return Stopped([], 0)
        items = self.take()
        problem = ""
        try:
            bounded(self.stop_timeout_s, source.stop, name="stopping")
            items += self.take()
        except TimeoutError:
            problem = f"{source.name} does not stop\nNothing more of it is counted."
        self._source = None
        return Stopped(items, source.now_ms(), problem)

    def catch_up(self) -> None:
        """Return when all that had happened before is there to be taken, or after a moment."""
        if self._source is not None:
            self._source.catch_up()

    def answers(self) -> bool:
        """Whether the display that is listened to, if there is one, answered the last time it was asked."""
        return self._source is None or not self._source.is_alive() or self._source.ping()

    def next_retry_s(self) -> float:
        """How long to wait before the next try: twice as long after each, up to half a minute."""
        wait_s = self._retry_s
        self._retry_s = min(self._retry_s * 2, RETRY_LONGEST_S)
        return wait_s

    def reset_retries(self, after: SourceError | None = None) -> None:
        """Let the next wait be short again, but not after a source that failed in a way nobody expected."""
        if not isinstance(after, FaultError):
            self._retry_s = RETRY_FIRST_S
