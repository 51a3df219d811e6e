"""kill -9: at random moments of a writer, and at the file system calls of each thing that is done with files."""

import mmap
import os
import random
import shutil
import signal
import struct
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from support.report import Report

from faults.child import Child, Say, run_traced
from faults.writing import (
    commit,
    decoded,
    keep_aside,
    keep_picture,
    look,
    make_damaged,
    make_older,
    open_or_rescue,
    picture_number,
    roll_up,
    write_some,
    write_until_killed,
)
from mousetrackd.config import Config, SnapshotConfig
from mousetrackd.daemon import snapshot_worker
from mousetrackd.storage.store import Store
from mousetrackd.system.paths import Paths

KILLS = 200
_IN_A_ROW = 25
"""So many kills are done to one store before the next is begun."""
LOOKS = 1000
_MOST_OF_A_CALL = 24
"""Of a call that is made more often, every k-th is a killer, so that there are about so many."""
_CALLS = (
    *("openat", "write", "pwrite64", "fsync", "fdatasync", "ftruncate", "rename", "link", "linkat", "unlink"),
    *("mkdir", "rmdir", "chmod", "fchmod", "close"),
)


def kill(report: Report, folder: Path) -> None:
    """All that kill -9 can do."""
    _at_random(report, folder)
    _at_calls(report, folder)


def _at_random(report: Report, base: Path) -> None:
    dice = random.Random(3)  # noqa: S311 - moments to kill at, no secret
    checkpoints = pictures = 0
    wrong: list[str] = []
    for row in range(KILLS // _IN_A_ROW):
        folder = base / f"random-{row}"
        folder.mkdir()
        acknowledged: set[int] = set()
        begin = 1
        for killed in range(1, _IN_A_ROW + 1):
            child = Child(partial(write_until_killed, folder, begin))
            child.go()
            child.listen_until(dice.randrange(15), dice.random() * 0.02)
            child.kill()
            code = child.end()
            if code != -signal.SIGKILL:
                wrong.append(f"it ended by itself with {code}: {child.lines[-1:]}")
            acknowledged |= set(child.numbers("C"))
            found, problems = look(folder / "heat.sqlite3", acknowledged, killed)
            wrong += problems
            begin = max(found | {0}) + 1
            pictures += len(child.numbers("P"))
            latest = folder / "snapshots" / "latest.png"
            if latest.exists() and picture_number(latest) < max(child.numbers("P") or [0]):
                wrong.append("latest.png is not the last picture, or half of one")
        checkpoints += len(acknowledged)
    report.check(
        f"kill -9 at {KILLS} random moments: of {checkpoints} acknowledged checkpoints and {pictures} pictures"
        f" {'none was lost, doubled or torn' if not wrong else 'not all are right'}",
        not wrong,
        details=wrong,
    )


# At calls ---------------------------------------------------------------------------------------------


@contextmanager
def _watched(latest: Path) -> Iterator[Callable[[], tuple[int, int, int]]]:
    """Somebody looks at ``latest`` all the time: how often they looked, at how many pictures, how many were torn."""
    notebook = mmap.mmap(-1, 24)

    def watch(_: Say) -> None:
        looks = torn = 0
        seen: set[int] = set()
        while True:
            with latest.open("rb") as file:
                seen.add(os.fstat(file.fileno()).st_ino)
                torn += decoded(file.read()) is None
            looks += 1
            notebook[:] = struct.pack("3q", looks, len(seen), torn)
            time.sleep(0.001)

    def written() -> tuple[int, int, int]:
        if not watcher.listen(0):
            raise RuntimeError(f"the watcher has ended: {watcher.lines[-1:]}")
        looks, pictures, torn = struct.unpack("3q", notebook[:])
        return looks, pictures, torn

    watcher = Child(watch)
    watcher.go()
    try:
        yield written
    finally:
        watcher.kill()
        watcher.end()


def _at_calls(report: Report, base: Path) -> None:
    template = base / "template"
    template.mkdir()
    with Store.open(template / "heat.sqlite3", zone=UTC) as store:
        for number in range(1, 61):
            commit(store, number)
    keep_picture(template / "snapshots", 1)
    known = set(range(1, 61))
    damaged = base / "damaged"
    damaged.mkdir()
    make_damaged(damaged / "heat.sqlite3", 60)
    older = base / "older"
    older.mkdir()
    make_older(older / "heat.sqlite3", 60)

    def does_roll_up(folder: Path, _: Say) -> None:
        with Store.open(folder / "heat.sqlite3", zone=UTC) as store:
            roll_up(store, 1000)

    def does_snapshot(folder: Path, _say: Say) -> None:
        small = Config(snapshot=SnapshotConfig(legend=False))
        for _ in range(2):
            snapshot_worker.take(Paths(folder, folder, folder, folder), small, datetime.now(UTC))

    def does_rescue(folder: Path, _: Say) -> None:
        open_or_rescue(folder / "heat.sqlite3")

    aside = base / "aside"
    shutil.copytree(template, aside)
    keep_aside(aside, (61, 62), lambda _: None)

    def keeps_aside(folder: Path, say: Say) -> None:
        keep_aside(folder, (61, 62), say)

    def does_migration(folder: Path, _: Say) -> None:
        Store.open(folder / "heat.sqlite3", zone=UTC).close()

    _each_call(report, base, "making a store and its first checkpoints", None, set(), _writes(1))
    _each_call(report, base, "a checkpoint", template, known, _writes(61))
    _each_call(report, base, "writing two side files", template, known, keeps_aside)
    _each_call(report, base, "taking in two side files", aside, known | {61, 62}, does_rescue)
    _each_call(report, base, "a roll-up", template, known, does_roll_up)
    _each_call(report, base, "a rescue", damaged, known, does_rescue)
    _each_call(report, base, "a migration", older, known, does_migration)
    latest = base / "call" / "snapshots" / "latest.png"
    _copy(template, base / "call")
    with _watched(latest) as written:
        _each_call(report, base, "a snapshot", template, known, does_snapshot, afresh=False)
        while written()[0] < LOOKS:
            time.sleep(0.05)
        looks, pictures, torn = written()
    report.check(
        f"latest.png, looked at {looks} times meanwhile: {pictures} pictures, {torn} not whole",
        torn == 0 and pictures > 5,
    )


def _writes(begin: int) -> Callable[[Path, Say], None]:
    return lambda folder, say: write_some(folder, begin, 2, say)


def _each_call(
    report: Report,
    base: Path,
    what: str,
    template: Path | None,
    known: set[int],
    work: Callable[[Path, Say], None],
    *,
    afresh: bool = True,
) -> None:
    """Kill ``work`` at its first, second, third... call of each kind, each time on a fresh copy of ``template``."""
    folder, log = base / "call", base / "strace.log"
    kills = 0
    wrong: list[str] = []
    strides = _calls_of(base, template, work)
    for call, stride in strides.items():
        nth = 1
        while True:
            if afresh:
                _copy(template, folder)
            child, was_killed = run_traced(partial(work, folder), f"{call}:signal=KILL:when={nth}", log)
            wrong += [f"{call} {nth}: {line}" for line in child.lines if line.startswith("X ")]
            if not was_killed:
                break
            kills += 1
            acknowledged = known | set(child.numbers("C"))
            open_or_rescue(folder / "heat.sqlite3")
            _, problems = look(folder / "heat.sqlite3", acknowledged, 1)
            wrong += [f"{call} {nth}: {problem}" for problem in problems]
            nth += stride
    often = ", ".join(f"one in {stride} {call}" for call, stride in strides.items() if stride > 1)
    report.check(
        f"kill -9 within {what}, at each of its file system calls{f' ({often})' if often else ''}: {kills} kills,"
        f" {'nothing lost, doubled or torn' if not wrong else 'not all is right'}",
        not wrong and kills > 5,
        details=wrong,
    )


def _calls_of(base: Path, template: Path | None, work: Callable[[Path, Say], None]) -> dict[str, int]:
    """The calls that ``work`` makes, and of each every how many-th is to be a killer."""
    folder, log = base / "counted", base / "strace.log"
    _copy(template, folder)
    run_traced(partial(work, folder), f"{','.join(_CALLS)}:delay_enter=1", log)
    shutil.rmtree(folder)
    lines = log.read_text().splitlines()
    counts = {call: sum(f" {call}(" in line for line in lines) for call in _CALLS}
    return {call: max(1, round(count / _MOST_OF_A_CALL)) for call, count in counts.items() if count}


def _copy(template: Path | None, folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)
    if template is None:
        folder.mkdir(mode=0o700)
    else:
        shutil.copytree(template, folder)


def main(report: Report) -> None:
    """In a folder that goes away."""
    with tempfile.TemporaryDirectory(prefix="faults-") as folder:
        kill(report, Path(folder))
