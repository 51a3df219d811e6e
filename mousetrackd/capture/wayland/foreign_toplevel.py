"""The focused window, where a compositor does not say where windows are: labwc, Wayfire, Hyprland, niri.

They offer wlr-foreign-toplevel-management-unstable-v1, which is made for task bars: it reports which window is
activated and what its program is called. So its application has the pointer wherever that is: ``AppChange`` items have
one window that covers everything. Titles come as well, for they cannot be left out: they wake the thread of the source
for a moment, and nothing decodes them. The events come over the connection of the positions, in the order of both.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from mousetrackd.capture.applications import Identities
from mousetrackd.capture.wayland.foreign_toplevel_protocol import ToplevelManager
from mousetrackd.core.errors import FaultError
from mousetrackd.core.events import NOBODY, AppChange, Window

if TYPE_CHECKING:
    from mousetrackd.capture.wayland.connection import Connection
    from mousetrackd.capture.wayland.reader_thread import CompositorSource

FOCUS_ONLY: Final = (
    "the application is that of the focused window, also for applications.deny: the compositor does not report where "
    "windows are"
)

_ACTIVATED: Final = struct.pack("=I", 2)
"""In the array of a handle's states."""

_WINDOWS_MAX: Final = 1000
_EVERYWHERE: Final = (-(1 << 30), -(1 << 30), 1 << 30, 1 << 30)
"""No pixel of a desktop is farther from the origin."""


@dataclass
class _Toplevel:
    """A window, as of its last ``done``; and as it will be at the next one."""

    names: tuple[str, ...] = ()
    is_activated: bool = False
    next_names: tuple[str, ...] = ()
    is_next_activated: bool = False

    def apply(self) -> bool:
        """Take the next state. Returns whether the focus may have changed with it."""
        before = self.is_activated and self.names
        self.names, self.is_activated = self.next_names, self.is_next_activated
        return before != (self.is_activated and self.names)


class FocusedWindow:
    """Puts the focused window's application into a source. See ``windows.FollowsWindows``.

    connection: that of the positions, whose ``dispatch`` takes the events. Raises SourceError.
    """

    def __init__(self, source: CompositorSource, connection: Connection, identities: Identities | None = None) -> None:
        self._source = source
        self._connection = connection
        self._identities = Identities() if identities is None else identities
        self._toplevels: dict[Any, _Toplevel] = {}
        self._put = AppChange(0)
        self.has_news = True
        """Whether ``refresh`` may have something to put."""
        self._is_listed = False
        self._manager = connection.bind(ToplevelManager, version=1)
        if self._manager is not None:
            self._is_listed = True
            self._manager.dispatcher["toplevel"] = self._on_toplevel
            self._manager.dispatcher["finished"] = self._on_finished
            connection.sync()
        self.refresh()

    @property
    def notes(self) -> tuple[str, ...]:
        """That only the focused window is known; nothing where none is, which ``identifies_by`` says."""
        if self._is_listed:
            return (FOCUS_ONLY,)
        return () if self._manager is None else ("windows are not identified: the compositor has ended their list",)

    def fileno(self) -> int:
        """-1: the events come over the connection."""
        return -1

    def refresh(self) -> None:
        """Put what has changed since the last call."""
        if not self.has_news:
            return
        self.has_news = False
        now = self._state()
        if (now.windows, now.focus) != (self._put.windows, self._put.focus):
            self._put = now
            self._source.put(now)

    def place(self) -> None:
        """The monitors have changed: the same."""

    def follow(self) -> None:
        """As ``refresh``; never to be called again by itself."""
        self.refresh()

    def close(self) -> None:
        """Nothing of its own is open."""

    def _state(self) -> AppChange:
        now_ms = self._source.now_ms()
        if not self._is_listed:
            return AppChange(now_ms)
        focused = {one.names for one in self._toplevels.values() if one.is_activated}
        if not focused:
            return AppChange(now_ms, (), NOBODY)
        # Two at once, or one without a name: whose the pointer is, is not known.
        names = focused.pop() if len(focused) == 1 else ()
        return AppChange(now_ms, (Window(names, (_EVERYWHERE,), None),), names)

    def _on_toplevel(self, _manager: object, handle: Any) -> None:
        self._connection.adopt(handle)
        if len(self._toplevels) >= _WINDOWS_MAX:
            raise FaultError(f"the Wayland compositor lists more than {_WINDOWS_MAX} windows", "It is tried again.")
        toplevel = self._toplevels[handle] = _Toplevel()
        handle.dispatcher["app_id"] = partial(self._on_app_id, toplevel)
        handle.dispatcher["state"] = partial(self._on_state, toplevel)
        handle.dispatcher["done"] = partial(self._on_done, toplevel)
        handle.dispatcher["closed"] = self._on_closed

    def _on_app_id(self, toplevel: _Toplevel, _handle: object, app_id: str) -> None:
        toplevel.next_names = self._identities.names(app_id)

    def _on_state(self, toplevel: _Toplevel, _handle: object, states: bytes) -> None:
        toplevel.is_next_activated = any(states[at : at + 4] == _ACTIVATED for at in range(0, len(states), 4))

    def _on_done(self, toplevel: _Toplevel, _handle: object) -> None:
        self.has_news |= toplevel.apply()

    def _on_closed(self, handle: Any) -> None:
        self.has_news |= self._toplevels.pop(handle).is_activated
        handle.destroy()

    def _on_finished(self, _manager: object) -> None:
        self._is_listed, self.has_news = False, True
        self._source.report_notes()
