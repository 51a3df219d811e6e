"""What any compositor that identifies windows must get right: two programs, one that is denied, and the clicks."""

import json
import time
from collections import Counter
from typing import Protocol

from support.program import Running
from support.report import Report

from wayland.program import Program
from wayland.session import Session, wakeups

ONE, TWO, SECRET = "org.example.one", "org.example.two", "org.example.secret"
SIZE = (500, 400)
AT_ONE, AT_TWO, AT_BOTH, AT_NONE = (150, 350), (950, 750), (550, 450), (1500, 300)
ONE_AT, TWO_AT, SECRET_AT = (100, 200), (500, 400), (1100, 150)
SWITCHES = 12

CONFIG = f"""
[applications]
enabled = true
deny = ["{SECRET}"]
"""

SETTLED_S = 0.4
"""Longer than a compositor takes to raise a window, and what of ours runs inside it to report that."""
STILL_S = 5.0
_SETTLED_AFTER_S = 7.0


class Desk(Protocol):
    """A session as these checks use it."""

    def click(self, x: int, y: int) -> None:
        """Go there and click."""

    def place(self, app_id: str, x: int, y: int) -> None:
        """Have a window's top left there."""

    def minimise(self, app_id: str, *, minimised: bool) -> None:
        """Minimise a window, or bring it back."""


class Checks:
    """The checks, of one session and of whichever daemon runs in it."""

    def __init__(self, report: Report, session: Session, desk: Desk, *, sees_menus: bool = True) -> None:
        self.report = report
        self.session = session
        self.desk = desk
        self._sees_menus = sees_menus

    def open_two(self) -> tuple[Program, Program]:
        """The two programs, whose windows overlap."""
        opened = []
        for app_id, (x, y) in ((ONE, ONE_AT), (TWO, TWO_AT)):
            opened.append(Program(self.session, app_id, *SIZE))
            self.desk.place(app_id, x, y)
        time.sleep(SETTLED_S)
        return opened[0], opened[1]

    def run(self, daemon: Running) -> None:
        """All of them; both programs are gone afterwards."""
        one, two = self.open_two()
        notes = " ".join(self.session.home.status()["notes"])
        self.report.check("windows are identified", "not identified" not in notes, notes)
        problem = " ".join(self.session.home.status()["problems"])
        self.report.check("and nothing is held back", "not known which" not in problem, problem)
        self.check_switches("each click that switches windows")
        self.check_stillness(daemon, one)
        self.check_denied()
        self._check_places(one, two)

    def check_switches(self, what: str) -> None:
        """Clicks that switch windows, each on the window under the pointer; in the overlap on the one that is above."""
        clicks = []
        for number in range(SWITCHES):
            clicks += [((AT_ONE, ONE), (AT_TWO, TWO))[number % 2], (AT_BOTH, (ONE, TWO)[number % 2])]
        self.check(f"{what} is of the window under the pointer", clicks)

    def _check_places(self, one: Program, two: Program) -> None:
        desk = self.desk
        desk.place(ONE, 1300, 200)
        time.sleep(SETTLED_S)
        self.check("a window that was moved is where it is now", [((1350, 250), ONE), (AT_ONE, "other")])
        if self._sees_menus:
            desk.place(TWO, 1200, 400)
            one.say("menu 100 350 300 200")
            time.sleep(SETTLED_S)
            self.check("a menu is its program's", [((1450, 700), ONE)])
            desk.place(TWO, *TWO_AT)
        desk.minimise(TWO, minimised=True)
        time.sleep(SETTLED_S)
        self.check("one that is minimised is nowhere", [(AT_TWO, "other")])
        desk.minimise(TWO, minimised=False)
        time.sleep(SETTLED_S)
        self.check("one that is back is there", [(AT_TWO, TWO)])
        for program in (one, two):
            program.close()
        time.sleep(SETTLED_S)
        self.check("one that is closed is gone", [(AT_TWO, "other"), ((1350, 250), "other")])

    def check_denied(self) -> None:
        """Check that nothing counts over a denied program, nor while it has the keyboard."""
        secret = Program(self.session, SECRET, *SIZE)
        self.desk.place(SECRET, *SECRET_AT)
        time.sleep(SETTLED_S)
        x, y = SECRET_AT
        self.check("a denied program counts nowhere", [((x + 50, y + 50), ""), ((x + 100, y + 90), "")])
        self.check_denied_keyboard()
        secret.close()
        time.sleep(SETTLED_S)

    def check_denied_keyboard(self) -> None:
        """Check that what is done elsewhere while a denied program has the keyboard is not counted."""
        self.check("nor does what is clicked while it has the keyboard", [(AT_ONE, "")])
        self.check("what comes after does", [(AT_ONE, ONE)])

    def check_stillness(self, daemon: Running, program: Program) -> None:
        """Check that nothing wakes the daemon while a title changes all the time."""
        woken = self.wakeups_by_titles(daemon, program)
        self.report.check(f"titles change for {STILL_S:g} s: no wake-up", woken == 0, woken)

    def wakeups_by_titles(self, daemon: Running, program: Program) -> int:
        """How often the daemon is woken in ``STILL_S`` while a title changes all the time."""
        program.say("titles")
        time.sleep(_SETTLED_AFTER_S)
        before = wakeups(daemon.pid)
        time.sleep(STILL_S)
        woken = wakeups(daemon.pid) - before
        program.say("enough")
        return woken

    def check(self, what: str, clicks: list[tuple[tuple[int, int], str]]) -> None:
        """Click at each place, and check whose the clicks are; "" is nobody's, and is not counted at all."""
        before = self._counted()
        for (x, y), _ in clicks:
            self.desk.click(x, y)
            time.sleep(SETTLED_S)
        counted = self._counted()
        counted.subtract(before)
        found = +counted
        wanted = Counter(name for _, name in clicks if name)
        self.report.check(what, found == wanted, dict(found), details=[f"It should be {dict(wanted)}."])

    def _counted(self) -> Counter[str]:
        """All clicks so far, by application."""
        self.session.home.run_ok("snapshot")
        said = json.loads(self.session.home.run_ok("stats", "--applications", "--json"))
        return Counter({one["application"]: one["clicks"] for one in said})
