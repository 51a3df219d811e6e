"""The X11 source: events come from a pynput listener (``listeners``), and monitors from a connection of our own.

Two listeners, the same events:

* ``BatchListener`` reads the RECORD connection some 10 to 30 times a second and keeps the bytes; they are decoded when
  the daemon drains, all at once, with the server's own time stamps. Changes of the monitors come in the same stream.
* ``StockListener`` is pynput's own, for a pynput that works differently inside. A press beside a change of the monitors
  is then on the side on which it was received.
"""

from __future__ import annotations

import contextlib
import gc
import os
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from mousetrackd.capture.suspend import Sleep, asleep_ms
from mousetrackd.capture.x11 import record
from mousetrackd.capture.x11.server_clock import ServerClock
from mousetrackd.capture.x11.stream import ClockCheck, EventStream
from mousetrackd.core.errors import SourceError
from mousetrackd.core.events import Gap, Pointers

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    import Xlib.display

    from mousetrackd.capture.x11.listener_thread import ListenerThread
    from mousetrackd.capture.x11.monitor_reader import MonitorReader, ServerPing
    from mousetrackd.capture.x11.randr import QueriedLayout
    from mousetrackd.capture.x11.stream import Part
    from mousetrackd.capture.x11.window_thread import WindowThread
    from mousetrackd.core.events import Item

_CATCH_UP_TIMEOUT_S = 0.5
_POLL_S = 0.005
_START_TIMEOUT_S = 5.0
_STOP_TIMEOUT_S = 5.0


class PynputSource:
    """The pointer of the X server at $DISPLAY. See ``events.Source``.

    fast: False for the stock listener. asleep_ms: how long the machine has been suspended so far. Both the server's
    clock and ours stop then, so that no time is credited; a Gap keeps lines from being drawn from before to
    after.
    """

    def __init__(self, *, fast: bool = True, asleep_ms: Callable[[], int] = asleep_ms) -> None:
        self._want_fast = fast
        self._sleep = Sleep(asleep_ms)
        self._clock = ServerClock()
        self._stream = EventStream(self._wake, self._clock)
        self._puts_while_unread: int | None = None
        self._reader: MonitorReader | None = None
        self._server_ping: ServerPing | None = None
        self._notify: Callable[[], None] = lambda: None
        self._why_stock = ""
        self._others: frozenset[int] = frozenset()
        self._screens = record.Screens((), is_here=True)
        self._pointers = 1
        self._watch_display: Xlib.display.Display | None = None
        self._watcher: threading.Thread | None = None
        self._listener: ListenerThread | None = None
        self.wants_windows = False
        self.windows: WindowThread | None = None
        """What identifies windows; None where nobody asked for that, or not yet."""
        self._stopping = False
        self._has_ended = False

    @property
    def name(self) -> str:
        """Its name in the status."""
        return f"pynput ({' '.join(('X11', os.environ.get('DISPLAY', ''))).rstrip()})"

    @property
    def notes(self) -> tuple[str, ...]:
        """Why the stock listener is used, where it is, and what of this display cannot be seen."""
        notes = []
        if self._why_stock:
            notes.append(f"listening the expensive way ({self._why_stock}): about 15 times the CPU time")
        if self._others:
            notes.append("this display has several X screens: while the pointer is on another one, nothing is counted")
        if self._pointers > 1:
            notes.append(
                f"{self._pointers} pointers (xinput list) move at once, and X does not say which one an event is of: "
                "no lines and no distance are counted, and time counts where one moved last"
            )
        if self.windows is not None and self.windows.problem:
            notes.append(self.windows.problem)
        return tuple(notes)

    @property
    def identifies_by(self) -> str:
        """As ``applications.IdentifiesWindows``."""
        return "X11: positions of windows, WM_CLASS and desktop files"

    def identify_windows(self) -> None:
        """As ``applications.IdentifiesWindows``."""
        self.wants_windows = True

    def start(self, notify: Callable[[], None]) -> None:
        """Open the display, query its monitors, and listen. Raises SourceError; BlindError under XWayland."""
        # pynput cannot even be imported without a display, and python-xlib is not needed without one.
        from mousetrackd.capture.x11 import display as x11  # noqa: PLC0415

        display = self._watch_display = x11.open_display()
        limit_s = _START_TIMEOUT_S + x11.ANSWER_TIMEOUT_S
        with x11.our_connections() as opened, x11.answering(display, limit_s, opened):  # pynput opens its own
            try:
                self._begin(display, notify)
            except SourceError:
                self.stop()
                raise
            except x11.XLIB_ERRORS as error:
                self.stop()
                raise SourceError(f"{self.name}: the X server went away: {error}", "Waiting for it.") from error

    def _begin(self, display: Xlib.display.Display, notify: Callable[[], None]) -> None:
        from mousetrackd.capture.x11 import display as x11  # noqa: PLC0415 - likewise
        from mousetrackd.capture.x11.masters import MasterPointers  # noqa: PLC0415
        from mousetrackd.capture.x11.monitor_reader import MonitorReader, ServerPing, measure_clock  # noqa: PLC0415

        x11.refuse_xwayland(display)
        x11.require_record(display)
        ping = self._server_ping = ServerPing(display, self.now_ms, self._clock)
        measure_clock(display, ping)
        self._others = x11.other_roots(display)
        self._screens = record.Screens(self._others, is_here=x11.shows_pointer(display))
        reader = self._reader = MonitorReader(display, ping, MasterPointers(display, self._take_pointers))
        self._stream.begin(self._screens if self._others else None)
        began_ms = self.now_ms()
        self._start_listener()
        # In this order each change that is reported from here on is in the stream, or in this first query.
        reader.select_changes()
        while (first := self._query(reader)) is None:
            reader.wait()
        self._stream.begin_layout(first, began_ms)
        self._notify = notify  # not before there is the first item
        self._watcher = threading.Thread(target=self._watch, args=(reader,), name="monitors", daemon=True)
        self._watcher.start()
        if self.wants_windows:
            from mousetrackd.capture.x11.window_thread import WindowThread  # noqa: PLC0415 - likewise

            self.windows = WindowThread(self._stream.put_windows, self.now_ms)
            self.windows.begin()
        self._notify()

    def now_ms(self) -> int:
        """Milliseconds of the monotonic clock, onto which the server's time stamps are mapped."""
        return time.monotonic_ns() // 1_000_000

    def catch_up(self) -> None:
        """Return when all that the server had sent before has been read and placed, or after a moment."""
        if self._listener is not None:
            self._await_read()
            self._stream.await_query(self.now_ms, self._is_watched, _CATCH_UP_TIMEOUT_S)

    def drain(self) -> list[Item]:
        """Everything since the last call, up to the first change since which the monitors have not been queried.

        Waits a moment where they have, so that all that happened before the query is there to be put in order.
        """
        parts = self._stream.cut(self._await_read)
        if any(isinstance(part, ClockCheck) for part in parts):
            self._await_clock()
        return self._stream.items(parts, self.now_ms(), is_watched=self._is_watched())

    def is_alive(self) -> bool:
        """False once the display is gone."""
        # pynput's own ``running`` stays True when the server dies; the threads' states are true.
        return not self._has_ended and self._listener is not None and self._listener.is_alive() and self._is_watched()

    def ping(self) -> bool:
        """Did the server answer the last time, and does the listener's thread take what it is sent?"""
        if self._server_ping is None or self._listener is None or not self._server_ping.is_answered:
            return False
        puts_while_unread = self._stream.puts if self._listener.has_unread() else None
        is_read = puts_while_unread is None or puts_while_unread != self._puts_while_unread
        self._puts_while_unread = puts_while_unread
        self._server_ping.request()
        return is_read

    def finished(self) -> bool:
        """A display never ends, it only goes away for a while."""
        return False

    def stop(self) -> None:
        """Close every connection to the display, now, and end the threads."""
        from mousetrackd.capture.x11 import display as x11  # noqa: PLC0415

        self._stopping = True
        if self._listener is not None:
            self._listener.close(_STOP_TIMEOUT_S)
            if self._watcher is not None:
                self.catch_up()
        if self.windows is not None:
            self.windows.close(_STOP_TIMEOUT_S)
            self.windows = None
        x11.hang_up(self._watch_display)
        if self._watcher is not None:
            self._watcher.join(_STOP_TIMEOUT_S)
        x11.close_display(self._watch_display)
        if self._server_ping is not None:
            self._server_ping.close()
            self._server_ping = None
        if self._watch_display is not None:
            # A connection and its listener refer to themselves, a megabyte each time, and Python would let a dozen
            # of them gather before it looks.
            self._listener = self._watcher = self._watch_display = self._reader = None
            gc.collect()

    def _start_listener(self) -> None:
        listeners = _import_listeners()
        why_stock = "it was asked for"
        if self._want_fast:
            try:
                self._begin_listener(listeners.BatchListener(self._take_raw, self._record_changes, self._on_end))
            except listeners.UnknownPynputError as error:
                why_stock = str(error)
            else:
                return
        self._why_stock = why_stock
        try:
            self._begin_listener(listeners.StockListener(self._take_row, self._is_here, self.now_ms, self._on_end))
        except listeners.UnknownPynputError as error:
            raise SourceError(
                f"cannot listen: {error}", "Install pynput 1.8: pip install 'pynput>=1.8.1,<2'"
            ) from error

    def _begin_listener(self, listener: ListenerThread) -> None:
        self._listener = listener
        listener.begin(_START_TIMEOUT_S)

    # In the monitors' thread --------------------------------------------------------------------------

    def _watch(self, reader: MonitorReader) -> None:
        """Query the monitors whenever the server reports that they changed, until the display closes."""
        try:
            while True:
                change = reader.wait()
                if self._listener is not None and not self._listener.has_changes:
                    self._await_read()
                    self._stream.put(change)
                if self._query(reader) is not None:
                    self._notify()
        except Exception:  # noqa: BLE001 - any failure of a dying connection means the same: it is over
            self._on_end()

    def _query(self, reader: MonitorReader) -> QueriedLayout | None:
        queried = reader.query(self.now_ms())
        if queried is not None:
            if self._listener is not None and not self._listener.has_changes:
                queried = replace(queried, state=None)  # not all changes come, and only all together make sense
            self._stream.put_query(queried)
        return queried

    def _take_pointers(self, count: int, stamp_ms: int | None) -> None:
        """The server shows so many pointers from a moment on, which it stamped."""
        if self._listener is not None:
            self._await_read()
        now_ms = self.now_ms()
        self._pointers = count
        at_ms = now_ms if stamp_ms is None else self._clock.ours_ms(stamp_ms, now_ms)
        self._stream.put(Pointers(at_ms, "pointers", count))

    # In the listener's thread -------------------------------------------------------------------------

    def _record_changes(self, recorder: Xlib.display.Display, context: int) -> None:
        if self._reader is not None:
            self._stream.split_at(self._reader.record_changes(recorder, context))

    def _take_raw(self, raw: bytes) -> None:
        parts: list[Part] = [raw]
        stamp_ms = record.last_stamp_ms(raw)
        if stamp_ms is not None and self._clock.seems_off(stamp_ms, self.now_ms()):
            if self._server_ping is not None and self._server_ping.is_answered:
                self._server_ping.request()
            parts = [ClockCheck(), raw]
        if self._sleep.is_over():
            parts = [Gap(self._stream.first_ms(raw, self.now_ms()), "suspend"), *parts]
        self._stream.put(*parts)

    def _take_row(self, row: tuple[int, int, int, int]) -> None:
        if self._sleep.is_over():
            self._stream.put(Gap(row[0], "suspend"))
        self._stream.put(row)

    def _is_here(self, root: int) -> bool:
        """Whether an event with this root window is on our X screen; the first one elsewhere makes a gap."""
        was_here, is_here = self._screens.is_here, self._screens.shows(root)
        if was_here and not is_here:
            self._stream.put(Gap(self.now_ms(), "screen"))
        return is_here

    # In any thread ------------------------------------------------------------------------------------

    def _wake(self) -> None:
        self._notify()

    def _on_end(self) -> None:
        self._has_ended = True  # before anybody is notified, who asks at once: the thread itself still lives
        if not self._stopping:
            self._notify()

    def _is_watched(self) -> bool:
        return self._watcher is not None and self._watcher.is_alive()

    def _await_read(self) -> None:
        if self._listener is not None:
            self._listener.await_read(_CATCH_UP_TIMEOUT_S)

    def _await_clock(self) -> None:
        """Return when the server's clock has been measured, or after a moment."""
        give_up_s = time.monotonic() + _CATCH_UP_TIMEOUT_S
        while self._server_ping is not None and not self._server_ping.is_answered and time.monotonic() < give_up_s:
            time.sleep(_POLL_S)


def _import_listeners() -> ModuleType:
    """The module of the listeners. Raises SourceError where pynput cannot use the display."""
    from mousetrackd.capture.x11 import pointer_only  # noqa: PLC0415 - python-xlib is not needed without a display

    for without in (pointer_only.no_key_names, contextlib.nullcontext):
        try:
            with without():
                from mousetrackd.capture.x11 import listeners  # noqa: PLC0415 - it cannot be imported without a display
        except Exception as error:  # noqa: BLE001 - how another pynput fails that needs its keys is not known
            failure = error
        else:
            return listeners
    raise SourceError(f"pynput cannot use this display: {failure}", "Waiting for it.") from failure


make_source = PynputSource
"""The pointer of an X11 session, as a source."""
