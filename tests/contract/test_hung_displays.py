"""An X server that takes connections and does not answer keeps nobody waiting, wherever it stops answering."""

import contextlib
import itertools
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.waiting import wait_until
from support.xserver import Xvfb

from mousetrackd.capture.x11 import display as x11
from mousetrackd.capture.x11.patience import hung_up_after
from mousetrackd.capture.x11.source import PynputSource
from mousetrackd.core.errors import SourceError

TIMEOUT_S = 0.3


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Xvfb]:
    server = Xvfb(tmp_path)
    server.start()
    monkeypatch.setenv("DISPLAY", server.name)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.delenv("XDG_SESSION_TYPE", raising=False)
    yield server
    server.stop()


@contextlib.contextmanager
def display_beside(server: Xvfb) -> Iterator[tuple[str, socket.socket, contextlib.ExitStack]]:
    """A display that is only a bound socket: its name, the socket, and where to enter what closes with it."""
    number = int(server.name[1:]) + 30_000
    with contextlib.ExitStack() as sockets:
        gate = sockets.enter_context(socket.socket(socket.AF_UNIX))
        gate.bind(path_of(f":{number}"))
        sockets.callback(Path(path_of(f":{number}")).unlink)
        yield f":{number}", gate, sockets


def path_of(display: str) -> str:
    """Where the socket of a display is."""
    return f"/tmp/.X11-unix/X{display[1:]}"  # noqa: S108 - X11's name


@contextlib.contextmanager
def falls_silent_after(server: Xvfb, answer_bytes: int, *, connections: int = 0) -> Iterator[str]:
    """A display in front of the server that passes on so much of its answers, and then nothing; its name.

    connections: so many are passed on whole before.
    """
    with display_beside(server) as (name, gate, sockets):
        gate.listen()
        threads: list[threading.Thread] = []

        def begin(do: Callable[..., None], *args: socket.socket | int) -> None:
            threads.append(threading.Thread(target=do, args=args, daemon=True))
            threads[-1].start()

        def ask(client: socket.socket, real: socket.socket) -> None:
            with contextlib.suppress(OSError):
                while asked := client.recv(65536):
                    real.sendall(asked)
                real.shutdown(socket.SHUT_RDWR)

        def answer(client: socket.socket, real: socket.socket, left: int) -> None:
            with contextlib.suppress(OSError):
                while left and (answer := real.recv(min(left, 65536))):
                    client.sendall(answer)
                    left -= len(answer)

        def serve() -> None:
            with contextlib.suppress(OSError):
                for number in itertools.count():
                    client = sockets.enter_context(gate.accept()[0])
                    real = sockets.enter_context(socket.socket(socket.AF_UNIX))
                    real.connect(path_of(server.name))
                    begin(ask, client, real)
                    begin(answer, client, real, sys.maxsize if number < connections else answer_bytes)

        begin(serve)
        yield name
        gate.shutdown(socket.SHUT_RDWR)
        for thread in threads:  # the first makes the others; those end with the connections of whoever was let in
            thread.join(10)


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_a_server_that_hangs_is_named_and_nothing_stays_open(server: Xvfb) -> None:
    files = open_files()
    server.freeze()
    with pytest.raises(SourceError, match=f'the X server "{server.name}" does not answer'):
        PynputSource().start(lambda: None)
    assert open_files() == files


@pytest.mark.parametrize("answer_bytes", [0, 7, 1000])
def test_one_that_falls_silent_while_it_lets_us_in(
    server: Xvfb, monkeypatch: pytest.MonkeyPatch, answer_bytes: int
) -> None:
    with falls_silent_after(server, answer_bytes) as name:
        monkeypatch.setenv("DISPLAY", name)
        with pytest.raises(SourceError, match=f'the X server "{name}" does not answer'):
            x11.open_display(TIMEOUT_S)


START = """
from mousetrackd.capture.x11 import source
from mousetrackd.core.errors import SourceError
source._START_TIMEOUT_S = 0.0
try:
    source.PynputSource().start(lambda: None)
except SourceError as error:
    print(error.message)
"""


def test_one_that_falls_silent_while_pynput_is_imported(server: Xvfb) -> None:
    # In a process of its own, because pynput connects only once for that.
    with falls_silent_after(server, 0, connections=1) as name:
        variables = {"DISPLAY": name, "PATH": os.environ["PATH"]}
        done = subprocess.run(
            [sys.executable, "-c", START], env=variables, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.stdout == f'the X server "{name}" does not answer\n', done.stderr


def test_one_that_falls_silent_later(server: Xvfb) -> None:
    display = x11.open_display()
    server.freeze()
    with (
        pytest.raises(SourceError, match=f'the X server "{server.name}" does not answer'),
        x11.answering(display, TIMEOUT_S),
    ):
        x11.refuse_xwayland(display)
    x11.close_display(display)


# python-xlib leaves closing to the garbage collector where it cannot connect.
@pytest.mark.filterwarnings(
    "ignore:unclosed <socket:ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)
def test_one_whose_queue_is_full(server: Xvfb, monkeypatch: pytest.MonkeyPatch) -> None:
    with display_beside(server) as (name, gate, sockets):
        gate.listen(0)
        sockets.enter_context(socket.socket(socket.AF_UNIX)).connect(path_of(name))
        monkeypatch.setenv("DISPLAY", name)
        with pytest.raises(SourceError, match=f'the X server "{name}" does not answer'):
            x11.open_display(TIMEOUT_S)
    assert socket.getdefaulttimeout() is None


def test_a_connection_that_is_made_when_the_time_is_up_is_hung_up_too() -> None:
    connections: list[socket.socket] = []
    ours, silent = socket.socketpair()
    with ours, silent, hung_up_after(0, lambda: connections) as patience:
        wait_until(lambda: patience.is_over, "the time is up")
        connections.append(ours)
        ours.settimeout(10)
        assert ours.recv(1) == b""


def test_a_slow_start_of_a_living_server_is_not_hung_up_later(server: Xvfb) -> None:
    display = x11.open_display()  # on a busy machine that takes longer than TIMEOUT_S
    patience_s = 1.0
    with x11.answering(display, patience_s):
        x11.refuse_xwayland(display)
    threading.Event().wait(1.5 * patience_s)
    x11.refuse_xwayland(display)
    assert display.display.socket.gettimeout() is None
    x11.close_display(display)
    del server
