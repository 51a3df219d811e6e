"""How cost grows with age: a store of a day, a month, a year, ten years."""

import shutil
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from benchmarks import motion
from benchmarks.desk import Desk, Used, python
from benchmarks.table import Row, at_most, median, ms
from mousetrackd.config import Config, StoreConfig, to_toml
from mousetrackd.core.accumulator import Tally
from mousetrackd.core.layers import LAYERS
from mousetrackd.daemon.child_process import Job, command
from mousetrackd.storage.store import Store
from mousetrackd.storage.tiers import RollupAges

SCREENS = {"1920x1080": 100, "2x4K": 250}
"""How many MB a year may take."""

_DAY_S = 86_400
_YEARS = 10
_STAGES = {1: "1 day", 30: "1 month", 365: "1 year"}
_SNAPSHOT_S, _WORKER_MB = 1.5, 250
_FLAT = 1.25
"""A quarter more is noise."""
_WORK_BEGINS_H = 9
_IN_HOURS, _IN_DAYS = 10, 80
"""The last days are saved in hours, those before as whole days, all older as months: what the roll-ups would have made,
without the time it takes to make it. Enough is left for the store to roll up itself: a month, its sum, and days."""
_ROLL_UP_EVERY = 2
_DAYS_A_MONTH = 30


@dataclass
class Stage:
    """What a store of some age costs."""

    size_mb: float
    checkpoint_s: float
    snapshot_s: float
    worker_mb: float


def growth(screen: str, *, quick: bool) -> Iterator[Row]:
    """Eight hours a day, each day like one of some template days and yet another; the store rolls it up itself."""
    stages = {days: name for days, name in _STAGES.items() if days < 365 or not quick}
    rng = np.random.default_rng(3)
    rollups: list[Used] = []
    measured: dict[str, Stage] = {}
    today_s = int(time.time()) // _DAY_S * _DAY_S
    with Desk() as desk:
        desk.env |= {"OPENBLAS_NUM_THREADS": "1", "TZ": "UTC"}  # the former as the daemon starts its children
        grown = desk.folder / "grown.sqlite3"
        for days, name in stages.items():
            _work(desk, grown, screen, today_s, days, rng, rollups)
            measured[name] = _measure(desk, grown, screen, quick=quick)
            _say(screen, name, measured[name])
        if not quick:
            _add_older_years(desk, grown, rng, today_s, rollups)
            measured[f"{_YEARS} years"] = _measure(desk, grown, screen, quick=quick)
            _say(screen, f"{_YEARS} years", measured[f"{_YEARS} years"])
    yield from _rows(screen, measured, rollups)


def _work(
    desk: Desk, grown: Path, screen: str, today_s: int, days: int, rng: np.random.Generator, rollups: list[Used]
) -> None:
    """A store of so many days until today."""
    grown.unlink(missing_ok=True)
    hours = motion.template_hours(screen, 4)
    whole = _whole_days(screen)
    first_s, in_days_s = today_s - days * _DAY_S, today_s - _IN_DAYS * _DAY_S
    with Store.open(grown, zone=UTC) as store:
        for begin_s, end_s in _months(first_s, in_days_s):
            month = motion.together([whole[nth] for nth in rng.integers(len(whole), size=_DAYS_A_MONTH)], rng)
            store.commit(month, begin_s, end_s, motion.SCREENS[screen])
            first_s = end_s
    for day_s in range(first_s, today_s, _DAY_S):
        ago = (today_s - day_s) // _DAY_S
        with Store.open(grown, zone=UTC) as store:
            if ago > _IN_HOURS:
                tally = motion.another(whole[rng.integers(len(whole))], rng)
                store.commit(tally, day_s, day_s + _DAY_S, motion.SCREENS[screen])
            else:
                for nth in range(motion.HOURS_A_DAY):
                    tally = motion.another(hours[rng.integers(len(hours))], rng)
                    begin_s = day_s + (_WORK_BEGINS_H + nth) * 3600
                    store.commit(tally, begin_s, begin_s + 3600, motion.SCREENS[screen])
        if ago % _ROLL_UP_EVERY == 0 or ago == 1:
            rollups.append(desk.run(python("growth", str(grown), str(day_s + 23 * 3600))))


def _months(first_s: int, before_s: int) -> Iterator[tuple[int, int]]:
    """The whole calendar months from the one of ``first_s`` that end before ``before_s``."""
    begin = datetime.fromtimestamp(first_s, UTC).replace(day=1, hour=0)
    while (end := (begin + timedelta(days=32)).replace(day=1)).timestamp() <= before_s:
        yield int(begin.timestamp()), int(end.timestamp())
        begin = end


def _whole_days(screen: str) -> list[Tally]:
    """The template hours by the day."""
    hours = motion.template_hours(screen, 4)
    days = [hours[first : first + motion.HOURS_A_DAY] for first in range(0, len(hours), motion.HOURS_A_DAY)]
    return [motion.together(day) for day in days]


def _add_older_years(desk: Desk, grown: Path, rng: np.random.Generator, today_s: int, rollups: list[Used]) -> None:
    """Years before the first: all of that, moved a little."""
    with Store.open(grown, zone=UTC) as store:
        year = Tally(dict(store.read(LAYERS).counts))
        for ago in range(2, _YEARS + 1):
            begin_s = today_s - ago * 365 * _DAY_S
            store.commit(motion.another(year, rng), begin_s, begin_s + 365 * _DAY_S)
    rollups.append(desk.run(python("growth", str(grown), str(today_s))))


def roll_up(store_file: Path, now_s: int) -> None:
    """Do what the daemon's roll-up does."""
    keep = StoreConfig()
    with Store.open(store_file, zone=UTC) as store:
        store.roll_up(
            now_s, RollupAges(keep.keep_hourly_pixels_days, keep.keep_daily_pixels_days, keep.keep_monthly_pixels_days)
        )


def _say(screen: str, name: str, stage: Stage) -> None:
    print(f"  {screen}, {name}: {stage}", file=sys.stderr)


def _measure(desk: Desk, grown: Path, screen: str, *, quick: bool) -> Stage:
    """On a copy, so that measuring adds nothing."""
    desk.store.parent.mkdir(mode=0o700, exist_ok=True)
    shutil.copy(grown, desk.store)
    minute = motion.count(
        motion.hour(np.random.default_rng(5), motion.SCREENS[screen], motion.CROSSINGS_AN_HOUR // 60),
        motion.SCREENS[screen],
    )
    checkpoints: list[float] = []
    now_s = int(time.time())
    with Store.open(desk.store, zone=UTC) as store:
        for nth in range(30):
            before_s = time.process_time()
            store.commit(minute, now_s + nth, now_s + nth + 1, motion.SCREENS[screen])
            checkpoints.append(time.process_time() - before_s)
    worker = command(Job("mousetrackd.daemon.snapshot_worker", "", b""))
    used = [desk.run(worker, stdin=to_toml(Config(), comments=False)) for _ in range(1 if quick else 3)]
    stage = Stage(
        grown.stat().st_size / 1e6,
        median(checkpoints),
        median(u.cpu_s for u in used),
        max(u.peak_mb for u in used),
    )
    shutil.rmtree(desk.store.parent)
    return stage


def _rows(screen: str, measured: dict[str, Stage], rollups: list[Used]) -> Iterator[Row]:
    for name, stage in measured.items():
        beside = (
            f"checkpoint {ms(stage.checkpoint_s)}, snapshot {ms(stage.snapshot_s)}, worker {stage.worker_mb:.0f} MB"
        )
        what = f"store after {name}, {screen}"
        if name == "1 year":
            yield at_most(f"{what}: size", stage.size_mb, SCREENS[screen], "MB", beside=beside, digits=1)
        else:
            yield Row(f"{what}: size", f"{stage.size_mb:.1f} MB", beside)
        if name == "1 year" and screen == "2x4K":
            yield at_most(f"{what}: snapshot of all time", stage.snapshot_s, _SNAPSHOT_S, "s")
            yield at_most(f"{what}: the worker's peak memory", stage.worker_mb, _WORKER_MB, "MB", digits=0)
    first, last = next(iter(measured)), list(measured)[-1]
    yield at_most(
        f"checkpoint, {screen}: {last} against {first}",
        measured[last].checkpoint_s / measured[first].checkpoint_s,
        _FLAT,
        "times",
    )
    if "1 year" in measured:
        yield at_most(
            f"snapshot, {screen}: {last} against 1 year",
            measured[last].snapshot_s / measured["1 year"].snapshot_s,
            _FLAT,
            "times",
        )
    longest = max(rollups, key=lambda used: used.cpu_s)
    yield Row(
        f"roll-up, {screen}: longest",
        f"{longest.cpu_s:.1f} s",
        f"CPU of a process of its own, once a month; {max(used.peak_mb for used in rollups):.0f} MB at the most",
    )


if __name__ == "__main__":
    roll_up(Path(sys.argv[1]), int(sys.argv[2]))
