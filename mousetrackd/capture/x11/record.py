"""What the bytes of a RECORD connection say: the pointer's events, and between them that the monitors changed.

They are a run of 32-byte elements, reply headers and X events alike. Pure: bytes in, arrays out.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from mousetrackd.capture.x11.randr import Change
from mousetrackd.core.events import EVENT, Events, Gap, Interruption, Item, Kind, Pointers

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

ELEMENT = np.dtype(
    [
        ("type", "u1"),
        ("detail", "u1"),
        ("sequence", "<u2"),
        ("time_ms", "<u4"),
        ("windows", "<u4", 3),
        ("x", "<i2"),
        ("y", "<i2"),
        ("rest", "V8"),
    ]
)
"""A core device event, and a RECORD reply's header, which is as long (X11 protocol, encoding of events)."""

_ELEMENT_BYTES = ELEMENT.itemsize
_BUTTON_PRESS, _MOTION = 4, 6
_END_OF_DATA = bytes([1, 5])  # a reply, and its category
_DEVICE_EVENTS = range(2, 7)  # from KeyPress to MotionNotify
_SENT_BY_CLIENT = 0x80

BUTTON_KINDS = np.full(256, Kind.OTHER, np.uint8)
"""From X11 button numbers to kinds; 4 to 7 are the wheel's four directions."""
BUTTON_KINDS[1:8] = [Kind.LEFT, Kind.MIDDLE, Kind.RIGHT, *[Kind.SCROLL] * 4]


class Splitter:
    """Finds changes of the monitors. types: of the events that report one."""

    def __init__(self, types: Iterable[int]) -> None:
        never = b"(?!)"
        self._types = re.compile(b"|".join(re.escape(bytes([number])) for number in types) or never)

    def split(self, raw: bytes) -> list[bytes | Change]:
        """``raw``, whole elements, in order, with each change as itself."""
        types = raw[:: ELEMENT.itemsize]
        if not self._types.search(types):  # as nearly always, and a flood leaves no time
            return [raw] if raw else []
        parts: list[bytes | Change] = []
        done = 0
        for found in self._types.finditer(types):
            at, before = found.start() * ELEMENT.itemsize, done
            done = at + ELEMENT.itemsize
            parts += [raw[before:at], Change(raw[at:done])]
        return [part for part in [*parts, raw[done:]] if part]


class Screens:
    """Which events are on our X screen of a display that has several: each is a desktop of its own.

    others: the root windows of the other screens. is_here: whether the pointer is on ours at first.
    """

    def __init__(self, others: Iterable[int], *, is_here: bool) -> None:
        self._others = np.array(sorted(others), np.uint32)
        self.is_here = is_here

    def shows(self, root: int) -> bool:
        """Whether our screen shows the next event, whose root window this is; 0 where the server does not report it."""
        if root:
            self.is_here = root not in self._others
        return self.is_here

    def split(self, events: Events, roots: NDArray[np.uint32]) -> list[Events | Gap]:
        """The events on our screen; a Gap replaces those on another.

        roots: (N,) of the events, 0 where the server does not report it: there the screen is that of the event before.
        """
        if not events.size:
            return []
        known = np.maximum.accumulate(np.where(roots != 0, np.arange(roots.size), -1))
        here = np.where(known < 0, self.is_here, ~np.isin(roots[known], self._others))
        self.is_here = bool(here[-1])
        parts = np.split(np.arange(here.size), np.flatnonzero(np.diff(here)) + 1)
        return [events[part] if here[part[0]] else Gap(int(events["time_ms"][part[0]]), "screen") for part in parts]


def last_stamp_ms(raw: bytes) -> int | None:
    """The server's time stamp of the last of these elements; None where that is no event of a device."""
    last = raw[-_ELEMENT_BYTES:]
    is_event = bool(last) and last[0] & ~_SENT_BY_CLIENT in _DEVICE_EVENTS
    return int.from_bytes(last[4:8], "little") if is_event else None


def is_end(raw: bytes) -> bool:
    """Whether nothing comes after these elements: another client has disabled the context (RECORD, EndOfData)."""
    return raw[-_ELEMENT_BYTES : 2 - _ELEMENT_BYTES] == _END_OF_DATA


def roots(raw: bytes) -> NDArray[np.uint32]:
    """The root windows of the events that ``decode`` finds."""
    return np.ascontiguousarray(_pointers(raw)["windows"][:, 0])


def _pointers(raw: bytes) -> NDArray[Any]:
    words = np.frombuffer(raw, "<u4").reshape(
        -1, ELEMENT.itemsize // 4
    )  # rows of numbers are copied faster than fields
    kind = words[:, 0] & (0xFF & ~_SENT_BY_CLIENT)
    pointers: NDArray[Any] = words[(kind == _BUTTON_PRESS) | (kind == _MOTION)].view(ELEMENT).reshape(-1)
    return pointers


def decode(raw: bytes, now_ms: int, server_now_ms: int) -> Events:
    """The events among ``raw``: reply headers, releases and the like drop out.

    now_ms and server_now_ms are the same moment by our clock and the server's.
    """
    elements = _pointers(raw)
    events = np.zeros(elements.size, EVENT)
    if elements.size:
        pressed = (elements["type"] & ~np.uint8(_SENT_BY_CLIENT)) == _BUTTON_PRESS
        events["kind"] = np.where(pressed, BUTTON_KINDS[elements["detail"]], np.uint8(Kind.MOVE))
        events["x"], events["y"] = elements["x"], elements["y"]
        # The server counts milliseconds in 32 bits, which wrap every 49.7 days: how long ago, then, in wrapping
        # arithmetic.
        ago_ms = (np.uint32(server_now_ms & 0xFFFFFFFF) - elements["time_ms"]).astype(np.int32)
        events["time_ms"] = now_ms - np.maximum(ago_ms.astype(np.int64), 0)  # of before the clock was set back
    return events


def pointers_in_time(items: list[Item]) -> list[Item]:
    """The same with each ``Pointers`` before the events that came after it: it is read later than they are."""
    ordered: list[Item] = []
    for item in items:
        ordered.append(item)
        if not isinstance(item, Pointers):
            continue
        at = len(ordered) - 1
        while at and not isinstance(before := ordered[at - 1], Interruption):
            first = int((before["time_ms"] < item.time_ms).sum())
            if first == before.size:
                break
            ordered[at - 1 : at + 1] = [before[:first], item, before[first:]] if first else [item, before]
            at = 0 if first else at - 1
    return ordered
