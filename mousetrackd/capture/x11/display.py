"""Connections to the X server: how they are opened and closed, and whether one may see everything."""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import sys
import termios
from typing import TYPE_CHECKING, TypeAlias

import Xlib.display
import Xlib.error
import Xlib.protocol.display
import Xlib.protocol.event
from Xlib import X
from Xlib.ext import record
from Xlib.support import connect

from mousetrackd.capture.x11 import pointer_only, xauthority
from mousetrackd.capture.x11.patience import connecting_within, hung_up_after
from mousetrackd.core.errors import BlindError, SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Opened: TypeAlias = tuple[socket.socket, xauthority.Found]
"""A connection, and the cookie that was offered."""

XLIB_ERRORS = (Xlib.error.XError, Xlib.error.ConnectionClosedError, Xlib.error.DisplayError, OSError)
"""What a call to a display can raise when the server is not there, goes away, or says no."""


ANSWER_TIMEOUT_S = 3.0
"""Who has not answered by then does not answer. A grab by a window manager or a screenshot is shorter."""


def open_display(timeout_s: float = ANSWER_TIMEOUT_S, *, extensions: Sequence[str] = ()) -> Xlib.display.Display:
    """Connect to $DISPLAY. Raises SourceError saying why not, and what to do.

    timeout_s: how long it may take to be let in. extensions: as in ``our_connections``.
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
        our_connections(extensions) as offered,
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
def answering(display: Xlib.display.Display, timeout_s: float, opened: Sequence[Opened] = ()) -> Iterator[None]:
    """Have the block's questions answered within ``timeout_s`` together. Raises SourceError where they are not.

    opened: by ``our_connections``, at which questions are asked as well.
    """
    with hung_up_after(timeout_s, lambda: [display.display.socket, *(one for one, _ in opened)]) as patience:
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
def our_connections(extensions: Sequence[str] = ()) -> Iterator[list[Opened]]:
    """Meanwhile connections are as in ``pointer_only``, and their cookies are those of ``xauthority``.

    extensions: of the server, by their names, which are needed besides ``pointer_only.EXTENSIONS``.
    Yields the socket of each, with what was found for it. pynput opens connections of its own, with no way to pass a
    cookie. The one function of python-xlib that reads the authority file is replaced for that time, rather than
    $XAUTHORITY, which children would inherit.
    """
    offered: list[Opened] = []

    def get_auth(
        connection: socket.socket, _name: str, _protocol: str | None, _host: str, number: int
    ) -> tuple[bytes, bytes]:
        found = xauthority.find(connection, number)
        offered.append((connection, found))
        return (xauthority.COOKIE, found.cookie) if found.cookie else (b"", b"")

    before = connect.get_auth
    connect.get_auth = get_auth  # type: ignore[assignment]  # its stub names types that it does not export
    try:
        with pointer_only.connections(extensions):
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

    There a listener gets no events while the pointer is over anything but X11 windows. Xwayland 23 and later has the
    extension; older ones are recognised by the names of their outputs.
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


def other_roots(display: Xlib.display.Display) -> frozenset[int]:
    """The root windows of the display's other X screens, each a desktop of its own; a display has one as a rule."""
    ours = display.get_default_screen()
    return frozenset(display.screen(number).root.id for number in range(display.screen_count()) if number != ours)


def shows_pointer(display: Xlib.display.Display) -> bool:
    """Whether the pointer is on our screen of the display just now."""
    return bool(display.screen().root.query_pointer().same_screen)
