"""The child that shows one notification over the session bus, and opens its file where the user clicks on it.

Desktop Notifications Specification 1.2 for the first, the portal org.freedesktop.portal.OpenURI for the second: the
portal starts the viewer, so that it is no child of the daemon and not in its sandbox.
"""

from __future__ import annotations

import html
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from jeepney import DBusAddress, HeaderFields, MatchRule, MessageType, new_method_call
from jeepney.bus_messages import message_bus
from jeepney.io.blocking import open_dbus_connection

from mousetrackd.core.errors import MousetrackError
from mousetrackd.core.wording import quoted
from mousetrackd.system.paths import APPLICATION_ID
from mousetrackd.system.session_bus import bus_address

if TYPE_CHECKING:
    from jeepney import Message

_ANSWER_TIMEOUT_S: Final = 5.0
_CLICK_TIMEOUT_S: Final = 60.0
"""Longer than desktops show one. What is clicked in a list of old ones later opens nothing."""

_SERVER: Final = DBusAddress(
    "/org/freedesktop/Notifications", "org.freedesktop.Notifications", "org.freedesktop.Notifications"
)
_PORTAL: Final = DBusAddress(
    "/org/freedesktop/portal/desktop", "org.freedesktop.portal.Desktop", "org.freedesktop.portal.OpenURI"
)
_OPEN: Final = "default"
"""The action of a click on the notification itself."""


def show(address: str, summary: str, body: str, opens: Path | None) -> None:
    """Show a notification, and wait for a click where it has something to open.

    address: of the session bus. Raises MousetrackError where the desktop shows none, TimeoutError where it does not
    answer, and OSError, ValueError or TypeError for a bus that is lost, or a peer that answers nonsense.
    """
    try:
        bus: Any = open_dbus_connection(address, enable_fds=opens is not None)
    except (OSError, ValueError, KeyError) as error:
        raise MousetrackError(f"there is no session bus: {quoted(error)}") from error
    with bus:
        (capabilities,) = _answer(bus, new_method_call(_SERVER, "GetCapabilities"))
        if "body-markup" in capabilities:
            body = html.escape(body, quote=False)
        actions = [_OPEN, "Open"] if opens is not None and "actions" in capabilities else []
        hints = {"desktop-entry": ("s", APPLICATION_ID), "urgency": ("y", 1)}
        rule = MatchRule(type="signal", interface=_SERVER.interface, path=_SERVER.object_path)
        with bus.filter(rule) as signals:
            if actions:
                _answer(bus, message_bus.AddMatch(rule))
            words = ("mousetrackd", 0, APPLICATION_ID, summary, body, actions, hints, -1)
            (number,) = _answer(bus, new_method_call(_SERVER, "Notify", "susssasa{sv}i", words))
            if actions and opens is not None and _is_clicked(bus, signals, number):
                _open(bus, opens)


def _is_clicked(bus: Any, signals: Any, number: int) -> bool:
    """Wait until the notification is clicked, or closed, or old."""
    give_up_s = time.monotonic() + _CLICK_TIMEOUT_S
    while (left_s := give_up_s - time.monotonic()) > 0:
        try:
            signal = bus.recv_until_filtered(signals, timeout=left_s)
        except TimeoutError:
            return False
        name, about = signal.header.fields.get(HeaderFields.member), signal.body
        if about[:1] == (number,):
            if name == "ActionInvoked":
                return bool(about[1] == _OPEN)
            if name == "NotificationClosed":
                return False
    return False


def _open(bus: Any, path: Path) -> None:
    with path.open("rb") as file:
        _answer(bus, new_method_call(_PORTAL, "OpenFile", "sha{sv}", ("", file, {})))


def _answer(bus: Any, call: Message) -> tuple[Any, ...]:
    """What a call is answered. Raises MousetrackError."""
    reply = bus.send_and_get_reply(call, timeout=_ANSWER_TIMEOUT_S)
    if reply.header.message_type is MessageType.error:
        raise MousetrackError(f"the desktop shows none: {quoted(reply.body[0] if reply.body else 'no reason given')}")
    return tuple(reply.body)


def main() -> None:
    """Show what stdin says. Raises MousetrackError."""
    message = json.loads(sys.stdin.buffer.read())
    opens = Path(message["opens"]) if message["opens"] else None
    try:
        show(bus_address(), message["summary"], message["body"], opens)
    except TimeoutError as error:
        raise MousetrackError("the desktop does not answer") from error
    except (OSError, ValueError, TypeError) as error:
        raise MousetrackError(f"the session bus failed: {quoted(error)}") from error
