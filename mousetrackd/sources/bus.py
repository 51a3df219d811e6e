"""Compositors that tell us over the session bus where the pointer is: what KWin and GNOME Shell have in common.

Something of ours runs inside the compositor and calls a method of ours at most 20 times a second. The calls are
directed at our connection alone, so no other program on the bus sees a position, and a call that does not come
from the compositor's own connection is not heard.
"""

from __future__ import annotations

import contextlib
import select
from abc import ABC, abstractmethod
from collections import deque
from typing import TYPE_CHECKING, Any, ClassVar

from jeepney import (
    DBusErrorResponse,
    HeaderFields,
    MatchRule,
    MessageFlag,
    MessageType,
    new_method_call,
    new_method_return,
)
from jeepney.bus_messages import DBusNameFlags, message_bus
from jeepney.io.blocking import open_dbus_connection
from jeepney.wrappers import unwrap_msg

from mousetrackd.errors import SourceError
from mousetrackd.events import LayoutChange
from mousetrackd.sources.session_bus import bus_address
from mousetrackd.sources.wayland import LayoutReader

if TYPE_CHECKING:
    from collections.abc import Callable

    from mousetrackd.sources.listening import ListeningSource

POINTER_PATH = "/org/mousetrackd/Pointer"
POINTER_INTERFACE = "org.mousetrackd.Pointer"
"""Where what runs inside the compositor calls us."""

THROTTLE_NOTE = "positions come 20 times a second: a rest may begin and end up to 50 ms late"

BUS_ERRORS = (DBusErrorResponse, OSError, RuntimeError, ValueError)
"""What a call can raise: it was refused, nobody answered in time, the bus is gone, or its address is nonsense."""

ANSWER_TIMEOUT_S = 3.0
_FAREWELL_TIMEOUT_S = 1.0
"""How long to wait for an answer to the last call, which does not matter much."""

_FARTHEST_PX = 1 << 20
"""No desktop reaches so far from its origin; a position beyond is none."""


class Bus:
    """Our connection to the session bus. Raises one of ``BUS_ERRORS`` where there is none.

    answer_timeout_s: who has not answered a call by then does not answer.
    """

    def __init__(self, answer_timeout_s: float) -> None:
        self.answer_timeout_s = answer_timeout_s
        self._connection: Any = open_dbus_connection(bus_address())
        self._came: deque[Any] = deque()
        self.name = str(self._connection.unique_name)

    def fileno(self) -> int:
        """The socket, for a selector."""
        return int(self._connection.sock.fileno())

    def call(self, address: Any, method: str, signature: str = "", *values: Any) -> Any:
        """Call a method; the first of the values it returns. What comes meanwhile is kept for ``take``."""
        message = new_method_call(address, method, signature or None, values)
        message.header.flags |= MessageFlag.no_auto_start
        reply = self._connection.send_and_get_reply(message, timeout=self.answer_timeout_s)
        return next(iter(unwrap_msg(reply)), None)

    def request_name(self, name: str) -> bool:
        """Be called ``name``, too, until this connection is closed. False while another program is."""
        return bool(self.call(message_bus, "RequestName", "su", name, DBusNameFlags.do_not_queue) == 1)

    def owner(self, name: str) -> str:
        """The connection that is called ``name``; empty when none is."""
        try:
            return str(self.call(message_bus, "GetNameOwner", "s", name))
        except DBusErrorResponse:
            return ""

    def watch(self, name: str) -> None:
        """Let ``take`` tell from now on when another connection, or none, is called ``name``."""
        rule = MatchRule(type="signal", sender=message_bus.bus_name, member="NameOwnerChanged")
        rule.add_arg_condition(0, name)
        self._connection.filter(rule, queue=self._came)
        self.call(message_bus, "AddMatch", "s", rule.serialise())

    def hear(self, sender: str) -> None:
        """Let ``take`` give calls to us by the connection ``sender``. Nobody else's are taken."""
        rule = MatchRule(type="method_call", sender=sender, path=POINTER_PATH, interface=POINTER_INTERFACE)
        self._connection.filter(rule, queue=self._came)

    def take(self, timeout_s: float = 0) -> list[tuple[str, tuple[Any, ...]]]:
        """What came, as (member, values). Waits up to ``timeout_s`` where nothing has come yet."""
        with contextlib.suppress(TimeoutError):
            while True:
                self._connection.recv_messages(timeout=0 if self._came else timeout_s)
        taken = []
        while self._came:
            message = self._came.popleft()
            header = message.header
            if header.message_type == MessageType.method_call and not header.flags & MessageFlag.no_reply_expected:
                self._connection.send(new_method_return(message))  # or it would keep the call open for a while
            taken.append((str(header.fields[HeaderFields.member]), tuple(message.body)))
        return taken

    def close(self) -> None:
        """Close the connection, and with it give up every name."""
        self._connection.close()


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


class BusEar(ABC):
    """What a compositor tells us over the bus, and how its monitors stand. See ``listening.Ear``.

    answer_timeout_s: a compositor that has not answered by then does not answer.
    """

    bus_name: ClassVar[str]
    """What the compositor is called on the bus."""
    compositor: ClassVar[str]
    """What people call it."""
    notes: tuple[str, ...]

    def __init__(self, source: ListeningSource, answer_timeout_s: float) -> None:
        self._source = source
        self._monitors = LayoutReader()
        try:
            self._bus = Bus(answer_timeout_s)
        except BUS_ERRORS as error:
            self._monitors.close()
            raise SourceError(
                f"cannot reach the session bus: {error}",
                "Start mousetrackd inside the session, or set DBUS_SESSION_BUS_ADDRESS.",
            ) from error
        self._either = select.epoll()
        self._either.register(self._monitors.fileno(), select.EPOLLIN)
        self._either.register(self._bus.fileno(), select.EPOLLIN)
        try:
            self._find_compositor()
            source.say(LayoutChange(source.now_ms(), self._monitors.layout()))
            self._begin(self._bus)
        except SourceError:
            self._hang_up()
            raise
        except BUS_ERRORS as error:
            self._hang_up()
            raise SourceError(f"{self.compositor} does not answer: {error}", "Waiting for it.") from error

    def _find_compositor(self) -> None:
        """Hear the compositor from now on, and its end."""
        self._bus.watch(self.bus_name)
        peer = self._bus.owner(self.bus_name)
        if not peer:
            raise SourceError(f"{self.compositor} is not running on this session bus", "Waiting for it.")
        self._bus.hear(peer)

    @abstractmethod
    def _begin(self, bus: Bus) -> None:
        """Get the compositor to tell us. Raises SourceError or one of ``BUS_ERRORS``."""

    @abstractmethod
    def _take(self, member: str, values: tuple[Any, ...]) -> None:
        """Take a call by the compositor. Raises SourceError when it was the last."""

    @abstractmethod
    def _end(self, bus: Bus) -> None:
        """Let it tell us no more. What it had told before comes before the answer. Raises one of ``BUS_ERRORS``."""

    def fileno(self) -> int:
        """Readable when the bus or the compositor's own socket is."""
        return self._either.fileno()

    def hear(self) -> None:
        """Tell the source of new positions and of monitors that stand differently."""
        if self._monitors.dispatch():
            self._source.say(LayoutChange(self._source.now_ms(), self._monitors.layout()))
        try:
            came = self._bus.take()
        except OSError as error:
            raise SourceError(f"the session bus went away: {error}", "Waiting for it to return.") from error
        for member, values in came:
            if member == "NameOwnerChanged":  # what of ours ran inside it is gone with it
                raise SourceError(f"{self.compositor} went away", "Waiting for it to return.")
            self._take(member, values)

    def ask(self, answered: Callable[[], None]) -> None:
        """Ask the compositor for a sign of life, over its own socket."""
        self._monitors.connection.ask(answered)

    def close(self) -> None:
        """Take ours out of the compositor again, as far as it can be reached, and close every connection."""
        self._bus.answer_timeout_s = min(self._bus.answer_timeout_s, _FAREWELL_TIMEOUT_S)
        with contextlib.suppress(SourceError, *BUS_ERRORS):
            self._end(self._bus)
            self.hear()
        self._hang_up()

    def _pixel(self, x: object, y: object) -> tuple[int, int] | None:
        """The desktop pixel of a position as the compositor tells it; None for what is no position."""
        if not (isinstance(x, int | float) and isinstance(y, int | float)):
            return None
        if not (abs(x) < _FARTHEST_PX and abs(y) < _FARTHEST_PX):  # NaN is not, either
            return None
        return self._monitors.to_desktop(x, y)

    def _hang_up(self) -> None:
        self._either.close()
        self._bus.close()
        self._monitors.close()
