"""The end of the real daemon, while its store, its disk or its last picture cannot be used.

Daemons with folders of their own, all at one display, so that each counts the same presses. All are asked to end at the
same time, each while something else is wrong. Then that is put right, and each is started again.
"""

import contextlib
import fcntl
import itertools
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from unittest import mock

from support.in_process import Result
from support.program import Home, Running
from support.report import Report
from support.waiting import wait_until
from support.xserver import LEFT, Pointer, Xvfb

from faults.powercut import Disk

_END_S = 20.0
_BY_AN_EARLIER_ONE = Counter({(100, 100): 1})
_SAVED = Counter({(150, 120): 1})
"""By the daemon itself, before anything is wrong."""
_UNSAVED = Counter({(200, 200): 1, (300, 250): 2})
_ALL = _BY_AN_EARLIER_ONE + _SAVED + _UNSAVED
_CONFIG = "checkpoint_interval_s = 3600\nsnapshot_interval_s = 86400\n"


@dataclass
class Desk:
    """A user's folders, the disk under the data folder, and the daemon that counts."""

    home: Home
    disk: Disk
    notified: socket.socket
    daemon: Running

    def side_files(self) -> list[Path]:
        """What could not be stored, in any folder; half-written ones too."""
        paths = self.home.paths
        folders = (paths.data_dir, paths.state_dir, paths.runtime_dir)
        return sorted(path for folder in folders for path in folder.glob("*unsaved-*"))

    def has_ended(self) -> bool:
        """Is nothing left of the daemon? A thread that the kernel keeps until its disk answers does not count."""
        if self.daemon.has_ended():
            return True
        return Path(f"/proc/{self.daemon.pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"

    def await_stopping(self) -> None:
        """Return when the daemon reports, as to systemd, that it is ending."""
        while b"STOPPING=1" not in self.notified.recv(1 << 12):
            pass


@dataclass(frozen=True)
class Fault:
    """Something that is wrong while the daemon ends.

    code: that it has to end with. kept_in: the folder where its last counts then have to be, data or state; empty where
    they have to be in the store. before: done before the last presses.
    """

    what: str
    wrong: Callable[[Desk], AbstractContextManager[None]]
    code: int = 0
    kept_in: str = ""
    before: Callable[[Desk], None] = lambda _: None


@dataclass
class Trial:
    """One daemon that is asked to end in one way while one fault lasts, and what came of it."""

    fault: Fault
    way: str
    desk: Desk
    code: int = 0
    took_s: float = 0.0
    stopped: Result = field(default_factory=lambda: Result(0, "", ""))
    kept: list[Path] = field(default_factory=list)
    status: str = ""
    found: Counter[tuple[int, int]] = field(default_factory=Counter)
    left: list[Path] = field(default_factory=list)

    @property
    def named(self) -> bool:
        """Is every file with counts named by ``stop`` where that was used, in the log and by ``status``?"""
        reported = [self.desk.daemon.log, self.status]
        reported += [self.stopped.err] if self.way == "stop" else []
        return bool(self.kept) and all(str(path) in words for path in self.kept for words in reported)

    @property
    def lost(self) -> int:
        """Presses that are not in the store."""
        return (_ALL - self.found).total()

    @property
    def doubled(self) -> int:
        """Presses that are in the store too often."""
        return (self.found - _ALL).total()

    def __str__(self) -> str:
        result = f"{self.took_s:.1f} s, exit {self.code}, kept {self.kept}, {self.stopped}"
        return f"{self.way}: {result}\n{self.desk.daemon.log}"


# What is wrong ----------------------------------------------------------------------------------------


@contextlib.contextmanager
def _held(desk: Desk) -> Iterator[None]:
    """Another process writes to the store, and does not end."""
    with contextlib.closing(sqlite3.connect(desk.home.paths.store, isolation_level=None)) as store:
        store.execute("BEGIN EXCLUSIVE")
        yield


@contextlib.contextmanager
def _full(desk: Desk) -> Iterator[None]:
    """Not a block is free on the disk."""
    filler = desk.home.paths.data_dir.parent / "filler"
    with filler.open("wb", buffering=0) as file:
        size, step = 0, 1 << 26
        while step >= 1 << 10:
            try:
                os.posix_fallocate(file.fileno(), size, step)
                size += step
            except OSError:
                step //= 2
    yield
    filler.unlink()


@contextlib.contextmanager
def _full_and_held(desk: Desk) -> Iterator[None]:
    with _held(desk), _full(desk):
        yield


@contextlib.contextmanager
def _full_without_reserve(desk: Desk) -> Iterator[None]:
    """As where there was little space at the start already."""
    desk.home.paths.reserve.unlink()
    with _full(desk):
        yield


@contextlib.contextmanager
def _read_only(desk: Desk) -> Iterator[None]:
    """The disk has had an error, after which the kernel writes nothing more to it; then it is checked."""
    subprocess.run(["mount", "-o", "remount,abort", desk.disk.mounted], check=True, capture_output=True)
    yield
    desk.disk.unmount()
    desk.disk.repair()
    desk.disk.mount()


@contextlib.contextmanager
def _frozen(desk: Desk) -> Iterator[None]:
    """Whoever writes to the disk waits, and cannot be killed meanwhile."""
    subprocess.run(["fsfreeze", "-f", desk.disk.mounted], check=True)
    try:
        yield
    finally:
        subprocess.run(["fsfreeze", "-u", desk.disk.mounted], check=True)


@contextlib.contextmanager
def _pictures_locked(desk: Desk) -> Iterator[None]:
    descriptor = os.open(desk.home.paths.snapshots, os.O_RDONLY | os.O_DIRECTORY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        yield
    finally:
        os.close(descriptor)


def _stop_worker(desk: Desk) -> None:
    """Have a picture drawn, and stop its worker while it waits for the folder."""
    with _pictures_locked(desk):
        desk.daemon.send(signal.SIGALRM)
        (worker,) = wait_until(lambda: _workers(desk), "there is a snapshot worker")
        os.kill(worker, signal.SIGSTOP)


def _workers(desk: Desk) -> list[int]:
    """The processes that draw pictures for the daemon."""
    return [pid for pid in desk.daemon.children() if b"snapshot_worker" in Path(f"/proc/{pid}/cmdline").read_bytes()]


@contextlib.contextmanager
def _worker_stopped(desk: Desk) -> Iterator[None]:
    """It is stopped; and nothing is left of it afterwards."""
    (worker,) = _workers(desk)
    yield
    wait_until(lambda: not Path(f"/proc/{worker}").exists(), "the stopped worker is gone")


_FAULTS = (
    Fault("another process holds the store", _held, 1, "data"),
    Fault("a full disk", _full),
    Fault("a full disk without the reserve", _full_without_reserve, 1, "state"),
    Fault("a full disk, and another process holds the store", _full_and_held, 1, "data"),
    Fault("a disk read-only after an error", _read_only, 1, "state"),
    Fault("a frozen disk", _frozen, 1, "state"),
    Fault("another process locks the pictures", _pictures_locked),
    Fault("the snapshot worker is stopped", _worker_stopped, before=_stop_worker),
)
_KILLED = Fault("kill -9 when the side file is written", _held, -signal.SIGKILL, "data")


# The parts of a trial ---------------------------------------------------------------------------------


def main(report: Report) -> None:
    """All of them at once: most of the time each waits."""
    with ExitStack() as stack:
        base = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="faults-", dir="/var/tmp")))
        server = Xvfb(base)
        server.start()
        stack.callback(server.stop)
        stack.enter_context(mock.patch.dict(os.environ, DISPLAY=server.name))
        template = _template(base)
        planned = [(fault, way) for fault in _FAULTS for way in ("SIGTERM", "stop")] + [(_KILLED, "kill -9")]
        trials = [
            Trial(fault, way, _desk(stack, base / str(nth), template)) for nth, (fault, way) in enumerate(planned)
        ]
        daemons = [trial.desk.daemon for trial in trials]
        _await_state(daemons, "tracking")
        _press(_SAVED)
        for daemon in daemons:
            daemon.await_read()
        for number, state in ((signal.SIGUSR1, "paused"), (signal.SIGUSR2, "tracking")):  # a pause saves
            for daemon in daemons:
                daemon.send(number)
            _await_state(daemons, state)
        for trial in trials:
            trial.fault.before(trial.desk)
        _press(_UNSAVED)
        for daemon in daemons:
            daemon.await_read()
        with ExitStack() as faults, ThreadPoolExecutor(len(trials)) as pool:
            for trial in trials:
                faults.enter_context(trial.fault.wrong(trial.desk))
            for _ in pool.map(_end, trials):
                pass
        for trial in trials:
            trial.code = trial.desk.daemon.ends()
            _start_again(trial)
        _judge(report, trials)


def _template(base: Path) -> Path:
    """A data folder with a press and a picture, as a daemon has left it."""
    (base / "template").mkdir()
    home = Home(base / "template")
    home.configure(_CONFIG)
    with home.running() as daemon:
        _press(_BY_AN_EARLIER_ONE)
        daemon.await_read()
        daemon.stop()
    return home.paths.data_dir


def _desk(stack: ExitStack, folder: Path, template: Path) -> Desk:
    """A desk with a copy of the template, at which a daemon starts."""
    folder.mkdir()
    home = Home(folder)
    home.configure(_CONFIG)
    disk = Disk("ext4", folder, "data")
    disk.mount()
    stack.callback(disk.unmount)
    shutil.copytree(template, home.paths.data_dir)
    subprocess.run(["sync", "-f", disk.mounted], check=True)
    notified = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
    notified.settimeout(2 * _END_S)
    notified.bind(str(folder / "notify"))
    home.variables["NOTIFY_SOCKET"] = str(folder / "notify")
    daemon = home.start()
    del home.variables["NOTIFY_SOCKET"]
    stack.callback(daemon.kill)
    return Desk(home, disk, notified, daemon)


def _await_state(daemons: list[Running], state: str) -> None:
    for daemon in daemons:
        daemon.await_state(state)


def _press(places: Counter[tuple[int, int]]) -> None:
    with Pointer() as pointer:
        for place in places.elements():
            pointer.move((50, 50), place)
            pointer.click(LEFT)
        pointer.position()


def _end(trial: Trial) -> None:
    """Tell it to end, and note when it has, what stop and status report, and what is kept aside."""
    desk = trial.desk
    began_s = time.monotonic()
    with ThreadPoolExecutor(1) as pool:
        if trial.way == "stop":
            stopping = pool.submit(desk.home.run_process, "stop")
            desk.await_stopping()
            began_s = time.monotonic()  # starting the command takes its time on a busy machine
        else:
            desk.daemon.send(signal.SIGTERM)
        if trial.fault is _KILLED:
            wait_until(lambda: [*desk.home.paths.data_dir.glob("heat.unsaved-*")], "there is a side file")
            desk.daemon.kill()
        wait_until(desk.has_ended, "it has ended", timeout_s=2 * _END_S)
        trial.took_s = time.monotonic() - began_s
        if trial.way == "stop":
            trial.stopped = stopping.result()
    trial.kept, trial.status = desk.side_files(), str(desk.home.status()["problems"])


def _start_again(trial: Trial) -> None:
    """Start it, twice where it was killed, and note what is in the store and what is left beside it."""
    home = trial.desk.home
    for _ in range(1 + (trial.fault is _KILLED)):
        with home.running() as daemon:
            daemon.send(signal.SIGTERM, signal.SIGINT)  # in a hurry: without a picture
            daemon.ends()
    trial.found = home.cells("clicks.left")
    trial.left = trial.desk.side_files()


def _judge(report: Report, trials: list[Trial]) -> None:
    for fault, several in itertools.groupby(trials, lambda trial: trial.fault):
        _judge_fault(report, fault, [*several])
    lost, doubled = sum(trial.lost for trial in trials), sum(trial.doubled for trial in trials)
    report.check(
        f"{len(trials)} daemons ended while something was wrong, {_ALL.total()} presses each: {lost} lost,"
        f" {doubled} counted twice, at most {max(trial.took_s for trial in trials):.1f} s",
        lost == doubled == 0,
    )


def _judge_fault(report: Report, fault: Fault, trials: list[Trial]) -> None:
    took = ", ".join(f"{trial.way} {trial.took_s:.1f} s" for trial in trials)
    codes = sorted({trial.code for trial in trials})
    report.check(
        f"{fault.what}: ended within {_END_S:.0f} s", all(one.took_s <= _END_S for one in trials), took, details=trials
    )
    report.check(f"{fault.what}: exit code {fault.code}", codes == [fault.code], codes, details=trials)
    folders = {path.parent.parent.name for trial in trials for path in trial.kept}
    if fault.kept_in:
        report.check(
            f"{fault.what}: kept in the {fault.kept_in} folder", folders == {fault.kept_in}, folders, details=trials
        )
    else:
        report.check(f"{fault.what}: no side file is needed", not folders, folders or "", details=trials)
    if fault.kept_in and fault is not _KILLED:
        report.check(
            f"{fault.what}: stop, status and the log name the file", all(one.named for one in trials), details=trials
        )
    report.check(
        f"{fault.what}: after the next start every press is there once, and no side file",
        all(trial.lost == trial.doubled == 0 and not trial.left for trial in trials),
        details=[f"{trial.way}: {dict(trial.found)}, {trial.left}" for trial in trials],
    )
