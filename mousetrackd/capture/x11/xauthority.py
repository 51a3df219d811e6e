"""Which cookie opens a display: the X authority file, read as libXau reads it.

python-xlib reads it itself, but knows no entry that is good for every host (FamilyWild), which display managers write
so that a session survives a change of the host's name.
"""

from __future__ import annotations

import os
import socket
import stat
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

COOKIE = b"MIT-MAGIC-COOKIE-1"
"""The one way to prove oneself that python-xlib knows."""

INTERNET, LOCAL, WILD = 0, 256, 65535
"""Families of addresses (Xauth.h)."""

_MOST_BYTES = 1 << 20
"""Such a file holds a few hundred bytes."""

_PEER = struct.Struct("=3i")  # struct ucred: process, user, group


@dataclass(frozen=True)
class Entry:
    """A line of ``xauth list``. number: of the display, in digits; empty is any."""

    family: int
    address: bytes
    number: bytes
    name: bytes
    data: bytes


@dataclass(frozen=True)
class Found:
    """The cookie for a display, empty where there is none; and then ``why``, a sentence that names the file."""

    cookie: bytes
    file: Path
    why: str = ""


def authority_file() -> Path:
    """$XAUTHORITY, else ~/.Xauthority."""
    named = os.environ.get("XAUTHORITY", "")
    return Path(named) if named else Path(os.environ.get("HOME") or "/") / ".Xauthority"


def entries(content: bytes) -> Iterator[Entry]:
    """What an authority file says, up to the first entry that is cut off."""
    rest = memoryview(content)
    while len(rest) >= 2:
        family = int.from_bytes(rest[:2], "big")
        rest = rest[2:]
        parts: list[bytes] = []
        for _ in range(4):
            size = int.from_bytes(rest[:2], "big")
            if len(rest) < 2 + size:
                return
            parts.append(bytes(rest[2 : 2 + size]))
            rest = rest[2 + size :]
        yield Entry(family, *parts)


def best(known: Sequence[Entry], family: int, address: bytes, number: bytes, *, trusted: bool) -> bytes:
    """The cookie for a display at an address; empty where there is none. The first that fits, as libXau does it.

    trusted: the server is ours or root's. Then the one local cookie for this display number is taken even where it
    names another host: the host was renamed meanwhile.
    """
    fitting = [one for one in known if one.name == COOKIE and one.number in (b"", number)]
    for one in fitting:
        if one.family == WILD or (one.family, one.address) == (family, address):
            return one.data
    elsewhere = [one.data for one in fitting if one.family == LOCAL and one.number == number]
    return elsewhere[0] if trusted and family == LOCAL and len(elsewhere) == 1 else b""


def find(connection: socket.socket, number: int, *, host: str = "") -> Found:
    """The cookie for the display at the other end of ``connection``. host: ours, where it is not the system's."""
    file = authority_file()
    try:
        known = list(entries(_read(file)))
    except OSError as error:
        by = "$XAUTHORITY names" if os.environ.get("XAUTHORITY") else "the cookies of a session are in"
        why = "does not exist" if isinstance(error, FileNotFoundError) else f"cannot be read ({error.strerror})"
        return Found(b"", file, f"{by} {file}, which {why}")
    family, address = _address(connection, host or socket.gethostname())
    cookie = best(known, family, address, str(number).encode(), trusted=_is_trusted(connection))
    return Found(cookie, file, "" if cookie else f"{file} has no cookie for display :{number}")


def _read(file: Path) -> bytes:
    descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a FIFO would keep us waiting
    with os.fdopen(descriptor, "rb") as opened:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(0, "not a regular file")
        return opened.read(_MOST_BYTES)


def _address(connection: socket.socket, host: str) -> tuple[int, bytes]:
    """The family and address under which the cookies of the other end are kept (xcb_auth.c)."""
    if connection.family == socket.AF_INET:
        peer = socket.inet_aton(connection.getpeername()[0])
        if peer[0] != 127:  # ssh -X forwards a display at localhost, and keeps its cookie as a local one
            return INTERNET, peer
    return LOCAL, host.encode()


def _is_trusted(connection: socket.socket) -> bool:
    """Whether the other end is a process of this user or of root."""
    if connection.family != socket.AF_UNIX:
        return False
    _, user, _ = _PEER.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size))
    return user in (0, os.getuid())
