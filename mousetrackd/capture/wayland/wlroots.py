"""Compositors with cursor sessions (ext-image-copy-capture-v1): sway, labwc and others on wlroots, COSMIC, niri.

The protocol is made for capturing the cursor's picture. We only use its position: no frame is ever requested, no
memory shared, no prompt shown. The compositor sends each output's own pixels, at most once a frame, and nothing
while nothing moves.

It reports the cursor that the graphics hardware draws. Where the compositor paints the cursor itself (forced by
WLR_NO_HARDWARE_CURSORS, or for a while by a recording of the screen), or hides it, it reports that the cursor has
left and then nothing. A seat that is used while the cursor is on no output is therefore a Gap, and not a pointer at
rest.
"""

from __future__ import annotations

import os
import select
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mousetrackd.capture.wayland.connection import answers
from mousetrackd.capture.wayland.outputs import LayoutReader
from mousetrackd.capture.wayland.reader_thread import CompositorSource, IdentifyingSource, identifies_by_focus
from mousetrackd.capture.wayland.seat import Seat
from mousetrackd.core.errors import SourceError
from mousetrackd.core.events import Gap, LayoutChange

if TYPE_CHECKING:
    from collections.abc import Callable

    from mousetrackd.capture.wayland.connection import Connection
    from mousetrackd.capture.wayland.windows import FollowsWindows

IDENTIFIES_BY = "sway: places of windows and app_id or WM_CLASS; menus count where they lie, panels as other"

UNSEEN_AFTER_S = 3.0
"""The cursor may be on no output for so long while the seat is used: it changes monitors, or a menu takes it."""

NO_CLICKS = "clicks and scroll are not seen: the compositor reports only where the pointer is"
UNSEEN = (
    "the pointer is not seen just now: it is hidden, or the compositor paints it itself (a screen recording, "
    "WLR_NO_HARDWARE_CURSORS); such time is not counted"
)


def interfaces() -> tuple[Any, ...]:
    """What a compositor must offer: a source per output, and cursor sessions of it."""
    from pywayland.protocol.ext_image_capture_source_v1 import ExtOutputImageCaptureSourceManagerV1  # noqa: PLC0415
    from pywayland.protocol.ext_image_copy_capture_v1 import ExtImageCopyCaptureManagerV1  # noqa: PLC0415

    return ExtOutputImageCaptureSourceManagerV1, ExtImageCopyCaptureManagerV1


def sway_socket() -> str:
    """Where the sway of this session listens; empty where there is none.

    A service may lack SWAYSOCK, or have that of a sway that has crashed: the only one there is will be meant then.
    """
    named = os.environ.get("SWAYSOCK", "")
    if named and answers(Path(named)):
        return named
    folder = Path(os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}")
    found = [path for path in folder.glob(f"sway-ipc.{os.getuid()}.*.sock") if answers(path)]
    return str(found[0]) if len(found) == 1 else ""


def make_source(display_name: str | None = None, *, unseen_after_s: float = UNSEEN_AFTER_S) -> IdentifyingSource:
    """The pointer of a compositor with cursor sessions. display_name: as in WAYLAND_DISPLAY, which None takes."""
    name = "cursor sessions (Wayland)"
    connect = partial(CursorSessions, display_name=display_name, unseen_after_s=unseen_after_s)
    if path := sway_socket():
        return IdentifyingSource(name, partial(connect, sway_path=path), lambda: IDENTIFIES_BY)
    return IdentifyingSource(name, connect, partial(identifies_by_focus, display_name))


class CursorSessions:
    """A cursor session on each output. See ``reader_thread.PointerConnection``."""

    def __init__(
        self, source: CompositorSource, display_name: str | None, unseen_after_s: float, *, sway_path: str = ""
    ) -> None:
        self._source = source
        self._unseen_after_ms = round(unseen_after_s * 1000)
        self._sessions: dict[int, _Session] = {}
        self._nowhere_since_ms: int | None = None
        self._unseen = False
        self._is_open = False
        self._windows: FollowsWindows | None = None
        self._monitors = LayoutReader(display_name)
        self._either = select.epoll()
        self._either.register(self._monitors.fileno(), select.EPOLLIN)
        try:
            connection = self._monitors.connection
            self._managers = _bind_managers(connection)
            self._seat = Seat(connection)
            connection.sync()  # now it is known whether there is a mouse
            source.put(LayoutChange(source.now_ms(), self._monitors.layout()))
            self._follow()
            connection.sync()  # not counted: nobody has moved it yet
            if source.wants_windows:
                self._follow_windows(sway_path)
            self._is_open = True
        except BaseException:
            self.close()
            raise

    @property
    def notes(self) -> tuple[str, ...]:
        """That there are no clicks; and while the pointer is not seen, or no window, that."""
        windows = () if self._windows is None else self._windows.notes
        return (NO_CLICKS, UNSEEN, *windows) if self._unseen else (NO_CLICKS, *windows)

    def fileno(self) -> int:
        """Readable when the compositor's socket is, or sway's with its windows."""
        return self._either.fileno()

    def dispatch(self) -> float | None:
        """Put new positions, changes of the monitors, and a Gap for a pointer that is not seen."""
        if self._monitors.dispatch():
            now_ms = self._source.now_ms()
            self._source.put(LayoutChange(now_ms, self._monitors.layout()))
            if self._windows is not None:
                self._windows.place()
            if self._nowhere_since_ms is not None:
                self._nowhere_since_ms = now_ms
        self._follow()
        due_s = [self._watch(), None if self._windows is None else self._windows.follow()]
        return (
            0 if self._monitors.connection.has_more() else min((one for one in due_s if one is not None), default=None)
        )

    def ask(self, answered: Callable[[], None]) -> None:
        """Ask the compositor for a sign of life."""
        self._monitors.connection.ask(answered)

    def close(self) -> None:
        """Disconnect; the compositor ends the sessions."""
        if self._windows is not None:
            self._windows.close()
        self._either.close()
        self._monitors.close()

    def _follow_windows(self, sway_path: str) -> None:
        if sway_path:
            from mousetrackd.capture.wayland.sway import SwayWindows  # noqa: PLC0415 - who has it off pays nothing

            self._windows = SwayWindows(self._source, self._monitors, sway_path)
        else:
            from mousetrackd.capture.wayland.foreign_toplevel import FocusedWindow  # noqa: PLC0415 - likewise

            self._windows = FocusedWindow(self._source, self._monitors.connection)
        if self._windows.fileno() >= 0:
            self._either.register(self._windows.fileno(), select.EPOLLIN)

    def _follow(self) -> None:
        """A session for each output that is there, for as long as the seat has a pointer."""
        connection = self._monitors.connection
        pointer = self._seat.follow()
        # Not before the output's rectangle is known: its first position may come in the same message.
        known = {number for number, head in self._monitors.heads.items() if head.output is not None}
        wanted = known if pointer is not None else set()
        for number in self._sessions.keys() - wanted:
            self._sessions.pop(number).close()
        for number in wanted - self._sessions.keys():
            sources, captures = self._managers
            image = sources.create_source(self._monitors.heads[number].proxy)
            session = connection.failures.watch(captures.create_pointer_cursor_session(image, pointer))
            image.destroy()
            self._sessions[number] = _Session(session, partial(self._take, number))
        connection.flush()

    def _take(self, output: int, x: int, y: int) -> None:
        """Put a position, unless it is outside of this output: the picture of a cursor beside it reaches over."""
        pixel = self._monitors.pixel_to_desktop(output, x, y)
        if pixel is not None and self._is_open:
            if self._windows is not None:
                self._windows.refresh()
            self._source.put_move(*pixel)

    def _watch(self) -> float | None:
        """Put a Gap for a cursor that is on no output while the seat is used. Returns when to look again, or None."""
        now_ms = self._source.now_ms()
        if not self._sessions or any(session.inside for session in self._sessions.values()):
            self._nowhere_since_ms, self._unseen = None, False
            return None
        if self._nowhere_since_ms is None:
            self._nowhere_since_ms = now_ms
        if self._unseen or self._seat.is_idle:
            return None
        due_ms = max(self._nowhere_since_ms, self._seat.used_since_ms) + self._unseen_after_ms
        if now_ms < due_ms:
            return (due_ms - now_ms) / 1000
        self._unseen = True
        self._source.put(Gap(self._nowhere_since_ms, UNSEEN))
        return None


def _bind_managers(connection: Connection) -> list[Any]:
    managers = [connection.bind(interface, version=1) for interface in interfaces()]
    if None in managers:
        raise SourceError(
            f"{connection.compositor} has no cursor sessions (ext-image-copy-capture-v1)",
            "They came with sway 1.11 and labwc 0.9.",
        )
    return managers


class _Session:
    """The cursor on one output. ``inside`` while the cursor, or a part of its picture, is on it."""

    def __init__(self, proxy: Any, take: Callable[[int, int], None]) -> None:
        self._proxy = proxy
        self.inside = False
        proxy.dispatcher["enter"] = self._on_enter
        proxy.dispatcher["leave"] = self._on_leave
        proxy.dispatcher["position"] = lambda _proxy, x, y: take(x, y)

    def close(self) -> None:
        self._proxy.destroy()

    def _on_enter(self, _proxy: object) -> None:
        self.inside = True

    def _on_leave(self, _proxy: object) -> None:
        self.inside = False
