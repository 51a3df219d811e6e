"""The study of twelve machines, made once for a test file, and a copy of it for each test that changes it."""

import shutil
from pathlib import Path

import pytest

from support.fleet import Cells, fill, give


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Cells]]:
    """A study of twelve machines in two cohorts, and what each counted."""
    folder = tmp_path_factory.mktemp("fleet")
    (folder / "study").mkdir()
    (folder / "secret").write_text("a secret of the study, long enough\n")
    counted = []
    for number in range(12):
        counted.append(fill(folder / f"m{number}" / "mousetrackd" / "heat.sqlite3", number))
        give(folder, number, "even" if number % 2 == 0 else "odd")
    return folder, counted


@pytest.fixture
def fleet(made: tuple[Path, list[Cells]], tmp_path: Path) -> Path:
    shutil.copytree(made[0], tmp_path / "fleet")
    return tmp_path / "fleet"
