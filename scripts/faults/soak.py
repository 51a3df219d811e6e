"""A day of motion, played 200 times as fast through the real daemon: exact sums, and memory that does not grow."""

import statistics
import subprocess
import time

import numpy as np
from benchmarks import motion
from benchmarks.desk import Desk, end
from benchmarks.kernel import own_mb
from support.report import Report

from faults.playing import differences, play, recorded_hours, recorded_ms, write_recording

DAY_MS = 24 * motion.HOUR_MS
SPEED = 200
_GROWN = 1.02


def main(report: Report) -> None:
    """Recorded people's motion, and made up hours for the rest of the day."""
    layout = motion.SCREENS["1920x1080"]
    rng = np.random.default_rng(17)
    hours = -(-max(DAY_MS - recorded_ms(), 0) // motion.HOUR_MS)
    with Desk() as desk:
        recording, log = desk.folder / "day.csv.gz", desk.folder / "log"
        long_ms = write_recording(recording, [motion.hour(rng, layout) for _ in range(hours)], recorded_hours())
        desk.configure("checkpoint_interval_s = 1\nsnapshot_interval_s = 60\n")
        process = play(desk, recording, SPEED, log)
        desk.callback(end, process)
        seen_mb = _watch(process, long_ms / 1000 / SPEED)
        said = log.read_text()
        report.check(
            f"{long_ms / motion.HOUR_MS:.1f} h of motion, {recorded_ms() / motion.HOUR_MS:.1f} h of it recorded,"
            f" played {SPEED} times as fast through the daemon",
            process.returncode == 0 and "the recording has ended" in said and "Traceback" not in said,
            details=[*said.splitlines()[-8:]],
        )
        sums, problems = differences(desk.store, recording)
        report.check(f"every pixel of every layer is as worked out apart: {sums}", not problems, details=problems)
    tenths = [statistics.median(part.tolist()) for part in np.array_split(seen_mb, 10)]
    second, last = tenths[1], tenths[-1]
    report.check(
        f"memory {second:.1f} MB in the second tenth, {last:.1f} MB in the last ({last / second - 1:+.1%})",
        last <= second * _GROWN,
        details=["by tenths: " + ", ".join(f"{mb:.1f}" for mb in tenths)],
    )


def _watch(process: subprocess.Popen[bytes], for_s: float) -> list[float]:
    """Its memory, twice a second, from its first event to its end."""
    seen_mb: list[float] = []
    give_up_s = time.monotonic() + for_s + 120
    while process.poll() is None and time.monotonic() < give_up_s:
        try:
            seen_mb.append(own_mb(process.pid))
        except OSError:  # it has just ended
            break
        time.sleep(0.5)
    process.wait(30)
    return seen_mb[:-4] or [0.0] * 20
