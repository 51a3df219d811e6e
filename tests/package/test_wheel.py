"""What a wheel holds beside Python, and that an installed wheel reads it from itself."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import mousetrackd
from mousetrackd.desktop.autostart import Launch, unit_text

pytestmark = pytest.mark.slow

CHECKOUT = Path(mousetrackd.__file__).parents[1]

OLD = "6d938404285a039338361ebbe60ad63d25282bda"
"""The last commit before the modules moved into packages."""

JS = "mousetrackd/capture/wayland/js"
MOVED = {
    "systemd/mousetrackd.service": "mousetrackd/desktop/mousetrackd.service",
    "mousetrackd/py.typed": "mousetrackd/py.typed",
}
"""Where each file that is not Python was in that commit, and where it is now."""

KWIN = ("kwin.js", "kwin-clicks.qml", "kwin-windows.js", "kwin-effect/main.js", "kwin-effect/metadata.json")
GNOME = ("head-42.js", "head-45.js", "pointer.js", "windows.js", "metadata.json")
NEWER = {*(f"{JS}/{name}" for name in KWIN), *(f"{JS}/gnome-extension/{name}" for name in GNOME)}
"""Those that have come or changed since."""

ASK_INSTALLED = """
import json
from importlib import resources
from pathlib import Path
import mousetrackd
from mousetrackd.capture.wayland.gnome_extension import install_extension
from mousetrackd.desktop.autostart import Launch, unit_text
install_extension()
print(json.dumps({
    "package": str(Path(mousetrackd.__file__).parent),
    "unit": unit_text(Launch(("mousetrackd", "run"))),
    "kwin": resources.files("mousetrackd.capture.wayland").joinpath("js", "kwin.js").read_text("utf-8"),
}))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel of this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=CHECKOUT, check=True, capture_output=True, timeout=100)
    (built,) = folder.glob("*.whl")
    return built


def not_python(names: list[str]) -> set[str]:
    return {name for name in names if name.startswith("mousetrackd/") and not name.endswith((".py", ".pyc", "/"))}


def test_it_holds_what_is_not_python_byte_for_byte_and_nothing_else(wheel: Path) -> None:
    files = [path for path in (CHECKOUT / "mousetrackd").rglob("*") if path.is_file()]
    expected = {
        name: (CHECKOUT / name).read_bytes() for name in not_python([str(f.relative_to(CHECKOUT)) for f in files])
    }
    with zipfile.ZipFile(wheel) as archive:
        held = {name: archive.read(name) for name in not_python(archive.namelist())}
    assert held == expected
    assert set(held) >= {*MOVED.values(), *NEWER}


@pytest.mark.parametrize(("old", "new"), MOVED.items(), ids=lambda path: path)
def test_each_such_file_is_what_it_was_before_it_moved(wheel: Path, old: str, new: str) -> None:
    show = ["git", "-C", str(CHECKOUT), "show", f"{OLD}:{old}"]
    before = subprocess.run(show, capture_output=True, check=False, timeout=20)
    if before.returncode != 0:
        pytest.skip(f"this checkout does not have commit {OLD[:7]}: it is a shallow clone, or no clone")
    with zipfile.ZipFile(wheel) as archive:
        assert archive.read(new) == before.stdout


@pytest.mark.parametrize(("gnome", "head"), [("43.9", "head-42.js"), ("46.2", "head-45.js")])
def test_an_installed_wheel_reads_its_own_files(wheel: Path, tmp_path: Path, gnome: str, head: str) -> None:
    site, programs, data = tmp_path / "site", tmp_path / "programs", tmp_path / "data"
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index", "--target", str(site), str(wheel)]
    subprocess.run(pip, check=True, capture_output=True, timeout=100)
    programs.mkdir()
    for name, text in {"gnome-shell": f"echo GNOME Shell {gnome}", "gsettings": "echo '@as []'"}.items():
        (programs / name).write_text(f"#!/bin/sh\n{text}\n")
        (programs / name).chmod(0o755)
    environment = {
        **os.environ,
        "PATH": f"{programs}:{os.environ['PATH']}",
        "PYTHONPATH": str(site),
        "XDG_DATA_HOME": str(data),
    }
    ask = [sys.executable, "-P", "-c", ASK_INSTALLED]
    done = subprocess.run(ask, env=environment, cwd=tmp_path, check=True, capture_output=True, text=True, timeout=100)
    found = json.loads(done.stdout)
    assert found["package"] == str(site / "mousetrackd")
    assert found["unit"] == unit_text(Launch(("mousetrackd", "run")))
    assert found["kwin"] == (CHECKOUT / JS / "kwin.js").read_text("utf-8")
    (extension,) = (data / "gnome-shell" / "extensions").iterdir()
    parts = [
        (CHECKOUT / JS / "gnome-extension" / name).read_text("utf-8") for name in (head, "pointer.js", "windows.js")
    ]
    assert (extension / "extension.js").read_text("utf-8") == "".join(parts)
    assert json.loads((extension / "metadata.json").read_text("utf-8"))["uuid"] == extension.name
    assert (site / "mousetrackd" / "py.typed").exists()
    assert (site / "bin" / "mousetrackd").exists()
