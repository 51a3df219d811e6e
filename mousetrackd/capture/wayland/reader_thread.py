"""What native sources share: one thread that sleeps until the compositor says something, or until told to stop."""

from __future__ import annotations

import logging
import os
import selectors
import threading
import time
from typing import TYPE_CHECKING, Protocol

from mousetrackd.capture.suspend import Sleep, asleep_ms
from mousetrackd.core.errors import FaultError, SourceError
from mousetrackd.core.events import Gap, Item, Kind, LayoutChange, batch
from mousetrackd.core.wording import reason

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger("mousetrackd")

_STOP_TIMEOUT_S = 5.0
_CATCH_UP_TIMEOUT_S = 0.5
_LAST_WORDS_S = 0.5
"""How long what came before the stop may still be read."""

_FARTHEST_PX = 1 << 30
"""No desktop pixel is farther from the origin; an event has 32 bits for each coordinate."""

_MOST_UNREAD = 1 << 20
"""A compositor that says more than so much between two batches floods us: 500,000 positions a second."""


class Ear(Protocol):
    """A connection to a compositor, open from its making on. Used by one thread."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What it cannot hear, in general and just now. Read from any thread."""

    def fileno(self) -> int:
        """What to wait for, to be readable, before ``hear``."""

    def hear(self) -> float | None:
        """Tell the source all that has come.

        Returns after how many seconds to call it again even if nothing comes: 0 where more may have come than it
        takes at once, None for never. Never blocks for long. Raises SourceError when the compositor is gone.
        """

    def ask(self, answered: Callable[[], None]) -> None:
        """Ask the compositor for a sign of life; ``answered`` is called by the ``hear`` that hears it."""

    def close(self) -> None:
        """Close every connection."""


class ListeningSource:
    """A compositor's pointer, as an ear hears it. See ``events.Source``.

    open_ear: makes the ear, which tells by ``say_move`` and ``say``, its LayoutChange first; raises SourceError
    and leaves nothing open where it cannot. asleep_ms: how long the machine has been suspended so far; a Gap keeps
    lines from being drawn from before to after. most_unread: a compositor that says more than that between two
    ``drain`` ends the source.
    """

    def __init__(
        self,
        name: str,
        open_ear: Callable[[ListeningSource], Ear],
        *,
        asleep_ms: Callable[[], int] = asleep_ms,
        most_unread: int = _MOST_UNREAD,
    ) -> None:
        self._name = name
        self._open_ear = open_ear
        self._ear: Ear | None = None
        self._lock = threading.Lock()
        self._said: list[tuple[int, int, int, int] | Gap | LayoutChange] = []
        self._notify: Callable[[], None] = lambda: None
        self._waker = -1
        self._is_stopping = False
        self._caught_up = threading.Event()
        self._is_answered = True
        self._is_to_ask = False
        self._thread: threading.Thread | None = None
        self._listening = False
        self._failure: SourceError | None = None
        self._most_unread = most_unread
        self._sleep = Sleep(asleep_ms)

    @property
    def name(self) -> str:
        """How status calls it."""
        return self._name

    @property
    def notes(self) -> tuple[str, ...]:
        """What it cannot see, in general and just now."""
        return () if self._ear is None else self._ear.notes

    @property
    def failure(self) -> SourceError | None:
        """Why it is no longer alive; None while it is, and where it was stopped."""
        return self._failure

    def start(self, notify: Callable[[], None]) -> None:
        """Connect and begin to listen. Raises SourceError."""
        try:
            ear = self._ear = self._open_ear(self)
        except BaseException:
            self._said.clear()
            raise
        self._waker = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._notify = notify
        self._listening = True
        self._thread = threading.Thread(target=self._listen, args=(ear,), name="pointer", daemon=True)
        self._thread.start()
        notify()

    def now_ms(self) -> int:
        """The monotonic clock. An event's time is that of its arrival: no compositor stamps positions."""
        return time.monotonic_ns() // 1_000_000

    def catch_up(self) -> None:
        """Return when all that the compositor had sent before has been heard, or after half a second."""
        if self._listening:
            self._caught_up.clear()
            os.eventfd_write(self._waker, 1)
            self._caught_up.wait(_CATCH_UP_TIMEOUT_S)

    def drain(self) -> list[Item]:
        """Everything since the last call."""
        with self._lock:
            said, self._said = self._said, []
        items: list[Item] = []
        rows: list[tuple[int, int, int, int]] = []
        for one in said:
            if isinstance(one, tuple):
                rows.append(one)
                continue
            if rows:
                items.append(batch(rows))
                rows = []
            items.append(one)
        if rows:
            items.append(batch(rows))
        return items

    def is_alive(self) -> bool:
        """False once the compositor is gone."""
        return self._listening

    def ping(self) -> bool:
        """Did the compositor answer the last time, and the thread hear it?"""
        if self._thread is None or not self._listening or not self._is_answered:
            return False
        self._is_answered = False
        self._is_to_ask = True
        os.eventfd_write(self._waker, 1)
        return True

    def finished(self) -> bool:
        """Never: a compositor may come back."""
        return False

    def stop(self) -> None:
        """Hear what had come until now, and close every connection."""
        if self._thread is not None:
            self._is_stopping = True
            os.eventfd_write(self._waker, 1)
            self._thread.join(_STOP_TIMEOUT_S)
            if self._thread.is_alive():  # it still needs the waker, and closes its connections when it wakes up
                log.warning("%s: the thread that listens does not end", self._name)
            else:
                os.close(self._waker)
            self._thread = None

    def say_move(self, desktop_x: int, desktop_y: int) -> None:
        """The pointer is at this desktop pixel now. Raises FaultError for one that no desktop has."""
        if not (abs(desktop_x) < _FARTHEST_PX and abs(desktop_y) < _FARTHEST_PX):
            raise FaultError(
                f"{self._name} says that the pointer is outside of every possible desktop", "It is tried again."
            )
        self.say((self.now_ms(), Kind.MOVE, desktop_x, desktop_y))

    def say(self, what: tuple[int, int, int, int] | Gap | LayoutChange) -> None:
        """An event (a row of ``events.EVENT``), or something between events. Raises FaultError for a flood."""
        with self._lock:
            was_empty = not self._said
            if len(self._said) >= self._most_unread:
                raise FaultError(f"{self._name} says more than can be counted", "It is tried again.")
            self._said.append(what)
        if was_empty:
            self._notify()

    def _take_answer(self) -> None:
        self._is_answered = True

    def _listen(self, ear: Ear) -> None:
        try:
            try:
                self._hear_all(ear)
            finally:
                ear.close()
        except SourceError as error:
            self._failure = error
        except Exception as error:  # a plain bug, or what a library makes of nonsense
            log.exception("%s has failed", self._name)
            self._failure = FaultError(
                f"{self._name} has failed: {type(error).__name__}: {reason(error)}",
                "It is tried again. Please report it, with what the log says.",
            )
        finally:
            self._listening = False
            self._caught_up.set()
            self._notify()

    def _hear_all(self, ear: Ear) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(ear, selectors.EVENT_READ)
            selector.register(self._waker, selectors.EVENT_READ)
            again_s = ear.hear()
            is_awaited = False
            while not self._is_stopping:
                ready = selector.select(again_s)
                if self._sleep.is_over():
                    self.say(Gap(self.now_ms(), "suspend"))
                again_s = ear.hear()
                if any(key.fileobj == self._waker for key, _ in ready):
                    os.eventfd_read(self._waker)
                    is_awaited = True
                    if self._is_to_ask:
                        self._is_to_ask = False
                        ear.ask(self._take_answer)
                if is_awaited and again_s != 0:
                    is_awaited = False
                    self._caught_up.set()
        give_up_s = time.monotonic() + _LAST_WORDS_S
        while ear.hear() == 0 and time.monotonic() < give_up_s:  # what came while it was told to stop
            pass
