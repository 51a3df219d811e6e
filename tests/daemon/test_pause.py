"""Pause is pause: nothing is listened to, nothing is counted, and it holds until the user says otherwise."""

import signal
from collections import Counter

import pytest
from support.program import Home, Running, wander
from support.waiting import wait_until
from support.xserver import LEFT, Hand

pytest_plugins = ("support.fixtures",)
pytestmark = pytest.mark.usefixtures("desktop")


def click_at(hand: Hand, x: int, y: int) -> None:
    hand.move((x, y))
    hand.click(LEFT)


def see_nothing_counted(home: Home, daemon: Running, hand: Hand) -> None:
    """A thousand moves, clicks and steps while paused leave no trace."""
    before, events = home.store_bytes(), home.status()["events"]
    assert daemon.sockets() == []
    hand.move(*wander(1000, seed=3))
    click_at(hand, 33, 33)
    hand.move((44, 44))
    assert daemon.sockets() == []
    assert home.store_bytes() == before
    assert home.status()["events"] == events


def saved_clicks(home: Home, daemon: Running, expected: Counter[tuple[int, int]]) -> None:
    """See that these clicks are counted, and no others."""

    def are_saved() -> bool:
        home.must("snapshot")
        return home.cells("clicks.left").total() >= expected.total()

    wait_until(are_saved, f"{expected.total()} clicks are saved:\n{daemon.log}")
    assert home.cells("clicks.left") == expected


def test_pause_and_resume_by_command(home: Home) -> None:
    with home.running() as daemon, Hand() as hand:
        assert daemon.sockets() != []
        click_at(hand, 11, 11)
        hand.position()
        assert home.must("pause").startswith("paused since ")
        assert home.cells("clicks.left") == {(11, 11): 1}
        see_nothing_counted(home, daemon, hand)
        assert home.must("resume").startswith("tracking since ")
        click_at(hand, 55, 55)
        saved_clicks(home, daemon, Counter({(11, 11): 1, (55, 55): 1}))
        assert home.cells("travel") == {}, "no line is drawn across a pause"


def test_pause_and_resume_by_bare_signals(home: Home) -> None:
    with home.running() as daemon, Hand() as hand:
        click_at(hand, 11, 11)
        hand.position()
        daemon.send(signal.SIGUSR1)
        daemon.await_state("paused")
        see_nothing_counted(home, daemon, hand)
        daemon.send(signal.SIGUSR2)
        daemon.await_state("tracking")
        click_at(hand, 55, 55)
        saved_clicks(home, daemon, Counter({(11, 11): 1, (55, 55): 1}))


def test_time_in_a_pause_is_credited_to_nobody(home: Home) -> None:
    with home.running() as daemon, Hand() as hand:
        began_ms = daemon.clock_ms()
        hand.move((11, 11))
        hand.position()
        home.must("pause")
        listened_ms = daemon.clock_ms() - began_ms
        paused_ms = daemon.clock_ms()
        wait_until(lambda: daemon.clock_ms() > paused_ms + 2000, "two seconds of pause have passed")
        home.must("resume")
        hand.move((12, 12))
        hand.position()
        home.must("pause")
        assert home.cells("dwell")[11, 11] <= listened_ms


def test_pause_twice_is_one_pause(home: Home) -> None:
    with home.running() as daemon:
        home.must("pause")
        since = home.status()["since"]
        home.must("pause")
        daemon.send(signal.SIGUSR1)
        home.must("resume")
        assert home.status()["state"] == "tracking"
        assert since


def test_both_bare_signals_at_once_mean_pause(home: Home) -> None:
    with home.running() as daemon:
        daemon.send_at_once(signal.SIGUSR2, signal.SIGUSR1)
        daemon.await_state("paused")
        daemon.send_at_once(signal.SIGUSR1, signal.SIGUSR2)
        # It is paused already, so that nothing changes: what it has looked at last is what tells.
        looked_ns = home.status()["looked_ns"]
        daemon.send(signal.SIGUSR1)
        daemon.await_status(lambda status: status["looked_ns"] > looked_ns, "it has looked")
        assert home.status()["state"] == "paused"


def test_pause_survives_kill_9_and_restart(home: Home) -> None:
    with home.running() as daemon:
        home.must("pause")
        daemon.kill()
    with home.running(state="paused") as daemon, Hand() as hand:
        see_nothing_counted(home, daemon, hand)
        home.must("resume")
        daemon.kill()
    with home.running(state="tracking"):
        pass


def test_pause_by_a_bare_signal_survives_kill_9_and_restart(home: Home) -> None:
    with home.running() as daemon:
        daemon.send(signal.SIGUSR1)
        daemon.await_state("paused")
        daemon.kill()
    with home.running(state="paused"):
        pass


def test_pause_said_while_nothing_runs_holds_for_the_next_start(home: Home) -> None:
    said = home.say("pause")
    assert said.code == 3
    assert "will be paused" in said.err
    with home.running(state="paused") as daemon:
        assert daemon.sockets() == []


@pytest.mark.parametrize("content", [b"", b"trackin", b"\xff\xfe\0garbage", b"tracking or not"])
def test_a_garbled_wish_means_pause(home: Home, content: bytes) -> None:
    home.paths.data_dir.mkdir(parents=True, mode=0o700)
    home.paths.wanted.write_bytes(content)
    with home.running(state="paused") as daemon:
        assert daemon.sockets() == []


def test_a_wish_that_cannot_be_read_means_pause_and_is_no_crash(home: Home) -> None:
    home.paths.wanted.mkdir(parents=True, mode=0o700)
    with home.running(state="paused") as daemon:
        assert daemon.sockets() == []
        # Nor can it be written: resume says so, and nothing is tracked.
        said = home.say("resume")
        assert said.code == 77
        assert len(said.err_lines) == 2
        assert home.status()["state"] == "paused"
