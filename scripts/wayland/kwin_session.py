"""A session with KWin in it, headless, and a pointer that moves and clicks there as a remote control does."""

import itertools
import os
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jeepney import DBusAddress, MessageType, new_method_call
from jeepney.io.blocking import open_dbus_connection
from pywayland.protocol_core.argument import Argument
from pywayland.protocol_core.interface import Interface
from pywayland.protocol_core.proxy import Proxy
from pywayland.scanner.argument import ArgumentType
from support.waiting import wait_until

from mousetrackd.capture.wayland.connection import Connection
from mousetrackd.capture.wayland.outputs import LayoutReader, Output
from mousetrackd.desktop import kwin
from mousetrackd.desktop.autostart import Places
from wayland.session import Session, must_have

SOCKET = "wayland-kwin"
WORDS_OF_XWAYLAND = """#!/bin/sh
printf '%s\\n%s\\n' "$DISPLAY" "$XAUTHORITY" >"{file}.new"
mv "{file}.new" "{file}"
"""


PERMISSION = """[Desktop Entry]
Type=Application
Name=mousetrackd's check
Exec={program}
X-KDE-Wayland-Interfaces=org_kde_kwin_fake_input
"""

MENU = """<!DOCTYPE Menu PUBLIC "-//freedesktop//DTD Menu 1.0//EN"
 "http://www.freedesktop.org/standards/menu-spec/1.0/menu.dtd">
<Menu><Name>Applications</Name><DefaultAppDirs/><DefaultDirectoryDirs/><Include><All/></Include></Menu>
"""
"""Without a menu that it is in, KWin does not find an application. Desktops bring one; KWin alone does not."""

COMPOSE = "O2"
"""OpenGL, drawn by the processor."""


_LOCK = "org.freedesktop.ScreenSaver"
_SCRIPTING, _SCRIPT = "org.kde.kwin.Scripting", "org.kde.kwin.Script"
_SCRIPT_TAKES_S = 0.3
"""5.27 reads the file of a script after it has answered."""


class FakeInput(Interface):
    """KWin's protocol for remote controls (fake-input.xml of plasma-wayland-protocols)."""

    name = "org_kde_kwin_fake_input"
    version = 3


_KINDS = {"u": ArgumentType.Uint, "f": ArgumentType.Fixed}


def _unused(_proxy: Proxy[FakeInput]) -> None:
    raise NotImplementedError


class FakeInputProxy(Proxy[FakeInput]):
    """The two requests that are used."""

    interface = FakeInput

    @FakeInput.request(Argument(ArgumentType.String), Argument(ArgumentType.String))
    def authenticate(self, application: str, reason: str) -> None:
        """Ask to be let in."""
        self._marshal(0, application, reason)

    # Requests go by number, and these are on the way to those that are used.
    FakeInput.request(*(Argument(_KINDS[kind]) for kind in "ff"))(_unused)

    @FakeInput.request(Argument(ArgumentType.Uint), Argument(ArgumentType.Uint))
    def button(self, button: int, state: int) -> None:
        """Press a button (state 1) or let go of it (0)."""
        self._marshal(2, button, state)

    for kinds in ("uf", "uff", "uff", "u", "", ""):
        FakeInput.request(*(Argument(_KINDS[kind]) for kind in kinds))(_unused)

    @FakeInput.request(Argument(ArgumentType.Fixed), Argument(ArgumentType.Fixed), version=3)
    def pointer_motion_absolute(self, x: float, y: float) -> None:
        """Go there."""
        self._marshal(9, x, y)


FakeInput.proxy_class = FakeInputProxy
FakeInput._gen_c()  # noqa: SLF001 - as pywayland's own generator does


class KWinPointer:
    """Moves the pointer of KWin, for as long as KWin runs."""

    def __init__(self, display: Path) -> None:
        self._connection = Connection(str(display))
        self._input = self._connection.bind(FakeInput, version=3)
        self._input.authenticate("mousetrackd", "a check")
        self._connection.sync()

    def move(self, x: float, y: float) -> None:
        """Return when the pointer is there."""
        self._input.pointer_motion_absolute(x, y)
        self._connection.sync()

    def press(self, button: int) -> None:
        """Press a button and let go of it; return when that is done. button: a code of linux/input-event-codes.h."""
        for state in (1, 0):
            self._input.button(button, state)
        self._connection.sync()

    def close(self) -> None:
        """Let go of it."""
        self._connection.close()


def lets_us_point(display: Path) -> bool:
    """Whether KWin allows this program to move its pointer."""
    connection = Connection(str(display))
    try:
        return bool(connection.find(FakeInput))
    finally:
        connection.close()


class Plasma(Session):
    """A session with KWin in it.

    outputs, scale: its screens, each of which has 1920x1080 logical pixels. can_lock: whether it has a lock screen.
    has_opengl: whether KWin runs scripted effects; without a graphics card that has to be forced.
    """

    def __init__(
        self, *, outputs: int = 1, scale: float = 1.0, can_lock: bool = False, has_opengl: bool = True
    ) -> None:
        super().__init__()
        installed = must_have("kwin_wayland", "kwin-wayland")
        self.outputs, self.scale = outputs, scale
        self._numbers = itertools.count(1)
        self._words = self.folder / "xwayland"
        script = self.folder / "say-display"
        script.write_text(WORDS_OF_XWAYLAND.format(file=self._words))
        script.chmod(0o700)
        # A copy lacks the file capability, with which it cannot be started in a container.
        program = shutil.copy(installed, self.folder / "kwin_wayland")
        self._command = [
            *(program, "--virtual", "--width", "1920", "--height", "1080", "--socket", SOCKET),
            *("--output-count", str(outputs), "--scale", f"{scale:g}", "--no-global-shortcuts"),
            *(() if can_lock else ("--no-lockscreen",)),
            *(("--xwayland", str(script)) if shutil.which("Xwayland") else ()),
        ]
        self.home.variables |= {
            "KWIN_COMPOSE": COMPOSE,
            "KWIN_EFFECTS_FORCE_ANIMATIONS": "1" if has_opengl else None,
            "KWIN_WAYLAND_NO_PERMISSION_CHECKS": None,
            "QT_QPA_PLATFORM_PLUGIN_PATH": None,  # OpenCV sets it, and the lock screen cannot start with it
            "XDG_CURRENT_DESKTOP": "KDE",
        }
        self.places = Places(self.folder / "config", self.folder / "data")
        self.checks_permissions = True
        """False where this KWin lets nobody be a pointer while it checks who may be one."""
        self._permit_pointer()

    def _permit_pointer(self) -> None:
        """Let KWin allow this program, and no other, to move its pointer."""
        entry = self.places.data_home / "applications" / "mousetrackd-check.desktop"
        entry.parent.mkdir(parents=True)
        entry.write_text(PERMISSION.format(program=os.path.realpath(sys.executable)))
        menu = self.places.config_home / "menus" / "applications.menu"
        menu.parent.mkdir(parents=True)
        menu.write_text(MENU)

    def start_kwin(self) -> None:
        """Log in: return when it takes clients and scripts."""
        self._words.unlink(missing_ok=True)
        self.kwin = self.start("kwin", self._command)
        self.wait_for_display(SOCKET, self.kwin, "kwin")
        if self.checks_permissions and not lets_us_point(self.runtime / SOCKET):
            self.checks_permissions = False
            self.home.variables["KWIN_WAYLAND_NO_PERMISSION_CHECKS"] = "1"
            self.kill_kwin()
            self.start_kwin()
        wait_until(lambda: self.has_script() is not None, "KWin takes scripts", timeout_s=30)

    def kill_kwin(self) -> None:
        """End it as a crash does."""
        self.kwin.kill()
        self.kwin.wait()
        (self.runtime / SOCKET).unlink(missing_ok=True)

    def install_effect(self) -> None:
        """As `mousetrackd install` does."""
        for file in kwin.files(self.places):
            file.write()

    def has_script(self, name: str = "mousetrackd") -> bool | None:
        """Whether KWin runs a script of ours; None while it does not answer."""
        try:
            return bool(self.call("/Scripting", _SCRIPTING, "isScriptLoaded", "s", name))
        except RuntimeError:
            return None

    def run_script(self, text: str) -> None:
        """Have KWin run a script of this check, which is gone again when this returns."""
        name = f"check-{next(self._numbers)}"
        file = self.folder / f"{name}.js"
        file.write_text(text)
        number = self.call("/Scripting", _SCRIPTING, "loadScript", "ss", str(file), name)
        try:
            self.call(f"/Scripting/Script{number}", _SCRIPT, "run")
        except RuntimeError:  # 5.27 keeps it elsewhere
            self.call(f"/{number}", _SCRIPT, "run")
        time.sleep(_SCRIPT_TAKES_S)
        self.call("/Scripting", _SCRIPTING, "unloadScript", "s", name)

    def has_effect(self) -> bool:
        """Whether KWin has loaded our effect."""
        return bool(self.call("/Effects", "org.kde.kwin.Effects", "isEffectLoaded", "s", "mousetrackd"))

    def call(self, path: str, interface: str, member: str, signature: str | None = None, *values: Any) -> Any:
        """Call a method of KWin; the first value of its answer. Raises RuntimeError where it refuses."""
        with open_dbus_connection(self.bus.address) as bus:
            question = new_method_call(DBusAddress(path, "org.kde.KWin", interface), member, signature, values)
            answer = bus.send_and_get_reply(question, timeout=20)
        if answer.header.message_type == MessageType.error:
            raise RuntimeError(f"KWin refuses {member}: {answer.body}")
        return answer.body[0] if answer.body else None

    def lock(self) -> None:
        """Lock the screen, and return when it is."""
        self.call("/ScreenSaver", _LOCK, "Lock")
        wait_until(lambda: self.call("/ScreenSaver", _LOCK, "GetActive"), "the screen is locked", timeout_s=30)

    def doctor(self) -> str:
        """The line of `mousetrackd doctor` about clicks."""
        lines = self.home.run_process("doctor").out.splitlines()
        return next((line for line in lines if " clicks: " in line), "")

    def screens(self) -> Sequence[Output]:
        """As KWin describes them, by their names. (What it makes of a scale on its virtual ones depends on it.)"""
        reader = LayoutReader(str(self.runtime / SOCKET))
        try:
            return sorted(reader.outputs(), key=lambda screen: screen.name)
        finally:
            reader.close()

    def xwayland(self) -> tuple[str, str]:
        """DISPLAY and XAUTHORITY of the X server inside."""
        wait_until(self._words.exists, "Xwayland runs", timeout_s=30)
        display, authority = self._words.read_text().splitlines()
        return display, authority

    def pointer(self) -> KWinPointer:
        """A pointer for the KWin that runs now."""
        pointer = KWinPointer(self.runtime / SOCKET)
        self.callback(pointer.close)
        return pointer
