"""How cost grows with age: a store of a day, a month, a year, ten years."""

import shutil
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import numpy as np

from benchmarks import motion
from benchmarks.desk import MOUSETRACKD, Desk, Used, python
from benchmarks.table import Row, at_most, median, ms
from mousetrackd.config import Config, StoreConfig, to_toml
from mousetrackd.core import cells
from mousetrackd.core.accumulator import Tally
from mousetrackd.core.counts import Counts
from mousetrackd.core.layers import LAYERS
from mousetrackd.core.series import Series
from mousetrackd.daemon.child_process import Job, command
from mousetrackd.storage import chunks, hours, screens
from mousetrackd.storage.chunks import Key
from mousetrackd.storage.hours import Encoded, Hour
from mousetrackd.storage.store import Store
from mousetrackd.storage.tiers import RollupAges

SCREENS = {"1920x1080": (170, 90), "2x4K": (290, 205)}
"""How many MB a year may take, with each hour of it and without."""

_DAY_S = 86_400
_YEARS = 10
_STAGES = {1: "1 day", 30: "1 month", 365: "1 year"}
_ALL_TIME, _WORKER_MB = 2.5, 250
"""How many times as much a snapshot of all time takes after a year as after a day, and how much memory."""
_PAST_DAY, _TUESDAYS, _WEEKDAYS = 1.3, 2, 6
"""How many times as much as today's picture of today one of a past day takes, of Tuesdays 9 to 17 of a year, and of
all Mondays to Fridays of a year."""
_FLAT = 1.25
"""A quarter more is noise."""
_WORK_BEGINS_H = 9
_IN_HOURS, _IN_DAYS = 10, 80
"""The last days are saved in hours, those before as whole days, all older as months: what the roll-ups would have made,
without the time it takes to make it. Enough is left for the store to roll up itself: a month, its sum, and days."""
_ROLL_UP_EVERY = 2
_DAYS_A_MONTH = 30
_YEAR_DAYS = 365


@dataclass
class Stage:
    """What a store of some age costs."""

    size_mb: float
    checkpoint_s: float
    checkpoint_kb: float
    snapshot_s: float
    worker_mb: float
    asked_s: dict[str, float]


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
        bare_mb = 0.0
        if not quick:
            bare = desk.folder / "bare.sqlite3"
            _work(desk, bare, screen, today_s, 365, np.random.default_rng(3), [], keeps_hours=False)
            bare_mb = bare.stat().st_size / 1e6
            bare.unlink()
            _add_older_years(desk, grown, rng, today_s, rollups)
            measured[f"{_YEARS} years"] = _measure(desk, grown, screen, quick=quick)
            _say(screen, f"{_YEARS} years", measured[f"{_YEARS} years"])
    yield from _rows(screen, measured, bare_mb, rollups)


def grow(desk: Desk, grown: Path, screen: str, days: int) -> None:
    """A store of so many days until today, at most a year; or years before what is there, which is a year."""
    rng, today_s = np.random.default_rng(3), int(time.time()) // _DAY_S * _DAY_S
    grown.parent.mkdir(mode=0o700, exist_ok=True)
    if days > _YEAR_DAYS:
        _add_older_years(desk, grown, rng, today_s, [])
    else:
        _work(desk, grown, screen, today_s, days, rng, [])


def _work(
    desk: Desk,
    grown: Path,
    screen: str,
    today_s: int,
    days: int,
    rng: np.random.Generator,
    rollups: list[Used],
    *,
    keeps_hours: bool = True,
) -> None:
    """A store of so many days until today. keeps_hours: False as with ``keep_hour_cells_days = 0``."""
    grown.unlink(missing_ok=True)
    templates = motion.template_hours(screen, 4)
    whole = _whole_days(screen)
    first_s, in_days_s = today_s - days * _DAY_S, today_s - _IN_DAYS * _DAY_S
    with Store.open(grown, zone=UTC) as store:
        for begin_s, end_s in _months(first_s, in_days_s):
            days_of_it = rng.integers(len(whole), size=_DAYS_A_MONTH)
            month = motion.together([whole[nth] for nth in days_of_it], rng)
            store.commit(month, begin_s, end_s, motion.SCREENS[screen])
            if keeps_hours:
                _put_hours(store, begin_s, screen, [hour for nth in days_of_it for hour in _of_day(int(nth))])
            first_s = end_s
    for day_s in range(first_s, today_s, _DAY_S):
        ago = (today_s - day_s) // _DAY_S
        with Store.open(grown, zone=UTC) as store:
            if ago > _IN_HOURS:
                number = int(rng.integers(len(whole)))
                store.commit(motion.another(whole[number], rng), day_s, day_s + _DAY_S, motion.SCREENS[screen])
                if keeps_hours:
                    _put_hours(store, day_s, screen, _of_day(number))
            else:
                for nth in range(motion.HOURS_A_DAY):
                    tally = motion.another(templates[rng.integers(len(templates))], rng)
                    begin_s = day_s + (_WORK_BEGINS_H + nth) * 3600
                    store.commit(tally, begin_s, begin_s + 3600, motion.SCREENS[screen])
        if ago % _ROLL_UP_EVERY == 0 or ago == 1:
            rollups.append(desk.run(_rolling_up(grown, day_s + 23 * 3600, keeps_hours=keeps_hours)))


def _of_day(nth: int) -> list[int]:
    """Which of the template hours are those of a template day."""
    return [nth * motion.HOURS_A_DAY + hour for hour in range(motion.HOURS_A_DAY)]


@cache
def _cells(screen: str, nth: int) -> list[tuple[Series, int, int, bytes]]:
    """The series of a template hour, each with its total, how wide its cells are, and these."""
    found = []
    for series, counts in motion.template_hours(screen, 4)[nth].counts.items():
        side_px = cells.cell_px(counts.width_px, counts.height_px)
        found.append((series, counts.total, side_px, cells.encode(cells.gathered(counts, side_px), side_px)))
    return found


def _put_hours(store: Store, begin_s: int, screen: str, hours_of_it: list[int]) -> None:
    """Give the chunks that begin at ``begin_s`` the hours they would have been rolled up from, day after day."""
    connection = store._connection  # noqa: SLF001 - a store of years, without the time it takes to make it
    owners = _owners(store, begin_s)
    by_day: dict[int, list[Encoded]] = defaultdict(list)
    for at, nth in enumerate(hours_of_it):
        day, hour = divmod(at, motion.HOURS_A_DAY)
        start_s = begin_s + day * _DAY_S + (_WORK_BEGINS_H + hour) * 3600
        for series, total, side_px, blob in _cells(screen, nth):
            key = Key(screens.row_of(connection, series.monitor), series.layer)
            by_day[day].append(Encoded(Hour(0, owners[key], start_s, key, total), side_px, blob))
    for of_day in by_day.values():
        _put(store, of_day)


def _owners(store: Store, begin_s: int) -> dict[Key, int]:
    """The chunks that begin at ``begin_s``, by series."""
    rows = store._connection.rows("SELECT id, monitor, layer FROM chunk WHERE start_s = ?", (begin_s,))  # noqa: SLF001
    return {Key(*key): chunk for chunk, *key in rows}


def _put(store: Store, of_day: list[Encoded]) -> None:
    with store._connection.transaction():  # noqa: SLF001
        hours.put(store._connection, of_day)  # noqa: SLF001


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
    """Years before the first: all of that, moved a little, with the same hours."""
    with Store.open(grown, zone=UTC) as store:
        year = Tally(dict(store.read(LAYERS).counts))
        by_day = _hours_by_day(store)
        first_s = min(day_s for day_s, _ in by_day)
        span_s = today_s - first_s
        for ago in range(1, _YEARS):
            moved_s = ago * span_s
            store.commit(motion.another(year, rng), first_s - moved_s, today_s - moved_s)
            owners = _owners(store, first_s - moved_s)
            for _, of_day in by_day:
                _put(store, [_of_chunk(one, owners[one.hour.key], one.hour.start_s - moved_s) for one in of_day])
    rollups.append(desk.run(_rolling_up(grown, today_s)))


def _hours_by_day(store: Store) -> list[tuple[int, list[Encoded]]]:
    """Every hour that a store holds, in cells: all that it counts. By the UTC second at which their day begins."""
    by_day: dict[int, list[Encoded]] = defaultdict(list)
    connection = store._connection  # noqa: SLF001 - what nobody else needs: the bytes of cells
    known = screens.monitors(connection)
    for chunk in chunks.select(connection, chunks.ANY, []):
        of_it = hours.of_chunk(connection, chunk.row)
        found = [hours.copied(connection, hour, 0, hour.key) for hour in of_it]
        if not of_it:
            counts = Counts.joined(chunk.decoded(known[chunk.key.monitor]))
            found = [hours.encoded(0, chunk.start_s, chunk.key, counts)]
        for one in found:
            by_day[one.hour.start_s // _DAY_S * _DAY_S].append(one)
    return sorted(by_day.items())


def _of_chunk(one: Encoded, chunk: int, start_s: int) -> Encoded:
    return one._replace(hour=replace(one.hour, chunk=chunk, start_s=start_s))


def _rolling_up(grown: Path, now_s: int, *, keeps_hours: bool = True) -> list[str]:
    return python("growth", str(grown), str(now_s), *([] if keeps_hours else ["0"]))


def roll_up(store_file: Path, now_s: int, hour_cells_days: int | None = None) -> None:
    """Do what the daemon's roll-up does."""
    keep = StoreConfig()
    with Store.open(store_file, zone=UTC) as store:
        store.roll_up(
            now_s,
            RollupAges(
                keep.keep_hourly_pixels_days,
                keep.keep_daily_pixels_days,
                keep.keep_monthly_pixels_days,
                hour_cells_days,
            ),
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
    moved_kb: list[float] = []
    now_s = int(time.time())
    with Store.open(desk.store, zone=UTC) as store:
        for nth in range(30):
            before_s, before_kb = time.process_time(), _moved_kb()
            store.commit(minute, now_s + nth, now_s + nth + 1, motion.SCREENS[screen])
            checkpoints.append(time.process_time() - before_s)
            moved_kb.append(_moved_kb() - before_kb)
    worker = command(Job("mousetrackd.daemon.snapshot_worker", "", b""))
    used = [desk.run(worker, stdin=to_toml(Config(), comments=False)) for _ in range(1 if quick else 3)]
    stage = Stage(
        grown.stat().st_size / 1e6,
        median(checkpoints),
        median(moved_kb),
        median(u.cpu_s for u in used),
        max(u.peak_mb for u in used),
        _ask(desk, quick=quick),
    )
    shutil.rmtree(desk.store.parent)
    return stage


def _moved_kb() -> float:
    """What this process has read and written so far, which does not depend on what else the machine does."""
    facts = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    return (int(facts["rchar"]) + int(facts["wchar"])) / 1000


def _ask(desk: Desk, *, quick: bool) -> dict[str, float]:
    """CPU of ``mousetrackd render`` for questions about the past year: the whole process, picture and all."""
    today = datetime.now(UTC).date()
    past = today - timedelta(days=200)
    questions = {
        "today": ["--since", "today"],
        "a past day": ["--since", f"{past}", "--until", f"{past}"],
        "Tuesdays 9-17": ["--since", "365 days ago", "--weekdays", "tue", "--hours", "9-17"],
        "Mondays to Fridays": ["--since", "365 days ago", "--weekdays", "mon-fri"],
    }
    out = str(desk.folder / "asked.png")
    return {
        name: median(desk.run([MOUSETRACKD, "render", out, *words]).cpu_s for _ in range(1 if quick else 3))
        for name, words in questions.items()
    }


def _rows(screen: str, measured: dict[str, Stage], bare_mb: float, rollups: list[Used]) -> Iterator[Row]:
    for name, stage in measured.items():
        beside = (
            f"checkpoint {ms(stage.checkpoint_s)}, snapshot {ms(stage.snapshot_s)}, worker {stage.worker_mb:.0f} MB"
        )
        what = f"store after {name}, {screen}"
        if name == "1 year":
            with_hours_mb, without_mb = SCREENS[screen]
            yield at_most(f"{what}: size", stage.size_mb, with_hours_mb, "MB", beside=beside, digits=1)
            yield at_most(f"{what}: size with keep_hour_cells_days = 0", bare_mb, without_mb, "MB", digits=1)
            for question, most in (
                ("a past day", _PAST_DAY),
                ("Tuesdays 9-17", _TUESDAYS),
                ("Mondays to Fridays", _WEEKDAYS),
            ):
                yield at_most(
                    f"{what}: a picture of {question} against one of today",
                    stage.asked_s[question] / stage.asked_s["today"],
                    most,
                    "times",
                    beside=f"{stage.asked_s[question]:.2f} s and {stage.asked_s['today']:.2f} s",
                )
        else:
            yield Row(f"{what}: size", f"{stage.size_mb:.1f} MB", beside)
        if name == "1 year" and screen == "2x4K":
            first_s = measured["1 day"].snapshot_s
            yield at_most(
                f"{what}: a snapshot of all time against one after a day",
                stage.snapshot_s / first_s,
                _ALL_TIME,
                "times",
                beside=f"{stage.snapshot_s:.2f} s and {first_s:.2f} s",
            )
            yield at_most(f"{what}: the worker's peak memory", stage.worker_mb, _WORKER_MB, "MB", digits=0)
    first, last = next(iter(measured)), list(measured)[-1]
    yield at_most(
        f"checkpoint, {screen}: {last} against {first}",
        measured[last].checkpoint_s / measured[first].checkpoint_s,
        _FLAT,
        "times",
    )
    yield at_most(
        f"what a checkpoint reads and writes, {screen}: {last} against {first}",
        measured[last].checkpoint_kb / measured[first].checkpoint_kb,
        _FLAT,
        "times",
        beside=f"{measured[last].checkpoint_kb:.1f} kB and {measured[first].checkpoint_kb:.1f} kB",
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
    roll_up(Path(sys.argv[1]), int(sys.argv[2]), *(int(days) for days in sys.argv[3:]))
