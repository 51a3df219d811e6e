"""Questions about a past day, and an hour of it forgotten, as a user asks them."""

import csv
import json
import time
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from support.program import Home

from mousetrackd.storage.store import Store
from mousetrackd.storage.tiers import RollupAges

pytest_plugins = ("support.fixtures",)

SENTENCE = "drawn from 16 px cells before"


@pytest.fixture
def day(home: Home) -> str:
    """A day of last winter, with four counts at 9 and three at 14, long part of a month or a year."""
    day = (datetime.now().astimezone() - timedelta(days=600)).strftime("%Y-%m-%d")
    for hour, pixels in (("09", {"100,100": 4}), ("14", {"100,100": 1, "900,500": 2})):
        file = home.folder / "counts.json"
        file.write_text(json.dumps(pixels))
        home.run_ok("import", file, "--size", "1920x1080", "--monitor", "DP-1", "--at", f"{day} {hour}:30")
    with Store.open(home.paths.store) as store:
        store.roll_up(int(time.time()), RollupAges())
    return day


def test_a_past_hour_is_drawn_exported_and_counted_from_its_cells_and_it_is_mentioned_once(
    home: Home, day: str
) -> None:
    asked = ("--since", day, "--until", day, "--hours", "14")
    for command in (("render", "hour.png"), ("export", "hour.csv"), ("timelapse", "hour.gif", "--width", "64")):
        result = home.run(command[0], home.folder / command[1], *command[2:], *asked)
        assert (result.code, result.err.count(SENTENCE)) == (0, 1), result
    with (home.folder / "hour.csv").open() as file:
        assert {(row["x"], row["y"], row["count"]) for row in csv.DictReader(file)} == {
            ("100", "100", "1"),
            ("900", "500", "2"),
        }
    stats = json.loads(home.run_ok("stats", "--json", *asked))
    assert stats["total"]["active_ms"] == 3
    assert list(stats["days"]) == [day]
    assert "per year" not in home.run("stats", *asked).err
    everything = home.run("render", home.folder / "all.png")
    assert (everything.code, SENTENCE in everything.err) == (0, False)


def test_a_film_of_old_hours_in_cells_and_of_new_ones_in_pixels_says_so_once(home: Home, day: str) -> None:
    file = home.folder / "now.json"
    file.write_text(json.dumps({"300,300": 5}))
    home.run_ok("import", file, "--size", "1920x1080", "--monitor", "DP-1")
    film = ("timelapse", home.folder / "film.gif", "--width", "64", "--step")
    result = home.run(*film, "1h")
    next_day = datetime.strptime(day, "%Y-%m-%d").astimezone() + timedelta(days=1)
    assert result.code == 0
    assert [line for line in result.err_lines if SENTENCE in line] == [f"{SENTENCE} {next_day:%-d %B %Y}"]
    only_now = home.run(*film, "1h", "--since", "today")
    assert (only_now.code, SENTENCE in only_now.err) == (0, False)


def test_forget_says_what_stays_of_an_old_month(home: Home, day: str) -> None:
    said = home.run_ok("forget", "--since", f"{day} 14:00", "--until", f"{day} 15:00", "--yes")
    assert "1 piece of the counts" in said
    assert "is kept by the hour, in cells instead of pixels" in said
    assert json.loads(home.run_ok("stats", "--json"))["total"]["active_ms"] == 4
    assert _counts(home.folder / "left.csv", home) == {("100", "100", "4")}


def _counts(out: Path, home: Home) -> set[tuple[str, str, str]]:
    home.run_ok("export", out)
    with out.open() as file:
        return {(row["x"], row["y"], row["count"]) for row in csv.DictReader(file)}
