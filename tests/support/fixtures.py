"""What the tests of the whole program ask for. A test file gets it with ``pytest_plugins``."""

import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.program import Home
from support.xserver import START_TIMEOUT_S, Xvfb

_STARTS = 20


class SteadyXvfb(Xvfb):
    """An Xvfb that is really there: it may die of a pipe that is closed before it has said its number in full."""

    def start(self) -> None:
        for _ in range(_STARTS):
            super().start()
            if self._answers():
                return
            self.stop()
        raise AssertionError(f"Xvfb died {_STARTS} times while it started")

    def _answers(self) -> bool:
        greeting = struct.pack("<ccHHHHH", b"l", b"\0", 11, 0, 0, 0, 0)  # X11 protocol, section 8
        try:
            with socket.socket(socket.AF_UNIX) as peer:
                peer.settimeout(START_TIMEOUT_S)
                peer.connect(f"/tmp/.X11-unix/X{self.name.removeprefix(':')}")  # noqa: S108 - where X servers are
                peer.sendall(greeting)
                return peer.recv(1) == b"\1"
        except OSError:
            return False


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A new user's folders, without a display."""
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("XAUTHORITY", raising=False)
    return Home(tmp_path)


@pytest.fixture
def desktop(home: Home, monkeypatch: pytest.MonkeyPatch) -> Iterator[Xvfb]:
    """A private X server at the user's $DISPLAY."""
    server = SteadyXvfb(home.folder)
    server.start()
    monkeypatch.setenv("DISPLAY", server.name)
    yield server
    server.stop()
