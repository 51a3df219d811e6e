"""GNOME Shell, headless: whose clicks are, by the extension that runs inside it."""

import time

from support.report import Report
from support.waiting import wait_until

from mousetrackd.capture.wayland.gnome_extension import UUID
from wayland import applications
from wayland.applications import AT_ONE, SETTLED_S, Checks
from wayland.gnome import CLICK_S, Gnome, GnomePointer
from wayland.session import CONFIG

_WINDOW = (
    "global.get_window_actors().map(a => a.meta_window).find(w => w.get_wm_class() === '{app_id}'"
    " && w.get_window_type() === 0)"
)
_WINDOWS_BEGIN = "const WINDOWS_LISTENER"
"""Where the part of the extension begins that earlier versions did not have."""


class _Desk:
    def __init__(self, session: Gnome, pointer: GnomePointer) -> None:
        self._session = session
        self._pointer = pointer

    def click(self, x: int, y: int) -> None:
        self._pointer.move(x, y)
        time.sleep(CLICK_S)
        self._pointer.click()

    def place(self, app_id: str, x: int, y: int) -> None:
        window = _WINDOW.format(app_id=app_id)
        wait_until(lambda: self._session.evaluate(f"!!({window})") == "true", f"{app_id} has a window")
        self._session.evaluate(f"{window}.move_frame(true, {x}, {y})")

    def minimise(self, app_id: str, *, minimised: bool) -> None:
        self._session.evaluate(f"{_WINDOW.format(app_id=app_id)}.{'minimize' if minimised else 'unminimize'}()")


def check(report: Report) -> None:
    """Two programs and one that is denied; then an older extension, and each side killed once."""
    with Gnome() as session:
        session.home.configure(CONFIG + applications.CONFIG)
        session.install_extension()
        _start(session)
        with session.tracking() as daemon:
            checks = Checks(report, session, _Desk(session, session.pointer()))
            checks.run(daemon)
        with session.home.running() as killed:
            killed.kill()
        with session.tracking() as daemon:
            checks.open_two()
            checks.check_switches("after a kill -9 each click")
            _check_overview(session, checks)
            session.run_quietly("gnome-extensions", "disable", UUID)
            daemon.await_state("blind")
            session.run_quietly("gnome-extensions", "enable", UUID)
            daemon.await_state("tracking")
            checks.check_switches("after the extension was off each click")
            session.end_shell(crash=True)
            daemon.await_state("waiting")
            _start(session)
            daemon.await_state("tracking")
            checks = Checks(report, session, _Desk(session, session.pointer()))
            checks.open_two()
            checks.check_switches("after a crash of the shell each click")
        session.end_shell()
        _check_old(report, session)


def _start(session: Gnome) -> None:
    session.start_shell()
    session.leave_overview()


def _check_overview(session: Gnome, checks: Checks) -> None:
    """In the overview windows are drawn elsewhere, and none gets the pointer."""
    session.evaluate("Main.overview.show()")
    wait_until(lambda: session.evaluate("Main.overview.visible") == "true", "the overview is there")
    time.sleep(SETTLED_S)
    checks.check("what is clicked in the overview is of no program", [(AT_ONE, "other")])
    session.leave_overview()
    time.sleep(SETTLED_S)


def _check_old(report: Report, session: Gnome) -> None:
    """With an extension that knows nothing of windows motion is recorded, and what is denied fails closed."""
    file = session.folder / "data" / "gnome-shell" / "extensions" / UUID / "extension.js"
    text = file.read_text().replace("new Windows(() => this._pointerReporter?.reportChanges())", "{end() {}}")
    file.write_text(text[: text.index(_WINDOWS_BEGIN)])
    _start(session)
    pointer = session.pointer()
    for deny, what, whose in (
        (True, "with an older extension and something denied nothing is counted", ""),
        (False, "with an older extension and nothing denied all is of no program", "other"),
    ):
        session.home.configure(CONFIG + (applications.CONFIG if deny else "[applications]\nenabled = true\n"))
        with session.tracking():
            checks = Checks(report, session, _Desk(session, pointer))
            notes = " ".join(session.home.status()["notes"])
            report.check("an older extension is reported", "runs an earlier" in notes, notes)
            problem = " ".join(session.home.status()["problems"])
            report.check("and so is whether that costs counts", ("not known which" in problem) == deny, problem)
            checks.check(what, [(AT_ONE, whose)])
