"""An upgrade in place from the last commit before the modules moved, while the daemon is stopped and while it runs.

What that version installed, configured, counted and started goes on working with this one. Run by
scripts/check-upgrade, not with the other tests: it takes most of a minute.
"""

import contextlib
import shutil
import signal
import sqlite3
import subprocess
import sys
import sysconfig
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.in_process import Result
from support.program import Home, decodes, line_cells, read_csv
from support.systemctl import FakeSystemctl
from support.waiting import wait_until
from support.xserver import LEFT, Pointer

import mousetrackd

pytest_plugins = ("support.fixtures",)
pytestmark = pytest.mark.usefixtures("desktop")

CHECKOUT = Path(mousetrackd.__file__).parents[1]
OLD = "6d938404285a039338361ebbe60ad63d25282bda"
DAY_S = 86_400

CONFIGURATION = """\
checkpoint_interval_s = 3600
[privacy]
click_cell_px = 2
[store]
hours_days = 7
days_days = 60
months_days = 900
"""
"""With the names that the keys had. No checkpoint by itself: what comes after the upgrade is up to the test."""


def built(source: Path, folder: Path) -> Path:
    """A wheel of the sources in a folder."""
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=source, check=True, capture_output=True, timeout=100)
    (wheel,) = folder.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def new_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(CHECKOUT, tmp_path_factory.mktemp("new"))


@pytest.fixture(scope="module")
def old_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    source = tmp_path_factory.mktemp("source")
    archive = ["git", "-C", str(CHECKOUT), "archive", "--format=tar", f"--output={source}.tar", OLD]
    done = subprocess.run(archive, capture_output=True, check=False, timeout=20)
    if done.returncode != 0:
        pytest.skip(f"this checkout does not have commit {OLD[:7]}: it is a shallow clone, or no clone")
    shutil.unpack_archive(f"{source}.tar", source, filter="data")
    return built(source, tmp_path_factory.mktemp("old"))


class Installation:
    """A virtual environment with mousetrackd from a wheel, and the libraries of the tests' own environment."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._bin = home.folder / "venv" / "bin"
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", self._bin.parent], check=True, timeout=100)
        # Links to all but mousetrackd itself: pip would find it, and take it for the version to replace.
        libraries = home.folder / "libraries"
        libraries.mkdir()
        for entry in Path(sysconfig.get_path("purelib")).iterdir():
            if "mousetrackd" not in entry.name and entry.suffix != ".pth":
                (libraries / entry.name).symlink_to(entry)
        (site,) = self._bin.parent.glob("lib/python*/site-packages")
        (site / "libraries.pth").write_text(str(libraries))

    def install(self, wheel: Path) -> None:
        python = str(self._bin / "python")
        install = ["install", "-q", "--no-deps", "--no-index", "--force-reinstall", "--no-compile", str(wheel)]
        pip = [sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check", *install]
        subprocess.run(pip, check=True, capture_output=True, timeout=100)

    def run(self, *words: str | Path) -> Result:
        done = subprocess.run(
            [self._bin / "mousetrackd", *words],
            env=self._home.environment(),
            cwd=self._home.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return Result(done.returncode, done.stdout, done.stderr)

    def run_ok(self, *words: str | Path) -> str:
        said = self.run(*words)
        assert said.code == 0, f"{words}: {said}"
        return said.out

    def cells(self, layer: str) -> Counter[tuple[int, int]]:
        """The counts of a layer on the only screen."""
        out = self._home.folder / "exported.csv"
        self.run_ok("export", out, "--layer", layer)
        (cells,) = read_csv(out.read_text()).values()
        return cells

    @contextlib.contextmanager
    def running(self, state: str = "tracking") -> Iterator[subprocess.Popen[bytes]]:
        """A daemon in this state."""
        log = self._home.folder / "daemon.log"
        with log.open("ab") as file:
            daemon = subprocess.Popen(
                [self._bin / "mousetrackd", "run", "--allow-root"],
                env=self._home.environment(),
                cwd=self._home.folder,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
            )
        try:
            wait_until(lambda: self._is(state, daemon), f"the daemon is {state}", timeout_s=20)
            yield daemon
        except BaseException as error:
            error.add_note(log.read_text())
            raise
        finally:
            daemon.kill()
            daemon.wait(20)
        assert "Traceback" not in log.read_text(), log.read_text()

    def _is(self, state: str, daemon: subprocess.Popen[bytes]) -> bool:
        assert daemon.poll() is None, "it has ended"
        status = self._home.status()
        return status.get("pid") == daemon.pid and status["state"] == state


@pytest.fixture
def installed(home: Home, old_wheel: Path, systemctl: FakeSystemctl) -> Installation:
    """A user who has installed and configured the old version, and counted something with it."""
    del systemctl
    installation = Installation(home)
    installation.install(old_wheel)
    home.configure(CONFIGURATION)
    installation.run_ok("install", "--allow-root")
    table = home.folder / "old.csv"
    table.write_text("x,y,count\n7,8,5\n")
    day = time.localtime(time.time() - 20 * DAY_S)
    for hour in (10, 11, 12):  # three pieces of one day, old enough to be rolled up
        at = f"{time.strftime('%Y-%m-%d', day)} {hour}:00"
        installation.run_ok(
            "import", table, "--layer", "scroll", "--size", "1920x1080", "--monitor", "screen", "--at", at
        )
    return installation


def old_pieces(home: Home) -> int:
    """How many pieces the old counts are kept in: three, or one once they are rolled up into a day."""
    with contextlib.closing(sqlite3.connect(home.paths.store)) as store:
        (count,) = store.execute("SELECT count(*) FROM chunk WHERE layer = 'scroll'").fetchone()
    assert isinstance(count, int)
    return count


def path_at(x: int) -> list[tuple[int, int]]:
    """Three points, the first at ``x``."""
    return [(x, 100), (x + 40, 130), (x + 60, 100)]


def move(pointer: Pointer, points: list[tuple[int, int]]) -> None:
    pointer.move(*points)
    pointer.click(LEFT)


def see_it_work(
    home: Home, installed: Installation, daemon: subprocess.Popen[bytes], *, old_daemon: bool = False
) -> None:
    """A snapshot, a roll-up, a new configuration, a pause: with the new commands and the new children.

    old_daemon: it is of the old version, so that nothing but itself may write into the store.
    """
    assert installed.run_ok("snapshot") == f"{home.paths.latest}\n"
    assert decodes(home.paths.latest)
    if not old_daemon:
        wait_until(lambda: old_pieces(home) == 1, "the old counts are rolled up")
    log = home.folder / "daemon.log"
    changes = log.read_text().count("the configuration has changed")
    home.configure(CONFIGURATION.replace("click_cell_px = 2", "click_cell_px = 4"))
    daemon.send_signal(signal.SIGHUP)
    wait_until(lambda: log.read_text().count("the configuration has changed") > changes, "SIGHUP is answered")
    assert "paused" in installed.run_ok("pause")
    assert "tracking" in installed.run_ok("resume")
    status = home.status()
    assert (status["state"], status["problems"], status["snapshot_error"]) == ("tracking", [], "")


def stop(installed: Installation, daemon: subprocess.Popen[bytes]) -> None:
    assert "has ended" in installed.run_ok("stop")
    assert daemon.wait(20) == 0


def see_the_installed_files_recognised(home: Home, installed: Installation) -> None:
    """The unit and the autostart entry of the old version are taken for our own, and removed in the end."""
    config = home.folder / "config"
    ours = [config / "systemd/user/mousetrackd.service", config / "autostart/mousetrackd.desktop"]
    assert all(file.exists() for file in ours)
    assert "there was" not in installed.run_ok("install", "--allow-root")  # as of a file that is not ours, and kept
    assert [*ours[0].parent.glob("*~"), *ours[1].parent.glob("*~")] == []
    assert "nothing to change" in installed.run_ok("install", "--allow-root")
    assert "left" not in installed.run_ok("uninstall", "--allow-root")
    assert [file for file in ours if file.exists()] == []


def test_upgraded_while_stopped(home: Home, installed: Installation, new_wheel: Path) -> None:
    with installed.running() as daemon, Pointer() as pointer:
        move(pointer, path_at(100))
        stop(installed, daemon)
    assert old_pieces(home) == 3
    installed.install(new_wheel)
    with installed.running() as daemon, Pointer() as pointer:
        move(pointer, path_at(300))
        see_it_work(home, installed, daemon)
        stop(installed, daemon)
    assert installed.cells("travel") == line_cells(path_at(100)) + line_cells(path_at(300))
    assert installed.cells("clicks.left").total() == 2
    assert installed.cells("scroll") == {(7, 8): 15}
    see_the_installed_files_recognised(home, installed)


def test_upgraded_while_running(home: Home, installed: Installation, new_wheel: Path) -> None:
    with installed.running() as daemon, Pointer() as pointer:
        move(pointer, path_at(100))
        assert old_pieces(home) == 3
        installed.install(new_wheel)
        assert "tracking" in installed.run_ok("status")
        move(pointer, path_at(300))
        see_it_work(home, installed, daemon, old_daemon=True)
        assert old_pieces(home) == 3
        stop(installed, daemon)
    with installed.running() as daemon, Pointer() as pointer:
        move(pointer, path_at(500))
        installed.run_ok("snapshot")  # what was counted is saved, and a roll-up follows
        wait_until(lambda: old_pieces(home) == 1, "the old counts are rolled up")
        stop(installed, daemon)
    assert installed.cells("travel") == line_cells(path_at(100) + path_at(300)) + line_cells(path_at(500))
    assert installed.cells("clicks.left").total() == 3
    assert installed.cells("scroll") == {(7, 8): 15}
    see_the_installed_files_recognised(home, installed)


def test_upgraded_while_paused_since_its_start(home: Home, installed: Installation, new_wheel: Path) -> None:
    with installed.running() as daemon, Pointer() as pointer:
        move(pointer, path_at(100))
        installed.run_ok("pause")
        stop(installed, daemon)
    with installed.running(state="paused") as daemon, Pointer() as pointer:
        installed.install(new_wheel)
        installed.run("resume")  # by the modules of the old version, most of which are gone
        wait_until(lambda: home.status()["state"] == "tracking", "the new version has taken its place")
        assert home.status()["pid"] == daemon.pid
        move(pointer, path_at(300))
        stop(installed, daemon)
    assert installed.cells("travel") == line_cells(path_at(100)) + line_cells(path_at(300))
    assert installed.cells("clicks.left").total() == 2
