"""The libraries that are loaded only where they are needed: what does not work without each, and how to get it."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from mousetrackd.core.errors import MousetrackError
from mousetrackd.core.wording import quoted
from mousetrackd.system.tool_output import run_tool

_IMPORT_TIMEOUT_S: Final = 60.0


class Library(NamedTuple):
    """A library, by the module that is imported. without: what does not work without it. hint: how to get it."""

    module: str
    without: str
    hint: str
    is_needed: bool = True
    """Needed by everyone; else only by those with such a desktop."""
    variables: Mapping[str, str] = MappingProxyType({})

    @property
    def name(self) -> str:
        """Its top package."""
        return self.module.partition(".")[0]

    def missing(self, why: str) -> str:
        """The sentence about one that cannot be loaded, for this reason."""
        return f"{self.name} cannot be loaded, so {self.without}: {why}"


_AGAIN: Final = "Install mousetrackd again, with pipx, uv or pip."
OPENCV: Final = Library(
    "cv2", "no picture can be drawn", "On Debian and Ubuntu: apt install libgl1 libglib2.0-0 (or libglib2.0-0t64)"
)
LIBRARIES: Final = (
    OPENCV,
    Library("PIL.ImageFont", "no picture can be drawn", _AGAIN),
    Library("isal.isal_zlib", "no picture can be drawn", _AGAIN),
    Library("Xlib.display", "X11 sessions cannot be followed", _AGAIN),
    # Its own backends are loaded only beside a display, which the check of the source does.
    Library("pynput.mouse", "X11 sessions cannot be followed", _AGAIN, variables={"PYNPUT_BACKEND": "dummy"}),
    Library("jeepney", "KDE Plasma and GNOME cannot be followed under Wayland", _AGAIN, is_needed=False),
    Library(
        "pywayland.client.display",
        "Wayland sessions cannot be followed",
        "Install it beside mousetrackd: pip install pywayland (it needs libwayland's headers where it has no wheel).",
        is_needed=False,
    ),
)


def why_not_loaded(library: Library) -> str:
    """The error of importing it; empty where it can be, or is already.

    It is tried in a process of its own, which a broken one may crash.
    """
    if library.module in sys.modules:
        return ""
    command = (sys.executable, "-P", "-c", f"import {library.module}")
    done = run_tool(command, timeout_s=_IMPORT_TIMEOUT_S, environment={**os.environ, **library.variables})
    if done.code == 0:
        return ""
    return quoted(done.stderr.strip().rpartition("\n")[2]) or f"Python ended with {done.code}"


def explained(error: ImportError) -> MousetrackError | None:
    """What the user can do about an import that failed; None where it is none of these libraries.

    Of a library that is there, but lacks one of the system's, the error names no module; the traceback does.
    """
    names = {str(error.name or "").partition(".")[0]}
    step = error.__traceback__
    while step is not None:
        names.add(str(step.tb_frame.f_globals.get("__name__", "")).partition(".")[0])
        step = step.tb_next
    for library in LIBRARIES:
        if library.name in names:
            why = quoted(str(error).partition("\n")[0])
            return MousetrackError(library.missing(why), library.hint)
    return None
