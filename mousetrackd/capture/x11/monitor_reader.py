"""The connection that asks the X server: which monitors there are, and whether it still answers."""

from __future__ import annotations

import contextlib
import os
import select
from typing import TYPE_CHECKING, Any

import Xlib.display
import Xlib.error
from Xlib import X, Xatom
from Xlib.ext import randr

from mousetrackd.capture import edid
from mousetrackd.capture.x11.randr import Change, Output, QueriedLayout, RandrState, Rect
from mousetrackd.core.layout import Layout, ReportedMonitor, admit

if TYPE_CHECKING:
    from collections.abc import Callable

    from mousetrackd.capture.x11.masters import MasterPointers
    from mousetrackd.capture.x11.server_clock import ServerClock


class ServerPing:
    """A request that only a living server answers: it reports each change of a property of a window of ours.

    now_ms: our clock. clock: the server's; each answer measures it, by the server's stamp.

    Any thread may ask for a ping. It is sent by the one thread that reads the connection, once ``fileno`` is readable:
    python-xlib has come to a standstill where one thread sent while another waited for an answer.
    """

    def __init__(self, display: Xlib.display.Display, now_ms: Callable[[], int], clock: ServerClock) -> None:
        self._display = display
        self._now_ms = now_ms
        self._clock = clock
        self._is_waiting = False
        self._asked_ms = 0
        self._window = display.screen().root.create_window(
            0, 0, 1, 1, 0, X.CopyFromParent, X.InputOnly, event_mask=X.PropertyChangeMask
        )
        self._wake_read, self._wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def request(self) -> None:
        """Have a ping sent; does not wait. From any thread."""
        self._asked_ms = self._now_ms()
        self._is_waiting = True
        os.write(self._wake_write, b".")

    def fileno(self) -> int:
        """What is readable when a ping is to be sent."""
        return self._wake_read

    def send(self) -> None:
        """Send the ping, if one was requested. Raises one of ``XLIB_ERRORS``."""
        with contextlib.suppress(BlockingIOError):
            os.read(self._wake_read, 64)
            self._window.change_property(Xatom.WM_NAME, Xatom.STRING, 8, b"mousetrackd")
            self._display.flush()

    def receive(self, event: Any) -> bool:
        """True when ``event``, which the thread that reads the connection got, is an answer."""
        is_answer = bool(event.type == X.PropertyNotify and event.window == self._window)
        if is_answer:
            self._clock.measure(self._asked_ms, self._now_ms(), int(event.time))
            self._is_waiting = False
        return is_answer

    @property
    def is_answered(self) -> bool:
        """False from ``request`` until the answer was received."""
        return not self._is_waiting

    def close(self) -> None:
        """Close the wake pipe; nothing may be requested any more."""
        os.close(self._wake_read)
        os.close(self._wake_write)


class MonitorReader:
    """Queries the monitors of one display, and reports when they change."""

    def __init__(self, display: Xlib.display.Display, ping: ServerPing, masters: MasterPointers) -> None:
        self._display = display
        self._ping = ping
        self._masters = masters
        self._last_event: Any = None
        self._root = display.screen().root
        self._has_monitors = False
        if display.has_extension("RANDR"):
            version = display.xrandr_query_version()
            self._has_monitors = (version.major_version, version.minor_version) >= (1, 5)
        extension = display.query_extension(randr.extname) if self._has_monitors else None
        self._types = (X.ConfigureNotify, *((extension.first_event + randr.RRNotify,) if extension is not None else ()))
        self._edid_atom = display.intern_atom("EDID")

    def record_changes(self, recorder: Xlib.display.Display, context: int) -> tuple[int, ...]:
        """Have RECORD repeat to its ``context`` the events about changes that we are sent, among the pointer's events.

        So its stream has each press before or after a change, which no time stamp would show (those of RandR are those
        of whoever asked for the change). Returns the event types to look for. Call it before ``select_changes``.
        """
        nothing = {
            **dict.fromkeys(("core_requests", "core_replies", "device_events", "errors"), (0, 0)),
            **dict.fromkeys(("ext_requests", "ext_replies"), (0, 0, 0, 0)),
            **dict.fromkeys(("client_started", "client_died"), False),
        }
        ranges = [{**nothing, "delivered_events": (number, number)} for number in self._types]
        recorder.record_register_clients(context, 0, [self._display.display.info.resource_id_base], ranges)
        return self._types

    def select_changes(self) -> None:
        """Have the server report changes of monitors and pointers; ``wait`` then returns at each monitors' change."""
        # A monitor made by hand (xrandr --setmonitor) is announced by no RandR event at all, only by a
        # ConfigureNotify of the root window.
        self._root.change_attributes(event_mask=X.StructureNotifyMask)
        if self._has_monitors:
            self._root.xrandr_select_input(randr.RRCrtcChangeNotifyMask | randr.RROutputChangeNotifyMask)
        self._masters.select()
        self._display.sync()

    def wait(self) -> Change:
        """Block until something has changed, and serve the ping meanwhile. Returns the last of the changes.

        Raises one of ``XLIB_ERRORS`` when the display is gone.
        """
        ready = select.poll()
        ready.register(self._display, select.POLLIN)
        ready.register(self._ping, select.POLLIN)
        while not self._has_changed():
            ready.poll()
            self._ping.send()
        last, self._last_event = self._last_event, None
        return Change(bytes(last._binary)[:32])  # noqa: SLF001 - python-xlib's

    def _has_changed(self) -> bool:
        """Whether the server has reported a change that ``wait`` has not returned."""
        while self._display.pending_events():
            event = self._display.next_event()
            if not self._ping.receive(event) and not self._masters.receive(event) and event.type in self._types:
                self._last_event = event
        return self._last_event is not None

    def query(self, time_ms: int) -> QueriedLayout | None:
        """The monitors as they are; None where they changed meanwhile, which ``wait`` then returns at once.

        Without RandR 1.5, or with none switched on, they are the screen as a whole.
        """
        try:
            queried = self._query(time_ms)
        except Xlib.error.XError:
            if self._has_changed():  # what was asked about is gone
                return None
            raise
        return (
            None if self._has_changed() else queried
        )  # some answers may be of before the change, and some of after it

    def _query(self, time_ms: int) -> QueriedLayout:
        answer: Any = self._root.xrandr_get_monitors(is_active=True) if self._has_monitors else None
        size: Any = self._root.get_geometry()  # not screen().width_in_pixels: that stays what it was at first
        reported: list[ReportedMonitor] = []
        seen: set[str] = set()
        for info in answer.monitors if answer else ():
            if info.width_in_pixels < 1 or info.height_in_pixels < 1:
                continue
            output = str(self._display.get_atom_name(info.name))
            edid_hash = self._edid_hash(info.crtcs)  # python-xlib calls them crtcs; they are outputs
            if edid_hash in seen:  # two screens of one make without serial numbers: the connector distinguishes them
                edid_hash = edid.short_hash(f"{edid_hash} {output}".encode())
            if edid_hash:
                seen.add(edid_hash)
            size_px, size_mm = (
                (info.width_in_pixels, info.height_in_pixels),
                (info.width_in_millimeters, info.height_in_millimeters),
            )
            reported.append(ReportedMonitor(output, *size_px, edid_hash, info.x, info.y, *size_mm))
        layout, _ = admit(reported or [ReportedMonitor("screen", size.width, size.height, "", 0, 0)])
        state = self._randr_state(size.width, size.height, layout) if answer else None
        return QueriedLayout(int((answer or size).sequence_number), time_ms, layout, state)

    def _randr_state(self, width_px: int, height_px: int, layout: Layout) -> RandrState | None:
        """The same in RandR's terms; None where these do not hold all of it: monitors made by hand, or scaled."""
        placed = {one.monitor.output: one for one in layout.placements}
        resources: Any = self._root.xrandr_get_screen_resources_current()
        outputs: dict[int, Output] = {}
        for number in resources.outputs:
            info: Any = self._display.xrandr_get_output_info(number, X.CurrentTime)
            one = placed.get(str(info.name))
            outputs[number] = (
                Output(info.crtc, one.monitor.output, one.monitor.edid_hash, one.width_mm, one.height_mm)
                if one is not None
                else Output(info.crtc, str(info.name), self._edid_hash([number]), info.mm_width, info.mm_height)
            )
        sizes = {mode.id: (mode.width, mode.height) for mode in resources.modes}
        crtcs: dict[int, Rect] = {}
        for number in resources.crtcs:
            rect: Any = self._display.xrandr_get_crtc_info(number, X.CurrentTime)
            if rect.mode:
                if sorted((rect.width, rect.height)) != sorted(sizes.get(rect.mode, ())):
                    return None  # scaled: no event says by how much
                crtcs[number] = Rect(rect.x, rect.y, rect.width, rect.height)
        state = RandrState(width_px, height_px, crtcs, outputs)
        return state if state.layout() == layout else None

    def _edid_hash(self, outputs: list[int]) -> str:
        for output in outputs:
            reply: Any = self._display.xrandr_get_output_property(
                output, self._edid_atom, X.AnyPropertyType, 0, edid.BASE_BYTES // 4
            )
            if reply.value:
                return edid.short_hash(bytes(reply.value))
        return ""


def measure_clock(display: Xlib.display.Display, ping: ServerPing) -> None:
    """Ping, and wait for the answer, before any other thread reads the connection."""
    ping.request()
    ping.send()
    while not ping.receive(display.next_event()):
        pass
