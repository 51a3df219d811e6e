"""What the X server knows besides the pointer: its monitors, its clock, and whether it shows everything."""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import socket
import sys
import termios
from typing import TYPE_CHECKING, Any

import Xlib.display
import Xlib.error
import Xlib.protocol.display
import Xlib.protocol.event
from Xlib import X, Xatom
from Xlib.ext import randr, record
from Xlib.support import connect

from mousetrackd.capture import edid
from mousetrackd.capture.x11 import xauthority
from mousetrackd.capture.x11.patience import connecting_within, hung_up_after
from mousetrackd.capture.x11.randr import Change, Look, Output, Rect, Stand
from mousetrackd.capture.x11.server_clock import ServerClock
from mousetrackd.core.errors import BlindError, SourceError
from mousetrackd.core.layout import Layout, ReportedMonitor, admit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mousetrackd.capture.x11.masters import MasterPointers

XLIB_ERRORS = (Xlib.error.XError, Xlib.error.ConnectionClosedError, Xlib.error.DisplayError, OSError)
"""What a call to a display can raise when the server is not there, goes away, or says no."""


ANSWER_TIMEOUT_S = 3.0
"""Who has not answered by then does not answer. A grab by a window manager or a screenshot is shorter."""


def open_display(timeout_s: float = ANSWER_TIMEOUT_S) -> Xlib.display.Display:
    """Connect to $DISPLAY. Raises SourceError saying why not, and what to do.

    timeout_s: how long it may take to be let in.
    """
    name = os.environ.get("DISPLAY", "")
    if not name:
        raise SourceError(
            "there is no display: DISPLAY is not set",
            "Start mousetrackd inside a graphical session; under systemd: "
            "systemctl --user import-environment DISPLAY XAUTHORITY",
        )
    # python-xlib keeps for all servers at once what number each event has, though the next may number them otherwise.
    Xlib.protocol.display.Display.event_classes = {**Xlib.protocol.event.event_class}
    with (
        our_cookies() as offered,
        connecting_within(timeout_s),
        hung_up_after(timeout_s, lambda: [connection for connection, _ in offered]) as patience,
    ):
        try:
            display = Xlib.display.Display(name)
            display.display.socket.settimeout(None)
        except (*XLIB_ERRORS, AssertionError, ValueError, IndexError, OverflowError, TypeError) as error:
            # python-xlib itself trips (AssertionError, IndexError) over a server that dies during the greeting.
            for connection, _ in offered:  # which python-xlib leaves open
                connection.close()
            if patience.is_over or any(isinstance(one, TimeoutError | BlockingIOError) for one in _chain(error)):
                raise no_answer() from error
            raise _refused(name, error, [found for _, found in offered]) from error
    return display


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """An error, and what it came from: python-xlib tries TCP where the socket takes nobody, and reports that."""
    while error is not None:
        yield error
        error = error.__context__


def no_answer() -> SourceError:
    """The SourceError for a server that takes connections, and no more."""
    return SourceError(
        f'the X server "{os.environ.get("DISPLAY", "")}" does not answer',
        "It hangs, or another program holds it for itself. It is tried again.",
    )


@contextlib.contextmanager
def answering(display: Xlib.display.Display, timeout_s: float) -> Iterator[None]:
    """Have the block's questions answered within ``timeout_s`` together. Raises SourceError where they are not."""
    with hung_up_after(timeout_s, lambda: [display.display.socket]) as patience:
        try:
            yield
        except (SourceError, *XLIB_ERRORS) as error:
            if patience.is_over and not isinstance(error, BlindError):
                raise no_answer() from error
            raise


_NOT_THERE = "Is it running, and may you use it? Under systemd: systemctl --user import-environment DISPLAY XAUTHORITY"


_NO_ENTRY = ("uthorization", "COOKIE", "No protocol specified")
"""Of these each reason holds one that an X server gives for refusing a cookie or the lack of one."""


def _refused(name: str, error: Exception, found: list[xauthority.Found]) -> SourceError:
    """The SourceError for a connection that could not be made; found: the cookie, where it came as far as that."""
    reason = error.msg if isinstance(error, Xlib.error.DisplayConnectionError) else str(error)
    text = reason.decode("ascii", "replace") if isinstance(reason, bytes) else str(reason)
    why = " ".join(text.split()) or type(error).__name__
    if not found or not any(word in why for word in _NO_ENTRY):
        return SourceError(f'cannot open display "{name}": {why}', _NOT_THERE)
    cookie = found[-1]
    if not cookie.why:
        return SourceError(
            f'cannot open display "{name}": it refuses the cookie in {cookie.file}: {why}',
            "The cookie is of another session. Log in again, or set XAUTHORITY to this session's file.",
        )
    return SourceError(
        f'cannot open display "{name}": {cookie.why}, and the display asks for a cookie',
        "Set XAUTHORITY to the file of this session (echo $XAUTHORITY in a terminal there); under systemd: "
        "systemctl --user import-environment DISPLAY XAUTHORITY",
    )


@contextlib.contextmanager
def our_cookies() -> Iterator[list[tuple[socket.socket, xauthority.Found]]]:
    """Meanwhile python-xlib takes its cookies from ``xauthority``. Yields each connection, with what was found for it.

    pynput opens connections of its own, with no way to pass a cookie. The one function of python-xlib that reads the
    authority file is replaced for that time, rather than $XAUTHORITY, which children would inherit.
    """
    offered: list[tuple[socket.socket, xauthority.Found]] = []

    def get_auth(
        connection: socket.socket, _name: str, _protocol: str | None, _host: str, number: int
    ) -> tuple[bytes, bytes]:
        found = xauthority.find(connection, number)
        offered.append((connection, found))
        return (xauthority.COOKIE, found.cookie) if found.cookie else (b"", b"")

    before = connect.get_auth
    connect.get_auth = get_auth  # type: ignore[assignment]  # its stub names types that it does not export
    try:
        yield offered
    finally:
        connect.get_auth = before


def hang_up(display: Xlib.display.Display | None) -> None:
    """End a connection, whatever state it is in: a thread that reads from it gets what came, then the end."""
    if display is not None:
        with contextlib.suppress(OSError):
            display.display.socket.shutdown(socket.SHUT_RDWR)


def close_display(display: Xlib.display.Display | None) -> None:
    """Hang up and close. No other thread may be reading: the number of a closed file is soon another's."""
    if display is not None:
        # python-xlib's close() asks the server first, which a dead one does not answer.
        hang_up(display)
        display.display.socket.close()


def unread_bytes(display: Xlib.display.Display) -> int:
    """How many bytes have arrived on a connection that nobody has read yet."""
    count = fcntl.ioctl(display.display.socket, termios.FIONREAD, b"\0\0\0\0")
    return int.from_bytes(count, sys.byteorder)


def refuse_xwayland(display: Xlib.display.Display) -> None:
    """Raise BlindError where this X server is only a guest of a Wayland compositor.

    There a listener hears nothing while the pointer is over anything but X11 windows. The extension tells
    from Xwayland 23 on; older ones are known by the names of their outputs.
    """
    root = display.screen().root
    outputs = root.xrandr_get_screen_resources_current().outputs if display.has_extension("RANDR") else ()
    names = [str(display.xrandr_get_output_info(output, X.CurrentTime).name) for output in outputs]
    # Not has_extension: it knows only extensions that python-xlib has code for.
    if display.query_extension("XWAYLAND") is not None or any(name.startswith("XWAYLAND") for name in names):
        raise BlindError(
            f"this is a Wayland session: the X server {display.get_display_name()} sees only part of the screen",
            "Nothing is recorded, because the picture would be wrong. Log in to an X11 (Xorg) session instead.",
        )


def require_record(display: Xlib.display.Display) -> None:
    """Raise BlindError where this connection is not shown what other programs' pointer does, or the server cannot."""
    if display.query_extension(record.extname) is not None:
        return
    name = display.get_display_name()
    if set(display.list_extensions()) <= _SHOWN_TO_THE_UNTRUSTED:
        raise BlindError(
            f"the X server {name} does not trust this connection (an ssh -X login, for example), "
            "and hides the pointer from it",
            "Nothing is recorded. Connect with ssh -Y, or start mousetrackd in a session of its own at that screen.",
        )
    raise BlindError(
        f"the X server {name} does not offer the RECORD extension, with which the pointer is followed",
        "Nothing is recorded. Switch it on in the X server: it is off with -tst, -extension RECORD or -extension "
        "XTEST, or in the Extensions section of xorg.conf. Then log in again.",
    )


_SHOWN_TO_THE_UNTRUSTED = {"BIG-REQUESTS", "XC-MISC"}
"""All that the SECURITY extension leaves to an untrusted connection (Xext/security.c)."""


class Bell:
    """A question that only a living server answers: it tells of each change of a property of a window of ours.

    now_ms: our clock. clock: the server's, measured by each answer, which the server stamps.

    Anyone may ring. The question itself is sent by the one thread that reads the connection, once ``fileno`` is
    readable: python-xlib has come to a standstill where one thread sent while another waited for an answer.
    """

    def __init__(self, display: Xlib.display.Display, now_ms: Callable[[], int]) -> None:
        self._display = display
        self._now_ms = now_ms
        self.clock = ServerClock()
        self._rung = False
        self._rung_ms = 0
        self._window = display.screen().root.create_window(
            0, 0, 1, 1, 0, X.CopyFromParent, X.InputOnly, event_mask=X.PropertyChangeMask
        )
        self._rope, self._hand = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def ring(self) -> None:
        """Ask; does not wait. From any thread."""
        self._rung_ms = self._now_ms()
        self._rung = True
        os.write(self._hand, b".")

    def fileno(self) -> int:
        """What is readable when somebody has rung."""
        return self._rope

    def ask(self) -> None:
        """Send the question, if somebody has rung. Raises one of ``XLIB_ERRORS``."""
        with contextlib.suppress(BlockingIOError):
            os.read(self._rope, 64)
            self._window.change_property(Xatom.WM_NAME, Xatom.STRING, 8, b"mousetrackd")
            self._display.flush()

    def hear(self, event: Any) -> bool:
        """True when ``event``, which the thread that reads the connection got, is an answer."""
        is_answer = bool(event.type == X.PropertyNotify and event.window == self._window)
        if is_answer:
            self.clock.measure(self._rung_ms, self._now_ms(), int(event.time))
            self._rung = False
        return is_answer

    @property
    def is_answered(self) -> bool:
        """False from ``ring`` until the answer was heard."""
        return not self._rung

    def close(self) -> None:
        """Take the bell down; nobody may ring any more."""
        os.close(self._rope)
        os.close(self._hand)


class MonitorReader:
    """Reads the monitors of one display and tells when they change."""

    def __init__(self, display: Xlib.display.Display, bell: Bell, masters: MasterPointers) -> None:
        self._display = display
        self._bell = bell
        self._masters = masters
        self._told: Any = None
        self._root = display.screen().root
        self._has_monitors = False
        if display.has_extension("RANDR"):
            version = display.xrandr_query_version()
            self._has_monitors = (version.major_version, version.minor_version) >= (1, 5)
        extension = display.query_extension(randr.extname) if self._has_monitors else None
        self._types = (X.ConfigureNotify, *((extension.first_event + randr.RRNotify,) if extension is not None else ()))
        self._edid_atom = display.intern_atom("EDID")

    def record_changes(self, recorder: Xlib.display.Display, context: int) -> tuple[int, ...]:
        """Have RECORD repeat to its ``context`` what the server tells us of changes, among the pointer's events.

        So its stream says which press came before a change and which after; no time stamp does (those of RandR are
        those of whoever asked for the change). Returns the event types to look for. Before ``select_changes``.
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
        """Ask the server to tell when monitors change, and pointers; ``wait`` then returns at each monitors' change."""
        # A monitor made by hand (xrandr --setmonitor) is announced by no RandR event at all, only by a
        # ConfigureNotify of the root window.
        self._root.change_attributes(event_mask=X.StructureNotifyMask)
        if self._has_monitors:
            self._root.xrandr_select_input(randr.RRCrtcChangeNotifyMask | randr.RROutputChangeNotifyMask)
        self._masters.select()
        self._display.sync()

    def wait(self) -> Change:
        """Block until something has changed, asking and hearing for the bell; the last word of it.

        Raises one of ``XLIB_ERRORS`` when it is all over.
        """
        news = select.poll()
        news.register(self._display, select.POLLIN)
        news.register(self._bell, select.POLLIN)
        while not self._has_changed():
            news.poll()
            self._bell.ask()
        last, self._told = self._told, None
        return Change(bytes(last._binary)[:32])  # noqa: SLF001 - python-xlib's

    def _has_changed(self) -> bool:
        """Whether the server has told of a change that ``wait`` has not returned."""
        while self._display.pending_events():
            event = self._display.next_event()
            if not self._bell.hear(event) and not self._masters.hear(event) and event.type in self._types:
                self._told = event
        return self._told is not None

    def look(self, time_ms: int) -> Look | None:
        """The monitors as they stand; None where they changed meanwhile, which ``wait`` then returns at once.

        Without RandR 1.5, or with none switched on, they are the screen as a whole.
        """
        try:
            look = self._look(time_ms)
        except Xlib.error.XError:
            if self._has_changed():  # what was asked about is gone
                return None
            raise
        return None if self._has_changed() else look  # some answers may be of before the change, and some of after it

    def _look(self, time_ms: int) -> Look:
        answer: Any = self._root.xrandr_get_monitors(is_active=True) if self._has_monitors else None
        size: Any = self._root.get_geometry()  # not screen().width_in_pixels: that stays what it was at first
        told: list[ReportedMonitor] = []
        seen: set[str] = set()
        for info in answer.monitors if answer else ():
            if info.width_in_pixels < 1 or info.height_in_pixels < 1:
                continue
            output = str(self._display.get_atom_name(info.name))
            edid_hash = self._edid_hash(info.crtcs)  # python-xlib calls them crtcs; they are outputs
            if edid_hash in seen:  # two screens of one make without serial numbers: the connector tells
                edid_hash = edid.short_hash(f"{edid_hash} {output}".encode())
            if edid_hash:
                seen.add(edid_hash)
            size_px, size_mm = (
                (info.width_in_pixels, info.height_in_pixels),
                (info.width_in_millimeters, info.height_in_millimeters),
            )
            told.append(ReportedMonitor(output, *size_px, edid_hash, info.x, info.y, *size_mm))
        layout, _ = admit(told or [ReportedMonitor("screen", size.width, size.height, "", 0, 0)])
        stand = self._stand(size.width, size.height, layout) if answer else None
        return Look(int((answer or size).sequence_number), time_ms, layout, stand)

    def _stand(self, width_px: int, height_px: int, layout: Layout) -> Stand | None:
        """The same in RandR's terms; None where these do not say all of it: monitors made by hand, or scaled."""
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
        stand = Stand(width_px, height_px, crtcs, outputs)
        return stand if stand.layout() == layout else None

    def _edid_hash(self, outputs: list[int]) -> str:
        for output in outputs:
            reply: Any = self._display.xrandr_get_output_property(
                output, self._edid_atom, X.AnyPropertyType, 0, edid.BASE_BYTES // 4
            )
            if reply.value:
                return edid.short_hash(bytes(reply.value))
        return ""


def other_roots(display: Xlib.display.Display) -> frozenset[int]:
    """The root windows of the display's other X screens, each a desktop of its own; a display has one as a rule."""
    ours = display.get_default_screen()
    return frozenset(display.screen(number).root.id for number in range(display.screen_count()) if number != ours)


def shows_pointer(display: Xlib.display.Display) -> bool:
    """Whether the pointer is on our screen of the display just now."""
    return bool(display.screen().root.query_pointer().same_screen)


def measure_clock(display: Xlib.display.Display, bell: Bell) -> None:
    """Ring, and wait for the answer, before any other thread reads the connection."""
    bell.ring()
    bell.ask()
    while not bell.hear(display.next_event()):
        pass
