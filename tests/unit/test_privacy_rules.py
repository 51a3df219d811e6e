"""The privacy rules outlive their file, until there is one again that says otherwise."""

import threading
from pathlib import Path

import pytest

from mousetrackd.config import ApplicationsConfig, Config, PrivacyConfig
from mousetrackd.core.errors import LostConfigError, PrivacyError
from mousetrackd.daemon.privacy_guard import ConfigFile, Rules, VanishedError, remember
from mousetrackd.system.paths import Paths
from mousetrackd.system.trusted_files import Reader, read_trusted

RULES = PrivacyConfig(click_cell_px=64, exclude=["DP-1 100,200 300x50", "0,0 640x480"])
TEXT = '[privacy]\nexclude = ["0,0 640x480"]\n'


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    made = Paths(*(tmp_path / name for name in ("config", "data", "runtime", "state")))
    for folder in (made.config_dir, made.data_dir):
        folder.mkdir(mode=0o700)
    return made


def save(paths: Paths, text: str) -> None:
    paths.config_file.write_text(text)
    paths.config_file.chmod(0o600)


def test_without_a_file_and_without_rules_there_are_the_defaults(paths: Paths) -> None:
    assert ConfigFile(paths).load() == Config()
    remember(paths, Rules(PrivacyConfig()))
    assert [*paths.data_dir.iterdir()] == []


def test_a_file_that_vanishes_takes_no_rules_with_it(paths: Paths) -> None:
    save(paths, TEXT)
    file = ConfigFile(paths)
    rules = file.load().privacy
    paths.config_file.unlink()
    with pytest.raises(VanishedError, match="stay in force") as raised:
        file.load()
    assert raised.value.privacy == rules
    assert f"touch {paths.config_file}" in raised.value.hint
    save(paths, "")
    assert file.load() == Config()
    paths.config_file.unlink()
    assert file.load() == Config()


def test_the_next_daemon_knows_the_rules_of_the_last(paths: Paths) -> None:
    remember(paths, Rules(RULES))
    with pytest.raises(VanishedError) as raised:
        ConfigFile(paths).load()
    assert raised.value.privacy == RULES
    assert paths.privacy.stat().st_mode & 0o777 == 0o600
    save(paths, "warp_px = 7")
    assert ConfigFile(paths).load() == Config(warp_px=7)
    remember(paths, Rules(PrivacyConfig()))
    assert not paths.privacy.exists()


def test_denied_applications_outlive_the_file_too(paths: Paths) -> None:
    denied = ApplicationsConfig(enabled=True, deny=["game*"])
    remember(paths, Rules(applications=denied))
    conf, lost = ConfigFile(paths).load_or_rules()
    assert conf == Config(applications=denied)
    assert isinstance(lost, VanishedError)


def test_rules_that_stay_are_not_written_again(paths: Paths) -> None:
    remember(paths, Rules(RULES))
    before = paths.privacy.stat().st_ino
    remember(paths, Rules(RULES))
    assert paths.privacy.stat().st_ino == before
    remember(paths, Rules(PrivacyConfig(click_cell_px=2)))
    with pytest.raises(VanishedError) as raised:
        ConfigFile(paths).load()
    assert raised.value.privacy == PrivacyConfig(click_cell_px=2)


@pytest.mark.parametrize("content", [b"privacy = 1", b"\xff", b"exclude"])
def test_rules_that_cannot_be_read_are_not_none(paths: Paths, content: bytes) -> None:
    paths.privacy.write_bytes(content)
    with pytest.raises(PrivacyError, match=r"privacy\.toml"):
        ConfigFile(paths).load()
    save(paths, "")
    assert ConfigFile(paths).load() == Config()


def test_a_file_that_an_editor_renames_is_waited_for(paths: Paths) -> None:
    """It is gone at the first look, and back at the second."""
    save(paths, TEXT)
    looks: list[Path] = []

    def read(path: Path, at_most_bytes: int) -> bytes:
        looks.append(path)
        if len(looks) == 2:
            raise FileNotFoundError
        return read_trusted(path, at_most_bytes)

    file = ConfigFile(paths, Reader(read))
    expected = file.load()
    assert file.load() == expected
    assert len(looks) == 3


def test_a_broken_rule_that_vanishes_is_not_forgiven(paths: Paths) -> None:
    save(paths, "")
    file = ConfigFile(paths)
    file.load()
    save(paths, '[privacy]\nexclude = "0,0"\n')
    with pytest.raises(PrivacyError):
        file.load()
    paths.config_file.unlink()
    with pytest.raises(VanishedError) as raised:
        file.load()
    assert raised.value.privacy is None


def test_a_link_that_leads_nowhere_is_lost_and_no_file_is_taken_for_none(paths: Paths) -> None:
    real = paths.config_dir / "real.toml"
    real.touch(0o600)
    paths.config_file.symlink_to(real)
    file = ConfigFile(paths)
    assert file.load() == Config()
    real.unlink()
    with pytest.raises(LostConfigError, match="leads to"):
        file.load()


def test_a_running_daemon_waits_less_than_one_that_starts(paths: Paths) -> None:
    save(paths, TEXT)
    answers, hangs = threading.Event(), False

    def read(path: Path, at_most_bytes: int) -> bytes:
        if hangs:
            answers.wait()
        return read_trusted(path, at_most_bytes)

    reader = Reader(read)
    file = ConfigFile(paths, reader, reload_timeout_s=0.01)
    expected = file.load()
    hangs = True
    try:
        with pytest.raises(LostConfigError, match="does not answer"):
            file.load()
    finally:
        answers.set()
    reader.wait()
    assert file.load() == expected


def test_rules_that_cannot_be_kept_are_no_failure(paths: Paths) -> None:
    paths.privacy.mkdir()
    remember(paths, Rules(RULES))
    remember(paths, Rules(PrivacyConfig()))
    assert paths.privacy.is_dir()
