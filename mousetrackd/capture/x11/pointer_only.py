"""python-xlib and pynput without what is for programs that have keys or draw: 2.8 MB for as long as a daemon runs.

pynput loads its tables and opens its connections by itself. So what it looks up is replaced for as long as it does.
"""

from __future__ import annotations

import contextlib
import os
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

import Xlib.display
import Xlib.ext
import Xlib.keysymdef

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

EXTENSIONS: Final = ("Generic Event Extension", "RECORD", "RANDR", "XInputExtension")
"""Those that every session needs. python-xlib would load its code for a dozen more, and ask the server about each."""

_ext: Any = Xlib.ext  # its stub leaves the table out
_KNOWN: Final = tuple(_ext.__extensions__)
"""All that python-xlib has code for: a block within another one chooses among these, not among the outer one's."""

_KEYBOARD: Final = "PYNPUT_BACKEND_KEYBOARD"
_KEY_NAMES: Final = "pynput._util.xorg_keysyms"


class PointerDisplay(Xlib.display.Display):
    """A connection that knows no keys and no visuals: a third of a megabyte, and half of the CPU time that it takes."""

    def __init__(self, display: str | None = None) -> None:
        super().__init__(display)
        for screen in self.display.info.roots:
            screen.allowed_depths = []  # hundreds of visuals, as objects

    def _update_keymap(self, _first_keycode: int, _count: int) -> None:
        """Not ask the server for the map of its keyboard."""


@contextlib.contextmanager
def connections(extensions: Sequence[str] = ()) -> Iterator[None]:
    """Meanwhile each connection of python-xlib is a ``PointerDisplay`` that has only ``EXTENSIONS`` and these."""
    before = Xlib.display.Display, _ext.__extensions__
    Xlib.display.Display = PointerDisplay  # type: ignore[misc]
    _ext.__extensions__ = [one for one in _KNOWN if one[0] in (*EXTENSIONS, *extensions)]
    try:
        yield
    finally:
        Xlib.display.Display, _ext.__extensions__ = before  # type: ignore[misc]


@contextlib.contextmanager
def no_key_names() -> Iterator[None]:
    """Meanwhile pynput is imported without its keyboard and the names of keys, of which its mouse uses none."""
    keyboard_before = os.environ.get(_KEYBOARD)
    os.environ[_KEYBOARD] = "dummy"
    key_names = ModuleType(_KEY_NAMES)
    vars(key_names)["SYMBOLS"] = {}
    groups = Xlib.keysymdef.__all__
    sys.modules.setdefault(_KEY_NAMES, key_names)
    Xlib.keysymdef.__all__ = []
    try:
        yield
    finally:
        if keyboard_before is None:
            del os.environ[_KEYBOARD]
        else:
            os.environ[_KEYBOARD] = keyboard_before
        Xlib.keysymdef.__all__ = groups
        if sys.modules[_KEY_NAMES] is key_names:  # whoever needs them imports the real ones
            del sys.modules[_KEY_NAMES]
