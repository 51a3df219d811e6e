"""What native sources share: one thread that sleeps until the compositor sends something, or until it is stopped."""

from __future__ import annotations

import logging
import os
import selectors
import threading
import time
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from mousetrackd.capture.suspend import Sleep, asleep_ms
from mousetrackd.core.errors import FaultError, SourceError
from mousetrackd.core.events import MANY_EVENTS, Gap, Interruption, Item, Kind, LayoutChange, batch
from mousetrackd.core.wording import reason

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger("mousetrackd")

_STOP_TIMEOUT_S = 5.0
_CATCH_UP_TIMEOUT_S = 0.5
_LAST_READ_S = 0.5
"""How long events that came before the stop may still be read."""

_FARTHEST_PX = 1 << 30
"""No desktop pixel is farther from the origin; an event has 32 bits for each coordinate."""

_UNREAD_MAX = 1 << 20
"""More events than this between two drains are a flood."""


class PointerConnection(Protocol):
    """A connection to a compositor that reports the pointer; open once it is made. Used by one thread."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What it cannot report, in general and just now. Read from any thread."""

    def fileno(self) -> int:
        """What becomes readable when ``dispatch`` has work."""

    def dispatch(self) -> float | None:
        """Put all events that have come into the source.

        Returns after how many seconds to call it again even if nothing comes: 0 where more may have come than it
        takes at once, None for never. Never blocks for long. Raises SourceError when the compositor is gone.
        """

    def ask(self, answered: Callable[[], None]) -> None:
        """Ask the compositor for a sign of life; ``answered`` is called by the ``dispatch`` that reads the reply."""

    def close(self) -> None:
        """Close every connection."""


class CompositorSource:
    """A compositor's pointer, as a connection reports it. See ``events.Source``.

    connect: makes the connection, which calls ``put`` with a LayoutChange first, and ``put_move``. Raises SourceError,
    with nothing left open, where it cannot. asleep_ms: how long the machine has been suspended so far; a Gap keeps
    lines from being drawn from before to after. unread_max: more events than that between two ``drain`` end the
    source.
    """

    def __init__(
        self,
        name: str,
        connect: Callable[[CompositorSource], PointerConnection],
        *,
        asleep_ms: Callable[[], int] = asleep_ms,
        unread_max: int = _UNREAD_MAX,
    ) -> None:
        self.wants_windows = False
        """Whether ``AppChange`` items are asked for. Only where the compositor's connection can give them."""
        self._name = name
        self._connect = connect
        self._connection: PointerConnection | None = None
        self._lock = threading.Lock()
        self._pending: list[tuple[int, int, int, int] | Interruption] = []
        self._notify: Callable[[], None] = lambda: None
        self._waker = -1
        self._is_stopping = False
        self._caught_up = threading.Event()
        self._is_answered = True
        self._is_to_ask = False
        self._thread: threading.Thread | None = None
        self._listening = False
        self._failure: SourceError | None = None
        self._unread_max = unread_max
        self._sleep = Sleep(asleep_ms)

    @property
    def name(self) -> str:
        """How status calls it."""
        return self._name

    @property
    def notes(self) -> tuple[str, ...]:
        """What it cannot report, in general and just now."""
        return () if self._connection is None else self._connection.notes

    @property
    def failure(self) -> SourceError | None:
        """Why it is no longer alive; None while it is, and where it was stopped."""
        return self._failure

    def start(self, notify: Callable[[], None]) -> None:
        """Connect and begin to listen. Raises SourceError."""
        try:
            connection = self._connection = self._connect(self)
        except BaseException:
            self._pending.clear()
            raise
        self._waker = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._notify = notify
        self._listening = True
        self._thread = threading.Thread(target=self._listen, args=(connection,), name="pointer", daemon=True)
        self._thread.start()
        notify()

    def now_ms(self) -> int:
        """The monotonic clock. An event's time is that of its arrival: no compositor stamps positions."""
        return time.monotonic_ns() // 1_000_000

    def catch_up(self) -> None:
        """Return when all that the compositor had sent before has been read, or after half a second."""
        if self._listening:
            self._caught_up.clear()
            os.eventfd_write(self._waker, 1)
            self._caught_up.wait(_CATCH_UP_TIMEOUT_S)

    def drain(self) -> list[Item]:
        """Everything since the last call."""
        with self._lock:
            pending, self._pending = self._pending, []
        items: list[Item] = []
        rows: list[tuple[int, int, int, int]] = []
        for one in pending:
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
        """Did the compositor answer the last time, and the thread read it?"""
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
        """Read what had come until now, and close every connection."""
        if self._thread is not None:
            self._is_stopping = True
            os.eventfd_write(self._waker, 1)
            self._thread.join(_STOP_TIMEOUT_S)
            if self._thread.is_alive():  # it still needs the waker, and closes its connections when it wakes up
                log.warning("%s: its thread does not end", self._name)
            else:
                os.close(self._waker)
            self._thread = None

    def put_move(self, desktop_x: int, desktop_y: int) -> None:
        """The pointer is at this desktop pixel now. Raises FaultError for one that no desktop has."""
        if not (abs(desktop_x) < _FARTHEST_PX and abs(desktop_y) < _FARTHEST_PX):
            raise FaultError(f"{self._name} reports a pointer outside of every possible desktop", "It is tried again.")
        self.put((self.now_ms(), Kind.MOVE, desktop_x, desktop_y))

    def put(self, item: tuple[int, int, int, int] | Interruption) -> None:
        """An event (a row of ``events.EVENT``), or something between events. Raises FaultError for a flood."""
        with self._lock:
            was_empty = not self._pending
            if len(self._pending) >= self._unread_max:
                raise FaultError(f"{self._name} sends more than can be counted", "It is tried again.")
            self._pending.append(item)
            is_urgent = isinstance(item, LayoutChange) or len(self._pending) % MANY_EVENTS == 0
        if was_empty or is_urgent:
            self._notify()

    def report_notes(self) -> None:
        """Let the daemon read ``notes`` again: they have changed, and no event says so."""
        self._notify()

    def _take_answer(self) -> None:
        self._is_answered = True

    def _listen(self, connection: PointerConnection) -> None:
        try:
            try:
                self._dispatch_until_stopped(connection)
            finally:
                connection.close()
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

    def _dispatch_until_stopped(self, connection: PointerConnection) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(connection, selectors.EVENT_READ)
            selector.register(self._waker, selectors.EVENT_READ)
            again_s = connection.dispatch()
            is_awaited = False
            while not self._is_stopping:
                ready = selector.select(again_s)
                if self._sleep.is_over():
                    self.put(Gap(self.now_ms(), "suspend"))
                again_s = connection.dispatch()
                if any(key.fileobj == self._waker for key, _ in ready):
                    os.eventfd_read(self._waker)
                    is_awaited = True
                    if self._is_to_ask:
                        self._is_to_ask = False
                        connection.ask(self._take_answer)
                if is_awaited and again_s != 0:
                    is_awaited = False
                    self._caught_up.set()
        give_up_s = time.monotonic() + _LAST_READ_S
        while connection.dispatch() == 0 and time.monotonic() < give_up_s:  # what came while it was asked to stop
            pass


class IdentifyingSource(CompositorSource):
    """One whose connection puts ``AppChange`` items where ``wants_windows``. See ``applications.IdentifiesWindows``.

    identifies_by: called when it is first asked for, at most once.
    """

    def __init__(
        self, name: str, connect: Callable[[CompositorSource], PointerConnection], identifies_by: Callable[[], str]
    ) -> None:
        super().__init__(name, connect)
        self._find_by = identifies_by

    @cached_property
    def identifies_by(self) -> str:
        """As ``applications.IdentifiesWindows``; empty where this compositor identifies none."""
        return self._find_by()

    def identify_windows(self) -> None:
        """As ``applications.IdentifiesWindows``."""
        self.wants_windows = True


def identifies_by_focus(display_name: str | None = None) -> str:
    """For an ``IdentifyingSource`` that asks its compositor for no more than the focused window."""
    from mousetrackd.capture.wayland import foreign_toplevel_protocol  # noqa: PLC0415 - who has it off pays nothing

    return foreign_toplevel_protocol.identifies_by(display_name)
