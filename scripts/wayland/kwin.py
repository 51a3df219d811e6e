"""KWin, headless, from the distribution's own package: the whole life of its scripts and its effect."""

import shutil
import time
from collections import Counter
from collections.abc import Sequence

from support.report import Report
from support.waiting import wait_until

from mousetrackd.capture.wayland.outputs import Output
from mousetrackd.core.events import Kind
from wayland import person
from wayland.kwin_session import SOCKET, KWinPointer, Plasma
from wayland.session import check_each_is_received_once, check_stillness, check_xwayland_is_refused
from wayland.window import Window

TOLD_PER_S = 20

CODES = {Kind.LEFT: 0x110, Kind.RIGHT: 0x111, Kind.MIDDLE: 0x112, Kind.OTHER: 0x113}
"""Of linux/input-event-codes.h."""

PRESSES = 60
SCREENS = ((1, 1.5), (2, 1.0), (2, 2.0))
"""How many outputs, and at which scale, besides one at scale 1."""

SETTLED_S = 0.5
"""Longer than KWin takes to unload an effect, or to report where the pointer came to rest."""

Place = tuple[Kind, int, int, int]
"""A button, the number of an output, and where on it the button goes down: in logical pixels, or in its own."""


def check(report: Report) -> None:
    """Replay a person's path and clicks, then kill each side once; then other screens, a lock, no OpenGL."""
    _check_life(report)
    for outputs, scale in SCREENS:
        _check_screens(report, outputs, scale)
    _check_lock(report)
    with Plasma(has_opengl=False) as session:
        session.install_effect()
        session.start_kwin()
        with session.tracking():
            _check_note(report, session, "without OpenGL it sees motion and says so", "without OpenGL")


def _check_life(report: Report) -> None:
    with Plasma() as session:
        session.start_kwin()
        with session.tracking():
            _check_note(report, session, "without the effect it says how to get it", "`mousetrackd install`")
        session.install_effect()
        with session.tracking():
            _check_note(report, session, "before the next login it says so", "log out and in once")
        line = session.doctor()
        report.check("so does doctor", line.startswith("warning") and "does not know" in line, line)
        session.kill_kwin()
        session.start_kwin()
        pointer = session.pointer()
        with session.tracking() as daemon:
            source = session.home.status()["source"]
            checks = f"{source}, permission checks {'on' if session.checks_permissions else 'off'}"
            report.check("KWin is chosen, and has the script", session.has_script() is True, checks)
            _check_note(report, session, "clicks are seen, scroll is not", "scroll is not seen")
            line = session.doctor()
            report.check("doctor says that it works", line.startswith("ok"), line)
            check_stillness(report, daemon)
            made = person.perform(person.liveliest(), pointer.move)
            ended_ms = daemon.clock_ms()
        person.compare(report, made, ended_ms, session.home, per_s=TOLD_PER_S)
        report.check("stopped, it leaves no script behind", session.has_script() is False and not session.has_effect())
        if shutil.which("Xwayland"):
            check_xwayland_is_refused(report, session, *session.xwayland())
        else:
            print("kwin: Xwayland is not installed, so nothing was asked of it: apt-get install xwayland")

        with session.home.running() as killed:
            killed.kill()
            report.check("killed, it leaves its script", session.has_script() is True and session.has_effect())
        with session.tracking() as daemon:
            check_each_is_received_once(report, "the next daemon", session, pointer.move)
            _check_presses(report, session, pointer, "after a kill -9 of the one before")
            _check_reload(report, session, pointer)
            session.kill_kwin()
            daemon.await_state("waiting")
            session.start_kwin()
            daemon.await_state("tracking")
            pointer = session.pointer()
            check_each_is_received_once(report, "after a crash of KWin the daemon", session, pointer.move)
            _check_presses(report, session, pointer, "after a crash of KWin")


def _check_note(report: Report, session: Plasma, what: str, text: str) -> None:
    """Check what status says, and that it says that clicks are not seen, unless ``text`` is about scroll."""
    notes = " ".join(session.home.status()["notes"])
    without = "clicks are not seen" in notes
    report.check(what, text in notes and without == ("scroll" not in text), notes)


def _check_reload(report: Report, session: Plasma, pointer: KWinPointer) -> None:
    """KWin drops our effect when it reads its settings again (5.27), or draws again (6)."""
    for path, interface, member in (
        ("/KWin", "org.kde.KWin", "reconfigure"),
        ("/Compositor", "org.kde.kwin.Compositing", "reinitialize"),
    ):
        try:
            session.call(path, interface, member)
        except RuntimeError:  # 5.27 has no reinitialize
            continue
        time.sleep(SETTLED_S)
        wait_until(session.has_effect, "the effect is loaded again")
        _check_presses(report, session, pointer, f"after {member}")
    notes = " ".join(session.home.status()["notes"])
    report.check("status says how long clicks were not seen", "clicks were not seen for" in notes, notes)


def _check_screens(report: Report, outputs: int, scale: float) -> None:
    """A person's clicks, which reach a window as well, and take no focus from it."""
    with Plasma(outputs=outputs, scale=scale) as session:
        session.install_effect()
        session.start_kwin()
        pointer = session.pointer()
        window = Window(session.runtime / SOCKET)
        session.callback(window.close)
        with session.tracking():
            presses = _click(session, pointer, window)
        screens = session.screens()
        size_px = f"{screens[0].width_px}x{screens[0].height_px} px"
        what = f"on {outputs} x {scale:g}"
        _compare(report, f"{what} ({size_px})", presses, _counted(session), screens)
        reached = [(CODES[kind], x, y) for kind, number, x, y in presses if number == 0]
        report.check(f"{what} the window gets them, too", window.presses == reached, f"{len(reached)} of {PRESSES}")
        report.check(f"{what} it keeps the focus", window.focus == [True], window.focus)


def _check_presses(report: Report, session: Plasma, pointer: KWinPointer, when: str) -> None:
    """Check that a running daemon counts a person's clicks by button, each once and at its pixel."""
    session.home.run_ok("snapshot")
    before = _counted(session)
    presses = _click(session, pointer)
    session.home.run_ok("snapshot")
    _compare(report, when, presses, _counted(session) - before, session.screens())


def _click(session: Plasma, pointer: KWinPointer, window: Window | None = None) -> list[Place]:
    """Click where a person did, with each button on each output. Returns what was done."""
    screens = session.screens()
    presses = [
        (kind, number // len(CODES) % len(screens), x, y)
        for number, (kind, x, y) in enumerate(person.presses(PRESSES, [*CODES]))
    ]
    for kind, number, x, y in presses:
        pointer.move(screens[number].x + x, screens[number].y + y)
        pointer.press(CODES[kind])
        if window is not None:
            window.dispatch()
    time.sleep(SETTLED_S)
    return presses


def _compare(
    report: Report, when: str, presses: list[Place], counted: Counter[Place], screens: Sequence[Output]
) -> None:
    expected = Counter((kind, number, *_pixel(x, y, screens[number])) for kind, number, x, y in presses)
    wrong = (counted - expected).total(), (expected - counted).total()
    report.check(
        f"{when} {len(presses)} clicks count at their pixels", wrong == (0, 0), f"{wrong[0]} too many, {wrong[1]} not"
    )


def _counted(session: Plasma) -> Counter[Place]:
    """All clicks in the store."""
    return Counter(
        {
            (kind, number, *pixel): count
            for kind in CODES
            for number, (_, cells) in enumerate(sorted(session.home.screens(f"clicks.{kind.name.lower()}").items()))
            for pixel, count in cells.items()
        }
    )


def _pixel(x: int, y: int, screen: Output) -> tuple[int, int]:
    return x * screen.width_px // screen.width, y * screen.height_px // screen.height


def _check_lock(report: Report) -> None:
    with Plasma(can_lock=True) as session:
        session.install_effect()
        session.start_kwin()
        pointer = session.pointer()
        with session.tracking():
            check_each_is_received_once(report, "with a lock screen the daemon", session, pointer.move)
            session.home.run_ok("snapshot")
            before = session.home.status()["events"]
            session.lock()
            for kind, x, y in person.presses(PRESSES, [*CODES]):
                pointer.move(x, y)
                pointer.press(CODES[kind])
            time.sleep(SETTLED_S)
            session.home.run_ok("snapshot")
            after = session.home.status()["events"]
            report.check("behind a locked screen nothing is counted", after == before, after - before)
