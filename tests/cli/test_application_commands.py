"""The commands about one application, on a store that holds two."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from support.program import Home

from mousetrackd.core.accumulator import Tally
from mousetrackd.core.counts import Counts
from mousetrackd.core.monitors import Monitor
from mousetrackd.core.series import Series
from mousetrackd.storage.store import Store
from mousetrackd.system.files import make_private

pytest_plugins = ("support.fixtures",)

SCREEN = Monitor("DP-1", 20, 10)
START_S = 1_700_000_000


@pytest.fixture
def counted(home: Home) -> Home:
    """A user whose store has two applications."""
    make_private(home.paths.data_dir)
    counts = {Series(SCREEN, "dwell"): Counts.from_pixels(20, 10, np.array([1, 2]), np.array([3000, 1000]))}
    for name, pixel, ms in (("org.blender.blender", 1, 3000), ("xterm", 2, 1000)):
        counts[Series(SCREEN, "dwell", name)] = Counts.from_pixels(20, 10, np.array([pixel]), np.array([ms]))
        counts[Series(SCREEN, "clicks.left", name)] = Counts.from_pixels(20, 10, np.array([pixel]))
        in_window = Counts.from_pixels(256, 256, np.array([pixel * 1000, 40_000]), np.array([ms, ms]))
        counts[Series(SCREEN, "dwell", name, 256)] = in_window
    with Store.open(home.paths.store) as store:
        store.commit(Tally(counts, {SCREEN: 100.0}), START_S, START_S + 60)
    return home


def size_of(path: Path) -> tuple[int, int]:
    """Height and width of a picture."""
    picture = cv2.imread(str(path))
    assert picture is not None
    return picture.shape[0], picture.shape[1]


def test_stats_has_a_table_of_applications(counted: Home) -> None:
    assert counted.run_ok("stats", "--applications").splitlines() == [
        "application              active  clicks  scroll  share",
        "org.blender.blender  0 min 03 s       1       0  75.0%",
        "xterm                0 min 01 s       1       0  25.0%",
    ]
    found = json.loads(counted.run_ok("stats", "--applications", "--json", "--application", "Blender"))
    assert [(one["application"], one["active_ms"], one["clicks"], one["share"]) for one in found] == [
        ("org.blender.blender", 3000, 1, 1.0)
    ]


def test_one_application_is_exported_drawn_and_summed(counted: Home) -> None:
    assert counted.run_ok("export", "-", "--application", "blender") == "monitor,x,y,count\nDP-1@20x10,1,0,3000\n"
    assert "0 min 01 s" in counted.run_ok("stats", "--application", "XTERM")
    out = counted.folder / "one.png"
    counted.run_ok("render", out, "--application", "xterm", "--no-legend", "--layer", "dwell")
    assert size_of(out) == (10, 20)
    counted.run_ok("render", out, "--application", "xterm", "--window", "--no-legend", "--layer", "dwell")
    assert max(size_of(out)) == 1280
    counted.run_ok("render", out, "--application", "xterm", "--window", "--weekdays", "mon-sun")
    with Image.open(out) as picture:
        caption = json.loads(picture.info["mousetrackd"])
    assert (caption["where"], caption["only"]) == ("the window of xterm", "mon-sun")
    done = counted.run("render", out, "--application", "xterm", "--layer", "travel")
    assert "travel is not kept by application" in done.err


def test_one_application_is_forgotten_and_the_totals_are_the_other_s(counted: Home) -> None:
    said = counted.run_ok("forget", "--application", "Blender", "--yes")
    assert "pieces of the counts for org.blender.blender" in said
    assert "travel and distance stay" in said
    assert json.loads(counted.run_ok("stats", "--json"))["total"]["active_ms"] == 1000
    assert counted.run_ok("stats", "--applications").splitlines()[1:] == [
        "xterm        0 min 01 s       1       0  100.0%"
    ]
    done = counted.run("forget", "--application", "blender", "--yes")
    assert (done.code, "There are: xterm" in done.err) == (2, True)


@pytest.mark.parametrize(
    ("words", "fragment"),
    [
        (["render", "a.png", "--application", "firefox"], 'nothing was counted for an application "firefox"'),
        (["stats", "--application", ""], "There are: org.blender.blender, xterm"),
        (["render", "a.png", "--window"], "--window is about the window of one application"),
        (["render", "a.png", "--from", "x.csv", "--application", "xterm"], "--application selects counts of the store"),
    ],
)
def test_what_cannot_be_meant_is_an_error(counted: Home, words: list[str], fragment: str) -> None:
    done = counted.run(*words)
    assert (done.code, fragment in done.err) == (2, True), done.err
    assert len(done.err.splitlines()) <= 2
