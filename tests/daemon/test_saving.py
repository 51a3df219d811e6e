"""What is on disk, when, and what becomes of it when the disk or the store is bad."""

import contextlib
import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from support.older_store import make_older
from support.program import Home, Running, always, decodes, is_whole
from support.waiting import wait_until
from support.xserver import LEFT, Pointer

from mousetrackd.core.accumulator import Tally
from mousetrackd.core.counts import Counts
from mousetrackd.core.monitors import Monitor
from mousetrackd.core.series import Series
from mousetrackd.storage.schema import SCHEMA_VERSION
from mousetrackd.storage.store import Store

pytest_plugins = ("support.fixtures",)

EVERY_SECOND = "checkpoint_interval_s = 1\nsnapshot_interval_s = 1\n"


def click_at(x: int, y: int) -> None:
    with Pointer() as pointer:
        pointer.move((x, y))
        pointer.click(LEFT)
        pointer.position()


def has_read(daemon: Running, events: int) -> None:
    daemon.await_status(lambda status: status["events"] >= events, f"{events} events are counted")


@pytest.mark.usefixtures("desktop")
def test_a_timed_checkpoint_saves_without_being_asked(home: Home) -> None:
    home.configure("checkpoint_interval_s = 1\nsnapshot_interval_s = 3600\n")
    with home.running() as daemon:
        click_at(100, 100)
        has_read(daemon, 2)
        daemon.kill()
    assert home.cells("clicks.left") == {(100, 100): 1}


@pytest.mark.usefixtures("desktop")
def test_timed_pictures_appear_when_something_changed_and_only_then(home: Home) -> None:
    home.configure(EVERY_SECOND)
    with home.running() as daemon:
        click_at(100, 100)
        wait_until(lambda: len(home.dated_pictures()) == 1, "the first picture is drawn", timeout_s=20)
        daemon.await_status(lambda status: status["last_snapshot"] is not None, "the picture is reported")
        latest = home.paths.latest.read_bytes()
        assert latest == home.dated_pictures()[0].read_bytes()
        # Three intervals of both kinds.
        before = home.status()
        always(lambda: len(home.dated_pictures()) == 1, "there is one picture", for_s=3)
        assert {**home.status(), "written": before["written"]} == before  # a roll-up may end after the picture
        assert home.paths.latest.read_bytes() == latest

        click_at(1700, 900)
        wait_until(lambda: len(home.dated_pictures()) == 2, "the second picture is drawn", timeout_s=20)
        wait_until(lambda: home.paths.latest.read_bytes() != latest, "it is the latest")
        assert home.run_ok("latest") == f"{home.paths.latest}\n"


@pytest.mark.usefixtures("desktop")
def test_latest_is_a_whole_picture_at_every_moment(home: Home) -> None:
    seen: dict[bytes, bool] = {}
    enough = threading.Event()

    def look() -> None:
        while not enough.wait(0.001):
            content = home.paths.latest.read_bytes()
            if content not in seen:
                seen[content] = is_whole(content)

    with home.running() as daemon, Pointer() as pointer:
        click_at(100, 100)
        home.run_ok("snapshot")
        watcher = threading.Thread(target=look)
        watcher.start()
        try:
            for number in range(4):
                pointer.move((200 + number, 200))
                home.run_ok("snapshot")
        finally:
            enough.set()
            watcher.join()
        assert not daemon.has_ended()
    assert len(seen) >= 3, "the watcher saw pictures being replaced"
    assert all(seen.values())


@pytest.mark.usefixtures("desktop")
@pytest.mark.parametrize("damage", ["zeroed page", "not a database", "empty", "half of it", "impossible row"])
def test_a_damaged_store_is_set_aside_and_counting_goes_on(home: Home, damage: str) -> None:
    with home.running() as daemon:
        click_at(100, 100)
        daemon.stop()
    content = home.paths.store.read_bytes()
    home.paths.store.write_bytes(
        {
            # Page 2 is the first table's root.
            "zeroed page": content[:4096] + bytes(4096) + content[8192:],
            "not a database": b"This is a diary." * 300,
            "empty": b"",
            "half of it": content[: len(content) // 2],
            "impossible row": content,
        }[damage]
    )
    if damage == "impossible row":
        change(home.paths.store, "UPDATE monitor SET width_px = 0")
    damaged = home.paths.store.read_bytes()
    if damage == "zeroed page":  # which is looked for only after an unclean end
        home.paths.store.with_name(home.paths.store.name + "-wal").write_bytes(b"x")
    with home.running() as daemon:
        (aside,) = home.paths.data_dir.glob("heat.damaged-*.sqlite3")
        assert aside.read_bytes() == damaged
        (problem,) = home.status()["problems"]
        assert str(aside) in problem
        assert aside.name in daemon.log
        assert "of its pieces could be read" in problem
        assert "of its pieces could be read" in daemon.log
        assert str(aside) in home.run_ok("status")
        click_at(200, 200)
        daemon.stop()
    counted = sum(home.screens("clicks.left").values(), Counter())
    # Where the counts are is not where the damage is.
    kept = damage in ("zeroed page", "half of it", "impossible row")
    assert counted == Counter({(200, 200): 1, **({(100, 100): 1} if kept else {})})


def change(store: Path, statement: str) -> None:
    with contextlib.closing(sqlite3.connect(store, isolation_level=None)) as connection:
        connection.execute(statement)


@pytest.mark.usefixtures("desktop")
def test_a_row_that_cannot_be_is_met_by_a_picture_while_it_runs_and_what_is_good_is_kept(home: Home) -> None:
    with home.running() as daemon:
        click_at(100, 100)
        home.run_ok("snapshot")
        change(home.paths.store, "UPDATE monitor SET height_px = 70000")
        result = home.run_process("snapshot")
        assert result.code == 1
        assert "is damaged" in result.err
        wait_until(lambda: "was set aside" in str(home.status()["problems"]), "it is reported")
        home.run_ok("snapshot")
        click_at(200, 200)
        daemon.stop()
    assert sum(home.screens("clicks.left").values(), Counter()) == Counter({(100, 100): 1, (200, 200): 1})


@pytest.mark.usefixtures("desktop")
def test_of_a_damaged_store_what_is_readable_is_drawn(home: Home) -> None:
    with home.running() as daemon:
        click_at(100, 100)
        daemon.stop()
    content = home.paths.store.read_bytes()
    home.paths.store.write_bytes(content[:4096] + bytes(4096) + content[8192:])
    before = home.paths.store.read_bytes()
    result = home.run("render", "left.png", "--layer", "clicks.left")
    assert result.code == 0, result
    assert "is damaged" in result.err
    assert "0 are lost" in result.err
    assert decodes(home.folder / "left.png")
    assert home.paths.store.read_bytes() == before
    home.paths.store.write_bytes(b"")
    result = home.run("export", "left.csv", "--layer", "clicks.left")
    assert (result.code, result.err.count("\n")) == (0, 1)


@pytest.mark.parametrize("met_by", ["a roll-up", "a picture"])
def test_damage_that_is_met_while_it_runs_is_rescued_at_once(home: Home, met_by: str) -> None:
    home.paths.data_dir.mkdir(parents=True, mode=0o700)
    screen = Monitor("S", 400, 300)
    rng = np.random.default_rng(1)
    # What is of this hour is not rolled up, and only a roll-up or a picture follows a chunk through all its pages.
    begin_s = int(time.time()) - (0 if met_by == "a picture" else 86_400)
    with Store.open(home.paths.store) as store:
        for _ in range(30):
            counts = Counts.from_pixels(400, 300, rng.integers(0, 120_000, 40_000))
            store.commit(Tally({Series(screen, "dwell"): counts}), begin_s, begin_s + 1)
    content = home.paths.store.read_bytes()
    # A page of a long chunk that says where the next one is (fileformat2.html, 1.6): its number is one higher.
    page = next(
        p for p in range(4096 * 9, len(content), 4096) if content[p : p + 4] == (p // 4096 + 2).to_bytes(4, "big")
    )
    home.paths.store.write_bytes(content[:page] + bytes(4096) + content[page + 4096 :])
    with home.running(state="waiting") as daemon:  # it had ended well, so nobody looked
        result = home.run("snapshot")
        # The roll-up is another process: whether it or the picture meets the damage first is open.
        assert result.code == 1 or met_by == "a roll-up"
        wait_until(lambda: "was set aside" in str(home.status()["problems"]), "it is reported")
        (problem,) = [one for one in home.status()["problems"] if "was set aside" in one]
        assert "29 of its pieces could be read and are kept, 1 are lost" in problem
        assert "could not roll up" not in str(home.status()["problems"])  # which was of the store set aside
        home.run_ok("snapshot")
        daemon.stop()
    assert sum(home.cells("dwell").values()) == 29 * 40_000


def test_a_store_of_a_newer_mousetrackd_is_refused_and_left_as_it_is(home: Home) -> None:
    with home.running(state="waiting") as daemon:
        daemon.stop()
    with sqlite3.connect(home.paths.store) as sql:
        sql.execute("PRAGMA user_version = 99")
    sql.close()
    before = home.store_bytes()
    daemon = home.start()
    assert daemon.ends() == 77
    assert "is from a newer mousetrackd (schema 99" in daemon.log
    assert "Traceback" not in daemon.log
    result = home.run("import", _one_count(home.folder), "--size", "10x10")
    assert result.code == 77
    assert "is from a newer mousetrackd" in result.err
    assert home.store_bytes() == before


def test_a_database_of_another_program_is_refused_and_left_as_it_is(home: Home) -> None:
    home.paths.data_dir.mkdir(parents=True, mode=0o700)
    with sqlite3.connect(home.paths.store) as sql:
        sql.execute("CREATE TABLE diary (entry TEXT)")
    sql.close()
    before = home.store_bytes()
    daemon = home.start()
    assert daemon.ends() == 77
    assert "is a database of another program" in daemon.log
    assert home.store_bytes() == before


@pytest.mark.usefixtures("desktop")
def test_while_the_disk_is_full_it_says_so_once_and_nothing_is_lost(home: Home) -> None:
    home.configure("checkpoint_interval_s = 1\nsnapshot_interval_s = 3600\n")
    with home.running() as daemon:
        click_at(100, 100)
        daemon.await_status(lambda status: status["last_snapshot"] is not None, "the first picture is drawn")
        # No file may grow beyond this: as on a full disk, the store cannot, and the small status can.
        _, hard = resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE, (8192, hard))
        for number in range(3):
            click_at(200 + number, 200)
            has_read(daemon, 4 + 2 * number)
        daemon.await_status(
            lambda status: any("not saving" in p for p in status["problems"]), "the problem is reported"
        )
        assert home.cells("clicks.left") == {(100, 100): 1}
        resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE, (hard, hard))
        daemon.await_status(lambda status: status["problems"] == [], "the problem is gone")
        daemon.kill()
        assert daemon.log.count("not saving since") == 1
        assert daemon.log.count("saving again") == 1
    assert home.cells("clicks.left") == Counter({(100, 100): 1, (200, 200): 1, (201, 200): 1, (202, 200): 1})


def make_old(path: Path) -> None:
    """A store of schema 1, of about a megabyte, with one press at 10, 20."""
    path.parent.mkdir(parents=True, mode=0o700)
    screen = Monitor("S", 400, 300)
    rng = np.random.default_rng(2)
    newer = path.with_name("newer.sqlite3")
    with Store.open(newer) as store:
        press = Counts.from_pixels(400, 300, np.array([20 * 400 + 10]))
        store.commit(Tally({Series(screen, "clicks.left"): press}), 1_600_000_000, 1_600_000_060)
        for _ in range(30):
            dwell = Counts.from_pixels(400, 300, rng.integers(0, 120_000, 40_000))
            store.commit(Tally({Series(screen, "dwell"): dwell}), 1_600_000_000, 1_600_000_060)
    make_older(newer, path, 1)
    newer.unlink()


def schema_of(path: Path) -> int:
    with contextlib.closing(sqlite3.connect(path)) as sql:
        return int(sql.execute("PRAGMA user_version").fetchone()[0])


@pytest.fixture
def small_disk(home: Home) -> Iterator[Path]:
    """The data folder is a disk of 4 MB."""
    home.paths.data_dir.mkdir(parents=True, mode=0o700)
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m,mode=700", "tmpfs", str(home.paths.data_dir)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("nothing can be mounted here")
    yield home.paths.data_dir
    subprocess.run(["umount", "-l", home.paths.data_dir], check=True)


@pytest.mark.usefixtures("desktop")
def test_an_older_store_without_space_for_its_copy_waits_and_what_is_counted_is_not_lost(
    home: Home, small_disk: Path
) -> None:
    home.configure("checkpoint_interval_s = 1\nsnapshot_interval_s = 3600\n")
    make_old(small_disk / "made" / "heat.sqlite3")
    shutil.move(small_disk / "made" / "heat.sqlite3", home.paths.store)
    shutil.rmtree(small_disk / "made")
    old, filler = home.paths.store.read_bytes(), small_disk / "filler"
    disk = os.statvfs(small_disk)
    filler.write_bytes(bytes(disk.f_bavail * disk.f_frsize - len(old) // 2))
    with home.running() as daemon:
        (problem,) = home.status()["problems"]
        assert problem.startswith("not saving since ")
        assert problem.endswith(f"It takes {len(old) / 1e6:.1f} MB: free some space.")
        click_at(100, 100)
        has_read(daemon, 2)
        daemon.send(signal.SIGALRM)  # which saves
        daemon.await_status(lambda status: status["last_snapshot"] is not None, "it is drawn, from what there is")
        assert home.paths.store.read_bytes() == old
        assert not [*small_disk.glob("*schema*"), *small_disk.glob(".heat*")]
        filler.unlink()
        daemon.await_status(lambda status: status["problems"] == [], "the problem is gone")
        daemon.kill()
        assert daemon.log.count("not saving since") == 1
        assert daemon.log.count("saving again") == 1
    assert sum(home.screens("clicks.left").values(), Counter()) == {(10, 20): 1, (100, 100): 1}
    assert schema_of(home.paths.store) == SCHEMA_VERSION
    assert schema_of(small_disk / "heat.schema-1.sqlite3") == 1


def test_an_older_store_that_cannot_be_copied_waits_though_nothing_moves(home: Home) -> None:
    home.configure("checkpoint_interval_s = 1")
    make_old(home.paths.store)
    old = home.paths.store.read_bytes()
    with home.running(state="waiting", under=["prlimit", "--fsize=65536:"]) as daemon:
        assert any("not saving since" in problem for problem in home.status()["problems"])
        assert home.paths.store.read_bytes() == old
        assert not [*home.paths.data_dir.glob("*schema*"), *home.paths.data_dir.glob(".heat*")]
        _, hard = resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE, (hard, hard))
        daemon.await_status(lambda status: "not saving" not in str(status["problems"]), "the problem is gone")
        assert home.status()["last_checkpoint"] is None  # there was nothing to save
        daemon.stop()
    assert schema_of(home.paths.store) == SCHEMA_VERSION
    assert home.cells("clicks.left") == {(10, 20): 1}


@pytest.mark.usefixtures("desktop")
def test_a_picture_that_cannot_be_written_is_reported_and_counting_goes_on(home: Home) -> None:
    with home.running() as daemon:
        click_at(100, 100)
        home.paths.snapshots.write_bytes(b"in the way")
        result = home.run("snapshot")
        assert result.code == 1
        assert "snapshots is not a folder" in result.err
        assert "Traceback" not in result.err
        assert any("no new picture" in problem for problem in home.status()["problems"])
        home.paths.snapshots.unlink()
        home.run_ok("snapshot")
        assert home.status()["problems"] == []
        daemon.stop()
    assert home.cells("clicks.left") == {(100, 100): 1}


def test_modules_that_lie_around_are_not_run_in_its_children(home: Home) -> None:
    polluted = home.folder / "polluted"
    polluted.mkdir()
    for folder in (home.folder, polluted):  # the current directory of a daemon started by python -m
        for name in ("cv2", "PIL", "isal"):  # which only children import
            (folder / f"{name}.py").write_text(f"open({str(home.folder / 'trace')!r}, 'w')")
    home.variables["PYTHONPATH"] = str(polluted)
    with home.running(state="waiting"):
        assert home.run_ok("snapshot") == f"{home.paths.latest}\n"
    assert decodes(home.paths.latest)
    assert not (home.folder / "trace").exists()


@pytest.mark.usefixtures("desktop")
def test_a_timed_picture_that_could_not_be_written_is_tried_again_though_nothing_moves(home: Home) -> None:
    home.configure(EVERY_SECOND)
    home.paths.snapshots.parent.mkdir(parents=True, mode=0o700)
    home.paths.snapshots.write_bytes(b"in the way")
    with home.running() as daemon:
        click_at(100, 100)
        daemon.await_status(
            lambda status: any("no new picture" in p for p in status["problems"]), "the problem is reported"
        )
        home.paths.snapshots.unlink()
        daemon.await_status(lambda status: status["problems"] == [], "the problem is gone")
        assert decodes(home.paths.latest)


@pytest.mark.usefixtures("desktop")
def test_old_pictures_are_dropped_and_the_newest_kept(home: Home) -> None:
    home.configure("[snapshot]\nkeep_count = 2\n")
    with home.running(), Pointer() as pointer:
        for number in range(4):
            pointer.move((100 + number, 100))
            home.run_ok("snapshot")
    assert len(home.dated_pictures()) == 2
    assert decodes(home.paths.latest)


@pytest.mark.usefixtures("desktop")
def test_a_store_deleted_while_it_runs_is_no_crash(home: Home) -> None:
    with home.running() as daemon:
        click_at(100, 100)
        home.run_ok("snapshot")
        shutil.rmtree(home.paths.data_dir)
        click_at(200, 200)
        daemon.await_read()
        home.run("snapshot")
        assert home.status()["problems"] != []
        daemon.stop()


@pytest.mark.usefixtures("desktop")
def test_where_the_store_is_taken_away_counting_goes_on_in_a_new_one(home: Home) -> None:
    with home.running() as daemon:
        click_at(100, 100)
        home.run_ok("snapshot")
        for file in home.paths.data_dir.glob("heat.sqlite3*"):
            file.unlink()
        click_at(200, 200)
        daemon.await_read()
        home.run_ok("snapshot")
        problems = home.status()["problems"]
        assert any("was taken away" in problem for problem in problems), (problems, daemon.log)
        daemon.stop()
    assert home.cells("clicks.left") == {(200, 200): 1}


def _one_count(folder: Path) -> Path:
    file = folder / "one.json"
    file.write_text('{"1,1": 1}')
    return file
