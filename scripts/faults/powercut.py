"""Power cuts: the file system of a loop device goes down, its journal unwritten, while a writer runs.

The file system's own "going down" call (0x8004587d) does what a cut does to it: what was not synced is gone. A disk
that lies about what it has written is not tried.
"""

import contextlib
import fcntl
import os
import random
import shutil
import struct
import subprocess
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from support.report import Report

from faults.child import Child, Say
from faults.writing import keep_picture, look, make_damaged, open_or_rescue, picture_number, write_until_killed
from mousetrackd.storage.store import Store

CUTS = 60
FIRST_CUTS = 30
"""Within the first moments: while the store is made, and just after."""
RESCUE_CUTS = 20
_SIZES_MB = {"ext4": 96, "xfs": 320}
_GOING_DOWN, _WITHOUT_JOURNAL = 0x8004587D, 2
_FSCK_CORRECTED = 1


class Disk:
    """A file system of its own in a file. name: of the file and of the folder it is mounted on, both in ``base``."""

    def __init__(self, kind: str, base: Path, name: str = "") -> None:
        self.kind = kind
        self._image = base / f"{name or kind}.image"
        self.mounted = base / (name or kind)
        self.mounted.mkdir()
        with self._image.open("wb") as file:
            file.truncate(_SIZES_MB[kind] << 20)
        force = "-F" if kind == "ext4" else "-f"
        subprocess.run([f"mkfs.{kind}", "-q", force, self._image], check=True, capture_output=True)

    def mount(self) -> None:
        """Power on."""
        subprocess.run(["mount", "-o", "loop", self._image, self.mounted], check=True, capture_output=True)

    def cut(self) -> None:
        """Power off, now."""
        descriptor = os.open(self.mounted, os.O_RDONLY)
        try:
            fcntl.ioctl(descriptor, _GOING_DOWN, struct.pack("I", _WITHOUT_JOURNAL))
        finally:
            os.close(descriptor)

    def repair(self) -> None:
        """Check it and correct what is wrong, as before a start of the machine. Not while it is mounted."""
        done = subprocess.run(["fsck", "-p", "-t", self.kind, self._image], capture_output=True, text=True, check=False)
        if done.returncode > _FSCK_CORRECTED:
            raise RuntimeError(f"fsck: {done.stdout}{done.stderr}")

    def unmount(self) -> None:
        """Let go of what is left; patiently, for a process that was killed may still hold it."""
        for _ in range(250):
            if subprocess.run(["umount", self.mounted], capture_output=True, check=False).returncode == 0:
                return
            time.sleep(0.02)
        raise RuntimeError(f"cannot unmount {self.mounted}")


def main(report: Report) -> None:
    """Both file systems, in the middle of work and at the first steps."""
    for kind in _SIZES_MB:
        with tempfile.TemporaryDirectory(prefix="faults-", dir="/var/tmp") as name:
            disk = Disk(kind, Path(name))
            _cuts(report, disk, CUTS)
            _first_cuts(report, disk)
            _rescue_cuts(report, disk)


@contextlib.contextmanager
def _power(disk: Disk) -> Iterator[Path]:
    """The disk with power, and an empty folder on it."""
    disk.mount()
    try:
        folder = disk.mounted / "state"
        if folder.exists():
            shutil.rmtree(folder)
        folder.mkdir()
        os.sync()
        yield folder
    finally:
        disk.unmount()


def _neighbour(folder: Path, _: Say) -> None:
    """Another program that syncs now and then, which makes the file system write what was ours as well."""
    dice = random.Random()  # noqa: S311 - no secret
    with contextlib.suppress(OSError):
        while True:
            with (folder.parent / "other").open("w") as file:
                file.write("x" * dice.randrange(5000))
                file.flush()
                os.fsync(file.fileno())
            time.sleep(dice.random() * 0.02)


def _cut_while(disk: Disk, folder: Path, child: Child, lines: int, then_s: float) -> None:
    """Let them work until the child has said so much, cut the power a moment later, and forget what is said after."""
    neighbour = Child(partial(_neighbour, folder))
    neighbour.go()
    child.go()
    child.listen_until(lines, then_s)
    disk.cut()
    said = [*child.lines]
    for one in (child, neighbour):
        one.kill()
        one.end()
    child.lines = said


def _cuts(report: Report, disk: Disk, cuts: int) -> None:
    dice = random.Random(5)  # noqa: S311 - moments to cut at, no secret
    checkpoints = pictures = 0
    wrong: list[str] = []
    for nth in range(cuts):
        with _power(disk) as folder:
            child = Child(partial(write_until_killed, folder, 1))
            _cut_while(disk, folder, child, dice.randrange(40), dice.random() * 0.02)
        disk.mount()
        acknowledged, drawn = set(child.numbers("C")), child.numbers("P")
        checkpoints += len(acknowledged)
        pictures += len(drawn)
        # What was done between the last line received and the cut may be there as well.
        _, problems = look(folder / "heat.sqlite3", acknowledged, 50)
        latest = folder / "snapshots" / "latest.png"
        if (drawn or latest.exists()) and (not latest.exists() or picture_number(latest) < max(drawn, default=0)):
            problems.append("latest.png is not the last picture, or half of one")
        wrong += [f"cut {nth}: {problem}" for problem in problems]
        disk.unmount()
    report.check(
        f"{disk.kind}: {cuts} power cuts while it writes: of {checkpoints} acknowledged checkpoints and {pictures}"
        f" pictures {'0 lost, 0 unreadable' if not wrong else 'not all are right'}",
        not wrong and checkpoints > cuts,
        details=wrong,
    )


def _first_cuts(report: Report, disk: Disk) -> None:
    """What was made, was there: a store that is open, a picture that is kept, and nothing done since."""
    dice = random.Random(6)  # noqa: S311 - moments to cut at, no secret
    made = 0
    wrong: list[str] = []

    def make(folder: Path, say: Say) -> None:
        Store.open(folder / "heat.sqlite3").close()
        say("C 0")
        keep_picture(folder / "snapshots", 1)
        say("P 1")
        time.sleep(60)

    for nth in range(FIRST_CUTS):
        with _power(disk) as folder:
            child = Child(partial(make, folder))
            _cut_while(disk, folder, child, dice.randrange(3), dice.random() * 0.02)
        disk.mount()
        path, latest = folder / "heat.sqlite3", folder / "snapshots" / "latest.png"
        made += len(child.lines)
        if child.numbers("C") and not path.exists():
            wrong.append(f"cut {nth}: the store was made, and is not there")
        if (child.numbers("P") or latest.exists()) and (not latest.exists() or picture_number(latest) != 1):
            wrong.append(f"cut {nth}: the picture was made, and is not there")
        wrong += [f"cut {nth}: {problem}" for problem in look(path, set(), 0)[1]]
        disk.unmount()
    report.check(
        f"{disk.kind}: {FIRST_CUTS} power cuts within the making of a store and its first picture: {made} acknowledged,"
        f" {'0 lost, 0 unreadable' if not wrong else 'not all are right'}",
        not wrong and made > FIRST_CUTS // 2,
        details=wrong,
    )


def _rescue_cuts(report: Report, disk: Disk) -> None:
    """The rescue of a damaged store, cut off and done again at the next start."""
    dice = random.Random(7)  # noqa: S311 - moments to cut at, no secret
    wrong: list[str] = []
    for nth in range(RESCUE_CUTS):
        with _power(disk) as folder:
            path = folder / "heat.sqlite3"
            make_damaged(path, 40)
            os.sync()
            child = Child(partial(_rescue, path))
            _cut_while(disk, folder, child, dice.randrange(2), dice.random() * 0.03)
        disk.mount()
        open_or_rescue(path)
        wrong += [f"cut {nth}: {problem}" for problem in look(path, set(range(1, 41)), 0)[1]]
        if not [*folder.glob("heat.damaged-*.sqlite3")]:
            wrong.append(f"cut {nth}: the damaged file is gone")
        disk.unmount()
    report.check(
        f"{disk.kind}: {RESCUE_CUTS} power cuts within the rescue of a damaged store:"
        f" {'every checkpoint there once' if not wrong else 'not all is right'}",
        not wrong,
        details=wrong,
    )


def _rescue(path: Path, say: Say) -> None:
    say("begun 0")
    open_or_rescue(path)
    say("done 0")
    time.sleep(60)
