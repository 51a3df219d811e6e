"""Where the session bus is: apart from who talks over it, for who only passes the address on."""

from __future__ import annotations

import os


def bus_address() -> str:
    """That of the session bus; where the environment has none it is where systemd puts it."""
    usual = f"unix:path={os.environ.get('XDG_RUNTIME_DIR') or f'/run/user/{os.getuid()}'}/bus"
    return os.environ.get("DBUS_SESSION_BUS_ADDRESS") or usual
