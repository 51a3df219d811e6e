"""Which display a process belongs to, by its environment, and whether the daemon follows that one or another."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mousetrackd.core.wording import printable

if TYPE_CHECKING:
    from collections.abc import Mapping

_KINDS = ("x11", "wayland")

_X11_NAME = re.compile(r"(?:(?:unix|tcp)/)?(?P<host>[^/:]*):(?P<number>\d+)(?:\.(?P<screen>\d+))?", re.ASCII)


def named_in(environment: Mapping[str, str]) -> dict[str, str]:
    """The displays that an environment names: "x11" like ":0", "wayland" as the socket's path; "" for none."""
    return {"x11": printable(_x11(environment)), "wayland": printable(_wayland(environment))}


def _x11(environment: Mapping[str, str]) -> str:
    name = environment.get("DISPLAY", "")
    found = _X11_NAME.fullmatch(name)
    if found is None:
        return name
    host, screen = found["host"], int(found["screen"] or 0)
    if host in ("localhost", "127.0.0.1") and ("SSH_CONNECTION" in environment or "SSH_TTY" in environment):
        return ""  # a forwarded display: it shows programs of this machine to someone who is elsewhere
    if host in ("unix", "localhost", "127.0.0.1", os.uname().nodename):
        host = ""
    return f"{host}:{int(found['number'])}{f'.{screen}' if screen else ''}"


def _wayland(environment: Mapping[str, str]) -> str:
    name = environment.get("WAYLAND_DISPLAY", "")
    folder = environment.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}"
    return str(Path(folder) / name) if name else ""


def followed_by(source: str, named: Mapping[str, str]) -> str:
    """Of the displays ``named`` in the daemon's environment, the one that its source follows; "" for a recording.

    source: the name of the source, as in status.
    """
    if source.startswith("replay:"):
        return ""
    return named["x11"] if source.startswith("pynput") else named["wayland"] or named["x11"]


def asked_from(status: Mapping[str, Any], environment: Mapping[str, str]) -> str:
    """The display of ``environment`` where the daemon follows another one; "" where they agree or one is unknown.

    Compared by the kind that the daemon follows, where both know it. Under Wayland both kinds name one session.
    """
    followed, theirs, ours = status.get("display"), status.get("displays"), named_in(environment)
    if not followed or not isinstance(theirs, dict):
        return ""
    for kind in sorted(_KINDS, key=lambda kind: theirs.get(kind) != followed):
        if ours[kind] and theirs.get(kind):
            return "" if ours[kind] == theirs[kind] else ours[kind]
    # An X11 session has no compositor. But a Wayland session may have an X server that its daemon does not know of.
    return "" if theirs.get("wayland") else ours["wayland"]


def compare(status: Mapping[str, Any], environment: Mapping[str, str]) -> tuple[str, ...]:
    """Where the daemon of ``status`` does not follow the display of ``environment``: that, and what to do about it.

    Two sentences, or none where there is nothing to report.
    """
    if status.get("state") not in _DOES:
        return ()
    does, gives_way = _DOES[status["state"]], bool(status.get("gives_way"))
    followed, asked = str(status.get("display") or ""), asked_from(status, environment)
    if asked:
        return (
            f"It {does} {short(followed, asked)}, not {short(asked, followed)}.",
            _INSTEAD if gives_way else _STOP_FIRST,
        )
    if status["state"] != "waiting" or not gives_way or not any(named_in(environment).values()):
        return ()
    if not followed:
        return "It waits for a display.", f"To follow this one: {_RUN}"
    return f"It waits for {short(followed)}.", f"If you see that display now: {_RUN}"


_RUN = "mousetrackd run"
_INSTEAD = f"To follow this one instead: {_RUN}"
_STOP_FIRST = f"To follow this one instead: mousetrackd stop, then {_RUN}"
_DOES = {"tracking": "tracks", "paused": "is paused on", "waiting": "waits for", "blind": "is blind on"}


def short(name: str, other: str = "") -> str:
    """A display's name without the folder of its socket, unless that is all the difference to ``other``."""
    last = Path(name).name
    return name if not last or last == Path(other).name else last
