"""The thread that follows the windows of an X server. It sleeps while none is opened, moved or focused."""

from __future__ import annotations

import select
import threading
import time
from typing import TYPE_CHECKING, Final

from Xlib.ext import shape

from mousetrackd.capture.applications import Identities
from mousetrackd.capture.x11 import display as x11
from mousetrackd.capture.x11.windows import WindowReader
from mousetrackd.core.events import AppChange

if TYPE_CHECKING:
    from collections.abc import Callable

_GATHER_S: Final = 0.005
"""A window that is raised makes several changes at once."""
_PACE_S: Final = 0.05
"""A window that is dragged moves with every motion: it is looked at so often."""


class WindowThread:
    """Hands on an ``AppChange`` whenever the windows are placed differently.

    put: takes it, in the thread. now_ms: the clock of the events. When it ends by itself, an unknown state is put.
    """

    def __init__(self, put: Callable[[AppChange], None], now_ms: Callable[[], int]) -> None:
        self._put = put
        self._now_ms = now_ms
        self._is_closing = False
        self.problem = ""
        """Why no window is identified any more; empty while they are."""
        self.wake_ups = 0
        """How often something woke it, so far."""
        self._display = x11.open_display(extensions=(shape.extname,))
        self._thread = threading.Thread(target=self._run, name="windows", daemon=True)

    def begin(self) -> None:
        """Start the thread. Does not wait."""
        self._thread.start()

    def close(self, timeout_s: float) -> None:
        """End the thread, and close the connection."""
        self._is_closing = True
        x11.hang_up(self._display)
        if self._thread.is_alive():
            self._thread.join(timeout_s)
        x11.close_display(self._display)

    def _run(self) -> None:
        try:
            self._follow()
        except Exception as error:  # noqa: BLE001 - any failure of a dying connection means the same: it is over
            if not self._is_closing:
                self.problem = f"windows are not identified any more: {error}"
                self._put(AppChange(self._now_ms()))

    def _follow(self) -> None:
        reader = WindowReader(self._display, Identities())
        reader.select_changes()
        ready = select.poll()
        ready.register(self._display, select.POLLIN)
        last = None
        has_changed = True
        while True:
            if has_changed:
                now_ms = self._now_ms()
                time.sleep(_GATHER_S)
                reader.receive()
                placed = reader.read()
                if placed != last:
                    self._put(AppChange(now_ms, *placed))
                    last = placed
                time.sleep(_PACE_S)
            else:
                ready.poll()
                self.wake_ups += 1
            has_changed = reader.receive()
