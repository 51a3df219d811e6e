"""Compositors that report the pointer over the session bus: what KWin and GNOME Shell have in common.

Something of ours runs inside the compositor and calls a method of ours at most 20 times a second. The calls are
directed at our connection alone, so no other program on the bus sees a position, and a call that does not come
from the compositor's own connection is ignored.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import math
import select
import time
from abc import ABC, abstractmethod
from collections import deque
from typing import TYPE_CHECKING, Any, ClassVar

import jeepney
from jeepney import Endianness, Header, HeaderFields, MatchRule, MessageFlag, MessageType, new_method_call
from jeepney.auth import BEGIN, make_auth_external
from jeepney.bus_messages import DBusNameFlags, message_bus

from mousetrackd.capture.wayland import peer
from mousetrackd.capture.wayland.dbus_message import (
    ERROR,
    FIXED_BYTES,
    METHOD_CALL,
    METHOD_RETURN,
    NO_REPLY_EXPECTED,
    SIGNAL,
    Message,
    parse,
    size_bytes,
)
from mousetrackd.capture.wayland.outputs import LayoutReader
from mousetrackd.capture.wayland.reader_thread import CompositorSource, IdentifyingSource
from mousetrackd.core.errors import FaultError, SourceError
from mousetrackd.core.events import LayoutChange
from mousetrackd.core.wording import quoted, reason
from mousetrackd.system.deadline import Deadline
from mousetrackd.system.session_bus import bus_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mousetrackd.capture.wayland.windows import WindowReports

POINTER_PATH = "/org/mousetrackd/Pointer"
POINTER_INTERFACE = "org.mousetrackd.Pointer"
"""Where what runs inside the compositor calls us."""

THROTTLE_NOTE = "positions come 20 times a second: a rest may begin and end up to 50 ms late"

ANSWER_TIMEOUT_S = 3.0
_CALLS_IN_ONE_GO = 3
"""The first calls together may take as long as this many calls may take."""
_FAREWELL_TIMEOUT_S = 1.0
"""How long to wait for answers to the last calls, which do not matter much."""

_LONGEST_BYTES = 1 << 20
"""A longer message is none for us, and is not kept."""
_MOST_AT_ONCE = 500
"""After so many messages others have their turn: monitors, a pause, the end."""
_MOST_KEPT = 1 << 16
_MOST_AUTH_BYTES = 1024


class CallRefusedError(Exception):
    """A call was answered with an error. Its text names it."""


BUS_ERRORS = (CallRefusedError, OSError, RuntimeError, ValueError)
"""What a call can raise: it was refused, nobody answered in time, the bus is gone, or its address is nonsense."""


class Bus:
    """Our connection to the session bus. Raises one of ``BUS_ERRORS`` where there is none.

    answer_timeout_s: how long a call waits for its whole answer. most_kept: how many other messages may come while an
    answer is waited for; more is a flood.
    """

    def __init__(self, answer_timeout_s: float, *, most_kept: int = _MOST_KEPT) -> None:
        self._most_kept = most_kept
        self.answer_timeout_s = answer_timeout_s
        self._has_left = False
        self._serials = itertools.count(1)
        self._unread = bytearray()
        self._to_skip = 0
        self._came: deque[Message] = deque()
        self._watched = ""
        self._caller = ""
        self._signals: set[tuple[str, str]] = set()
        deadline = Deadline(answer_timeout_s)
        self._deadline: Deadline | None = deadline
        self._socket = peer.connect(bus_path(), deadline)
        try:
            self._authenticate(deadline)
            self.name = str(self.call(message_bus, "Hello"))
        except BaseException:
            self.close()
            raise
        self._deadline = Deadline(answer_timeout_s * _CALLS_IN_ONE_GO)

    def begun(self) -> None:
        """The first calls are made: from here on each has only its own deadline."""
        self._deadline = None

    @contextlib.contextmanager
    def within(self, timeout_s: float) -> Iterator[None]:
        """All calls of the block together have so long, and no longer than those around it."""
        before = self._deadline
        self._deadline = Deadline(timeout_s if before is None else min(timeout_s, before.left_s()))
        try:
            yield
        finally:
            self._deadline = before

    @property
    def has_more(self) -> bool:
        """Whether the last ``take`` left something, or a call since then has kept something for the next."""
        return self._has_left or bool(self._came)

    def fileno(self) -> int:
        """The socket, for a selector."""
        return self._socket.fileno()

    def call(self, address: Any, method: str, signature: str = "", *values: Any) -> Any:
        """Call a method; the first of the values it returns. What comes meanwhile is kept for ``take``."""
        left_s = math.inf if self._deadline is None else peer.left_s(self._deadline)
        deadline = Deadline(min(self.answer_timeout_s, left_s))
        message = new_method_call(address, method, signature or None, values)
        message.header.flags |= MessageFlag.no_auto_start
        serial = next(self._serials)
        peer.send(self._socket, message.serialise(serial), deadline)
        while True:
            answer = self._next(peer.left_s(deadline))
            if answer is None:
                continue
            if answer.reply_serial != serial or answer.kind not in (METHOD_RETURN, ERROR):
                self._keep(answer)
            elif answer.kind == ERROR:
                text = next((value for value in answer.body() if isinstance(value, str)), "")
                raise CallRefusedError(quoted(f"{answer.error_name} {text}"))
            else:
                return next(iter(answer.body()), None)

    def request_name(self, name: str) -> bool:
        """Be called ``name``, too, until this connection is closed. False while another program is."""
        return bool(self.call(message_bus, "RequestName", "su", name, DBusNameFlags.do_not_queue) == 1)

    def owner(self, name: str) -> str:
        """The connection that is called ``name``; empty when none is."""
        try:
            return str(self.call(message_bus, "GetNameOwner", "s", name))
        except CallRefusedError:
            return ""

    def watch(self, name: str) -> None:
        """Let ``take`` report from now on when another connection, or none, owns ``name``."""
        rule = MatchRule(type="signal", sender=message_bus.bus_name, member="NameOwnerChanged")
        rule.add_arg_condition(0, name)
        self._watched = name
        self.call(message_bus, "AddMatch", "s", rule.serialise())

    def accept_from(self, sender: str) -> None:
        """Let ``take`` return the calls of the connection ``sender``, and of no other."""
        self._caller = sender

    def subscribe(self, interface: str, member: str) -> None:
        """Let ``take`` return this signal, too, of the connection whose calls it returns."""
        self._signals.add((interface, member))
        rule = MatchRule(type="signal", sender=self._caller, interface=interface, member=member)
        self.call(message_bus, "AddMatch", "s", rule.serialise())

    def take(self, timeout_s: float = 0) -> list[tuple[str, tuple[Any, ...]]]:
        """What came, as (member, values). Waits up to ``timeout_s`` where nothing has come yet.

        In a flood it is the beginning, and ``has_more`` says so.
        """
        give_up_s = time.monotonic() + timeout_s
        for _ in range(_MOST_AT_ONCE):
            message = self._next(0 if self._came else max(give_up_s - time.monotonic(), 0))
            self._has_left = message is not None
            if message is None:
                break
            self._keep(message)
        taken = []
        while self._came:
            message = self._came.popleft()
            if message.kind == METHOD_CALL and not message.flags & NO_REPLY_EXPECTED:
                self._answer(message)  # or it would keep the call open for a while
            taken.append((message.member, message.body()))
        return taken

    def close(self) -> None:
        """Close the connection, and with it give up every name."""
        self._socket.close()

    def _authenticate(self, deadline: Deadline) -> None:
        """Say who we are, as the kernel can confirm (EXTERNAL)."""
        peer.send(self._socket, b"\0" + make_auth_external(), deadline)
        line = b""
        while not line.endswith(b"\r\n") and len(line) < _MOST_AUTH_BYTES:
            line += peer.receive(self._socket, 1, deadline)  # not a byte more: what follows are messages
        if not line.startswith(b"OK "):
            raise ValueError(f"it does not let us in: {quoted(line.strip(), 80)}")
        peer.send(self._socket, BEGIN, deadline)

    def _next(self, timeout_s: float) -> Message | None:
        """The next message; None where none is whole yet after one look at what comes within ``timeout_s``."""
        while True:
            if (data := self._whole()) is not None:
                return parse(data)
            poll = select.poll()
            poll.register(self._socket, select.POLLIN)
            if not poll.poll(timeout_s * 1000):
                return None
            self._socket.setblocking(False)
            came = self._socket.recv(1 << 16)
            if not came:
                raise ConnectionResetError(errno.ECONNRESET, "it hung up")
            self._unread += came
            timeout_s = 0  # the rest of a message may be long in coming

    def _whole(self) -> bytes | None:
        """The first message that is there whole. One that is too long for us is left out."""
        while True:
            skipped = min(self._to_skip, len(self._unread))
            del self._unread[:skipped]
            self._to_skip -= skipped
            if len(self._unread) < FIXED_BYTES:
                return None
            size = size_bytes(self._unread[:FIXED_BYTES])
            if size > _LONGEST_BYTES:
                self._to_skip = size
                continue
            if len(self._unread) < size:
                return None
            data = bytes(self._unread[:size])
            del self._unread[:size]
            return data

    def _keep(self, message: Message) -> None:
        """Keep it for ``take`` where it is of interest; drop all others."""
        if message.kind == SIGNAL:
            is_news = (message.sender, message.member) == (message_bus.bus_name, "NameOwnerChanged")
            is_signal = message.sender == self._caller and (message.interface, message.member) in self._signals
            is_wanted = is_signal or (is_news and message.body()[:1] == (self._watched,))
        else:
            is_ours = (message.path, message.interface) == (POINTER_PATH, POINTER_INTERFACE)
            is_wanted = message.kind == METHOD_CALL and is_ours and message.sender == self._caller != ""
        if not is_wanted:
            return
        if len(self._came) >= self._most_kept:
            raise ValueError("it sends more than can be counted")
        self._came.append(message)

    def _answer(self, message: Message) -> None:
        fields = {HeaderFields.reply_serial: message.serial, HeaderFields.destination: message.sender}
        flags = MessageFlag.no_reply_expected
        header = Header(Endianness.little, MessageType.method_return, flags, 1, 0, 0, fields)
        data = jeepney.Message(header, ()).serialise(next(self._serials))
        peer.send(self._socket, data, Deadline(self.answer_timeout_s))


def is_on_bus(name: str) -> bool:
    """Whether a program is called ``name`` on the session bus; False where there is no bus."""
    try:
        bus = Bus(ANSWER_TIMEOUT_S)
    except BUS_ERRORS:
        return False
    try:
        return bool(bus.owner(name))
    except BUS_ERRORS:
        return False
    finally:
        bus.close()


def make_source(
    connection: type[BusConnection], *, identifies_by: str, answer_timeout_s: float = ANSWER_TIMEOUT_S
) -> IdentifyingSource:
    """A source that has its events from such a connection, made when it starts."""
    name = f"{connection.compositor} (Wayland)"
    return IdentifyingSource(name, lambda source: connection(source, answer_timeout_s), lambda: identifies_by)


class BusConnection(ABC):
    """Calls of a compositor over the bus, and its monitors. See ``reader_thread.PointerConnection``.

    answer_timeout_s: see ``Bus``.
    """

    bus_name: ClassVar[str]
    """What the compositor is called on the bus."""
    compositor: ClassVar[str]
    """What people call it."""
    notes: tuple[str, ...]

    windows: WindowReports | None = None
    """What is reported about windows; None where nobody asked for that."""

    def __init__(self, source: CompositorSource, answer_timeout_s: float) -> None:
        self._source = source
        self._monitors = LayoutReader()
        try:
            self._bus = Bus(answer_timeout_s)
        except BUS_ERRORS as error:
            self._monitors.close()
            raise SourceError(
                f"cannot reach the session bus: {reason(error)}",
                "Start mousetrackd inside the session, or set DBUS_SESSION_BUS_ADDRESS.",
            ) from error
        self._either = select.epoll()
        try:
            self._either.register(self._monitors.fileno(), select.EPOLLIN)
            self._either.register(self._bus.fileno(), select.EPOLLIN)
            self._find_compositor()
            source.put(LayoutChange(source.now_ms(), self._monitors.layout()))
            self._begin(self._bus)
            self._bus.begun()
        except BUS_ERRORS as error:
            self._disconnect()
            raise SourceError(f"{self.compositor} does not answer: {reason(error)}", "Waiting for it.") from error
        except BaseException:
            self._disconnect()
            raise

    def _find_compositor(self) -> None:
        """Take the calls of the compositor from now on, and notice its end."""
        self._bus.watch(self.bus_name)
        peer = self._bus.owner(self.bus_name)
        if not peer:
            raise SourceError(f"{self.compositor} is not running on this session bus", "Waiting for it.")
        self._bus.accept_from(peer)

    @abstractmethod
    def _begin(self, bus: Bus) -> None:
        """Get the compositor to call us. Raises SourceError or one of ``BUS_ERRORS``."""

    @abstractmethod
    def _take(self, member: str, values: tuple[Any, ...]) -> None:
        """Take a call by the compositor. Raises SourceError when it was the last."""

    @abstractmethod
    def _end(self, bus: Bus) -> None:
        """Let it call us no more. Its earlier calls come before the answer. Raises one of ``BUS_ERRORS``."""

    def fileno(self) -> int:
        """Readable when the bus or the compositor's own socket is."""
        return self._either.fileno()

    def dispatch(self) -> float | None:
        """Put new positions, and changes of the monitors."""
        if self._monitors.dispatch():
            self._source.put(LayoutChange(self._source.now_ms(), self._monitors.layout()))
            if self.windows is not None:
                self.windows.place()
        try:
            came = self._bus.take()
        except OSError as error:
            raise SourceError(f"the session bus went away: {reason(error)}", "Waiting for it to return.") from error
        except ValueError as error:
            raise FaultError(f"the session bus cannot be understood: {reason(error)}", "It is tried again.") from error
        for member, values in came:
            if member == "NameOwnerChanged":  # what of ours ran inside it is gone with it
                raise SourceError(f"{self.compositor} went away", "Waiting for it to return.")
            self._take(member, values)
        again_s = self._follow()
        return 0 if self._bus.has_more or self._monitors.connection.has_more() else again_s

    def _follow_windows(self, awaiting: str) -> WindowReports:
        """Take reports about windows from now on. awaiting: why there are none, until the first comes."""
        from mousetrackd.capture.wayland.windows import WindowReports  # noqa: PLC0415 - who has it off pays nothing

        self.windows = WindowReports(self._source, self._monitors, awaiting)
        return self.windows

    def _window_notes(self) -> tuple[str, ...]:
        """Why windows are not identified, where they should be."""
        return (self.windows.problem,) if self.windows is not None and self.windows.problem else ()

    def _follow(self) -> float | None:
        """Do what is due by now. Returns after how many seconds more is, None for never."""
        return None

    def ask(self, answered: Callable[[], None]) -> None:
        """Ask the compositor for a sign of life, over its own socket."""
        self._monitors.connection.ask(answered)

    def close(self) -> None:
        """Take ours out of the compositor again, as far as it can be reached, and close every connection."""
        with contextlib.suppress(SourceError, *BUS_ERRORS), self._bus.within(_FAREWELL_TIMEOUT_S):
            self._end(self._bus)
            self.dispatch()
        self._disconnect()

    def _pixel(self, x: object, y: object) -> tuple[int, int] | None:
        """The desktop pixel of a position as the compositor sends it; None for what is no position."""
        try:
            return self._monitors.to_desktop(*peer.position(x, y))
        except ValueError:
            return None

    def _disconnect(self) -> None:
        self._either.close()
        self._bus.close()
        self._monitors.close()
