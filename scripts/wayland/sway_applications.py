"""sway, headless: in whose window the pointer rests, by sway's list of windows. Clicks are not seen there."""

from support.report import Report

from wayland import applications
from wayland.rests import Rests
from wayland.session import CONFIG
from wayland.wlroots import VirtualMouse, Wlroots

_FLOATING = """
for_window [app_id=".*"] floating enable
focus_follows_mouse no
"""


class _Desk:
    def __init__(self, session: Wlroots, pointer: VirtualMouse) -> None:
        self._session = session
        self.move, self.click = pointer.move, pointer.click

    def place(self, app_id: str, x: int, y: int) -> None:
        self._do(app_id, f"move absolute position {x} {y}")

    def minimise(self, app_id: str, *, minimised: bool) -> None:
        self._do(app_id, "move scratchpad" if minimised else "scratchpad show")

    def _do(self, app_id: str, command: str) -> None:
        self._session.run_tool("swaymsg", f'[app_id="{app_id}"] {command}')


def check(report: Report) -> None:
    """Two programs and one that is denied; then each side killed once."""
    with Wlroots("sway") as session:
        config = session.folder / "sway.conf"
        config.write_text(config.read_text() + _FLOATING)
        session.home.configure(CONFIG + applications.CONFIG)
        session.start_compositor()
        pointer = session.pointer()
        with session.tracking() as daemon:
            checks = Rests(report, session, _Desk(session, pointer))
            checks.run(daemon)
        with session.home.running() as killed:
            killed.kill()
        with session.tracking() as daemon:
            checks.open_two()
            checks.check_switches("after a kill -9 each rest")
            session.kill_compositor()
            daemon.await_state("waiting")
            session.start_compositor()
            daemon.await_state("tracking")
            checks = Rests(report, session, _Desk(session, session.pointer()))
            checks.open_two()
            checks.check_switches("after a crash of sway each rest")
