"""Jobs for child processes whose code a test writes. A test file gets the fixture with ``pytest_plugins``."""

import textwrap
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from mousetrackd.daemon.child_process import PACKAGE, Job


@pytest.fixture
def make_job(tmp_path: Path) -> Callable[..., Job]:
    """Makes a job whose ``main`` has the given body, in a package of its own."""

    def make(body: str, **options: object) -> Job:
        package = tmp_path / "elsewhere" / "mousetrackd"
        (package / "core").mkdir(parents=True, exist_ok=True)
        (package / "__init__.py").touch()
        (package / "core" / "__init__.py").touch()
        (package / "core" / "errors.py").write_bytes((Path(PACKAGE).parent / "core" / "errors.py").read_bytes())
        (package / "job.py").write_text(f"def main():\n{textwrap.indent(textwrap.dedent(body), '    ')}\n", "utf-8")
        job = Job("mousetrackd.job", "the worker", b"", package=str(package / "__init__.py"))
        return replace(job, **options)  # type: ignore[arg-type]

    return make
