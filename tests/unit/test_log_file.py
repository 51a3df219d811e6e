"""The log file: never written through anything that is not a file of the user's own."""

import logging
import os
import stat
from pathlib import Path

import pytest

from mousetrackd.core.errors import RefusedError
from mousetrackd.system.logs import KEPT_BYTES, LogFile, append, keep_traceback


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "mousetrackd.log"


def test_it_is_made_private_with_its_folder(path: Path) -> None:
    append(path, "one\n")
    append(path, "two\n")
    assert path.read_text() == "one\ntwo\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("planted", ["link", "dangling link", "pipe", "device", "folder", "another user's"])
def test_what_is_planted_under_its_name_is_refused_and_untouched(tmp_path: Path, path: Path, planted: str) -> None:
    if planted in ("device", "another user's") and os.geteuid() != 0:
        pytest.skip("only root can make it")
    path.parent.mkdir()
    target = tmp_path / "target"
    if planted.endswith("link"):
        path.symlink_to(target)
        if planted == "link":
            target.write_text("precious")
    elif planted == "pipe":
        os.mkfifo(path)
    elif planted == "device":
        try:
            os.mknod(path, 0o600 | stat.S_IFCHR, os.makedev(1, 3))
        except PermissionError:
            pytest.skip("no devices can be made here")
    elif planted == "folder":
        path.mkdir()
    else:
        path.write_text("")
        os.chown(path, 12345, -1)
    before = path.lstat()
    with pytest.raises(RefusedError, match=r"no log is kept in .*: it "):
        append(path, "line\n")
    assert (path.lstat().st_ino, path.lstat().st_size) == (before.st_ino, before.st_size)
    assert not target.exists() or target.read_text() == "precious"


def test_a_full_one_is_kept_beside_and_begun_again(path: Path) -> None:
    append(path, "x" * KEPT_BYTES)
    append(path, "y\n")
    assert path.read_text() == "y\n"
    assert path.with_name("mousetrackd.log.1").stat().st_size == KEPT_BYTES


def test_a_full_one_that_cannot_be_renamed_still_does_not_grow(path: Path) -> None:
    path.with_name("mousetrackd.log.1").mkdir(parents=True)
    append(path, "x" * KEPT_BYTES)
    append(path, "x" * KEPT_BYTES)
    append(path, "y\n")
    assert path.stat().st_size <= KEPT_BYTES + 2


def test_removed_or_moved_or_replaced_while_lines_come_it_goes_on(path: Path) -> None:
    log = LogFile(path)

    def line(text: str) -> None:
        log.handle(logging.makeLogRecord({"msg": text}))

    line("one")
    path.rename(path.with_name("moved"))
    line("two")
    assert path.read_text() == "two\n"
    path.unlink()
    path.symlink_to("/dev/null")
    line("three")
    assert "it is a link" in log.problem
    path.unlink()
    path.parent.joinpath("moved").unlink()
    path.parent.rmdir()
    line("four")
    assert (path.read_text(), log.problem) == ("four\n", "")


def test_where_an_unexpected_error_came_from_is_written_down(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert str(path) in keep_traceback(path, ValueError("odd \udcff"))
    assert "ValueError: odd" in path.read_text()
    path.unlink()
    path.mkdir()
    assert keep_traceback(path, ValueError("odd")) == "the lines above"
    assert "ValueError: odd" in capsys.readouterr().err
