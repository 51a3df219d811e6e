"""Where the session bus is: apart from who talks over it, for who only passes the address on.

Only sockets of this machine are meant. An address may also be of a network (tcp:) or start a program (unixexec:);
such ones are never followed.
"""

from __future__ import annotations

import os
import re

_ESCAPED = re.compile(rb"%([0-9A-Fa-f]{2})")


def bus_path() -> str:
    """The path of the session bus's socket, which begins with NUL for an abstract one.

    Where the environment has no address it is where systemd puts it. Raises ValueError where the address has none.
    """
    return _path_of(_unix_address())


def bus_address() -> str:
    """The same as an address for another program: of those in the environment, the first that is a socket's.

    Raises ValueError as ``bus_path`` does.
    """
    return _unix_address()


def is_bus_there() -> bool:
    """Whether there is a socket where the bus should be. Nobody need be listening there."""
    try:
        path = bus_path()
    except ValueError:
        return False
    return path.startswith("\0") or os.path.exists(path)  # noqa: PTH110 - an abstract one is no file


def _unix_address() -> str:
    usual = f"unix:path={os.environ.get('XDG_RUNTIME_DIR') or f'/run/user/{os.getuid()}'}/bus"
    addresses = os.environ.get("DBUS_SESSION_BUS_ADDRESS") or usual
    for address in addresses.split(";"):
        if _path_of(address):
            return address
    raise ValueError("its address names no socket of this machine (unix:path=... or unix:abstract=...)")


def _path_of(address: str) -> str:
    """The path in one address; empty where it has none."""
    transport, _, rest = address.partition(":")
    values = dict(part.partition("=")[::2] for part in rest.split(","))
    if transport != "unix":
        return ""
    if abstract := values.get("abstract"):
        return f"\0{_unescaped(abstract)}"
    return _unescaped(values.get("path", ""))


def _unescaped(text: str) -> str:
    return os.fsdecode(_ESCAPED.sub(lambda found: bytes([int(found[1], 16)]), os.fsencode(text)))
