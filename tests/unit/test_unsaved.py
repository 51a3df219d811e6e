"""Side files: what could not be stored, kept whole, and taken in exactly once."""

import base64
import contextlib
import errno
import json
import os
import sqlite3
import stat
import zlib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mousetrackd.core.accumulator import Tally
from mousetrackd.core.counts import Counts
from mousetrackd.core.layout import Layout
from mousetrackd.core.monitors import Monitor, Placement
from mousetrackd.core.series import Series
from mousetrackd.storage import reserve, unsaved
from mousetrackd.storage.batch import Batch, decode, encode
from mousetrackd.storage.recovery import rescue
from mousetrackd.storage.store import Store
from mousetrackd.storage.unsaved import TakenIn
from mousetrackd.system.files import write_whole
from mousetrackd.system.paths import Paths

SCREEN = Monitor("DP-1", 40, 30, "1a2b3c4d")


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    found = Paths(*(tmp_path / name for name in ("config", "data", "run", "state")))
    found.data_dir.mkdir(mode=0o700)
    return found


def batch(*pixels: int) -> Batch:
    counts = Counts.from_pixels(40, 30, np.array(pixels))
    layout = Layout([Placement(SCREEN, -5, 7, 520, 290)])
    return Batch.of(
        Tally({Series(SCREEN, "clicks.left"): counts}, {SCREEN: 12.5}), 1_700_000_000, 1_700_000_060, layout
    )


def presses(paths: Paths) -> list[int]:
    with Store.open(paths.store, zone=UTC) as store:
        read = store.read(["clicks.left"]).counts.get(Series(SCREEN, "clicks.left"), Counts.empty(40, 30))
    return np.repeat(read.index, read.count).tolist()


def taken_in(paths: Paths) -> TakenIn:
    with Store.open(paths.store, zone=UTC) as store:
        return unsaved.take_in(paths, store)


def test_a_side_file_holds_all_of_a_batch_and_is_private(paths: Paths) -> None:
    kept = batch(1, 1, 5)
    path = unsaved.write(paths, paths.state_dir, kept)
    assert decode(path.read_bytes()) == kept
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert unsaved.files(paths) == [path]


def test_on_a_full_disk_one_in_the_data_folder_takes_the_place_of_the_reserve(paths: Paths) -> None:
    reserve.make(paths.reserve)

    def write_if_there_is_space(path: Path, content: bytes) -> None:
        if paths.reserve.exists():
            raise OSError(errno.ENOSPC, "No space left on device")
        write_whole(path, content)

    paths.state_dir.mkdir(mode=0o700)
    with pytest.raises(OSError, match="No space"):  # that may be another disk
        unsaved.write(paths, paths.state_dir, batch(1), write_file=write_if_there_is_space)
    kept = batch(1, 1, 5)
    path = unsaved.write(paths, paths.data_dir, kept, write_file=write_if_there_is_space)
    assert decode(path.read_bytes()) == kept
    assert not paths.reserve.exists()


@pytest.mark.parametrize("year_s", [0, 10**11])
def test_one_of_a_time_that_no_clock_should_say_is_still_taken_in(paths: Paths, year_s: int) -> None:
    odd = Batch.of(batch(4).tally, year_s, year_s - 5, Layout())
    unsaved.write(paths, paths.data_dir, odd)
    assert len(taken_in(paths).taken) == 1
    assert presses(paths) == [4]


def test_it_is_taken_in_from_every_folder_and_is_gone_then(paths: Paths) -> None:
    for nth, folder in enumerate(unsaved.folders(paths)):
        unsaved.write(paths, folder, batch(nth))
    assert len(taken_in(paths).taken) == 3
    assert unsaved.files(paths) == []
    assert presses(paths) == [0, 1, 2]


def test_one_that_is_there_again_after_a_kill_is_not_counted_twice(paths: Paths) -> None:
    path = unsaved.write(paths, paths.data_dir, batch(3))
    kept = path.read_bytes()
    for _ in range(2):
        assert len(taken_in(paths).taken) == 1
        path.write_bytes(kept)
        path.chmod(0o600)
    with Store.open(paths.store) as store:  # neither is one that comes after other batches, or after a rescue
        last = batch(4)
        store.commit_batch(last)
        store.commit_batch(batch(5), instead_of=last.mark)
    rescue(paths.store, datetime.now(UTC))
    taken_in(paths)
    assert presses(paths) == [3, 4, 5]


def test_a_commit_that_failed_and_is_there_all_the_same_is_not_repeated(paths: Paths) -> None:
    with Store.open(paths.store) as store:
        store.commit_batch(batch(6))
        tried = batch(7)
        store.commit_batch(tried)  # and the daemon is not told that it succeeded
    unsaved.write(paths, paths.data_dir, tried)
    taken_in(paths)
    assert presses(paths) == [6, 7]


def test_marks_take_no_more_space_with_time(paths: Paths) -> None:
    with Store.open(paths.store) as store:
        before = None
        for nth in range(5):
            one = batch(nth)
            store.commit_batch(one, instead_of=before)
            before = one.mark
        assert store.check() == []
    with contextlib.closing(sqlite3.connect(paths.store)) as sql:
        assert sql.execute("SELECT count(*) FROM saved").fetchone() == (1,)


def as_side_file(change: Callable[[dict[str, Any]], Any]) -> bytes:
    """A side file with a right checksum, of which something was changed."""
    body = json.loads(encode(batch(1)).partition(b"\n")[2])
    change(body)
    content = json.dumps(body).encode()
    return b"mousetrackd unsaved counts 1 %08x %d\n%s" % (zlib.crc32(content), len(content), content)


@pytest.mark.parametrize(
    "change",
    [
        lambda body: body.update(mark=0),
        lambda body: body.update(mark=1 << 63),
        lambda body: body.update(mark=True),
        lambda body: body.update(start_s=-(10**9)),
        lambda body: body.update(end_s=10**12),
        lambda body: body.update(end_s=1),
        lambda body: body.update(end_s="soon"),
        lambda body: body.pop("counts"),
        lambda body: body.update(monitors=[["DP-1", 0, 30, ""]]),
        lambda body: body.update(monitors=[["DP-1", 65535, 65535, ""]]),
        lambda body: body.update(monitors=[["evil\x1b]0;PWN\x07", 40, 30, ""]]),
        lambda body: body.update(monitors=[["DP-1", 41, 30, ""]]),
        lambda body: body.update(placements=[[0, 10**9, 0, 0, 0]]),
        lambda body: body.update(placements=[[-1, 0, 0, 0, 0]]),
        lambda body: body["counts"][0].__setitem__(0, 7),
        lambda body: body["counts"][0].__setitem__(1, "keys"),
        lambda body: body["counts"][0].__setitem__(2, base64.b64encode(b"bomb").decode()),
        lambda body: body.update(path_px=[[0, -1.0]]),
        lambda body: body.update(path_px=[[0, float("nan")]]),
        lambda body: body.update(path_px=[[0, float("inf")]]),
    ],
)
def test_one_whose_numbers_cannot_be_is_set_aside_and_reported(
    paths: Paths, change: Callable[[dict[str, Any]], Any]
) -> None:
    path = paths.data_dir / "heat.unsaved-1"
    path.write_bytes(as_side_file(change))
    path.chmod(0o600)
    done = taken_in(paths)
    aside = path.with_name("heat.unsaved-1.damaged")
    assert (done.taken, len(done.problems)) == ((), 1)
    assert str(aside) in done.problems[0]
    assert aside.exists()
    assert taken_in(paths) == TakenIn((), ())
    assert presses(paths) == []


def test_every_cut_and_every_changed_byte_is_noticed() -> None:
    content = encode(batch(1, 2, 3))
    for end in range(len(content)):
        with pytest.raises(ValueError, match="damaged"):
            decode(content[:end])
    for at in range(len(content)):
        with pytest.raises(ValueError, match="damaged"):
            decode(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])


@pytest.mark.parametrize("kind", ["link", "pipe", "folder", "another user's", "writable by others"])
def test_one_that_is_not_ours_is_left_and_reported(paths: Paths, kind: str) -> None:
    good = unsaved.write(paths, paths.state_dir, batch(9))
    path = paths.data_dir / good.name
    if kind == "link":
        other = good.rename(paths.state_dir / "elsewhere")
        path.symlink_to(other)
    elif kind == "pipe":
        good.unlink()
        os.mkfifo(path)
    elif kind == "folder":
        good.unlink()
        path.mkdir()
    else:
        good.rename(path)
        if kind == "another user's":
            if os.getuid() != 0:
                pytest.skip("only root can make one")
            os.chown(path, 12345, 12345)
        else:
            path.chmod(0o666)
    done = taken_in(paths)
    assert done.taken == ()
    assert [str(path) in problem for problem in done.problems] == [True]
    assert os.path.lexists(path)
    assert presses(paths) == []


def test_one_is_not_written_through_a_planted_link(paths: Paths) -> None:
    kept = batch(1)
    other = paths.data_dir.parent / "other"
    other.write_text("mine")
    (paths.data_dir / f"heat.unsaved-{kept.mark:016x}").symlink_to(other)
    path = unsaved.write(paths, paths.data_dir, kept)
    assert other.read_text() == "mine"
    assert not path.is_symlink()
