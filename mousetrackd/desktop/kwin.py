"""KDE Plasma's Wayland session: the effect that sees clicks is put in place, and its state reported."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mousetrackd.capture.wayland import kwin_effect
from mousetrackd.capture.wayland.kwin_effect import HINTS, State
from mousetrackd.core.findings import Finding, ok, warning
from mousetrackd.desktop.managed_files import JSON_MARK, Found, OwnFile

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from mousetrackd.desktop.autostart import Places

_INSTALL_AGAIN: Final = "To update it: mousetrackd install"


def files(places: Places) -> list[OwnFile]:
    """The effect's files for this user; none where KWin is not installed."""
    if not _has_kwin():
        return []
    return [
        OwnFile(path, _open_object(kwin_effect.text(name)), JSON_MARK)
        if name.endswith(".json")
        else OwnFile(path, kwin_effect.text(name), "//")
        for name, path in places.kwin_effect.items()
    ]


def advise(own: Sequence[OwnFile], changed: Collection[str]) -> Iterator[str]:
    """What to do after ``own`` was written, of which the files with the names ``changed`` were not there before."""
    name = "metadata.json"
    if name in changed and any(file.path.name == name for file in own):
        state = kwin_effect.look_from_outside()
        if state not in (State.LOADED, State.NOT_LOADED, State.NO_OPENGL):
            yield "KWin looks for new effects only at login: log out and in once, and clicks are seen."


def examine(places: Places) -> Iterator[Finding]:
    """Whether clicks are seen in this session; nothing in one that is not Plasma's on Wayland."""
    if not os.environ.get("WAYLAND_DISPLAY") or os.environ.get("XDG_SESSION_TYPE") == "x11":
        return
    state = kwin_effect.look_from_outside()
    if state is None:
        return
    if state is State.LOADED:
        yield ok("clicks", state.value)
    elif state is State.NOT_LOADED:
        yield ok("clicks", "KWin knows mousetrackd's effect, and loads it when mousetrackd begins to track")
    else:
        yield warning("clicks", f"not seen: {state.value}", HINTS[state])
    if state is not State.NOT_INSTALLED and any(file.found() is not Found.SAME for file in files(places)):
        yield warning("clicks", "the effect for KWin is not the one of this version", _INSTALL_AGAIN)


def _has_kwin() -> bool:
    """Whether KWin is installed: it has brought its data. Newer ones for Wayland have a folder of their own."""
    folders = (os.environ.get("XDG_DATA_DIRS") or "/usr/local/share:/usr/share").split(":")
    return any(Path(folder, name).is_dir() for folder in folders for name in ("kwin", "kwin-wayland"))


def _open_object(text: str) -> str:
    """A JSON object as text without its last brace, ready for one more key."""
    return text.rstrip().removesuffix("}").rstrip() + ",\n    "
