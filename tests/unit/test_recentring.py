"""Steps of a program that puts the pointer back to one pixel: found, and told from what hands do."""

import math
import os
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mousetrackd.capture.recording import read_recording
from mousetrackd.core.accumulator import Accumulator
from mousetrackd.core.events import Kind, batch
from mousetrackd.core.layout import Layout
from mousetrackd.core.monitors import Monitor, Placement
from mousetrackd.core.recentring import Recentring
from mousetrackd.core.series import Series

Row = tuple[int, int, int]
"""Time in ms, x, y."""

CENTRE = (500, 400)


def returns(rows: list[Row]) -> list[bool]:
    found: list[bool] = Recentring().returns(*np.array(rows, np.int64).reshape(-1, 3).T).tolist()
    return found


def game(steps: list[tuple[int, int]], *, per_frame: int = 1, hand_ms: int = 8, warp_ms: int = 1) -> list[Row]:
    """A hand that makes ``steps``, and a program that returns the pointer after so many of them."""
    now_ms, (x, y) = 0, CENTRE
    rows = [(0, x, y)]
    for number, (step_x, step_y) in enumerate(steps, 1):
        now_ms, x, y = now_ms + hand_ms, x + step_x, y + step_y
        rows.append((now_ms, x, y))
        if number % per_frame == 0:
            now_ms, (x, y) = now_ms + warp_ms, CENTRE
            rows.append((now_ms, x, y))
    return rows


def length(rows: list[Row], *, without: list[bool]) -> float:
    return sum(
        math.dist(one[1:], other[1:])
        for (one, other), left_out in zip(pairwise(rows), without[1:], strict=True)
        if not left_out
    )


@pytest.mark.parametrize("per_frame", [1, 4, 16])
@pytest.mark.parametrize(
    "steps",
    [
        [(10, 0)] * 640,
        [(-3, 4)] * 640,
        [(round(9 * math.cos(i / 90)), round(9 * math.sin(i / 90))) for i in range(640)],
        [*[(5, 2)] * 320, *[(1, 0)] * 320],
    ],
    ids=["one way", "aslant", "turning", "slower"],
)
def test_the_length_of_what_the_hand_did_is_left(steps: list[tuple[int, int]], per_frame: int) -> None:
    rows = game(steps, per_frame=per_frame)
    by_hand = sum(math.hypot(*step) for step in steps)
    at_first = 3 * per_frame * max(math.hypot(*step) for step in steps)
    assert by_hand <= length(rows, without=returns(rows)) <= 1.02 * by_hand + at_first


@pytest.mark.parametrize(("hand_ms", "warp_ms"), [(8, 0), (1, 1), (0, 0), (8, 33), (1000, 16)])
def test_every_return_but_the_first_three_is_found_and_no_step_away(hand_ms: int, warp_ms: int) -> None:
    rows = game([(10, 0)] * 20, hand_ms=hand_ms, warp_ms=warp_ms)
    assert returns(rows) == [row[1:] == CENTRE and number > 6 for number, row in enumerate(rows)]


def test_a_pause_of_the_hand_changes_nothing_and_a_long_one_lets_it_be_learnt_again() -> None:
    def found_after(pause_ms: int) -> int:
        first = game([(10, 0)] * 10)
        start_ms = first[-1][0] + pause_ms
        return sum(returns([*first, *((start_ms + time_ms, x, y) for time_ms, x, y in game([(0, 7)] * 10))]))

    assert found_after(3000) == 17
    assert found_after(60_000) == 14


@pytest.mark.parametrize("points", [3, 4, 5, 6, 8, 12, 40])
@pytest.mark.parametrize("radius", [2, 3, 10, 30, 200])
def test_a_hand_that_draws_circles_through_the_same_pixels_is_a_hand(points: int, radius: int) -> None:
    angles = [2 * math.pi * number / points for number in range(points * 30)]
    circles = [(round(500 + radius * math.cos(angle)), round(500 + radius * math.sin(angle))) for angle in angles]
    assert not any(returns([(8 * number, *point) for number, point in enumerate(circles)]))


def test_a_hand_that_clicks_back_and_forth_is_a_hand() -> None:
    there_and_back = [(150 * number, 100 + 60 * (number % 2), 100) for number in range(100)]
    assert not any(returns(there_and_back))


@pytest.mark.parametrize("steps", [3, 4, 5, 20])
@pytest.mark.parametrize("step_ms", [0, 8])
def test_a_hand_that_strokes_to_and_fro_over_the_same_pixels_is_a_hand(step_ms: int, steps: int) -> None:
    strokes = [(step_ms * number, 100 + abs(number % (2 * steps) - steps) * 5, 100) for number in range(2000)]
    assert not any(returns(strokes))


def test_a_mouse_that_jitters_and_strokes_across_the_screen_are_no_returns() -> None:
    assert not any(returns([(number, 100 + number % 2, 100) for number in range(100)]))
    assert not any(returns([(0, 1000 * (number % 2), 100) for number in range(100)]))


few = st.integers(0, 3)


@given(st.lists(st.tuples(st.integers(0, 120), few, few), max_size=40), st.lists(st.integers(0, 40), max_size=6))
def test_wherever_batches_end_the_same_steps_are_found(rows: list[Row], cuts: list[int]) -> None:
    times_ms = np.cumsum([wait_ms for wait_ms, _, _ in rows])
    columns = np.array([(time_ms, 10 * x, 10 * y) for time_ms, (_, x, y) in zip(times_ms, rows, strict=True)], np.int64)
    columns = columns.reshape(-1, 3)
    in_pieces = Recentring()
    pieces = [in_pieces.returns(*piece.T) for piece in np.split(columns, sorted(min(cut, len(rows)) for cut in cuts))]
    assert np.concatenate(pieces).tolist() == Recentring().returns(*columns.T).tolist()


def test_a_program_that_recentres_gives_no_lines_back_no_distance_and_the_same_time() -> None:
    screen = Monitor("S", 1000, 800)
    counting = Accumulator(rest_cap_ms=5000, warp_px=1000)
    counting.change_layout(Layout([Placement(screen, 0, 0)]), 0)
    rows = game([(10, 0)] * 160)
    counting.feed(batch((time_ms, Kind.MOVE, x, y) for time_ms, x, y in rows))
    tally = counting.take(rows[-1][0])
    travel = tally.counts[Series(screen, "travel")].dense()
    assert tally.path_px == {screen: 1600 + 30}
    assert travel[400, 501:510].tolist() == [160 + 3] * 9
    assert travel[400, 500] == 3
    assert tally.counts[Series(screen, "dwell")].total == rows[-1][0]


@pytest.mark.skipif("MOUSE_SESSIONS" not in os.environ, reason="MOUSE_SESSIONS names no folder of recorded sessions")
def test_of_real_peoples_sessions_nothing_is_left_out() -> None:
    for path in sorted(Path(os.environ["MOUSE_SESSIONS"]).glob("*.csv*")):
        events = read_recording(path).events
        rows = list(zip(*(events[name].tolist() for name in ("time_ms", "x", "y")), strict=True))
        whole = length(rows, without=[False] * len(rows))
        assert length(rows, without=returns(rows)) >= 0.999 * whole
