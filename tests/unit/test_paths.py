"""Where things live, and that nobody else can look into them."""

import errno
import fcntl
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from mousetrackd.core.errors import ExitCode, RefusedError
from mousetrackd.system.files import folder_held, make_private, write_whole
from mousetrackd.system.paths import Paths, user_paths


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture(autouse=True)
def _careless_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def test_folders_follow_the_xdg_rules(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("CONFIG_HOME", "DATA_HOME", "RUNTIME_DIR", "STATE_HOME"):
        monkeypatch.setenv(f"XDG_{name}", str(tmp_path / name))
    assert user_paths() == Paths(
        tmp_path / "CONFIG_HOME" / "mousetrackd",
        tmp_path / "DATA_HOME" / "mousetrackd",
        tmp_path / "RUNTIME_DIR" / "mousetrackd",
        tmp_path / "STATE_HOME" / "mousetrackd",
    )
    assert list(tmp_path.iterdir()) == []  # asking makes nothing


@pytest.mark.parametrize("what", ["a file", "anyone's", "relative"])
def test_a_runtime_folder_that_cannot_be_trusted_is_not_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, what: str
) -> None:
    folder = tmp_path / "runtime"
    if what == "a file":
        folder.touch()
    else:
        folder.mkdir(mode=0o777)
    monkeypatch.setenv("XDG_RUNTIME_DIR", "runtime" if what == "relative" else str(folder))
    monkeypatch.chdir(tmp_path)
    assert tmp_path not in user_paths().runtime_dir.parents
    assert user_paths().runtime_dir.is_absolute()


def test_what_outlives_a_login_is_data_and_what_does_not_is_runtime(tmp_path: Path) -> None:
    paths = Paths(tmp_path / "config", tmp_path / "data", tmp_path / "run", tmp_path / "state")
    assert {paths.store.parent, paths.desired_state.parent, paths.data_lock.parent, paths.snapshots.parent} == {
        tmp_path / "data"
    }
    assert {paths.status.parent, paths.runtime_lock.parent} == {tmp_path / "run"}
    assert paths.config_file == tmp_path / "config" / "config.toml"
    assert paths.latest == tmp_path / "data" / "snapshots" / "latest.png"


def test_a_new_folder_is_private_and_its_parents_are_made(tmp_path: Path) -> None:
    make_private(tmp_path / "a" / "b")
    assert mode(tmp_path / "a" / "b") == 0o700


def test_a_folder_others_could_enter_is_closed_to_them(tmp_path: Path) -> None:
    folder = tmp_path / "open"
    folder.mkdir()
    folder.chmod(0o775)
    make_private(folder)
    assert mode(folder) == 0o700


def test_making_private_twice_is_fine(tmp_path: Path) -> None:
    make_private(tmp_path / "a")
    make_private(tmp_path / "a")
    assert mode(tmp_path / "a") == 0o700


def test_a_link_of_our_own_to_a_folder_of_our_own_is_fine(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir(mode=0o755)
    (tmp_path / "link").symlink_to(tmp_path / "disk")
    make_private(tmp_path / "link")
    assert mode(tmp_path / "disk") == 0o700


@pytest.mark.parametrize("what", ["file", "link to a file", "link to nothing", "below a file"])
def test_what_is_no_folder_is_refused_and_left_alone(tmp_path: Path, what: str) -> None:
    path, file = tmp_path / "here", tmp_path / "file"
    file.write_bytes(b"mine")
    match what:
        case "file":
            path = file
        case "link to a file":
            path.symlink_to(file)
        case "link to nothing":
            path.symlink_to(tmp_path / "nothing")
        case "below a file":
            path = file / "here"
    with pytest.raises(RefusedError) as raised:
        make_private(path)
    assert raised.value.exit_code == ExitCode.REFUSED
    assert str(path) in raised.value.message
    assert raised.value.hint
    assert file.read_bytes() == b"mine"


def test_a_folder_of_another_user_is_refused_and_left_alone(tmp_path: Path) -> None:
    if os.getuid() == 0:
        folder = tmp_path / "theirs"
        folder.mkdir(mode=0o755)
        os.chown(folder, 65534, 65534)
    else:
        folder = Path("/usr")
    before = folder.stat()
    with pytest.raises(RefusedError, match="belongs to another user"):
        make_private(folder)
    assert folder.stat().st_mode == before.st_mode


@pytest.mark.parametrize("durable", [True, False])
def test_a_file_is_written_whole_and_private(tmp_path: Path, durable: bool) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"a longer old content")
    path.chmod(0o666)
    write_whole(path, b"new", durable=durable)
    assert path.read_bytes() == b"new"
    assert mode(path) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_reader_who_has_the_old_file_open_keeps_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_whole(path, b"old")
    with path.open("rb") as reader:
        write_whole(path, b"new")
        assert reader.read() == b"old"


def test_a_link_is_replaced_and_never_written_through(tmp_path: Path) -> None:
    victim, path = tmp_path / "victim", tmp_path / "file"
    victim.write_bytes(b"precious")
    path.symlink_to(victim)
    write_whole(path, b"new")
    assert victim.read_bytes() == b"precious"
    assert not path.is_symlink()
    assert path.read_bytes() == b"new"


def test_a_link_planted_under_the_temporary_name_is_never_written_through(tmp_path: Path) -> None:
    victim, path = tmp_path / "victim", tmp_path / "file"
    victim.write_bytes(b"precious")
    (tmp_path / f".file.{os.getpid()}.new").symlink_to(victim)
    write_whole(path, b"new")
    assert victim.read_bytes() == b"precious"
    assert path.read_bytes() == b"new"


def test_a_write_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "file"
    (path / "in the way").mkdir(parents=True)
    with pytest.raises(OSError, match="file"):
        write_whole(path, b"new")
    assert [found.name for found in tmp_path.iterdir()] == ["file"]
    with pytest.raises(FileNotFoundError):
        write_whole(tmp_path / "no folder" / "file", b"new")


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_a_folder_on_a_file_system_without_locks_is_not_used(tmp_path: Path, number: int) -> None:
    def flock(_descriptor: int, _operation: int) -> None:
        raise OSError(number, os.strerror(number))

    with (
        pytest.raises(RefusedError, match=f"cannot lock {tmp_path}: {os.strerror(number)}\nSome network mounts"),
        folder_held(tmp_path, alone=False, flock=flock),
    ):
        pytest.fail("it is used")


def test_where_folders_cannot_be_locked_a_file_in_them_is(tmp_path: Path) -> None:
    def flock(descriptor: int, operation: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        fcntl.flock(descriptor, operation | fcntl.LOCK_NB)

    with folder_held(tmp_path, alone=False, flock=flock):
        with folder_held(tmp_path, alone=False, flock=flock):
            pass
        with pytest.raises(RefusedError), folder_held(tmp_path, alone=True, flock=flock):
            pytest.fail("it is held by two, one of them alone")
