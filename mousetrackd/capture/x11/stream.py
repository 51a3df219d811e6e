"""What the X server sent and nobody has drained yet, put in order with the layouts of the monitors.

The listener's thread puts bytes or rows of events, the monitors' thread puts queried layouts, and the daemon's loop
takes items. Changes of the monitors are a part of the stream, so that each press is on the side of a change that the
server saw it on. Which layout a change led to is known when a later query is answered. So for a stream of

    moves, change 1, moves, change 2, moves         and a query that was answered between the two changes

``items`` gives the first moves, the layout of the query, and the second moves. Change 2 and what follows it are kept
until the next query is there, or for ten seconds.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any, TypeAlias

from mousetrackd.capture.x11 import record
from mousetrackd.capture.x11.randr import Change, LayoutTracker, QueriedLayout
from mousetrackd.core.events import MANY_EVENTS, Interruption, Item, LayoutChange, batch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mousetrackd.capture.x11.server_clock import ServerClock
    from mousetrackd.core.events import AppChange, Events

_LONGEST_HOLD_MS = 10_000
"""A client may hold the server for itself while events still come; they are not held back longer than that."""


_UNREAD_MS = 250
"""What happened so long ago has been read: a change of the windows is placed among the events by its time."""
_CHANGES_MAX = 256
"""So many changes of the windows are kept until somebody drains them without an event."""

_ELEMENT_BYTES = record.ELEMENT.itemsize
_MUCH = 2 * MANY_EVENTS
"""Elements of the RECORD stream that should be taken at once: an event has a header as a rule."""


@dataclass(frozen=True)
class ClockCheck:
    """What follows in the stream seems to be of another time: from here on the server's clock is as measured now."""


Part: TypeAlias = bytes | tuple[int, int, int, int] | Interruption | Change | ClockCheck
"""What the stream is made of: bytes of RECORD or rows of events, and what came between them."""


class EventStream:
    """The buffer between the threads.

    notify: called when there is something to take after there was nothing, and when much has gathered. clock: the
    server's.
    """

    def __init__(self, notify: Callable[[], None], clock: ServerClock) -> None:
        self._notify = notify
        self._clock = clock
        self._clock_offset_ms = 0
        self._lock = threading.Lock()
        self._queried = threading.Condition(self._lock)
        self._parts: list[Part] = []
        self._queries: list[QueriedLayout] = []
        self._last_query: QueriedLayout | None = None
        self._tracker = LayoutTracker()
        self._held_since_ms: int | None = None
        self._splitter = record.Splitter(())
        self._screens: record.Screens | None = None
        self._app_changes: list[AppChange] = []
        self._knows_windows = self._has_given_windows = False
        self._gathered = 0  # elements since the last cut or notification; a row counts as an event with its header
        self.puts = 0
        """How often something was put, so far."""

    def begin(self, screens: record.Screens | None) -> None:
        """Before anything is put, with the clock measured. screens: None where there is only one X screen."""
        self._clock_offset_ms = self._clock.offset_ms
        self._screens = screens

    def split_at(self, event_types: tuple[int, ...]) -> None:
        """Before any bytes are put: which events are changes of the monitors."""
        self._splitter = record.Splitter(event_types)

    def begin_layout(self, first: QueriedLayout, time_ms: int) -> None:
        """The first query holds from ``time_ms`` on, before all that was put."""
        with self._lock:
            self._parts.insert(0, self._tracker.begin(first, time_ms))

    def put(self, *parts: Part) -> None:
        """Append. Bytes are whole elements of the RECORD stream."""
        with self._lock:
            was_empty = not self._parts
            self.puts += 1
            self._parts += parts
            for part in parts:
                self._gathered += len(part) // _ELEMENT_BYTES if isinstance(part, bytes) else 2
            is_much = self._gathered >= _MUCH
            if is_much:
                self._gathered = 0
        if was_empty or is_much:
            self._notify()

    def put_windows(self, change: AppChange) -> None:
        """Note how the windows are placed from a time on. Nobody is notified but of the first, or of many."""
        with self._lock:
            self._app_changes.append(change)
            is_much = len(self._app_changes) % _CHANGES_MAX == 0
            is_first, self._knows_windows = not self._knows_windows, True
        if is_much or is_first:
            self._notify()

    def put_query(self, query: QueriedLayout) -> None:
        """Note what the monitors were at a time."""
        with self._queried:
            self._queries.append(query)
            self._last_query = query
            self._queried.notify_all()

    def cut(self, await_read: Callable[[], None]) -> list[Part]:
        """Take everything that was put, and the queries of before.

        await_read: called where there are such; returns when all that the server had sent before has been put.
        """
        with self._lock:
            queries, self._queries = self._queries, []
        if queries:
            await_read()
        for query in queries:
            self._tracker.add(query)
        with self._lock:  # no longer than that: the listener's socket is soon full
            parts, self._parts = self._parts, []
            self._gathered = 0
        return parts

    def items(self, parts: list[Part], now_ms: int, *, is_watched: bool) -> list[Item]:
        """What ``parts`` mean, up to the first change since which the monitors have not been queried.

        What follows that change is kept for the next ``cut``. is_watched: whether the monitors will still be queried.
        """
        stream = self._split(parts)
        changes = [part for part in stream if isinstance(part, Change)]
        unknown = self._first_unknown(changes, now_ms, is_watched=is_watched)
        if unknown is not None:
            self._keep_from(unknown, stream)
        # One that is kept is still what follows the last one that is not.
        following = iter([*changes[1:], None])
        items: list[Item] = []
        for kind, group in groupby(stream, type):
            items += self._items(kind, list(group), following, now_ms)
        if unknown is None:
            items += self._tracker.newest(now_ms)
        items = record.pointers_in_time(items)
        items = _in_time([item for item in items if isinstance(item, Interruption) or item.size])
        until_ms = 0 if unknown is not None else now_ms - _UNREAD_MS
        return merged(items, self._take_app_changes(items, until_ms))

    def _keep_from(self, unknown: Change, stream: list[Part]) -> None:
        """Take a change and what follows it out of ``stream``, and put it back before what has come meanwhile."""
        at = next(number for number, part in enumerate(stream) if part is unknown)
        with self._lock:
            self._parts[:0] = stream[at:]
        del stream[at:]

    def _take_app_changes(self, items: list[Item], until_ms: int) -> list[AppChange]:
        """The changes of the windows up to the last event, or to a time before which all events are there."""
        with self._lock:
            if not self._app_changes:
                return []
            last_ms = max((int(item["time_ms"][-1]) for item in items if not isinstance(item, Interruption)), default=0)
            due = [one for one in self._app_changes if one.time_ms <= max(until_ms, last_ms)]
            self._app_changes = self._app_changes[len(due) :]
            is_first_left = not due and not self._has_given_windows
            self._has_given_windows |= bool(due)
        if is_first_left:  # status says that no window is known until somebody asks again
            self._notify()
        return due

    def await_query(self, now_ms: Callable[[], int], is_watched: Callable[[], bool], timeout_s: float) -> None:
        """Return when the monitors have been queried since the last change that was put, or nobody will do it."""

        def is_queried() -> bool:
            last = self._last_change()
            if last is None or not is_watched():
                return True
            return self._last_query is not None and self._last_query.is_after(last, now_ms())

        with self._queried:
            self._queried.wait_for(is_queried, timeout_s)

    def first_ms(self, raw: bytes, now_ms: int) -> int:
        """The time of the first event in whole elements of the RECORD stream; ``now_ms`` where there is none."""
        times_ms = self._decode(raw, now_ms)["time_ms"]
        return int(times_ms[0]) if times_ms.size else now_ms

    def _decode(self, raw: bytes, now_ms: int) -> Events:
        return record.decode(raw, now_ms, now_ms - self._clock_offset_ms)

    def _split(self, parts: list[Part]) -> list[Part]:
        """The same with the changes among the bytes as themselves."""
        stream: list[Part] = []
        for kind, group in groupby(parts, type):
            if kind is bytes:
                raw: list[Any] = list(group)
                stream += self._splitter.split(raw[0] if len(raw) == 1 else b"".join(raw))
            else:
                stream += group
        return stream

    def _last_change(self) -> Change | None:
        for part in reversed(self._parts):
            found = self._splitter.split(part) if isinstance(part, bytes) else [part]
            for one in reversed(found):
                if isinstance(one, Change):
                    return one
        return None

    def _items(self, kind: type, parts: list[Any], following: Iterator[Change | None], now_ms: int) -> list[Item]:
        """What parts of one kind mean. following: of each change, the next one in the stream."""
        if kind is bytes:
            return [item for raw in parts for item in self._on_our_screen(raw, now_ms)]
        if kind is tuple:
            return [batch(parts)]
        if kind is ClockCheck:
            self._clock_offset_ms = self._clock.offset_ms
            return []
        if kind is Change:
            return [item for part in parts for item in self._tracker.after(part, next(following), now_ms)]
        return parts

    def _on_our_screen(self, raw: bytes, now_ms: int) -> list[Item]:
        events = self._decode(raw, now_ms)
        return [events] if self._screens is None else [*self._screens.split(events, record.roots(raw))]

    def _first_unknown(self, changes: list[Change], now_ms: int, *, is_watched: bool) -> Change | None:
        """The first change since which the monitors have not been queried, if they still will be."""
        unknown = next((change for change in changes if not self._tracker.is_known(change, now_ms)), None)
        if unknown is None or not is_watched:
            self._held_since_ms = None
            return None
        if self._held_since_ms is None:
            self._held_since_ms = now_ms
        return unknown if now_ms - self._held_since_ms < _LONGEST_HOLD_MS else None


def _in_time(items: list[Item]) -> list[Item]:
    """The same with no change later than what comes after it: it is received a little after it happened."""
    next_ms: int | None = None
    for number in range(len(items) - 1, -1, -1):
        item = items[number]
        if isinstance(item, LayoutChange) and next_ms is not None and item.time_ms > next_ms:
            item = items[number] = LayoutChange(next_ms, item.layout)
        next_ms = item.time_ms if isinstance(item, Interruption) else int(item["time_ms"][0])
    return items


def merged(items: list[Item], changes: list[AppChange]) -> list[Item]:
    """The same items with changes of the windows among them. An event of the same ms was before the change."""
    if not changes:
        return items
    placed: list[Item] = []
    waiting = deque(changes)
    for item in items:
        if isinstance(item, Interruption):
            while waiting and waiting[0].time_ms < item.time_ms:
                placed.append(waiting.popleft())
            placed.append(item)
            continue
        rest = item
        while waiting and rest.size and waiting[0].time_ms < int(rest["time_ms"][-1]):
            later = rest["time_ms"] > waiting[0].time_ms
            at = int(later.argmax())
            placed += [rest[:at]] if at else []
            placed.append(waiting.popleft())
            rest = rest[at:]
        placed.append(rest)
    return [*placed, *waiting]
