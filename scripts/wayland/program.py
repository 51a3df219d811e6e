"""A plain Wayland program with one window: ``python -m wayland.program APP_ID WIDTH HEIGHT``.

It prints "ready" once the window is shown, and obeys lines on its stdin: ``titles`` changes its title again and again
until ``enough``; ``menu X Y WIDTH HEIGHT`` opens a menu there, seen from its window. It ends with its stdin.
"""

import contextlib
import mmap
import os
import selectors
import subprocess
import sys
from collections.abc import Callable
from typing import IO, Any

from pywayland.protocol.wayland import WlCompositor, WlShm
from pywayland.protocol.xdg_shell import XdgWmBase

from mousetrackd.capture.wayland.connection import Connection
from mousetrackd.core.errors import SourceError
from wayland.session import Session, end

RETITLE_S = 0.1
_BYTES_PER_PIXEL = 4
_ARGB = 0
_READY_WITHIN_S = 30.0


class Program:
    """One that runs in a session, until ``close``."""

    def __init__(self, session: Session, app_id: str, width: int, height: int) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "wayland.program", app_id, str(width), str(height)],
            env=session.home.environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self._app_id = app_id
        session.callback(self.close)
        self._await_ready()

    def say(self, line: str) -> None:
        """Have it do something; return when it has."""
        _pipe(self._process.stdin).write(f"{line}\n".encode())
        _pipe(self._process.stdin).flush()
        self._await_ready()

    def close(self) -> None:
        """Close its window."""
        end(self._process)

    def _await_ready(self) -> None:
        out = _pipe(self._process.stdout)
        with selectors.DefaultSelector() as selector:
            selector.register(out, selectors.EVENT_READ)
            said = out.readline() if selector.select(_READY_WITHIN_S) else b""
        if said != b"ready\n":
            raise RuntimeError(f"{self._app_id} is not ready: {said!r}")


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    """A pipe that was asked for."""
    if pipe is None:
        raise RuntimeError("it was started without a pipe")
    return pipe


class _Surface:
    """A surface in one colour, with the size that the compositor wants, or else its own."""

    def __init__(self, connection: Connection, shell: Any, shm: Any, size: tuple[int, int]) -> None:
        self._shm = shm
        self.size = size
        self.is_shown = False
        self.surface = connection.failures.watch(connection.bind(WlCompositor, version=4).create_surface())
        self.frame = connection.failures.watch(shell.get_xdg_surface(self.surface))
        self.frame.dispatcher["configure"] = self._draw

    def resize(self, width: int, height: int) -> None:
        if width > 0 and height > 0:
            self.size = (width, height)

    def _draw(self, frame: Any, serial: int) -> None:
        frame.ack_configure(serial)
        width, height = self.size
        size = width * height * _BYTES_PER_PIXEL
        memory = os.memfd_create("window")
        os.ftruncate(memory, size)
        with mmap.mmap(memory, size) as pixels:
            pixels[:] = b"\x80\x80\x80\xff" * (width * height)
        pool = self._shm.create_pool(memory, size)
        self._buffer = pool.create_buffer(0, width, height, width * _BYTES_PER_PIXEL, _ARGB)
        pool.destroy()
        os.close(memory)
        self.surface.attach(self._buffer, 0, 0)
        self.surface.damage(0, 0, width, height)
        self.surface.commit()
        self.is_shown = True


class _Client:
    """The program's side of it."""

    def __init__(self, app_id: str, width: int, height: int) -> None:
        self.connection = Connection()
        self._shell = self.connection.bind(XdgWmBase, version=1)
        self._shell.dispatcher["ping"] = lambda shell, serial: shell.pong(serial)
        self._shm = self.connection.bind(WlShm, version=1)
        self._main = self._surface(width, height)
        self._window = self.connection.failures.watch(self._main.frame.get_toplevel())
        self._window.dispatcher["configure"] = lambda _window, width, height, _states: self._main.resize(width, height)
        self._window.set_app_id(app_id)
        self._window.set_title("a title")
        self._show(self._main)
        self.retitles = 0
        self.is_retitling = False

    def retitle(self) -> None:
        """Have another title."""
        self.retitles += 1
        self._window.set_title(f"title {self.retitles}")
        self.connection.flush()

    def obey(self, line: str) -> None:
        """Do what a line asks for."""
        match line.split():
            case ["titles"]:
                self.is_retitling = True
            case ["enough"]:
                self.is_retitling = False
            case ["menu", *numbers]:
                self._open_menu(*map(int, numbers))
            case other:
                raise ValueError(other)

    def _open_menu(self, x: int, y: int, width: int, height: int) -> None:
        positioner = self._shell.create_positioner()
        positioner.set_size(width, height)
        positioner.set_anchor_rect(x, y, 1, 1)
        positioner.set_anchor(5)  # top left
        positioner.set_gravity(8)  # to the bottom right
        menu = self._menu = self._surface(width, height)
        popup = self._popup = self.connection.failures.watch(menu.frame.get_popup(self._main.frame, positioner))
        popup.dispatcher["configure"] = lambda _popup, _x, _y, width, height: menu.resize(width, height)
        self._show(menu)

    def _surface(self, width: int, height: int) -> _Surface:
        return _Surface(self.connection, self._shell, self._shm, (width, height))

    def _show(self, surface: _Surface) -> None:
        surface.surface.commit()
        while not surface.is_shown:
            self.connection.sync()
        self.connection.sync()


def main() -> None:
    """Show the window until stdin or the compositor ends."""
    with contextlib.suppress(SourceError):
        _run()


def _run() -> None:
    client = _Client(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
    print("ready", flush=True)
    handlers: dict[Any, Callable[[], None]] = {client.connection: client.connection.dispatch}
    with selectors.DefaultSelector() as selector:
        selector.register(sys.stdin, selectors.EVENT_READ)
        selector.register(client.connection, selectors.EVENT_READ)
        while True:
            ready = selector.select(RETITLE_S if client.is_retitling else None)
            if client.is_retitling:
                client.retitle()
            for key, _ in ready:
                if key.fileobj in handlers:
                    handlers[key.fileobj]()
                    continue
                line = sys.stdin.readline()
                if not line:
                    return
                client.obey(line)
                print("ready", flush=True)


if __name__ == "__main__":
    main()
