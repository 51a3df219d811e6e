"""Compositors that report the pointer over the session bus: what KWin and GNOME Shell have in common.

Something of ours runs inside the compositor and calls a method of ours at most 20 times a second.
"""

from __future__ import annotations

import contextlib
import select
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

from mousetrackd.capture.wayland import peer
from mousetrackd.capture.wayland.dbus import ANSWER_TIMEOUT_S, BUS_ERRORS, Bus
from mousetrackd.capture.wayland.outputs import LayoutReader
from mousetrackd.capture.wayland.reader_thread import CompositorSource, IdentifyingSource
from mousetrackd.core.errors import FaultError, SourceError
from mousetrackd.core.events import LayoutChange
from mousetrackd.core.wording import reason

if TYPE_CHECKING:
    from collections.abc import Callable

    from mousetrackd.capture.wayland.windows import WindowReports

THROTTLE_NOTE = "positions come 20 times a second: a rest may begin and end up to 50 ms late"

_FAREWELL_TIMEOUT_S = 1.0
"""How long to wait for answers to the last calls, which do not matter much."""


def make_source(
    connection: type[BusConnection], *, identifies_by: str, answer_timeout_s: float = ANSWER_TIMEOUT_S
) -> IdentifyingSource:
    """A source that has its events from such a connection, made when it starts."""
    name = f"{connection.compositor} (Wayland)"
    return IdentifyingSource(name, lambda source: connection(source, answer_timeout_s), lambda: identifies_by)


class BusConnection(ABC):
    """Calls of a compositor over the bus, and its monitors. See ``reader_thread.PointerConnection``.

    answer_timeout_s: see ``Bus``.
    """

    bus_name: ClassVar[str]
    """What the compositor is called on the bus."""
    compositor: ClassVar[str]
    """What people call it."""
    notes: tuple[str, ...]

    windows: WindowReports | None = None
    """What is reported about windows; None where nobody asked for that."""

    def __init__(self, source: CompositorSource, answer_timeout_s: float) -> None:
        self._source = source
        self._monitors = LayoutReader()
        try:
            self._bus = Bus(answer_timeout_s)
        except BUS_ERRORS as error:
            self._monitors.close()
            raise SourceError(
                f"cannot reach the session bus: {reason(error)}",
                "Start mousetrackd inside the session, or set DBUS_SESSION_BUS_ADDRESS.",
            ) from error
        self._either = select.epoll()
        try:
            self._either.register(self._monitors.fileno(), select.EPOLLIN)
            self._either.register(self._bus.fileno(), select.EPOLLIN)
            self._find_compositor()
            source.put(LayoutChange(source.now_ms(), self._monitors.layout()))
            self._begin(self._bus)
            self._bus.begun()
        except BUS_ERRORS as error:
            self._disconnect()
            raise SourceError(f"{self.compositor} does not answer: {reason(error)}", "Waiting for it.") from error
        except BaseException:
            self._disconnect()
            raise

    def _find_compositor(self) -> None:
        """Take the calls of the compositor from now on, and notice its end."""
        self._bus.watch(self.bus_name)
        peer = self._bus.owner(self.bus_name)
        if not peer:
            raise SourceError(f"{self.compositor} is not running on this session bus", "Waiting for it.")
        self._bus.accept_from(peer)

    @abstractmethod
    def _begin(self, bus: Bus) -> None:
        """Get the compositor to call us. Raises SourceError or one of ``BUS_ERRORS``."""

    @abstractmethod
    def _take(self, member: str, values: tuple[Any, ...]) -> None:
        """Take a call by the compositor. Raises SourceError when it was the last."""

    @abstractmethod
    def _end(self, bus: Bus) -> None:
        """Let it call us no more. Its earlier calls come before the answer. Raises one of ``BUS_ERRORS``."""

    def fileno(self) -> int:
        """Readable when the bus or the compositor's own socket is."""
        return self._either.fileno()

    def dispatch(self) -> float | None:
        """Put new positions, and changes of the monitors."""
        if self._monitors.dispatch():
            self._source.put(LayoutChange(self._source.now_ms(), self._monitors.layout()))
            if self.windows is not None:
                self.windows.place()
        try:
            came = self._bus.take()
        except OSError as error:
            raise SourceError(f"the session bus went away: {reason(error)}", "Waiting for it to return.") from error
        except ValueError as error:
            raise FaultError(f"the session bus cannot be understood: {reason(error)}", "It is tried again.") from error
        for member, values in came:
            if member == "NameOwnerChanged":  # what of ours ran inside it is gone with it
                raise SourceError(f"{self.compositor} went away", "Waiting for it to return.")
            self._take(member, values)
        again_s = self._follow()
        return 0 if self._bus.has_more or self._monitors.connection.has_more() else again_s

    def _follow_windows(self, awaiting: str) -> WindowReports:
        """Take reports about windows from now on. awaiting: why there are none, until the first comes."""
        from mousetrackd.capture.wayland.windows import WindowReports  # noqa: PLC0415 - who has it off pays nothing

        self.windows = WindowReports(self._source, self._monitors, awaiting)
        return self.windows

    def _window_notes(self) -> tuple[str, ...]:
        """Why windows are not identified, where they should be."""
        return (self.windows.problem,) if self.windows is not None and self.windows.problem else ()

    def _follow(self) -> float | None:
        """Do what is due by now. Returns after how many seconds more is, None for never."""
        return None

    def ask(self, answered: Callable[[], None]) -> None:
        """Ask the compositor for a sign of life, over its own socket."""
        self._monitors.connection.ask(answered)

    def close(self) -> None:
        """Take ours out of the compositor again, as far as it can be reached, and close every connection."""
        with contextlib.suppress(SourceError, *BUS_ERRORS), self._bus.within(_FAREWELL_TIMEOUT_S):
            self._end(self._bus)
            self.dispatch()
        self._disconnect()

    def _pixel(self, x: object, y: object) -> tuple[int, int] | None:
        """The desktop pixel of a position as the compositor sends it; None for what is no position."""
        try:
            return self._monitors.to_desktop(*peer.position(x, y))
        except ValueError:
            return None

    def _disconnect(self) -> None:
        self._either.close()
        self._bus.close()
        self._monitors.close()
