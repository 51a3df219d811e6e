"""The page's JavaScript that needs no browser: each ``*.test.js`` here runs in Node.js, with its own test runner."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
WEB = ROOT / "mousetrackd" / "page" / "web"


def find_node() -> str:
    """Of the venv, into which the dev extra installs it, else the system's."""
    found = shutil.which("node", path=str(Path(sys.executable).parent)) or shutil.which("node")
    if found is None:
        pytest.skip("Node.js is not installed: pip install -e '.[dev]' brings it")
    return found


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same two folders, where Node.js reads every .js file as a module, as a browser does."""
    folder = tmp_path_factory.mktemp("javascript")
    (folder / "package.json").write_text('{"type": "module"}')
    for source in (WEB, HERE):
        shutil.copytree(source, folder / source.relative_to(ROOT), ignore=shutil.ignore_patterns("__pycache__"))
    return folder


@pytest.mark.parametrize("script", sorted(path.name for path in HERE.glob("*.test.js")))
def test_in_node(checkout: Path, script: str) -> None:
    # The reporter's lines name the assertion that failed, and what was compared.
    ran = subprocess.run(
        [find_node(), "--test-reporter=spec", script],
        cwd=checkout / HERE.relative_to(ROOT),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert re.search(r"pass [1-9]", ran.stdout), f"{script} has no test"
