"""Three people and their stores: one who was recorded, and two made up, who use two monitors.

One has done so for over a year, the other for two weeks, and has counts by application. Each is made by a process of
its own, ``python -m browser.person NAME FOLDER``, while browsers start and others are checked.
"""

import os
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
from benchmarks import motion
from benchmarks.keeping import sessions_of
from support.program import Home
from support.waiting import wait_until

from mousetrackd.config import StoreConfig
from mousetrackd.core.accumulator import Tally
from mousetrackd.core.events import Events
from mousetrackd.core.layout import Layout
from mousetrackd.core.monitors import Monitor, Placement
from mousetrackd.storage.store import Store
from mousetrackd.storage.tiers import RollupAges

ZONE = "Europe/Berlin"
"""Whose clocks change within the year."""
HOSTILE_NAME = '</script><img src=x onerror="alert(1)">'
APPLICATIONS = (HOSTILE_NAME, "editor")

TWO = Layout([Placement(Monitor("DP-1", 1920, 1080), 0, 0), Placement(Monitor("HDMI-1", 1280, 1024), 1920, 56)])
YEAR_DAYS = 400
_HOURS_OF = {**dict.fromkeys(range(5), (9, 11, 16)), 5: (20,), 6: ()}
"""When the second of them works, by weekday, Monday 0."""
_OF_A_LONG_NIGHT = (1, 2, 3)
"""And in nights when the clocks change: hours from midnight, one before the change and two behind it."""
_CROSSINGS = 6_000
_HOUR_MS = 3_600_000
_MADE_TIMEOUT_S = 600.0
"""On a machine that does seven things beside it, 180 s were once too few."""


_BEGAN_S = "CHECK_PAGE_BEGAN_S"


def note_begin() -> None:
    """Let ``now`` be this moment, in all processes that are started from here: midnight may come while they run."""
    os.environ.setdefault(_BEGAN_S, str(time.time()))


def now() -> datetime:
    """When the check began, on the clocks of these people."""
    return datetime.fromtimestamp(float(os.environ[_BEGAN_S]), ZoneInfo(ZONE))


def start(folder: Path) -> list[subprocess.Popen[bytes]]:
    """Begin to make them all below ``folder``."""
    return [subprocess.Popen([sys.executable, "-m", "browser.person", name, str(folder)]) for name in MAKERS]


def made(folder: Path, name: str) -> Home:
    """One of them, as soon as its page is there."""
    failure = folder / f"{name}.failed"
    wait_until(
        lambda: page_of(folder, name).exists() or failure.exists(),
        f"the store and the page of {name} are made",
        timeout_s=_MADE_TIMEOUT_S,
    )
    assert not failure.exists(), failure.read_text("utf-8")
    return home_in(folder / name)


def page_of(folder: Path, name: str) -> Path:
    """The file of the page of one of them."""
    return folder / f"{name}.html"


def home_in(folder: Path) -> Home:
    """Folders for one of them, in a time zone that is not this machine's."""
    folder.mkdir(exist_ok=True)
    home = Home(folder)
    home.variables = {"TZ": ZONE, "COLUMNS": "200"}
    home.paths.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    return home


def store_of(home: Home) -> Path:
    """The file of the store."""
    return home.paths.data_dir / "heat.sqlite3"


def recorded(home: Home) -> None:
    """A recorded person, an hour of each session on a day of the last two weeks; made up where nothing is recorded."""
    layout, sessions = sessions_of("recorded" if motion.sessions() else "1920x1080", 3)
    (place,) = layout.placements
    layout = Layout([Placement(Monitor(HOSTILE_NAME, place.monitor.width_px, place.monitor.height_px), 0, 0)])
    today = _midnight(now())
    with Store.open(store_of(home), zone=ZoneInfo(ZONE)) as store:
        for nth, events in enumerate(sessions):
            for hour, part in _by_hour(events):
                begin = today - timedelta(days=12 - 3 * nth) + timedelta(hours=9 + hour)
                _commit(store, motion.count(part, layout), begin, layout)
        _roll_up(store, today)


def made_up(home: Home, *, days: int = YEAR_DAYS, applications: Sequence[str] = ()) -> None:
    """Somebody with regular hours, until yesterday. applications: used in turns, an hour each."""
    rng = np.random.default_rng(17)
    templates = [motion.count(motion.hour(rng, TWO, _CROSSINGS), TWO) for _ in range(6)]
    today = _midnight(now())
    with Store.open(store_of(home), zone=ZoneInfo(ZONE)) as store:
        for ago in range(days, 0, -1):
            day = today - timedelta(days=ago)
            for nth, begin in enumerate(_hours_of(day)):
                # Days of one kind differ: some are three times as long as others.
                tally = motion.another(templates[rng.integers(len(templates))], rng)
                if applications:
                    _count_by(tally, applications[nth % len(applications)])
                _commit(store, tally, begin, TWO)
            if ago % 30 == 1:
                _roll_up(store, day)


def _hours_of(day: datetime) -> list[datetime]:
    """When the hours begin in which they work; day: its midnight."""
    hours = [day + timedelta(hours=hour) for hour in _HOURS_OF[day.weekday()]]
    if changes_clocks(day.date()):
        hours += [(day.astimezone(UTC) + timedelta(hours=hour)).astimezone(day.tzinfo) for hour in _OF_A_LONG_NIGHT]
    return hours


def changes_clocks(day: date) -> bool:
    """Whether it has 23 or 25 hours."""
    begin, end = (datetime.combine(day + timedelta(days=days), time_of_day.min, ZoneInfo(ZONE)) for days in (0, 1))
    return begin.utcoffset() != end.utcoffset()


def by_application(home: Home) -> None:
    """Somebody who has used a few applications for two weeks."""
    made_up(home, days=14, applications=APPLICATIONS)


def _count_by(tally: Tally, application: str) -> None:
    """Count all of an hour for this application too; travel is not counted by application."""
    again = {
        series._replace(application=application): counts
        for series, counts in tally.counts.items()
        if series.layer != "travel"
    }
    tally.counts.update(again)


def _commit(store: Store, tally: Tally, begin: datetime, layout: Layout) -> None:
    begin_s = int(begin.timestamp())
    store.commit(tally, begin_s, begin_s + 3600, layout)


def _roll_up(store: Store, now: datetime) -> None:
    keep = StoreConfig()
    ages = RollupAges(keep.keep_hourly_pixels_days, keep.keep_daily_pixels_days, keep.keep_monthly_pixels_days)
    store.roll_up(int(now.timestamp()), ages)


def _by_hour(events: Events) -> Iterator[tuple[int, Events]]:
    hours = (events["time_ms"] - events["time_ms"][0]) // _HOUR_MS
    for hour in np.unique(hours):
        yield int(hour), events[hours == hour]


def _midnight(moment: datetime) -> datetime:
    """The midnight before it, on the same clock."""
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


PERSON, YEAR, APPLICATION_USER = "recorded", "year", "applications"
MAKERS: dict[str, Callable[[Home], None]] = {PERSON: recorded, YEAR: made_up, APPLICATION_USER: by_application}


def _main(name: str, folder: Path) -> None:
    try:
        home = home_in(folder / name)
        MAKERS[name](home)
        home.run_ok("page", page_of(folder, name))
    except BaseException:
        (folder / f"{name}.failed").write_text(traceback.format_exc(), "utf-8")
        raise


if __name__ == "__main__":
    _main(sys.argv[1], Path(sys.argv[2]))
