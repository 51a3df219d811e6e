"""Wayfire, headless: what its IPC reports of a person's motion, and what asking costs while there is none."""

import os
import re
import time

from support.report import Report, SkipError
from support.waiting import wait_until

from mousetrackd.capture.wayland.polling import MOVING_INTERVAL_S, RESTED_SHARE, RESTING_INTERVAL_S
from wayland.session import check_xwayland_is_refused, use, wakeups
from wayland.wlroots import VirtualMouse, Wlroots, check_a_person, check_crash

_READ_S = 5.0
_WAKEUPS_PER_QUESTION = 3
"""To ask, and to receive the answer, which comes in two pieces."""

CONFIG = """
[core]
plugins = autostart foreign-toplevel ipc ipc-rules
xwayland = true

[autostart]
autostart_wf_shell = false
say = printf "%s\\\\n" "$DISPLAY" "$WAYFIRE_SOCKET" >{words}.new && mv {words}.new {words}
"""


class Wayfire(Wlroots):
    """A session with Wayfire in it."""

    def __init__(self) -> None:
        super().__init__("wayfire")
        version = self.run_tool("wayfire", "--version").split()[0]
        if [int(number) for number in re.findall(r"\d+", version)[:2]] < [0, 10]:
            raise SkipError(f"Wayfire {version} does not start without a graphics card, as 0.10 does")
        self.words = self.folder / "words"
        config = self.folder / "wayfire.ini"
        config.write_text(CONFIG.format(words=self.words))
        self.command += ["-c", str(config)]
        if os.geteuid() == 0:  # mousetrackd takes no compositor of another user than its own
            self.command.append("--with-great-power-comes-great-responsibility")

    def start_compositor(self) -> None:
        """Return when its plugins are there, too."""
        super().start_compositor()
        self.home.variables["WAYFIRE_SOCKET"] = self.said()[1]

    def said(self) -> list[str]:
        """DISPLAY and WAYFIRE_SOCKET, as its clients have them."""
        wait_until(self.words.exists, "Wayfire says what its sockets are", timeout_s=30)
        return self.words.read_text().splitlines()


def check(report: Report) -> None:
    """Replay a person's path, read for a while, crash, and ask the X server inside."""
    with Wayfire() as session:
        session.start_compositor()
        pointer = session.pointer()
        check_a_person(report, session, pointer, source="Wayfire", per_s=1 / MOVING_INTERVAL_S)
        _check_use(report, session, pointer)
        check_crash(report, session)
        check_xwayland_is_refused(report, session, session.said()[0], "")


def _check_use(report: Report, session: Wayfire, pointer: VirtualMouse) -> None:
    """Somebody reads and turns the wheel: only then is a pointer that lies still asked for, ever more rarely."""
    with session.tracking() as daemon:
        use(pointer.scroll, RESTING_INTERVAL_S / RESTED_SHARE)
        before, began_s = wakeups(daemon.pid), time.monotonic()
        use(pointer.scroll, _READ_S)
        woken, read_s = wakeups(daemon.pid) - before, time.monotonic() - began_s
    most = _WAKEUPS_PER_QUESTION * (1 + read_s / RESTING_INTERVAL_S)
    report.check("in use and at rest, it is asked once a second", woken <= most, f"{woken} wake-ups in {read_s:.1f} s")
