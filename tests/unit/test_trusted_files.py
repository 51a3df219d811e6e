"""What is believed as a file of the user's own, and what is refused without waiting for it."""

import grp
import os
import pwd
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from mousetrackd.config import Config, load
from mousetrackd.core.errors import ConfigError, ExitCode, LostConfigError, PrivacyError
from mousetrackd.system.trusted_files import LeadsNowhereError, Reader, SlowFileError, read_trusted

only_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can do this")
TEXT = b"warp_px = 7\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "config" / "mousetrackd"
    made.mkdir(parents=True, mode=0o755)
    return made


@pytest.fixture
def path(folder: Path) -> Path:
    made = folder / "config.toml"
    made.write_bytes(TEXT)
    made.chmod(0o644)
    return made


def read(path: Path) -> bytes:
    return read_trusted(path, 1000)


def refusal(path: Path) -> ConfigError:
    with pytest.raises(ConfigError) as raised:
        load(path)
    assert raised.value.exit_code == ExitCode.BAD_CONFIG
    return raised.value


# Found ----------------------------------------------------------------------------------------------------


def test_a_file_of_ones_own_is_read(path: Path) -> None:
    assert read(path) == TEXT


def test_links_to_a_file_of_ones_own_are_followed(path: Path, tmp_path: Path) -> None:
    dotfiles = tmp_path / "dotfiles"
    path.parent.rename(dotfiles)
    path.parent.symlink_to("../dotfiles")
    (dotfiles / "config.toml").rename(dotfiles / "real.toml")
    (dotfiles / "config.toml").symlink_to("./../dotfiles/real.toml")
    assert read(path) == TEXT
    assert load(path) == Config(warp_px=7)


@pytest.mark.parametrize("missing", ["config.toml", "mousetrackd", "config"])
def test_without_a_file_there_are_the_defaults(tmp_path: Path, missing: str) -> None:
    path = tmp_path / "config" / "mousetrackd" / "config.toml"
    {"config.toml": path.parent, "mousetrackd": path.parent.parent, "config": tmp_path}[missing].mkdir(
        parents=True, exist_ok=True
    )
    with pytest.raises(FileNotFoundError):
        read(path)
    assert load(path) == Config()


def test_a_file_that_is_not_there_behind_a_link_that_leads_somewhere_is_only_missing(tmp_path: Path) -> None:
    (tmp_path / "dotfiles").mkdir()
    (tmp_path / "config").symlink_to("dotfiles")
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "config" / "config.toml")


@pytest.mark.parametrize("name", ["config.toml", "mousetrackd", "config"])
@pytest.mark.parametrize("target", ["/nowhere/at/all", "nowhere", "../nowhere"])
def test_a_link_that_leads_nowhere_is_no_missing_file(tmp_path: Path, name: str, target: str) -> None:
    path = tmp_path / "config" / "mousetrackd" / "config.toml"
    link = next(one for one in (path, *path.parents) if one.name == name)
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(target)
    with pytest.raises(LeadsNowhereError, match=f"the link {link} leads to"):
        read(path)
    assert isinstance(refusal(path), LostConfigError)


@pytest.mark.parametrize("name", ["config.toml", "mousetrackd"])
def test_links_in_a_circle_are_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / "mousetrackd" / "config.toml"
    link = path if name == "config.toml" else path.parent
    link.parent.mkdir(exist_ok=True)
    link.symlink_to(link.with_name("other"))
    link.with_name("other").symlink_to(link)
    assert "circle" in refusal(path).message


# Of another kind ------------------------------------------------------------------------------------------


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(path))


KINDS: dict[str, Callable[[Path], None]] = {
    "a folder": Path.mkdir,
    "a named pipe": os.mkfifo,
    "a socket": _socket,
    "a device": lambda path: path.symlink_to("/dev/zero"),
}


@pytest.mark.timeout(10)
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_file_is_refused_at_once(folder: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)  # a socket's name may only be short
    KINDS[kind](Path("config.toml"))
    said = refusal(folder / "config.toml")
    assert isinstance(said, PrivacyError)
    assert kind in said.message or "cannot be trusted" in said.message  # some machines let everyone write a device


def test_a_file_on_the_way_that_is_no_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mousetrackd").write_text("")
    assert "cannot read" in refusal(tmp_path / "mousetrackd" / "config.toml").message


def test_a_file_too_large_is_refused_and_not_read(path: Path) -> None:
    os.truncate(path, 1 << 40)
    assert "larger than" in refusal(path).message


# Not ours alone -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["config.toml", "mousetrackd", "config"])
def test_what_everyone_may_write_is_refused(path: Path, name: str) -> None:
    place = next(one for one in (path, *path.parents) if one.name == name)
    place.chmod(place.stat().st_mode | 0o002)
    said = refusal(path)
    assert isinstance(said, PrivacyError)
    assert f"others may write {place}" in said.message
    assert f"chmod go-w {place}" in said.hint
    place.chmod(place.stat().st_mode & ~0o002)
    assert read(path) == TEXT


def test_what_a_link_leads_to_is_judged_and_not_the_link(path: Path, tmp_path: Path) -> None:
    real = tmp_path / "real.toml"
    path.rename(real)
    path.symlink_to(real)
    assert read(path) == TEXT
    real.chmod(0o666)
    assert f"others may write {real}" in refusal(path).message


def test_a_folder_between_two_links_is_judged_as_well(path: Path, tmp_path: Path) -> None:
    between, real = tmp_path / "between", tmp_path / "real.toml"
    between.mkdir()
    path.rename(real)
    (between / "link").symlink_to(real)
    path.symlink_to(between / "link")
    assert read(path) == TEXT
    between.chmod(0o777)
    assert f"others may write {between}" in refusal(path).message


def test_in_a_sticky_folder_others_cannot_replace_it(path: Path) -> None:
    path.parent.chmod(0o1777)
    assert read(path) == TEXT


@only_root
@pytest.mark.parametrize("name", ["config.toml", "mousetrackd"])
def test_what_belongs_to_another_user_is_refused(path: Path, name: str) -> None:
    place = path if name == "config.toml" else path.parent
    os.chown(place, 12345, -1)
    assert "another user (uid 12345)" in refusal(path).message


@only_root
def test_a_link_that_belongs_to_another_user_is_refused(path: Path, tmp_path: Path) -> None:
    path.rename(tmp_path / "real.toml")
    path.symlink_to(tmp_path / "real.toml")
    os.chown(path, 12345, -1, follow_symlinks=False)
    assert "another user (uid 12345)" in refusal(path).message


def test_ones_own_group_may_write_it(path: Path) -> None:
    """As where the umask is 002, and everyone has a group of their own."""
    user = pwd.getpwuid(os.getuid())
    if grp.getgrgid(user.pw_gid).gr_name != user.pw_name:
        pytest.skip("whoever runs this has no group of their own")
    for place in (path, path.parent):
        os.chown(place, -1, user.pw_gid)
        place.chmod(place.stat().st_mode | 0o020)
    assert read(path) == TEXT


@only_root
def test_a_group_of_others_may_not_write_it(path: Path) -> None:
    path.chmod(0o664)
    for gid in (next(one.gr_gid for one in grp.getgrall() if one.gr_gid != os.getgid()), 54321):
        os.chown(path, -1, gid)
        assert f"others may write {path}" in refusal(path).message


# Slow -----------------------------------------------------------------------------------------------------


def test_a_disk_that_does_not_answer_costs_its_time_once(path: Path) -> None:
    answers, asked = threading.Event(), []

    def hang(path: Path, at_most_bytes: int) -> bytes:
        asked.append(path)
        answers.wait()
        return read_trusted(path, at_most_bytes)

    reader = Reader(hang)
    try:
        with pytest.raises(SlowFileError, match="does not answer"):
            reader.read(path, 1000, 0.01)
        with pytest.raises(SlowFileError):  # at once: with a wait this would fail by the test's time limit
            reader.read(path, 1000, 1e6)
        assert len(asked) == 1
    finally:
        answers.set()
    reader.wait()
    assert reader.read(path, 1000, 10) == TEXT
