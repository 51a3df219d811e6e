"""What both listeners add to pynput's thread: a start that misses no event, and an end that closes every connection."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import TYPE_CHECKING, Any

from mousetrackd.capture.x11 import display as x11
from mousetrackd.core.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Callable

_POLL_S = 0.005


class UnknownPynputError(Exception):
    """This pynput works differently inside than the listener expects."""


class ListenerThread(threading.Thread):
    """To be mixed into a pynput Listener, before it.

    pynput's ``wait`` returns before recording has begun, and its ``stop`` returns with both connections open until the
    next event comes. ``begin`` and ``close`` replace them. Of its thread only ``run`` is extended: when it has
    ended, both connections are closed and ``on_end`` is called.
    on_end: called in the thread when it ends. callbacks: pynput's.
    """

    has_changes: bool
    """Whether changes of the monitors come in its stream."""
    _context: int  # pynput's, once it is made

    def __init__(self, on_end: Callable[[], None], **callbacks: Any) -> None:
        super().__init__(**callbacks)
        self._on_end = on_end
        self.failure: Exception | None = None
        """What ended it; None after a clean end."""
        self.enabled = threading.Event()
        """Set when the server has begun to record, and when the thread has ended."""
        self.reading = threading.Lock()
        """Held from reading bytes until they have been handed over."""
        self.is_closed = False

    def begin(self, timeout_s: float) -> None:
        """Start; return when the server has answered, so that from here on no event is missed.

        Raises SourceError; UnknownPynputError where it is not the server's fault.
        """
        self.start()
        if self.enabled.wait(timeout_s) and self.failure is None:
            return
        has_context = hasattr(self, "_context")
        self.close(timeout_s)
        if self.failure is None and not has_context:
            raise SourceError("the X server does not answer", "Waiting for it.")
        if isinstance(self.failure, AttributeError | TypeError) or self.failure is None:
            raise UnknownPynputError(f"pynput's listener did not start: {self.failure!r}")
        raise SourceError(f"pynput's listener did not start: {self.failure}", "Waiting for the display.")

    def check_open(self, display: Any) -> None:
        """To be called in ``_initialize``. Raises SourceError after ``close``: nobody waits for it any more."""
        if self.is_closed:
            raise SourceError("the listener was closed before it began", "")
        # At the end pynput disables a context that went with its connection; that is no news for stderr.
        display.set_error_handler(lambda _error, _request: None)

    def run(self) -> None:
        """Listen until the end; ``failure`` is its reason."""
        try:
            super().run()
        except Exception as error:  # noqa: BLE001 - kept for whoever waits for it
            if self.failure is None and not self.is_closed:
                self.failure = error
        finally:
            for display in self._connections():
                x11.close_display(display)
            self.enabled.set()
            self._on_end()

    def await_read(self, timeout_s: float) -> None:
        """Return when all that the server had sent before this call has been read, or after the timeout."""
        give_up_s = time.monotonic() + timeout_s
        while self.has_unread() and time.monotonic() < give_up_s:
            time.sleep(_POLL_S)
        if self.reading.acquire(timeout=timeout_s):
            self.reading.release()

    def has_unread(self) -> bool:
        """Whether the server has sent something that is still to be read."""
        display = getattr(self, "_display_record", None)  # it has none before the server has accepted it
        with contextlib.suppress(*x11.XLIB_ERRORS, ValueError):  # closed meanwhile: nothing is unread
            return display is not None and self.is_alive() and x11.unread_bytes(display) > 0
        return False

    def close(self, timeout_s: float) -> None:
        """Stop listening now."""
        self.is_closed = True
        for display in self._connections():
            x11.hang_up(display)
        if self.ident is not None:
            threading.Thread.join(self, timeout_s)  # pynput's raises what ended the thread

    def _connections(self) -> list[Any]:
        found = (getattr(self, name, None) for name in ("_display_record", "_display_stop"))
        return [display for display in found if display is not None]
