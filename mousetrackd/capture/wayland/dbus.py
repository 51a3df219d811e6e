"""A connection to the session bus, for calls to a compositor and calls by it.

Calls are directed at our connection alone, so no other program on the bus sees a position. A call that does not come
from the compositor's own connection is ignored.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import math
import select
import time
from collections import deque
from typing import TYPE_CHECKING, Any

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
from mousetrackd.core.wording import quoted
from mousetrackd.system.deadline import Deadline
from mousetrackd.system.session_bus import bus_path

if TYPE_CHECKING:
    from collections.abc import Iterator

POINTER_PATH = "/org/mousetrackd/Pointer"
POINTER_INTERFACE = "org.mousetrackd.Pointer"
"""Where what runs inside the compositor calls us."""

ANSWER_TIMEOUT_S = 3.0
_CALLS_IN_ONE_GO = 3
"""The first calls together may take as long as this many calls may take."""

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
