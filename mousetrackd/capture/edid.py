"""What a screen says of itself, by which it is the same one in every session, X11 or Wayland, at any connector."""

from __future__ import annotations

import contextlib
from pathlib import Path

BASE_BYTES = 128
"""The base block of an EDID, which holds maker, product and serial number (VESA E-EDID 1.4, section 3)."""

CONNECTORS = Path("/sys/class/drm")
"""Where the kernel keeps what it read at each connector, for everyone to read: card1-DP-1/edid."""


def short_hash(identity: bytes) -> str:
    """Eight hex digits that represent an identity; empty where there is none."""
    if not identity:
        return ""
    import hashlib  # noqa: PLC0415 - it loads OpenSSL, half a megabyte

    return hashlib.sha256(identity).hexdigest()[:8]


def read(output: str, connectors: Path = CONNECTORS) -> bytes:
    """The base block of the screen at an output, which X servers pass on and compositors do not.

    Empty where the kernel read nothing, or has several such outputs, on several graphics cards.
    """
    found = set()
    for file in connectors.glob("card*-*/edid"):
        _, _, connector = file.parent.name.partition("-")
        if _plain(connector) == _plain(output):
            with contextlib.suppress(OSError):
                found.add(file.read_bytes()[:BASE_BYTES])
    found.discard(b"")
    return found.pop() if len(found) == 1 else b""


def _plain(connector: str) -> str:
    """The kernel's HDMI-A-1 is GNOME's HDMI-1; else they agree."""
    return connector.replace("HDMI-A-", "HDMI-")
