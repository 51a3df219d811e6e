"""A user's session of its own: private folders, a private bus, a compositor, and mousetrackd in it."""

import atexit
import contextlib
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Self

from support.bus import PrivateBus
from support.program import Home, Running
from support.report import Report, SkipError
from support.waiting import wait_until

from mousetrackd.daemon.tracker import DRAIN_INTERVAL_S

START_TIMEOUT_S = 60.0
_END_TIMEOUT_S = 10.0
_SETTLED_AFTER_S = DRAIN_INTERVAL_S + 2
"""By then a daemon has counted what had gathered."""
_STILL_S = 5.0
_FAR_APART_S = 0.2
_USED_EVERY_S = 0.5
"""A seat is idle after a second."""
_X_SOCKETS = Path("/tmp/.X11-unix")  # noqa: S108 - where all X servers have them
CONFIG = "checkpoint_interval_s = 3600\nsnapshot_interval_s = 86400\n"
"""Nothing is saved or drawn while wake-ups are counted."""


def must_have(program: str, package: str) -> str:
    """The path of a program. Raises SkipError saying how it is installed."""
    for folder in os.environ.get("PATH", os.defpath).split(":"):
        if (Path(folder) / program).is_file():
            return str(Path(folder) / program)
    raise SkipError(f"{program} is not installed: apt-get install --no-install-recommends {package}")


class Session(contextlib.ExitStack):
    """Folders and a bus. Use it in a ``with``; all that was started in it ends with it.

    ``home`` is the user's, in whose environment everything is started.
    """

    def __init__(self) -> None:
        super().__init__()
        # Booting makes this folder, in a bare container nobody does: KWin 5.27 then hangs, 6.7 starts no Xwayland.
        with contextlib.suppress(FileExistsError):
            _X_SOCKETS.mkdir()
            _X_SOCKETS.chmod(0o1777)
        atexit.register(self.close)  # also where a part cannot be set up
        # Short, and not in the checkout: the path of a socket has 107 characters.
        self.folder = Path(self.enter_context(tempfile.TemporaryDirectory(prefix="mousetrackd-")))
        self.home = Home(self.folder)
        self.home.configure(CONFIG)
        self.runtime = self.folder / "runtime"
        self.bus = PrivateBus(self.runtime)
        self.bus.start()
        self.callback(self.bus.stop)
        self.home.variables |= {
            "DBUS_SESSION_BUS_ADDRESS": self.bus.address,
            "HOME": str(self.folder),
            "DISPLAY": None,
            "XAUTHORITY": None,
            "LIBGL_ALWAYS_SOFTWARE": "1",
            "XDG_SESSION_TYPE": "wayland",
        }

    def __enter__(self) -> Self:
        super().__enter__()
        return self

    def log(self, name: str) -> Path:
        """What a program that was started said."""
        return self.folder / f"{name}.log"

    def start(self, name: str, command: Sequence[str | Path]) -> subprocess.Popen[bytes]:
        """Start a program that ends with the session, at the latest."""
        with self.log(name).open("ab") as log:
            process = subprocess.Popen(
                [str(word) for word in command],
                env=self.home.environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.callback(end, process)
        return process

    def wait_for_display(self, name: str, of: subprocess.Popen[bytes], log: str) -> None:
        """Return when a compositor takes clients at the socket ``name``, which all that is started then uses."""

        def is_there() -> bool:
            if of.poll() is not None:
                raise RuntimeError(f"{log} ended with {of.returncode}:\n{self.log(log).read_text(errors='replace')}")
            return (self.runtime / name).is_socket()

        wait_until(is_there, f"{log} takes clients", timeout_s=START_TIMEOUT_S)
        self.home.variables["WAYLAND_DISPLAY"] = name

    @contextlib.contextmanager
    def tracking(self) -> Iterator[Running]:
        """A daemon that has chosen by itself what to listen to; it is stopped, and all is saved, at the end."""
        with self.home.running() as daemon:
            yield daemon
            if not daemon.has_ended():
                daemon.stop()


def end(process: subprocess.Popen[bytes]) -> None:
    """End a program, if it has not ended."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(_END_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def check_stillness(report: Report, daemon: Running) -> None:
    """Check that a daemon sleeps while nothing moves."""
    time.sleep(_SETTLED_AFTER_S)
    before = wakeups(daemon.pid)
    time.sleep(_STILL_S)
    woken = wakeups(daemon.pid) - before
    report.check(f"nothing moves for {_STILL_S:g} s: no wake-up", woken == 0, woken)


def use(seat: Callable[[], None], for_s: float) -> None:
    """Do something at a seat again and again, so that it is never idle."""
    until_s = time.monotonic() + for_s
    while time.monotonic() < until_s:
        seat()
        time.sleep(_USED_EVERY_S)


def check_each_is_received_once(report: Report, who: str, session: Session, move: Callable[[int, int], None]) -> None:
    """Check that a running daemon counts two moves as two."""

    def counted() -> int:
        session.home.run_ok("snapshot")
        return int(session.home.status()["events"])

    before = -1

    def is_at_rest() -> bool:
        nonlocal before
        earlier, before = before, counted()
        time.sleep(_FAR_APART_S)
        return before == earlier

    def received() -> int:
        return counted() - before

    # A new pointer has just come from somewhere, and that may be reported late.
    wait_until(is_at_rest, "no more is counted of how the pointer came")
    # However far apart they are, two moves are one to who gets reports only now and then, on a machine that is busy.
    move(700, 500)
    time.sleep(_FAR_APART_S)
    wait_until(lambda: received() >= 1, "a move is counted")
    move(800, 500)
    time.sleep(_FAR_APART_S)
    wait_until(lambda: received() >= 2, "another one is counted")
    report.check(f"{who} counts each move once", received() == 2, received())


def check_xwayland_is_refused(report: Report, session: Session, display: str, authority: str) -> None:
    """Check that the X server inside a Wayland compositor is not listened to, with whatever words."""
    variables = session.home.variables
    session.home.variables = {**variables, "DISPLAY": display, "XAUTHORITY": authority}
    try:
        with session.home.running("--source", "pynput", state="blind") as daemon:
            problem = " ".join(session.home.status()["problems"])
            report.check("the X server inside is refused", "Wayland" in problem, problem)
            report.check("and nothing is recorded of it", session.home.status()["events"] == 0)
            daemon.stop()
    finally:
        session.home.variables = variables


def wakeups(pid: int) -> int:
    """How often the threads of a process have been switched to."""
    lines = [
        line
        for task in Path(f"/proc/{pid}/task").iterdir()
        for line in (task / "status").read_text().splitlines()
        if "ctxt_switches" in line
    ]
    return sum(int(line.split()[1]) for line in lines)
