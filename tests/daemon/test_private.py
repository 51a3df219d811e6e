"""Nobody else is let in: not by root's power, a planted link, a lenient umask or a socket."""

import json
import os
import random
import re
import signal
import stat

import pytest
from support.program import Home
from support.waiting import wait_until
from support.xserver import LEFT, WHEEL_UP, Pointer

from mousetrackd import config
from mousetrackd.core.layers import LAYERS

pytest_plugins = ["support.fixtures"]

only_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can do this")


@only_root
def test_root_is_refused_without_allow_root(home: Home) -> None:
    result = home.run_process("run")
    assert result.code == 77
    assert len(result.err_lines) == 2
    assert "--allow-root" in result.err
    assert not home.paths.data_dir.exists()


# What is not counted ------------------------------------------------------------------------------------

HOLE = '[privacy]\nclick_cell_px = 10\nexclude = ["screen 100,100 50x50", "300,300 10x10"]\n'


def move_through_the_holes(pointer: Pointer) -> None:
    """Rest, click and scroll in both, and once outside, at 200, 200."""
    for at in ((120, 120), (305, 305), (200, 200)):
        pointer.move((at[0] - 60, at[1]), at)
        pointer.click(LEFT)
        pointer.click(WHEEL_UP)


@pytest.mark.usefixtures("desktop")
def test_nothing_is_counted_in_an_excluded_rectangle_and_presses_only_by_cell(home: Home) -> None:
    home.configure(HOLE)
    with home.running() as daemon, Pointer() as pointer:
        move_through_the_holes(pointer)
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
    with home.running() as daemon, Pointer() as pointer:
        pointer.move((305, 305))
        pointer.click(LEFT)
        daemon.await_read()
        home.configure("warp_px = 0\n" + HOLE)
        daemon.send(signal.SIGHUP)
        daemon.await_status(lambda status: "warp_px" in " ".join(status["problems"]), "the bad key is reported")
        move_through_the_holes(pointer)
        daemon.await_read()
        daemon.stop()
    assert home.cells("clicks.left") == {(305, 305): 1, (205, 205): 1}


@pytest.mark.usefixtures("desktop")
def test_a_page_made_by_other_rules_is_deleted_by_sighup_and_by_a_start(home: Home) -> None:
    with home.running() as daemon, Pointer() as pointer:
        move_through_the_holes(pointer)
        daemon.await_read()
        home.run_ok("snapshot")
        home.run_ok("page")
        assert home.paths.history.exists()
        home.configure("warp_px = 77\n")
        daemon.send(signal.SIGHUP)
        home.run_ok("snapshot")
        assert home.paths.history.exists()
        home.configure(HOLE)
        daemon.send(signal.SIGHUP)
        wait_until(lambda: not home.paths.history.exists(), "the page is deleted")
        home.run_ok("page")
        home.configure(HOLE + '\n[applications]\nenabled = true\ndeny = ["secret"]\n')
        daemon.send(signal.SIGHUP)
        wait_until(lambda: not home.paths.history.exists(), "the page is deleted for a denied application as well")
        home.run_ok("page")
        daemon.stop()
    home.configure("")
    with home.running():
        assert not home.paths.history.exists()


@pytest.mark.usefixtures("desktop")
def test_a_bad_privacy_rule_stops_the_counting_until_it_is_mended(home: Home) -> None:
    with home.running() as daemon, Pointer() as pointer:
        pointer.move((10, 10))
        pointer.click(LEFT)
        daemon.await_read()
        home.configure(HOLE.replace("50x50", "50*50"))
        daemon.send(signal.SIGHUP)
        status = daemon.await_state("blind")
        (problem,) = status["problems"]
        assert "nothing is counted" in problem
        assert "privacy.exclude" in problem
        assert "nothing is counted" in daemon.log
        assert daemon.sockets() == []
        pointer.move((20, 20))
        pointer.click(LEFT)

        assert "blind" in home.run_ok("resume")  # which does not get round it
        assert home.run_ok("pause").startswith("paused")
        home.configure(HOLE)
        daemon.send(signal.SIGUSR2, signal.SIGHUP)
        assert daemon.await_state("tracking")["problems"] == []
        move_through_the_holes(pointer)
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
def test_rules_stay_in_force_when_their_file_vanishes_also_across_a_restart(home: Home) -> None:
    home.configure(HOLE)
    real, gone = home.paths.config_file, home.folder / "dotfiles.toml"
    with home.running() as daemon, Pointer() as pointer:
        real.rename(gone)
        daemon.send(signal.SIGHUP)
        status = daemon.await_status(lambda status: status["problems"], "it is reported")
        assert "privacy rules stay in force" in " ".join(status["problems"])
        move_through_the_holes(pointer)
        daemon.await_read()
        daemon.stop()
    assert "privacy rules stay in force" in home.run("status").out
    assert "privacy rules stay in force" in home.run("doctor").out
    assert "300,300 10x10" in home.run_ok("config")
    with home.running() as daemon, Pointer() as pointer:
        assert "privacy rules stay in force" in " ".join(home.status()["problems"])
        move_through_the_holes(pointer)
        daemon.await_read()
        real.touch(0o600)
        daemon.send(signal.SIGHUP)
        daemon.await_status(lambda status: not status["problems"], "an empty file ends them")
        pointer.move((304, 304))
        pointer.click(LEFT)
        daemon.await_read()
        daemon.stop()
    assert home.cells("clicks.left") == {(205, 205): 2, (304, 304): 1}


@pytest.mark.usefixtures("desktop")
def test_a_link_that_leads_nowhere_is_refused_at_the_start_and_changes_nothing_later(home: Home) -> None:
    home.configure(HOLE)
    real = home.folder / "dotfiles.toml"
    home.paths.config_file.rename(real)
    home.paths.config_file.symlink_to(real)
    with home.running() as daemon, Pointer() as pointer:
        real.rename(home.folder / "unmounted.toml")
        daemon.send(signal.SIGHUP)
        status = daemon.await_status(lambda status: status["problems"], "it is reported")
        assert f"leads to {real}, which is not there" in " ".join(status["problems"])
        move_through_the_holes(pointer)
        daemon.await_read()
        daemon.stop()
    assert home.cells("clicks.left") == {(205, 205): 1}
    daemon = home.start()
    assert daemon.ends() == 78
    assert f"leads to {real}, which is not there" in daemon.log
    assert "it cannot start" in home.run("status").out
    assert "problem  configuration" in home.run("doctor").out


@pytest.mark.usefixtures("desktop")
def test_a_pipe_as_configuration_keeps_the_daemon_from_nothing_but_counting(home: Home) -> None:
    with home.running() as daemon:
        home.paths.config_dir.mkdir(parents=True)
        os.mkfifo(home.paths.config_file)
        daemon.send(signal.SIGHUP)
        assert "named pipe" in " ".join(daemon.await_state("blind")["problems"])
        assert home.run_ok("pause").startswith("paused")
        daemon.stop()


@pytest.mark.usefixtures("desktop")
def test_a_bad_privacy_rule_at_the_start_is_refused(home: Home) -> None:
    home.configure("privacy.click_cell_px = 0")
    daemon = home.start()
    assert daemon.ends() == 78
    assert "privacy.click_cell_px" in daemon.log
    assert not home.paths.data_dir.exists()


MANY_RULES = [f"DP-{number} 100,200 300x50" for number in range(9)]


@pytest.mark.usefixtures("desktop")
def test_status_says_which_privacy_rule_is_bad(home: Home) -> None:
    with home.running() as daemon:
        home.configure(f"privacy.exclude = {[*MANY_RULES, 'DP-9 1,2 3*4']}")
        daemon.send(signal.SIGHUP)
        (problem,) = daemon.await_state("blind")["problems"]
        for result in (home.run_ok("status"), home.run_ok("status", "--json"), home.run_ok("resume"), problem):
            assert "DP-9 1,2 3*4" in result
            assert "DP-0" not in result
        daemon.stop()
    # While it does not run, status says that it would not start, and no longer that the file is read again.
    (problem,) = json.loads(home.run("status", "--json").out)["problems"]
    assert problem.startswith("it cannot start. ")
    assert "DP-9 1,2 3*4" in problem
    lines = home.run("status").out.splitlines()
    assert all(line.startswith((" " * 17, "problem   ")) for line in lines[-3:]), lines
    home.configure(f"privacy.exclude = {MANY_RULES}")
    assert json.loads(home.run("status", "--json").out)["problems"] == []


def test_status_says_which_privacy_rule_kept_it_from_ever_starting(home: Home) -> None:
    home.configure(f"privacy.exclude = {[*MANY_RULES, 'DP-9 1,2 3*4']}")
    assert home.start().ends() == 78
    assert "DP-9 1,2 3*4" in home.run("status").out
    (problem,) = json.loads(home.run("status", "--json").out)["problems"]
    assert "DP-9 1,2 3*4" in problem


@pytest.mark.usefixtures("desktop")
def test_a_rule_for_a_monitor_that_is_not_there_is_reported(home: Home) -> None:
    home.configure('privacy.exclude = ["scren 1,1 5x5"]')
    with home.running() as daemon:
        (problem,) = daemon.await_status(lambda status: status["problems"] != [], "it is reported")["problems"]
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
        result = home.run("config")
        assert "Traceback" not in result.err
        assert result.code == 0 or (result.code == 78 and str(home.paths.config_file) in result.err), result
        codes.add(result.code)
    assert codes == {0, 78}


# Files --------------------------------------------------------------------------------------------------


def live(home: Home) -> None:
    """All that leaves files behind: counting, saving, drawing, pausing, forgetting, exporting, filming."""
    with home.running() as daemon, Pointer() as pointer:
        for round_ in range(2):
            pointer.move((10, 10), (500 + round_, 500))
            pointer.click(LEFT)
            daemon.await_read()
            home.run_ok("snapshot")
            home.run_ok("pause")
            home.run_ok("resume")
        home.run_ok("export", home.folder / "out.csv")
        home.run_ok("render", home.folder / "out.png")
        home.run_ok("timelapse", home.folder / "out.gif", "--width", "64")
        all_private(home)  # with the journal and its index there
        home.run_ok("forget", "--last", "1s", "--yes")
        daemon.stop()


def all_private(home: Home) -> None:
    owned = [home.paths.data_dir, home.paths.runtime_dir]
    files = [path for folder in owned for path in (folder, *folder.rglob("*"))] + [*home.folder.glob("out.*")]
    assert {"heat.sqlite3", "heat.sqlite3-wal", "latest.png", "status.json", "lock", "wanted"} < {p.name for p in files}
    modes = {str(path): oct(stat.S_IMODE(path.lstat().st_mode)) for path in files}
    assert modes == {str(path): "0o700" if path.is_dir() else "0o600" for path in files}


@pytest.mark.usefixtures("desktop")
def test_every_folder_and_file_is_the_users_alone_whatever_the_umask(home: Home) -> None:
    before = os.umask(0)
    try:
        live(home)
    finally:
        os.umask(before)


@pytest.mark.usefixtures("desktop")
def test_what_was_left_open_to_others_is_closed(home: Home) -> None:
    for folder in (home.paths.data_dir, home.paths.runtime_dir, home.paths.snapshots):
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o777)
    with home.running():
        assert stat.S_IMODE(home.paths.data_dir.stat().st_mode) == 0o700
        assert stat.S_IMODE(home.paths.runtime_dir.stat().st_mode) == 0o700
        home.run_ok("snapshot")
        assert stat.S_IMODE(home.paths.snapshots.stat().st_mode) == 0o700


NAMES = (
    *("data/wanted", "data/lock", "data/heat.sqlite3", "data/heat.sqlite3-wal", "data/heat.sqlite3-shm"),
    *("data/.heat.sqlite3.new", "data/forgetting", "snapshots/latest.png", "runtime/lock", "runtime/status.json"),
)


@pytest.mark.usefixtures("desktop")
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("there", ["a file", "nothing"])
def test_no_link_is_followed_whatever_the_name(home: Home, name: str, there: str) -> None:
    victim = home.folder / "precious"
    if there == "a file":
        victim.write_bytes(b"tracking\n")
        victim.chmod(0o644)
    where, _, file = name.partition("/")
    folders = {"data": home.paths.data_dir, "snapshots": home.paths.snapshots, "runtime": home.paths.runtime_dir}
    for folder in folders.values():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    (folders[where] / file).symlink_to(victim)
    daemon = home.start()
    try:
        wait_until(lambda: daemon.has_ended() or " tracking" in daemon.log or " paused" in daemon.log, "it is started")
        wait_until(
            lambda: daemon.has_ended() or home.status().get("state", "starting") != "starting", "it reports its state"
        )
        if not daemon.has_ended():
            assert (home.status()["state"] == "paused") == (file == "wanted")  # what is not ours says nothing
            home.run_ok("pause")
            home.run_ok("resume")
            with Pointer() as pointer:
                pointer.move((10, 10), (50, 50))
            daemon.await_read()
            home.run("snapshot")
            home.run("forget", "--all", "--yes")
            daemon.stop()
    finally:
        daemon.kill()
    assert "Traceback" not in daemon.log
    assert victim.exists() == (there == "a file")
    if there == "a file":
        assert victim.read_bytes() == b"tracking\n"
        assert stat.S_IMODE(victim.stat().st_mode) == 0o644


@pytest.mark.parametrize("command", ["export out.csv", "render out.png", "timelapse out.gif", "timelapse out.mp4"])
def test_what_is_written_elsewhere_takes_the_place_of_a_link(home: Home, command: str) -> None:
    counts = home.folder / "counts.json"
    counts.write_text('{"1,1": 5}')
    home.run_ok("import", counts, "--size", "64x48")
    victim = home.folder / "precious"
    victim.write_bytes(b"mine")
    out = home.folder / command.split()[1]
    out.symlink_to(victim)
    home.run_ok(*command.split())
    assert victim.read_bytes() == b"mine"
    assert not out.is_symlink()
    assert stat.S_IMODE(out.stat().st_mode) == 0o600


@only_root
@pytest.mark.usefixtures("desktop")
@pytest.mark.parametrize("which", ["data", "runtime"])
def test_a_folder_of_someone_else_is_refused(home: Home, which: str) -> None:
    folder = {"data": home.paths.data_dir, "runtime": home.paths.runtime_dir}[which]
    folder.mkdir(parents=True)
    os.chown(folder, 12345, 12345)
    daemon = home.start()
    assert daemon.ends() == 77
    assert "12345" in daemon.log
    assert "Traceback" not in daemon.log
    assert [*folder.iterdir()] == []


# Network and keyboard -----------------------------------------------------------------------------------


@pytest.mark.usefixtures("desktop")
def test_over_a_whole_life_no_socket_is_opened_but_to_this_machine(home: Home) -> None:
    trace = home.folder / "trace"
    # -D: strace is its child, so that the pid we know is the daemon's. -f: the snapshot worker too.
    daemon = home.start(under=["strace", "-D", "-f", "-qq", "-s", "200", "-e", "trace=%network", "-o", str(trace)])
    try:
        daemon.await_state("tracking")
        with Pointer() as pointer:
            pointer.move((10, 10), (500, 500))
            pointer.click(LEFT)
            daemon.await_read()
            for word in (["snapshot"], ["pause"], ["resume"], ["forget", "--all", "--yes"]):
                home.run_ok(*word)
            daemon.stop(draw=True)
    finally:
        daemon.kill()
    opened = [line for line in trace.read_text().splitlines() if re.search(r"\bsocket(pair)?\(|\bconnect\(", line)]
    assert any("X11-unix" in line for line in opened), "the display was not seen to be opened"
    strange = [line for line in opened if not re.search(r"(socket|socketpair)\(AF_UNIX|sa_family=AF_UNIX", line)]
    assert strange == []
    assert "AF_INET" not in trace.read_text()


@pytest.mark.usefixtures("desktop")
def test_keys_are_no_events_of_ours(home: Home) -> None:
    home.configure("checkpoint_interval_s = 1")
    with home.running() as daemon, Pointer() as pointer:
        pointer.move((10, 10))
        for key in range(10, 60):
            pointer.press_key(key)
        pointer.move((20, 20))
        # What came first is counted first: with the second move, the keys would be.
        assert daemon.await_status(lambda status: status["events"] >= 2, "both moves are counted")["events"] == 2
        daemon.stop()
    assert {layer for layer in LAYERS if home.cells(layer)} == {"dwell", "travel"}
