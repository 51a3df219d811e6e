"""By application: whose an event is, that applications sum to the total exactly, and what is counted nowhere."""

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mousetrackd.core.accumulator import Accumulator, Tally
from mousetrackd.core.applications import GRID, OTHER, ApplicationRules, Applications
from mousetrackd.core.events import NOBODY, AppChange, Events, Kind, Window, batch
from mousetrackd.core.layers import CLICK_LAYERS, DWELL, SCROLL, TRAVEL
from mousetrackd.core.layout import Layout
from mousetrackd.core.monitors import Exclusion, Monitor, Placement
from mousetrackd.core.series import Series

SCREEN = Monitor("S", 100, 60)
BESIDE = Monitor("T", 40, 60)
LAYOUT = Layout([Placement(SCREEN, 0, 0), Placement(BESIDE, 100, 0)])
CAP_MS = 50
ON = ApplicationRules(is_on=True)


def window(name: str, left: int, top: int, right: int, bottom: int, *more: str) -> Window:
    return Window((name, *more) if name else (), ((left, top, right, bottom),), (left, top, right, bottom))


LEFT, RIGHT = window("left", 0, 0, 60, 60), window("right", 40, 10, 100, 50, "r.class")


def accumulator(rules: ApplicationRules = ON, *, click_cell_px: int = 1) -> Accumulator:
    made = Accumulator(rest_cap_ms=CAP_MS, warp_px=1000, click_cell_px=click_cell_px)
    made.rule_applications(rules)
    made.change_layout(LAYOUT, 0)
    return made


def fed(made: Accumulator, *items: Events | AppChange, until_ms: int = 0) -> Tally:
    for item in items:
        if isinstance(item, AppChange):
            made.change_applications(item)
        else:
            made.feed(item)
    return made.take(until_ms)


def sums(tally: Tally, *, grid: int = 0) -> dict[tuple[str, str], int]:
    found: Counter[tuple[str, str]] = Counter()
    for series, counts in tally.counts.items():
        if series.application and series.grid == grid:
            found[series.application, series.layer] += counts.total
    return dict(found)


def test_off_nothing_is_counted_by_application() -> None:
    made = accumulator(ApplicationRules())
    tally = fed(made, AppChange(0, (LEFT,), NOBODY), batch([(0, Kind.LEFT, 5, 5), (9, Kind.MOVE, 6, 5)]), until_ms=20)
    assert {series.application for series in tally.counts} == {""}


def test_the_topmost_window_under_the_pointer_gets_the_press() -> None:
    made = accumulator()
    presses = batch([(1, Kind.LEFT, 50, 20), (2, Kind.LEFT, 10, 20), (3, Kind.RIGHT, 99, 59)])
    tally = fed(made, AppChange(0, (LEFT, RIGHT), ("left",)), presses, AppChange(4, (RIGHT, LEFT), ("left",)))
    assert sums(tally)["right", "clicks.left"] == sums(tally)["left", "clicks.left"] == 1
    assert sums(tally)[OTHER, "clicks.right"] == 1, "the bare desktop is nobody's"
    assert sums(fed(made, batch([(5, Kind.LEFT, 50, 20)])))["left", "clicks.left"] == 1


def test_by_focus_the_application_with_the_keyboard_gets_all() -> None:
    made = accumulator(replace(ON, by_focus=True))
    tally = fed(made, AppChange(0, (LEFT, RIGHT), ("left",)), batch([(1, Kind.LEFT, 70, 20), (2, Kind.LEFT, 5, 5)]))
    assert sums(tally)["left", "clicks.left"] == 2
    assert sums(tally, grid=GRID)["left", "clicks.left"] == 1, "what lies in another window has no place in this one"
    without_positions = fed(made, AppChange(3, None, ("right",)), batch([(4, Kind.LEFT, 5, 5)]))
    assert sums(without_positions)["right", "clicks.left"] == 1


def test_a_rest_is_cut_at_the_change_and_capped_as_a_whole() -> None:
    made = accumulator()
    state = AppChange(0, (LEFT,), ("left",))
    tally = fed(made, state, batch([(0, Kind.MOVE, 5, 5)]), AppChange(30, (), NOBODY), until_ms=1000)
    assert sums(tally)["left", DWELL] == 30
    assert sums(tally)[OTHER, DWELL] == CAP_MS - 30
    assert tally.counts[Series(SCREEN, DWELL)].total == CAP_MS


def test_heat_in_a_window_does_not_depend_on_where_it_is_and_how_large() -> None:
    made = accumulator()
    at = [(0, 0, 20, 20), (50, 30, 90, 50)]
    for number, (left, top, right, bottom) in enumerate(at):
        made.change_applications(AppChange(number, (window("a", left, top, right, bottom),), NOBODY))
        made.feed(batch([(number, Kind.LEFT, left + (right - left) // 2, top + (bottom - top) // 4)]))
    counts = made.take(2).counts[Series(SCREEN, "clicks.left", "a", GRID)]
    assert (counts.index.tolist(), counts.count.tolist()) == ([GRID // 4 * GRID + GRID // 2], [2])


def test_there_is_no_travel_by_application() -> None:
    tally = fed(accumulator(), AppChange(0, (LEFT,), NOBODY), batch([(0, Kind.MOVE, 1, 1), (9, Kind.MOVE, 30, 1)]))
    assert {series.application for series in tally.counts if series.layer == TRAVEL} == {""}


def test_a_coarse_press_is_as_coarse_in_its_window() -> None:
    made = accumulator(click_cell_px=16)
    presses = batch([(1, Kind.LEFT, x, y) for x in range(16, 32) for y in range(16, 32)])
    tally = fed(made, AppChange(0, (window("a", 20, 20, 84, 60),), NOBODY), presses)
    in_window = tally.counts[Series(SCREEN, "clicks.left", "a", GRID)]
    assert in_window.pixels == 1
    assert in_window.total == 12 * 12


@pytest.mark.parametrize(
    ("state", "counted"),
    [
        (AppChange(0, (LEFT, RIGHT), ("left",)), ["left"]),
        (AppChange(0, (LEFT, RIGHT), RIGHT.names), []),
        (AppChange(0, (LEFT, RIGHT), ()), []),
        (AppChange(0, (window("", 0, 0, 60, 60), RIGHT), NOBODY), []),
        (AppChange(0, None, ("left",)), []),
        (AppChange(0, (RIGHT, LEFT), NOBODY), ["left", "left"]),
    ],
    ids=["not it", "it has the keyboard", "who has it is unknown", "a window is unknown", "none is known", "below"],
)
@pytest.mark.parametrize("deny", ["right", "r.cl*", "alias"])
def test_of_a_denied_application_nothing_is_counted_and_in_doubt_neither(
    state: AppChange, counted: list[str], deny: str
) -> None:
    made = accumulator(replace(ON, deny=(deny,), aliases={"right": "alias"}))
    tally = fed(made, state, batch([(1, Kind.LEFT, 10, 20), (2, Kind.LEFT, 50, 20), (9, Kind.MOVE, 51, 20)]))
    assert sum(n for (_, layer), n in sums(tally).items() if layer == "clicks.left") == len(counted)
    clicks = tally.counts.get(Series(SCREEN, "clicks.left"))
    assert (clicks.total if clicks else 0) == len(counted), "not in the sum of all either"
    denied = [50 + 20 * 100, 51 + 20 * 100] if counted != ["left", "left"] else []
    for counts in (counts for series, counts in tally.counts.items() if not series.grid):
        assert not set(denied) & set(counts.index.tolist())


def test_no_line_leads_from_where_nothing_was_counted() -> None:
    made = accumulator(replace(ON, deny=("right",)))
    before = AppChange(0, (RIGHT,), NOBODY)
    tally = fed(made, before, batch([(1, Kind.MOVE, 50, 20)]), AppChange(2, (), NOBODY), batch([(3, Kind.MOVE, 5, 20)]))
    assert Series(SCREEN, TRAVEL) not in tally.counts
    assert not tally.path_px


def test_what_is_not_on_the_list_is_other() -> None:
    rules = ApplicationRules(is_on=True, allow=("r.class", "l*"), aliases={"left": "short"})
    assert [rules.name_of(names) for names in (RIGHT.names, ("left",), ("third",), ())] == [
        *("right", "short", OTHER, OTHER)
    ]


def test_unsure_means_that_something_is_denied_and_not_known_to_be_elsewhere() -> None:
    made = Applications()
    for rules, state, expected in [
        (ON, AppChange(0), False),
        (replace(ON, deny=("x",)), AppChange(0), True),
        (replace(ON, deny=("x",)), AppChange(0, (), NOBODY), False),
        (replace(ON, deny=("x",)), AppChange(0, (), ()), True),
        (replace(ON, deny=("x",), is_on=False), AppChange(0), False),
    ]:
        made.rule(rules)
        made.change(state)
        assert made.is_unsure is expected


# Against a plain model that takes one event at a time ------------------------------------------------


@dataclass
class Model:
    """What is counted, in a dictionary: (monitor, layer, application, x, y) to a number."""

    cells: Counter[tuple[str, str, str, int, int]]
    state: AppChange = AppChange(0)
    last: tuple[int, int, int] | None = None
    earned_ms: int = 0

    def whose(self, x: int, y: int) -> str:
        for one in reversed(self.state.windows or ()):
            if any(l <= x < r and t <= y < b for l, t, r, b in one.areas):  # noqa: E741 - left
                return one.names[0] if one.names else OTHER
        return OTHER

    def add(self, layer: str, x: int, y: int, number: int) -> None:
        if x < 140 and number:
            monitor, local_x = ("S", x) if x < 100 else ("T", x - 100)
            self.cells[monitor, layer, self.whose(x, y), local_x, y] += number

    def rest(self, now_ms: int) -> None:
        if self.last is not None:
            since_ms, x, y = self.last
            earned_ms = max(min(max(now_ms - since_ms, 0), CAP_MS) - self.earned_ms, 0)
            self.add(DWELL, x, y, earned_ms)
            self.earned_ms += earned_ms

    def event(self, time_ms: int, kind: int, x: int, y: int) -> None:
        self.rest(time_ms)
        if kind:
            self.add([*CLICK_LAYERS, SCROLL][kind - 1], x, y, 1)
        self.last, self.earned_ms = (time_ms, x, y), 0


_sides = st.integers(0, 59)
_windows = st.lists(
    st.builds(
        lambda name, x, y, width, height: window(name, x, y, x + width, y + height),
        *(st.sampled_from(["a", "b", "c", ""]), st.integers(-10, 130), _sides, st.integers(1, 90), st.integers(1, 60)),
    ),
    max_size=4,
).map(tuple)
_steps = st.lists(
    st.tuples(
        st.integers(0, 90),
        st.one_of(st.tuples(st.integers(0, 5), st.integers(0, 139), _sides), _windows, st.none()),
    ),
    max_size=30,
)


@dataclass
class Driver:
    """Feeds the same to an accumulator with applications, to one without, and to the model."""

    made: Accumulator = field(default_factory=accumulator)
    plain: Accumulator = field(default_factory=lambda: accumulator(ApplicationRules()))
    model: Model = field(default_factory=lambda: Model(Counter()))
    waiting: list[tuple[int, int, int, int]] = field(default_factory=list)
    tallies: list[Tally] = field(default_factory=list)
    plain_tallies: list[Tally] = field(default_factory=list)

    def feed(self) -> None:
        self.made.feed(batch(self.waiting))
        self.plain.feed(batch(self.waiting))
        self.waiting = []

    def take(self, now_ms: int) -> None:
        self.feed()
        self.model.rest(now_ms)
        self.tallies.append(self.made.take(now_ms))
        self.plain_tallies.append(self.plain.take(now_ms))

    def change(self, now_ms: int, windows: tuple[Window, ...]) -> None:
        self.feed()
        self.model.rest(now_ms)
        self.model.state = AppChange(now_ms, windows, NOBODY)
        self.made.change_applications(self.model.state)

    def event(self, now_ms: int, kind: int, x: int, y: int) -> None:
        self.model.event(now_ms, kind, x, y)
        self.waiting.append((now_ms, kind, x, y))


def cells_by_application(tallies: list[Tally]) -> Counter[tuple[str, str, str, int, int]]:
    found: Counter[tuple[str, str, str, int, int]] = Counter()
    for tally in tallies:
        for series, counts in tally.counts.items():
            if series.application and not series.grid:
                y, x = np.divmod(counts.index, counts.width_px)
                for at_x, at_y, n in zip(x.tolist(), y.tolist(), counts.count.tolist(), strict=True):
                    found[series.monitor.output, series.layer, series.application, at_x, at_y] += n
    return found


def totals_without(tally: Tally) -> dict[Series, int]:
    """The sums over all applications, of what is not by window."""
    found: Counter[Series] = Counter()
    for series, counts in tally.counts.items():
        if series.application and not series.grid:
            found[Series(series.monitor, series.layer)] += counts.total
    return found


@given(steps=_steps, cuts=st.sets(st.integers(0, 30)))
@settings(deadline=None)
def test_applications_sum_to_the_total_exactly(steps: list[Any], cuts: set[int]) -> None:
    driver = Driver()
    now_ms = 0
    for number, (after_ms, what) in enumerate(steps):
        now_ms += after_ms
        if what is None:
            driver.take(now_ms)
        elif len(what) == 3 and isinstance(what[0], int):
            driver.event(now_ms, *what)
        else:
            driver.change(now_ms, what)
        if number in cuts:
            driver.feed()
    driver.take(now_ms + 70)

    assert cells_by_application(driver.tallies) == driver.model.cells
    for tally, plain in zip(driver.tallies, driver.plain_tallies, strict=True):
        of_all = {series: counts for series, counts in tally.counts.items() if not series.application}
        assert of_all == plain.counts, "the sum of all is as without applications"
        assert totals_without(tally) == {
            series: counts.total for series, counts in of_all.items() if series.layer != TRAVEL
        }


def test_an_excluded_rectangle_is_excluded_by_application_too() -> None:
    made = accumulator()
    made.protect(click_cell_px=1, exclude=[Exclusion("", 0, 0, 50, 60)])
    tally = fed(made, AppChange(0, (LEFT,), NOBODY), batch([(1, Kind.LEFT, 10, 10), (2, Kind.LEFT, 55, 10)]))
    assert sums(tally)["left", "clicks.left"] == sums(tally, grid=GRID)["left", "clicks.left"] == 1
