"""Files that the user names: whole or not at all, and with whatever was there treated as other programs do."""

import os
import stat
import threading
from pathlib import Path

import pytest

from mousetrackd.core.errors import MousetrackError
from mousetrackd.system import output_files


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def left_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_new_file_is_private_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        output_files.write(tmp_path / "a.csv", b"new")
    finally:
        os.umask(before)
    assert mode_of(tmp_path / "a.csv") == 0o600
    assert left_in(tmp_path) == ["a.csv"]


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o664, 0o4755])
def test_an_old_file_keeps_its_mode_but_never_more_than_that(tmp_path: Path, mode: int) -> None:
    out = tmp_path / "a.csv"
    out.write_bytes(b"old")
    out.chmod(mode)
    output_files.write(out, b"new")
    assert (out.read_bytes(), mode_of(out)) == (b"new", mode & 0o777)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has other groups and users")
def test_an_old_file_keeps_its_group_and_someone_elses_becomes_private(tmp_path: Path) -> None:
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    for path, uid, gid in ((ours, 0, 12345), (theirs, 12345, 12345)):
        path.write_bytes(b"old")
        path.chmod(0o664)
        os.chown(path, uid, gid)
        output_files.write(path, b"new")
    assert (ours.stat().st_gid, mode_of(ours)) == (12345, 0o664)
    assert (theirs.stat().st_uid, theirs.stat().st_gid, mode_of(theirs)) == (0, os.getegid(), 0o600)


def test_an_access_list_is_kept(tmp_path: Path) -> None:
    out = tmp_path / "a.csv"
    out.write_bytes(b"old")
    entries = [(1, 6, 0xFFFFFFFF), (2, 4, 12345), (4, 0, 0xFFFFFFFF), (16, 4, 0xFFFFFFFF), (32, 0, 0xFFFFFFFF)]
    access_list = (2).to_bytes(4, "little") + b"".join(
        tag.to_bytes(2, "little") + perm.to_bytes(2, "little") + who.to_bytes(4, "little") for tag, perm, who in entries
    )
    try:
        os.setxattr(out, "system.posix_acl_access", access_list)
    except OSError as error:
        pytest.skip(f"this file system has no access lists: {error}")
    output_files.write(out, b"new")
    assert os.getxattr(out, "system.posix_acl_access") == access_list


@pytest.mark.parametrize("there", [True, False])
def test_a_link_is_replaced_and_what_it_leads_to_stays(tmp_path: Path, there: bool) -> None:
    out, target = tmp_path / "a.png", tmp_path / "precious"
    if there:
        target.write_bytes(b"mine")
        target.chmod(0o644)
    out.symlink_to("precious")
    output_files.write(out, b"new")
    assert (out.is_symlink(), out.read_bytes(), stat.S_IMODE(out.stat().st_mode)) == (False, b"new", 0o600)
    assert target.exists() == there
    assert not there or target.read_bytes() == b"mine"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make someone else's link")
def test_a_link_or_a_pipe_that_someone_else_planted_is_refused(tmp_path: Path) -> None:
    target, link, pipe = tmp_path / "target", tmp_path / "a.png", tmp_path / "b.png"
    link.symlink_to(target)
    os.mkfifo(pipe)
    for planted in (link, pipe):
        os.chown(planted, 12345, 12345, follow_symlinks=False)
        with pytest.raises(MousetrackError, match="belongs to another user"):
            output_files.write(planted, b"new")
    assert left_in(tmp_path) == ["a.png", "b.png"]


def test_into_a_pipe_it_is_written(tmp_path: Path) -> None:
    pipe = tmp_path / "a.png"
    os.mkfifo(pipe)
    received: list[bytes] = []
    reader = threading.Thread(target=lambda: received.append(pipe.read_bytes()))
    reader.start()
    output_files.write(pipe, b"x" * 100_000)
    reader.join()
    assert received == [b"x" * 100_000]
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_into_an_open_file_by_its_number_it_is_written_in_place(tmp_path: Path) -> None:
    out, target = tmp_path / "a.png", tmp_path / "target"
    with target.open("wb") as file:
        out.symlink_to(f"/proc/self/fd/{file.fileno()}")
        number = target.stat().st_ino
        output_files.write(out, b"new")
    assert (target.read_bytes(), target.stat().st_ino) == (b"new", number)


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("/dev/full", "No space left on device"),
        ("a folder", "Is a directory"),
        ("a loop", "symbolic links"),
        ("no folder", "No such file or directory"),
        ("a file as folder", "Not a directory"),
    ],
)
def test_what_cannot_be_written_is_a_sentence(tmp_path: Path, kind: str, told: str) -> None:
    out = tmp_path / "a.png"
    if kind == "a folder":
        out.mkdir()
    elif kind in ("a loop", "/dev/full"):
        out.symlink_to("a.png" if kind == "a loop" else kind)
    elif kind == "no folder":
        out = tmp_path / "missing/a.png"
    else:
        (tmp_path / "file").write_bytes(b"")
        out = tmp_path / "file/a.png"
    with pytest.raises(MousetrackError, match=told):
        output_files.write(out, b"new")


def test_a_failed_write_leaves_the_old_file_whole_and_nothing_else(tmp_path: Path) -> None:
    out = tmp_path / "a.png"
    out.write_bytes(b"old")

    def break_off() -> None:
        with output_files.fresh_file(out) as fresh:
            fresh.write_bytes(b"half")
            raise OSError(5, "Input/output error")

    with pytest.raises(MousetrackError, match="Input/output"):
        break_off()
    assert (out.read_bytes(), left_in(tmp_path)) == (b"old", ["a.png"])


def test_a_name_as_long_as_names_may_be_and_one_that_is_no_text(tmp_path: Path) -> None:
    for name in ("x" * 251 + ".csv", os.fsdecode(b"\xff\xfe.csv")):
        output_files.write(tmp_path / name, b"new")
        assert (tmp_path / name).read_bytes() == b"new"


def test_a_second_name_keeps_the_old_content(tmp_path: Path) -> None:
    out, other = tmp_path / "a.png", tmp_path / "b.png"
    out.write_bytes(b"old")
    other.hardlink_to(out)
    output_files.write(out, b"new")
    assert (out.read_bytes(), other.read_bytes()) == (b"new", b"old")
