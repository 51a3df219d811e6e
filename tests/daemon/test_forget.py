"""``mousetrackd forget`` as it is used: beside a daemon, on a terminal, and ended half-way."""

import contextlib
import json
import os
import pty
import shutil
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.program import Home, Running
from support.waiting import wait_until
from support.xserver import LEFT, Pointer

from mousetrackd.core.accumulator import Tally
from mousetrackd.core.counts import Counts
from mousetrackd.core.monitors import Monitor
from mousetrackd.core.series import Series
from mousetrackd.storage.elsewhere import LOOKED_AT
from mousetrackd.storage.store import Store
from mousetrackd.storage.tiers import RollupAges
from mousetrackd.system.files import folder_held

pytest_plugins = ("support.fixtures",)

SCREEN = Monitor("DP-1", 64, 48)
LONG_AGO_S = int(datetime(2024, 5, 14, 12, tzinfo=UTC).timestamp())


def click(daemon: Running, x: int, y: int) -> None:
    with Pointer() as pointer:
        pointer.move((x, y))
        pointer.click(LEFT)
        pointer.position()
    daemon.await_read()


def put_counts(home: Home, pixel: int, at_s: int = LONG_AGO_S) -> None:
    home.paths.data_dir.mkdir(parents=True, exist_ok=True)
    with Store.open(home.paths.store) as store:
        counts = Counts.from_pixels(64, 48, np.array([pixel]))
        store.commit(Tally({Series(SCREEN, "clicks.left"): counts}), at_s, at_s + 60)


def pixels_in_store(home: Home) -> set[int]:
    """Every pixel with a left click; and the store is whole."""
    with Store.open(home.paths.store) as store:
        assert store.check() == []
        reading = store.read(("clicks.left",))
    return {int(pixel) for counts in reading.counts.values() for pixel in counts.index}


def has_open(pid: int, path: Path) -> bool:
    with contextlib.suppress(FileNotFoundError):  # closed while we look
        return any(one.readlink() == path for one in Path(f"/proc/{pid}/fd").iterdir())
    return False


@pytest.mark.usefixtures("desktop")
def test_a_running_daemon_writes_nothing_back_and_draws_again(home: Home) -> None:
    with home.running() as daemon:
        click(daemon, 100, 100)
        home.run_ok("snapshot")
        old = home.paths.latest.read_bytes()
        click(daemon, 200, 200)  # not saved yet
        asked = datetime.now(UTC).replace(microsecond=0)
        result = home.run_ok("forget", "--last", "10m", "--yes")
        assert "Forgotten" in result
        assert str(home.paths.latest) in result
        assert home.paths.latest.read_bytes() != old
        with Image.open(home.paths.latest) as picture:
            since = json.loads(picture.info["mousetrackd"])["since"]
        assert since is None or datetime.fromisoformat(since) >= asked  # where the pointer rests now
        assert [path.read_bytes() for path in home.dated_pictures()] == [home.paths.latest.read_bytes()]
        click(daemon, 300, 300)
        daemon.stop()
    assert home.cells("clicks.left") == {(300, 300): 1}
    assert (100, 100) not in home.cells("dwell")
    assert (200, 200) not in home.cells("travel")


@pytest.mark.usefixtures("desktop")
def test_while_paused_it_is_forgotten_just_as_well(home: Home) -> None:
    with home.running() as daemon:
        click(daemon, 100, 100)
        home.run_ok("pause")
        home.run_ok("forget", "--all", "--yes")
        assert home.status()["state"] == "paused"
        home.run_ok("resume")
        click(daemon, 300, 300)
        daemon.stop()
    assert home.cells("clicks.left") == {(300, 300): 1}


@pytest.mark.usefixtures("desktop")
def test_what_the_daemon_cannot_save_it_would_save_later_so_nothing_is_forgotten(home: Home) -> None:
    with home.running() as daemon:
        click(daemon, 100, 100)
        home.run_ok("snapshot")
        click(daemon, 200, 200)
        # A store of a newer version in its place: it cannot be saved into.
        newer = home.folder / "newer.sqlite3"
        shutil.copy(home.paths.store, newer)
        content = bytearray(newer.read_bytes())
        content[60:64] = (99).to_bytes(4, "big")
        newer.write_bytes(content)
        real = home.folder / "real.sqlite3"
        for ending in ("-wal", "-shm", ""):
            old = home.paths.store.with_name(home.paths.store.name + ending)
            if old.exists():
                old.rename(real.with_name(real.name + ending))
        newer.rename(home.paths.store)
        result = home.run("forget", "--all", "--yes")
        assert result.code == 1
        assert "nothing was forgotten" in result.err
        assert len(result.err_lines) == 2
        assert home.paths.latest.exists()
        daemon.kill()


def test_the_copy_goes_that_a_killed_look_at_a_damaged_store_left(home: Home) -> None:
    put_counts(home, 5)
    content = home.paths.store.read_bytes()
    home.paths.store.write_bytes(content[:4096] + bytes(4096) + content[8192:])
    temporary = home.folder / "tmp"
    theirs = temporary / "mousetrackd-of-the-user"
    theirs.mkdir(parents=True)
    home.variables["TMPDIR"] = str(temporary)

    def leaves_a_copy_when_killed() -> bool:
        """False where it had ended before it was seen to look."""
        command = [sys.executable, "-m", "mousetrackd", "render", "x.png"]
        with subprocess.Popen(command, env=home.environment()) as looking:
            # Python tries the folder with a file of its own first, which a kill may leave too.
            wait_until(lambda: looking.poll() is not None or [*temporary.glob(f"{LOOKED_AT}*/*")], "it looks")
            looking.kill()
        return len([*temporary.glob(f"{LOOKED_AT}*")]) == 1

    wait_until(leaves_a_copy_when_killed, "a copy is left by a look that was killed")
    home.run_ok("forget", "--all", "--yes")
    assert [*temporary.glob("mousetrackd-*")] == [theirs]


def test_without_a_terminal_it_needs_yes(home: Home) -> None:
    put_counts(home, 5)
    before = home.store_bytes()
    result = home.run("forget", "--all")
    assert result.code == 2
    assert "--yes" in result.err
    assert home.store_bytes() == before
    home.paths.reserve.touch()
    assert "1 piece" in home.run_ok("forget", "--all", "--yes")
    assert not home.paths.reserve.exists()
    assert "Nothing matched, so nothing was forgotten." in home.run_ok("forget", "--all", "--yes")


@pytest.mark.parametrize(("answer", "code", "left"), [(b"n\n", 1, {5}), (b"\n", 1, {5}), (b"y\n", 0, set())])
def test_on_a_terminal_it_asks_first_and_says_what_goes(home: Home, answer: bytes, code: int, left: set[int]) -> None:
    put_counts(home, 5)
    ours, theirs = pty.openpty()
    try:
        os.write(ours, answer)
        done = subprocess.run(
            [sys.executable, "-m", "mousetrackd", "forget", "--monitor", "DP-1"],
            env=home.environment(),
            stdin=theirs,
            capture_output=True,
            timeout=30,
            check=False,
        )
    finally:
        os.close(ours)
        os.close(theirs)
    assert b"1 piece of the counts" in done.stdout
    assert done.returncode == code
    assert pixels_in_store(home) == left


def test_what_was_rolled_up_since_the_question_is_asked_about_again(home: Home) -> None:
    """The half hour that was told of has become a part of its hour."""
    for minute in (0, 20):
        put_counts(home, minute, LONG_AGO_S + minute * 60)
    until = datetime.fromtimestamp(LONG_AGO_S + 60, UTC).isoformat()
    ours, theirs = pty.openpty()
    result = home.folder / "said"
    questions = ["from 2024-05-14 12:00 to 2024-05-14 12:01", "from 2024-05-14 12:00 to 2024-05-14 13:00"]
    with result.open("wb") as file:
        asking = subprocess.Popen(
            [sys.executable, "-m", "mousetrackd", "forget", "--until", until],
            env={**home.environment(), "TZ": "UTC"},
            stdin=theirs,
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_until(lambda: questions[0] in result.read_text(), "it asks", timeout_s=30)
        with Store.open(home.paths.store, zone=UTC) as store:
            store.roll_up(LONG_AGO_S + 7200, RollupAges())
        os.write(ours, b"y\n")
        wait_until(lambda: questions[1] in result.read_text(), "it asks again", timeout_s=30)
        assert pixels_in_store(home) == {0, 20}
        os.write(ours, b"y\n")
        assert asking.wait(30) == 0
    finally:
        asking.kill()
        asking.wait()
        os.close(ours)
        os.close(theirs)
    assert result.read_text().count("This will be deleted permanently") == 2
    assert pixels_in_store(home) == set()


@pytest.mark.parametrize(
    ("words", "fragment"),
    [
        ([], "nothing was selected to forget"),
        (["--all", "--last", "1h"], "--all cannot be used with"),
        (["--last", "1h", "--since", "today"], "--last cannot be used with --since or --until"),
        (["--last", "soon"], "no step of time"),
        (["--since", "whenever"], "cannot understand the time"),
        (["--monitor", "DP-9"], "DP-1@64x48"),
        (["--application", "DP-9"], "There are none; [applications] enabled = true"),
        (["--application", "x", "--all"], "--all cannot be used with"),
    ],
    ids=str,
)
def test_what_cannot_be_meant_forgets_nothing(home: Home, words: list[str], fragment: str) -> None:
    put_counts(home, 5)
    before = home.store_bytes()
    result = home.run("forget", *words, "--yes")
    assert (result.code, len(result.err_lines)) == (2, 2)
    assert fragment in result.err
    assert home.store_bytes() == before


def test_a_picture_being_drawn_is_waited_for(home: Home) -> None:
    put_counts(home, 5)
    home.paths.snapshots.mkdir()
    process = None
    try:
        with folder_held(home.paths.snapshots, alone=False):
            process = subprocess.Popen(
                [sys.executable, "-m", "mousetrackd", "forget", "--all", "--yes"], env=home.environment()
            )
            pid = process.pid
            wait_until(lambda: has_open(pid, home.paths.snapshots), "it waits for the folder")
            assert pixels_in_store(home) == {5}
            home.paths.latest.write_bytes(b"a picture of what is to go")
        assert process.wait(30) == 0
    finally:
        if process is not None:
            process.kill()
            process.wait()
    assert not home.paths.latest.exists()


WRITES = "pwrite64,fsync,fdatasync,unlink,ftruncate,rename"


def run_until(home: Home, call: int, *words: str) -> None:
    """Run a command, and kill it at this one of its calls that write."""
    traced = [*("strace", "-f", "-qq", "-o", os.devnull, "-e", f"trace={WRITES}")]
    inject = ["-e", f"inject={WRITES}:signal=KILL:when={call}"]
    killed = subprocess.run(
        [*traced, *inject, sys.executable, "-m", "mousetrackd", *words],
        env=home.environment(),
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert killed.returncode in (-signal.SIGKILL, 128 + signal.SIGKILL, 0), killed


@pytest.mark.parametrize("call", [1, 2, 3, 4, 6, 8, 11, 14, 17, 20, 23, 26])
def test_killed_half_way_all_of_it_is_there_or_none_and_doing_it_again_ends_it(home: Home, call: int) -> None:
    put_counts(home, 5, LONG_AGO_S)
    put_counts(home, 6, LONG_AGO_S + 7 * 86400)
    words = ["forget", "--since", "2024-05-20", "--yes"]
    run_until(home, call, *words)
    assert pixels_in_store(home) in ({5, 6}, {5})
    noted = home.paths.forgetting.exists()
    result = home.run(*words)
    assert result.code == 0, result
    if noted:
        assert "2024-05-20" in result.err or not home.paths.forgetting.exists()
    assert pixels_in_store(home) == {5}
    assert not home.paths.forgetting.exists()


@pytest.mark.parametrize("call", [2, 5, 8, 11, 14, 17, 20, 23])
def test_killed_half_way_an_application_is_in_itself_and_in_the_totals_or_in_neither(home: Home, call: int) -> None:
    home.paths.data_dir.mkdir(parents=True)
    of_it, others = (Counts.from_pixels(64, 48, np.array([pixel])) for pixel in (5, 6))
    counts = {"": Counts.merge([of_it, others]), "secret": of_it, "other": others}
    with Store.open(home.paths.store) as store:
        tally = Tally({Series(SCREEN, "clicks.left", name): count for name, count in counts.items()})
        store.commit(tally, LONG_AGO_S, LONG_AGO_S + 60)
    words = ["forget", "--application", "secret", "--yes"]
    run_until(home, call, *words)
    with Store.open(home.paths.store) as store:
        is_there = "secret" in store.applications()
    assert pixels_in_store(home) == ({5, 6} if is_there else {6})
    if is_there or home.paths.forgetting.exists():  # else it was done
        home.run_ok(*words)
    assert pixels_in_store(home) == {6}
    assert b"secret" not in home.paths.store.read_bytes()
    assert not home.paths.forgetting.exists()


@pytest.mark.usefixtures("desktop")
def test_a_daemon_reports_what_was_only_half_forgotten(home: Home) -> None:
    home.paths.data_dir.mkdir(parents=True)
    home.paths.forgetting.write_text("--last 10m\n")
    with home.running():
        (problem,) = home.status()["problems"]
        assert "mousetrackd forget --last 10m" in problem
