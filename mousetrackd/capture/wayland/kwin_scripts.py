"""Scripts of ours inside KWin: loaded from files that exist only meanwhile, and unloaded again.

KWin unloads scripts when it ends, but not when we do: a killed daemon's script goes on calling a connection that is
gone, until the next daemon unloads it before it loads its own.
"""

from __future__ import annotations

import contextlib
import tempfile
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from jeepney import DBusAddress

from mousetrackd.capture.wayland.dbus import CallRefusedError
from mousetrackd.core.errors import FaultError, SourceError
from mousetrackd.core.wording import reason
from mousetrackd.system.files import make_private, write_whole
from mousetrackd.system.paths import user_paths

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mousetrackd.capture.wayland.dbus import Bus

BUS_NAME = "org.kde.KWin"
_SCRIPTING = DBusAddress("/Scripting", BUS_NAME, "org.kde.kwin.Scripting")


def load(bus: Bus, file: str, name: str, token: str) -> None:
    """Have KWin run ``file`` (of ``js/``, .js or .qml), with whom it is to call and with which token.

    name: by which KWin knows the script, whoever loaded it; an earlier one of that name is unloaded first. Raises
    SourceError or one of ``BUS_ERRORS``.
    """
    unload(bus, name)
    text = files(__package__).joinpath("js", file).read_text("utf-8")
    with _written(file, text.replace("@LISTENER@", bus.name).replace("@TOKEN@", token)) as path:
        method = "loadDeclarativeScript" if file.endswith(".qml") else "loadScript"
        _run(bus, bus.call(_SCRIPTING, method, "ss", str(path), name))


def unload(bus: Bus, name: str) -> None:
    """End a script, where there is one. Raises one of ``BUS_ERRORS``."""
    bus.call(_SCRIPTING, "unloadScript", "s", name)


@contextlib.contextmanager
def _written(name: str, text: str) -> Iterator[Path]:
    """A file that only this user can read, in a new folder each time: KWin 6 remembers what is in a folder."""
    runtime_dir = user_paths().runtime_dir
    make_private(runtime_dir)
    with contextlib.ExitStack() as stack:
        try:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="kwin-", dir=runtime_dir))
            path = Path(folder, name)
            write_whole(path, text.encode(), durable=False)
        except OSError as error:
            raise SourceError(
                f"cannot write a script for KWin to {runtime_dir}: {reason(error)}", "Is the disk full? Trying again."
            ) from error
        yield path


def _run(bus: Bus, number: object) -> None:
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
