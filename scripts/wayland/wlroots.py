"""sway and labwc, headless: the whole life of cursor sessions, on screens of every scale and turn."""

import subprocess
import time
from pathlib import Path
from typing import Any

from pywayland.protocol.wayland import WlSeat
from pywayland.protocol_core.argument import Argument
from pywayland.protocol_core.interface import Interface
from pywayland.protocol_core.proxy import Proxy
from pywayland.scanner.argument import ArgumentType
from support.program import Pixel, Running
from support.report import Report
from support.waiting import wait_until

from mousetrackd.capture.wayland.connection import Connection
from mousetrackd.capture.wayland.outputs import LayoutReader
from mousetrackd.capture.wayland.wlroots import UNSEEN, UNSEEN_AFTER_S
from wayland import person
from wayland.session import Session, check_each_is_received_once, check_stillness, check_xwayland_is_refused, must_have

SOURCE = "cursor sessions"
FRAMES_PER_S = 70
"""A headless screen has 60 frames a second, and a busy machine makes up for late ones."""

_LEFT = 0x110  # linux/input-event-codes.h
_SETTLE_S = 0.6
"""Longer than a busy machine takes for a frame."""

SWAY_CONFIG = """
xwayland force
exec sh -c 'printf "%s\\n" "$DISPLAY" >{words}.new && mv {words}.new {words}'
"""


class VirtualPointerManager(Interface):
    """The way remote controls have on wlroots (wlr-virtual-pointer-unstable-v1)."""

    name = "zwlr_virtual_pointer_manager_v1"
    version = 1


class VirtualPointer(Interface):
    """A mouse that is not there."""

    name = "zwlr_virtual_pointer_v1"
    version = 1


class VirtualPointerProxy(Proxy[VirtualPointer]):
    """The requests that are used."""

    interface = VirtualPointer

    @VirtualPointer.request(Argument(ArgumentType.Uint), Argument(ArgumentType.Fixed), Argument(ArgumentType.Fixed))
    def motion(self, time_ms: int, dx: float, dy: float) -> None:
        """Move by so much."""
        self._marshal(0, time_ms, dx, dy)

    @VirtualPointer.request(*[Argument(ArgumentType.Uint)] * 5)
    def motion_absolute(self, time_ms: int, x: int, y: int, width: int, height: int) -> None:
        """Go to x/width, y/height of all that is shown."""
        self._marshal(1, time_ms, x, y, width, height)

    @VirtualPointer.request(*[Argument(ArgumentType.Uint)] * 3)
    def button(self, time_ms: int, button: int, state: int) -> None:
        """Press a button, or let go."""
        self._marshal(2, time_ms, button, state)

    @VirtualPointer.request(Argument(ArgumentType.Uint), Argument(ArgumentType.Uint), Argument(ArgumentType.Fixed))
    def axis(self, time_ms: int, axis: int, value: float) -> None:
        """Turn the wheel."""
        self._marshal(3, time_ms, axis, value)

    @VirtualPointer.request()
    def frame(self) -> None:
        """That was all of it."""
        self._marshal(4)


class VirtualPointerManagerProxy(Proxy[VirtualPointerManager]):
    """The request that is used."""

    interface = VirtualPointerManager

    @VirtualPointerManager.request(
        Argument(ArgumentType.Object, interface=WlSeat, nullable=True),
        Argument(ArgumentType.NewId, interface=VirtualPointer),
    )
    def create_virtual_pointer(self, seat: object) -> Any:
        """Plug it in."""
        return self._marshal_constructor(0, VirtualPointer, seat)


VirtualPointer.proxy_class = VirtualPointerProxy
VirtualPointerManager.proxy_class = VirtualPointerManagerProxy
VirtualPointer._gen_c()  # noqa: SLF001 - as pywayland's own generator does
VirtualPointerManager._gen_c()  # noqa: SLF001 - likewise


class VirtualMouse:
    """Moves the pointer, in logical coordinates of a desktop whose top left is 0, 0."""

    def __init__(self, display: Path) -> None:
        self._layout = LayoutReader(str(display))
        self._connection: Connection = self._layout.connection
        manager = self._connection.bind(VirtualPointerManager, version=1)
        self._pointer = manager.create_virtual_pointer(None)
        self._connection.sync()

    def move(self, x: int, y: int) -> None:
        """Return when the pointer is there."""
        for _ in range(2):  # a new screen is asked about by the first, and reported by the second
            self._connection.sync()
            self._layout.dispatch()
        outputs = self._layout.outputs()
        width = max(output.x + output.width for output in outputs)
        height = max(output.y + output.height for output in outputs)
        self._pointer.motion_absolute(Running.clock_ms() & 0xFFFFFFFF, x, y, width, height)
        self._pointer.frame()
        self._connection.sync()

    def press(self) -> None:
        """Press the left button and let go of it."""
        for state in (1, 0):
            self._pointer.button(Running.clock_ms() & 0xFFFFFFFF, _LEFT, state)
            self._pointer.frame()
        self._connection.sync()

    def click(self, x: int, y: int) -> None:
        """Press there."""
        self.move(x, y)
        self.press()

    def scroll(self) -> None:
        """Turn the wheel a little."""
        self._pointer.axis(Running.clock_ms() & 0xFFFFFFFF, 0, 1.0)
        self._pointer.frame()
        self._connection.sync()

    def close(self) -> None:
        """Unplug it."""
        self._layout.close()


class Wlroots(Session):
    """A session with sway or labwc in it, on one screen of 1920x1080."""

    def __init__(self, program: str, *, software_cursors: bool = False) -> None:
        super().__init__()
        self.name = program
        self.words = self.folder / "xwayland"
        config = self.folder / "sway.conf"
        config.write_text(SWAY_CONFIG.format(words=self.words))
        self.command = [must_have(program, program), *(("-c", str(config)) if program == "sway" else ())]
        self.home.variables |= {
            "WLR_BACKENDS": "headless",
            "WLR_LIBINPUT_NO_DEVICES": "1",
            "WLR_RENDERER": "pixman",
            "WLR_HEADLESS_OUTPUTS": "1",
            "SWAYSOCK": str(self.runtime / "sway-ipc.sock"),
            "XDG_CURRENT_DESKTOP": program,
        }
        if software_cursors:
            self.home.variables["WLR_NO_HARDWARE_CURSORS"] = "1"

    def start_compositor(self) -> None:
        """Return when its screen is as it should be."""
        self.words.unlink(missing_ok=True)
        self.home.variables.pop("WAYLAND_DISPLAY", None)
        names = [f"wayland-{number}" for number in range(10)]
        self.process = self.start(self.name, self.command)

        def display() -> str:
            return next((name for name in names if (self.runtime / name).is_socket()), "")

        wait_until(lambda: display() != "" or self.process.poll() is not None, f"{self.name} is up", timeout_s=30)
        self.wait_for_display(display() or names[0], self.process, self.name)
        self.display = self.runtime / display()
        wait_until(lambda: self.run("wlr-randr").returncode == 0, f"{self.name} answers", timeout_s=30)
        self.run_tool(
            "wlr-randr", "--output", "HEADLESS-1", "--custom-mode", "1920x1080", "--pos", "0,0", "--scale", "1"
        )

    def kill_compositor(self) -> None:
        """End it as a crash does."""
        self.process.kill()
        self.process.wait()
        for left in (*self.runtime.glob("wayland-*"), *self.runtime.glob("sway-ipc.*")):
            left.unlink()

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a program of the session."""
        return subprocess.run(
            words, env=self.home.environment(), capture_output=True, text=True, timeout=20, check=False
        )

    def run_tool(self, *words: str) -> str:
        """Run one that has to succeed."""
        done = self.run(*words)
        if done.returncode:
            raise RuntimeError(f"{' '.join(words)}: {done.stdout}{done.stderr}")
        return done.stdout

    def pointer(self) -> VirtualMouse:
        """A pointer for the compositor that runs now."""
        pointer = VirtualMouse(self.display)
        self.callback(pointer.close)
        return pointer


def sway(report: Report) -> None:
    """All that can be shown of cursor sessions."""
    with Wlroots("sway") as session:
        session.start_compositor()
        pointer = session.pointer()
        check_a_person(report, session, pointer, source=SOURCE, per_s=FRAMES_PER_S)
    with Wlroots("sway") as session:
        session.start_compositor()
        pointer = session.pointer()
        _check_screens(report, session, pointer)
        _check_screenshot(report, session, pointer)
        check_crash(report, session)
        wait_until(session.words.exists, "Xwayland runs", timeout_s=30)
        check_xwayland_is_refused(report, session, session.words.read_text().strip(), "")
    with Wlroots("sway", software_cursors=True) as session:
        session.start_compositor()
        _check_software_cursors(report, session, session.pointer())


def labwc(report: Report) -> None:
    """That it is the same there."""
    with Wlroots("labwc") as session:
        session.start_compositor()
        pointer = session.pointer()
        check_a_person(report, session, pointer, source=SOURCE, per_s=FRAMES_PER_S)
    with Wlroots("labwc") as session:
        session.home.variables["WLR_HEADLESS_OUTPUTS"] = "2"
        session.start_compositor()
        pointer = session.pointer()
        _check_turns(report, session, pointer)
        check_crash(report, session)


def check_a_person(report: Report, session: Wlroots, pointer: VirtualMouse, *, source: str, per_s: float) -> None:
    """Replay a person's path. per_s: how many positions a second ``source`` reports at most."""
    with session.tracking() as daemon:
        status = session.home.status()
        report.check(f"{source} is chosen by itself", status["source"].startswith(source), status["source"])
        report.check("it says that clicks and scroll are not seen", "clicks and scroll" in " ".join(status["notes"]))
        check_stillness(report, daemon)
        made = person.perform(person.liveliest(), pointer.move)
        ended_ms = daemon.clock_ms()
    person.compare(report, made, ended_ms, session.home, per_s=per_s)


def _check_screens(report: Report, session: Wlroots, pointer: VirtualMouse) -> None:
    """Screens that come, turn and go while a daemon listens."""
    with session.tracking() as daemon:
        session.run_tool("swaymsg", "create_output")
        daemon.await_status(lambda status: len(status["monitors"]) == 2, "the second screen is reported")
        _turn_and_point(report, session, pointer, daemon)
        session.run_tool("swaymsg", "output HEADLESS-2 unplug")
        daemon.await_status(lambda status: len(status["monitors"]) == 1, "the second screen is gone")
        pointer.move(321, 123)
        time.sleep(_SETTLE_S)
    report.check("with a screen gone the other is counted", (321, 123) in session.home.screens("dwell")["HEADLESS-1"])


def _check_turns(report: Report, session: Wlroots, pointer: VirtualMouse) -> None:
    with session.tracking() as daemon:
        _turn_and_point(report, session, pointer, daemon)


def _turn_and_point(report: Report, session: Wlroots, pointer: VirtualMouse, daemon: Running) -> None:
    """Point at places of a screen of scale 1.5 that is turned on its side, right of a plain one."""
    session.run_tool(
        *("wlr-randr", "--output", "HEADLESS-2", "--custom-mode", "1280x720", "--pos", "1920,0"),
        *("--scale", "1.5", "--transform", "90"),
    )
    daemon.await_status(
        lambda status: "HEADLESS-2@720x1280" in [one["monitor"] for one in status["monitors"]],
        "it is turned on its side",
    )
    pointed: dict[str, list[Pixel]] = {
        "HEADLESS-1": [(200, 100), (960, 540), (1919, 1079)],
        "HEADLESS-2": [(1, 1), (100, 200), (240, 426), (479, 850)],
    }
    for output, places in pointed.items():
        for x, y in places:
            pointer.move(x + (1920 if output == "HEADLESS-2" else 0), y)
            time.sleep(_SETTLE_S)
    pointer.move(5, 5)
    time.sleep(_SETTLE_S)
    session.home.run_ok("snapshot")
    dwell = session.home.screens("dwell")
    for output, scale in (("HEADLESS-1", 1.0), ("HEADLESS-2", 1.5)):
        received = dwell[output]
        missed = [place for place in pointed[output] if not _is_near(place, scale, received)]
        report.check(
            f"places of {output}, scale {scale:g}, are its own pixels",
            not missed,
            f"not {missed} among {dict(received)}" if missed else "",
        )


def _is_near(place: Pixel, scale: float, received: Any) -> bool:
    """Whether a place was rested at, within a pixel: logical places lie between the pixels of a scaled screen."""
    x, y = (value * scale for value in place)
    return any(abs(at_x - x) <= 1 and abs(at_y - y) <= 1 for at_x, at_y in received)


def _check_screenshot(report: Report, session: Wlroots, pointer: VirtualMouse) -> None:
    """A screenshot with the cursor on it makes sway paint the cursor for a while."""
    with session.tracking() as daemon:
        pointer.move(10, 10)
        session.run_tool("grim", "-c", str(session.folder / "screenshot.png"))
        seen_ms = daemon.clock_ms()
        _fidget(pointer, UNSEEN_AFTER_S + 3)
        session.home.run_ok("snapshot")
        notes = session.home.status()["notes"]
        report.check(
            "a screenshot that hides the cursor is a gap, and reported", UNSEEN in notes, daemon.clock_ms() - seen_ms
        )
        report.check("the log says so once", daemon.log.count(UNSEEN) == 1)
    dwell = session.home.screens("dwell")["HEADLESS-1"]
    report.check("the time in it is not counted", dwell[10, 10] < 1000, f"{dwell[10, 10]} ms")


def _check_software_cursors(report: Report, session: Wlroots, pointer: VirtualMouse) -> None:
    with session.tracking() as daemon:
        _fidget(pointer, UNSEEN_AFTER_S + 3)
        session.home.run_ok("snapshot")
        status = session.home.status()
        report.check("painted cursors are reported as not seen", UNSEEN in status["notes"], status["notes"])
        report.check("and nothing is recorded of them", status["events"] == 0, status["events"])
        report.check("the log says so once", daemon.log.count(UNSEEN) == 1)


def _fidget(pointer: VirtualMouse, for_s: float) -> None:
    until_s = time.monotonic() + for_s
    step = 0
    while time.monotonic() < until_s:
        step += 1
        pointer.move(100 + step % 50, 100)
        time.sleep(0.1)


def check_crash(report: Report, session: Wlroots) -> None:
    """Let the compositor crash and come back while a daemon listens."""
    with session.tracking() as daemon:
        session.kill_compositor()
        daemon.await_state("waiting")
        session.start_compositor()
        daemon.await_state("tracking")
        pointer = session.pointer()
        pointer.move(5, 5)
        time.sleep(_SETTLE_S)
        check_each_is_received_once(report, "after a crash of the compositor the daemon", session, pointer.move)
