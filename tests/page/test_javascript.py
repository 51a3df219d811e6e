"""The page's JavaScript that needs no browser: each ``*.test.js`` here runs in Node.js, with its own test runner."""

import re
from pathlib import Path

import pytest
from support.javascript import copy_sources, run_in_node

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_sources(tmp_path_factory.mktemp("javascript"))


@pytest.mark.parametrize("script", sorted(path.name for path in HERE.glob("*.test.js")))
def test_in_node(scripts: Path, script: str) -> None:
    # The reporter's lines name the assertion that failed, and what was compared.
    ran = run_in_node(scripts, "--test-reporter=spec", script)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert re.search(r"pass [1-9]", ran.stdout), f"{script} has no test"
