"""Which source this session can have, by what it offers and not by what it is called; and why.

A Wayland compositor may run an X server for older programs (XWayland), in which a listener sees a part of the
truth only. So X11 is used only where the server is a real one, and where nothing fits nothing is used.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mousetrackd.core.errors import BlindError, SourceError
from mousetrackd.core.wording import quoted, reason

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mousetrackd.capture.wayland.connection import Connection

_NO_BUS = "It was not found on the session bus: set DBUS_SESSION_BUS_ADDRESS"

_HELP = {
    "sway": "Cursor sessions came with sway 1.11",
    "labwc": "Cursor sessions came with labwc 0.9",
    "niri": "A newer niri has cursor sessions",
    "cosmic-comp": "A newer COSMIC has cursor sessions",
    "wayfire": 'Add "ipc ipc-rules" to plugins in wayfire.ini and log in again',
    "hyprland": "Under systemd: systemctl --user import-environment HYPRLAND_INSTANCE_SIGNATURE",
    "kwin_wayland": _NO_BUS,
    "gnome-shell": _NO_BUS,
}
"""What would help on a compositor that offers us nothing, by the name of its program."""

_OTHERWISE = "Log in to an X11 (Xorg) session, or use KDE Plasma, GNOME, sway or labwc"


@dataclass(frozen=True)
class Finding:
    """What was looked at, whether the pointer can be followed there, and why."""

    what: str
    fits: bool
    why: str

    def __str__(self) -> str:
        return f"{self.what}: {'yes' if self.fits else 'no'}, {self.why}"


@dataclass(frozen=True)
class Choice:
    """The source for this session by its name; "" where there is none, and ``refusal`` says why.

    The refusal is a BlindError where a source would see only a part of the motion. findings are in the order in
    which they were looked at, up to the one that fits.
    """

    source: str
    findings: tuple[Finding, ...]
    refusal: SourceError | None = None


def look() -> Choice:
    """Look at this session. Raises nothing; a compositor or X server that hangs may take it some seconds."""
    try:
        connection = _open_wayland()
    except SourceError as error:
        return _without_wayland(error)
    try:
        return _with_wayland(connection)
    finally:
        connection.close()


def _open_wayland() -> Connection:
    if os.environ.get("XDG_SESSION_TYPE", "") == "x11":
        raise SourceError("this is an X11 session")
    from mousetrackd.capture.wayland.connection import Connection  # noqa: PLC0415 - who has X11 does without

    return Connection()


def _without_wayland(wayland_error: SourceError) -> Choice:
    """X11, or nothing: also where there is no display at all, for which the X11 source knows how to wait."""
    x11, is_xwayland = _x11()
    findings = (x11, Finding("Wayland", fits=False, why=wayland_error.message))
    if x11.fits:
        return Choice("pynput", findings[:1])
    if is_xwayland:
        name = os.environ.get("XDG_CURRENT_DESKTOP") or "a compositor that cannot be reached"
        message = f"this is a Wayland session of {name}: {wayland_error.message}"
        return Choice("", findings, BlindError(message, f"{wayland_error.hint} Nothing is recorded meanwhile."))
    if "WAYLAND_DISPLAY" in os.environ or os.environ.get("XDG_SESSION_TYPE", "") == "wayland":
        return Choice("", findings, wayland_error)
    return Choice("pynput", findings)


def _with_wayland(connection: Connection) -> Choice:
    findings = []
    for source, finding in _ways(connection):
        findings.append(finding)
        if finding.fits:
            return Choice(source, tuple(findings))
    program = connection.compositor
    desktop = quoted(os.environ.get("XDG_CURRENT_DESKTOP", ""), 80)
    name = f"{desktop} ({program})" if desktop and program else desktop or program or "an unknown compositor"
    error = BlindError(
        f"this is a Wayland session of {name}, which offers no way to follow the pointer that mousetrackd knows",
        f"Nothing is recorded, because the picture would be wrong. {_HELP.get(program.lower(), _OTHERWISE)}.",
    )
    return Choice("", tuple(findings), error)


def _ways(connection: Connection) -> Iterator[tuple[str, Finding]]:
    """Every source that a session with a Wayland compositor can have, the best first."""
    if os.environ.get("XDG_SESSION_TYPE", "") == "wayland":
        # Asking an XWayland that sleeps what it is would start it.
        yield "pynput", Finding("X11", fits=False, why="this is a Wayland session")
    else:
        yield "pynput", _x11()[0]
    is_hyprland = _is_hyprland(connection)
    yield "wlroots", _cursor_sessions(connection, is_hyprland=is_hyprland)
    yield "kwin", _on_bus("KWin", "org.kde.KWin")
    yield "gnome", _on_bus("GNOME Shell", "org.gnome.Shell")
    why = "its request socket is there" if is_hyprland else "there is no request socket"
    yield "hyprland", Finding("Hyprland", fits=is_hyprland, why=why)
    socket = os.environ.get("WAYFIRE_SOCKET", "")
    yield "wayfire", Finding("Wayfire", fits=bool(socket), why=f"WAYFIRE_SOCKET is {quoted(socket) or 'not set'}")


def _x11() -> tuple[Finding, bool]:
    """Whether an X server shows the whole pointer, and whether it is XWayland."""
    from mousetrackd.capture.x11 import display as x11  # noqa: PLC0415 - likewise

    display = None
    try:
        display = x11.open_display()
        with x11.answering(display, x11.ANSWER_TIMEOUT_S):
            x11.refuse_xwayland(display)
    except BlindError as error:
        return Finding("X11", fits=False, why=error.message), True
    except SourceError as error:
        return Finding("X11", fits=False, why=error.message), False
    except x11.XLIB_ERRORS as error:
        return Finding("X11", fits=False, why=f"the X server went away: {reason(error)}"), False
    finally:
        x11.close_display(display)
    return Finding("X11", fits=True, why=f"the X server {os.environ['DISPLAY']} sees the whole screen"), False


def _is_hyprland(connection: Connection) -> bool:
    from mousetrackd.capture.wayland import hyprland  # noqa: PLC0415 - likewise

    named = "HYPRLAND_INSTANCE_SIGNATURE" in os.environ or connection.compositor.lower() == "hyprland"
    return named and hyprland.socket_path() is not None


def _cursor_sessions(connection: Connection, *, is_hyprland: bool) -> Finding:
    from mousetrackd.capture.wayland import wlroots  # noqa: PLC0415 - likewise

    what = "cursor sessions"
    missing = [interface.name for interface in wlroots.interfaces() if not connection.find(interface)]
    if missing:
        return Finding(what, fits=False, why=f"{connection.compositor} does not offer {missing[0]}")
    if is_hyprland:
        return Finding(what, fits=False, why="Hyprland offers them, but may crash over them when a monitor goes away")
    return Finding(what, fits=True, why=f"{connection.compositor} offers them (ext-image-copy-capture-v1)")


def _on_bus(what: str, name: str) -> Finding:
    from mousetrackd.capture.wayland.dbus import is_on_bus  # noqa: PLC0415 - likewise

    fits = is_on_bus(name)
    return Finding(what, fits=fits, why=f"{name} is {'' if fits else 'not '}on the session bus")
