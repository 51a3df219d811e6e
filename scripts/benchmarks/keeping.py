"""What stays: bytes on the disk, and memory."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC
from pathlib import Path

import numpy as np
from support.waiting import wait_until

from benchmarks import kernel, motion
from benchmarks.capture import settle
from benchmarks.desk import Desk, python
from benchmarks.table import Row, at_most
from mousetrackd.config import Config, StoreConfig, to_toml
from mousetrackd.core.accumulator import Accumulator
from mousetrackd.core.events import Events
from mousetrackd.core.layout import Layout
from mousetrackd.core.monitors import Monitor, Placement
from mousetrackd.daemon.child_process import Job, command
from mousetrackd.storage.store import Store
from mousetrackd.storage.tiers import RollupAges

_BYTES_MB = 4
_PSS_MB = 40
_FLAT_MB = 2
_RECORDED_PX = 65_535
"""What a recorder wrote that did not know the position; from there on nothing is a screen."""


def written(*, quick: bool) -> Iterator[Row]:
    """An hour of use: a checkpoint a minute, roll-ups, and pictures."""
    with Desk() as desk:
        for name in ["made up, 1920x1080", "made up, 2x4K", *(["recorded"] if motion.sessions() else [])]:
            said = json.loads(desk.run(python("keeping", name, str(desk.folder), "1" if quick else "8")).said)
            per_hour = said["store_mb"] / said["hours"]
            beside = f"{said['hours']:.1f} h in use, a checkpoint each of {said['checkpoints']} minutes, and roll-ups"
            yield at_most(f"written to disk per hour, {name}", per_hour, _BYTES_MB, "MB", beside=beside)
            yield Row(
                f"pictures per hour, {name}", f"{6 * said['picture_mb']:.2f} MB", "one in ten minutes, as configured"
            )


def write_hours(name: str, folder: Path, hours: int) -> None:
    """Count, save and roll up on a clock of the recording's; print what /proc says was written."""
    layout, sessions = sessions_of(name, hours)
    store_file = folder / "DATA_HOME" / "mousetrackd" / "heat.sqlite3"
    store_file.parent.mkdir(mode=0o700, exist_ok=True)
    store_file.unlink(missing_ok=True)
    accumulator = Accumulator(rest_cap_ms=Config().rest_cap_ms, warp_px=Config().warp_px)
    begin_s = int(time.time()) // 86_400 * 86_400 - 86_400
    now_s, checkpoints, rolled_up_hour = begin_s, 0, 0
    with Store.open(store_file, zone=UTC) as store:
        before = kernel.written_bytes()
        for events in sessions:
            offset_s = now_s
            accumulator.change_layout(layout, 0)
            for minute in motion.minutes(events):
                accumulator.feed(minute)
                start_s = offset_s + int(minute["time_ms"][0]) // 60_000 * 60
                now_s = start_s + 60
                store.commit(accumulator.take(int(minute["time_ms"][-1])), start_s, now_s, layout)
                checkpoints += 1
                if now_s // 3600 != rolled_up_hour:
                    rolled_up_hour = now_s // 3600
                    _roll_up(store_file, now_s)
            accumulator.gap(int(events["time_ms"][-1]))
        _roll_up(store_file, now_s + 8 * 86_400)  # a week later the hours become a day
        written_mb = (kernel.written_bytes() - before) / 1e6
    subprocess.run(
        command(Job("mousetrackd.daemon.snapshot_worker", "", b"")),
        input=to_toml(Config(), comments=False),
        text=True,
        check=True,
        stdout=subprocess.DEVNULL,  # what it reports to the daemon
    )
    picture_mb = (store_file.parent / "snapshots" / "latest.png").stat().st_size / 1e6
    used_hours = (now_s - begin_s) / 3600
    print(
        json.dumps({"store_mb": written_mb, "picture_mb": picture_mb, "hours": used_hours, "checkpoints": checkpoints})
    )


def _roll_up(store_file: Path, now_s: int) -> None:
    """As the daemon's roll-up does."""
    keep = StoreConfig()
    with Store.open(store_file, zone=UTC, as_helper=True) as store:
        store.roll_up(
            now_s, RollupAges(keep.keep_hourly_pixels_days, keep.keep_daily_pixels_days, keep.keep_monthly_pixels_days)
        )


def sessions_of(name: str, hours: int) -> tuple[Layout, list[Events]]:
    """The monitors and the events of so many made-up hours, or with the name "recorded" of all recorded sessions."""
    recorded = motion.sessions()
    if name == "recorded":
        known = [s[(s["x"] < _RECORDED_PX) & (s["y"] < _RECORDED_PX)] for s in recorded]
        width_px, height_px = (max(int(s[axis].max()) for s in known) + 1 for axis in ("x", "y"))
        return Layout([Placement(Monitor("recorded", width_px, height_px), 0, 0)]), recorded
    layout = motion.SCREENS[name.rpartition(" ")[2]]
    rng = np.random.default_rng(11)
    return layout, [motion.hour(rng, layout) for _ in range(hours)]


def memory(*, quick: bool) -> Iterator[Row]:
    """The real daemon over three 4K monitors, with a week behind it and a week's way before it."""
    rounds, events = (2, 20_000) if quick else (6, 200_000)
    with Desk() as desk:
        desk.open_display("11520x2160")
        for n in range(3):
            place = f"3840/600x2160/340+{3840 * n}+0"
            screen = "screen" if n == 0 else "none"
            command = ["xrandr", "--setmonitor", f"DP-{n + 1}", place, screen]
            subprocess.run(command, env=desk.env, check=True, stdout=subprocess.DEVNULL)
        desk.has_picture()
        desk.configure("checkpoint_interval_s = 3\nsnapshot_interval_s = 86400\n")
        _week_before(desk, quick=quick)
        with desk.daemon() as pid:
            began_mb = kernel.pss_mb(pid)
            desk.drive("drive", 500, 1, 40)
            wait_until(
                lambda: desk.status["last_checkpoint"],
                "there is a checkpoint, after which a child rolls up",
                timeout_s=120,
            )
            settle(pid)
            rollup_mb = kernel.peak_mb(pid)
            kernel.forget_peak(pid)
            seen_mb = []
            crossed = 0
            for _ in range(rounds):
                crossed += 60 * desk.drive("drive", 8000, events / 8000, 60)
                settle(pid)  # a busy machine takes a while to count so much
                seen_mb.append(kernel.pss_mb(pid))
            peak_mb = kernel.peak_mb(pid)
    beside = f"{began_mb:.1f} MB when it began; then after each of {rounds}: " + ", ".join(f"{m:.1f}" for m in seen_mb)
    week = f"{crossed / 1e6:.0f} million crossings"
    yield at_most(f"memory (PSS), 3x4K, after {week}", max(seen_mb), _PSS_MB, "MB", beside=beside, digits=1)
    yield at_most("memory: grown in the second half", seen_mb[-1] - seen_mb[rounds // 2 - 1], _FLAT_MB, "MB")
    yield Row(
        "memory: for a moment (RSS)",
        f"{peak_mb:.0f} MB",
        f"{rollup_mb:.0f} MB until a child has rolled up a day of last week",
    )


def _week_before(desk: Desk, *, quick: bool) -> None:
    """Hours of the last eight days: the oldest day of them is due to be rolled up."""
    layout = motion.SCREENS["3x4K"]
    rng = np.random.default_rng(13)
    templates = motion.template_hours("3x4K", 1)
    today_s = int(time.time()) // 86_400 * 86_400
    desk.store.parent.mkdir(mode=0o700, exist_ok=True)
    with Store.open(desk.store) as store:
        for day in range(9, 8 if quick else 1, -1):
            for nth, tally in enumerate(templates):
                begin_s = today_s - day * 86_400 + (9 + nth) * 3600
                store.commit(motion.another(tally, rng), begin_s, begin_s + 3600, layout)


if __name__ == "__main__":
    write_hours(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
