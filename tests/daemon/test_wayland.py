"""The real daemon in the session of a compositor: what it counts, and that it counts nothing where it is blind."""

from collections.abc import Iterator

import pytest
from support.compositor import CAPTURE, Compositor
from support.program import Home, line_cells, wander
from support.waiting import wait_until

pytest_plugins = ("support.fixtures",)


@pytest.fixture
def compositor(home: Home) -> Iterator[Compositor]:
    """One with a screen, which is not started yet."""
    compositor = Compositor(home.folder / "runtime")
    home.variables["WAYLAND_DISPLAY"] = compositor.name
    yield compositor
    compositor.kill()


def test_a_path_is_counted_on_the_screen_it_was_made_on(home: Home, compositor: Compositor) -> None:
    compositor.start()
    compositor.plug("DP-1", width=1280, height=720, scale=2)
    compositor.plug("DP-2", x=1280, width=720, height=1280, mode=(1920, 1080), transform=1, scale=2)
    one, other = wander(200, seed=1), wander(200, seed=2)
    with home.running() as daemon:
        assert home.status()["source"] == "cursor sessions (Wayland)"
        assert "clicks and scroll are not seen" in home.status()["notes"][0]
        compositor.move("DP-1", *one)
        compositor.leave("DP-1")
        compositor.move("DP-2", *other)
        daemon.stop()  # it receives what had been said before
    assert home.status()["events"] == 400
    travel = home.screens("travel")
    for output, points in (("DP-1", one), ("DP-2", other)):
        assert not line_cells(points) - travel[output]


def test_where_no_source_fits_it_is_blind_and_records_nothing_until_one_does(
    home: Home, compositor: Compositor
) -> None:
    poor = Compositor(home.folder / "runtime", without=CAPTURE)
    poor.start()
    home.variables["XDG_CURRENT_DESKTOP"] = "Weston"
    with home.running(state="blind") as daemon:
        (problem,) = home.status()["problems"]
        assert "Weston (tinyway)" in problem
        assert "Nothing is recorded" in problem
        poor.kill()
        compositor.start()
        compositor.plug("DP-1")
        daemon.await_state("tracking")
        assert home.status()["problems"] == []
        daemon.stop()
    assert home.status()["events"] == 0


def test_a_wayfire_that_lies_costs_no_count_and_is_tried_again(home: Home) -> None:
    compositor = Compositor(home.folder / "runtime", without=CAPTURE)
    compositor.start()
    compositor.plug("DP-1")
    compositor.answer_as_wayfire(home.folder / "wayfire")
    home.variables |= {"WAYLAND_DISPLAY": compositor.name, "WAYFIRE_SOCKET": str(home.folder / "wayfire")}
    with home.running() as daemon:
        ask_for(compositor, (5, 5), (6, 5), (7, 6))
        compositor.answer_wrongly('{"result": "ok", "pos": {"x": ' + "9" * 400 + ', "y": 1}}')
        status = daemon.await_state("waiting")
        (problem,) = status["problems"]
        assert "Wayfire does not say where the pointer is: a number of 400 characters" in problem
        assert status["events"] == 3
        assert status["last_checkpoint"] is not None
        compositor.answer_wrongly("")
        assert daemon.await_state("tracking")["problems"] == []
        ask_for(compositor, (9, 9))
        daemon.stop()
    assert home.status()["events"] == 4
    compositor.kill()


def ask_for(compositor: Compositor, *points: tuple[int, int]) -> None:
    """Return when the daemon has been answered each point."""
    for point in points:
        compositor.point(*point)
        answered = compositor.questions() + 2  # the first may have been answered before
        wait_until(lambda answered=answered: compositor.questions() >= answered, "it had asked")  # type: ignore[misc]
