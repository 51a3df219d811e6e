"""What a Wayland compositor tells everyone: how its monitors stand. One reader for all native sources.

Words: *logical* coordinates are the compositor's own plane, in which a screen of 3840 pixels at scale 2 is 1920
wide. Ours are device pixels, so that a screen's counts stay the same whatever scale it is used at.

It leans on pywayland, which carries libwayland's own client inside its wheels (x86_64, Python 3.11 to 3.14,
glibc 2.34 or newer; Debian 12 has 2.36). Measured in a process that had numpy: 24 to 53 ms to import, 2.5 MB
of memory, no thread. Two of its ways are not used: ``roundtrip`` and ``dispatch(block=True)`` wait for ever
for a compositor that hangs. There are no wheels for other machines than x86_64; it is left out there, the
sources say so, and everything else works.
"""

from __future__ import annotations

import math
import os
import select
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mousetrackd.capture import edid
from mousetrackd.capture.wayland import peer
from mousetrackd.capture.wayland.events import Failures
from mousetrackd.core.errors import FaultError, SourceError
from mousetrackd.core.layout import Layout, ReportedMonitor, admit
from mousetrackd.core.monitors import MONITORS_MAX, Placement, clean_name, size_problem
from mousetrackd.core.wording import quoted, reason
from mousetrackd.system.deadline import Deadline

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Collection, Iterable

    from pywayland.protocol_core.interface import Interface
    from pywayland.protocol_core.proxy import Proxy

ANSWER_TIMEOUT_S = 5.0
"""A compositor that has not answered by then hangs."""

_SIDEWAYS = 1
"""wl_output.transform's lowest bit: turned by 90 or 270 degrees, mirrored or not."""

_CURRENT_MODE = 1
"""wl_output.mode's flag of the mode in use."""

_OUTPUT_VERSION, _OUTPUT_RELEASE_SINCE = 4, 3
"""The newest wl_output we understand, and the first that can be told that nobody looks at it any more."""

_SEAT_VERSION = 3
"""The first wl_seat whose pointer can be given back; every compositor of the last ten years has it."""
_POINTER_CAPABILITY = 1

_INPUT_IDLE_SINCE = 2
"""The first ext_idle_notifier_v1 that can be asked about the input devices alone."""

_IDLE_AFTER_MS = 1000

_LONGEST_DISPATCH_S = 0.1
"""In a flood so much is read before others have their turn: a pause, the end."""

_GLOBALS_MAX = 4096
_HEADS_MAX = 64
"""Compositors offer some 60 globals, and no more screens than can be plugged in."""

_SCALE_MAX = 64
"""No screen has more pixels to a logical unit in either direction."""

_NO_IDENTITY = {"", "unknown", "(null)"}
"""What compositors say of a screen that does not tell its make or model."""


def display_path(name: str | None = None) -> Path:
    """The socket of a compositor, as every Wayland program finds it. Raises SourceError where there is none.

    name: as in WAYLAND_DISPLAY, which is taken when it is None. A service may lack that variable: the only
    compositor that answers in the runtime folder is meant then.
    """
    name = os.environ.get("WAYLAND_DISPLAY", "") if name is None else name
    folder = Path(os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}")
    if name:
        return folder / name
    found = [path for path in sorted(folder.glob("wayland-*")) if path.is_socket() and answers(path)]
    if len(found) == 1:
        return found[0]
    several = f": which one of {', '.join(path.name for path in found)}?" if found else ""
    raise SourceError(
        f"there is no Wayland display: WAYLAND_DISPLAY is not set{several}",
        "Start mousetrackd inside a graphical session; under systemd: "
        "systemctl --user import-environment WAYLAND_DISPLAY",
    )


def answers(path: Path) -> bool:
    """Whether a program of ours listens there; a killed compositor leaves its sockets behind."""
    try:
        peer.connect(path, Deadline(ANSWER_TIMEOUT_S)).close()
    except OSError:
        return False
    return True


class Connection:
    """A connection to a compositor, and what the compositor offers. For one thread. Every failure is a SourceError.

    ``globals`` is kept current by ``dispatch``: number to (interface, version).
    """

    def __init__(self, name: str | None = None) -> None:
        try:
            from pywayland.client.display import Display  # noqa: PLC0415 - an X11 session needs none of it
        except ImportError as error:
            raise SourceError(
                f"pywayland cannot be used: {error}",
                "Install it into mousetrackd's environment: pip install pywayland (it needs libwayland's headers).",
            ) from error
        self.path = display_path(name)
        self.globals: dict[int, tuple[str, int]] = {}
        self.compositor = ""
        self.failures = Failures()
        """Proxies that are not bound here are to be watched by it before they get handlers."""
        self._question: Any = None
        self._display = Display(self._connect())
        try:
            self._display.connect()
            registry = self._registry = self.failures.watch(self._display.get_registry())
            registry.dispatcher["global"] = self._on_global
            registry.dispatcher["global_remove"] = self._on_global_remove
            self.sync()
        except (RuntimeError, ValueError) as error:
            self.close()
            raise self._gone(error) from error
        except BaseException:
            self.close()
            raise

    def _connect(self) -> int:
        # A socket of our own, because libwayland's does not tell who is at the other end.
        try:
            with peer.connect(self.path, Deadline(ANSWER_TIMEOUT_S)) as compositor:
                self.compositor = _name_of_peer(compositor)
                compositor.setblocking(True)
                return compositor.detach()
        except OSError as error:
            raise SourceError(
                f"cannot open the Wayland display {quoted(self.path)}: {reason(error)}",
                "Is the session still there, and is it yours?",
            ) from error

    def fileno(self) -> int:
        """What to wait for, to be readable, before ``dispatch``."""
        return self._display.get_fd()

    def find(self, interface: type[Interface]) -> list[int]:
        """The numbers of the globals of an interface, oldest first."""
        return sorted(number for number, (name, _) in self.globals.items() if name == interface.name)

    def bind(self, interface: type[Interface], number: int | None = None, *, version: int) -> Any:
        """A proxy for a global, its first one unless ``number`` says which; None where there is none.

        version: the newest that the caller understands.
        """
        numbers = self.find(interface) if number is None else [number]
        if not numbers:
            return None
        proxy = self._registry.bind(numbers[0], interface, min(version, self.globals[numbers[0]][1]))
        return self.failures.watch(proxy)

    def flush(self) -> None:
        """Send what is to be sent."""
        self._display.flush()

    def dispatch(self) -> None:
        """Send what is to be sent, and handle what has come: in a flood, its beginning. Never blocks.

        Raises SourceError, and what a handler has raised.
        """
        give_up_s = time.monotonic() + _LONGEST_DISPATCH_S
        try:
            self._display.flush()
            while self.has_more() and time.monotonic() < give_up_s:
                self._display.read()
                self._display.dispatch(block=False)
                self.failures.raise_first()
            self._display.dispatch(block=False)
            self._display.flush()
        except RuntimeError as error:
            raise self._gone(error) from error
        self.failures.raise_first()

    def has_more(self) -> bool:
        """Whether something has come that is not handled yet."""
        return _is_readable(self.fileno(), 0)

    def sync(self, timeout_s: float = ANSWER_TIMEOUT_S) -> None:
        """Return when the compositor has answered everything asked so far."""
        answered = False

        def on_done(_callback: Proxy[Any], _serial: int) -> None:
            nonlocal answered
            answered = True

        callback = self.failures.watch(self._display.sync())
        callback.dispatcher["done"] = on_done
        deadline_s = time.monotonic() + timeout_s
        while True:
            self.dispatch()
            if answered:
                return
            left_s = deadline_s - time.monotonic()
            if left_s <= 0 or not _is_readable(self.fileno(), left_s):
                raise SourceError(
                    f"the Wayland compositor at {quoted(self.path)} did not answer within {timeout_s:g} s",
                    "Waiting for it.",
                )

    def ask(self, answered: Callable[[], None]) -> None:
        """Ask for a sign of life; ``answered`` is called by the ``dispatch`` that hears it."""
        question = self._question = self.failures.watch(self._display.sync())
        question.dispatcher["done"] = lambda _callback, _serial: answered()
        self.flush()

    def close(self) -> None:
        """Hang up. Idempotent."""
        self._display.disconnect()

    def _on_global(self, _registry: Proxy[Any], number: int, interface: str, version: int) -> None:
        if len(self.globals) >= _GLOBALS_MAX and number not in self.globals:
            raise FaultError(
                f"the Wayland compositor at {quoted(self.path)} offers more than {_GLOBALS_MAX} globals",
                "It is tried again.",
            )
        self.globals[number] = (interface, version)

    def _on_global_remove(self, _registry: Proxy[Any], number: int) -> None:
        self.globals.pop(number, None)

    def _gone(self, error: Exception) -> SourceError:
        number = str(error).rpartition("error: ")[2]  # pywayland tells libwayland's errno only within a sentence
        why = os.strerror(int(number)) if number.isdecimal() else reason(error)
        return SourceError(
            f"the Wayland compositor at {quoted(self.path)} went away: {why}", "Waiting for it to return."
        )


def _is_readable(descriptor: int, timeout_s: float) -> bool:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(max(timeout_s, 0) * 1000))


def _name_of_peer(connection: socket.socket) -> str:
    """The program at the other end of a socket, as the kernel names it; empty where it does not tell."""
    pid, _ = peer.credentials(connection)
    try:
        return quoted(Path(f"/proc/{pid}/comm").read_bytes().strip(), 40)
    except OSError:  # another pid namespace, or it has ended
        return ""


class Seat:
    """The first seat of a compositor: its pointer, and whether somebody uses it. For one thread."""

    def __init__(self, connection: Connection) -> None:
        from pywayland.protocol.ext_idle_notify_v1 import ExtIdleNotifierV1  # noqa: PLC0415

        self.is_idle = False
        """True while nobody has touched mouse or keyboard for a moment; never where the compositor tells no such
        thing."""
        self.used_since_ms = _now_ms()
        """When it was last no longer idle, on the monotonic clock."""
        self._connection = connection
        self._notifiers = ExtIdleNotifierV1
        self._notification: Any = None
        self._seat: Any = None
        self._has_pointer = False
        self._pointer: Any = None
        self.follow()

    def follow(self) -> Any:
        """Do what has become possible since the last call; the wl_pointer, None while there is no mouse."""
        from pywayland.protocol.wayland import WlSeat  # noqa: PLC0415

        if self._seat is None:
            numbers = self._connection.find(WlSeat)
            if not numbers or self._connection.globals[numbers[0]][1] < _SEAT_VERSION:
                return None
            self._seat = self._connection.bind(WlSeat, version=_SEAT_VERSION)
            self._seat.dispatcher["capabilities"] = self._on_capabilities
            self._ask_idle()
        if self._has_pointer and self._pointer is None:
            # Asking for it while there is none is a fatal error of the protocol.
            self._pointer = self._connection.failures.watch(self._seat.get_pointer())
        elif not self._has_pointer and self._pointer is not None:
            self._pointer.release()
            self._pointer = None
        self._connection.flush()
        return self._pointer

    def _ask_idle(self) -> None:
        notifier = self._connection.bind(self._notifiers, version=_INPUT_IDLE_SINCE)
        if notifier is None:
            return
        (number, *_) = self._connection.find(self._notifiers)
        # A film keeps a seat from being idle, but not its mouse and keyboard.
        newer = self._connection.globals[number][1] >= _INPUT_IDLE_SINCE
        ask = notifier.get_input_idle_notification if newer else notifier.get_idle_notification
        self._notification = self._connection.failures.watch(ask(_IDLE_AFTER_MS, self._seat))
        self._notification.dispatcher["idled"] = self._on_idled
        self._notification.dispatcher["resumed"] = self._on_resumed

    def _on_capabilities(self, _seat: object, capabilities: int) -> None:
        self._has_pointer = bool(capabilities & _POINTER_CAPABILITY)

    def _on_idled(self, _notification: object) -> None:
        self.is_idle = True

    def _on_resumed(self, _notification: object) -> None:
        self.is_idle = False
        self.used_since_ms = _now_ms()


def _now_ms() -> int:
    return time.monotonic_ns() // 1_000_000


@dataclass(frozen=True)
class Output:
    """A screen that is switched on.

    x, y, width, height: its rectangle in logical coordinates. width_px, height_px: its pixels, as they stand
    after rotation; so are the millimetres, 0 where unknown. identity is what it says of itself, and otherwise its
    make and model, with its serial number where the compositor tells that; empty where unknown.
    """

    name: str
    x: int
    y: int
    width: int
    height: int
    width_px: int
    height_px: int
    width_mm: int = 0
    height_mm: int = 0
    identity: bytes = b""

    def problem(self) -> str:
        """What is wrong with where it stands; empty where nothing is. Its pixels are looked at by ``admit``."""
        where = (abs(self.x), abs(self.y), self.width, self.height)
        scale = max(self.width_px / self.width, self.height_px / self.height)
        if max(where) < peer.FARTHEST_PX and (scale <= _SCALE_MAX or size_problem(self.width_px, self.height_px)):
            return ""
        return f"it is said to be {self.width}x{self.height} at {self.x},{self.y}, which no desktop has"

    def holds(self, x: float, y: float) -> bool:
        """Whether a logical position is on it."""
        return self.x <= x < self.x + self.width and self.y <= y < self.y + self.height

    def to_pixel(self, x: float, y: float) -> tuple[int, int]:
        """The screen's own pixel at a logical position."""
        return (
            min(max(math.floor((x - self.x) * self.width_px / self.width), 0), self.width_px - 1),
            min(max(math.floor((y - self.y) * self.height_px / self.height), 0), self.height_px - 1),
        )


class Head:
    """A wl_output as it is being told. ``output`` is the last state that was told whole; None before it."""

    def __init__(self, proxy: Any, version: int, connectors: Path, failures: Failures) -> None:
        self.proxy = proxy
        self._failures = failures
        self._connectors = connectors
        self._version = version
        self.output: Output | None = None
        self._extent: Any = None  # its xdg_output, the only one that tells fractional scale
        self._name = ""
        self._make, self._model, self._description = "", "", ""
        self._x, self._y = 0, 0
        self._logical_size: tuple[int, int] | None = None
        self._mode_px = (0, 0)
        self._size_mm = (0, 0)
        self._sideways = False
        self._scale = 1
        self._extent_told = True
        proxy.dispatcher["geometry"] = self._on_geometry
        proxy.dispatcher["mode"] = self._on_mode
        proxy.dispatcher["done"] = self._on_done
        proxy.dispatcher["scale"] = self._on_scale
        proxy.dispatcher["name"] = self._on_name
        proxy.dispatcher["description"] = self._on_description

    def ask_extent(self, manager: Any) -> None:
        """Ask where it stands in logical coordinates; nothing counts as told whole before the answer."""
        self._extent_told = False
        extent = self._extent = self._failures.watch(manager.get_xdg_output(self.proxy))
        extent.dispatcher["logical_position"] = self._on_logical_position
        extent.dispatcher["logical_size"] = self._on_logical_size
        extent.dispatcher["name"] = self._on_name
        extent.dispatcher["description"] = self._on_description
        extent.dispatcher["done"] = self._on_done

    def release(self) -> None:
        """Tell the compositor that nobody looks at it any more."""
        if self._extent is not None:
            self._extent.destroy()
        if self._version >= _OUTPUT_RELEASE_SINCE:
            self.proxy.release()
        else:
            self.proxy.destroy()

    def _on_geometry(
        self, _proxy: object, x: int, y: int, width_mm: int, height_mm: int, _subpixel: int, *rest: Any
    ) -> None:
        self._make, self._model, transform = rest
        if self._extent is None:
            self._x, self._y = x, y
        self._size_mm = (max(width_mm, 0), max(height_mm, 0))
        self._sideways = bool(transform & _SIDEWAYS)

    def _on_mode(self, _proxy: object, flags: int, width_px: int, height_px: int, _refresh: int) -> None:
        if flags & _CURRENT_MODE:
            self._mode_px = (width_px, height_px)

    def _on_scale(self, _proxy: object, factor: int) -> None:
        self._scale = factor

    def _on_name(self, _proxy: object, name: str) -> None:
        self._name = name

    def _on_description(self, _proxy: object, description: str) -> None:
        self._description = description

    def _on_logical_position(self, _proxy: object, x: int, y: int) -> None:
        self._x, self._y = x, y

    def _on_logical_size(self, _proxy: object, width: int, height: int) -> None:
        self._logical_size = (width, height)
        self._extent_told = True

    def _on_done(self, _proxy: object) -> None:
        width_px, height_px = self._mode_px
        width_mm, height_mm = self._size_mm
        if self._sideways:
            width_px, height_px, width_mm, height_mm = height_px, width_px, height_mm, width_mm
        scale = max(self._scale, 1)
        width, height = self._logical_size or (width_px // scale, height_px // scale)
        if not self._extent_told or min(width_px, height_px, width, height) < 1:
            return
        name = self._name or "screen"
        self.output = Output(
            name, self._x, self._y, width, height, width_px, height_px, width_mm, height_mm, self._identity()
        )

    def _identity(self) -> bytes:
        known = [part for part in (self._make or "", self._model or "") if part.lower() not in _NO_IDENTITY]
        if not known:  # there is no real screen, whatever is plugged in where this one has its name from
            return b""
        if said := edid.read(self._name, self._connectors):
            return said
        if known[-1] in self._description:
            # wlroots describes a screen by make, model, serial number and, in brackets, connector.
            return self._description.removesuffix(f"({self._name})").strip().encode()
        return " ".join(known).encode()


class LayoutReader:
    """How the monitors of a compositor stand, and where on them a logical position is. For one thread.

    Raises SourceError where there is no compositor to ask, and from ``dispatch`` when it has gone away.
    ``connection`` is for who wants more from the same compositor, ``heads`` for who needs the wl_outputs
    themselves: number of the global to Head.
    """

    def __init__(self, display_name: str | None = None, *, connectors: Path = edid.CONNECTORS) -> None:
        self.connection = Connection(display_name)
        self._connectors = connectors
        self.heads: dict[int, Head] = {}
        self._outputs: dict[int, Output] = {}
        self._ignored = 0
        self._layout = Layout()
        self._places: dict[int, tuple[Output, Placement]] = {}
        self._plane_scale = 1.0
        self._extents: Any = None
        try:
            self._follow_globals()
            self.connection.sync()
            self._take_outputs()
        except BaseException:
            self.close()
            raise

    def fileno(self) -> int:
        """What to wait for, to be readable, before ``dispatch``."""
        return self.connection.fileno()

    def dispatch(self) -> bool:
        """Handle all that has come; True when the monitors stand differently than before. Never blocks."""
        self.connection.dispatch()
        self._follow_globals()
        return self._take_outputs()

    def outputs(self) -> tuple[Output, ...]:
        """The screens that are switched on, the first plugged in first."""
        return tuple(self._outputs.values())

    def layout(self) -> Layout:
        """Where they stand in device pixels: nowhere nearer than in logical coordinates, so that none overlap.

        With all scales equal that is exact. Else the place of a screen is taken times the largest scale, which
        leaves holes where smaller ones stand: no pointer is ever there.
        """
        return self._layout

    def to_desktop(self, x: float, y: float) -> tuple[int, int]:
        """The pixel of ``layout()`` at a logical position; outside every monitor, one outside every placement."""
        for output, placement in self._places.values():
            if output.holds(x, y):
                pixel_x, pixel_y = output.to_pixel(x, y)
                return placement.desktop_x + pixel_x, placement.desktop_y + pixel_y
        return _rounded(x * self._plane_scale), _rounded(y * self._plane_scale)

    def pixel_to_desktop(self, number: int, x: int, y: int) -> tuple[int, int] | None:
        """The pixel of ``layout()`` that is pixel x, y of one of ``heads``; None where it has no such pixel."""
        if number not in self._places:
            return None
        output, placement = self._places[number]
        if not (0 <= x < output.width_px and 0 <= y < output.height_px):
            return None
        return placement.desktop_x + x, placement.desktop_y + y

    def close(self) -> None:
        """Hang up. Idempotent."""
        self.connection.close()

    def _follow_globals(self) -> None:
        """Bind the screens that came, let go of those that went."""
        from pywayland.protocol.wayland import WlOutput  # noqa: PLC0415
        from pywayland.protocol.xdg_output_unstable_v1 import ZxdgOutputManagerV1  # noqa: PLC0415

        if self._extents is None:
            self._extents = self.connection.bind(ZxdgOutputManagerV1, version=3)
            if self._extents is not None:
                for head in self.heads.values():
                    head.ask_extent(self._extents)
        there = self.connection.find(WlOutput)
        for number in self.heads.keys() - there:
            self.heads.pop(number).release()
        numbers = there[:_HEADS_MAX]
        self._ignored = len(there) - len(numbers)
        for number in numbers:
            if number not in self.heads:
                proxy = self.connection.bind(WlOutput, number, version=_OUTPUT_VERSION)
                head = self.heads[number] = Head(
                    proxy, self.connection.globals[number][1], self._connectors, self.connection.failures
                )
                if self._extents is not None:
                    head.ask_extent(self._extents)
        self.connection.flush()

    def _take_outputs(self) -> bool:
        told = {number: head.output for number, head in sorted(self.heads.items()) if head.output is not None}
        if told == self._outputs and [*told] == [*self._outputs]:
            return False
        self._outputs = told
        before = self._layout
        possible = {number: output for number, output in told.items() if not output.problem()}
        numbers, outputs = [*possible], [*possible.values()]
        self._plane_scale = _plane_scale(outputs)
        layout, kept = admit(_told(outputs, self._plane_scale))
        left_out = [
            f'the monitor "{clean_name(output.name)}" is not tracked: {problem}'
            for output in told.values()
            if (problem := output.problem())
        ]
        if self._ignored:
            left_out.append(f"{self._ignored} more monitors are not looked at: at most {_HEADS_MAX} are")
        self._layout = Layout(layout.placements, [*layout.left_out, *left_out[-MONITORS_MAX:]])
        self._places = {
            numbers[nth]: (outputs[nth], placement)
            for nth, placement in zip(kept, self._layout.placements, strict=True)
        }
        return self._layout != before


def _plane_scale(outputs: Iterable[Output]) -> float:
    """Pixels per logical unit of the finest screen."""
    possible = [one for one in outputs if not size_problem(one.width_px, one.height_px)]
    return max((max(o.width_px / o.width, o.height_px / o.height) for o in possible), default=1.0)


def _told(outputs: Collection[Output], plane_scale: float) -> list[ReportedMonitor]:
    identities = Counter(output.identity for output in outputs)
    told = []
    for output in outputs:
        # Of several screens that call themselves the same, the connector tells.
        identity = output.identity
        if identity and identities[identity] > 1:
            identity += f" {output.name}".encode()
        left, top = _rounded(output.x * plane_scale), _rounded(output.y * plane_scale)
        size_px, size_mm = (output.width_px, output.height_px), (output.width_mm, output.height_mm)
        told.append(ReportedMonitor(output.name, *size_px, edid.short_hash(identity), left, top, *size_mm))
    return told


def _rounded(value: float) -> int:
    """Halves upwards: with round(), which goes to even numbers, two screens could overlap by a pixel."""
    return math.floor(value + 0.5)
