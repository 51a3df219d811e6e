"""Compositors that have to be asked where the pointer is: what Hyprland and Wayfire have in common.

They are asked often while the pointer moves, and the longer it has rested the more rarely, down to once a second.
They are not asked while nobody uses the seat: the compositor reports when somebody does again.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol, TypeAlias

from mousetrackd.capture.wayland.outputs import LayoutReader
from mousetrackd.capture.wayland.reader_thread import CompositorSource, IdentifyingSource, identifies_by_focus
from mousetrackd.capture.wayland.seat import Seat
from mousetrackd.core.events import LayoutChange

if TYPE_CHECKING:
    from collections.abc import Callable

    from mousetrackd.capture.wayland.connection import Connection
    from mousetrackd.capture.wayland.foreign_toplevel import FocusedWindow

Position: TypeAlias = tuple[float, float]
"""x and y in the compositor's logical coordinates."""

ANSWER_TIMEOUT_S = 1.0
"""A compositor that has not answered by then hangs; so has whoever waits for us to stop."""

NOT_KNOWN = "It is tried again. This version of it may not be known: please report it."
"""What to do about an answer that is no position."""

MOVING_INTERVAL_S = 0.025
RESTING_INTERVAL_S = 1.0
RESTED_SHARE = 1 / 8
"""A pointer that has rested for 4 s is asked for every 0.5 s: when it moves, no rest is off by more than that share."""

NOTES = (
    "clicks and scroll are not seen: the compositor reports only where the pointer is",
    f"the compositor is asked up to {1 / MOVING_INTERVAL_S:.0f} times a second: faster turns are cut short",
)


class Question(Protocol):
    """A way to ask. Every failure is a SourceError."""

    def ask(self) -> Position:
        """Where the pointer is now, on some desktop. Waits at most ``ANSWER_TIMEOUT_S`` for the whole answer."""

    def close(self) -> None:
        """Close what is open."""


def make_source(
    name: str, question: Callable[[], Question], *, moving_interval_s: float = MOVING_INTERVAL_S
) -> IdentifyingSource:
    """A source that asks. question: makes the way to ask when the source starts. Raises nothing."""

    def connect(source: CompositorSource) -> PollingConnection:
        return PollingConnection(source, question(), moving_interval_s=moving_interval_s)

    return IdentifyingSource(f"{name} (Wayland)", connect, identifies_by_focus)


class PollingConnection:
    """Asks ``question`` again and again. See ``reader_thread.PointerConnection``.

    moving_interval_s: how long to wait between two questions while the pointer moves. ``question`` is closed with the
    connection, also where making it fails.
    """

    def __init__(
        self, source: CompositorSource, question: Question, *, moving_interval_s: float = MOVING_INTERVAL_S
    ) -> None:
        self._source = source
        self._question = question
        self._moving_interval_s = moving_interval_s
        self._monitors: LayoutReader | None = None
        self._windows: FocusedWindow | None = None
        try:
            self._position = question.ask()  # not counted: nobody has moved it yet
            monitors = self._monitors = LayoutReader()
            self._seat = Seat(monitors.connection)
        except BaseException:
            self.close()
            raise
        self._reader = monitors
        self._moved_s = self._asked_s = time.monotonic()
        source.put(LayoutChange(source.now_ms(), monitors.layout()))
        if source.wants_windows:
            self._follow_focus(monitors.connection)

    @property
    def notes(self) -> tuple[str, ...]:
        """That there are no clicks, how exact positions are, and what is not known of windows."""
        return NOTES if self._windows is None else (*NOTES, *self._windows.notes)

    def fileno(self) -> int:
        """The compositor's Wayland socket: changes of the monitors, and a seat that is used again."""
        return self._reader.fileno()

    def dispatch(self) -> float | None:
        """Put changes of the monitors, and ask when it is time to."""
        if self._reader.dispatch():
            self._source.put(LayoutChange(self._source.now_ms(), self._reader.layout()))
        if self._windows is not None and self._windows.has_news:
            self._ask(time.monotonic())  # first, for it may have moved since it was last asked for
            self._windows.refresh()
        self._seat.follow()
        if self._seat.is_idle:
            return None
        now_s = time.monotonic()
        wait_s = self._asked_s + self._interval_s(now_s) - now_s
        if wait_s <= 0:
            self._ask(now_s)
            wait_s = self._interval_s(now_s)
        return wait_s

    def ask(self, answered: Callable[[], None]) -> None:
        """Ask the compositor for a sign of life."""
        self._reader.connection.ask(answered)

    def close(self) -> None:
        """Disconnect."""
        self._question.close()
        if self._monitors is not None:
            self._monitors.close()

    def _follow_focus(self, connection: Connection) -> None:
        from mousetrackd.capture.wayland.foreign_toplevel import FocusedWindow  # noqa: PLC0415 - who has it off pays nothing

        try:
            self._windows = FocusedWindow(self._source, connection)
        except BaseException:
            self.close()
            raise

    def _ask(self, now_s: float) -> None:
        self._asked_s = now_s
        position = self._question.ask()
        if position != self._position:
            self._position = position
            self._moved_s = now_s
            self._source.put_move(*self._reader.to_desktop(*position))

    def _interval_s(self, now_s: float) -> float:
        rested_s = now_s - max(self._moved_s, self._seat.used_since_ms / 1000)
        return pause_s(rested_s, self._moving_interval_s)


def pause_s(rested_s: float, moving_interval_s: float = MOVING_INTERVAL_S) -> float:
    """How long to wait until the next question, when the pointer has rested for so long."""
    return min(max(rested_s * RESTED_SHARE, moving_interval_s), RESTING_INTERVAL_S)
