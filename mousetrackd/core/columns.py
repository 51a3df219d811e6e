"""What the columns of somebody's table are, by their names. Pure.

A *role* is what a column is for: "x", "y", "count", "time", "monitor", "button" or "state".
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import numpy as np

from mousetrackd.core.events import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "x": (
        *("x", "xpx", "pxx", "xpos", "posx", "xposition", "positionx", "xcoord", "coordx", "xcoordinate"),
        *("screenx", "pagex", "clientx", "mousex", "cursorx", "pointerx", "gazex", "pixelx", "col", "column"),
    ),
    "y": (
        *("y", "ypx", "pxy", "ypos", "posy", "yposition", "positiony", "ycoord", "coordy", "ycoordinate"),
        *("screeny", "pagey", "clienty", "mousey", "cursory", "pointery", "gazey", "pixely", "row", "line"),
    ),
    "count": (
        *("count", "counts", "value", "values", "frequency", "freq", "n", "weight", "weights", "hits", "visits"),
        *("number", "num", "amount", "total", "intensity", "occurrences", "z", "dwell", "duration", "ms"),
    ),
    "time": (
        *("clienttimestamp", "t", "time", "timestamp", "ts", "datetime", "date", "stamp", "epoch", "unixtime"),
        *("unix", "clock", "elapsed", "seconds", "millis", "milliseconds", "systime", "recordtimestamp", "when"),
    ),
    "monitor": ("monitor", "screen", "display", "output"),
    "button": ("button", "btn", "mousebutton"),
    "state": ("state", "event", "eventtype", "action", "type", "kind"),
}
"""The names of each role, the likeliest first, without case, units, spaces and signs."""

_UNITS: Final[Mapping[str, tuple[str, ...]]] = {
    "ms": ("ms", "msec", "msecs", "millis", "milliseconds"),
    "us": ("us", "µs", "usec", "micros", "microseconds"),
    "ns": ("ns", "nsec", "nanos", "nanoseconds"),
    "s": ("s", "sec", "secs", "seconds"),
}
_RISING_FROM: Final = 4
_RISING_SHARE: Final = 0.9
"""So many rows, and so much of their steps, must rise for a column to be a clock."""
_CAMEL: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")
_WORD: Final = re.compile(r"[^\W_]+")

_MOVES: Final = frozenset({"move", "moved", "mousemove", "mouse_move", "motion", "drag", "dragged"})
_WHEELS: Final = frozenset({"up", "down", "scroll", "wheel", "mousewheel"})
_PRESSES: Final = frozenset({"pressed", "press", "mousedown", "mouse_down", "click", "clicked"})
_BUTTONS: Final[Mapping[str, Kind]] = {"left": Kind.LEFT, "middle": Kind.MIDDLE, "right": Kind.RIGHT}


def roles_of(names: Sequence[str]) -> dict[str, int]:
    """The number of the column of each role that is there. Each column has one role at most."""
    plain = [_plain(name) for name in names]
    roles: dict[str, int] = {}
    for role, known in _NAMES.items():
        found = next((plain.index(name) for name in known if name in plain), None)
        if found is not None and found not in roles.values():
            roles[role] = found
    if "x" not in roles or "y" not in roles:
        roles |= _pair(plain)
    return roles


def roles_of_numbers(sample: NDArray[np.float64]) -> tuple[dict[str, int], str]:
    """The roles of three columns of numbers that have no names, and a sentence about it where one was guessed.

    sample: (N, 3), the first rows. A column that rises in every row, the last or the first, is the time.
    """
    if len(sample) >= _RISING_FROM:
        for place, roles in ((2, {"x": 0, "y": 1, "time": 2}), (0, {"time": 0, "x": 1, "y": 2})):
            steps = np.diff(sample[:, place])
            if bool((steps >= 0).all()) and float((steps > 0).mean()) >= _RISING_SHARE:
                return roles, (
                    f"column {place + 1} rises from row to row, so it is taken as the time; --columns says otherwise"
                )
    return {"x": 0, "y": 1, "count": 2}, ""


def unit_in(name: str) -> str:
    """The unit of time at the end of a column's name, as in "time [ms]" or "timeMs": s, ms, us or ns; else empty."""
    parts = _WORD.findall(_CAMEL.sub(" ", name).lower())
    if len(parts) < 2 and parts[:1] not in (["seconds"], ["millis"], ["milliseconds"]):
        return ""
    return next((unit for unit, known in _UNITS.items() if parts[-1] in known), "")


def kind_of(button: str, state: str) -> Kind | None:
    """What a row of a recording means, as the Balabit and SapiMouse recorders write it; None for a release."""
    state = state.strip().lower()
    if state in _MOVES:
        return Kind.MOVE
    if state in _WHEELS:
        return Kind.SCROLL
    if state in _PRESSES:
        return _BUTTONS.get(button.strip().lower(), Kind.OTHER)
    return None


def _plain(name: str) -> str:
    """A name without case, units and signs."""
    parts = _WORD.findall(_CAMEL.sub(" ", name).lower())
    units = {alias for known in _UNITS.values() for alias in known} - {"seconds", "millis", "milliseconds"} | {"px"}
    return "".join(part for part in parts if part not in units) or "".join(parts)


def _pair(plain: list[str]) -> dict[str, int]:
    """The first two columns whose names differ by x and y alone, like "gazeleftx" and "gazelefty"."""
    for number, name in enumerate(plain):
        for pattern in ("^x|x$", "^cx|cx$"):
            other = re.sub(pattern, lambda match: match[0].replace("x", "y"), name, count=1)
            if other != name and other in plain:
                return {"x": number, "y": plain.index(other)}
    return {}
