"""KWin, headless, from the distribution's own package: the whole life of its script."""

import shutil
import subprocess
from pathlib import Path

from pywayland.protocol_core.argument import Argument
from pywayland.protocol_core.interface import Interface
from pywayland.protocol_core.proxy import Proxy
from pywayland.scanner.argument import ArgumentType
from support.report import Report
from support.waiting import wait_until

from mousetrackd.capture.wayland.connection import Connection
from wayland import person
from wayland.session import (
    Session,
    check_each_is_heard_once,
    check_stillness,
    check_xwayland_is_refused,
    must_have,
)

SOCKET = "wayland-kwin"
TOLD_PER_S = 20

WORDS_OF_XWAYLAND = """#!/bin/sh
printf '%s\\n%s\\n' "$DISPLAY" "$XAUTHORITY" >"{file}.new"
mv "{file}.new" "{file}"
"""


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

    def move(self, x: int, y: int) -> None:
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


class Plasma(Session):
    """A session with KWin in it."""

    def __init__(self) -> None:
        super().__init__()
        installed = must_have("kwin_wayland", "kwin-wayland")
        self._words = self.folder / "xwayland"
        script = self.folder / "say-display"
        script.write_text(WORDS_OF_XWAYLAND.format(file=self._words))
        script.chmod(0o700)
        # A copy lacks the file capability, with which it cannot be started in a container.
        program = shutil.copy(installed, self.folder / "kwin_wayland")
        self._command = [
            *(program, "--virtual", "--width", "1920", "--height", "1080", "--socket", SOCKET),
            *("--no-lockscreen", "--no-global-shortcuts"),
            *(("--xwayland", str(script)) if shutil.which("Xwayland") else ()),
        ]
        self.home.variables |= {
            "KWIN_COMPOSE": "Q",
            "KWIN_WAYLAND_NO_PERMISSION_CHECKS": "1",  # only for our pointer
            "XDG_CURRENT_DESKTOP": "KDE",
        }

    def start_kwin(self) -> None:
        """Return when it takes clients and scripts."""
        self._words.unlink(missing_ok=True)
        self.kwin = self.start("kwin", self._command)
        self.wait_for_display(SOCKET, self.kwin, "kwin")
        wait_until(lambda: self.scripting("isScriptLoaded") is not None, "KWin takes scripts", timeout_s=30)

    def kill_kwin(self) -> None:
        """End it as a crash does."""
        self.kwin.kill()
        self.kwin.wait()
        (self.runtime / SOCKET).unlink(missing_ok=True)

    def scripting(self, method: str) -> bool | None:
        """Ask KWin about our script; None while it does not answer."""
        done = subprocess.run(
            [
                *("dbus-send", "--session", "--print-reply=literal", "--dest=org.kde.KWin", "/Scripting"),
                *(f"org.kde.kwin.Scripting.{method}", "string:mousetrackd"),
            ],
            env=self.home.environment(),
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
        return None if done.returncode else "true" in done.stdout

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


def check(report: Report) -> None:
    """Replay a person's path, then kill each side once."""
    with Plasma() as session:
        session.start_kwin()
        pointer = session.pointer()
        with session.tracking() as daemon:
            source = session.home.status()["source"]
            report.check("KWin is chosen, and has the script", session.scripting("isScriptLoaded") is True, source)
            notes = " ".join(session.home.status()["notes"])
            report.check("it says that scroll is not seen, and how clicks can be", "`mousetrackd install`" in notes)
            check_stillness(report, daemon)
            made = person.perform(person.liveliest(), pointer.move)
            ended_ms = daemon.clock_ms()
        person.compare(report, made, ended_ms, session.home, per_s=TOLD_PER_S)
        report.check("stopped, it leaves no script behind", session.scripting("isScriptLoaded") is False)
        if shutil.which("Xwayland"):
            check_xwayland_is_refused(report, session, *session.xwayland())
        else:
            print("kwin: Xwayland is not installed, so nothing was asked of it: apt-get install xwayland")

        with session.home.running() as killed:
            killed.kill()
            report.check("killed, it leaves its script", session.scripting("isScriptLoaded") is True)
        with session.tracking() as daemon:
            check_each_is_heard_once(report, "the next daemon", session, pointer.move)
            session.kill_kwin()
            daemon.await_state("waiting")
            session.start_kwin()
            daemon.await_state("tracking")
            check_each_is_heard_once(report, "after a crash of KWin the daemon", session, session.pointer().move)
