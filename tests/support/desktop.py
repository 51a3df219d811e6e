"""A desktop as far as mousetrackd talks to it: it shows notifications, and opens files by the portal."""

import os
import threading
from pathlib import Path
from typing import Any, NamedTuple

from support.shells import Peer

_PATH = "/org/freedesktop/Notifications"


class Shown(NamedTuple):
    """A notification as it was asked for."""

    icon: str
    summary: str
    body: str
    actions: tuple[str, ...]
    desktop_entry: str


class Desktop(Peer):
    """Shows notifications. capabilities: what it can do."""

    bus_name = "org.freedesktop.Notifications"

    def __init__(self, address: str, *, capabilities: tuple[str, ...] = ("body", "actions", "body-markup")) -> None:
        self._capabilities = capabilities
        self.shown: list[Shown] = []
        super().__init__(address)

    def do(self, path: str, member: str, values: tuple[Any, ...]) -> tuple[str, tuple[Any, ...]] | None:
        if path != _PATH:
            return None
        if member == "GetCapabilities":
            return "as", (list(self._capabilities),)
        if member == "Notify":
            _, _, icon, summary, body, actions, hints, _ = values
            self.shown.append(Shown(icon, summary, body, tuple(actions), hints["desktop-entry"][1]))
            return "u", (len(self.shown),)
        return None

    def click(self) -> None:
        """Click on the newest."""
        self.signal(_PATH, self.bus_name, "ActionInvoked", "us", len(self.shown), "default")

    def close(self) -> None:
        """Close the newest."""
        self.signal(_PATH, self.bus_name, "NotificationClosed", "uu", len(self.shown), 2)


class Portal(Peer):
    """Opens files that it is given."""

    bus_name = "org.freedesktop.portal.Desktop"

    def __init__(self, address: str) -> None:
        self.opened: list[Path] = []
        self.has_opened = threading.Event()
        super().__init__(address, enable_fds=True)

    def do(self, path: str, member: str, values: tuple[Any, ...]) -> tuple[str, tuple[Any, ...]] | None:
        if (path, member) != ("/org/freedesktop/portal/desktop", "OpenFile"):
            return None
        descriptor = values[1].to_raw_fd()
        self.opened.append(Path(f"/proc/self/fd/{descriptor}").readlink())
        os.close(descriptor)
        self.has_opened.set()
        return "o", ("/org/freedesktop/portal/desktop/request/1",)
