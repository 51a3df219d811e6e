"""The real daemon in the session of a compositor: what it counts, and that it counts nothing where it is blind."""

from collections.abc import Iterator

import pytest
from support.compositor import CAPTURE, Compositor
from support.program import Home, line_cells, wander

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
        daemon.stop()  # it hears what had been said before
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
