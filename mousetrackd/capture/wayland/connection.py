"""A connection to a Wayland compositor, which ``outputs``, ``seat`` and the sources share.

It leans on pywayland, which carries libwayland's own client inside its wheels (x86_64, Python 3.11 to 3.14,
glibc 2.34 or newer; Debian 12 has 2.36). Measured in a process that had numpy: 24 to 53 ms to import, 2.5 MB
of memory, no thread. Two of its methods are not used: ``roundtrip`` and ``dispatch(block=True)`` would wait without
limit for a compositor that hangs. There are no wheels for machines other than x86_64. It is left out there, the
sources report that, and everything else works.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mousetrackd.capture.wayland import peer
from mousetrackd.capture.wayland.events import Failures
from mousetrackd.core.errors import FaultError, SourceError
from mousetrackd.core.wording import quoted, reason
from mousetrackd.system.deadline import Deadline

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from pywayland.protocol_core.interface import Interface
    from pywayland.protocol_core.proxy import Proxy

ANSWER_TIMEOUT_S = 5.0
"""A compositor that has not answered by then hangs."""

_LONGEST_DISPATCH_S = 0.1
"""In a flood, reading ends after this time, so that a pause or the end is noticed."""

_UNREAD_MAX_BYTES = 1 << 16
"""What is read at once: more of a flood could not be handled in minutes. No message has more than 4096."""

_GLOBALS_MAX = 4096
"""Compositors offer some 60 globals."""


def display_path(name: str | None = None) -> Path:
    """The socket of a compositor, as every Wayland program finds it. Raises SourceError where there is none.

    name: as in WAYLAND_DISPLAY, which is taken when it is None. A service may lack that variable: the only
    compositor that answers in the runtime folder is meant then.
    """
    name = os.environ.get("WAYLAND_DISPLAY", "") if name is None else name
    folder = Path(os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}")
    if name:
        return folder / name
    found = [path for path in sorted(folder.glob("wayland-*")) if path.is_socket() and answers(path)]
    if len(found) == 1:
        return found[0]
    several = f": which one of {', '.join(path.name for path in found)}?" if found else ""
    raise SourceError(
        f"there is no Wayland display: WAYLAND_DISPLAY is not set{several}",
        "Start mousetrackd inside a graphical session; under systemd: "
        "systemctl --user import-environment WAYLAND_DISPLAY",
    )


def answers(path: Path) -> bool:
    """Whether a program of the same user listens there; a killed compositor leaves its sockets behind."""
    try:
        peer.connect(path, Deadline(ANSWER_TIMEOUT_S)).close()
    except OSError:
        return False
    return True


class Connection:
    """A connection to a compositor, and what the compositor offers. For one thread. Every failure is a SourceError.

    ``globals`` is kept current by ``dispatch``: number to (interface, version).
    """

    def __init__(self, name: str | None = None) -> None:
        self.path = display_path(name)
        try:
            from pywayland.client.display import Display  # noqa: PLC0415 - who has no compositor needs none of it
        except ImportError as error:
            raise SourceError(
                f"pywayland cannot be used: {error}",
                "Install it into mousetrackd's environment: pip install pywayland (it needs libwayland's headers).",
            ) from error
        self.globals: dict[int, tuple[str, int]] = {}
        self.compositor = ""
        self.failures = Failures()
        """Watches proxies. One that is not made by ``bind`` is given to it before it gets handlers."""
        self._question: Any = None
        self._display = Display(self._connect())
        try:
            self._display.connect()
            _bound_buffer(self._display)
            registry = self._registry = self.failures.watch(self._display.get_registry())
            registry.dispatcher["global"] = self._on_global
            registry.dispatcher["global_remove"] = self._on_global_remove
            self.sync()
        except (RuntimeError, ValueError) as error:
            self.close()
            raise self._gone(error) from error
        except BaseException:
            self.close()
            raise

    def _connect(self) -> int:
        # Not libwayland's own socket, whose peer cannot be asked for.
        try:
            with peer.connect(self.path, Deadline(ANSWER_TIMEOUT_S)) as compositor:
                self.compositor = _name_of_peer(compositor)
                compositor.setblocking(True)
                return compositor.detach()
        except OSError as error:
            raise SourceError(
                f"cannot open the Wayland display {quoted(self.path)}: {reason(error)}",
                "Is the session still there, and is it yours?",
            ) from error

    def fileno(self) -> int:
        """The socket: ``dispatch`` has work when it is readable."""
        return self._display.get_fd()

    def find(self, interface: type[Interface]) -> list[int]:
        """The numbers of the globals of an interface, oldest first."""
        return sorted(number for number, (name, _) in self.globals.items() if name == interface.name)

    def bind(self, interface: type[Interface], number: int | None = None, *, version: int) -> Any:
        """A proxy for a global, the oldest one unless ``number`` is given; None where there is none.

        version: the newest that the caller understands.
        """
        numbers = self.find(interface) if number is None else [number]
        if not numbers:
            return None
        proxy = self._registry.bind(numbers[0], interface, min(version, self.globals[numbers[0]][1]))
        return self.failures.watch(proxy)

    def adopt(self, proxy: Any) -> None:
        """Take a proxy that an event has made: ``failures`` watches it, and it is freed with this connection.

        pywayland takes it for one of the process's first connection, and would free it too late.
        """
        if proxy._display is not self._display:  # noqa: SLF001 - there is no other way
            proxy._display._children.discard(proxy)  # noqa: SLF001 - likewise
            proxy._display = self._display  # noqa: SLF001 - likewise
            self._display._children.add(proxy)  # noqa: SLF001 - likewise
        self.failures.watch(proxy)

    def flush(self) -> None:
        """Send all pending requests."""
        self._display.flush()

    def dispatch(self) -> None:
        """Send all pending requests and handle the events that have come: in a flood, its beginning. Never blocks.

        Raises SourceError, and whatever a handler has raised.
        """
        give_up_s = time.monotonic() + _LONGEST_DISPATCH_S
        try:
            self._display.flush()
            while self.has_more() and time.monotonic() < give_up_s:
                self._display.read()
                self._display.dispatch(block=False)
                self.failures.raise_first()
            self._display.dispatch(block=False)
            self._display.flush()
        except RuntimeError as error:
            raise self._gone(error) from error
        self.failures.raise_first()

    def has_more(self) -> bool:
        """Whether events have come that are not handled yet."""
        return _is_readable(self.fileno(), 0)

    def sync(self, timeout_s: float = ANSWER_TIMEOUT_S) -> None:
        """Return when the compositor has answered every request so far. Raises SourceError after ``timeout_s``."""
        answered = False

        def on_done(_callback: Proxy[Any], _serial: int) -> None:
            nonlocal answered
            answered = True

        callback = self.failures.watch(self._display.sync())
        callback.dispatcher["done"] = on_done
        deadline_s = time.monotonic() + timeout_s
        while True:
            self.dispatch()
            if answered:
                return
            left_s = deadline_s - time.monotonic()
            if left_s <= 0 or not _is_readable(self.fileno(), left_s):
                raise SourceError(
                    f"the Wayland compositor at {quoted(self.path)} did not answer within {timeout_s:g} s",
                    "Waiting for it.",
                )

    def ask(self, answered: Callable[[], None]) -> None:
        """Ask for a sign of life; ``answered`` is called by the ``dispatch`` that reads the reply."""
        question = self._question = self.failures.watch(self._display.sync())
        question.dispatcher["done"] = lambda _callback, _serial: answered()
        self.flush()

    def close(self) -> None:
        """Disconnect. Idempotent."""
        self._display.disconnect()

    def _on_global(self, _registry: Proxy[Any], number: int, interface: str, version: int) -> None:
        if len(self.globals) >= _GLOBALS_MAX and number not in self.globals:
            raise FaultError(
                f"the Wayland compositor at {quoted(self.path)} offers more than {_GLOBALS_MAX} globals",
                "It is tried again.",
            )
        self.globals[number] = (interface, version)

    def _on_global_remove(self, _registry: Proxy[Any], number: int) -> None:
        self.globals.pop(number, None)

    def _gone(self, error: Exception) -> SourceError:
        number = str(error).rpartition("error: ")[2]  # pywayland has libwayland's errno only within a sentence
        why = os.strerror(int(number)) if number.isdecimal() else reason(error)
        return SourceError(
            f"the Wayland compositor at {quoted(self.path)} went away: {why}", "Waiting for it to return."
        )


def _bound_buffer(display: Any) -> None:
    """Let libwayland read no more than ``_UNREAD_MAX_BYTES`` before it is handled.

    Since 1.23 it reads as long as something comes, unless it is given a limit, and pywayland has no way to give one. An
    older one has a smaller buffer, and no such function.
    """
    from pywayland import _ffi, ffi  # noqa: PLC0415 - as above

    with contextlib.suppress(AttributeError):
        set_max = ctypes.CDLL(_ffi.__file__).wl_display_set_max_buffer_size
        set_max.argtypes, set_max.restype = (ctypes.c_void_p, ctypes.c_size_t), None
        set_max(int(ffi.cast("uintptr_t", display._ptr)), _UNREAD_MAX_BYTES)  # noqa: SLF001 - likewise


def _is_readable(descriptor: int, timeout_s: float) -> bool:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(max(timeout_s, 0) * 1000))


def _name_of_peer(connection: socket.socket) -> str:
    """The program at the other end of a socket, as the kernel names it; empty where that is not known."""
    pid, _ = peer.credentials(connection)
    try:
        return quoted(Path(f"/proc/{pid}/comm").read_bytes().strip(), 40)
    except OSError:  # another pid namespace, or it has ended
        return ""
