"""The seat of a Wayland compositor: whether it has a mouse, and whether somebody uses it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mousetrackd.capture.wayland.connection import Connection

_SEAT_VERSION = 3
"""The first wl_seat whose pointer can be released; every compositor of the last ten years has it."""
_POINTER_CAPABILITY = 1

_INPUT_IDLE_SINCE = 2
"""The first ext_idle_notifier_v1 that can be asked about the input devices alone."""

_IDLE_AFTER_MS = 1000


class Seat:
    """The first seat of a compositor: its pointer, and whether somebody uses it. For one thread."""

    def __init__(self, connection: Connection) -> None:
        from pywayland.protocol.ext_idle_notify_v1 import ExtIdleNotifierV1  # noqa: PLC0415

        self.is_idle = False
        """True while nobody has touched mouse or keyboard for a second. Always False where the compositor has no idle
        notifications."""
        self.used_since_ms = _now_ms()
        """When it was last no longer idle, on the monotonic clock."""
        self._connection = connection
        self._notifiers = ExtIdleNotifierV1
        self._notification: Any = None
        self._seat: Any = None
        self._has_pointer = False
        self._pointer: Any = None
        self.follow()

    def follow(self) -> Any:
        """Bind what has appeared since the last call. Returns the wl_pointer, None while there is no mouse."""
        from pywayland.protocol.wayland import WlSeat  # noqa: PLC0415

        if self._seat is None:
            numbers = self._connection.find(WlSeat)
            if not numbers or self._connection.globals[numbers[0]][1] < _SEAT_VERSION:
                return None
            self._seat = self._connection.bind(WlSeat, version=_SEAT_VERSION)
            self._seat.dispatcher["capabilities"] = self._on_capabilities
            self._request_idle_notification()
        if self._has_pointer and self._pointer is None:
            # Asking for a pointer while there is none is a fatal protocol error.
            self._pointer = self._connection.failures.watch(self._seat.get_pointer())
        elif not self._has_pointer and self._pointer is not None:
            self._pointer.release()
            self._pointer = None
        self._connection.flush()
        return self._pointer

    def _request_idle_notification(self) -> None:
        notifier = self._connection.bind(self._notifiers, version=_INPUT_IDLE_SINCE)
        if notifier is None:
            return
        (number, *_) = self._connection.find(self._notifiers)
        # A film that is playing keeps the seat from being idle, but not its input devices.
        newer = self._connection.globals[number][1] >= _INPUT_IDLE_SINCE
        ask = notifier.get_input_idle_notification if newer else notifier.get_idle_notification
        self._notification = self._connection.failures.watch(ask(_IDLE_AFTER_MS, self._seat))
        self._notification.dispatcher["idled"] = self._on_idled
        self._notification.dispatcher["resumed"] = self._on_resumed

    def _on_capabilities(self, _seat: object, capabilities: int) -> None:
        self._has_pointer = bool(capabilities & _POINTER_CAPABILITY)

    def _on_idled(self, _notification: object) -> None:
        self.is_idle = True

    def _on_resumed(self, _notification: object) -> None:
        self.is_idle = False
        self.used_since_ms = _now_ms()


def _now_ms() -> int:
    return time.monotonic_ns() // 1_000_000
