"""GNOME Shell, headless, from the distribution's own package: the whole life of the extension."""

import re
import shutil
import subprocess
import sys
import time
from typing import Any

from jeepney import DBusAddress, MessageType, new_method_call
from jeepney.io.blocking import open_dbus_connection
from jeepney.wrappers import unwrap_msg
from support.bus import PrivateBus
from support.program import Running
from support.report import Report, SkipError
from support.waiting import wait_until

from mousetrackd.capture.wayland.gnome_extension import UUID
from wayland import person
from wayland.session import (
    Session,
    check_each_is_received_once,
    check_stillness,
    check_xwayland_is_refused,
    must_have,
)

TOLD_PER_S = 20
CLICKS = 20
CLICK_S = 0.06
"""A quick one; the extension looks every 25 ms."""

_LEFT = 0x110  # linux/input-event-codes.h
_REMOTE = "org.gnome.Mutter.RemoteDesktop"
_PLACE = "/org/gnome/Mutter/RemoteDesktop"


class GnomePointer:
    """Moves the pointer of GNOME Shell and clicks, for as long as the shell runs."""

    def __init__(self, address: str) -> None:
        self._bus: Any = open_dbus_connection(address)
        (session,) = self._call(_PLACE, _REMOTE, "CreateSession")
        self._session = session
        self._do("Start")
        self._at = (0, 0)
        self._do("NotifyPointerMotionRelative", "dd", -30_000.0, -30_000.0)

    def move(self, x: int, y: int) -> None:
        """Return when the pointer is there."""
        from_x, from_y = self._at
        self._at = (x, y)
        self._do("NotifyPointerMotionRelative", "dd", float(x - from_x), float(y - from_y))

    def click(self) -> None:
        """Press the left button for a moment."""
        self._do("NotifyPointerButton", "ib", _LEFT, True)
        time.sleep(CLICK_S)
        self._do("NotifyPointerButton", "ib", _LEFT, False)

    def close(self) -> None:
        """Let go of it."""
        self._bus.close()

    def _do(self, method: str, signature: str | None = None, *values: Any) -> None:
        self._call(self._session, f"{_REMOTE}.Session", method, signature, *values)

    def _call(self, path: str, interface: str, method: str, signature: str | None = None, *values: Any) -> Any:
        message = new_method_call(DBusAddress(path, _REMOTE, interface), method, signature, values)
        return unwrap_msg(self._bus.send_and_get_reply(message, timeout=20))


class Gnome(Session):
    """A session with GNOME Shell in it, and the stand-in for logind that the shell needs."""

    def __init__(self) -> None:
        super().__init__()
        self._shell = must_have("gnome-shell", "gnome-shell")
        for program, package in (("gsettings", "libglib2.0-bin"), ("gnome-extensions", "gnome-shell")):
            must_have(program, package)
        system = self.folder / "system"
        system.mkdir()
        bus = PrivateBus(system)
        bus.start()
        self.callback(bus.stop)
        self.home.variables |= {
            "DBUS_SYSTEM_BUS_ADDRESS": bus.address,
            "XDG_CURRENT_DESKTOP": "GNOME",
            "GSETTINGS_BACKEND": "keyfile",
        }
        self._start_logind(bus.address)
        for what in ("enable-hot-corners", "enable-animations"):  # which take the software renderer's time
            self.run_quietly("gsettings", "set", "org.gnome.desktop.interface", what, "false")
        fractions = ("org.gnome.mutter", "experimental-features", "['scale-monitor-framebuffer']")
        self.run_quietly("gsettings", "set", *fractions)

    def _start_logind(self, address: str) -> None:
        python = next((p for p in ("/usr/bin/python3", sys.executable) if shutil.which(p)), sys.executable)
        logind = self.start("logind", [python, "-m", "dbusmock", "--system", "--template", "logind"])

        def answers() -> bool:
            if logind.poll() is not None:
                raise SkipError("python3-dbusmock is not installed: apt-get install python3-dbusmock")
            with open_dbus_connection(address) as asker:
                names = DBusAddress("/org/freedesktop/DBus", "org.freedesktop.DBus", "org.freedesktop.DBus")
                asked = new_method_call(names, "NameHasOwner", "s", ("org.freedesktop.login1",))
                return bool(unwrap_msg(asker.send_and_get_reply(asked))[0])

        wait_until(answers, "the stand-in for logind is there", timeout_s=30)

    def start_shell(self) -> None:
        """Log in: return when the shell takes clients and calls."""
        x11 = () if shutil.which("Xwayland") else ("--no-x11",)
        # Unsafe mode is for ``evaluate``.
        words = ["--headless", "--wayland", "--unsafe-mode", "--virtual-monitor", "1920x1080", *x11]
        self.shell = self.start("gnome-shell", [self._shell, *words])
        self.wait_for_display("wayland-0", self.shell, "gnome-shell")
        wait_until(self._answers, "GNOME Shell answers", timeout_s=60)

    def end_shell(self, *, crash: bool = False) -> None:
        """Log out, or let it crash."""
        if crash:
            self.shell.kill()
        else:
            self.shell.terminate()
        self.shell.wait(30)
        for name in ("wayland-0", "wayland-0.lock"):
            (self.runtime / name).unlink(missing_ok=True)

    def _answers(self) -> bool:
        """The shell takes its name on the bus before it has extensions."""
        extensions = DBusAddress("/org/gnome/Shell", "org.gnome.Shell", "org.gnome.Shell.Extensions")
        with open_dbus_connection(self.bus.address) as asker:
            asked = new_method_call(extensions, "ListExtensions")
            return bool(asker.send_and_get_reply(asked, timeout=20).header.message_type == MessageType.method_return)

    def scale_screen(self, scale: float) -> None:
        """Show everything so many times as large."""
        name = "org.gnome.Mutter.DisplayConfig"
        config = DBusAddress("/org/gnome/Mutter/DisplayConfig", name, name)
        with open_dbus_connection(self.bus.address) as asker:
            serial, screens, *_ = unwrap_msg(asker.send_and_get_reply(new_method_call(config, "GetCurrentState")))
            (connector, *_), ((mode, *_), *_), _ = screens[0]
            wanted: list[Any] = [(0, 0, scale, 0, True, [(connector, mode, {})])]
            until_logout = 1
            apply = new_method_call(
                config, "ApplyMonitorsConfig", "uua(iiduba(ssa{sv}))a{sv}", (serial, until_logout, wanted, {})
            )
            unwrap_msg(asker.send_and_get_reply(apply, timeout=20))

    def evaluate(self, javascript: str) -> str:
        """Run a line inside the shell. Its value, as JSON."""
        shell = DBusAddress("/org/gnome/Shell", "org.gnome.Shell", "org.gnome.Shell")
        with open_dbus_connection(self.bus.address) as asker:
            asked = new_method_call(shell, "Eval", "s", (javascript,))
            done, said = unwrap_msg(asker.send_and_get_reply(asked, timeout=20))
        if not done:
            raise RuntimeError(f"GNOME Shell refuses {javascript}: {said}")
        return str(said)

    def leave_overview(self) -> None:
        """Return when the overview, in which a session begins, is gone."""
        leave = "Main.overview.hide(), Main.overview.visible || Main.overview.animationInProgress"
        hidden = f"!Main.layoutManager._startingUp && !({leave})"
        wait_until(lambda: self.evaluate(hidden) == "true", "the overview is gone")

    def run_quietly(self, *command: str) -> bool:
        """Run a program in the session; False when it fails."""
        done = subprocess.run(command, env=self.home.environment(), capture_output=True, timeout=60, check=False)
        return done.returncode == 0

    def install_extension(self) -> bool:
        """As `mousetrackd install` does."""
        code = "from mousetrackd.capture.wayland import gnome_extension; gnome_extension.install_extension()"
        return self.run_quietly(sys.executable, "-c", code)

    def xwayland(self) -> tuple[str, str]:
        """DISPLAY and XAUTHORITY of the X server inside, which starts when somebody connects."""
        found = re.findall(r"Using public X11 display (:\d+)", self.log("gnome-shell").read_text(errors="replace"))
        authorities = self.runtime.glob(".mutter-Xwaylandauth.*")  # a shell that crashed leaves its own
        return found[-1], str(max(authorities, key=lambda path: path.stat().st_mtime_ns))

    def pointer(self) -> GnomePointer:
        """A pointer for the shell that runs now."""
        pointer = GnomePointer(self.bus.address)
        self.callback(pointer.close)
        return pointer


def check(report: Report) -> None:
    """Install the extension, log in again, replay a person's path, click; then kill each side once."""
    with Gnome() as session:
        session.start_shell()
        _check_blind(report, session, "without the extension", "mousetrackd install")
        report.check("the extension is put in place", session.install_extension())
        _check_blind(report, session, "before the next login", "Log out and in once")
        session.end_shell()
        session.start_shell()
        pointer = session.pointer()
        with session.tracking() as daemon:
            notes = " ".join(session.home.status()["notes"])
            report.check("it says that scroll is not seen", "scroll is not seen" in notes)
            check_stillness(report, daemon)
            made = person.perform(person.liveliest(), pointer.move)
            ended_ms = daemon.clock_ms()
        person.compare(report, made, ended_ms, session.home, per_s=TOLD_PER_S)

        with session.home.running() as killed:
            killed.kill()
        with session.tracking() as daemon:
            check_each_is_received_once(report, "after a kill -9 the next daemon", session, pointer.move)
            _check_clicks(report, session, pointer)
            _check_scale(report, session)
            _check_lock(report, session, pointer, daemon)
            session.run_quietly("gnome-extensions", "disable", UUID)
            daemon.await_state("blind")
            problem = " ".join(session.home.status()["problems"])
            report.check("switched off, it says how to switch it on", f"gnome-extensions enable {UUID}" in problem)
            session.run_quietly("gnome-extensions", "enable", UUID)
            daemon.await_state("tracking")
            check_each_is_received_once(report, "switched on again, the daemon", session, pointer.move)
            session.end_shell(crash=True)
            daemon.await_state("waiting")
            session.start_shell()
            daemon.await_state("tracking")
            check_each_is_received_once(
                report, "after a crash of the shell the daemon", session, session.pointer().move
            )

        if shutil.which("Xwayland"):
            check_xwayland_is_refused(report, session, *session.xwayland())
        else:
            print("gnome: Xwayland is not installed, so nothing was asked of it: apt-get install xwayland")


def _check_blind(report: Report, session: Gnome, when: str, hint: str) -> None:
    with session.home.running(state="blind") as daemon:
        problem = " ".join(session.home.status()["problems"])
        report.check(f"{when} it is blind and says what to do", hint in problem, problem)
        daemon.stop()


def _check_clicks(report: Report, session: Gnome, pointer: GnomePointer) -> None:
    pointer.move(960, 540)
    for _ in range(CLICKS):
        time.sleep(CLICK_S)
        pointer.click()
    time.sleep(CLICK_S)
    session.home.run_ok("snapshot")
    clicks = session.home.cells("clicks.left")
    report.check(
        f"{CLICKS} clicks of {CLICK_S * 1000:.0f} ms are {CLICKS}", clicks == {(960, 540): CLICKS}, dict(clicks)
    )


def _check_scale(report: Report, session: Gnome) -> None:
    """Positions are kept in the screen's own pixels, whatever its scale."""
    for scale in (1.5, 2.0, 1.0):
        session.scale_screen(scale)
        pointer = session.pointer()
        pointer.move(410, 310)
        time.sleep(CLICK_S)
        pointer.click()
        time.sleep(CLICK_S)
        session.home.run_ok("snapshot")
        pixel = (round(410 * scale), round(310 * scale))
        report.check(
            f"at scale {scale:g} a click counts at its pixel", pixel in session.home.cells("clicks.left"), pixel
        )


def _check_lock(report: Report, session: Gnome, pointer: GnomePointer, daemon: Running) -> None:
    """Lock as far as it goes without a login manager: the shell enters the mode in which it stops extensions."""
    session.home.run_ok("snapshot")
    before = session.home.status()["events"]
    session.evaluate("Main.sessionMode.pushMode('unlock-dialog')")
    pointer.move(300, 300)
    time.sleep(CLICK_S)
    session.evaluate("Main.sessionMode.popMode('unlock-dialog')")
    session.home.run_ok("snapshot")
    is_silent = session.home.status()["events"] == before and not daemon.has_ended()
    report.check("behind a locked screen nothing is counted", is_silent)
    check_each_is_received_once(report, "unlocked, the daemon", session, pointer.move)
