"""Pictures on disk: dated, pruned, never half written; and when a picture is believed to be there."""

import os
import resource
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from mousetrackd.core.errors import MousetrackError
from mousetrackd.picture.archive import is_whole, keep, new_picture
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


# Keeping ----------------------------------------------------------------------------------------------------

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def dated_in(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.name != "latest.png"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "snapshots"


@contextmanager
def no_space_for_files() -> Iterator[None]:
    """Every write to a file fails, as on a full disk; for root as well."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)


def test_a_picture_is_kept_under_its_date_and_as_latest(folder: Path) -> None:
    latest = keep(folder, b"one", NOON, 10, 10)
    assert latest == folder / "latest.png"
    assert latest.read_bytes() == b"one"
    assert dated_in(folder) == {"20261122T120000Z.png": b"one"}
    keep(folder, b"two", NOON + timedelta(minutes=10), 10, 10)
    assert latest.read_bytes() == b"two"
    assert dated_in(folder) == {"20261122T120000Z.png": b"one", "20261122T121000Z.png": b"two"}


def test_the_date_is_that_of_utc(folder: Path) -> None:
    keep(folder, b"one", datetime(2026, 11, 22, 1, 0, tzinfo=timezone(timedelta(hours=5))), 10, 10)
    assert list(dated_in(folder)) == ["20261121T200000Z.png"]


def test_only_the_owner_can_look_at_pictures(folder: Path) -> None:
    umask = os.umask(0)
    try:
        keep(folder, b"one", NOON, 10, 10)
        keep(folder, b"two", NOON, 0, 10)
    finally:
        os.umask(umask)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()} == {"latest.png": 0o600}
    keep(folder, b"three", NOON, 10, 10)
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}


def test_too_many_are_pruned_the_oldest_first(folder: Path) -> None:
    for minute in range(6):
        keep(folder, f"{minute}".encode(), NOON + timedelta(minutes=minute), 3, 10)
    assert list(dated_in(folder).values()) == [b"3", b"4", b"5"]
    assert (folder / "latest.png").read_bytes() == b"5"


def test_too_many_bytes_are_pruned_the_oldest_first(folder: Path) -> None:
    for minute in range(5):
        keep(folder, bytes([minute]) * 400_000, NOON + timedelta(minutes=minute), 100, 1)
    assert [content[0] for content in dated_in(folder).values()] == [3, 4]
    assert (folder / "latest.png").read_bytes()[0] == 4


def test_a_picture_larger_than_all_that_may_be_kept_is_still_the_latest(folder: Path) -> None:
    keep(folder, b"old", NOON, 100, 1)
    latest = keep(folder, bytes(1_000_001), NOON + timedelta(minutes=1), 100, 1)
    assert latest.stat().st_size == 1_000_001
    assert dated_in(folder) == {}


@pytest.mark.parametrize(("keep_count", "keep_mb"), [(0, 10), (10, 0)])
def test_keeping_none_leaves_the_latest_alone(folder: Path, keep_count: int, keep_mb: int) -> None:
    keep(folder, b"old", NOON, 10, 10)
    latest = keep(folder, b"new", NOON + timedelta(minutes=1), keep_count, keep_mb)
    assert latest.read_bytes() == b"new"
    assert dated_in(folder) == {}


def test_a_clock_set_back_overwrites_no_picture(folder: Path) -> None:
    for content in (b"one", b"two", b"three"):
        keep(folder, content, NOON, 10, 10)
    assert sorted(dated_in(folder).values()) == [b"one", b"three", b"two"]
    assert (folder / "latest.png").read_bytes() == b"three"


def test_of_pictures_of_the_same_second_the_first_is_pruned_first(folder: Path) -> None:
    for number in range(12):
        keep(folder, f"{number}".encode(), NOON, 2, 10)
    assert sorted(dated_in(folder).values()) == [b"10", b"11"]


def test_files_of_other_names_are_never_pruned(folder: Path) -> None:
    keep(folder, b"one", NOON, 10, 10)
    for name in ("holiday.png", "notes.txt", "Z.png", "20261122T120000Z.png.bak"):
        (folder / name).write_bytes(b"mine")
    keep(folder, b"two", NOON + timedelta(minutes=1), 1, 10)
    assert dated_in(folder) == {
        **dict.fromkeys(("holiday.png", "notes.txt", "Z.png", "20261122T120000Z.png.bak"), b"mine"),
        "20261122T120100Z.png": b"two",
    }


def test_latest_is_another_file_afterwards_so_that_who_reads_the_old_one_reads_it_whole(folder: Path) -> None:
    latest = keep(folder, b"one", NOON, 10, 10)
    with latest.open("rb") as reader:
        keep(folder, b"two", NOON + timedelta(minutes=1), 10, 10)
        assert reader.read() == b"one"


@pytest.mark.parametrize("keep_count", [0, 10])
def test_a_full_disk_is_a_sentence_and_the_old_picture_is_untouched(folder: Path, keep_count: int) -> None:
    keep(folder, b"old", NOON, 10, 10)
    before = dated_in(folder)
    with (
        no_space_for_files(),
        pytest.raises(MousetrackError, match=r"cannot write the picture .*latest\.png: ") as caught,
    ):
        keep(folder, b"new", NOON + timedelta(minutes=1), keep_count, 10)
    assert "untouched" in caught.value.hint
    assert (folder / "latest.png").read_bytes() == b"old"
    assert dated_in(folder) == before


def test_a_folder_that_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(MousetrackError, match="cannot use the folder"):
        keep(tmp_path / "file" / "snapshots", b"new", NOON, 10, 10)


def test_a_latest_that_cannot_be_replaced_leaves_no_litter(folder: Path) -> None:
    (folder / "latest.png").mkdir(parents=True)
    with pytest.raises(MousetrackError, match="cannot write the picture"):
        keep(folder, b"new", NOON, 10, 10)
    assert [path.name for path in folder.iterdir() if path.name.startswith(".")] == []


def test_a_planted_link_is_never_written_through(folder: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    folder.mkdir(mode=0o700)
    (folder / "latest.png").symlink_to(victim)
    (folder / f".latest.png.{os.getpid()}.new").symlink_to(victim)
    for keep_count in (0, 10):
        keep(folder, b"new", NOON, keep_count, 10)
        assert victim.read_bytes() == b"precious"
        assert (folder / "latest.png").read_bytes() == b"new"
        assert not (folder / "latest.png").is_symlink()
