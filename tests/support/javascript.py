"""The page's JavaScript outside of a browser: a copy in which Node.js reads every file as a module."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = (ROOT / "mousetrackd" / "page" / "web", ROOT / "tests" / "page")


def find_node() -> str:
    """Of the venv, into which the dev extra installs it, else the system's."""
    found = shutil.which("node", path=str(Path(sys.executable).parent)) or shutil.which("node")
    if found is None:
        pytest.skip("Node.js is not installed: pip install -e '.[dev]' brings it")
    return found


def copy_sources(folder: Path) -> Path:
    """The page's scripts and those of tests/page in ``folder``; returns the latter."""
    (folder / "package.json").write_text('{"type": "module"}')
    for source in SOURCES:
        shutil.copytree(source, folder / source.relative_to(ROOT), ignore=shutil.ignore_patterns("__pycache__"))
    return folder / SOURCES[1].relative_to(ROOT)


def run_in_node(scripts: Path, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run Node.js in the folder that ``copy_sources`` returned."""
    return subprocess.run(
        [find_node(), *arguments], cwd=scripts, input=stdin, capture_output=True, text=True, timeout=60, check=False
    )
