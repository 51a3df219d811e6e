"""A daemon that counts by application, on a real X server with a real window manager."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.program import Home, Running
from support.waiting import wait_until
from support.xserver import LEFT, Pointer
from support.xwindows import Program, WindowManager

from mousetrackd.storage.readings import Range
from mousetrackd.storage.store import Store

pytest_plugins = ("support.fixtures",)

ON = "[applications]\nenabled = true\n"
AT_ONE, AT_TWO = (150, 150), (850, 650)


@pytest.fixture
def managed(home: Home, desktop: object, tmp_path: Path) -> Iterator[Home]:
    """A user with a window manager."""
    del desktop
    with WindowManager("openbox", tmp_path):
        yield home


def clicks_of(home: Home, *names: str) -> list[int]:
    """How many clicks were counted for each application; "" is all of them."""
    with Store.open_read_only(home.paths.store) as store:
        return [
            sum(counts.total for counts in store.read(["clicks.left"], Range(application=name)).counts.values())
            for name in names
        ]


def click(pointer: Pointer, *places: tuple[int, int]) -> None:
    for at in places:
        pointer.move(at)
        pointer.click(LEFT)
    pointer.position()


def save(home: Home, daemon: Running) -> None:
    daemon.await_read()
    home.run_ok("snapshot")


def active_window(program: Program) -> int:
    found = program.root.get_full_property(program.display.intern_atom("_NET_ACTIVE_WINDOW"), 0)
    return int(found.value[0]) if found is not None and len(found.value) else 0


def test_of_twelve_clicks_that_switch_windows_six_are_of_each_and_what_is_denied_is_counted_nowhere(
    managed: Home,
) -> None:
    """And what is denied by a new configuration is, from then on; forgotten, it is in no sum."""
    managed.configure(f'{ON}deny = ["nobody"]\n')  # to learn by its status when it knows the windows
    with Program("a", "One") as one, Program("b", "Two") as two, Pointer() as pointer:
        windows = [one.open(100, 100, 500, 400), two.open(400, 300, 500, 400)]
        wait_until(lambda: active_window(two) == windows[1].id, "the second has the keyboard")
        with managed.running() as daemon:
            daemon.await_status(lambda said: said["monitors"] and not said["problems"], "it knows the windows")
            for number in range(12):
                click(pointer, (AT_ONE, AT_TWO)[number % 2])
                wait_until(lambda: active_window(one) == windows[number % 2].id, "it has the keyboard")  # noqa: B023
            save(managed, daemon)
            assert clicks_of(managed, "one", "two", "") == [6, 6, 12]
            managed.configure(f'{ON}deny = ["two"]\n')
            daemon.send(signal.SIGHUP)
            daemon.await_log("the configuration has changed")
            click(pointer, AT_TWO, AT_ONE)
            wait_until(lambda: active_window(one) == windows[0].id, "the first has the keyboard")

            def is_counted_again() -> bool:
                """By when the daemon knows that the denied one has the keyboard no more."""
                click(pointer, AT_ONE)
                save(managed, daemon)
                return clicks_of(managed, "one") > [6]

            wait_until(is_counted_again, "a click on the first one is counted")
            of_one, of_two, of_all = clicks_of(managed, "one", "two", "")
            assert (of_two, of_all - of_one) == (6, 6)
            assert "pieces of the counts for two" in managed.run_ok("forget", "--application", "TWO", "--yes")
            assert clicks_of(managed, "one", "two", "") == [of_one, 0, of_one]
            daemon.stop()
    assert clicks_of(managed, "one", "two", "") == [of_one, 0, of_one]


@pytest.mark.usefixtures("desktop")
def test_where_the_keyboard_s_owner_is_not_known_and_some_are_denied_nothing_is_counted_and_status_says_so(
    home: Home,
) -> None:
    home.configure(f'{ON}deny = ["secret"]\n')
    with Program("a", "One") as one, Pointer() as pointer:
        # Before it starts: where no window manager reports that, it is seen with the next window only.
        one.open(100, 100, 500, 400).set_input_focus(1, 0)
        one.display.sync()
        with home.running() as daemon:
            click(pointer, AT_ONE)
            daemon.await_read()
            daemon.await_status(
                lambda said: any("it is not known which application is used" in one for one in said["problems"]),
                "status says that nothing is counted",
            )
            home.configure(ON)
            daemon.send(signal.SIGHUP)
            daemon.await_log("the configuration has changed")
            click(pointer, AT_ONE)
            daemon.stop()
    assert clicks_of(home, "") == [1]
