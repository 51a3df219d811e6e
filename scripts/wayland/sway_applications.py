"""sway, headless: in whose window the pointer rests, by sway's list of windows. Clicks are not seen there."""

import time

from support.program import Running
from support.report import Report

from wayland import applications
from wayland.applications import AT_ONE, ONE, SECRET, SECRET_AT, SETTLED_S, SIZE, STILL_S, TWO, Checks
from wayland.program import RETITLE_S, Program
from wayland.session import CONFIG, check_stillness
from wayland.wlroots import VirtualMouse, Wlroots

_FLOATING = """
for_window [app_id=".*"] floating enable
focus_follows_mouse no
"""
_RESTED_MS = 250
"""A rest is longer, and what a window has of another's is shorter."""
_WAKEUPS_PER_TITLE = 2


class _Desk:
    def __init__(self, session: Wlroots, pointer: VirtualMouse) -> None:
        self._session = session
        self.pointer = pointer

    def click(self, x: int, y: int) -> None:
        self.pointer.move(x, y)
        self.pointer.press()

    def place(self, app_id: str, x: int, y: int) -> None:
        self._do(app_id, f"move absolute position {x} {y}")

    def minimise(self, app_id: str, *, minimised: bool) -> None:
        self._do(app_id, "move scratchpad" if minimised else "scratchpad show")

    def _do(self, app_id: str, command: str) -> None:
        self._session.run_tool("swaymsg", f'[app_id="{app_id}"] {command}')


class _Rests(Checks):
    """The same checks, by where the pointer rests after a click."""

    def __init__(self, report: Report, session: Wlroots, pointer: VirtualMouse) -> None:
        self._sway = _Desk(session, pointer)
        super().__init__(report, session, self._sway, sees_menus=False)
        self._visits = 0

    def check(self, what: str, clicks: list[tuple[tuple[int, int], str]]) -> None:
        self._check_rests(what, clicks, clicks=True)

    def check_denied(self) -> None:
        secret = Program(self.session, SECRET, *SIZE)
        self.desk.place(SECRET, *SECRET_AT)
        time.sleep(SETTLED_S)
        x, y = SECRET_AT
        self.check("a denied program counts nowhere", [((x + 50, y + 50), ""), ((x + 100, y + 90), "")])
        self._check_rests("nor does another while it has the keyboard", [(AT_ONE, "")], clicks=False)
        self.desk.click(*AT_ONE)
        time.sleep(SETTLED_S)
        self._check_rests("what comes after does", [(AT_ONE, ONE)], clicks=False)
        secret.close()
        time.sleep(SETTLED_S)

    def check_stillness(self, daemon: Running, program: Program) -> None:
        check_stillness(self.report, daemon)
        woken, titles = self.wakeups_by_titles(daemon, program), STILL_S / RETITLE_S
        what = f"{titles:g} titles change: at most {_WAKEUPS_PER_TITLE} wake-ups for each, for sway tells them"
        self.report.check(what, woken <= titles * _WAKEUPS_PER_TITLE, woken)

    def _check_rests(self, what: str, places: list[tuple[tuple[int, int], str]], *, clicks: bool) -> None:
        """Rest at a pixel of its own at each place, and check that nobody but the one named has the time there."""
        rested = []
        for (x, y), name in places:
            self._visits += 1
            pixel = (x + self._visits % 50, y + self._visits // 50)
            if clicks:
                self.desk.click(*pixel)
            else:
                self._sway.pointer.move(*pixel)
            time.sleep(SETTLED_S * 2)
            rested.append((pixel, name))
        self._sway.pointer.move(5, 5)
        time.sleep(SETTLED_S)
        home, counted = self.session.home, self._counted()
        known = {ONE, TWO, SECRET, "other"} & counted.keys()
        dwell = {name: home.cells("dwell", "--application", name) for name in known}
        wrong = []
        for pixel, name in rested:
            whose = {one for one, ms in dwell.items() if ms[pixel] >= _RESTED_MS}
            if whose != ({name} if name else set()):
                wrong.append(f"{pixel} should be {name or 'nobody'}'s, and is of {sorted(whose)}")
        self.report.check(what, not wrong, f"{len(rested) - len(wrong)} of {len(rested)}", details=wrong)


def check(report: Report) -> None:
    """Two programs and one that is denied; then each side killed once."""
    with Wlroots("sway") as session:
        config = session.folder / "sway.conf"
        config.write_text(config.read_text() + _FLOATING)
        session.home.configure(CONFIG + applications.CONFIG)
        session.start_compositor()
        pointer = session.pointer()
        with session.tracking() as daemon:
            checks = _Rests(report, session, pointer)
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
            checks = _Rests(report, session, session.pointer())
            checks.open_two()
            checks.check_switches("after a crash of sway each rest")
