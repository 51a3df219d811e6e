"""KWin, the compositor of KDE Plasma: a script of ours runs inside it and reports where the pointer is.

KWin unloads scripts when it ends, but not when we do: a killed daemon's script goes on calling a connection that is
gone, until the next daemon unloads it before it loads its own.
"""

from __future__ import annotations

import contextlib
import os
from functools import partial
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from jeepney import DBusAddress

from mousetrackd.capture.wayland import dbus
from mousetrackd.capture.wayland.dbus import THROTTLE_NOTE, Bus, BusConnection, CallRefusedError
from mousetrackd.core.errors import FaultError, SourceError
from mousetrackd.core.wording import reason
from mousetrackd.system.files import make_private, write_whole
from mousetrackd.system.paths import user_paths

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SCRIPT_NAME = "mousetrackd"
"""By which KWin knows our script, whoever loaded it."""

NO_CLICKS = "clicks and scroll are not seen: KWin reports only where the pointer is"

BUS_NAME = "org.kde.KWin"
_SCRIPTING = DBusAddress("/Scripting", BUS_NAME, "org.kde.kwin.Scripting")


class KWinScript(BusConnection):
    """A script inside KWin that calls us. See ``reader_thread.PointerConnection``."""

    bus_name = BUS_NAME
    compositor = "KWin"
    notes = (NO_CLICKS, THROTTLE_NOTE)

    def _begin(self, bus: Bus) -> None:
        bus.call(_SCRIPTING, "unloadScript", "s", SCRIPT_NAME)
        with _script_file(bus.name) as path:
            number = bus.call(_SCRIPTING, "loadScript", "ss", str(path), SCRIPT_NAME)
            self._run(bus, number)

    def _run(self, bus: Bus, number: object) -> None:
        """Run the script; Plasma 6 and 5.27 keep it at different places."""
        if not isinstance(number, int):
            raise FaultError("KWin does not say which number the script has", "It is tried again.")
        error: CallRefusedError | None = None
        for path in (f"/Scripting/Script{number}", f"/{number}"):
            try:
                bus.call(DBusAddress(path, BUS_NAME, "org.kde.kwin.Script"), "run")
            except CallRefusedError as refused:
                error = refused
            else:
                return
        raise SourceError(f"KWin loaded the script but does not run it: {error}", "Waiting, and trying again.")

    def _take(self, member: str, values: tuple[Any, ...]) -> None:
        match member, values:
            case "Moved", (x, y) if pixel := self._pixel(x, y):
                self._source.put_move(*pixel)

    def _end(self, bus: Bus) -> None:
        bus.call(_SCRIPTING, "unloadScript", "s", SCRIPT_NAME)


make_source = partial(dbus.make_source, KWinScript)
"""The pointer of Plasma's Wayland session, as a source."""


@contextlib.contextmanager
def _script_file(listener: str) -> Iterator[Path]:
    """The script that calls the connection ``listener``, in a file that exists while KWin loads it."""
    folder = user_paths().runtime_dir
    make_private(folder)
    path = folder / f"kwin-{os.getpid()}.js"
    text = files(__package__).joinpath("js", "kwin.js").read_text("utf-8")
    try:
        write_whole(path, text.replace("@LISTENER@", listener).encode(), durable=False)
    except OSError as error:
        raise SourceError(
            f"cannot write {path} for KWin: {reason(error)}", "Is the disk full? Trying again."
        ) from error
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)
