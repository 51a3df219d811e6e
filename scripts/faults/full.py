"""A disk that fills and is freed twice under the real daemon: no loss, each change logged once, memory bounded."""

import contextlib
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from benchmarks import motion
from benchmarks.desk import Desk, end
from benchmarks.kernel import own_mb
from support.report import Report
from support.waiting import wait_until

from faults.playing import differences, play, write_recording

_DISK_MB = 32
_FULL_FOR_S = (12.0, 6.0)
_SPEED = 60
_GROWN_MB = 16.0


def main(report: Report) -> None:
    """An hour in a minute, on a disk of its own."""
    layout = motion.SCREENS["1920x1080"]
    with Desk() as desk:
        recording, log, data = desk.folder / "hour.csv.gz", desk.folder / "log", desk.store.parent
        write_recording(recording, [motion.hour(np.random.default_rng(19), layout)])
        data.mkdir(mode=0o700)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={_DISK_MB}m,mode=700", "tmpfs", data], check=True)
        desk.callback(lambda: subprocess.run(["umount", "-l", data], check=True))
        desk.has_picture()
        desk.configure("checkpoint_interval_s = 1\nsnapshot_interval_s = 86400\n")
        process = play(desk, recording, _SPEED, log)
        desk.callback(end, process)
        wait_until(lambda: desk.status.get("last_checkpoint"), "there is a checkpoint", timeout_s=60)
        before_mb = own_mb(process.pid)
        grown_mb: list[float] = []
        silent = 0
        for full_for_s in _FULL_FOR_S:
            with _full(data / "filler"):
                wait_until(lambda: _not_saving(desk), "status reports that it is not saving", timeout_s=60)
                until_s = time.monotonic() + full_for_s
                while time.monotonic() < until_s:
                    silent += not _not_saving(desk)
                    grown_mb.append(own_mb(process.pid) - before_mb)
                    time.sleep(0.2)
            wait_until(lambda: not _not_saving(desk), "status reports that it is saving again", timeout_s=60)
        process.wait(180)
        said = log.read_text()
        once = len(_FULL_FOR_S)
        report.check(
            f"disk full {once} times under the daemon: reported in status all the while, in the log"
            f" {said.count('not saving since')} times, and {said.count('saving again')} times that it saves again",
            (said.count("not saving since"), said.count("saving again"), silent) == (once, once, 0)
            and "Traceback" not in said,
            details=[*said.splitlines()[-8:]],
        )
        sums, problems = differences(desk.store, recording)
        report.check(f"disk full: nothing is lost when there is space again: {sums}", not problems, details=problems)
        report.check(f"disk full: memory grew by at most {max(grown_mb):.1f} MB meanwhile", max(grown_mb) < _GROWN_MB)


def _not_saving(desk: Desk) -> bool:
    return any("not saving since" in problem for problem in desk.status["problems"])


@contextlib.contextmanager
def _full(filler: Path) -> Iterator[None]:
    """Not a byte is free."""
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))
    yield
    filler.unlink()
