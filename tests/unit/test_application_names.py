"""Which application a user means, and what a window's picture looks like."""

import numpy as np
import pytest

from mousetrackd.core.counts import Counts
from mousetrackd.core.errors import UsageError
from mousetrackd.core.monitors import Monitor
from mousetrackd.core.series import Series
from mousetrackd.picture import window
from mousetrackd.storage.application_names import find
from mousetrackd.storage.readings import Reading, Total
from mousetrackd.storage.stats import application_lines, by_application
from mousetrackd.system.desktop_entries import DesktopEntry

KNOWN = ["debian-xterm", "org.blender.blender", "org.gimp.gimp", "steam_app_570", "steam_app_571"]
ENTRIES = [
    DesktopEntry("org.gimp.GIMP", "Gimp-2.10", ("GNU Image Manipulation Program",)),
    DesktopEntry("debian-xterm", "XTerm", ("XTerm",)),
    DesktopEntry("steam_app_570", "", ("A Game",)),
    DesktopEntry("steam_app_571", "", ("A Game",)),
    DesktopEntry("not.counted", "Other", ("Other",)),
]


@pytest.mark.parametrize(
    ("given", "found"),
    [
        *(("org.blender.Blender.desktop", "org.blender.blender"), ("BLENDER", "org.blender.blender")),
        *(("gimp-2.10", "org.gimp.gimp"), ("gnu image manipulation program", "org.gimp.gimp")),
        *(("XTerm", "debian-xterm"), ("steam_app_571", "steam_app_571")),
    ],
)
def test_an_application_is_found_by_any_of_its_names(given: str, found: str) -> None:
    assert find(given, KNOWN, lambda: ENTRIES) == found


def test_an_ambiguous_name_is_an_error_that_lists_them() -> None:
    with pytest.raises(UsageError, match="several") as raised:
        find("a game", KNOWN, lambda: ENTRIES)
    assert raised.value.hint == "Name one: steam_app_570, steam_app_571"


@pytest.mark.parametrize("given", ["other", "nothing", "", "org"])
def test_an_unknown_name_is_an_error_that_lists_all(given: str) -> None:
    with pytest.raises(UsageError) as raised:
        find(given, KNOWN[:3] if given == "org" else KNOWN, lambda: ENTRIES)
    assert "debian-xterm" in raised.value.hint or "org.gimp.gimp" in raised.value.hint


@pytest.mark.parametrize(
    ("given", "meant"),
    [("blendr", "org.blender.blender"), ("debian-xtrm", "debian-xterm"), ("app_57", "steam_app_570, steam_app_571")],
)
def test_a_misspelt_name_gets_those_that_are_like_it(given: str, meant: str) -> None:
    with pytest.raises(UsageError) as raised:
        find(given, KNOWN, lambda: ENTRIES)
    assert raised.value.hint.startswith(f"Did you mean {meant}?")


def test_where_none_was_counted_the_error_says_how() -> None:
    with pytest.raises(UsageError) as raised:
        find("a", [], list)
    assert "[applications] enabled = true" in raised.value.hint


def test_the_table_of_applications() -> None:
    screen = Monitor("A", 4, 3)
    totals = [
        *(Total(0, 60, screen, "dwell", 3_600_000, "one"), Total(0, 60, screen, "clicks.left", 1200, "one")),
        *(Total(0, 60, screen, "dwell", 1_200_000, "two"), Total(0, 60, screen, "scroll", 7, "two")),
        Total(0, 60, screen, "clicks.right", 3, "one"),
    ]
    assert application_lines(by_application(totals)) == [
        "application       active  clicks  scroll  share",
        "one           1 h 00 min   1,203       0  75.0%",
        "two          20 min 00 s       0       7  25.0%",
    ]
    assert "enabled = true" in application_lines([])[0]


@pytest.mark.parametrize(("width", "height"), [(800, 400), (300, 600), (500, 500)])
def test_a_window_is_drawn_in_its_shape_with_all_its_counts(width: int, height: int) -> None:
    rng = np.random.default_rng(1)
    x, y = rng.integers(0, width, 4000), rng.integers(0, height, 4000)
    screen = Monitor("A", 1920, 1080)
    on_screen = Counts.from_pixels(1920, 1080, (y + 100) * 1920 + x + 700)
    cells = Counts.from_pixels(256, 256, y * 256 // height * 256 + x * 256 // width)
    relative = Reading({Series(screen, "dwell", grid=256): cells})
    layout = window.layout_of(relative, Reading({Series(screen, "dwell"): on_screen}), "app")
    (drawn,) = layout.monitors
    assert drawn.width_px / drawn.height_px == pytest.approx(width / height, rel=0.02)
    assert max(drawn.width_px, drawn.height_px) == 1280
    ((series, counts),) = window.on_layout(relative, layout).counts.items()
    assert series == Series(drawn, "dwell")
    assert counts.total == 4000


def test_a_window_in_which_only_one_place_was_used_has_some_shape() -> None:
    one = Reading({Series(Monitor("A", 9, 9), "dwell", grid=256): Counts.from_pixels(256, 256, np.array([5]))})
    assert window.layout_of(one, Reading(), "x").monitors[0].width_px == 1280
