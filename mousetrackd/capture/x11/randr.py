"""How the monitors stood at each moment, from looks at them and from what the server tells of changes.

A look is a question and an answer, and two changes that come close together leave no time for one in between. There
the events that told of them are asked, which say all but what `xrandr --setmonitor`, `--scale` and `--panning` do.
Pure: numbers in, layouts out.
"""

from __future__ import annotations

import struct
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mousetrackd.core.events import LayoutChange
from mousetrackd.core.layout import Layout, ReportedMonitor, admit
from mousetrackd.core.monitors import Monitor

if TYPE_CHECKING:
    from collections.abc import Mapping

CONFIGURE_NOTIFY = 22
_CRTC_CHANGE, _OUTPUT_CHANGE = 0, 1

_LOST_MS = 1000
"""A full socket may cost a change its place in the stream, as it costs events. So long after a look nobody waits for
it any more."""
_REMEMBERED_MS = 60_000
"""How long looks are remembered: long enough for the stream to catch up, too short for sequence numbers to wrap."""

# Where the numbers stand in each event's 32 bytes (X11 protocol, appendix B; RandR protocol 1.5, section 10).
_SIZE = struct.Struct("=20x 2H")
_CRTC = struct.Struct("=12x 2I H 2x 2h 2H")  # CRTC, mode, rotation, x, y, width, height
_OUTPUT = struct.Struct("=16x 2I")  # output, CRTC

_ON_ITS_SIDE = 2 | 8
"""Turned by 90 or 270 degrees: the event's width and height are those of the screen before it was turned."""


@dataclass(frozen=True)
class Change:
    """The server told of a change. event: the 32 bytes, a ConfigureNotify of the root window or a RandR notify."""

    event: bytes

    @property
    def sequence(self) -> int:
        """Of the last request of ours that the server had seen, in 16 bits that wrap."""
        return int.from_bytes(self.event[2:4], sys.byteorder)

    def is_before(self, sequence: int) -> bool:
        """Whether the answer with this number came later. They are no 32,768 requests apart."""
        return 0 < (sequence - self.sequence) & 0xFFFF < 0x8000


@dataclass(frozen=True)
class Output:
    """A connector, and what hangs on it. crtc: what drives it, 0 where nothing does."""

    crtc: int
    name: str
    edid_hash: str = ""
    width_mm: int = 0
    height_mm: int = 0


@dataclass(frozen=True)
class Rect:
    """What a CRTC shows of the desktop, in px."""

    left: int
    top: int
    width_px: int
    height_px: int


@dataclass(frozen=True)
class Stand:
    """How the monitors stand, in RandR's terms. crtcs: of those that are on, in the server's order."""

    width_px: int
    height_px: int
    crtcs: Mapping[int, Rect]
    outputs: Mapping[int, Output]

    def after(self, event: bytes) -> Stand:
        """How they stand after a change that the server told of in these 32 bytes."""
        if event[0] == CONFIGURE_NOTIFY:
            width_px, height_px = _SIZE.unpack_from(event)
            return replace(self, width_px=width_px, height_px=height_px)
        if event[1] == _CRTC_CHANGE:
            crtc, mode, rotation, left, top, width_px, height_px = _CRTC.unpack_from(event)
            if rotation & _ON_ITS_SIDE:
                width_px, height_px = height_px, width_px
            others = {number: rect for number, rect in self.crtcs.items() if number != crtc}
            here = {crtc: Rect(left, top, width_px, height_px)} if mode else {}
            return replace(self, crtcs=dict(sorted({**others, **here}.items())))
        if event[1] == _OUTPUT_CHANGE:
            output, crtc = _OUTPUT.unpack_from(event)
            known = self.outputs.get(output)
            if known is not None:
                return replace(self, outputs={**self.outputs, output: replace(known, crtc=crtc)})
        return self

    def layout(self) -> Layout:
        """The monitors that the server makes of this: one for each CRTC that is on, called as its first output."""
        told: list[ReportedMonitor] = []
        for crtc, rect in self.crtcs.items():
            output = next((one for one in self.outputs.values() if one.crtc == crtc), None)
            if output is not None:
                size_px, size_mm = (rect.width_px, rect.height_px), (output.width_mm, output.height_mm)
                told.append(ReportedMonitor(output.name, *size_px, output.edid_hash, rect.left, rect.top, *size_mm))
        layout, _ = admit(told or [ReportedMonitor("screen", self.width_px, self.height_px, "", 0, 0)])
        return layout


@dataclass(frozen=True)
class Look:
    """How the monitors stood when the server gave the answer ``sequence``.

    time_ms: when the change that led to it was heard. stand: None where RandR's terms do not say all of it.
    """

    sequence: int
    time_ms: int
    layout: Layout
    stand: Stand | None

    def is_after(self, change: Change, now_ms: int) -> bool:
        """Whether it was taken after ``change``. Of a minute ago it never is: sequence numbers wrap."""
        return now_ms - self.time_ms < _REMEMBERED_MS and change.is_before(self.sequence)


class Monitors:
    """Which layout holds after each change of a stream, told in order. Not thread-safe."""

    def __init__(self) -> None:
        self._looks: list[Look] = []
        self._layout = Layout()
        self._stand: Stand | None = None

    def begin(self, look: Look, time_ms: int) -> LayoutChange:
        """The first look, which holds from ``time_ms`` on."""
        self.look(look)
        self._layout, self._stand = look.layout, look.stand
        return LayoutChange(time_ms, look.layout)

    def look(self, look: Look) -> None:
        """Note a look. Those of a minute ago are forgotten."""
        self._looks = [one for one in self._looks if look.time_ms - one.time_ms < _REMEMBERED_MS]
        self._looks.append(look)

    def is_known(self, change: Change, now_ms: int) -> bool:
        """Whether anybody has looked since."""
        return self._look_after(change, now_ms) is not None

    def after(self, change: Change, following: Change | None, now_ms: int) -> list[LayoutChange]:
        """What became different with ``change``, nothing or one; ``following`` is the next in the stream."""
        look = self._look_after(change, now_ms)
        stand = None if self._stand is None else self._stand.after(change.event)
        if look is not None and (following is None or not following.is_before(look.sequence)):
            return self._becomes(look.layout, look.stand or stand, look.time_ms)
        if stand is not None:
            # Between two modes a CRTC is off, and for that moment the screen as a whole would be a monitor.
            layout = stand.layout() if stand.crtcs else self._layout
            return self._becomes(layout, stand, now_ms if look is None else look.time_ms)
        return [] if look is None else self._becomes(look.layout, None, look.time_ms)

    def newest(self, now_ms: int) -> list[LayoutChange]:
        """What the last look tells that no change in the stream did, long after it: that one was lost on its way."""
        look = self._looks[-1] if self._looks else None
        if look is None or now_ms - look.time_ms <= _LOST_MS:
            return []
        return self._becomes(look.layout, look.stand, look.time_ms)

    def _look_after(self, change: Change, now_ms: int) -> Look | None:
        return next((look for look in self._looks if look.is_after(change, now_ms)), None)

    def _becomes(self, layout: Layout, stand: Stand | None, time_ms: int) -> list[LayoutChange]:
        # Not the millimetres: an event does not tell them, so that the next look would be news.
        is_new = (_places(layout), layout.left_out) != (_places(self._layout), self._layout.left_out)
        self._layout, self._stand = layout, stand
        return [LayoutChange(time_ms, layout)] if is_new else []


def _places(layout: Layout) -> list[tuple[Monitor, int, int]]:
    return [(one.monitor, one.desktop_x, one.desktop_y) for one in layout.placements]
