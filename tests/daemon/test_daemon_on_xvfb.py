"""The real daemon on a real X server: what is counted, and on which screen."""

from collections import Counter

import pytest
from support.program import Home, Pixel, Running, line_cells, wander
from support.waiting import wait_until
from support.xserver import (
    LEFT,
    MIDDLE,
    RIGHT,
    SIDE,
    WHEEL_DOWN,
    WHEEL_LEFT,
    WHEEL_RIGHT,
    WHEEL_UP,
    Pointer,
    xrandr,
)

pytest_plugins = ("support.fixtures",)
pytestmark = pytest.mark.usefixtures("desktop")


def snapshot_with(home: Home, daemon: Running, events: int) -> None:
    """Have everything saved, and see that it is exactly so many events: the last may be on their way still."""

    def all_are_saved() -> bool:
        assert home.run_ok("snapshot") == f"{home.paths.latest}\n"
        return int(home.status()["events"]) >= events

    daemon.await_read()  # most often one picture is then enough
    try:
        wait_until(all_are_saved, f"{events} events are counted")
    except AssertionError as error:
        error.add_note(f"Its status: {home.status()}\nIts log:\n{daemon.log}")
        raise
    assert home.status()["events"] == events


def test_every_press_is_counted_at_its_pixel_by_button(home: Home) -> None:
    presses: dict[str, Counter[Pixel]] = {}
    buttons = {"clicks.left": LEFT, "clicks.middle": MIDDLE, "clicks.right": RIGHT, "clicks.other": SIDE}
    points = wander(60, seed=1)
    with home.running() as daemon, Pointer() as pointer:
        for number, point in enumerate(points):
            layer, button = list(buttons.items())[number % 4]
            pointer.move(point)
            for _ in range(number % 3 + 1):
                pointer.click(button)
                presses.setdefault(layer, Counter())[point] += 1
        snapshot_with(home, daemon, len(points) + sum(c.total() for c in presses.values()))
        for layer, expected in presses.items():
            assert home.cells(layer) == expected


def test_every_step_of_the_wheel_is_counted_and_none_is_a_click(home: Home) -> None:
    steps: Counter[Pixel] = Counter()
    with home.running() as daemon, Pointer() as pointer:
        for number, wheel in enumerate((WHEEL_UP, WHEEL_DOWN, WHEEL_LEFT, WHEEL_RIGHT)):
            point = (200 + number, 300)
            pointer.move(point)
            for _ in range(5 + number):
                pointer.click(wheel)
                steps[point] += 1
        snapshot_with(home, daemon, 4 + steps.total())
        assert home.cells("scroll") == steps
        for layer in ("clicks.left", "clicks.middle", "clicks.right", "clicks.other"):
            assert home.cells(layer) == Counter()


def test_every_move_is_counted_and_travel_is_the_path_between_them(home: Home) -> None:
    points = wander(3000, seed=2, side_px=100)
    with home.running() as daemon, Pointer() as pointer:
        # As fast as it is read, and no faster: a socket takes about 278 small writes, and the server drops the rest.
        for first in range(0, len(points), 100):
            pointer.move(*points[first : first + 100])
            daemon.await_read()
        snapshot_with(home, daemon, len(points))
        assert home.cells("travel") == line_cells(points)


def test_moves_from_the_first_moment_of_tracking_are_counted(home: Home) -> None:
    with Pointer() as pointer:
        for attempt in range(3):
            with home.running() as daemon:
                pointer.move((10 + attempt, 10), (50, 50))
                pointer.click(LEFT)
                daemon.await_read()
                daemon.stop()
            assert home.status()["events"] == 3
    assert home.cells("clicks.left") == {(50, 50): 3}


def test_dwell_is_the_time_at_the_pixel_and_no_more_than_passed(home: Home) -> None:
    with home.running() as daemon, Pointer() as pointer:
        began_ms = daemon.clock_ms()
        pointer.move((700, 400))
        wait_until(lambda: daemon.clock_ms() > began_ms + 1200, "the pointer has rested for 1.2 s")
        rested_ms = daemon.clock_ms() - began_ms
        pointer.move((701, 400))
        snapshot_with(home, daemon, 2)
        dwell = home.cells("dwell")[700, 400]
        passed_ms = daemon.clock_ms() - began_ms
    assert rested_ms - 100 <= dwell <= passed_ms


def test_a_warp_draws_no_line(home: Home) -> None:
    with home.running() as daemon, Pointer() as pointer:
        pointer.move((5, 5), (1800, 900), (1810, 900))
        snapshot_with(home, daemon, 3)
        assert home.cells("travel") == line_cells([(1800, 900), (1810, 900)])


def test_two_monitors_side_by_side_each_get_what_is_done_on_them(home: Home) -> None:
    xrandr("--setmonitor", "west", "960/200x1080/200+0+0", "screen")
    xrandr("--setmonitor", "east", "960/200x1080/200+960+0", "none")
    with home.running() as daemon, Pointer() as pointer:
        for point in ((0, 0), (959, 1079), (960, 0), (1919, 1079), (1000, 500)):
            pointer.move(point)
            pointer.click(LEFT)
        snapshot_with(home, daemon, 10)
        assert home.screens("clicks.left") == {
            "west": {(0, 0): 1, (959, 1079): 1},
            "east": {(0, 0): 1, (959, 1079): 1, (40, 500): 1},
        }
        assert home.cells("clicks.left", "--monitor", "west") == {(0, 0): 1, (959, 1079): 1}


def test_a_monitor_added_and_removed_while_tracking(home: Home) -> None:
    with home.running() as daemon, Pointer() as pointer:
        pointer.move((1500, 100))
        pointer.click(LEFT)
        (before,) = daemon.await_status(lambda s: len(s["monitors"]) == 1, "one monitor is seen")["monitors"]
        whole = before["monitor"].partition("@")[0]

        xrandr("--setmonitor", "west", "960/200x1080/200+0+0", "screen")
        xrandr("--setmonitor", "east", "960/200x1080/200+960+0", "none")
        daemon.await_status(
            lambda s: [m["monitor"] for m in s["monitors"]] == ["west@960x1080", "east@960x1080"],
            "both monitors are seen",
        )
        pointer.move((1500, 200))
        pointer.click(LEFT)
        pointer.move((100, 200))
        pointer.click(LEFT)

        xrandr("--delmonitor", "east")
        xrandr("--delmonitor", "west")
        daemon.await_status(lambda s: s["monitors"] == [before], "the one monitor is seen again")
        pointer.move((1500, 300))
        pointer.click(LEFT)
        snapshot_with(home, daemon, 8)
        assert home.screens("clicks.left") == {
            whole: {(1500, 100): 1, (1500, 300): 1},
            "west": {(100, 200): 1},
            "east": {(540, 200): 1},
        }


def test_no_line_is_drawn_across_a_change_of_the_monitors(home: Home) -> None:
    with home.running() as daemon, Pointer() as pointer:
        pointer.move((100, 100), (110, 100))
        daemon.await_status(lambda s: len(s["monitors"]) == 1, "one monitor is seen")
        xrandr("--setmonitor", "all", "1920/400x1080/200+0+0", "screen")
        daemon.await_status(lambda s: s["monitors"][0]["monitor"] == "all@1920x1080", "the new monitor is seen")
        pointer.move((300, 300), (305, 300))
        snapshot_with(home, daemon, 4)
        travel = home.screens("travel")
    assert travel.pop("all") == line_cells([(300, 300), (305, 300)])
    assert list(travel.values()) == [line_cells([(100, 100), (110, 100)])]
