"""A rescue after any life of a store: of what the damage did not hit nothing is lost, and nothing is there twice."""

import contextlib
import random
import sqlite3
import tempfile
from collections import Counter
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mousetrackd.core.accumulator import Tally
from mousetrackd.core.counts import Counts
from mousetrackd.core.monitors import Monitor
from mousetrackd.core.series import Series
from mousetrackd.core.validity import IMPORTED_HOUR_S
from mousetrackd.storage.merge import merge
from mousetrackd.storage.readings import PATH, Range
from mousetrackd.storage.recovery import rescue
from mousetrackd.storage.store import Store
from mousetrackd.storage.tiers import RollupAges

SCREEN = Monitor(
    "DP-1", 40, 30
)  # whose cells are of one pixel: what is put together from hours can be compared exactly
HOUR_S, DAY_S = 3600, 86_400
YEAR_S = int(datetime(2023, 1, 1, tzinfo=UTC).timestamp())
NOW = datetime(2026, 11, 22, tzinfo=UTC)
LAST_DAY = 500
PAGE = 4096
ALL = Range()
TOKYO = timezone(timedelta(hours=9))

minutes = st.integers(0, 70 * 1440) | st.integers(0, 180)
counted = st.tuples(st.just("count"), minutes) | st.tuples(st.just("import"), minutes)
ages = st.integers(0, LAST_DAY) | st.sampled_from([1, 3, 10, 33, 70, 120])
roll_ups = st.tuples(st.just("roll up"), ages, st.sampled_from([UTC, TOKYO]), st.sampled_from([None, 0]))
forgets = st.tuples(st.just("forget"), minutes, st.integers(1, 2000))
others = st.tuples(st.just("merge"), st.lists(counted | roll_ups, min_size=1, max_size=4))
rescues = st.tuples(st.just("rescue"))
lives = st.lists(counted | counted | roll_ups | roll_ups | forgets | others | rescues, min_size=1, max_size=10)


class Life:
    """A store, and a plain dictionary of what is in it: each time that something is counted has a pixel of its own."""

    def __init__(self, path: Path, first: int = 0) -> None:
        self.path = path
        self.dice = np.random.default_rng(first)
        self.next = first
        self.expected: Counter[int] = Counter()
        path.parent.mkdir(mode=0o700, exist_ok=True)
        Store.open(path, zone=UTC).close()

    def live(self, step: tuple[object, ...]) -> None:
        match step:
            case ("count" | "import" as how, int(minute)):
                counts = Counts.from_pixels(40, 30, np.array([self.next]))
                more = self.dice.integers(100, 1200, 900)  # so that a page holds one or two
                counts = Counts.merge([counts, Counts.from_pixels(40, 30, more, self.dice.integers(1, 999, 900))])
                at_s = YEAR_S + minute * 60
                with Store.open(self.path, zone=UTC) as store:
                    tally = Tally({Series(SCREEN, "dwell"): counts}, {SCREEN: 7.0})
                    if how == "count":
                        store.commit(tally, at_s, at_s + 60)
                    else:
                        store.commit_import([(at_s, tally)], span_s=IMPORTED_HOUR_S)
                self.expected[self.next] = 1
                self.next += 1
            case ("roll up", int(day), timezone() as zone, int() | None as hour_cells_days):
                with Store.open(self.path, zone=zone) as store:
                    store.roll_up(YEAR_S + day * DAY_S, RollupAges(1, 7, 60, hour_cells_days))
            case ("forget", int(minute), int(length)):
                since_s = YEAR_S + 60 * minute
                with Store.open(self.path, zone=UTC) as store:
                    store.erase(Range(since_s, since_s + 60 * length))
                self.expected = signs(contents(self.path))  # what that leaves is tested elsewhere
            case ("rescue",):
                aside, _ = rescue(self.path, NOW)
                aside.unlink()
            case ("merge", list(steps)):
                other = Life(self.path.parent / "other" / "heat.sqlite3", 50)
                other.next += self.next
                for one in steps:
                    other.live(one)
                merge(self.path.parent / "merged", [other.path, self.path])
                (self.path.parent / "merged").rename(self.path)
                other.path.unlink()
                self.expected += other.expected


def contents(path: Path, asked: Range = ALL) -> Counter[int]:
    """The counts of each pixel; the length of the path as of pixel -1."""
    with Store.open_read_only(path, zone=UTC) as store:
        found = Counter({-1: sum(one.total for one in store.totals(asked) if one.what == PATH)})
        for counts in store.read(["dwell"], asked).counts.values():
            found.update(dict(zip(counts.index.tolist(), counts.count.tolist(), strict=True)))
    return found


def signs(found: Counter[int]) -> Counter[int]:
    return Counter({pixel: count for pixel, count in found.items() if 0 <= pixel < 100})


def rescued(path: Path, content: bytes) -> Counter[int]:
    """What a rescue of a file of these bytes finds."""
    path.write_bytes(content)
    aside, _ = rescue(path, NOW)
    aside.unlink()
    with Store.open(path, zone=UTC) as store:
        assert store.check() == []
    return contents(path)


def without_page(content: bytes, page: int) -> bytes:
    return content[: (page - 1) * PAGE] + bytes(PAGE) + content[page * PAGE :]


def mixed(old: bytes, new: bytes, dice: random.Random) -> bytes:
    """Each page as it was at one of two moments."""
    starts = range(0, len(new), PAGE)
    return b"".join(
        (old if start + PAGE <= len(old) and dice.random() < 0.5 else new)[start : start + PAGE] for start in starts
    )


def pages_without_counts(path: Path) -> list[int]:
    """The first pages of indices, and of the sums that are made again."""
    indices = "SELECT rootpage FROM sqlite_schema WHERE type = 'index' OR name = 'sum'"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return [page for (page,) in connection.execute(indices)]


FEBRUARY = 31 * 1440
MONTHS_THEN_MINUTES = [("count", 45), ("roll up", 120, UTC, 0), ("merge", [("count", 100), ("count", 130)])]
MINUTES_THEN_MONTHS = [("count", 100), ("count", 130), ("merge", [("count", 45), ("roll up", 120, UTC, 0)])]
THE_SAME_WITH_HOURS = [("count", 100), ("count", 130), ("merge", [("count", 45), ("roll up", 120, UTC, None)])]
A_MONTH_FORGOTTEN_IN_PART = [
    *(("count", 45), ("count", 3000), ("roll up", 70, UTC, None), ("import", 60), ("import", 2880)),
    *(("roll up", 1, UTC, None), ("forget", 2990, 20), ("count", 62), ("rescue",), ("merge", [("count", 50)])),
]
A_DAY_OF_ANOTHER_ZONE = [
    *(("count", FEBRUARY - 100), ("count", FEBRUARY - 900), ("roll up", 36, UTC, None), ("count", FEBRUARY - 95)),
    *(("roll up", 36, TOKYO, None), ("roll up", 120, TOKYO, None), ("count", FEBRUARY - 90)),
]


@settings(max_examples=settings().max_examples // 4, deadline=None)
@given(lives, st.integers(0, 1 << 32))
@example(MONTHS_THEN_MINUTES, 1)
@example(MINUTES_THEN_MONTHS, 1)
@example(THE_SAME_WITH_HOURS, 1)
@example(A_MONTH_FORGOTTEN_IN_PART, 1)
@example(A_DAY_OF_ANOTHER_ZONE, 1)
def test_nothing_is_lost_but_what_was_hit_and_nothing_is_there_twice(
    steps: list[tuple[object, ...]], seed: int
) -> None:
    dice = random.Random(seed)  # noqa: S311 - a repeatable vandal
    with tempfile.TemporaryDirectory() as folder:
        life = Life(Path(folder) / "own" / "heat.sqlite3")
        earlier: list[bytes] = []
        for step in steps:
            life.live(step)
            if step[0] in ("forget", "merge", "rescue"):  # of what was before, no page is left
                earlier = []
            earlier.append(life.path.read_bytes())
        before, content = contents(life.path), life.path.read_bytes()
        assert signs(before) == life.expected
        spared = [content, *(without_page(content, page) for page in pages_without_counts(life.path))]
        for whole in [spared[0], *dice.sample(spared[1:], 2)]:
            found = rescued(life.path, whole)
            if any(step[0] == "forget" for step in steps):  # of a length of path no chunk may be left
                found[-1] = before[-1]
            assert found == before
        pages = len(content) // PAGE
        assert rescued(life.path, without_page(content, dice.randint(1, pages))) <= before
        # Copied while it was written: each page is of one of two moments.
        for old in (dice.choice(earlier), dice.choice(earlier)):
            assert rescued(life.path, mixed(old, content, dice)) <= before
