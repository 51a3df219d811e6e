"""What the service manager is told, where there is one (sd_notify(3), sd_watchdog_enabled(3))."""

from __future__ import annotations

import contextlib
import os
import socket


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
