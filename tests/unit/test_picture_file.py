"""When a picture is believed to be there."""

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from mousetrackd.picture.picture_file import is_whole, new_picture
from mousetrackd.system.files import write_whole

PNG = b"\x89PNG\r\n\x1a\n" + b"content" + b"\0\0\0\0IEND\xaeB`\x82"


def test_a_new_whole_file_is_a_new_picture(tmp_path: Path) -> None:
    path = tmp_path / "latest.png"
    for _ in range(3):  # the first, and others over it: of the same size, and within one tick of the clock
        problem = new_picture(path)
        assert problem() != ""
        write_whole(path, PNG)
        assert problem() == ""
        assert is_whole(path)


def test_the_old_picture_is_not_a_new_one(tmp_path: Path) -> None:
    path = tmp_path / "latest.png"
    write_whole(path, PNG)
    assert new_picture(path)().startswith(f"{path} is still the old picture\n")


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(path))


@pytest.mark.parametrize(
    "make",
    [
        lambda path: path.write_bytes(PNG[:-1]),
        lambda path: path.write_bytes(PNG[1:]),
        lambda path: path.write_bytes(b""),
        os.mkfifo,
        os.mkdir,
        _socket,
        lambda path: path.symlink_to("/dev/zero"),
        lambda path: path.symlink_to(path),
        str,
    ],
    ids=["cut", "headless", "empty", "pipe", "folder", "socket", "link to a device", "loop", "nothing is made"],
)
def test_anything_else_is_no_picture(tmp_path: Path, make: Callable[[Path], object]) -> None:
    path = tmp_path / "latest.png"
    problem = new_picture(path)
    make(path)
    assert not is_whole(path)
    assert problem().startswith(f"no whole picture was written to {path}\n")


def test_a_link_to_a_picture_is_none_of_ours(tmp_path: Path) -> None:
    (tmp_path / "other.png").write_bytes(PNG)
    (tmp_path / "latest.png").symlink_to("other.png")
    assert not is_whole(tmp_path / "latest.png")


def test_a_folder_that_is_a_file_holds_no_picture(tmp_path: Path) -> None:
    (tmp_path / "snapshots").touch()
    assert new_picture(tmp_path / "snapshots" / "latest.png")() != ""
