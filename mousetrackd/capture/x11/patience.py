"""An end to waiting for a display server that takes connections and answers nothing.

python-xlib waits for each answer without a limit. A server that hangs, or that a program holds for itself (a grab),
would keep the daemon from everything else, signals too.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_AGAIN_S: Final = 0.05


class Patience:
    """is_over: whether the time was up, and the connections were hung up."""

    def __init__(self) -> None:
        self.is_over = False


@contextlib.contextmanager
def hung_up_after(timeout_s: float, connections: Callable[[], Iterable[socket.socket]]) -> Iterator[Patience]:
    """Hang up ``connections`` where the block takes longer: whoever waits for an answer then gets the end instead.

    connections: called in another thread, again and again from then on: one that is made late has no end otherwise.
    """
    patience = Patience()
    is_done = threading.Event()

    def hang_up() -> None:
        wait_s = timeout_s
        while not is_done.wait(wait_s):
            patience.is_over = True
            for connection in connections():
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            wait_s = _AGAIN_S

    thread = threading.Thread(target=hang_up, name="patience", daemon=True)
    thread.start()
    try:
        yield patience
    finally:
        is_done.set()
        thread.join()


@contextlib.contextmanager
def connecting_within(timeout_s: float) -> Iterator[None]:
    """In the block new sockets give up connecting after ``timeout_s``: one whose queue is full takes nobody in."""
    before_s = socket.getdefaulttimeout()
    socket.setdefaulttimeout(timeout_s)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before_s)
