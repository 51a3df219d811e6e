"""A plain Wayland client with one window over a whole screen: what of the pointer reaches it, and its focus."""

import mmap
import os
from pathlib import Path
from typing import Any

from pywayland.protocol.wayland import WlCompositor, WlOutput, WlSeat, WlShm
from pywayland.protocol.xdg_shell import XdgWmBase
from support.waiting import wait_until

from mousetrackd.capture.wayland.connection import Connection

_SIDES = (1920, 1080)
_BYTES_PER_PIXEL = 4
_ARGB = 0
_PRESSED = 1
_POINTER = 1
_ACTIVATED = 4


class Window:
    """Over the first screen, which has 1920x1080 logical pixels; there, and with the focus, once it is made.

    presses: (code of the button, x, y) of all that reached it. focus: whether it had the focus, each time that changed.
    """

    def __init__(self, display: Path) -> None:
        self.presses: list[tuple[int, float, float]] = []
        self.focus: list[bool] = []
        self._at = (0.0, 0.0)
        self._pointer: Any = None
        connection = self._connection = Connection(str(display))
        self._shell = connection.bind(XdgWmBase, version=1)
        self._shell.dispatcher["ping"] = lambda shell, serial: shell.pong(serial)
        self._surface = connection.failures.watch(connection.bind(WlCompositor, version=4).create_surface())
        self._frame = connection.failures.watch(self._shell.get_xdg_surface(self._surface))
        self._frame.dispatcher["configure"] = self._draw
        self._window = connection.failures.watch(self._frame.get_toplevel())
        self._window.dispatcher["configure"] = self._on_configure
        self._window.set_fullscreen(connection.bind(WlOutput, version=1))
        self._buffer = self._make_buffer()
        seat = self._seat = connection.bind(WlSeat, version=1)
        seat.dispatcher["capabilities"] = self._on_capabilities
        self._surface.commit()
        wait_until(self._is_ready, "the window is there and has the focus")

    def dispatch(self) -> None:
        """Take what has come."""
        self._connection.sync()

    def close(self) -> None:
        """Take it away."""
        self._connection.close()

    def _is_ready(self) -> bool:
        self.dispatch()
        return self.focus[-1:] == [True]

    def _make_buffer(self) -> Any:
        width, height = _SIDES
        size = width * height * _BYTES_PER_PIXEL
        self._memory = os.memfd_create("window")
        os.ftruncate(self._memory, size)
        with mmap.mmap(self._memory, size) as pixels:
            pixels[:] = b"\x80\x80\x80\xff" * (width * height)
        pool = self._connection.bind(WlShm, version=1).create_pool(self._memory, size)
        return pool.create_buffer(0, width, height, width * _BYTES_PER_PIXEL, _ARGB)

    def _draw(self, frame: Any, serial: int) -> None:
        frame.ack_configure(serial)
        self._surface.attach(self._buffer, 0, 0)
        self._surface.damage(0, 0, *_SIDES)
        self._surface.commit()

    def _on_configure(self, _window: Any, _width: int, _height: int, states: Any) -> None:
        has_focus = _ACTIVATED in memoryview(bytes(states)).cast("I").tolist()
        if has_focus != (self.focus[-1:] == [True]):
            self.focus.append(has_focus)

    def _on_capabilities(self, seat: Any, capabilities: int) -> None:
        if capabilities & _POINTER and self._pointer is None:
            pointer = self._pointer = self._connection.failures.watch(seat.get_pointer())
            pointer.dispatcher["enter"] = lambda _pointer, _serial, _surface, x, y: self._on_motion(x, y)
            pointer.dispatcher["motion"] = lambda _pointer, _time, x, y: self._on_motion(x, y)
            pointer.dispatcher["button"] = self._on_button

    def _on_motion(self, x: float, y: float) -> None:
        self._at = (float(x), float(y))

    def _on_button(self, _pointer: Any, _serial: int, _time_ms: int, code: int, state: int) -> None:
        if state == _PRESSED:
            self.presses.append((code, *self._at))
