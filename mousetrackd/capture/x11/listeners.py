"""The two listeners: subclasses of pynput's, which mousetrackd counts from.

Imported when listening begins, and not before: pynput cannot be imported without a display.
"""

from __future__ import annotations

import socket
import struct
import time
from typing import TYPE_CHECKING, Any

from pynput.mouse import Listener
from Xlib.ext.record import extname

from mousetrackd.capture.x11 import record
from mousetrackd.capture.x11.listener_thread import ListenerThread, UnknownPynputError
from mousetrackd.capture.x11.read_pace import ReadPace
from mousetrackd.core.events import Kind

if TYPE_CHECKING:
    from collections.abc import Callable


class BatchListener(ListenerThread, Listener):  # type: ignore[misc]  # pynput has no types
    """A ``pynput.mouse.Listener`` that reads what the X server sends many events at a time.

    pynput opens its connections, makes its RECORD context and owns the thread. Checked with pynput 1.8.1 and 1.8.2,
    of which this overrides one method and reads three attributes:

    * ``_initialize``: pynput calls it in the thread, with the context ready, immediately before its own event loop.
      That loop decodes one event at a time, in Python: some 15 times the CPU time. So ``_read`` runs first, until the
      listener ends; then ``StopException``, pynput's way to end a listener, skips its loop.
    * ``_display_record``, ``_display_stop``: its connections, ``_context``: the context on the first.

    Another pynput raises UnknownPynputError, from here or from ``begin``; ``StockListener`` then takes over.
    take: given whole elements of the RECORD stream, in the thread. prepare: given the connection and the context
    before recording begins. on_end: called when the thread ends.
    """

    has_changes = True

    def __init__(
        self, take: Callable[[bytes], None], prepare: Callable[[Any, int], None], on_end: Callable[[], None]
    ) -> None:
        if not hasattr(Listener, "_initialize"):
            raise UnknownPynputError("this pynput has no Listener._initialize")
        super().__init__(on_end)
        self._take = take
        self._prepare = prepare

    def _initialize(self, display: Any) -> None:
        super()._initialize(display)
        try:
            self.check_open(display)
            self._prepare(self._display_record, self._context)
            self._display_record.sync()
            self._read()
        except Exception as error:
            self.failure = error  # pynput drops what is raised here
            raise
        raise self.StopException

    def _read(self) -> None:
        """Begin to record, and hand over what comes until the connection ends."""
        protocol = self._display_record.display
        connection: socket.socket = protocol.socket
        connection.setblocking(True)
        opcode = protocol.get_extension_major(extname)
        connection.sendall(_ENABLE_REQUEST.pack(opcode, _ENABLE_CONTEXT, _ENABLE_REQUEST.size // 4, self._context))
        buffer = memoryview(bytearray(_BUFFER_BYTES))
        rest = 0  # bytes at the start of the buffer: an element of which only a part has come
        pace, read_at_s = ReadPace(), 0.0
        raw = b""
        # Not "while it is open": what came before the connection was hung up is still counted.
        while True:
            with self.reading:
                try:
                    received = connection.recv_into(buffer[rest:] if rest else buffer, 0, socket.MSG_DONTWAIT)
                except BlockingIOError:
                    received = -1
                if received > 0:
                    rest += received
                    whole = rest - rest % _ELEMENT_BYTES
                    raw = bytes(buffer[:whole])
                    if raw:
                        self._take(raw)
                    rest -= whole
                    if rest:
                        buffer[:rest] = bytes(buffer[whole : whole + rest])
            if received < 0:
                connection.recv(1, socket.MSG_PEEK)  # waits
                continue
            if received == 0 or record.is_end(raw):
                return
            if not self.enabled.is_set():
                self.enabled.set()
            if not self.is_closed:
                now_s = time.monotonic()
                gathered_s, read_at_s = now_s - read_at_s, now_s
                events = received / (2 * _ELEMENT_BYTES)  # each has a header of its own, unless they came at once
                time.sleep(pace.next_interval_s(events, gathered_s))


class StockListener(ListenerThread, Listener):  # type: ignore[misc]  # likewise
    """The fallback: pynput's own loop and its public callbacks, at some 15 times the CPU time.

    Three hooks of pynput 1.8.1 and 1.8.2 are extended, each for what the callbacks do not report:

    * ``_initialize``: not to begin after ``close``.
    * ``_handler``: called first when the server begins to record, which pynput's ``wait`` does not wait for.
    * ``_handle_message``: the event's root window, so that events of another X screen are left out.

    take: given rows of (time_ms, kind, x, y). is_here: whether events with this root window are of our X screen;
    0 where the server does not report it. on_end: called when the thread ends.
    """

    has_changes = False

    def __init__(
        self,
        take: Callable[[tuple[int, int, int, int]], None],
        is_here: Callable[[int], bool],
        now_ms: Callable[[], int],
        on_end: Callable[[], None],
    ) -> None:
        def on_move(x: int, y: int) -> None:
            take((now_ms(), Kind.MOVE, x, y))

        def on_click(x: int, y: int, button: Any, pressed: bool) -> None:
            if pressed:
                take((now_ms(), int(record.BUTTON_KINDS[button.value or 0]), x, y))

        def on_scroll(x: int, y: int, _dx: int, _dy: int) -> None:
            take((now_ms(), Kind.SCROLL, x, y))

        super().__init__(on_end, on_move=on_move, on_click=on_click, on_scroll=on_scroll)
        self._is_here = is_here

    def _initialize(self, display: Any) -> None:
        super()._initialize(display)
        try:
            self.check_open(display)
        except Exception as error:
            self.failure = error  # pynput drops what is raised here
            raise

    def _handler(self, events: Any) -> None:
        self.enabled.set()
        super()._handler(events)

    def _handle_message(self, display: Any, event: Any, *more: Any) -> None:
        if self._is_here(getattr(event.root, "id", 0)):
            super()._handle_message(display, event, *more)

    def await_read(self, timeout_s: float) -> None:
        """As ``ListenerThread.await_read``, and a moment more: what was read is still decoded, event by event."""
        super().await_read(timeout_s)
        time.sleep(_DECODING_S)


_DECODING_S = 0.1
"""What pynput has read at once is decoded by then."""

_ELEMENT_BYTES = record.ELEMENT.itemsize
_BUFFER_BYTES = 1 << 16
"""More than a socket holds."""

_ENABLE_CONTEXT = 5
_ENABLE_REQUEST = struct.Struct("=BBHI")  # major opcode, minor opcode, length in 4-byte units, context
