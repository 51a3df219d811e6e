"""A source that fails in a way nobody expected costs itself, and not the daemon or what has been counted."""

from __future__ import annotations

import logging
import traceback
from typing import TYPE_CHECKING, TypeVar

from mousetrackd.core.errors import FaultError, MousetrackError, SourceError
from mousetrackd.core.events import EVENT, Interruption
from mousetrackd.core.wording import quoted, reason

if TYPE_CHECKING:
    from collections.abc import Callable

    from mousetrackd.core.events import Item, Source

_T = TypeVar("_T")

log = logging.getLogger("mousetrackd")


class Guard:
    """Makes guarded sources. Logs the traceback of each unexpected failure once, however often it is tried again."""

    def __init__(self) -> None:
        self._logged: set[tuple[object, ...]] = set()

    def make(self, make_source: Callable[[], Source]) -> GuardedSource:
        """What ``make_source`` gives, guarded. Raises MousetrackError; FaultError for what nobody expected."""
        try:
            return GuardedSource(make_source(), self)
        except MousetrackError:
            raise
        except Exception as error:
            raise self.fault("the choice of a pointer source", error) from error

    def fault(self, what: str, error: Exception) -> SourceError:
        """The failure as an error to report: itself, where it is one already."""
        if isinstance(error, SourceError):
            return error
        frames = traceback.extract_tb(error.__traceback__)
        at = (type(error), frames[-1].filename, frames[-1].lineno) if frames else (type(error),)
        if at not in self._logged:
            self._logged.add(at)
            log.error("%s has failed", what, exc_info=error)
        return FaultError(
            f"{what} has failed: {type(error).__name__}: {reason(error)}",
            "It is tried again. Please report it, with what the log says.",
        )


class GuardedSource:
    """``source``, of which nothing but a SourceError gets out, and that only by ``start``. See ``events.Source``.

    Where anything else fails the source is stopped and no longer alive, and ``failure`` says why.
    """

    def __init__(self, source: Source, guard: Guard) -> None:
        self._source = source
        self._guard = guard
        self._failure: SourceError | None = None
        self._notify: Callable[[], None] = lambda: None
        self._name = "the pointer source"
        self._last_ms = 0

    @property
    def name(self) -> str:
        """How status calls it."""
        self._name = self._try(lambda: quoted(self._source.name), self._name)
        return self._name

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know about it."""
        return self._try(lambda: tuple(quoted(note, 1000) for note in self._source.notes), ())

    @property
    def identifies_by(self) -> str:
        """As ``applications.IdentifiesWindows``; empty where it is none."""
        return self._try(lambda: quoted(getattr(self._source, "identifies_by", "")), "")

    @property
    def failure(self) -> SourceError | None:
        """Why it is no longer alive; None while it is, and where it has just ended."""
        if self._failure is None:
            failure = getattr(self._source, "failure", None)
            return failure if isinstance(failure, SourceError) else None
        return self._failure

    def start(self, notify: Callable[[], None]) -> None:
        """Begin to listen. Raises MousetrackError."""
        self._notify = notify
        try:
            self._source.start(notify)
        except MousetrackError:
            raise
        except Exception as error:
            self._failure = self._guard.fault(self._name, error)
            self.stop()
            raise self._failure from error

    def drain(self) -> list[Item]:
        """Everything since the last call; nothing where it fails."""
        return self._try(self._drain, [])

    def catch_up(self) -> None:
        """Return when all that had happened before is there to be drained, or after a moment."""
        self._try(self._source.catch_up, None)

    def now_ms(self) -> int:
        """The clock of its events; where it fails, the last time that it gave."""
        self._last_ms = self._try(lambda: int(self._source.now_ms()), self._last_ms)
        return self._last_ms

    def is_alive(self) -> bool:
        """False once no more events can come."""
        return self._failure is None and self._try(self._source.is_alive, default=False)

    def ping(self) -> bool:
        """Whether it answered the last time. True where asking fails: then it has ended, and does not hang."""
        return self._try(self._source.ping, default=True)

    def finished(self) -> bool:
        """True when it ended because it had said everything."""
        return self._failure is None and self._try(self._source.finished, default=False)

    def stop(self) -> None:
        """Stop listening. Idempotent."""
        try:
            self._source.stop()
        except Exception as error:  # noqa: BLE001 - whatever it is, there is nothing more to stop
            self._failure = self._failure or self._guard.fault(self._name, error)

    def _drain(self) -> list[Item]:
        items = self._source.drain()
        for item in items:
            if not isinstance(item, Interruption) and getattr(item, "dtype", None) != EVENT:
                raise TypeError(f"{type(item).__name__} is no event")
        return items

    def _try(self, call: Callable[[], _T], default: _T) -> _T:
        try:
            return call()
        except Exception as error:  # noqa: BLE001 - a plain bug as well: it must not end the daemon
            if self._failure is None:
                self._failure = self._guard.fault(self._name, error)
                self.stop()
                self._notify()
            return default
