"""How often the listener reads: the bounds within which no socket becomes full."""

import pytest

from mousetrackd.capture.x11.read_pace import ReadPace

SOCKET_EVENTS = 278
"""So many small writes fill a socket."""


def pauses_s(pace: ReadPace, per_s: float, seconds: float, first_gathered_s: float) -> list[float]:
    """The pauses at a steady rate. Reading itself takes a millisecond."""
    taken: list[float] = []
    gathered_s = first_gathered_s
    while sum(taken) < seconds:
        taken.append(pace.next_interval_s(per_s * gathered_s, gathered_s))
        gathered_s = taken[-1] + 0.001
    return taken


@pytest.mark.parametrize("per_s", [1, 125, 299, 301, 1000, 2000, 4000, 8000, 12_000])
def test_at_any_rate_of_a_mouse_a_pause_gathers_less_than_half_of_what_a_socket_takes(per_s: float) -> None:
    assert max(pauses_s(ReadPace(), per_s, 5, 0.001)) * per_s <= SOCKET_EVENTS / 2


@pytest.mark.parametrize(("per_s", "reads_per_s"), [(125, 12), (1000, 22), (8000, 90)])
def test_a_steady_mouse_wakes_the_listener_seldom(per_s: float, reads_per_s: float) -> None:
    assert len(pauses_s(ReadPace(), per_s, 10, 0.001)) / 10 <= reads_per_s


def test_a_flood_is_read_without_a_pause() -> None:
    pace = ReadPace()
    pauses_s(pace, 1000, 1, 0.001)
    assert [pace.next_interval_s(32_000 * gathered_s, gathered_s) for gathered_s in (0.05, 0.001, 0.01)] == [0, 0, 0]


def test_after_a_rest_the_first_pause_is_short() -> None:
    pace = ReadPace()
    pauses_s(pace, 125, 5, 0.001)
    assert pace.next_interval_s(1, 10.0) <= 0.005


def test_a_fast_mouse_is_read_more_often_from_then_on() -> None:
    pace = ReadPace()
    before = max(pauses_s(pace, 125, 5, 0.001))
    pauses_s(pace, 8000, 1, 0.001)
    assert max(pauses_s(pace, 125, 5, 0.001)) < before
