"""What must hold of a login and all that follows, in the order in which it happens."""

import signal
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from support.report import Report
from support.waiting import wait_until

from login.guest import HOME, RUNTIME, SESSION_TIMEOUT_S, UNIT, Guest, Pixel

SECURITY_LIMIT = 2.0
WATCHDOG_S = 8
"""The guest's watchdog is more impatient than the shipped one, so that the check takes less time."""

_DROP_IN = f"{HOME}/.config/systemd/user/{UNIT}.d/watchdog.conf"


class Story:
    """alice, her presses, and what should be in her store."""

    def __init__(self, guest: Guest) -> None:
        self.guest = guest
        self.pressed: Counter[Pixel] = Counter()
        self.kind = ""
        self.before: set[str] = set()
        """Her files before anything of ours was installed."""

    # What she does --------------------------------------------------------------------------------------

    def log_in(self, kind: str = "systemd") -> None:
        """Return when all is started that her systemd starts. For its kinds see the guest's /usr/local/bin/session."""
        self.kind = kind
        self.guest.root("systemctl", "start", f"login@{kind}.service")
        if kind == "plain":
            self.until(lambda: self.guest.processes("--exact", "Xvfb") != [], "there is a display")
        else:
            self.until(lambda: self.guest.is_active("desktop.target"), "her session is there")
            self.until(lambda: self.guest.systemctl("list-jobs", "--no-legend") == "", "nothing is being started")

    def log_out(self) -> None:
        """Return when no daemon is left."""
        self.guest.root("systemctl", "stop", f"login@{self.kind}.service")
        self.until(lambda: self.guest.daemons() == [], "it has ended")

    def press(self, x: int, y: int, times: int = 1) -> None:
        """Press there, so often; all of it is to be counted."""
        self.guest.pointer(f"move(({x}, {y}))", *["click(LEFT)"] * times)
        self.pressed[x, y] += times

    # What is to be seen ---------------------------------------------------------------------------------

    def until(self, condition: Callable[[], bool], what: str) -> None:
        """Return as soon as ``condition`` holds."""
        try:
            wait_until(condition, what, timeout_s=SESSION_TIMEOUT_S)
        except AssertionError as error:
            seen = f"unit {self.guest.unit()}, daemons {self.guest.daemons()}, status {self.guest.status()}"
            raise AssertionError(f"{error}; {seen}") from None

    def until_state(self, state: str) -> None:
        """Return when there is one daemon, and it says so."""
        self.until(lambda: self._is(state), f"it is {state}")

    def _is(self, state: str) -> bool:
        status = self.guest.status()
        return status.get("state") == state and self.guest.daemons() == [status["pid"]]

    def until_unit(self, state: str) -> int:
        """The pid of the one daemon, once it says so, and her systemd knows both."""

        def is_known() -> bool:
            unit, pid = self.guest.unit(), str(self.guest.status().get("pid"))
            is_active = unit.get("ActiveState") == "active" and unit["MainPID"] == pid
            return is_active and unit["StatusText"].startswith(state) and self._is(state)

        self.until(is_known, f"it is {state}, as a unit")
        return int(self.guest.status()["pid"])

    def calm(self) -> int:
        """The pid of a daemon whose starts systemd has forgotten: a check starts it more often than allowed."""
        self.guest.systemctl("reset-failed", UNIT)
        return self.until_unit("tracking")

    def until_restarted(self) -> None:
        """Return when systemd has started it again, once since it was ``calm``."""
        self.until(lambda: self.restarts() > 0, "it is started again")
        self.until_unit("tracking")
        assert self.restarts() == 1

    def restarts(self) -> int:
        """How often systemd has started it again by itself, since it was ``calm``."""
        return int(self.guest.unit().get("NRestarts", 0))

    def expect_presses(self) -> None:
        """What is in the store is what she pressed."""
        found = self.guest.presses()
        assert found == self.pressed, (
            f"pressed and not counted: {self.pressed - found}; too many: {found - self.pressed}"
        )

    def files(self) -> set[str]:
        """What lies in her home, but for the program and dunst's fonts, and what of ours is in her runtime folder."""
        others = [word for folder in ("venv", ".cache/fontconfig") for word in ("-not", "-path", f"/{HOME}/{folder}*")]
        home = self.guest.root("find", f"/{HOME}", *others)
        return {*home.splitlines(), *self.guest.root("find", f"/{RUNTIME}", "-name", "*mousetrackd*").splitlines()}


def first_login(story: Story, report: Report) -> None:
    """Installed by her, inside her session."""
    guest = story.guest
    with report.expect("the wheel installs into a venv of hers"):
        guest.alice("python3", "-m", "venv", f"/{HOME}/venv")
        guest.alice("env", "PIP_NO_INDEX=1", "PIP_FIND_LINKS=/srv/wheels", "pip", "install", "-q", "/checkout")
        guest.alice("mkdir", "-p", ".cache", ".config", ".local/share", ".ssh")  # as any desktop would have
        guest.alice("touch", ".ssh/id")
    with report.expect("she logs in, and nothing of ours runs"):
        story.log_in()
        assert guest.daemons() == []
        story.before = story.files()
    with report.expect("install: it tracks at once, as a unit that reports what happens"):
        guest.alice("mousetrackd", "install")
        story.until_unit("tracking")
        assert guest.unit()["WatchdogUSec"] == "1min"
    with report.expect("presses are counted exactly, and the sandboxed worker draws"):
        for number in range(20):
            story.press(40 + 7 * number, 500 - 11 * number, times=1 + number % 3)
        guest.alice("mousetrackd", "snapshot")
        story.expect_presses()
        assert guest.status()["problems"] == []
        assert guest.path(f"{HOME}/.local/share/mousetrackd/snapshots/latest.png").stat().st_size > 0
    with report.expect("a notification announces the first picture"):
        story.until(
            lambda: "Your first heatmap is ready" in guest.alice("dunstctl", "history"), "the desktop has shown it"
        )
    with report.expect("a click on the launcher opens the page"):
        launcher = f"/{HOME}/.local/share/applications/org.mousetrackd.mousetrackd.desktop"
        guest.alice("sh", "-c", f"dex {launcher} >/dev/null 2>&1")
        opened = guest.path(f"{HOME}/opened")
        story.until(opened.exists, "the browser is started")
        assert opened.read_text("utf-8").strip().endswith("/mousetrackd/snapshots/history.html")
        opened.unlink()
    with report.expect("a click that fails says why in a notification"):
        guest.alice("sh", "-c", "mousetrackd from-menu render nowhere/out.png 2>/dev/null || true")
        story.until(
            lambda: "mousetrackd could not do it" in guest.alice("dunstctl", "history"), "it has shown that, too"
        )
    with report.expect("systemd-analyze verify has nothing to say"):
        assert guest.alice("sh", "-c", f"systemd-analyze --user verify .config/systemd/user/{UNIT} 2>&1") == ""
    with report.expect(f"systemd-analyze security: at most {SECURITY_LIMIT}"):
        threshold = f"--threshold={SECURITY_LIMIT * 10:.0f}"
        print(guest.alice("systemd-analyze", "--user", "security", threshold, "--no-pager", UNIT).splitlines()[-1])
    with report.expect("the sandbox is real: it can write its data, and neither write the rest nor read her keys"):
        inside = ("nsenter", "--target", str(story.until_unit("tracking")), "--mount", "--")
        for folder in (f"/{HOME}", f"/{HOME}/.local/share", "/tmp"):  # noqa: S108 - the guest's
            assert "Read-only" in guest.fails(*inside, "touch", f"{folder}/forbidden")
        assert guest.root(*inside, "ls", f"/{HOME}/.ssh") == ""
        for folder in (f"/{HOME}/.local/share/mousetrackd", f"/{RUNTIME}"):
            guest.root(*inside, "touch", f"{folder}/allowed")
            guest.root(*inside, "rm", f"{folder}/allowed")


def signals(story: Story, report: Report) -> None:
    """What systemctl knows of it."""
    guest = story.guest
    with report.expect("systemctl kill -s USR1 pauses"):
        guest.systemctl("kill", "--signal=USR1", "--kill-whom=main", UNIT)
        story.until_unit("paused")
        guest.pointer("move((600, 600))", "click(LEFT)")
    with report.expect("systemctl kill -s USR2 resumes"):
        guest.systemctl("kill", "--signal=USR2", "--kill-whom=main", UNIT)
        story.until_unit("tracking")
        story.press(601, 601)
    with report.expect("systemctl reload"):
        pid = story.calm()
        guest.systemctl("reload", UNIT)
        assert story.until_unit("tracking") == pid
    with report.expect("USR1 before it can handle it pauses and does not kill"):
        guest.systemctl("stop", UNIT)
        story.expect_presses()
        guest.systemctl("start", "--no-block", UNIT)
        story.until(lambda: guest.blocks(int(guest.unit()["MainPID"]), signal.SIGUSR1), "there is a process of ours")
        guest.systemctl("kill", "--signal=USR1", "--kill-whom=main", UNIT)
        story.until_unit("paused")
        assert story.restarts() == 0
        guest.alice("mousetrackd", "resume")
        story.until_unit("tracking")


def crashes(story: Story, report: Report) -> None:
    """It dies, it hangs, the display hangs."""
    guest = story.guest
    with report.expect("kill -9: it is started again"):
        story.press(10, 10)
        guest.alice("mousetrackd", "snapshot")
        story.calm()
        guest.systemctl("kill", "--signal=KILL", "--kill-whom=main", UNIT)
        story.until_restarted()
        story.expect_presses()
    drop_in = guest.path(_DROP_IN)
    guest.alice("mkdir", "-p", f"/{_DROP_IN.rpartition('/')[0]}")
    drop_in.write_text(f"[Service]\nWatchdogSec={WATCHDOG_S}\n", "utf-8")
    guest.systemctl("daemon-reload")
    guest.systemctl("restart", UNIT)
    with report.expect("a daemon that hangs is ended by the watchdog and started again"):
        guest.root("kill", "-STOP", str(story.calm()))
        story.until_restarted()
        story.press(12, 12)
    with report.expect("a display that hangs: what was counted is saved, and it is started again"):
        story.calm()
        story.press(13, 13)
        (display,) = guest.processes("--exact", "Xvfb")
        guest.root("kill", "-STOP", str(display))
        story.until(lambda: story.restarts() > 0, "it is started again")
        guest.root("kill", "-CONT", str(display))
        story.until_unit("tracking")
        story.expect_presses()
    drop_in.unlink()
    drop_in.parent.rmdir()
    guest.systemctl("daemon-reload")
    guest.systemctl("restart", UNIT)


def logins(story: Story, report: Report) -> None:
    """Sessions end and begin. Leaves her logged in and tracked."""
    guest = story.guest
    with report.expect("logout: all is saved, and nothing of hers is left"):
        story.until_unit("tracking")
        story.press(20, 20, times=3)
        story.log_out()
        story.until(lambda: guest.processes() == [], "nothing of hers runs")
        story.expect_presses()
    with report.expect("lingering without a login does not start it"):
        guest.root("loginctl", "enable-linger", "alice")
        story.until(lambda: guest.is_active("user@1000.service", user=False), "she has a systemd")
        assert guest.systemctl("is-system-running", "--wait") == "running\n"
        assert not guest.is_active(UNIT)
        assert guest.daemons() == []
        guest.root("loginctl", "disable-linger", "alice")
        story.until(lambda: guest.processes() == [], "nothing of hers runs")
    with report.expect("the second login continues the same store"):
        story.log_in()
        story.until_unit("tracking")
        story.press(20, 20)
        story.press(21, 21)
    with report.expect("X dies: the session ends, all is saved, nothing is started again and again"):
        (display,) = guest.processes("--exact", "Xvfb")
        guest.root("kill", "-KILL", str(display))
        story.until(lambda: guest.unit()["ActiveState"] not in ("active", "deactivating"), "the unit has ended")
        unit = guest.unit()
        assert (unit["ActiveState"], unit["Result"], unit["NRestarts"]) == ("inactive", "success", "0"), unit
        assert guest.daemons() == []
        story.expect_presses()
        story.until(lambda: not guest.is_active("login@systemd.service", user=False), "the session is over")
    with report.expect("a login a moment after a logout"):
        story.log_in()
        first = story.until_unit("tracking")
        story.press(22, 22)
        guest.root("systemctl", "stop", "login@systemd.service")
        story.log_in()
        story.until(lambda: first not in guest.daemons(), "the first session's daemon has ended")
        story.until_unit("tracking")
        story.press(23, 23)


def after_poweroff(story: Story, report: Report) -> None:
    """The machine went down under her session."""
    with report.expect("a power off while she works loses nothing"):
        story.expect_presses()


def desktops(story: Story, report: Report) -> None:
    """Those that do not let systemd start the session, or not only."""
    guest = story.guest
    with report.expect("a desktop that knows nothing of systemd starts it by the autostart entry"):
        story.log_in("plain")
        story.until_state("tracking")
        story.press(30, 30)
        story.log_out()
        story.expect_presses()
    with report.expect("a desktop that starts unit and entry has one daemon"):
        story.log_in("both")
        story.until_unit("tracking")
        story.press(31, 31)
        guest.alice("mousetrackd", "snapshot")
        story.expect_presses()
        story.log_out()


def uninstalled(story: Story, report: Report) -> None:
    """Away with it, also inside her session."""
    guest = story.guest
    story.log_in()
    with report.expect("uninstall leaves the data, and nothing else"):
        story.until_unit("tracking")
        guest.alice("mousetrackd", "uninstall")
        story.until(lambda: guest.daemons() == [], "it has ended")
        left = {file for file in story.files() - story.before if "/mousetrackd" not in file}
        assert left == set(), f"left: {sorted(left)}"
        story.expect_presses()
    with report.expect("uninstalled, a login does not start it"):
        story.log_out()
        story.log_in("both")
        assert not guest.is_active(UNIT)
        assert guest.daemons() == []
    with report.expect("uninstall --purge leaves nothing"):
        guest.alice("mousetrackd", "uninstall", "--purge", "--yes")
        left = story.files() - story.before
        assert left == set(), f"left: {sorted(left)}"


def main() -> None:
    """Boot twice, and look."""
    guest = Guest(Path(sys.argv[1]))
    story, report = Story(guest), Report(context=lambda: guest.journal(40))
    with guest.booted():
        guest.root("useradd", "--create-home", "--shell=/bin/bash", "alice")
        first_login(story, report)
        signals(story, report)
        crashes(story, report)
        logins(story, report)
    with guest.booted():
        after_poweroff(story, report)
        desktops(story, report)
        uninstalled(story, report)
    sys.exit(not report.close())


if __name__ == "__main__":
    main()
