"""Rules of privacy that name a monitor, while monitors come, go and are renamed."""

import pytest

from mousetrackd.core.accumulator import Accumulator
from mousetrackd.core.events import Kind, batch
from mousetrackd.core.exclusions import Exclusions, report
from mousetrackd.core.layout import Layout
from mousetrackd.core.monitors import Exclusion, Monitor, Placement

RULE = Exclusion("DP-1", 10, 20, 30, 40)
HASH, OTHER_HASH = "1a2b3c4d", "99999999"


def place(output: str, x: int = 0, y: int = 0, *, edid_hash: str = "", size: tuple[int, int] = (100, 100)) -> Placement:
    return Placement(Monitor(output, *size, edid_hash), x, y)


def rects(rules: Exclusions, *places: Placement) -> list[list[int]]:
    found: list[list[int]] = rules.on(Layout(places)).tolist()
    return found


@pytest.fixture
def rules() -> Exclusions:
    made = Exclusions()
    made.rule([RULE])
    return made


def test_a_rule_is_on_the_monitor_that_it_names_wherever_that_is(rules: Exclusions) -> None:
    assert rects(rules, place("DP-1")) == [[10, 20, 40, 60]]
    assert rects(rules, place("DP-2"), place("DP-1", 100, -5)) == [[110, 15, 140, 55]]
    assert (rules.held, rules.lost) == ({}, ())


@pytest.mark.parametrize("was", ["", HASH])
def test_a_monitor_renamed_in_its_place_keeps_its_rule(rules: Exclusions, was: str) -> None:
    rects(rules, place("DP-1", edid_hash=was))
    for now in (place("other"), place("other", edid_hash=was), place("other", size=(500, 90))):
        assert rects(rules, now) == [[10, 20, 40, 60]]
        assert rules.held == {"DP-1": now}
    assert rects(rules, place("L", size=(50, 100)), place("R", 50, 0, size=(50, 100))) == [[10, 20, 40, 60]]
    assert rects(rules, place("DP-1", 7, 7)) == [[17, 27, 47, 67]]
    assert rules.held == {}


def test_a_screen_with_an_edid_keeps_its_rule_at_any_connector_place_and_resolution(rules: Exclusions) -> None:
    rects(rules, place("DP-1", edid_hash=HASH))
    moved = place("DP-5", 300, 0, edid_hash=HASH, size=(35, 100))
    assert rects(rules, place("eDP-1", edid_hash=OTHER_HASH), moved) == [[310, 20, 335, 60]]
    assert rules.held == {"DP-1": moved}


def test_a_screen_that_is_another_one_by_its_edid_has_no_rule_of_the_one_before_it(rules: Exclusions) -> None:
    rects(rules, place("DP-1", edid_hash=HASH))
    assert rects(rules, place("DP-2", edid_hash=OTHER_HASH)) == []
    assert rules.lost == ("DP-1",)
    assert rects(rules, place("DP-2")) == [[10, 20, 40, 60]], "it may be the same"


def test_pixels_that_nobody_shows_any_more_are_lost(rules: Exclusions) -> None:
    rects(rules, place("eDP-1"), place("DP-1", 100))
    assert rects(rules, place("eDP-1")) == []
    assert (rules.held, rules.lost) == ({}, ("DP-1",))
    assert rects(rules, place("eDP-1"), place("DP-3", 100)) == [[110, 20, 140, 60]], "it is back by another name"


def test_connectors_that_change_names_with_each_other_leave_the_rule_on_both(rules: Exclusions) -> None:
    rects(rules, place("DP-1", edid_hash=HASH), place("DP-2", 100, edid_hash=OTHER_HASH))
    swapped = (place("DP-2", edid_hash=HASH), place("DP-1", 100, edid_hash=OTHER_HASH))
    for _ in range(2):
        assert sorted(rects(rules, *swapped)) == [[10, 20, 40, 60], [110, 20, 140, 60]]
    assert rects(rules, swapped[1]) == [[110, 20, 140, 60]], "the first one is gone"
    assert rects(rules, place("DP-1", 100, edid_hash=OTHER_HASH)) == [[110, 20, 140, 60]]


def test_rules_read_again_know_what_was_seen_and_one_that_is_gone_is_forgotten(rules: Exclusions) -> None:
    rects(rules, place("DP-1"))
    rules.rule([RULE, Exclusion("", 1, 2, 3, 4)])
    assert rects(rules, place("other")) == [[10, 20, 40, 60], [1, 2, 4, 6]]
    rules.rule([])
    assert rects(rules, place("other")) == []
    rules.rule([RULE])
    assert rects(rules, place("other")) == []


def test_what_was_seen_before_this_run_counts_and_what_is_seen_now_counts_more() -> None:
    rules = Exclusions()
    rules.rule([RULE], [place("DP-1", 500), place("DP-1", 50, edid_hash=HASH), place("DP-2", 70)])
    assert rects(rules, place("other", 200, edid_hash=HASH)) == [[210, 20, 240, 60]]
    assert rects(rules, place("other")) == [[60, 20, 90, 60]]
    rects(rules, place("DP-1", 1000))
    rules.rule([RULE], [place("DP-1", 500)])
    assert rects(rules, place("other", 1000)) == [[1010, 20, 1040, 60]]


@pytest.mark.parametrize("name", ["#1a2b3c4d", "#1A2B3C4D", "DP-9@100x100#1a2b3c4d", "DP-1@100x100#1a2b3c4d"])
def test_a_rule_may_name_the_hash_of_an_edid(name: str) -> None:
    rules = Exclusions()
    rules.rule([Exclusion(name, 10, 20, 30, 40)])
    assert rects(rules, place("DP-1", edid_hash=HASH)) == rects(rules, place("x", edid_hash=HASH)) == [[10, 20, 40, 60]]
    assert rects(rules, place("DP-1", 1000, edid_hash=OTHER_HASH)) == []


@pytest.mark.parametrize("name", ["", "#", "#1a2b", "1a2b3c4d", "DP-1@9x9#1a2b3c4d", "DP-1#1a2b3c4d"])
def test_what_is_no_name_of_a_screen_means_none(name: str) -> None:
    assert not Monitor("DP-1", 100, 100, HASH).is_selected_by(name)
    assert not Monitor("DP-1", 100, 100).is_selected_by(name)


def test_what_a_user_should_know_is_reported(rules: Exclusions) -> None:
    assert report(rules, Layout()) == ""
    here = Layout([place("DP-1", edid_hash=HASH)])
    rules.on(here)
    assert report(rules, here) == ""
    renamed = Layout([place("DP-3", 9, edid_hash=HASH)])
    rules.on(renamed)
    assert "names DP-1, whose pixels DP-3@100x100#1a2b3c4d shows now" in report(rules, renamed)
    assert 'Name "#1a2b3c4d"' in report(rules, renamed)
    gone = Layout([place("DP-2", edid_hash=OTHER_HASH)])
    rules.on(gone)
    assert "names DP-1, and there is only DP-2: that excludes nothing now" in report(rules, gone)


def test_no_press_is_counted_on_excluded_pixels_whatever_their_monitor_is_called() -> None:
    counting = Accumulator(rest_cap_ms=5, warp_px=5, exclude=[RULE])
    for time_ms, name in enumerate(("DP-1", "other", "third")):
        counting.change_layout(Layout([place(name)]), time_ms)
        counting.feed(batch([(time_ms, Kind.LEFT, 15, 25)]))
    assert not counting.take(100).counts
