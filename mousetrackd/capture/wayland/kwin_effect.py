"""The effect for KWin that sees buttons: its files, and whether KWin knows it and can load it.

KWin reports buttons to *effects* alone. It looks for the folders of effects when it starts, so a new one needs one new
login. The effect is off by default and does nothing by itself; the daemon has KWin load it (``kwin_clicks``).
"""

from __future__ import annotations

import os
from enum import Enum
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from jeepney import DBusAddress

from mousetrackd.capture.wayland.dbus import ANSWER_TIMEOUT_S, BUS_ERRORS, Bus
from mousetrackd.capture.wayland.kwin_scripts import BUS_NAME
from mousetrackd.core.wording import quoted

if TYPE_CHECKING:
    from typing import Final

NAME = "mousetrackd"
"""By which KWin knows the effect: the name of its folder, and the Id in its metadata."""

EFFECTS = DBusAddress("/Effects", BUS_NAME, "org.kde.kwin.Effects")
_PROPERTIES = DBusAddress("/Effects", BUS_NAME, "org.freedesktop.DBus.Properties")

FILES: Final = {"metadata.json": "metadata.json", "main.js": "contents/code/main.js"}
"""Each file of the effect in this package, and where it belongs in the effect's folder."""


class State(Enum):
    """How far KWin is with the effect."""

    NOT_INSTALLED = "mousetrackd's effect for KWin is not installed"
    NOT_KNOWN = "KWin does not know mousetrackd's effect yet"
    NO_OPENGL = "KWin draws without OpenGL, and then runs no effect like mousetrackd's"
    NOT_LOADED = "KWin has not loaded mousetrackd's effect"
    LOADED = "KWin has loaded mousetrackd's effect"


HINTS: Final = {
    State.NOT_INSTALLED: "Run `mousetrackd install`, then log out and in once.",
    State.NOT_KNOWN: "KWin looks for new effects only at login: log out and in once.",
    State.NO_OPENGL: "Motion is recorded all the same.",
}
"""What to do about those that last."""


def folder(data_home: Path) -> Path:
    """Where KWin 5.27 and 6 look for it."""
    return data_home / "kwin" / "effects" / NAME


def text(name: str) -> str:
    """One of ``FILES``, as it comes with the package."""
    return files(__package__).joinpath("js", "kwin-effect", name).read_text("utf-8")


def look(bus: Bus) -> State:
    """Ask KWin about the effect. Raises one of ``BUS_ERRORS``."""
    match bus.call(_PROPERTIES, "Get", "ss", EFFECTS.interface, "listOfEffects"):
        case ("as", list(known)):
            pass
        case nonsense:
            raise ValueError(f"KWin does not say which effects it knows, but: {quoted(nonsense, 80)}")
    if NAME not in known:
        return State.NOT_KNOWN if _is_installed() else State.NOT_INSTALLED
    if bus.call(EFFECTS, "isEffectLoaded", "s", NAME):
        return State.LOADED
    return State.NOT_LOADED if bus.call(EFFECTS, "isEffectSupported", "s", NAME) else State.NO_OPENGL


def look_from_outside() -> State | None:
    """As ``look``, over a connection of its own; None where there is no KWin to ask, or it does not answer."""
    try:
        bus = Bus(ANSWER_TIMEOUT_S)
    except BUS_ERRORS:
        return None
    try:
        return look(bus)
    except BUS_ERRORS:
        return None
    finally:
        bus.close()


def _is_installed() -> bool:
    data_home = os.environ.get("XDG_DATA_HOME", "")
    base = Path(data_home) if data_home.startswith("/") else Path.home() / ".local" / "share"
    return (folder(base) / "metadata.json").exists()
