"""Inside real Wayland compositors, run without a screen: a person's motion, then a pointer that lies still."""

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from support.compositor import Compositor
from support.report import SkipError
from support.waiting import wait_until
from wayland import person
from wayland.gnome import Gnome
from wayland.session import Session, must_have, use

from benchmarks import kernel
from benchmarks.capture import settle
from benchmarks.table import Row
from mousetrackd.capture.wayland import wlroots as cursor_sessions
from mousetrackd.capture.wayland.connection import Connection
from mousetrackd.capture.wayland.polling import RESTED_SHARE, RESTING_INTERVAL_S

_WAKEUPS_PER_QUESTION = 3
"""To ask, to receive the first piece of the answer, and the second (Wayfire) or that it was all (Hyprland)."""


@dataclass(frozen=True)
class Desktop:
    """A compositor that runs, and somebody at it.

    move: moves the pointer. use: does something else at the seat. leave: lets nobody be there; a real compositor sees
    by itself that nothing is done. is_asked: whether it reports nothing by itself. what: what it is, if not real.
    """

    session: Session
    move: Callable[[int, int], None]
    use: Callable[[], None] = lambda: None
    leave: Callable[[], None] = lambda: None
    is_asked: bool = False
    what: str = ""


@contextlib.contextmanager
def _kwin() -> Iterator[Desktop]:
    from wayland.kwin_session import Plasma  # noqa: PLC0415 - it needs pywayland, which not every machine has

    with Plasma() as session:
        session.start_kwin()
        yield Desktop(session, session.pointer().move)


@contextlib.contextmanager
def _gnome() -> Iterator[Desktop]:
    with Gnome() as session:
        session.install_extension()
        session.start_shell()
        yield Desktop(session, session.pointer().move)


@contextlib.contextmanager
def _wlroots(program: str) -> Iterator[Desktop]:
    from wayland.wlroots import Wlroots  # noqa: PLC0415 - as above

    with Wlroots(program) as session:
        must_have("wlr-randr", "wlr-randr")
        session.start_compositor()
        with contextlib.closing(Connection(str(session.display))) as connection:
            if not all(connection.find(interface) for interface in cursor_sessions.interfaces()):
                raise SkipError(f"this {program} is too old: it has no cursor sessions")
        yield Desktop(session, session.pointer().move)


@contextlib.contextmanager
def _wayfire() -> Iterator[Desktop]:
    from wayland.wayfire import Wayfire  # noqa: PLC0415 - as above

    with Wayfire() as session:
        must_have("wlr-randr", "wlr-randr")
        session.start_compositor()
        hand = session.pointer()
        yield Desktop(session, hand.move, use=hand.scroll, is_asked=True)


@contextlib.contextmanager
def _hyprland() -> Iterator[Desktop]:
    """What the tests have in its place: Hyprland itself does not start without a graphics card."""
    with Session() as session:
        compositor = Compositor(session.runtime)
        compositor.start()
        session.callback(compositor.kill)
        compositor.plug("DP-1")
        requests = session.runtime / "hypr" / "abc" / ".socket.sock"
        requests.parent.mkdir(parents=True)
        compositor.answer_as_hyprland(requests)
        session.home.variables |= {"WAYLAND_DISPLAY": compositor.name, "HYPRLAND_INSTANCE_SIGNATURE": "abc"}
        yield Desktop(
            session,
            compositor.point,
            leave=lambda: compositor.idle(idled=True),  # its seat is in use until then
            is_asked=True,
            what=" (a stand-in)",
        )


DESKTOPS: dict[str, Callable[[], contextlib.AbstractContextManager[Desktop]]] = {
    "kwin": _kwin,
    "gnome": _gnome,
    "sway": lambda: _wlroots("sway"),
    "labwc": lambda: _wlroots("labwc"),
    "wayfire": _wayfire,
    "hyprland": _hyprland,
}


def desktop(name: str, *, quick: bool) -> Iterator[Row]:
    """CPU time while a person moves the pointer, then wake-ups and ticks; one row that says why where it cannot be."""
    still_s, moving_s = (5, 3) if quick else (30, 10)
    try:
        must_have("dbus-daemon", "dbus")
        with DESKTOPS[name]() as desk, desk.session.tracking() as daemon:
            home = desk.session.home
            moves = person.liveliest()
            moves = moves[moves["time_ms"] < moving_s * 1000]
            before_s = kernel.cpu_s(daemon.pid)
            person.perform(moves, desk.move)
            home.run_ok("snapshot")  # saved, so that nothing is left to do
            used_s = kernel.cpu_s(daemon.pid) - before_s
            received = wait_until(lambda: home.status()["events"], "the daemon has counted events", timeout_s=60)
            if desk.is_asked:
                use(desk.use, RESTING_INTERVAL_S / RESTED_SHARE)
                woken_before = kernel.wake_ups(daemon.pid)
                use(desk.use, still_s)
                woken_in_use = kernel.wake_ups(daemon.pid) - woken_before
            desk.leave()
            settle(daemon.pid)
            before = kernel.wake_ups(daemon.pid), kernel.ticks(daemon.pid)
            time.sleep(still_s)
            after = kernel.wake_ups(daemon.pid), kernel.ticks(daemon.pid)
    except (SkipError, ImportError) as why:
        yield Row(f"{name}: not measured", "-", str(why))
        return
    name += desk.what
    if desk.is_asked:
        most = _WAKEUPS_PER_QUESTION * int(2 + still_s / RESTING_INTERVAL_S)  # one at either end
        beside = f"asked once a second, which takes up to {_WAKEUPS_PER_QUESTION}"
        in_use = f"{name}, in use, pointer still for {still_s} s: wake-ups"
        yield Row(in_use, str(woken_in_use), beside, f"<= {most}", woken_in_use <= most)
    for what, then, now in zip(("wake-ups", "CPU ticks"), before, after, strict=True):
        yield Row(f"{name}, pointer still for {still_s} s: {what}", str(now - then), "", "0", now == then)
    beside = f"{len(moves)} moves, of which it received {received}, saved once"
    yield Row(f"{name}, {moving_s} s of motion: of a core", f"{used_s / moving_s * 100:.2f} %", beside)
