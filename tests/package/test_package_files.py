"""What a distribution's package holds beside Python, as scripts/package_files.py writes it for whoever makes one."""

import configparser
import stat
import subprocess
import sys
from pathlib import Path

import pytest

import mousetrackd
from mousetrackd.cli.commands import cli
from mousetrackd.desktop import launcher, manual
from mousetrackd.desktop.autostart import Launch, Places

SCRIPT = Path(mousetrackd.__file__).parents[1] / "scripts" / "package_files.py"

WITH_WHAT_A_BUILD_NEEDS = """
import runpy, sys
for name in ("numpy", "cv2", "pynput", "Xlib", "PIL", "isal", "pywayland"):
    sys.modules[name] = None
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""
""".github/PACKAGING.md names the libraries that are needed."""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("package")
    words = [sys.executable, "-c", WITH_WHAT_A_BUILD_NEEDS, str(SCRIPT), str(folder), "/usr"]
    subprocess.run(words, check=True, capture_output=True, timeout=60)
    return folder


def test_it_brings_all_that_is_the_same_for_every_user_and_every_user_can_read_it(built: Path) -> None:
    places = Places(Path("etc"), Path("usr/share"))
    launch = Launch(("/usr/bin/mousetrackd", "run"))
    expected = {file.path for file in (*manual.files(places, cli), *launcher.files(places, launch))}
    units = {
        Path("usr/lib/systemd/user/mousetrackd.service"),
        Path("usr/lib/systemd/user-preset/80-mousetrackd.preset"),
    }
    files = [path for path in built.rglob("*") if path.is_file()]
    assert {path.relative_to(built) for path in files} == expected | units
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o644}
    assert b"written by mousetrackd install" not in b"".join(
        path.read_bytes() for path in files if path.suffix != ".png"
    )


def test_its_unit_starts_its_program_for_nobody_unasked(built: Path) -> None:
    unit = (built / "usr/lib/systemd/user/mousetrackd.service").read_text()
    assert "\nExecStart=/usr/bin/env --block-signal=USR1,USR2 /usr/bin/mousetrackd run\n" in unit
    preset = (built / "usr/lib/systemd/user-preset/80-mousetrackd.preset").read_text()
    assert preset == "disable mousetrackd.service\n"


def test_its_launcher_has_an_action_that_starts_tracking(built: Path) -> None:
    entry = configparser.ConfigParser(interpolation=None)
    entry.read(built / "usr/share/applications/org.mousetrackd.mousetrackd.desktop")
    assert entry["Desktop Entry"]["actions"] == "start;draw;pause;resume;settings;"
    assert "from-menu install" in entry["Desktop Action start"]["exec"]
