"""X11, through pynput's mouse listener.

Two ways to listen, the same events:

* ``fast``: a pynput Listener whose reading loop is ours. It reads the RECORD connection at most 20 times a
  second and keeps the bytes; they are decoded when the daemon drains, all at once, with the server's own time
  stamps. Changes of the monitors come in the same stream, so that each press is on the side of a change that the
  server saw it on. It leans on pynput's internals, so it checks for them first.
* ``stock``: the listener as it is, where those internals are not what we expect. It costs some 30 times more, and
  a press beside a change is on the side on which it was heard.
"""

from __future__ import annotations

import contextlib
import gc
import os
import socket
import struct
import threading
import time
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING, Any, TypeAlias

from mousetrackd.capture.suspend import Sleep, asleep_ms
from mousetrackd.capture.x11 import record
from mousetrackd.capture.x11.randr import Change, Look, Monitors
from mousetrackd.capture.x11.server_clock import ServerClock
from mousetrackd.core.errors import SourceError
from mousetrackd.core.events import Events, Gap, Item, Kind, LayoutChange, Pointers, batch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import Xlib.display

    from mousetrackd.capture.x11 import display as x11

_READ_INTERVAL_S = 0.05
"""How long to let events gather in the socket: 20 wake-ups a second at the most, whatever the mouse does."""
_SLOW_INTERVAL_S = 0.1
"""The same while few come: a wake-up costs more than all that it finds."""
_SLOW_EVENTS_PER_S = 300
"""Few: of the fastest that come next, without warning, a socket takes nine times as many in that time."""
_READ_BYTES = 1 << 16
"""More than a socket holds, and little enough that the allocator need not ask the kernel for it each time."""

# A socket takes about 278 small writes, and where the server finds it full it drops events (seen with Xvfb 21.1:
# 1 to 3 of 2,000 moves that were flushed one by one while nobody read). So a pause begins short, grows only while
# little gathers in it, and stays shorter for good once a mouse has shown that it can fill a socket in a long one.
_FIRST_INTERVAL_S = 0.005
_IDLE_S = 0.2
_GATHER_EVENTS = 100
_FAST_MOUSE_EVENTS_PER_S = 2000
_FAST_MOUSE_INTERVAL_S = 0.03
_FLOOD_EVENTS_PER_S = 12_000
"""Faster than any mouse: a program's burst, which is read without a pause."""

_CATCH_UP_TIMEOUT_S = 0.5
_LONGEST_HOLD_MS = 10_000
"""A client may hold the server for itself while events still come; they are not held back for ever."""
_START_TIMEOUT_S = 5.0
_STOP_TIMEOUT_S = 5.0

_RECORD_ENABLE_CONTEXT = 5
_ENABLE_REQUEST = struct.Struct("=BBHI")  # major opcode, minor opcode, length in words, context


@dataclass(frozen=True)
class _ClockCheck:
    """What follows in the stream seems to be of another time: from here on the server's clock is as measured now."""


_Part: TypeAlias = bytes | tuple[int, int, int, int] | Gap | LayoutChange | Change | _ClockCheck
"""What the stream is made of: bytes of RECORD or rows of events, and what came between them."""


class PynputSource:
    """The pointer of the X server at $DISPLAY. See ``events.Source``.

    asleep_ms: how long the machine has been suspended so far. Both the server's clock and ours stand still then,
    so that no time is credited; a Gap keeps lines from being drawn from before to after.
    """

    def __init__(self, *, fast: bool = True, asleep_ms: Callable[[], int] = asleep_ms) -> None:
        self._want_fast = fast
        self._sleep = Sleep(asleep_ms)
        self._lock = threading.Lock()
        self._looked = threading.Condition(self._lock)
        self._stream: list[_Part] = []
        self._looks: list[Look] = []
        self._last_look: Look | None = None
        self._held_since_ms: int | None = None
        self._monitors = Monitors()
        self._taken = 0
        self._taken_while_unread: int | None = None
        self._splitter = record.Splitter(())
        self._reader: x11.MonitorReader | None = None
        self._bell: x11.Bell | None = None
        self._notify: Callable[[], None] = lambda: None
        self._why_stock = ""
        self._others: frozenset[int] = frozenset()
        self._screens = record.Screens((), is_here=True)
        self._pointers = 1
        self._clock = ServerClock()
        self._clock_offset_ms = 0
        self._watch_display: Xlib.display.Display | None = None
        self._watcher: threading.Thread | None = None
        self._listener: Any = None
        self._stopping = False

    @property
    def name(self) -> str:
        """How status calls it."""
        return f"pynput (X11 {os.environ.get('DISPLAY', '')})"

    @property
    def notes(self) -> tuple[str, ...]:
        """Why it listens the expensive way, when it does, and what of this display it cannot tell."""
        notes = []
        if self._why_stock:
            notes.append(f"listening the expensive way ({self._why_stock}): about 30 times the CPU time")
        if self._others:
            notes.append("this display has several X screens: while the pointer is on another one, nothing is counted")
        if self._pointers > 1:
            notes.append(
                f"{self._pointers} pointers (xinput list) move at once, and X does not tell which one an event is of: "
                "no lines and no distance are counted, and time counts where one moved last"
            )
        return tuple(notes)

    def start(self, notify: Callable[[], None]) -> None:
        """Open the display, read its monitors, and listen. Raises SourceError; BlindError under XWayland."""
        # pynput cannot even be imported without a display, and python-xlib is not needed without one.
        from mousetrackd.capture.x11 import display as x11  # noqa: PLC0415

        display = self._watch_display = x11.open_display()
        with x11.answering(display, _START_TIMEOUT_S + x11.ANSWER_TIMEOUT_S):
            self._begin(display, notify)

    def _begin(self, display: Xlib.display.Display, notify: Callable[[], None]) -> None:
        from mousetrackd.capture.x11 import display as x11  # noqa: PLC0415 - likewise
        from mousetrackd.capture.x11.masters import MasterPointers  # noqa: PLC0415

        try:
            x11.refuse_xwayland(display)
            x11.require_record(display)
            bell = self._bell = x11.Bell(display, self.now_ms)
            x11.measure_clock(display, bell)
            self._clock, self._clock_offset_ms = bell.clock, bell.clock.offset_ms
            self._others = x11.other_roots(display)
            self._screens = record.Screens(self._others, is_here=x11.shows_pointer(display))
            reader = self._reader = x11.MonitorReader(display, bell, MasterPointers(display, self._take_pointers))
            began_ms = self.now_ms()
            with x11.our_cookies():
                self._start_listener()
            # In this order each change that is told from here on is in the stream, or in this first look.
            reader.select_changes()
            while (first := self._look(reader)) is None:
                reader.wait()
            with self._lock:
                self._stream.insert(0, self._monitors.begin(first, began_ms))
                self._notify = notify  # not before there is the first item
        except SourceError:
            self.stop()
            raise
        except x11.XLIB_ERRORS as error:
            self.stop()
            raise SourceError(f"{self.name}: the X server went away: {error}", "Waiting for it.") from error
        self._watcher = threading.Thread(target=self._watch, args=(reader,), name="monitors", daemon=True)
        self._watcher.start()
        self._notify()

    def now_ms(self) -> int:
        """Milliseconds of the monotonic clock, onto which the server's time stamps are mapped."""
        return time.monotonic_ns() // 1_000_000

    def catch_up(self) -> None:
        """Return when all that the server had sent before has been read and placed, or after a moment."""
        if self._listener is not None:
            self._listener.await_read(_CATCH_UP_TIMEOUT_S)
            with self._looked:
                self._looked.wait_for(self._is_looked_at, _CATCH_UP_TIMEOUT_S)

    def drain(self) -> list[Item]:
        """Everything since the last call, up to the first change after which nobody has looked at the monitors yet.

        Waits a moment where somebody has, so that all that happened before that look is there to be put in order.
        """
        with self._lock:
            looks, self._looks = self._looks, []
        if looks and self._listener is not None:
            self._listener.await_read(_CATCH_UP_TIMEOUT_S)
        for look in looks:
            self._monitors.look(look)
        with self._lock:  # no longer than that: the listener's socket is soon full
            stream, self._stream = self._stream, []
        self._await_clock(stream)
        changes = [part for part in stream if isinstance(part, Change)]
        now_ms = self.now_ms()
        unknown = self._first_unknown(changes, now_ms)
        if unknown is not None:
            at = next(number for number, part in enumerate(stream) if part is unknown)
            with self._lock:
                self._stream[:0] = stream[at:]
            del stream[at:]
        following = iter([*changes[1:], None])
        items: list[Item] = []
        for kind, parts in groupby(stream, type):
            items += self._items(kind, list(parts), following, now_ms)
        if unknown is None:
            items += self._monitors.newest(now_ms)
        items = record.pointers_in_time(items)
        return _in_time([item for item in items if isinstance(item, Gap | LayoutChange) or item.size])

    def _items(self, kind: type, parts: list[Any], following: Iterator[Change | None], now_ms: int) -> list[Item]:
        """What parts of one kind mean. following: of each change, the next one in the stream."""
        if kind is bytes:
            return self._on_our_screen(b"".join(parts))
        if kind is tuple:
            return [batch(parts)]
        if kind is _ClockCheck:
            self._clock_offset_ms = self._clock.offset_ms
            return []
        if kind is Change:
            return [item for part in parts for item in self._monitors.after(part, next(following), now_ms)]
        return parts

    def _await_clock(self, stream: list[_Part]) -> None:
        """Return when the server's clock has been measured, where that is called for, or after a moment."""
        if any(isinstance(part, _ClockCheck) for part in stream):
            give_up_s = time.monotonic() + _CATCH_UP_TIMEOUT_S
            while self._bell is not None and not self._bell.is_answered and time.monotonic() < give_up_s:
                time.sleep(_FIRST_INTERVAL_S)

    def _first_unknown(self, changes: list[Change], now_ms: int) -> Change | None:
        """The first change after which nobody has looked at the monitors yet, if somebody still will."""
        unknown = next((change for change in changes if not self._monitors.is_known(change, now_ms)), None)
        if unknown is None or not self._is_watched():
            self._held_since_ms = None
            return None
        if self._held_since_ms is None:
            self._held_since_ms = now_ms
        return unknown if now_ms - self._held_since_ms < _LONGEST_HOLD_MS else None

    def _is_looked_at(self) -> bool:
        """Whether somebody has looked at the monitors since the last change, or nobody will."""
        last = next((part for part in reversed(self._stream) if isinstance(part, Change)), None)
        if last is None or not self._is_watched():
            return True
        return self._last_look is not None and self._last_look.is_after(last, self.now_ms())

    def _is_watched(self) -> bool:
        return self._watcher is not None and self._watcher.is_alive()

    def is_alive(self) -> bool:
        """False once the display is gone."""
        # pynput's own ``running`` stays True when the server dies; the threads do not lie.
        return self._listener is not None and self._listener.is_alive() and self._is_watched()

    def ping(self) -> bool:
        """Did the server answer the last time, and does the listener's thread take what it is sent?"""
        if self._bell is None or not self._bell.is_answered:
            return False
        taken_while_unread = self._taken if self._listener.has_unread() else None
        is_read = taken_while_unread is None or taken_while_unread != self._taken_while_unread
        self._taken_while_unread = taken_while_unread
        self._bell.ring()
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
        x11.hang_up(self._watch_display)
        if self._watcher is not None:
            self._watcher.join(_STOP_TIMEOUT_S)
        x11.close_display(self._watch_display)
        if self._bell is not None:
            self._bell.close()
            self._bell = None
        if self._watch_display is not None:
            # A connection and its listener refer to themselves, a megabyte each time, and Python would let a dozen
            # of them gather before it looks.
            self._listener = self._watcher = self._watch_display = self._reader = None
            gc.collect()

    def _start_listener(self) -> None:
        why_stock = "it was asked for"
        if self._want_fast:
            try:
                self._listener = _fast_listener(self._take_raw, self._record_changes, self._on_end)
                self._listener.begin(_START_TIMEOUT_S)
            except _UnknownPynputError as error:
                why_stock = str(error)
            else:
                return
        self._why_stock = why_stock
        self._listener = _stock_listener(self._take_row, self._is_here, self.now_ms, self._on_end)
        try:
            self._listener.begin(_START_TIMEOUT_S)
        except _UnknownPynputError as error:
            raise SourceError(
                f"cannot listen: {error}", "Install pynput 1.8: pip install 'pynput>=1.8.1,<2'"
            ) from error

    def _watch(self, reader: x11.MonitorReader) -> None:
        """Look at the monitors whenever the server says that they changed, until the display closes."""
        try:
            while True:
                change = reader.wait()
                if not self._listener.has_changes:
                    self._listener.await_read(_CATCH_UP_TIMEOUT_S)
                    self._put(change)
                if self._look(reader) is not None:
                    self._notify()
        except Exception:  # noqa: BLE001 - any failure of a dying connection means the same: it is over
            self._on_end()

    def _look(self, reader: x11.MonitorReader) -> Look | None:
        look = reader.look(self.now_ms())
        if look is not None:
            if not self._listener.has_changes:
                look = replace(look, stand=None)  # not all changes are told, and only all together make sense
            with self._looked:
                self._looks.append(look)
                self._last_look = look
                self._looked.notify_all()
        return look

    def _on_end(self) -> None:
        if not self._stopping:
            self._notify()

    def _take_raw(self, raw: bytes) -> None:
        if self._sleep.is_over():
            times_ms = self._decode(raw)["time_ms"]
            self._put(Gap(int(times_ms[0]) if times_ms.size else self.now_ms(), "suspend"))
        parts: list[_Part] = [*self._splitter.split(raw)]
        stamp_ms = record.last_stamp_ms(raw)
        if stamp_ms is not None and self._clock.seems_off(stamp_ms, self.now_ms()):
            if self._bell is not None and self._bell.is_answered:
                self._bell.ring()
            parts.insert(0, _ClockCheck())
        self._put(*parts)

    def _take_row(self, row: tuple[int, int, int, int]) -> None:
        if self._sleep.is_over():
            self._put(Gap(row[0], "suspend"))
        self._put(row)

    def _is_here(self, root: int) -> bool:
        """Whether an event with this root window is on our X screen; the first one elsewhere makes a gap."""
        was_here, is_here = self._screens.is_here, self._screens.shows(root)
        if was_here and not is_here:
            self._put(Gap(self.now_ms(), "screen"))
        return is_here

    def _take_pointers(self, count: int, stamp_ms: int | None) -> None:
        """The server shows so many pointers from a moment on, which it stamped."""
        if self._listener is not None:
            self._listener.await_read(_CATCH_UP_TIMEOUT_S)
        now_ms = self.now_ms()
        self._pointers = count
        self._put(Pointers(now_ms if stamp_ms is None else self._clock.ours_ms(stamp_ms, now_ms), "pointers", count))

    def _put(self, *parts: _Part) -> None:
        with self._lock:
            was_empty = not self._stream
            self._taken += 1
            self._stream += parts
        if was_empty:
            self._notify()

    def _decode(self, raw: bytes) -> Events:
        now_ms = self.now_ms()
        return record.decode(raw, now_ms, now_ms - self._clock_offset_ms)

    def _on_our_screen(self, raw: bytes) -> list[Item]:
        events = self._decode(raw)
        return [*self._screens.split(events, record.roots(raw))] if self._others else [events]

    def _record_changes(self, recorder: Xlib.display.Display, context: int) -> None:
        if self._reader is not None:
            self._splitter = record.Splitter(self._reader.record_changes(recorder, context))


def _in_time(items: list[Item]) -> list[Item]:
    """The same with no change later than what comes after it: when it was heard is a little after it happened."""
    next_ms: int | None = None
    for number in range(len(items) - 1, -1, -1):
        item = items[number]
        if isinstance(item, LayoutChange) and next_ms is not None and item.time_ms > next_ms:
            item = items[number] = LayoutChange(next_ms, item.layout)
        next_ms = item.time_ms if isinstance(item, Gap | LayoutChange) else int(item["time_ms"][0])
    return items


class _UnknownPynputError(Exception):
    """This pynput's inside is not the one the fast way knows."""


class _Pace:
    """How long to let events gather before the next read: long for few wake-ups, short enough to lose none."""

    def __init__(self) -> None:
        self._interval_s = 0.0
        self._longest_s = _SLOW_INTERVAL_S

    def next_interval_s(self, events: float, gathered_s: float) -> float:
        """Seconds to sleep, after ``events`` have gathered in ``gathered_s``."""
        per_s = events / max(gathered_s, 1e-6)
        if gathered_s > self._interval_s + _IDLE_S:
            self._interval_s = _FIRST_INTERVAL_S
        elif per_s > _FLOOD_EVENTS_PER_S:
            self._interval_s = 0.0
        else:
            if per_s > _FAST_MOUSE_EVENTS_PER_S:
                self._longest_s = _FAST_MOUSE_INTERVAL_S
            grown_s = max(self._interval_s * 1.3, _FIRST_INTERVAL_S)
            at_this_pace_s = _SLOW_INTERVAL_S if per_s < _SLOW_EVENTS_PER_S else _READ_INTERVAL_S
            self._interval_s = min(grown_s, _GATHER_EVENTS / per_s, self._longest_s, at_this_pace_s)
        return self._interval_s


def _fast_listener(
    take: Callable[[bytes], None], prepare: Callable[[Xlib.display.Display, int], None], on_end: Callable[[], None]
) -> Any:
    """A pynput Listener that hands over the bytes of its RECORD connection, many events at a time.

    prepare: given that connection and the context, before it begins.
    """
    listener_class = _base_listener(on_end)
    for needed in ("_initialize", "_mark_ready", "_run"):
        if not hasattr(listener_class, needed):
            raise _UnknownPynputError(f"this pynput has no Listener.{needed}")

    class FastListener(listener_class):  # type: ignore[misc, valid-type]  # pynput has no types
        """Replaces the one call in which pynput waits for events."""

        has_changes = True

        def _initialize(self, display: Any) -> None:
            super()._initialize(display)
            self._display_record.record_enable_context = self._pump

        def _pump(self, context: int, _callback: object) -> None:
            from Xlib.ext.record import extname  # noqa: PLC0415

            protocol = self._display_record.display
            connection: socket.socket = protocol.socket
            try:
                prepare(self._display_record, context)
                self._display_record.sync()
            except Exception as error:
                self.failure = error  # pynput swallows what is raised here
                raise
            connection.setblocking(True)
            opcode = protocol.get_extension_major(extname)
            connection.sendall(_ENABLE_REQUEST.pack(opcode, _RECORD_ENABLE_CONTEXT, 2, context))
            size = record.ELEMENT.itemsize
            rest = b""
            pace, read_at_s = _Pace(), 0.0
            # Not "while running": what arrived before the connection was hung up is still counted.
            while connection.recv(1, socket.MSG_PEEK):
                with self.reading:
                    data = rest + connection.recv(_READ_BYTES)
                    whole = len(data) - len(data) % size
                    rest = data[whole:]
                    take(data[:whole])
                self.enabled.set()
                if record.is_end(data[:whole]):
                    return
                if self.running:
                    now_s = time.monotonic()
                    gathered_s, read_at_s = now_s - read_at_s, now_s
                    events = len(data) / (2 * size)  # each has a header of its own, unless they came at once
                    time.sleep(pace.next_interval_s(events, gathered_s))

    return FastListener()


def _stock_listener(
    take: Callable[[tuple[int, int, int, int]], None],
    is_here: Callable[[int], bool],
    now_ms: Callable[[], int],
    on_end: Callable[[], None],
) -> Any:
    """pynput's Listener as it is.

    is_here: tells of an event's root window, 0 where it is not told, whether it is on our X screen.
    """
    listener_class = _base_listener(on_end)

    def on_move(x: int, y: int) -> None:
        take((now_ms(), Kind.MOVE, x, y))

    def on_click(x: int, y: int, button: Any, pressed: bool) -> None:
        if pressed:
            take((now_ms(), int(record.BUTTON_KINDS[button.value or 0]), x, y))

    def on_scroll(x: int, y: int, _dx: int, _dy: int) -> None:
        take((now_ms(), Kind.SCROLL, x, y))

    class StockListener(listener_class):  # type: ignore[misc, valid-type]  # pynput has no types
        """Tells when the server has really begun to record: pynput's wait() returns before that."""

        def _handler(self, events: Any) -> None:
            self.enabled.set()
            super()._handler(events)

        def _handle_message(self, display: Any, event: Any, *more: Any) -> None:
            if is_here(getattr(event.root, "id", 0)):
                super()._handle_message(display, event, *more)

        def await_read(self, timeout_s: float) -> None:
            super().await_read(timeout_s)
            time.sleep(_READ_INTERVAL_S * 2)  # what has been read is still being decoded, one event at a time

    return StockListener(on_move=on_move, on_click=on_click, on_scroll=on_scroll)


def _base_listener(on_end: Callable[[], None]) -> Any:  # noqa: C901 - a class, whose methods are each short
    """pynput's Listener, with an end that leaves no connection open and says so."""
    # pynput imports its keyboard side along with the mouse's: this one has no keyboard, by design.
    os.environ["PYNPUT_BACKEND_KEYBOARD"] = "dummy"
    try:
        from pynput.mouse import Listener  # noqa: PLC0415 - it cannot be imported without a display
    except ImportError as error:
        raise SourceError(f"pynput cannot use this display: {error}", "Waiting for it.") from error
    from mousetrackd.capture.x11 import display as x11  # noqa: PLC0415

    class EndingListener(Listener):  # type: ignore[misc]  # pynput has no types
        """``failure`` is what ended it, None after a clean end."""

        failure: Exception | None = None
        has_changes = False
        """Whether changes of the monitors come in its stream."""

        def __init__(self, **callbacks: Any) -> None:
            super().__init__(**callbacks)
            self.enabled = threading.Event()
            self.reading = threading.Lock()
            """Held from reading bytes until they have been handed over."""

        def _initialize(self, display: Any) -> None:
            super()._initialize(display)
            if not self._running:  # closed while the server did not answer: nobody listens to it any more
                raise SourceError("the listener was closed before it began", "")
            # At the end pynput disables a context that went with its connection; that is no news for stderr.
            display.set_error_handler(lambda _error, _request: None)

        def begin(self, timeout_s: float) -> None:
            """Start; return when the server has answered, so that from here on no event is missed."""
            self.start()
            # pynput's own wait() returns too early, and hangs where the thread has died.
            if self.enabled.wait(timeout_s) and self.failure is None:
                return
            has_context = hasattr(self, "_context")
            self.close(timeout_s)
            if self.failure is None and not has_context:
                raise SourceError("the X server does not answer", "Waiting for it.")
            if isinstance(self.failure, AttributeError | TypeError) or self.failure is None:
                raise _UnknownPynputError(f"pynput's listener did not start: {self.failure!r}")
            raise SourceError(f"pynput's listener did not start: {self.failure}", "Waiting for the display.")

        def run(self) -> None:
            try:
                super().run()
            except Exception as error:  # noqa: BLE001 - it is kept, and the daemon tells
                self.failure = error
            finally:
                for display in self._connections():
                    x11.close_display(display)
                self.enabled.set()  # or begin() would wait for a thread that has ended
                on_end()

        def await_read(self, timeout_s: float) -> None:
            """Return when all that the server had sent before this call has been read, or after the timeout."""
            give_up_s = time.monotonic() + timeout_s
            while self.has_unread() and time.monotonic() < give_up_s:
                time.sleep(_READ_INTERVAL_S / 10)
            if self.reading.acquire(timeout=timeout_s):
                self.reading.release()

        def has_unread(self) -> bool:
            """Has the server sent something that is still to be read?"""
            display = getattr(self, "_display_record", None)  # it has none before the server has let it in
            with contextlib.suppress(*x11.XLIB_ERRORS, ValueError):  # closed meanwhile: there is nothing unread
                return display is not None and self.is_alive() and x11.unread_bytes(display) > 0
            return False

        def close(self, timeout_s: float) -> None:
            """Stop listening now. pynput's stop() waits for the next pointer event with both connections open."""
            self._running = False
            for display in self._connections():
                x11.hang_up(display)
            if self.ident is not None:
                threading.Thread.join(self, timeout_s)

        def _connections(self) -> list[Any]:
            return [getattr(self, name, None) for name in ("_display_record", "_display_stop")]

    return EndingListener
