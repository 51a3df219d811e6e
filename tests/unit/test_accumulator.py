"""What exactly is counted: by hand on tiny screens, and against a plain model that takes one event at a time."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mousetrackd.core.accumulator import Accumulator, Tally
from mousetrackd.core.counts import Counts
from mousetrackd.core.events import Kind, batch
from mousetrackd.core.layers import CLICK_LAYERS, COUNTS, DWELL, LAYERS, SCROLL, TRAVEL, UNITS
from mousetrackd.core.layout import OUTSIDE, Layout
from mousetrackd.core.monitors import Exclusion, Monitor, Placement
from mousetrackd.core.recentring import Recentring
from mousetrackd.core.series import Series

A = Monitor("A", 4, 3)
B = Monitor("B", 3, 3)
ALONE = Layout([Placement(A, 0, 0)])
SIDE_BY_SIDE = Layout([Placement(A, 0, 0), Placement(B, 4, 0)])
LEFT_OF_ZERO = Layout([Placement(A, 0, 0), Placement(B, -3, -1)])
MIRRORED = Layout([Placement(B, 0, 0), Placement(A, 0, 0)])
APART = Layout([Placement(A, 0, 0), Placement(B, 9, 2)])
CAP_MS, WARP_PX = 50, 6

Cells = Counter[tuple[Monitor, str, int, int]]
"""How much was counted per monitor, layer, x and y."""


def accumulator(layout: Layout = ALONE, *, rest_cap_ms: int = CAP_MS, warp_px: int = WARP_PX) -> Accumulator:
    made = Accumulator(rest_cap_ms=rest_cap_ms, warp_px=warp_px)
    made.change_layout(layout, 0)
    return made


def cells_of(tallies: Iterable[Tally]) -> Cells:
    cells: Cells = Counter()
    for tally in tallies:
        for (monitor, layer, *_), counts in tally.counts.items():
            assert (counts.width_px, counts.height_px) == (monitor.width_px, monitor.height_px)
            for index, count in zip(counts.index.tolist(), counts.count.tolist(), strict=True):
                cells[monitor, layer, index % monitor.width_px, index // monitor.width_px] += count
    return cells


def layer_of(tally: Tally, monitor: Monitor, layer: str) -> list[list[int]]:
    counts = tally.counts.get(Series(monitor, layer), Counts.empty(monitor.width_px, monitor.height_px))
    rows: list[list[int]] = counts.dense().tolist()
    return rows


def moves(*points: tuple[int, int, int]) -> list[tuple[int, int, int, int]]:
    return [(time_ms, Kind.MOVE, x, y) for time_ms, x, y in points]


# By hand ----------------------------------------------------------------------------------------------


def test_a_gap_between_events_is_credited_to_the_pixel_rested_on() -> None:
    counting = accumulator()
    counting.feed(batch(moves((0, 0, 0), (30, 1, 1), (40, 3, 2))))
    assert layer_of(counting.take(45), A, DWELL) == [[30, 0, 0, 0], [0, 10, 0, 0], [0, 0, 0, 5]]


def test_a_parked_pointer_is_credited_up_to_the_cap() -> None:
    counting = accumulator()
    counting.feed(batch(moves((0, 2, 1), (10**9, 0, 0))))
    assert layer_of(counting.take(10**10), A, DWELL) == [[CAP_MS, 0, 0, 0], [0, 0, CAP_MS, 0], [0, 0, 0, 0]]


def test_many_takes_during_one_rest_credit_it_once() -> None:
    counting = accumulator()
    counting.feed(batch(moves((0, 2, 1))))
    tallies = [counting.take(now_ms) for now_ms in (10, 10, 30, 5, 49, 51, 10**6)]
    counting.feed(batch(moves((2 * 10**6, 2, 1))))
    tallies.append(counting.take(2 * 10**6))
    assert cells_of(tallies)[A, DWELL, 2, 1] == CAP_MS


def test_a_line_is_drawn_with_its_end_and_without_its_start() -> None:
    counting = accumulator()
    counting.feed(batch(moves((0, 0, 0), (1, 3, 0))))
    assert layer_of(counting.take(1), A, TRAVEL) == [[0, 1, 1, 1], [0, 0, 0, 0], [0, 0, 0, 0]]


def test_halves_of_a_line_round_down_the_screen_whichever_way_it_goes() -> None:
    # From (0, 0) to (2, 1) the middle is at y = 0.5, and so is that of the way back.
    there, back = accumulator(), accumulator()
    there.feed(batch(moves((0, 0, 0), (1, 2, 1))))
    back.feed(batch(moves((0, 2, 1), (1, 0, 0))))
    assert layer_of(there.take(1), A, TRAVEL) == [[0, 0, 0, 0], [0, 1, 1, 0], [0, 0, 0, 0]]
    assert layer_of(back.take(1), A, TRAVEL) == [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0]]


def test_the_first_event_ever_draws_no_line() -> None:
    counting = accumulator()
    counting.feed(batch(moves((0, 2, 2))))
    assert Series(A, TRAVEL) not in counting.take(0).counts


def test_an_event_at_the_same_pixel_enters_nothing() -> None:
    counting = accumulator()
    counting.feed(batch([*moves((0, 1, 1), (5, 1, 1)), (6, Kind.LEFT, 1, 1)]))
    assert Series(A, TRAVEL) not in counting.take(6).counts


def test_a_press_also_draws_the_line_to_where_it_was() -> None:
    counting = accumulator()
    counting.feed(batch([*moves((0, 0, 0)), (1, Kind.LEFT, 2, 0)]))
    assert layer_of(counting.take(1), A, TRAVEL) == [[0, 1, 1, 0], [0, 0, 0, 0], [0, 0, 0, 0]]


@pytest.mark.parametrize(
    ("kind", "layer"),
    [
        *zip((Kind.LEFT, Kind.MIDDLE, Kind.RIGHT, Kind.OTHER), CLICK_LAYERS, strict=True),
        (Kind.SCROLL, SCROLL),
    ],
)
def test_each_kind_has_its_own_layer(kind: Kind, layer: str) -> None:
    counting = accumulator()
    counting.feed(batch([(0, kind, 3, 2), (0, kind, 3, 2), (0, kind, 0, 1)]))
    tally = counting.take(0)
    assert layer_of(tally, A, layer) == [[0, 0, 0, 0], [1, 0, 0, 0], [0, 0, 0, 2]]
    assert {series.layer for series in tally.counts} == {layer, TRAVEL}


def test_a_line_across_the_seam_is_split_between_the_monitors() -> None:
    counting = accumulator(SIDE_BY_SIDE)
    counting.feed(batch(moves((0, 2, 1), (1, 5, 1))))
    tally = counting.take(1)
    assert layer_of(tally, A, TRAVEL) == [[0, 0, 0, 0], [0, 0, 0, 1], [0, 0, 0, 0]]
    assert layer_of(tally, B, TRAVEL) == [[0, 0, 0], [1, 1, 0], [0, 0, 0]]


def test_a_jump_of_warp_px_is_a_line_and_a_longer_one_is_none() -> None:
    at_the_limit, beyond = accumulator(warp_px=3), accumulator(warp_px=2)
    for counting in (at_the_limit, beyond):
        counting.feed(batch(moves((0, 0, 0), (10, 3, 1))))
    assert at_the_limit.take(10).counts[Series(A, TRAVEL)].total == 3
    tally = beyond.take(10)
    assert layer_of(tally, A, DWELL)[0][0] == 10  # time goes on, a warp is no gap
    assert Series(A, TRAVEL) not in tally.counts
    assert not tally.path_px


def test_a_gap_breaks_lines_and_time() -> None:
    counting = accumulator()
    counting.feed(batch(moves((0, 0, 0))))
    counting.gap(20)
    counting.feed(batch(moves((30, 3, 0), (31, 2, 0))))
    tally = counting.take(31)
    assert layer_of(tally, A, DWELL) == [[20, 0, 0, 1], [0, 0, 0, 0], [0, 0, 0, 0]]
    assert layer_of(tally, A, TRAVEL) == [[0, 0, 1, 0], [0, 0, 0, 0], [0, 0, 0, 0]]


def test_a_layout_change_breaks_lines_and_time() -> None:
    counting = accumulator()
    counting.feed(batch(moves((0, 0, 0))))
    counting.change_layout(LEFT_OF_ZERO, 20)
    counting.feed(batch(moves((30, -2, 0))))
    tally = counting.take(31)
    assert cells_of([tally]) == {(A, DWELL, 0, 0): 20, (B, DWELL, 1, 1): 1}


def test_of_several_pointers_no_line_is_drawn_and_each_press_counts_where_it_was() -> None:
    counting = accumulator()
    counting.feed(batch(moves((0, 0, 0))))
    counting.change_pointers(2, 5)
    counting.feed(batch([*moves((10, 3, 0), (20, 0, 0)), (30, Kind.LEFT, 3, 0)]))
    counting.change_pointers(1, 40)
    counting.feed(batch(moves((50, 0, 2), (51, 1, 2))))
    tally = counting.take(52)
    assert layer_of(tally, A, DWELL) == [[5 + 10, 0, 0, 10 + 10], [0, 0, 0, 0], [1, 1, 0, 0]]
    assert layer_of(tally, A, TRAVEL) == [[0, 0, 0, 0], [0, 0, 0, 0], [0, 1, 0, 0]]
    assert layer_of(tally, A, "clicks.left")[0] == [0, 0, 0, 1]
    assert tally.path_px == {A: 1.0}


def test_the_same_layout_again_breaks_nothing() -> None:
    counting = accumulator()
    counting.feed(batch(moves((0, 0, 0))))
    counting.change_layout(Layout([Placement(A, 0, 0)]), 5)
    counting.feed(batch(moves((10, 1, 0))))
    tally = counting.take(10)
    assert cells_of([tally]) == {(A, DWELL, 0, 0): 10, (A, TRAVEL, 1, 0): 1}


def test_events_outside_every_monitor_are_counted_as_such_and_nowhere_else() -> None:
    counting = accumulator()
    counting.feed(batch([*moves((0, 65535, 65535), (5, -2, 0)), (6, Kind.LEFT, 9, 9)]))
    assert not counting.take(100)
    assert (counting.events, counting.out_of_bounds) == (3, 3)


def test_one_pixel_outside_counts_on_the_edge() -> None:
    counting = accumulator()
    counting.feed(batch([(0, Kind.LEFT, 4, 3), (0, Kind.LEFT, -1, -1)]))
    assert layer_of(counting.take(0), A, "clicks.left") == [[1, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 1]]
    assert counting.out_of_bounds == 0


def test_events_before_any_layout_are_out_of_bounds() -> None:
    counting = Accumulator(rest_cap_ms=CAP_MS, warp_px=WARP_PX)
    counting.feed(batch(moves((0, 0, 0), (1, 2, 2))))
    assert not counting.take(100)
    assert counting.out_of_bounds == 2


def test_time_that_runs_backwards_is_credited_to_nobody() -> None:
    counting = accumulator()
    counting.feed(batch(moves((100, 0, 0), (60, 1, 0), (70, 2, 0))))
    counting.feed(batch(moves((10, 3, 0))))
    assert cells_of([counting.take(0)]) == {
        (A, DWELL, 1, 0): 10,
        (A, TRAVEL, 1, 0): 1,
        (A, TRAVEL, 2, 0): 1,
        (A, TRAVEL, 3, 0): 1,
    }


def test_an_empty_batch_changes_nothing() -> None:
    counting = accumulator()
    counting.feed(batch([]))
    assert not counting.take(10)
    assert counting.events == 0


def test_a_tally_that_was_put_back_is_handed_out_again_with_what_came_since() -> None:
    counting = accumulator()
    counting.feed(batch([(0, Kind.LEFT, 1, 1), (0, Kind.LEFT, 3, 1)]))
    counting.put_back(counting.take(0))
    counting.feed(batch([(0, Kind.LEFT, 1, 1)]))
    tally = counting.take(0)
    assert layer_of(tally, A, "clicks.left") == [[0, 0, 0, 0], [0, 2, 0, 1], [0, 0, 0, 0]]
    assert tally.path_px == {A: 4.0}
    assert not counting.take(0)


def test_a_tally_may_be_put_back_late() -> None:
    counting = accumulator()
    counting.feed(batch([(0, Kind.LEFT, 1, 1)]))
    unsaved = counting.take(0)
    counting.feed(batch([(0, Kind.LEFT, 1, 1), (0, Kind.LEFT, 3, 1)]))
    counting.put_back(unsaved)
    tally = counting.take(0)
    assert layer_of(tally, A, "clicks.left") == [[0, 0, 0, 0], [0, 2, 0, 1], [0, 0, 0, 0]]
    assert tally.path_px == {A: 2.0}


def test_the_path_is_as_long_as_the_crow_flies() -> None:
    counting = accumulator(Layout([Placement(Monitor("C", 9, 9), 0, 0)]))
    counting.feed(batch(moves((0, 0, 0), (1, 3, 4), (2, 3, 8))))
    assert counting.take(2).path_px == {Monitor("C", 9, 9): 9.0}


def test_every_layer_has_a_unit() -> None:
    assert set(UNITS) == {*LAYERS, COUNTS}
    assert len(set(LAYERS)) == len(LAYERS) == 7


def test_lines_of_millions_of_pixels_are_drawn_whole() -> None:
    # More than one slice of drawing: 3000 strokes of 1000 px each along one row.
    wide = Monitor("W", 1001, 1)
    counting = accumulator(Layout([Placement(wide, 0, 0)]), warp_px=1000)
    counting.feed(batch(moves(*((0, 1000 * (i % 2), 0) for i in range(3001)))))
    row = layer_of(counting.take(0), wide, TRAVEL)[0]
    assert row == [1500, *[3000] * 999, 1500]


# Against the plain model ------------------------------------------------------------------------------


def line(start: tuple[int, int], end: tuple[int, int]) -> list[tuple[int, int]]:
    """The documented line: as many steps as the longer axis has pixels, halves towards larger numbers."""
    step_x, step_y = end[0] - start[0], end[1] - start[1]
    steps = max(abs(step_x), abs(step_y))
    half = Fraction(1, 2)
    return [
        (
            math.floor(start[0] + Fraction(k * step_x, steps) + half),
            math.floor(start[1] + Fraction(k * step_y, steps) + half),
        )
        for k in range(1, steps + 1)
    ]


@dataclass
class Model:
    """The table of DESIGN.md, word by word, one event at a time."""

    layout: Layout = ALONE
    last: tuple[int, int, int] | None = None
    cells: Cells = field(default_factory=Counter)
    path_px: dict[Monitor, float] = field(default_factory=lambda: defaultdict(float))
    out_of_bounds: int = 0
    recentring: Recentring = field(default_factory=Recentring)
    """As in test_recentring; here one event at a time."""

    def pixel(self, x: int, y: int) -> tuple[Monitor, int, int] | None:
        for margin in (0, 1):
            for place in self.layout.placements:
                here_x, here_y = x - place.desktop_x, y - place.desktop_y
                width, height = place.monitor.width_px, place.monitor.height_px
                if -margin <= here_x < width + margin and -margin <= here_y < height + margin:
                    return place.monitor, min(max(here_x, 0), width - 1), min(max(here_y, 0), height - 1)
        return None

    def add(self, layer: str, x: int, y: int, amount: int = 1) -> None:
        found = self.pixel(x, y)
        if found is not None and amount:
            monitor, here_x, here_y = found
            self.cells[monitor, layer, here_x, here_y] += amount

    def rest_until(self, time_ms: int) -> None:
        if self.last is not None:
            since_ms, x, y = self.last
            self.add(DWELL, x, y, min(time_ms - since_ms, CAP_MS))

    def event(self, time_ms: int, kind: int, x: int, y: int) -> None:
        self.rest_until(time_ms)
        found = self.pixel(x, y)
        self.out_of_bounds += found is None
        (is_return,) = self.recentring.returns(*(np.array([number]) for number in (time_ms, x, y)))
        if self.last is not None and not is_return:
            _, *start = self.last
            if 0 < max(abs(x - start[0]), abs(y - start[1])) <= WARP_PX:
                for pixel in line((start[0], start[1]), (x, y)):
                    self.add(TRAVEL, *pixel)
                if found is not None:
                    self.path_px[found[0]] += math.dist(start, (x, y))
        if kind != Kind.MOVE:
            layers = dict(zip((Kind.LEFT, Kind.MIDDLE, Kind.RIGHT, Kind.OTHER), CLICK_LAYERS, strict=True))
            self.add(layers.get(Kind(kind), SCROLL), x, y)
        self.last = (time_ms, x, y)

    def gap(self, time_ms: int) -> None:
        self.rest_until(time_ms)
        self.last = None
        self.recentring.forget()

    def change(self, layout: Layout, time_ms: int) -> None:
        if layout != self.layout:
            self.gap(time_ms)
            self.layout = layout


waits = st.integers(0, CAP_MS + 20)
places = st.tuples(st.integers(-5, 13), st.integers(-3, 6))
layouts = st.sampled_from([ALONE, SIDE_BY_SIDE, LEFT_OF_ZERO, MIRRORED, APART, Layout()])
events = st.tuples(st.just("event"), waits, st.sampled_from(list(Kind)), places)
steps = st.one_of(
    events,
    events,
    events,
    st.tuples(st.just("gap"), waits),
    st.tuples(st.just("layout"), waits, layouts),
    st.tuples(st.just("take"), waits),
    st.tuples(st.just("take, in vain"), waits),
    st.tuples(st.just("batch ends"), st.just(0)),
)


@settings(max_examples=4 * settings().max_examples)
@given(layouts, st.lists(steps, max_size=25), waits)
def test_counts_equal_the_plain_model_wherever_batches_takes_and_failures_fall(
    layout: Layout, script: list[tuple[object, ...]], rest_ms: int
) -> None:
    model, counting = Model(layout), accumulator(layout)
    tallies: list[Tally] = []
    rows: list[tuple[int, int, int, int]] = []
    now_ms = 0
    for what, wait_ms, *rest in script:
        assert isinstance(wait_ms, int)
        now_ms += wait_ms
        match [what, *rest]:
            case ["event", Kind() as kind, (int() as x, int() as y)]:
                model.event(now_ms, kind, x, y)
                rows.append((now_ms, kind, x, y))
                continue
        counting.feed(batch(rows))
        rows = []
        match [what, *rest]:
            case ["gap"]:
                model.gap(now_ms)
                counting.gap(now_ms)
            case ["layout", Layout() as other]:
                model.change(other, now_ms)
                counting.change_layout(other, now_ms)
            case ["take"]:
                tallies.append(counting.take(now_ms))
            case ["take, in vain"]:
                counting.put_back(counting.take(now_ms))
    counting.feed(batch(rows))
    now_ms += rest_ms
    model.rest_until(now_ms)
    tallies.append(counting.take(now_ms))

    assert cells_of(tallies) == model.cells
    assert counting.out_of_bounds == model.out_of_bounds
    lengths: dict[Monitor, float] = defaultdict(float)
    for tally in tallies:
        for monitor, path_px in tally.path_px.items():
            lengths[monitor] += path_px
    assert dict(lengths) == pytest.approx(dict(model.path_px))


timed_moves = st.lists(
    st.tuples(waits, st.sampled_from(list(Kind)), st.integers(0, 3), st.integers(0, 2)), min_size=1, max_size=30
)


def timed(rows: list[tuple[int, Kind, int, int]]) -> list[tuple[int, int, int, int]]:
    times_ms = np.cumsum([wait_ms for wait_ms, *_ in rows]).tolist()
    return [(time_ms, int(kind), x, y) for time_ms, (_, kind, x, y) in zip(times_ms, rows, strict=True)]


@given(timed_moves, st.lists(st.booleans(), min_size=30, max_size=30))
def test_feeding_in_pieces_is_feeding_at_once(rows: list[tuple[int, Kind, int, int]], cuts: list[bool]) -> None:
    events = batch(timed(rows))
    at_once, in_pieces = accumulator(), accumulator()
    at_once.feed(events)
    places = [i for i, cut in enumerate(cuts[: events.size]) if cut]
    for piece in np.split(events, places):
        in_pieces.feed(piece)
    end_ms = int(events["time_ms"][-1]) + 7
    assert at_once.take(end_ms).counts == in_pieces.take(end_ms).counts
    assert at_once.events == in_pieces.events == len(rows)


@given(timed_moves)
def test_dwell_is_the_sum_of_the_capped_gaps(rows: list[tuple[int, Kind, int, int]]) -> None:
    counting = accumulator()
    counting.feed(batch(timed(rows)))
    total_ms = counting.take(timed(rows)[-1][0]).counts.get(Series(A, DWELL), Counts.empty(4, 3)).total
    assert total_ms == sum(min(wait_ms, CAP_MS) for wait_ms, *_ in rows[1:])


@given(timed_moves)
def test_presses_are_counted_one_by_one(rows: list[tuple[int, Kind, int, int]]) -> None:
    counting = accumulator()
    counting.feed(batch(timed(rows)))
    tally = counting.take(0)
    found = {layer: counts.total for (_, layer, *_), counts in tally.counts.items() if layer not in (DWELL, TRAVEL)}
    kinds = Counter(kind for _, kind, _, _ in rows if kind != Kind.MOVE)
    layers = dict(zip((Kind.LEFT, Kind.MIDDLE, Kind.RIGHT, Kind.OTHER), CLICK_LAYERS, strict=True))
    assert found == {layers.get(kind, SCROLL): count for kind, count in kinds.items()}


# Privacy ----------------------------------------------------------------------------------------------

POINTS = st.tuples(st.integers(-3, 12), st.integers(-3, 6))
RECTS = st.builds(
    Exclusion,
    monitor=st.sampled_from(["", "A", "B", "B@3x3", "C"]),
    left=st.integers(-2, 9),
    top=st.integers(-2, 5),
    width_px=st.integers(1, 6),
    height_px=st.integers(1, 6),
)


def is_hidden(layout: Layout, exclude: list[Exclusion], monitor: Monitor | None, x: int, y: int) -> bool:
    """By the definition. x, y: on the monitor, or on the desktop where there is none."""
    at = next(((p.desktop_x, p.desktop_y) for p in layout.placements if p.monitor == monitor), (0, 0))
    desktop = (at[0] + x, at[1] + y)
    for one in exclude:
        placed = [p for p in layout.placements if one.monitor in (p.monitor.output, p.monitor.label)]
        corners = [(p.desktop_x, p.desktop_y, p.monitor.width_px, p.monitor.height_px) for p in placed]
        for left, top, width_px, height_px in corners if one.monitor else [(0, 0, 1000, 1000)]:
            x0, y0 = desktop[0] - left, desktop[1] - top
            on_it = not one.monitor or (0 <= x0 < width_px and 0 <= y0 < height_px)
            if on_it and 0 <= x0 - one.left < one.width_px and 0 <= y0 - one.top < one.height_px:
                return True
    return False


@given(
    st.sampled_from([ALONE, SIDE_BY_SIDE, LEFT_OF_ZERO, MIRRORED, APART]),
    st.lists(RECTS, max_size=3),
    st.lists(st.tuples(st.integers(0, 80), st.sampled_from([*Kind]), POINTS), max_size=12),
)
def test_an_excluded_rectangle_is_a_hole_in_what_is_counted_otherwise(
    layout: Layout, exclude: list[Exclusion], steps: list[tuple[int, Kind, tuple[int, int]]]
) -> None:
    open_, hidden = accumulator(layout), accumulator(layout)
    hidden.protect(click_cell_px=1, exclude=exclude)
    rows = [(sum(wait for wait, _, _ in steps[: n + 1]), int(kind), *at) for n, (_, kind, at) in enumerate(steps)]
    for one in (open_, hidden):
        one.feed(batch(rows[:5]))
        one.feed(batch(rows[5:]))
    expected = {
        (monitor, layer, x, y): count
        for (monitor, layer, x, y), count in cells_of([open_.take(10_000)]).items()
        if not is_hidden(layout, exclude, monitor, x, y)
    }
    assert cells_of([hidden.take(10_000)]) == expected
    assert hidden.events <= open_.events
    outside = [(x, y) for *_, x, y in rows if layout.locate(np.array([x]), np.array([y]))[0][0] == OUTSIDE]
    assert hidden.out_of_bounds == sum(not is_hidden(layout, exclude, None, x, y) for x, y in outside)


def test_nothing_that_happens_in_an_excluded_rectangle_is_shown_by_any_number() -> None:
    hidden = accumulator(SIDE_BY_SIDE)
    hidden.protect(click_cell_px=1, exclude=[Exclusion("", -5, -5, 20, 20)])
    hidden.feed(batch([(t, kind, t % 9 - 1, t % 5 - 1) for t, kind in enumerate([*Kind] * 3)]))
    tally = hidden.take(10_000)
    assert (hidden.events, hidden.out_of_bounds, tally.counts, tally.path_px) == (0, 0, {}, {})


def test_a_step_into_or_out_of_an_excluded_rectangle_adds_no_length() -> None:
    hidden = accumulator(ALONE)
    hidden.protect(click_cell_px=1, exclude=[Exclusion("A", 2, 0, 1, 3)])
    hidden.feed(batch(moves((0, 0, 0), (1, 1, 0), (2, 2, 0), (3, 3, 0), (4, 3, 2))))
    assert hidden.take(100).path_px == {A: 3.0}


def test_a_pointer_just_outside_a_screen_is_at_its_edge_also_where_that_is_excluded() -> None:
    hidden = accumulator(ALONE)
    hidden.protect(click_cell_px=1, exclude=[Exclusion("A", 3, 0, 9, 9)])
    hidden.feed(batch([(0, Kind.LEFT, 4, 1)]))
    assert hidden.take(100).counts == {}


@pytest.mark.parametrize(
    ("cell_px", "at", "counted_at"),
    [(1, (4, 2), (4, 2)), (4, (0, 0), (2, 2)), (4, (3, 3), (2, 2)), (4, (4, 3), (6, 2)), (4, (9, 9), (9, 9))],
)
def test_a_press_is_counted_at_the_centre_of_its_cell(
    cell_px: int, at: tuple[int, int], counted_at: tuple[int, int]
) -> None:
    screen = Monitor("S", 10, 10)
    made = accumulator(Layout([Placement(screen, 5, -7)]))
    made.protect(click_cell_px=cell_px, exclude=[])
    made.feed(batch([(0, kind, at[0] + 5, at[1] - 7) for kind in Kind]))
    tally = made.take(0)
    cells = cells_of([tally])
    for layer in CLICK_LAYERS:
        assert {(x, y): n for (_, name, x, y), n in cells.items() if name == layer} == {counted_at: 1}
    assert cells[screen, SCROLL, *at] == 1


def test_no_press_lands_in_an_excluded_rectangle_by_its_cell() -> None:
    screen = Monitor("S", 10, 10)
    made = accumulator(Layout([Placement(screen, 5, -7)]))
    made.protect(click_cell_px=4, exclude=[Exclusion("S", 2, 2, 1, 1)])
    made.feed(batch([(0, Kind.LEFT, x + 5, y - 7) for x in range(4) for y in range(4)]))
    assert ("S", "clicks.left") not in {(one.monitor.output, one.layer) for one in made.take(0).counts}


def test_new_rules_hold_from_the_next_event_on() -> None:
    made = accumulator(ALONE)
    made.feed(batch([(0, Kind.LEFT, 1, 1)]))
    made.protect(click_cell_px=1, exclude=[Exclusion("A", 0, 0, 4, 3)])
    made.feed(batch([(1, Kind.LEFT, 1, 1), (2, Kind.LEFT, 2, 1)]))
    assert layer_of(made.take(50), A, "clicks.left") == [[0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0]]
