"""GNOME Shell: an extension of ours runs inside it and reports where the pointer is and which buttons are down.

The extension waits for our name on the session bus, and calls its owner and nobody else. It is put in
place by ``gnome_extension.install_extension``; GNOME looks for new extensions only at login.
"""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any

from jeepney import DBusAddress
from jeepney.bus_messages import message_bus

from mousetrackd.capture.wayland import bus_connection
from mousetrackd.capture.wayland.bus_connection import THROTTLE_NOTE, BusConnection
from mousetrackd.capture.wayland.dbus import Bus
from mousetrackd.capture.wayland.gnome_extension import UUID, is_installed
from mousetrackd.core.errors import BlindError, FaultError, SourceError
from mousetrackd.core.events import Gap, Kind
from mousetrackd.core.wording import quoted

if TYPE_CHECKING:
    from typing import Final

NO_SCROLL = "scroll is not seen, nor clicks shorter than 25 ms: GNOME Shell reports neither"

OUR_NAME = "org.mousetrackd.Daemon"
"""The name on the session bus that the extension waits for."""

WINDOWS_NAME = "org.mousetrackd.Windows"
"""A second one, whose owner gets the reports about windows. One of an earlier version does not know it."""

BUS_NAME = "org.gnome.Shell"
_EXTENSIONS = DBusAddress("/org/gnome/Shell", BUS_NAME, "org.gnome.Shell.Extensions")

_ENABLED, _FAILED, _OUT_OF_DATE = 1, 3, 4
"""States of an extension (js/misc/extensionUtils.js of GNOME Shell)."""

_BUTTONS: Final = {
    1 << 8: Kind.LEFT,
    1 << 9: Kind.MIDDLE,
    1 << 10: Kind.RIGHT,
    1 << 11: Kind.OTHER,
    1 << 12: Kind.OTHER,
}
"""Clutter's modifier mask, in which each button has a bit."""

_OLD_EXTENSION = (
    "GNOME Shell runs an earlier mousetrackd extension: run `mousetrackd install`, then log out and in once"
)
_NO_PICTURE = "Nothing is recorded."


class ShellExtension(BusConnection):
    """An extension inside GNOME Shell that calls us. See ``reader_thread.PointerConnection``."""

    bus_name = BUS_NAME
    compositor = "GNOME Shell"

    _buttons = 0
    _at: tuple[int, int] | None = None
    _has_said_hello = False

    @property
    def notes(self) -> tuple[str, ...]:  # type: ignore[override]
        """What GNOME Shell does not report, in general and just now."""
        return (*self._window_notes(), NO_SCROLL, THROTTLE_NOTE)

    def _begin(self, bus: Bus) -> None:
        _refuse_without_extension(bus.call(_EXTENSIONS, "GetExtensionInfo", "s", UUID))
        if self._source.wants_windows:  # first: its report then comes before its greeting
            self._follow_windows(_OLD_EXTENSION)
            bus.request_name(WINDOWS_NAME)
        if not bus.request_name(OUR_NAME):
            raise SourceError(
                f"another program is called {OUR_NAME} on the session bus", "Is another mousetrackd running? Waiting."
            )
        give_up_s = time.monotonic() + bus.answer_timeout_s
        while not self._has_said_hello:
            for member, values in bus.take(max(give_up_s - time.monotonic(), 0)):
                self._take(member, values)
            if time.monotonic() > give_up_s:
                raise BlindError(
                    "GNOME Shell has the mousetrackd extension, but the extension is silent",
                    f"{_NO_PICTURE} Run `mousetrackd install` again, and log out and in once.",
                )

    def _take(self, member: str, values: tuple[Any, ...]) -> None:
        match member, values:
            case "Hello", (int(buttons),):
                self._has_said_hello = True
                self._at, self._buttons = None, buttons
            case "Moved", (x, y, int(buttons)) if pixel := self._pixel(x, y):
                self._put(pixel, buttons)
            case "Windows", (str(text),) if self.windows is not None:
                self.windows.take(text)
            case "Bye", (True,):
                self._source.put(Gap(self._source.now_ms(), "the screen is locked"))
            case "Bye", _:  # a new source finds out why, and reports it
                raise SourceError("the mousetrackd extension was switched off", "Waiting for it.")

    def _put(self, pixel: tuple[int, int], buttons: int) -> None:
        """Put a move, unless the pointer did not move, and what was pressed."""
        if pixel != self._at:
            self._source.put_move(*pixel)
        self._at = pixel
        pressed, self._buttons = buttons & ~self._buttons, buttons
        for bit, kind in _BUTTONS.items():
            if pressed & bit:
                self._source.put((self._source.now_ms(), kind, *pixel))

    def _end(self, bus: Bus) -> None:
        if self.windows is not None:
            bus.call(message_bus, "ReleaseName", "s", WINDOWS_NAME)
        bus.call(message_bus, "ReleaseName", "s", OUR_NAME)  # at which the extension stops calling


make_source = partial(
    bus_connection.make_source,
    ShellExtension,
    identifies_by="GNOME Shell: places of windows, desktop files and app_id or WM_CLASS",
)
"""The pointer of GNOME's Wayland session, as a source."""


def _refuse_without_extension(info: object) -> None:
    """Raise BlindError, with what to do, unless the shell runs the extension. info: the shell's answer about it."""
    state: float | None = None
    match info:
        case {"state": (_, int() | float() as reported)}:
            state = reported
        case _ if info != {}:
            raise FaultError(
                f"GNOME Shell does not say how the mousetrackd extension is, but: {quoted(info, 80)}",
                "It is tried again. This version of it may not be known: please report it.",
            )
    if state == _ENABLED:
        return
    if state is None:
        if is_installed():
            raise BlindError(
                "GNOME Shell does not know the mousetrackd extension yet",
                f"{_NO_PICTURE} Log out and in once.",
            )
        raise BlindError(
            "GNOME reports pointer positions only to an extension, and mousetrackd's is not installed",
            f"{_NO_PICTURE} Run `mousetrackd install`, then log out and in once.",
        )
    if state == _OUT_OF_DATE:
        raise BlindError(
            "the mousetrackd extension does not fit this version of GNOME Shell",
            f"{_NO_PICTURE} Run `mousetrackd install` again, and log out and in once.",
        )
    if state == _FAILED:
        match info:
            case {"error": (_, str(error))} if error:
                why = quoted(error)
            case _:
                why = "GNOME Shell gives no reason"
        raise BlindError(
            f"the mousetrackd extension has failed: {why}",
            f"{_NO_PICTURE} Run `mousetrackd install` again, and log out and in once.",
        )
    raise BlindError(
        "the mousetrackd extension is switched off in GNOME Shell",
        f"{_NO_PICTURE} Switch it on: gnome-extensions enable {UUID}",
    )
