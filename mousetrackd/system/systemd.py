"""Messages to the service manager, where there is one (sd_notify(3), sd_watchdog_enabled(3))."""

from __future__ import annotations

import contextlib
import os
import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


def notify(message: str) -> None:
    """Send the message. Never fails and never blocks: a manager that does not read misses it."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if address[:1] not in ("/", "@"):
        return
    name = "\0" + address[1:] if address[0] == "@" else address
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as peer:
        peer.sendto(message.encode("utf-8", "replace"), socket.MSG_DONTWAIT, os.fsencode(name))


def watchdog_s() -> float:
    """How long systemd lets us be silent, in seconds; 0 where it does not care."""
    usec, pid = os.environ.get("WATCHDOG_USEC", ""), os.environ.get("WATCHDOG_PID", str(os.getpid()))
    return int(usec) / 1e6 if usec.isdecimal() and len(usec) < 20 and pid == str(os.getpid()) else 0.0


class Watchdog:
    """systemd's watchdog on this process. timeout_s: after how long a silence it acts; 0 where nothing watches."""

    def __init__(self) -> None:
        self.timeout_s = watchdog_s()

    def feed(self) -> None:
        """Report that all is well."""
        notify("WATCHDOG=1")

    @contextlib.contextmanager
    def extended(self, timeout_s: float, is_starting: bool) -> Iterator[None]:
        """Allow one long step that many seconds, to start or to be silent. is_starting: READY=1 is still to come."""
        usec = int(timeout_s * 1e6)
        is_watched = self.timeout_s > 0 and not is_starting
        notify(f"EXTEND_TIMEOUT_USEC={usec}" + (f"\nWATCHDOG_USEC={usec}" if is_watched else ""))
        try:
            yield
        finally:
            if is_watched:
                notify(f"WATCHDOG_USEC={int(self.timeout_s * 1e6)}\nWATCHDOG=1")
