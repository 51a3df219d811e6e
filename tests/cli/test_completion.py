"""What a shell offers behind an option or for an argument, asked as bash's script asks the program."""

import numpy as np
import pytest
from support.program import Home

from mousetrackd.core.accumulator import Tally
from mousetrackd.core.counts import Counts
from mousetrackd.core.monitors import Monitor
from mousetrackd.core.series import Series
from mousetrackd.storage.store import Store

pytest_plugins = ("support.fixtures",)

LAYERS = "dwell travel scroll clicks clicks.left clicks.middle clicks.right clicks.other"


@pytest.fixture
def seen(home: Home) -> Home:
    """A user with counts of a monitor, and a colour map of their own."""
    (home.folder / "dots.csv").write_text("x,y\n3,4\n")
    home.run_ok("import", home.folder / "dots.csv", "--size", "20x10", "--monitor", "DP-1")
    home.configure('[colormaps]\nsunset = ["#000000", "#ff8800"]\n')
    return home


def offered(home: Home, *words: str) -> list[tuple[str, str]]:
    """The kind and the text of each candidate for the last word."""
    line = ["mousetrackd", *words]
    home.variables |= {
        "_MOUSETRACKD_COMPLETE": "bash_complete",
        "COMP_WORDS": " ".join(word or "''" for word in line),
        "COMP_CWORD": str(len(line) - 1),
    }
    result = home.run()
    assert (result.code, result.err) == (0, "")
    return [(kind, text) for kind, _, text in (line.partition(",") for line in result.out.splitlines() if line)]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("render", "a.png", "--layer", ""), LAYERS),
        (("render", "a.png", "--layer", "clicks.l"), "clicks.left"),
        (("render", "a.png", "--layer", "dwell:sun"), "dwell:sunset"),
        (("export", "a.csv", "--layer", "tr"), "travel"),
        (("timelapse", "a.gif", "--colormap", "su"), "sunset summer"),
        (("render", "a.png", "--monitor", ""), "DP-1"),
        (("forget", "--monitor", "dp"), "DP-1"),
        (("stats", "--weekdays", "mon-f"), "mon-fri"),
        (("stats", "--weekdays", "mon,s"), "mon,sat mon,sun"),
        (("render", "a.png", "--scale", ""), "log sqrt linear"),
        (("render", "a.png", "--edges", "t"), "true total"),
        (("import", "a.csv", "--time-unit", "m"), "ms"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
def test_the_values_of_an_option_are_offered(seen: Home, words: tuple[str, ...], expected: str) -> None:
    assert {text for _, text in offered(seen, *words)} == set(expected.split())


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("render", "a.png", "--application", ""), "org.blender.blender org.mozilla.firefox xterm"),
        (("stats", "--application", "org.m"), "org.mozilla.firefox"),
        (("export", "a.csv", "--application", "XT"), "xterm"),
        (("timelapse", "a.gif", "--application", "no"), ""),
        (("forget", "--application", "org.b"), "org.blender.blender"),
        (("page", "a.html", "--application", "x"), "xterm"),
        (("render", "a.png", "--store", "other.db", "--application", ""), ""),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
def test_the_applications_that_were_counted_are_offered(seen: Home, words: tuple[str, ...], expected: str) -> None:
    screen = Monitor("DP-1", 20, 10)
    counts = {
        Series(screen, "dwell", name): Counts.from_pixels(20, 10, np.array([1]))
        for name in ("", "org.blender.blender", "org.mozilla.firefox", "xterm")
    }
    with Store.open(seen.paths.store) as store:
        store.commit(Tally(counts, {}), 1_700_000_000, 1_700_000_060)
    assert {text for _, text in offered(seen, *words)} == set(expected.split())


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("render", "heat"), "heat.png heat.jpg heat.webp"),
        (("render", "heat.p"), "heat.png"),
        (("export", "sub/day"), "sub/day.csv sub/day.json sub/day.npz sub/day.parquet"),
        (("timelapse", "../week.w"), "../week.webm ../week.webp"),
        (("render", "sub/"), ""),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
def test_the_files_there_are_and_new_endings_are_offered(home: Home, words: tuple[str, ...], expected: str) -> None:
    found = offered(home, *words)
    assert ("file", words[-1]) in found, "the shell offers what is there"
    assert {text for kind, text in found if kind == "plain"} == set(expected.split())


def test_nothing_is_offered_or_made_where_there_is_no_store(home: Home) -> None:
    home.configure("nonsense = [")
    assert offered(home, "render", "a.png", "--monitor", "") == []
    assert ("plain", "ember") in offered(home, "render", "a.png", "--colormap", "em")
    assert not home.paths.data_dir.exists()
