"""The layout at each moment, from queries of the monitors and from the server's events about changes.

A query takes a request and a reply, and two changes that come close together leave no time for one in between. There
the events themselves are applied, which hold all but what `xrandr --setmonitor`, `--scale` and `--panning` do.
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
"""A full socket may cost a change its place in the stream, as it costs events. So long after a query nobody waits for
it any more."""
_REMEMBERED_MS = 60_000
"""How long queries are remembered: long enough for the stream to catch up, too short for sequence numbers to wrap."""

# Where the numbers are in each event's 32 bytes (X11 protocol, appendix B; RandR protocol 1.5, section 10).
_SIZE = struct.Struct("=20x 2H")
_CRTC = struct.Struct("=12x 2I H 2x 2h 2H")  # CRTC, mode, rotation, x, y, width, height
_OUTPUT = struct.Struct("=16x 2I")  # output, CRTC

_ON_ITS_SIDE = 2 | 8
"""Turned by 90 or 270 degrees: the event's width and height are those of the screen before it was turned."""


@dataclass(frozen=True)
class Change:
    """The server reported a change. event: the 32 bytes, a ConfigureNotify of the root window or a RandR notify."""

    event: bytes

    @property
    def sequence(self) -> int:
        """Of the last request of ours that the server had seen, in 16 bits that wrap."""
        return int.from_bytes(self.event[2:4], sys.byteorder)

    def is_before(self, sequence: int) -> bool:
        """Whether the reply with this number came later. They are no 32,768 requests apart."""
        return 0 < (sequence - self.sequence) & 0xFFFF < 0x8000


@dataclass(frozen=True)
class Output:
    """A connector, and the monitor on it. crtc: what drives it, 0 where nothing does."""

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
class RandrState:
    """The monitors in RandR's terms. crtcs: of those that are on, in the server's order."""

    width_px: int
    height_px: int
    crtcs: Mapping[int, Rect]
    outputs: Mapping[int, Output]

    def after(self, event: bytes) -> RandrState:
        """The state after a change that the server reported in these 32 bytes."""
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
        reported: list[ReportedMonitor] = []
        for crtc, rect in self.crtcs.items():
            output = next((one for one in self.outputs.values() if one.crtc == crtc), None)
            if output is not None:
                size_px, size_mm = (rect.width_px, rect.height_px), (output.width_mm, output.height_mm)
                reported.append(ReportedMonitor(output.name, *size_px, output.edid_hash, rect.left, rect.top, *size_mm))
        layout, _ = admit(reported or [ReportedMonitor("screen", self.width_px, self.height_px, "", 0, 0)])
        return layout


@dataclass(frozen=True)
class QueriedLayout:
    """The monitors as the server's reply number ``sequence`` describes them.

    time_ms: when the change that led to the query was received. state: None where RandR's terms do not hold all of it.
    """

    sequence: int
    time_ms: int
    layout: Layout
    state: RandrState | None

    def is_after(self, change: Change, now_ms: int) -> bool:
        """Whether the query was answered after ``change``. Of a minute ago it never is: sequence numbers wrap."""
        return now_ms - self.time_ms < _REMEMBERED_MS and change.is_before(self.sequence)


class LayoutTracker:
    """Which layout holds after each change of a stream, given in order. Not thread-safe."""

    def __init__(self) -> None:
        self._queries: list[QueriedLayout] = []
        self._layout = Layout()
        self._state: RandrState | None = None

    def begin(self, query: QueriedLayout, time_ms: int) -> LayoutChange:
        """The first query, which holds from ``time_ms`` on."""
        self.add(query)
        self._layout, self._state = query.layout, query.state
        return LayoutChange(time_ms, query.layout)

    def add(self, query: QueriedLayout) -> None:
        """Note a query. Those of a minute ago are forgotten."""
        self._queries = [one for one in self._queries if query.time_ms - one.time_ms < _REMEMBERED_MS]
        self._queries.append(query)

    def is_known(self, change: Change, now_ms: int) -> bool:
        """Whether the monitors have been queried since."""
        return self._query_after(change, now_ms) is not None

    def after(self, change: Change, following: Change | None, now_ms: int) -> list[LayoutChange]:
        """What became different with ``change``, nothing or one; ``following`` is the next in the stream."""
        query = self._query_after(change, now_ms)
        state = None if self._state is None else self._state.after(change.event)
        if query is not None and (following is None or not following.is_before(query.sequence)):
            return self._become(query.layout, query.state or state, query.time_ms)
        if state is not None:
            # Between two modes a CRTC is off, and for that moment the screen as a whole would be a monitor.
            layout = state.layout() if state.crtcs else self._layout
            return self._become(layout, state, now_ms if query is None else query.time_ms)
        return [] if query is None else self._become(query.layout, None, query.time_ms)

    def newest(self, now_ms: int) -> list[LayoutChange]:
        """What the last query holds and no change in the stream does, long after it: that change was lost."""
        query = self._queries[-1] if self._queries else None
        if query is None or now_ms - query.time_ms <= _LOST_MS:
            return []
        return self._become(query.layout, query.state, query.time_ms)

    def _query_after(self, change: Change, now_ms: int) -> QueriedLayout | None:
        return next((query for query in self._queries if query.is_after(change, now_ms)), None)

    def _become(self, layout: Layout, state: RandrState | None, time_ms: int) -> list[LayoutChange]:
        # Not the millimetres: an event does not hold them, so that the next query would be a change.
        is_new = (_places(layout), layout.left_out) != (_places(self._layout), self._layout.left_out)
        self._layout, self._state = layout, state
        return [LayoutChange(time_ms, layout)] if is_new else []


def _places(layout: Layout) -> list[tuple[Monitor, int, int]]:
    return [(one.monitor, one.desktop_x, one.desktop_y) for one in layout.placements]
