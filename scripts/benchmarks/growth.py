"""How cost grows with age: a store of a day, a month, a year, ten years."""

import resource
import shutil
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from benchmarks import motion
from benchmarks.desk import Desk
from benchmarks.table import Row, at_most, median, ms
from mousetrackd.accumulator import Tally
from mousetrackd.config import Config, StoreConfig, to_toml
from mousetrackd.layers import LAYERS
from mousetrackd.store import FoldAges, Store

SCREENS = {"1920x1080": 100, "2x4K": 250}
"""How many MB a year may take."""

_DAY_S = 86_400
_YEARS = 10
_STAGES = {1: "1 day", 30: "1 month", 365: "1 year"}
_SNAPSHOT_S, _WORKER_MB = 1.5, 250
_FLAT = 1.25
"""A quarter more is noise."""
_MONTH_S = 27 * _DAY_S
_WORK_BEGINS_H = 9


@dataclass
class Stage:
    """What a store of some age costs."""

    size_mb: float
    checkpoint_s: float
    snapshot_s: float
    worker_mb: float


@dataclass
class _Folds:
    """What the ends of days cost."""

    longest_s: float = 0
    all_s: float = 0
    days: int = 0

    def fold(self, store: Store, now_s: int) -> None:
        """Do what the daemon does in the first checkpoint of an hour."""
        keep = StoreConfig()
        before_s = time.process_time()
        store.fold(now_s, FoldAges(keep.hours_days, keep.days_days, keep.months_days))
        used_s = time.process_time() - before_s
        self.longest_s = max(self.longest_s, used_s)
        self.all_s += used_s
        self.days += 1


def growth(screen: str, *, quick: bool) -> Iterator[Row]:
    """Eight hours a day, each like one of some template hours and yet another, folded by the store itself."""
    stages = {days: name for days, name in _STAGES.items() if days < 365 or not quick}
    rng = np.random.default_rng(3)
    folds = _Folds()
    measured: dict[str, Stage] = {}
    today_s = int(time.time()) // _DAY_S * _DAY_S
    with Desk() as desk:
        grown = desk.folder / "grown.sqlite3"
        last = max(stages)
        for day in range(1, last + 1):
            with Store.open(grown, zone=UTC) as store:
                _work_a_day(store, screen, today_s - (last - day + 1) * _DAY_S, rng, folds)
            if day in stages:
                measured[stages[day]] = _measure(desk, grown, screen, quick=quick)
                _say(screen, stages[day], measured[stages[day]])
        if not quick:
            with Store.open(grown, zone=UTC) as store:
                _add_older_years(store, rng, folds, today_s)
            measured[f"{_YEARS} years"] = _measure(desk, grown, screen, quick=quick)
            _say(screen, f"{_YEARS} years", measured[f"{_YEARS} years"])
    yield from _rows(screen, measured, folds)


def _say(screen: str, name: str, stage: Stage) -> None:
    print(f"  {screen}, {name}: {stage}", file=sys.stderr)


def _work_a_day(store: Store, screen: str, day_s: int, rng: np.random.Generator, folds: _Folds) -> None:
    templates = motion.template_hours(screen, 4)
    for nth in range(motion.HOURS_A_DAY):
        tally = motion.another(templates[rng.integers(len(templates))], rng)
        begin_s = day_s + (_WORK_BEGINS_H + nth) * 3600
        store.commit(tally, begin_s, begin_s + 3600, motion.SCREENS[screen])
    folds.fold(store, day_s + 23 * 3600)


def _add_older_years(store: Store, rng: np.random.Generator, folds: _Folds, now_s: int) -> None:
    """Years before the first, out of its months, each moved a little; each year is folded before the next."""
    months = [piece.start_s for piece in store.pieces(("scroll",), []) if _MONTH_S < piece.span_s < 2 * _MONTH_S]
    for year in range(1, _YEARS):
        for start_s in sorted(set(months)):
            then = datetime.fromtimestamp(start_s, UTC)
            begin_s = int(then.replace(year=then.year - year).timestamp())
            pieces = list(store.pieces(LAYERS, [], since_s=start_s, until_s=start_s + 32 * _DAY_S))
            span_s = next(p.span_s for p in pieces if p.start_s == start_s)
            counts = {(p.monitor, p.layer): motion.elsewhere(p.counts, rng) for p in pieces if p.start_s == start_s}
            store.commit(Tally(counts), begin_s, begin_s + span_s)
        folds.fold(store, now_s)


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
    desk.env |= {"OPENBLAS_NUM_THREADS": "1", "TZ": "UTC"}  # the former as the daemon starts it
    worker = [sys.executable, "-m", "mousetrackd.snapshots"]
    used = [desk.run(worker, stdin=to_toml(Config(), comments=False)) for _ in range(1 if quick else 3)]
    stage = Stage(
        grown.stat().st_size / 1e6,
        median(checkpoints),
        median(u.cpu_s for u in used),
        max(u.peak_mb for u in used),
    )
    shutil.rmtree(desk.store.parent)
    return stage


def _rows(screen: str, measured: dict[str, Stage], folds: _Folds) -> Iterator[Row]:
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
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1.024 / 1000
    yield Row(
        f"folding, {screen}: longest",
        f"{folds.longest_s:.2f} s",
        f"CPU; {folds.all_s / folds.days:.2f} s a day, and {peak_mb:.0f} MB at the most, in the daemon",
    )
