"""Inside real Wayland compositors, run without a screen: a person's motion, then a pointer that lies still."""

import contextlib
import time
from collections.abc import Callable, Iterator

from wayland import person
from wayland.gnome import Gnome
from wayland.report import SkipError
from wayland.session import Session, must_have

from benchmarks import kernel
from benchmarks.capture import settle
from benchmarks.desk import wait_for
from benchmarks.table import Row
from mousetrackd.sources import wlroots as cursor_sessions
from mousetrackd.sources.wayland import Connection

Desktop = tuple[Session, Callable[[int, int], None]]
"""And what moves the pointer in it."""


@contextlib.contextmanager
def _kwin() -> Iterator[Desktop]:
    from wayland.kwin import Plasma  # noqa: PLC0415 - it needs pywayland, which not every machine has

    with Plasma() as session:
        session.start_kwin()
        yield session, session.hand().move


@contextlib.contextmanager
def _gnome() -> Iterator[Desktop]:
    with Gnome() as session:
        session.install_extension()
        session.start_shell()
        yield session, session.hand().move


@contextlib.contextmanager
def _wlroots(program: str) -> Iterator[Desktop]:
    from wayland.wlroots import Wlroots  # noqa: PLC0415 - as above

    with Wlroots(program) as session:
        must_have("wlr-randr", "wlr-randr")
        session.start_compositor()
        with contextlib.closing(Connection(str(session.display))) as connection:
            if not all(connection.find(interface) for interface in cursor_sessions.interfaces()):
                raise SkipError(f"this {program} is too old: it has no cursor sessions")
        yield session, session.hand().move


DESKTOPS: dict[str, Callable[[], contextlib.AbstractContextManager[Desktop]]] = {
    "kwin": _kwin,
    "gnome": _gnome,
    "sway": lambda: _wlroots("sway"),
    "labwc": lambda: _wlroots("labwc"),
}


def desktop(name: str, *, quick: bool) -> Iterator[Row]:
    """CPU time while a person moves the pointer, then wake-ups and ticks; one row that says why where it cannot be."""
    still_s, moving_s = (5, 3) if quick else (30, 10)
    try:
        must_have("dbus-daemon", "dbus")
        with DESKTOPS[name]() as (session, move), session.tracking() as daemon:
            moves = person.liveliest()
            moves = moves[moves["time_ms"] < moving_s * 1000]
            before_s = kernel.cpu_s(daemon.pid)
            person.perform(moves, move)
            session.home.must("snapshot")  # saved, so that nothing is left to do
            used_s = kernel.cpu_s(daemon.pid) - before_s
            heard = wait_for(lambda: session.home.status()["events"], "the daemon to have heard of the motion")
            settle(daemon.pid)
            before = kernel.wake_ups(daemon.pid), kernel.ticks(daemon.pid)
            time.sleep(still_s)
            after = kernel.wake_ups(daemon.pid), kernel.ticks(daemon.pid)
    except (SkipError, ImportError) as why:
        yield Row(f"{name}: not measured", "-", str(why))
        return
    for what, then, now in zip(("wake-ups", "CPU ticks"), before, after, strict=True):
        yield Row(f"{name}, pointer still for {still_s} s: {what}", str(now - then), "", "0", now == then)
    beside = f"{len(moves)} moves, of which it was told {heard}, saved once"
    yield Row(f"{name}, {moving_s} s of motion: of a core", f"{used_s / moving_s * 100:.2f} %", beside)
