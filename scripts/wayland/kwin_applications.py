"""KWin, headless: whose clicks are, by the script of windows that runs inside it."""

import time

from support.report import Report
from support.waiting import wait_until

from wayland import applications
from wayland.applications import SETTLED_S, Checks
from wayland.kwin_session import KWinPointer, Plasma
from wayland.session import CONFIG

_LEFT = 0x110  # linux/input-event-codes.h

_DO = """
const six = workspace.windowActivated !== undefined;
for (const window of six ? workspace.stackingOrder : workspace.clientList()) {{
    if (String(window.resourceClass) === "{app_id}" && !window.popupWindow) {{ {action} }}
}}
"""


class _Desk:
    def __init__(self, session: Plasma, pointer: KWinPointer) -> None:
        self._session = session
        self._pointer = pointer

    def click(self, x: int, y: int) -> None:
        self._pointer.move(x, y)
        self._pointer.press(_LEFT)

    def place(self, app_id: str, x: int, y: int) -> None:
        self._do(
            app_id,
            f"const g = window.frameGeometry;"
            f" window.frameGeometry = {{x: {x}, y: {y}, width: g.width, height: g.height}};",
        )

    def minimise(self, app_id: str, *, minimised: bool) -> None:
        self._do(app_id, f"window.minimized = {str(minimised).lower()};")

    def _do(self, app_id: str, action: str) -> None:
        self._session.run_script(_DO.format(app_id=app_id, action=action))


def check(report: Report) -> None:
    """Two programs and one that is denied; then kill each side once."""
    with Plasma() as session:
        session.home.configure(CONFIG + applications.CONFIG)
        session.install_effect()
        session.start_kwin()
        with session.tracking() as daemon:
            checks = Checks(report, session, _Desk(session, session.pointer()))
            checks.run(daemon)
        report.check("stopped, it leaves no script behind", not session.has_script("mousetrackd-windows"))
        with session.home.running() as killed:
            killed.kill()
        with session.tracking() as daemon:
            checks.open_two()
            checks.check_switches("after a kill -9 each click")
            session.call("/KWin", "org.kde.KWin", "reconfigure")
            time.sleep(SETTLED_S)
            wait_until(session.has_effect, "the effect is loaded again")
            checks.check_switches("after reconfigure each click")
            session.kill_kwin()
            daemon.await_state("waiting")
            session.start_kwin()
            daemon.await_state("tracking")
            checks = Checks(report, session, _Desk(session, session.pointer()))
            checks.open_two()
            checks.check_switches("after a crash of KWin each click")
        _check_off(report, session)


def _check_off(report: Report, session: Plasma) -> None:
    """Who does not count by application has nothing run inside KWin for it."""
    session.home.configure("")
    with session.tracking():
        report.check("switched off, KWin runs no script for it", not session.has_script("mousetrackd-windows"))
