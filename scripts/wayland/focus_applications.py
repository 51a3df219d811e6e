"""labwc and Wayfire, headless: whose focus it is while the pointer rests, for they do not say where windows are."""

import json
import socket
import struct
import time
from typing import Any

from support.program import Running
from support.report import Report

from mousetrackd.capture.wayland.foreign_toplevel import FOCUS_ONLY
from wayland import applications
from wayland.applications import AT_ONE, AT_TWO, ONE, ONE_AT, SECRET, SECRET_AT, SETTLED_S, TWO, TWO_AT
from wayland.rests import Rests
from wayland.session import CONFIG
from wayland.wayfire import Wayfire
from wayland.wlroots import VirtualMouse, Wlroots

_RULE = """<windowRule identifier="{name}"><action name="MoveTo" x="{x}" y="{y}"/></windowRule>"""
_LENGTH = struct.Struct("=I")
_PLACES = {ONE: ONE_AT, TWO: TWO_AT, SECRET: SECRET_AT}


class _Desk:
    """labwc's, whose configuration places each window when it is opened."""

    def __init__(self, pointer: VirtualMouse) -> None:
        self.move, self.click = pointer.move, pointer.click

    def place(self, app_id: str, x: int, y: int) -> None:
        if _PLACES[app_id] != (x, y):
            raise NotImplementedError

    def minimise(self, app_id: str, *, minimised: bool) -> None:
        raise NotImplementedError


class _WayfireDesk(_Desk):
    """Wayfire's, which its IPC arranges."""

    def __init__(self, session: Wayfire, pointer: VirtualMouse) -> None:
        super().__init__(pointer)
        self._path = session.said()[1]

    def place(self, app_id: str, x: int, y: int) -> None:
        with socket.socket(socket.AF_UNIX) as wayfire:
            wayfire.connect(self._path)
            (view,) = [one for one in _ask(wayfire, "list-views", {}) if one["app-id"] == app_id]
            geometry = {**view["geometry"], "x": x, "y": y}
            _ask(wayfire, "configure-view", {"id": view["id"], "geometry": geometry})


def _ask(wayfire: socket.socket, what: str, data: dict[str, Any]) -> Any:
    question = json.dumps({"method": f"window-rules/{what}", "data": data}).encode()
    wayfire.sendall(_LENGTH.pack(len(question)) + question)
    (length,) = _LENGTH.unpack(wayfire.recv(_LENGTH.size, socket.MSG_WAITALL))
    return json.loads(wayfire.recv(length, socket.MSG_WAITALL))


class _Focus(Rests):
    """What is left of the checks where only the focused window is known."""

    def run(self, daemon: Running) -> None:
        one, two = self.open_two()
        home = self.session.home
        status = home.status()
        self.report.check("status says that it is the focused window", FOCUS_ONLY in status["notes"], status["notes"])
        problem = " ".join(status["problems"])
        self.report.check("and nothing is held back", "not known which" not in problem, problem)
        said = home.run("doctor").out
        self.report.check("doctor says so, too", "WM_CLASS of the focused window" in said)
        self.check_switches("each rest after a click that switches windows")
        self.desk.click(*AT_ONE)
        self.check_rests("over another's window it is the focused one's", [(AT_TWO, ONE)], clicks=False)
        self.check_stillness(daemon, one)
        self.check_denied()
        for program in (one, two):
            program.close()
        time.sleep(SETTLED_S)
        self.check_rests("with all closed it is nobody's", [(AT_ONE, "other"), (AT_TWO, "other")], clicks=False)


def labwc(report: Report) -> None:
    """Two programs and one that is denied; then each side killed once."""
    with Wlroots("labwc") as session:
        rules = "".join(_RULE.format(name=name, x=x, y=y) for name, (x, y) in _PLACES.items())
        (session.folder / "rc.xml").write_text(f"<labwc_config><windowRules>{rules}</windowRules></labwc_config>")
        session.command += ["-C", str(session.folder)]
        _check(report, session)


def wayfire(report: Report) -> None:
    """The same there."""
    with Wayfire() as session:
        _check(report, session)


def _check(report: Report, session: Wlroots) -> None:
    def checks() -> _Focus:
        pointer = session.pointer()
        return _Focus(
            report, session, _WayfireDesk(session, pointer) if isinstance(session, Wayfire) else _Desk(pointer)
        )

    session.home.configure(CONFIG + applications.CONFIG)
    session.start_compositor()
    with session.tracking() as daemon:
        checks().run(daemon)
    with session.home.running() as killed:
        killed.kill()
    with session.tracking() as daemon:
        again = checks()
        again.open_two()
        again.check_switches("after a kill -9 each rest")
        session.kill_compositor()
        daemon.await_state("waiting")
        session.start_compositor()
        daemon.await_state("tracking")
        again = checks()
        again.open_two()
        again.check_switches(f"after a crash of {session.name} each rest")
