"""Every command block of the README runs as written, for a user on the first day."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.program import Home, Running
from support.systemctl import FakeSystemctl
from support.xserver import LEFT, Pointer, Xvfb

pytest_plugins = ("support.fixtures",)

README = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"^```sh\n(.*?)^```", README, re.MULTILINE | re.DOTALL)

PROGRAMS = re.findall(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL)

PYPLOT = """
import pathlib, numpy
def imshow(image):
    pixels = numpy.asarray(image)
    assert (pixels.dtype, pixels.ndim, pixels.shape[2]) == (numpy.uint8, 3, 3)
def bar(x, height):
    assert len(x) == len(height) == 24 and sum(height) > 0
def savefig(name):
    pathlib.Path(name).write_bytes(b"a figure")
def figure(figsize=None): ...
def title(text): ...
def axis(which): ...
def xlabel(text): ...
"""
"""matplotlib as far as the README uses it, for where it is not installed: nothing here depends on it."""

ON_A_BARE_MACHINE = ("scripts/run", "sudo apt install pipx", "uv tool install", "scripts/test")
"""How a block begins that needs a machine without anything: scripts/check-fresh runs these."""

HERE = [block for block in BLOCKS if not block.startswith(ON_A_BARE_MACHINE)]


@pytest.fixture(scope="module")
def first_counts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a daemon keeps of a user who has moved and clicked a little, and has a picture."""
    folder = tmp_path_factory.mktemp("first")
    home, server = Home(folder), Xvfb(folder)
    server.start()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DISPLAY", server.name)
        with home.running() as daemon:
            with Pointer() as pointer:
                pointer.move(*((200 + 3 * step, 300 + step) for step in range(200)))
                pointer.click(LEFT)
            daemon.await_read()
            home.run_ok("snapshot")
            daemon.stop()
    server.stop()
    return home.paths.data_dir


@pytest.fixture
def first_day(
    home: Home, first_counts: Path, desktop: Xvfb, systemctl: FakeSystemctl
) -> Iterator[tuple[Home, Running]]:
    """A user whose daemon runs in a checkout, with the first counts, and a picture viewer."""
    del desktop, systemctl
    shutil.copytree(first_counts, home.paths.data_dir)
    folder = home.folder / "bin"
    folder.mkdir(exist_ok=True)
    program = folder / "mousetrackd"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m mousetrackd "$@"\n')
    viewer = folder / "xdg-open"
    viewer.write_text('#!/bin/sh\ntest -f "$1"\n')
    for file in (program, viewer):
        file.chmod(0o755)
    checkout = home.folder / ".venv" / "bin"
    checkout.mkdir(parents=True)
    (checkout / "mousetrackd").symlink_to(program)
    home.variables |= {"PATH": f"{folder}:{home.variables.get('PATH') or os.environ['PATH']}", "HOME": str(home.folder)}
    with home.running() as daemon:
        yield home, daemon


def run_block(home: Home, block: str) -> subprocess.CompletedProcess[str]:
    """Run a block as a shell that ends at the first command that fails."""
    return subprocess.run(
        ["sh", "-eu", "-c", block.replace("mousetrackd run ", "mousetrackd run --allow-root ")],  # tests run as root
        env=home.environment(),
        cwd=home.folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.slow
@pytest.mark.parametrize("block", HERE, ids=lambda block: block.split("  ")[0].strip())
def test_a_block_runs_as_written(first_day: tuple[Home, Running], block: str) -> None:
    home, daemon = first_day
    done = run_block(home, block)
    assert done.returncode == 0, f"{block}\n{done.stdout}\n{done.stderr}"
    assert "Traceback" not in done.stderr
    if "mousetrackd stop" in block:
        assert daemon.ends() == 0


@pytest.mark.slow
def test_the_programs_run_as_they_are(first_day: tuple[Home, Running], tmp_path: Path) -> None:
    home, _ = first_day
    if importlib.util.find_spec("matplotlib") is None:
        (tmp_path / "library" / "matplotlib").mkdir(parents=True)
        (tmp_path / "library" / "matplotlib" / "pyplot.py").write_text(PYPLOT)
        home.variables["PYTHONPATH"] = str(tmp_path / "library")
    home.variables["MPLBACKEND"] = "agg"
    for program in PROGRAMS:
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", program],
            env=home.environment(),
            cwd=home.folder,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, ""), program
    assert {"heat.jpg", "hours.png", "screen@1920x1080.png"} <= {path.name for path in home.folder.iterdir()}


def test_there_are_programs_that_begin_with_a_dict_of_positions() -> None:
    assert len(PROGRAMS) == 2
    assert "{(640, 480): 12" in PROGRAMS[0]


def test_there_are_blocks_for_the_suite_and_for_a_bare_machine() -> None:
    assert len(HERE) > 5
    firsts = [block.split("\n")[0] for block in BLOCKS if block not in HERE]
    assert [first.partition(" pipx")[0] for first in firsts[:3]] == ["scripts/run", *["sudo apt install"] * 2]


def test_a_block_that_fails_is_noticed(home: Home) -> None:
    assert run_block(home, "false\ntrue").returncode != 0
