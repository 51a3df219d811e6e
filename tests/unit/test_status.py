"""What the daemon reports about itself, and to whom."""

import json
import logging
import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.parts import HandClock, paths_in

from mousetrackd.core.layout import Layout
from mousetrackd.core.monitors import Monitor, Placement
from mousetrackd.daemon.lock import InstanceLock
from mousetrackd.daemon.status import Status
from mousetrackd.system.paths import Paths


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return paths_in(tmp_path)


@pytest.fixture
def lock(paths: Paths) -> Iterator[InstanceLock]:
    lock = InstanceLock(paths)
    lock.acquire()
    yield lock
    lock.release()


@pytest.fixture
def clock() -> HandClock:
    return HandClock(1_800_000_000)


@pytest.fixture
def status(paths: Paths, clock: HandClock, lock: InstanceLock) -> Status:
    return Status(paths, clock.clocks, lock)


def written(paths: Paths) -> dict[str, Any]:
    found = json.loads(paths.status.read_text())
    assert isinstance(found, dict)
    return found


def test_a_new_state_is_logged_once_and_has_a_time(
    status: Status, clock: HandClock, paths: Paths, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    status.enter("tracking", "fed")
    clock.advance(60)
    status.enter("tracking", "fed")
    assert written(paths)["since"] != written(paths)["written"]
    status.enter("waiting", "no display")
    assert written(paths)["since"] == written(paths)["written"]
    assert written(paths)["state"] == "waiting"
    assert written(paths)["pid"] == os.getpid()
    assert [(record.levelname, record.message) for record in caplog.records] == [
        ("INFO", "tracking: fed"),
        ("WARNING", "waiting: no display"),
    ]


def test_a_problem_is_logged_once_changed_and_cleared(
    status: Status, paths: Paths, caplog: pytest.LogCaptureFixture
) -> None:
    status.set_problem("saving", "the disk is full")
    status.set_problem("saving", "the disk is\x1b[31m full")
    status.set_problem("source", "no display")
    status.publish()
    assert written(paths)["problems"] == ["the disk is\\x1b[31m full", "no display"]
    assert [record.message for record in caplog.records] == ["the disk is full", "no display"]
    caplog.set_level(logging.INFO)
    status.set_problem("saving", "")
    status.set_problem("saving", "")
    assert status.problem("saving") == ""
    assert [record.message for record in caplog.records][2:] == ["saving again"]


def test_a_note_is_logged_the_first_time_and_reported_as_long_as_it_holds(
    status: Status, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(2):
        assert status.set_notes(("not seen just now",))
        assert not status.set_notes(("not seen just now",))
        assert status.document()["notes"] == ["not seen just now"]
        assert status.set_notes(())
    assert [record.message for record in caplog.records] == ["not seen just now"]


@pytest.mark.parametrize("state", ["tracking", "paused", "waiting", "blind"])
def test_it_gives_way_only_where_it_waits_and_nothing_could_be_lost(status: Status, state: str) -> None:
    status.enter(state)
    assert status.gives_way == (state in ("waiting", "blind"))
    status.set_problem("saving", "the disk is full")
    assert not status.gives_way
    status.set_problem("saving", "")
    status.is_privacy_unsure = True
    assert not status.gives_way


def test_every_key_that_commands_and_scripts_read_is_there(paths: Paths, clock: HandClock, lock: InstanceLock) -> None:
    status = Status(paths, clock.clocks, lock, asides=lambda: ["set aside"], log_problem=lambda: "no log")
    status.layout = Layout([Placement(Monitor("S", 10, 20), 3, 4)])
    status.set_problem("source", "no display")
    status.publish()
    document = written(paths)
    assert set(document) == {
        *("state", "since", "pid", "version", "source", "display", "displays", "gives_way", "notes", "written"),
        *("events", "out_of_bounds", "monitors", "last_checkpoint", "last_snapshot", "snapshot_error", "looked_ns"),
        *("saved_ns", "snapshot_began_ns", "picture", "problems", "unsaved"),
    }
    assert document["monitors"] == [{"monitor": "S@10x20", "desktop_x": 3, "desktop_y": 4}]
    assert document["problems"] == ["no display", "no log", "set aside"]
    assert document["picture"] == str(paths.latest)


def test_nothing_is_written_while_the_lock_is_not_ours(status: Status, lock: InstanceLock, paths: Paths) -> None:
    lock.is_ours = False
    status.enter("tracking")
    status.end()
    assert status.state == "tracking"
    assert not paths.status.exists()


def test_a_runtime_folder_that_is_gone_is_made_again_and_locked(
    status: Status, paths: Paths, lock: InstanceLock
) -> None:
    shutil.rmtree(paths.runtime_dir)
    status.publish()
    assert written(paths)["state"] == "starting"
    assert paths.runtime_lock.exists()
    with pytest.raises(Exception, match="already runs"):
        InstanceLock(paths).acquire()
    lock.release()


def test_a_status_that_cannot_be_written_is_logged_and_no_failure(
    status: Status, paths: Paths, caplog: pytest.LogCaptureFixture
) -> None:
    paths.status.mkdir()
    status.publish()
    assert f"cannot write {paths.status}: " in caplog.text


def test_the_end_is_a_state_and_says_nothing_of_the_configuration(status: Status, paths: Paths) -> None:
    status.set_problem("configuration", "the old one stays")
    status.end()
    assert written(paths)["state"] == "stopped"
    assert written(paths)["problems"] == []


def test_systemd_is_sent_the_state_in_one_line(status: Status, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(10)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        status.enter("tracking")
        assert manager.recv(1000).decode() == f"STATUS=tracking since {status.since} (pid {os.getpid()})"
