"""``status`` is asked often, by panels and scripts: in every state it loads no library for pictures or arrays."""

import subprocess
import sys
from collections.abc import Callable

import pytest
from support.program import COMMAND_TIMEOUT_S, Home

pytest_plugins = ("support.fixtures",)
pytestmark = pytest.mark.without_coverage

HEAVY = {"numpy", "cv2", "PIL", "isal", "sqlite3", "pynput", "Xlib", "pywayland"}


def heavy_modules_of_status(home: Home, code: int) -> set[str]:
    """Those of ``HEAVY`` that a process of ``mousetrackd status`` imports. code: the exit code it must have."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "mousetrackd", "status"],
        env=home.environment(),
        cwd=home.folder,
        capture_output=True,
        text=True,
        timeout=COMMAND_TIMEOUT_S,
        check=False,
    )
    assert done.returncode == code, done
    loaded = {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines()}
    assert {"mousetrackd", "click"} <= loaded
    return HEAVY & loaded


def a_good_configuration(home: Home) -> None:
    home.configure('[snapshot]\ncolormap = "hot"\n[privacy]\nexclude = ["DP-1 1,2 3x4"]\n')


def a_bad_configuration(home: Home) -> None:
    home.configure('[snapshot]\ncolormap = "hotter"\n[privacy]\nexclude = ["DP-1"]\n')


def rules_that_outlived_their_file(home: Home) -> None:
    home.paths.data_dir.mkdir(parents=True, mode=0o700)
    home.paths.privacy.write_text('[privacy]\nexclude = ["DP-1 1,2 3x4"]\n')


@pytest.mark.parametrize(
    "prepare", [lambda _: None, a_good_configuration, a_bad_configuration, rules_that_outlived_their_file]
)
def test_of_a_stopped_daemon(home: Home, prepare: Callable[[Home], None]) -> None:
    prepare(home)
    assert heavy_modules_of_status(home, 3) == set()


@pytest.mark.usefixtures("desktop")
def test_of_a_daemon_that_tracks_is_paused_and_has_ended(home: Home) -> None:
    with home.running() as daemon:
        assert heavy_modules_of_status(home, 0) == set()
        home.run_ok("pause")
        assert heavy_modules_of_status(home, 0) == set()
        daemon.stop()
    assert heavy_modules_of_status(home, 3) == set()
