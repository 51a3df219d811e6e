"""A study by application: only those of its list, never one that is denied, and none that few machines have."""

import shutil
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from support.program import Home

from mousetrackd.core.accumulator import Tally
from mousetrackd.core.counts import Counts
from mousetrackd.core.errors import MousetrackError, RefusedError, UsageError
from mousetrackd.core.monitors import Monitor
from mousetrackd.core.series import Series
from mousetrackd.fleet import months, total
from mousetrackd.fleet.study import Study, read_applications
from mousetrackd.fleet.total import Asked, Part
from mousetrackd.storage.store import Store

pytest_plugins = ("support.fixtures",)

BEGIN = datetime(2024, 1, 30).astimezone()
SCREEN = Monitor("SECRET", 480, 270)
EVERYWHERE, RARE, UNLISTED, DENIED = "org.paint", "rare.program", "keepsecret", "banking"
LIST = f"# of the study\n{EVERYWHERE}.desktop\nRare.Program  # a remark\n{DENIED}\nnever.used\n"


def store_of(file: Path, number: int) -> None:
    """One of a machine that has all but the rare one, which three have; the cell of each is its machine's."""
    file.parent.mkdir(parents=True, mode=0o700, exist_ok=True)
    with Store.open(file) as store:
        for day in range(2):
            tally = Tally()
            for name in ("", EVERYWHERE, UNLISTED, DENIED, *([RARE] if number < 3 else [])):
                places = np.array([0, 1 + number // 2])  # one that all have, and one that two have
                n = np.full(2, 100 if name else 1000)
                tally.counts[Series(SCREEN, "dwell", name)] = Counts.from_pixels(480, 270, places, n)
                if name:
                    in_window = Counts.from_pixels(256, 256, np.array([7]), np.array([200]))
                    tally.counts[Series(SCREEN, "dwell", name, 256)] = in_window
            start_s = int((BEGIN + timedelta(days=day, hours=9)).timestamp())
            store.commit(tally, start_s, start_s + 600)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("applications")
    (folder / "study").mkdir()
    (folder / "secret").write_text("a secret of the study, long enough\n")
    (folder / "list").write_text(LIST)
    for number in range(6):
        file = folder / f"m{number}" / "mousetrackd" / "heat.sqlite3"
        store_of(file, number)
        give(folder, number, [name for name in read_applications(folder / "list") if name != DENIED])
    return folder


@pytest.fixture
def fleet(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made, tmp_path / "fleet")
    return tmp_path / "fleet"


def give(folder: Path, number: int, applications: list[str]) -> list[str]:
    """Export a machine; the months that were written."""
    study = Study(folder / "study", folder / "secret", "", applications)
    with Store.open_read_only(folder / f"m{number}" / "mousetrackd" / "heat.sqlite3") as store:
        plan = study.plan(store)
        for month in study.months(store, plan):
            study.put(month)
        study.remove(plan.remove)
    return plan.write


def summed(folder: Path, application: str) -> Part:
    bad: list[str] = []
    part = total.sum_machines(total.machines_of(folder / "study", bad), Asked(("dwell",), application=application))
    assert [*bad, *part.bad] == []
    return part


def test_only_names_of_the_list_leave(made: Path) -> None:
    files = [path for path in (made / "study").rglob("*") if path.is_file()]
    assert len(files) == 6 * 2
    names: set[str] = set()
    for path in files:
        content = path.read_bytes()
        if path.suffix == ".parquet":
            table = pq.read_table(path)
            names |= set(table["application"].to_pylist())
            content += f"{table.to_pylist()} {table.schema}".encode()
        for word in (UNLISTED, DENIED, "never.used", SCREEN.output):
            assert word.encode() not in content, (path, word)
    assert names == {"", EVERYWHERE, RARE}


def test_the_sum_of_an_application_is_its_own(made: Path) -> None:
    assert summed(made, "").sums["dwell"].counts[0, :4].tolist() == [12_000, 4000, 4000, 4000]
    part = summed(made, EVERYWHERE)
    assert part.sums["dwell"].counts[0, :4].tolist() == [1200, 400, 400, 400]
    assert part.sums["dwell"].seen[0, :4].tolist() == [6, 2, 2, 2]
    assert (part.machines, len(part.days)) == (6, 2)
    assert part.applications == {"": 6, EVERYWHERE: 6, RARE: 3}
    rare = summed(made, RARE)
    assert (rare.machines, rare.sums["dwell"].seen[0, :3].tolist()) == (3, [3, 2, 1])


def test_cells_of_an_application_that_few_have_are_hidden(made: Path) -> None:
    shown = total.publish(summed(made, EVERYWHERE).sums["dwell"], 3)
    assert np.flatnonzero(shown.counts).tolist() == [0]
    assert (shown.hidden_cells, shown.hidden) == (3, 1200)


@pytest.mark.parametrize("name", [RARE, "nobody.has.it"])
def test_whether_few_have_an_application_or_none_is_not_revealed(made: Path, name: str) -> None:
    asked = Asked(("dwell",), application=name)
    with pytest.raises(MousetrackError) as caught:
        total.require_machines(summed(made, name), asked, 4)
    assert caught.value.message == f'fewer than 4 machines have counts of "{name}" in this range'
    assert caught.value.hint == f"There are counts of: {EVERYWHERE}"


def test_another_list_replaces_what_was_given(fleet: Path) -> None:
    give(fleet, 0, [EVERYWHERE, RARE])
    assert give(fleet, 0, [RARE, EVERYWHERE]) == []  # their order is nothing
    assert len(give(fleet, 0, [EVERYWHERE])) == 1
    assert summed(fleet, RARE).machines == 2
    assert len(give(fleet, 1, [])) == 1
    assert summed(fleet, EVERYWHERE).machines == 5


def test_travel_has_no_application() -> None:
    with pytest.raises(UsageError, match="not kept by application"):
        Asked(("travel",), application=EVERYWHERE)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"*", "is no application"),
        (b"firefox, chromium", "is no application"),
        (b"other", "is no application"),
        (b"../../x", "is no application"),
        (b"a\x00\xff", "no text"),
        ("\n".join(f"a{number}" for number in range(months.APPLICATIONS_MAX + 1)).encode(), "200 at most"),
    ],
)
def test_a_list_that_cannot_be_is_refused(tmp_path: Path, content: bytes, why: str) -> None:
    file = tmp_path / "list"
    file.write_bytes(content)
    with pytest.raises(UsageError) as caught:
        read_applications(file)
    assert why in caught.value.message + caught.value.hint


def test_a_list_that_others_may_write_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "list"
    file.write_text(EVERYWHERE)
    file.chmod(0o666)
    with pytest.raises(RefusedError):
        read_applications(file)


def test_a_person_sees_the_applications_and_none_that_is_denied(home: Home, fleet: Path) -> None:
    shutil.copytree(fleet / "m1" / "mousetrackd", home.paths.data_dir)
    home.paths.data_dir.chmod(0o700)
    home.configure('[applications]\nenabled = true\ndeny = ["bank*"]\n')
    words = ("fleet", "export", fleet / "study", "--secret-file", fleet / "secret")
    shown = home.run(*words, "--dry-run", "--applications", fleet / "list")
    assert shown.code == 0
    assert f"left out {DENIED}: the configuration denies it" in shown.err
    assert "no month" in shown.err  # the study has it already
    home.run_ok(*words)
    assert summed(fleet, EVERYWHERE).machines == 5
    shown = home.run(*words, "--dry-run", "--applications", fleet / "list")
    assert {line.split(",")[3] for line in shown.out.splitlines()[1:]} == {"", EVERYWHERE, RARE}


def test_an_application_is_drawn(home: Home, fleet: Path) -> None:
    said = home.run_ok("fleet", "sum", fleet / "study", "a.png", "--application", "Org.Paint", "--min-machines", "3")
    assert "6 machines" in said
    refused = home.run("fleet", "sum", fleet / "study", "b.png", "--application", RARE, "--min-machines", "4")
    assert refused.code == 1
    assert refused.err_lines == [
        f'mousetrackd: fewer than 4 machines have counts of "{RARE}" in this range',
        f"There are counts of: {EVERYWHERE}",
    ]
    assert not (home.folder / "b.png").exists()
