"""What a pointer source says, and what a source is.

A source fills a buffer from its own thread; the daemon takes what has gathered with ``drain``, in batches,
so that a fast mouse costs no more wake-ups than a slow one.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from mousetrackd.core.layout import Layout


class Kind(IntEnum):
    """What happened at a position. A press's kind says which button went down."""

    MOVE = 0
    LEFT = 1
    MIDDLE = 2
    RIGHT = 3
    OTHER = 4
    SCROLL = 5


EVENT = np.dtype([("time_ms", "<i8"), ("kind", "u1"), ("x", "<i4"), ("y", "<i4")])
"""One event: when, on a monotonic clock in milliseconds; what; and the desktop pixel."""

Events: TypeAlias = NDArray[Any]
"""(N,) array of ``EVENT``, in the order in which they happened."""

MANY_EVENTS = 1 << 14
"""A source that holds so many should be drained now: the fastest mouse, of 8000 events a second, takes 2 s for them.

Counting as many takes some 10 ms, in which the listener's thread has to share the interpreter.
"""


def batch(rows: Iterable[tuple[int, int, int, int]]) -> Events:
    """Events from rows of (time_ms, kind, x, y)."""
    return np.fromiter(rows, EVENT)


@dataclass(frozen=True)
class Gap:
    """From here on the source saw nothing for a while: no time is credited and no line is drawn across."""

    time_ms: int
    reason: str


@dataclass(frozen=True)
class Pointers(Gap):
    """A gap after which so many pointers move at once, while no event says whose it is: of several no line is drawn."""

    count: int


@dataclass(frozen=True)
class LayoutChange:
    """From here on the monitors are placed like this."""

    time_ms: int
    layout: Layout


Box: TypeAlias = tuple[int, int, int, int]
"""Left, top, right and bottom on the desktop, in px; the latter two outside."""


@dataclass(frozen=True)
class Window:
    """A window that the pointer may be over.

    names: what its application is called, as ``capture.applications`` gives it: its identity first, then other names
    that it has; empty where it is not known. areas: where the window gets the pointer, several where it is shaped.
    content: what heat relative to the window is counted on: without the frame, where that is known; None for a menu.
    """

    names: tuple[str, ...]
    areas: tuple[Box, ...]
    content: Box | None


NOBODY: Final = ("other",)
"""The names of what is known to be no application's: the bare desktop, a frame without a window."""


@dataclass(frozen=True)
class AppChange:
    """From here on the windows are placed like this.

    windows: the lowest first; None where no positions are known. focus: the names of the application that has the
    keyboard, as ``Window.names``; empty where it is not known.
    """

    time_ms: int
    windows: tuple[Window, ...] | None = None
    focus: tuple[str, ...] = ()


Interruption: TypeAlias = Gap | LayoutChange | AppChange
"""What comes between events; ``isinstance`` takes it."""
Item: TypeAlias = Events | Interruption


class Source(Protocol):
    """A pointer source. Made by ``registry.choose``; used by the daemon from one thread."""

    @property
    def name(self) -> str:
        """How status calls it, like ``pynput (X11 :0)``."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know about it: what it cannot see, or why it is not at its best."""

    def start(self, notify: Callable[[], None]) -> None:
        """Begin to listen; the first item to come is a LayoutChange.

        ``notify`` is called from any thread whenever ``drain`` has something to give after it had nothing, again when
        that should be drained at once (much has gathered, or the monitors have changed), and when the source ends.
        Raises SourceError when there is nothing to listen to; nothing is then left open.
        """

    def drain(self) -> list[Item]:
        """Everything since the last call, in order. Waits a moment at most, for what is still being put in order."""

    def catch_up(self) -> None:
        """Return when ``drain`` gives all that had happened before this call, or after a moment."""

    def now_ms(self) -> int:
        """The clock of this source's events, now."""

    def is_alive(self) -> bool:
        """False once no more events can come: the display is gone, the recording has ended."""

    def ping(self) -> bool:
        """Ask the display server for a sign of life; True when it gave one the last time, or at the start.

        The answer comes over our connection and through the thread that reads it, so it is a sign of life of that as
        well. Never blocks; to be called no more often than every few seconds.
        """

    def finished(self) -> bool:
        """True when it ended because it had said everything (a recording), so trying again is senseless."""

    def stop(self) -> None:
        """Stop listening and close every connection before returning. Idempotent; ``drain`` still works."""
