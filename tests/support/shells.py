"""KWin and GNOME Shell as far as mousetrackd talks to them: real connections to a real bus, and nothing behind."""

import contextlib
import re
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from jeepney import (
    DBusAddress,
    HeaderFields,
    MatchRule,
    MessageFlag,
    MessageType,
    new_error,
    new_method_call,
    new_method_return,
    new_signal,
)
from jeepney.bus_messages import message_bus
from jeepney.io.blocking import open_dbus_connection

from support.bus import PrivateBus

POINTER = ("/org/mousetrackd/Pointer", "org.mousetrackd.Pointer")
"""The path and the interface by which a daemon is called."""

Pixel = tuple[int, int]


class Peer(ABC):
    """A program on the bus at ``address``, called ``bus_name``, which answers until ``quit``."""

    bus_name = "org.example.Peer"

    def __init__(self, address: str, *, enable_fds: bool = False) -> None:
        self._bus: Any = open_dbus_connection(address, enable_fds=enable_fds)
        self._sending = threading.Lock()
        self._settled = threading.Event()
        self._bus.send_and_get_reply(message_bus.RequestName(self.bus_name))
        self.is_frozen = False
        self._answering = threading.Thread(target=self._answer, name=self.bus_name)
        self._answering.start()

    def freeze(self) -> None:
        """Answer nobody from now on."""
        self.is_frozen = True

    def quit(self) -> None:
        """Leave the bus. Idempotent."""
        with contextlib.suppress(OSError):  # the bus may be gone, and then it has ended
            self._call_self("Quit")
        self._answering.join()

    def settle(self) -> None:
        """Return when the bus has passed on all that was sent so far."""
        self._settled.clear()
        self._call_self("Settle")
        assert self._settled.wait(10), "the bus is gone"

    def give_up_name(self) -> None:
        """Stay, but no longer by that name."""
        self._send(message_bus.ReleaseName(self.bus_name))

    def call(self, listener: str, member: str, signature: str, *values: Any, quietly: bool = False) -> None:
        """Call a daemon's method, without waiting for an answer. quietly: without wanting one, either."""
        path, interface = POINTER
        message = new_method_call(DBusAddress(path, listener, interface), member, signature, values)
        if quietly:
            message.header.flags |= MessageFlag.no_reply_expected
        self._send(message)

    def signal(self, path: str, interface: str, member: str, signature: str, *values: Any) -> None:
        """Inform everyone on the bus who wants to know."""
        self._send(new_signal(DBusAddress(path, interface=interface), member, signature, values))

    @abstractmethod
    def do(self, path: str, member: str, values: tuple[Any, ...]) -> tuple[str, tuple[Any, ...]] | None:
        """Do what is asked: the signature and the values of the answer, None where there is no such object."""

    def _call_self(self, member: str) -> None:
        self._send(new_method_call(DBusAddress("/", self._bus.unique_name, "org.example.Peer"), member))

    def _send(self, message: Any) -> None:
        with self._sending:
            self._bus.send(message)

    def _answer(self) -> None:
        while True:
            try:
                message = self._bus.receive()
            except ConnectionResetError:
                break
            fields = message.header.fields
            member = str(fields.get(HeaderFields.member))
            from_self = fields[HeaderFields.sender] == self._bus.unique_name
            if from_self and member == "Quit":
                break
            if from_self and member == "Settle":
                self._settled.set()
            elif message.header.message_type == MessageType.signal:
                self.received_signal(member, message.body)
            elif message.header.message_type == MessageType.method_call and not self.is_frozen:
                done = self.do(fields[HeaderFields.path], member, message.body)
                unknown = "org.freedesktop.DBus.Error.UnknownObject"
                self._send(new_error(message, unknown) if done is None else new_method_return(message, *done))
        self._bus.close()

    def received_signal(self, member: str, values: tuple[Any, ...]) -> None:
        """One of those that it asked for."""
        del member, values


P = TypeVar("P", bound=Peer)


def staying(bus: PrivateBus, peer: P) -> Iterator[P]:
    """A peer for a test that yields from this: there until the bus has ended."""
    yield peer
    bus.stop()
    peer.quit()


CLICKS = "mousetrackd-clicks"
"""What the script that reports clicks is called."""
WINDOWS = "mousetrackd-windows"
"""What that of windows is called."""


class KWin(Peer):
    """Keeps scripts and our effect as Plasma 6 or (plasma=5) 5.27 does. It runs none: it does what ours would do.

    has_effect: whether the effect's folder was there when it started. has_opengl: or else no effect is loaded.
    has_qml: whether QtQuick.Window is installed. has_window: whether effects can see the window of a script.
    """

    bus_name = "org.kde.KWin"

    def __init__(
        self,
        address: str,
        *,
        plasma: int = 6,
        has_effect: bool = True,
        has_opengl: bool = True,
        has_qml: bool = True,
        has_window: bool = True,
        is_locked: bool = False,
    ) -> None:
        self._plasma = plasma
        self.has_effect, self.has_opengl = has_effect, has_opengl
        self.has_qml, self.has_window = has_qml, has_window
        self.is_locked = is_locked
        self.loaded: dict[str, int] = {}
        """The number of each script by its name. It is how many there were before, so two may have the same."""
        self._objects: dict[str, tuple[str, str]] = {}
        """Name and file of a script by its path on the bus, where the first of two stays."""
        self.running: dict[str, str] = {}
        """The texts of the scripts that run, by their names."""
        self.is_effect_loaded = False
        self.known: tuple[str, Any] | None = None
        """What it says it knows, where that is not the truth."""
        self.calls: list[str] = []
        self.refuses = False
        """To run anything."""
        self.refuses_windows = False
        """To load the script of windows."""
        self.on_run: Callable[[Path], None] = lambda _file: None
        super().__init__(address)

    @property
    def listeners(self) -> list[str]:
        """Whom the scripts that report motion call."""
        return [
            found[1]
            for name, text in [*self.running.items()]
            if name != WINDOWS and (found := re.search(r'LISTENER = "(.*?)"', text))
        ]

    def move(self, *points: Pixel) -> None:
        for x, y in points:
            self.report_motion("Moved", "ii", x, y)

    def report_motion(self, member: str, signature: str, *values: Any) -> None:
        """Call the daemon as our script that reports motion does."""
        for name in [*self.running]:
            if name != WINDOWS:
                self._call_by(name, member, signature, *values)

    def report_windows(self, report: str) -> None:
        """Call the daemon as our script of windows does."""
        self._call_by(WINDOWS, "Windows", "s", report)

    def _call_by(self, name: str, member: str, signature: str, *values: Any) -> None:
        """Call the daemon as our script of that name does, if it runs."""
        if found := re.search(r'LISTENER = "(.*?)";.*?TOKEN = "(.*?)"', self.running.get(name, ""), re.DOTALL):
            self.call(found[1], member, f"s{signature}", found[2], *values)

    def press(self, x: float, y: float, buttons: int) -> None:
        if self.is_effect_loaded and not self.is_locked:
            self.report_clicks("Pressed", "ddi", float(x), float(y), buttons)

    def lock(self, *, is_locked: bool) -> None:
        self.is_locked = is_locked
        self.signal("/ScreenSaver", "org.freedesktop.ScreenSaver", "ActiveChanged", "b", is_locked)

    def restart_compositing(self) -> None:
        """Draw again: effects that the settings do not name are gone."""
        self.is_effect_loaded = False
        self.signal("/Compositor", "org.kde.kwin.Compositing", "compositingToggled", "b", True)

    def reconfigure(self) -> None:
        """Read the settings again, as 5.27 does."""
        self.is_effect_loaded = False
        self.report_clicks("Reconfigured")

    def report_clicks(self, member: str, signature: str = "", *values: Any) -> None:
        """Call the daemon as our QML script does."""
        text = self.running.get(CLICKS, "")
        if found := re.search(r'service: "(.*?)".*?\["(.*?)", \.\.\.values\]', text, re.DOTALL):
            self.call(found[1], member, f"s{signature}", found[2], *values)

    def do(self, path: str, member: str, values: tuple[Any, ...]) -> tuple[str, tuple[Any, ...]] | None:
        self.calls.append(member)
        match path:
            case "/Scripting":
                return self._script(member, values)
            case "/Effects":
                return self._effect(member, values)
            case "/ScreenSaver" if member == "GetActive":
                return "b", (self.is_locked,)
            case _ if member == "run" and path in self._objects and not self.refuses:
                self._run(*self._objects[path])
                return "", ()
        return None

    def _run(self, name: str, place: str) -> None:
        file = Path(place)
        if name not in self.running:
            self.on_run(file)
            self.running[name] = file.read_text("utf-8")
            if self.has_qml and name == CLICKS:
                self.report_clicks("Loaded")

    def _script(self, member: str, values: tuple[Any, ...]) -> tuple[str, tuple[Any, ...]] | None:
        match member, values:
            case "loadScript", (_, name) if name == WINDOWS and self.refuses_windows:
                return None
            case "loadScript" | "loadDeclarativeScript", (file, name):
                if name in self.loaded:
                    return "i", (-1,)
                number = self.loaded[name] = len(self.loaded)
                self._objects.setdefault(
                    f"/{number}" if self._plasma == 5 else f"/Scripting/Script{number}", (name, file)
                )
                return "i", (number,)
            case "unloadScript", (name,):
                self.running.pop(name, None)
                self._objects = {path: script for path, script in self._objects.items() if script[0] != name}
                return "b", (self.loaded.pop(name, None) is not None,)
        return None

    def _effect(self, member: str, values: tuple[Any, ...]) -> tuple[str, tuple[Any, ...]] | None:
        match member, values:
            case "Get", ("org.kde.kwin.Effects", "listOfEffects"):
                return "v", (self.known or ("as", ["blur", *(["mousetrackd"] if self.has_effect else [])]),)
            case "isEffectSupported", ("mousetrackd",):
                return "b", (self.has_effect and self.has_opengl,)
            case "isEffectLoaded", ("mousetrackd",):
                return "b", (self.is_effect_loaded,)
            case "unloadEffect", ("mousetrackd",):
                self.is_effect_loaded = False
                return "", ()
            case "loadEffect", ("mousetrackd",):
                self.is_effect_loaded = self.has_effect and self.has_opengl
                if self.is_effect_loaded and self.has_qml and self.has_window:
                    self.report_clicks("Ready")
                return "b", (self.is_effect_loaded,)
        return None


ENABLED, DISABLED, ERROR, OUT_OF_DATE = 1.0, 2.0, 3.0, 4.0


class GnomeShell(Peer):
    """With the extension in it, which does by command what the real one does by itself.

    state: what the shell says of the extension, None where it knows none; it runs only when ENABLED. windows: what it
    reports to who asks for windows; None for the extension of an earlier version, which nobody can ask.
    """

    bus_name = "org.gnome.Shell"

    def __init__(
        self, address: str, *, state: float | None = ENABLED, silent: bool = False, windows: str | None = None
    ) -> None:
        self._state = state
        self.windows = windows
        self._windows_listener = ""
        self._silent = silent
        self._daemon = ""
        self._buttons = 0
        self._at = (0, 0)
        self.listener = ""
        super().__init__(address)
        for name in ("org.mousetrackd.Windows", "org.mousetrackd.Daemon"):
            changes = MatchRule(type="signal", sender=message_bus.bus_name, member="NameOwnerChanged")
            changes.add_arg_condition(0, name)
            self._send(message_bus.AddMatch(changes))

    def enable(self) -> None:
        """Switch the extension on."""
        self._state = ENABLED
        self._greet()

    def disable(self, *, locked: bool) -> None:
        """Switch it off, as the lock screen does, too."""
        self._state = DISABLED
        self.call(self.listener, "Bye", "b", locked, quietly=True)
        self.listener = ""

    def move(self, *points: Pixel) -> None:
        for self._at in points:
            self._moved()

    def hold(self, bits: int) -> None:
        """Press, and do not let go."""
        self._buttons = bits

    def press(self, bit: int) -> None:
        """Press and let go of a button of Clutter's mask."""
        for self._buttons in (bit, 0):
            self._moved()

    def do(self, path: str, member: str, values: tuple[Any, ...]) -> tuple[str, tuple[Any, ...]] | None:
        if (path, member) != ("/org/gnome/Shell", "GetExtensionInfo"):
            return None
        known = self._state is not None and values == ("mousetrackd@local",)
        return "a{sv}", ({"state": ("d", self._state), "error": ("s", "oh")} if known else {},)

    def received_signal(self, member: str, values: tuple[Any, ...]) -> None:
        if member == "NameOwnerChanged" and values[0] == "org.mousetrackd.Windows":
            self._windows_listener = values[2]
            self.report_windows()
        elif member == "NameOwnerChanged":
            self._daemon = values[2]
            self.listener = ""
            self._greet()

    def report_windows(self) -> None:
        """Report the windows as they are, to who asks for them."""
        if self._windows_listener and self.windows is not None:
            self.call(self._windows_listener, "Windows", "s", self.windows, quietly=True)

    def _greet(self) -> None:
        if self._daemon and self._state == ENABLED and not self._silent:
            self.listener = self._daemon
            self.call(self.listener, "Hello", "u", self._buttons, quietly=True)

    def _moved(self) -> None:
        x, y = self._at
        self.call(self.listener, "Moved", "ddu", float(x), float(y), self._buttons, quietly=True)
