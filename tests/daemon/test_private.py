"""Nobody else is let in: not by root's power, a planted link, a lenient umask or a socket."""

import os
import random
import signal

import pytest
from support.program import Home
from support.xserver import LEFT, WHEEL_UP, Hand

from mousetrackd import config

pytest_plugins = ["support.fixtures"]

only_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can do this")


@only_root
def test_root_is_refused_without_allow_root(home: Home) -> None:
    said = home.say("run")
    assert said.code == 77
    assert len(said.err_lines) == 2
    assert "--allow-root" in said.err
    assert not home.paths.data_dir.exists()


# What is not counted ------------------------------------------------------------------------------------

HOLE = '[privacy]\nclick_cell_px = 10\nexclude = ["screen 100,100 50x50", "300,300 10x10"]\n'


def move_through_the_holes(hand: Hand) -> None:
    """Rest, click and scroll in both, and once outside, at 200, 200."""
    for at in ((120, 120), (305, 305), (200, 200)):
        hand.move((at[0] - 60, at[1]), at)
        hand.click(LEFT)
        hand.click(WHEEL_UP)


@pytest.mark.usefixtures("desktop")
def test_nothing_is_counted_in_an_excluded_rectangle_and_presses_only_by_cell(home: Home) -> None:
    home.configure(HOLE)
    with home.running() as daemon, Hand() as hand:
        move_through_the_holes(hand)
        daemon.await_read()
        daemon.stop()
    assert home.cells("clicks.left") == {(205, 205): 1}
    assert home.cells("scroll") == {(200, 200): 1}
    for layer in ("travel", "dwell"):
        cells = home.cells(layer)
        assert cells[200, 200] > 0
        assert not [(x, y) for x, y in cells if 100 <= x < 150 and 100 <= y < 150], layer
        assert not [(x, y) for x, y in cells if 300 <= x < 310 and 300 <= y < 310], layer


@pytest.mark.usefixtures("desktop")
def test_sighup_puts_a_privacy_rule_in_force_even_where_the_rest_of_the_file_is_bad(home: Home) -> None:
    with home.running() as daemon, Hand() as hand:
        hand.move((305, 305))
        hand.click(LEFT)
        daemon.await_read()
        home.configure("warp_px = 0\n" + HOLE)
        daemon.send(signal.SIGHUP)
        daemon.await_status(lambda status: "warp_px" in " ".join(status["problems"]), "the bad key is told")
        move_through_the_holes(hand)
        daemon.await_read()
        daemon.stop()
    assert home.cells("clicks.left") == {(305, 305): 1, (205, 205): 1}


@pytest.mark.usefixtures("desktop")
def test_a_bad_privacy_rule_stops_the_counting_until_it_is_mended(home: Home) -> None:
    with home.running() as daemon, Hand() as hand:
        hand.move((10, 10))
        hand.click(LEFT)
        daemon.await_read()
        home.configure(HOLE.replace("50x50", "50*50"))
        daemon.send(signal.SIGHUP)
        status = daemon.await_state("blind")
        (problem,) = status["problems"]
        assert "nothing is counted" in problem
        assert "privacy.exclude" in problem
        assert "nothing is counted" in daemon.log
        assert daemon.sockets() == []
        hand.move((20, 20))
        hand.click(LEFT)

        assert "blind" in home.must("resume")  # which does not get round it
        assert home.must("pause").startswith("paused")
        home.configure(HOLE)
        daemon.send(signal.SIGUSR2, signal.SIGHUP)
        assert daemon.await_state("tracking")["problems"] == []
        move_through_the_holes(hand)
        daemon.await_read()
        daemon.stop()
    assert home.cells("clicks.left") == {(10, 10): 1, (205, 205): 1}


@pytest.mark.usefixtures("desktop")
def test_a_mended_privacy_rule_is_found_without_being_told(home: Home) -> None:
    with home.running() as daemon:
        home.configure("[privacy")
        daemon.send(signal.SIGHUP)
        daemon.await_state("blind")
        home.configure("")
        daemon.await_state("tracking")


@pytest.mark.usefixtures("desktop")
def test_a_bad_privacy_rule_at_the_start_is_refused(home: Home) -> None:
    home.configure("privacy.click_cell_px = 0")
    daemon = home.start()
    assert daemon.ends() == 78
    assert "privacy.click_cell_px" in daemon.log
    assert not home.paths.data_dir.exists()


@pytest.mark.usefixtures("desktop")
def test_a_rule_for_a_monitor_that_is_not_there_is_told(home: Home) -> None:
    home.configure('privacy.exclude = ["scren 1,1 5x5"]')
    with home.running() as daemon:
        (problem,) = daemon.await_status(lambda status: status["problems"] != [], "it is told")["problems"]
        assert "scren" in problem
        assert "screen" in problem


def test_no_spoilt_configuration_gives_a_traceback(home: Home) -> None:
    dice = random.Random(3)  # noqa: S311 - a repeatable mixture, no secret
    good = config.to_toml(config.Config(), comments=True).encode()
    codes = set()
    for _ in range(24):
        spoilt = bytearray(good)
        for _ in range(dice.randrange(1, 3)):
            at = dice.randrange(len(spoilt))
            spoilt[at : at + dice.randrange(2, 30)] = dice.choice(
                [b'"', b"[", b"\xff", b"\0", b"= =", b"\n[privacy]\n"]
            )
        home.configure("")
        home.paths.config_file.write_bytes(spoilt)
        said = home.say("config")
        assert "Traceback" not in said.err
        assert said.code == 0 or (said.code == 78 and str(home.paths.config_file) in said.err), said
        codes.add(said.code)
    assert codes == {0, 78}
