"""The page's script reads what Python wrote: sums and numbers of a range, of hours, and of an application."""

import io
import json
import re
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.javascript import copy_sources, run_in_node

from mousetrackd.core.accumulator import Tally
from mousetrackd.core.counts import Counts
from mousetrackd.core.layout import Layout
from mousetrackd.core.monitors import Monitor, Placement
from mousetrackd.core.series import Series
from mousetrackd.page.making import Subject, make
from mousetrackd.storage.store import Store
from mousetrackd.storage.tiers import RollupAges

SCREEN = Monitor("DP-1", 640, 480)
LAYOUT = Layout([Placement(SCREEN, 0, 0)])
NOW = datetime(2026, 2, 10, 12, tzinfo=UTC)
DAY_S = 86_400
TODAY = int(NOW.timestamp()) // DAY_S
NAMES = ("vim", "</script>")
PATH_PX = 9
# Days ago, hour, application: ms. Over two months, and on each weekday.
COUNTED = {(3, 9, "vim"): 5, (3, 10, "</script>"): 70, (2, 9, "</script>"): 900, (500, 9, "vim"): 11_000}
COUNTED |= {(ago, 8 + ago % 4, NAMES[ago % 2]): 100_000 + ago * 1009 for ago in range(9, 31)}
PLACE_PX, GRID_PX = 20, 1
"""How far from each other is what was counted on different days, and how wide the cells of a picture's grid are."""


def make_page(path: Path) -> dict[str, str]:
    """The page's elements by their ids."""
    out = io.BytesIO()
    with Store.open(path, zone=UTC) as store:
        for (ago, hour, name), count in COUNTED.items():
            counts = Counts.from_pixels(640, 480, np.array([ago % 32 * PLACE_PX]), np.array([count]))
            tally = Tally({Series(SCREEN, "dwell", of): counts for of in ("", name)}, {SCREEN: PATH_PX})
            at_s = (TODAY - ago) * DAY_S + hour * 3600
            store.commit(tally, at_s, at_s + 60, LAYOUT)
        store.roll_up(int(NOW.timestamp()), RollupAges())
        make(out, store, Subject(LAYOUT, NOW))
    html = out.getvalue().decode()
    found = re.findall(r'<script type="(?:text/plain|application/json)" id="([^"]+)">([^<]*)</script>', html)
    return dict(found)


def question(case: dict[str, Any]) -> dict[str, Any]:
    first, last = case.get("days_ago", (None, None))
    return {
        "first": None if first is None else TODAY - first,
        "last": None if last is None else TODAY - last,
        "application": ["", *sorted(NAMES)].index(case.get("application", "")),
        "layers": [0],
        "hours": case.get("hours"),
        "weekdays": case.get("weekdays"),
    }


def expected(case: dict[str, Any]) -> dict[int, int]:
    """What was counted on each day, by how long ago it is."""
    first, last = case.get("days_ago", (1000, 0))
    found: dict[int, int] = {}
    for (ago, hour, name), count in COUNTED.items():
        weekday = (NOW - timedelta(days=ago)).weekday()
        if (
            last <= ago <= first
            and case.get("application", name) == name
            and hour in case.get("hours", [hour])
            and weekday in case.get("weekdays", [weekday])
        ):
            found[ago] = found.get(ago, 0) + count
    return found


CASES: dict[str, dict[str, Any]] = {
    "all": {},
    "a day": {"days_ago": (3, 3)},
    "an hour of a day": {"days_ago": (3, 3), "hours": [10]},
    "an application": {"application": "vim"},
    "another": {"application": "</script>"},
    "a day of an application": {"days_ago": (3, 3), "application": "vim"},
    "an hour of an application": {"days_ago": (3, 3), "application": "</script>", "hours": [9]},
    "a day without it": {"days_ago": (2, 2), "application": "vim"},
    "a range of days": {"days_ago": (27, 12)},
    "Tuesdays in a range of days": {"days_ago": (27, 12), "weekdays": [1]},
    "weekends in a range of days": {"days_ago": (27, 12), "weekdays": [5, 6]},
    "Mondays to Fridays from 9 to 11": {"days_ago": (30, 2), "weekdays": [0, 1, 2, 3, 4], "hours": [9, 10]},
    "a weekday that a range does not have": {"days_ago": (14, 13), "weekdays": [6]},
    "Thursdays of an application": {"days_ago": (30, 2), "weekdays": [3], "application": "vim"},
}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("archive")
    questions = [question(case) for case in CASES.values()]
    asked = json.dumps({"elements": make_page(folder / "heat.sqlite3"), "questions": questions})
    done = run_in_node(copy_sources(folder), "read_archive.js", stdin=asked)
    assert done.returncode == 0, done.stderr
    answers: dict[str, Any] = json.loads(done.stdout)
    return answers


@pytest.mark.parametrize("name", CASES)
def test_the_page_sums_what_was_counted(found: dict[str, Any], name: str) -> None:
    case = CASES[name]
    answer = found["answers"][[*CASES].index(name)]
    by_day = expected(case)
    assert answer["total"] == answer["active"] == sum(by_day.values())
    assert answer["inexact"] == ""
    assert (answer["length"] > 0) == (not case.get("application") and bool(by_day)), "no path is kept by one"
    by_place: dict[int, float] = defaultdict(float)
    for col, row, value in answer["places"]:
        assert row <= 1
        by_place[round(col * GRID_PX / PLACE_PX)] += value
    assert {place: round(value, 6) for place, value in by_place.items()} == {
        place: sum(count for ago, count in by_day.items() if ago % 32 == place)
        for place in {ago % 32 for ago in by_day}
    }


def test_the_first_picture_is_of_all(found: dict[str, Any]) -> None:
    assert found["first"] == [sum(expected({}).values())]
