"""The page's script reads what Python wrote: sums and numbers of a range, of hours, and of an application."""

import io
import json
import re
from datetime import UTC, datetime
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
# Days ago, hour, application: ms.
COUNTED = {(3, 9, "vim"): 5, (3, 10, "</script>"): 70, (2, 9, "</script>"): 900, (500, 9, "vim"): 11_000}


def make_page(path: Path) -> dict[str, str]:
    """The page's elements by their ids."""
    out = io.BytesIO()
    with Store.open(path, zone=UTC) as store:
        for (ago, hour, name), count in COUNTED.items():
            counts = Counts.from_pixels(640, 480, np.array([ago]), np.array([count]))
            tally = Tally({Series(SCREEN, "dwell", of): counts for of in ("", name)}, {SCREEN: PATH_PX})
            at_s = (TODAY - ago) * DAY_S + hour * 3600
            store.commit(tally, at_s, at_s + 60, LAYOUT)
        store.roll_up(int(NOW.timestamp()), RollupAges())
        make(out, store, Subject(LAYOUT, NOW))
    html = out.getvalue().decode()
    found = re.findall(r'<script type="(?:text/plain|application/json)" id="([^"]+)">([^<]*)</script>', html)
    return dict(found)


def question(ago: int | None = None, application: str = "", hours: list[int] | None = None) -> dict[str, Any]:
    day = None if ago is None else TODAY - ago
    number = ["", *sorted(NAMES)].index(application)
    return {"first": day, "last": day, "application": number, "layers": [0], "hours": hours}


def expected(ago: int | None = None, application: str = "", hours: list[int] | None = None) -> int:
    return sum(
        count
        for (of_ago, hour, name), count in COUNTED.items()
        if ago in {None, of_ago} and application in {"", name} and (hours is None or hour in hours)
    )


CASES: dict[str, dict[str, Any]] = {
    "all": {},
    "a day": {"ago": 3},
    "an hour of a day": {"ago": 3, "hours": [10]},
    "an application": {"application": "vim"},
    "another": {"application": "</script>"},
    "a day of an application": {"ago": 3, "application": "vim"},
    "an hour of an application": {"ago": 3, "application": "</script>", "hours": [9]},
    "a day without it": {"ago": 2, "application": "vim"},
}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("archive")
    questions = [question(**case) for case in CASES.values()]
    asked = json.dumps({"elements": make_page(folder / "heat.sqlite3"), "questions": questions})
    done = run_in_node(copy_sources(folder), "read_archive.js", stdin=asked)
    assert done.returncode == 0, done.stderr
    answers: dict[str, Any] = json.loads(done.stdout)
    return answers


@pytest.mark.parametrize("name", CASES)
def test_the_page_sums_what_was_counted(found: dict[str, Any], name: str) -> None:
    case = CASES[name]
    answer = found["answers"][[*CASES].index(name)]
    assert answer["total"] == answer["active"] == expected(**case)
    assert answer["inexact"] == ""
    assert (answer["length"] > 0) == (not case.get("application") and expected(**case) > 0), "no path is kept by one"


def test_the_first_picture_is_of_all(found: dict[str, Any]) -> None:
    assert found["first"] == [expected()]
