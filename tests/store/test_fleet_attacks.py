"""What strangers and syncs put into a study: named and left out, never followed, never in the way of a withdrawal."""

import hashlib
import json
import multiprocessing
import os
import shutil
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.fleet import Cells, give, summed

from mousetrackd.core.accumulator import Tally
from mousetrackd.core.counts import Counts
from mousetrackd.core.errors import MousetrackError
from mousetrackd.core.series import Series
from mousetrackd.fleet import months
from mousetrackd.fleet.study import Study
from mousetrackd.storage.readings import Range
from mousetrackd.storage.store import Store

pytest_plugins = ("support.fixtures", "support.fleet_fixtures")

_META = b"mousetrackd.fleet"


def describe(file: Path, **changed: object) -> None:
    """Put the right SHA-256 beside a file, as who makes one on purpose would."""
    beside = months.facts_beside(file)
    facts = json.loads(beside.read_bytes()) | {"sha256": hashlib.sha256(file.read_bytes()).hexdigest()} | changed
    beside.write_text(json.dumps(facts))


def with_column(name: str, values: Callable[[pa.ChunkedArray], Any]) -> Callable[[Path], None]:
    """Another column in the place of one of the file's."""

    def spoil(file: Path) -> None:
        table = pq.read_table(file, partitioning=None)
        changed = table.set_column(table.schema.get_field_index(name), name, values(table[name]))
        pq.write_table(changed.replace_schema_metadata(table.schema.metadata), file)
        describe(file)

    return spoil


def with_first(name: str, value: object) -> Callable[[Path], None]:
    """Another value in a column's first row."""
    return with_column(name, lambda column: pa.array([value, *column.to_pylist()[1:]], column.type))


def with_facts(**changed: object) -> Callable[[Path], None]:
    """Another description within the file."""

    def spoil(file: Path) -> None:
        table = pq.read_table(file, partitioning=None)
        described = json.loads(table.schema.metadata[_META]) | changed
        pq.write_table(table.replace_schema_metadata({_META: json.dumps(described)}), file)
        describe(file)

    return spoil


def another_column(file: Path) -> None:
    """One more than there are."""
    table = pq.read_table(file, partitioning=None)
    pq.write_table(table.append_column("hour", table["cell"]), file)
    describe(file)


def many_rows(file: Path) -> None:
    """Far more than a month can have, in a small file."""
    table = pq.read_table(file, partitioning=None)
    part = pa.concat_tables([table.slice(0, 1)] * 1000).combine_chunks()
    part = pa.concat_tables([part] * 1000).combine_chunks()
    with pq.ParquetWriter(file, table.schema, compression="zstd") as writer:
        for _ in range(14):
            writer.write_table(part)
    describe(file)


def in_month(name: str) -> Callable[[Path], None]:
    """The file in the folder of a month that there is not, and describing itself so."""

    def spoil(file: Path) -> None:
        folder = file.parent.with_name(f"month={name}")
        folder.mkdir()
        with_facts(month=name)(file)
        for path in (file, months.facts_beside(file)):
            path.rename(folder / path.name)
        if not months.FOLDER.fullmatch(folder.name):
            months.facts_beside(folder / file.name).unlink()

    return spoil


def huge(path_of: Callable[[Path], Path]) -> Callable[[Path], None]:
    """A file of 1 GB, which takes no space on the disk."""

    def spoil(file: Path) -> None:
        os.truncate(path_of(file), 1 << 30)

    return spoil


def link(path_of: Callable[[Path], Path], to: str) -> Callable[[Path], None]:
    """A link in the place of a file."""

    def spoil(file: Path) -> None:
        path_of(file).unlink()
        path_of(file).symlink_to(to)

    return spoil


def pipe(path_of: Callable[[Path], Path]) -> Callable[[Path], None]:
    """A named pipe that nobody writes into."""

    def spoil(file: Path) -> None:
        path_of(file).unlink()
        os.mkfifo(path_of(file))

    return spoil


def itself(file: Path) -> Path:
    return file


def text_beside(text: str) -> Callable[[Path], None]:
    """Another text beside the file."""
    return lambda file: void(months.facts_beside(file).write_text(text))


def void(_: object) -> None:
    """A call's result is nothing."""


def copy_named(name: str) -> Callable[[Path], None]:
    """A copy that a sync made."""
    return lambda file: void(shutil.copy(file, file.with_name(name.format(file.stem))))


ATTACKS: dict[str, tuple[Callable[[Path], None], str]] = {
    "rows without end": (many_rows, "more rows than a month has cells"),
    "a path for a name": (with_facts(machine="../../x"), "under another name"),
    "a long name": (with_facts(machine="x" * 100_000), "under another name"),
    "a cohort that is a path": (with_facts(cohort="../x"), "cohort"),
    "a cohort that is a number": (with_facts(cohort=7), "no file of a study"),
    "no cells": (with_facts(grid=[1, 1]), "another grid"),
    "a month that is none": (in_month("9999-99"), "not the name of a month"),
    "a month long ago": (in_month("1999-01"), "days of another month"),
    "a link to a system's file": (link(itself, "/etc/passwd"), "no regular file"),
    "a link beside it": (link(months.facts_beside, "/etc/passwd"), "is damaged"),
    "a link to nothing beside it": (link(months.facts_beside, "nothing"), "on its way"),
    "a device": (link(itself, "/dev/zero"), "no regular file"),
    "a pipe": (pipe(itself), "a named pipe"),
    "a pipe beside it": (pipe(months.facts_beside), "is damaged"),
    "a GB": (huge(itself), "larger than 64 MiB"),
    "a GB beside it": (huge(months.facts_beside), "is damaged"),
    "deep JSON": (text_beside("[" * 100_000), "is damaged"),
    "a number of many digits": (text_beside('{"sha256": ' + "9" * 100_000 + "}"), "is damaged"),
    "NaN beside it": (lambda file: describe(file, rows=float("nan")), "other sums"),
    "NaN": (with_column("n", lambda n: pa.array([float("nan")] * len(n))), "other columns"),
    "fractions": (with_column("n", lambda n: pa.array([1.5] * len(n))), "other columns"),
    "nothing": (with_first("n", None), "rows that cannot be"),
    "a negative count": (with_first("n", -5), "rows that cannot be"),
    "a huge count": (with_first("n", 2**63 - 1), "more counts than a month has time for"),
    "a cell outside": (with_first("cell", 480 * 270), "rows that cannot be"),
    "a negative cell": (with_first("cell", -1), "rows that cannot be"),
    "a day of no calendar": (
        with_column("day", lambda day: pa.array([2**31 - 1] * len(day), pa.int32()).cast(pa.date32())),
        "no file of a study",
    ),
    "a layer of its own": (
        with_column("layer", lambda one: pa.array(["keys"] * len(one)).dictionary_encode()),
        "rows that cannot be",
    ),
    "an application that writes to the terminal": (
        with_column("application", lambda one: pa.array(["\x1b[2Jx"] * len(one)).dictionary_encode()),
        "applications that cannot be",
    ),
    "applications without end": (
        with_column(
            "application",
            lambda one: pa.array([f"a{number}" for number in range(len(one))]).dictionary_encode(),
        ),
        "applications that cannot be",
    ),
    "another column": (another_column, "other columns"),
    "Syncthing's conflict": (copy_named("{}.sync-conflict-20261128-010203-ABCDEFG.parquet"), "not the name"),
    "Dropbox's conflict": (copy_named("{} (conflicted copy).parquet"), "not the name"),
}


@pytest.fixture(scope="module")
def whole_sum(made: tuple[Path, list[Cells]]) -> int:
    """All rest of the study, in ms, before anyone has attacked it."""
    return int(summed(made[0], "dwell").sums["dwell"].counts.sum())


@pytest.mark.parametrize("attack", ATTACKS)
def test_what_a_stranger_puts_in_is_named_and_left_out(fleet: Path, whole_sum: int, attack: str) -> None:
    spoil, why = ATTACKS[attack]
    file = sorted((fleet / "study").glob("month=2024-01/*.parquet"))[4]
    own = 0 if "conflict" in attack else int(months.read(file).n[_dwell(months.read(file))].sum())
    spoil(file)
    after = summed(fleet, "dwell")
    assert len(after.bad) == 1
    assert why in after.bad[0]
    assert len(after.bad[0]) < 200
    assert int(after.sums["dwell"].counts.sum()) == whole_sum - own


def _dwell(month: months.Month) -> Any:
    return (month.layer == 0) & (month.application == 0)


# The machine's own files --------------------------------------------------------------------------


@pytest.mark.parametrize("attack", [name for name in ATTACKS if name != "rows without end"])
def test_the_next_export_and_a_withdrawal_are_not_hindered(fleet: Path, attack: str) -> None:
    study = Study(fleet / "study", fleet / "secret")
    with Store.open_read_only(fleet / "m4" / "mousetrackd" / "heat.sqlite3") as store:
        machine = study.machine(store)
    file = fleet / "study" / "month=2024-01" / f"{machine}.parquet"
    right = {path: path.read_bytes() for path in (file, months.facts_beside(file))}
    ATTACKS[attack][0](file)
    study.remove(study.all_of(machine))
    assert [path for path in (fleet / "study").rglob("*") if machine in path.name] == []
    give(fleet, 4, "even")
    assert {path: path.read_bytes() for path in right} == right
    ATTACKS[attack][0](file)
    plan = give(fleet, 4, "even")
    if not plan.kept[1:]:  # what is not as it was written is replaced
        assert {path: path.read_bytes() for path in right} == right
        assert summed(fleet, "dwell").bad == []


@pytest.mark.parametrize("left", ["link", "file"])
def test_an_export_does_not_leave_the_study(fleet: Path, left: str) -> None:
    shutil.rmtree(fleet / "study" / "month=2024-01")
    (fleet / "elsewhere").mkdir()
    if left == "link":
        (fleet / "study" / "month=2024-01").symlink_to(fleet / "elsewhere")
    else:
        (fleet / "study" / "month=2024-01").write_text("")
    with pytest.raises(MousetrackError, match=r"cannot write .*: its folder is a link, or no folder"):
        give(fleet, 4, "even")
    assert [*(fleet / "elsewhere").iterdir()] == []


def test_copies_of_a_forgotten_month_are_taken_back(fleet: Path) -> None:
    plan = give(fleet, 3, "odd")
    file = fleet / "study" / "month=2024-02" / f"{plan.machine}.parquet"
    versions = fleet / "study" / ".stversions" / "month=2024-02"
    versions.mkdir(parents=True)
    for path in (
        file.with_name(f"{plan.machine} (conflicted copy).parquet"),
        file.with_name(f"{plan.machine}.sync-conflict-20261128-010203-ABCDEFG.json"),
        file.with_name(f".{plan.machine}.parquet.77.new"),
        versions / f"{plan.machine}~20261128-010203.parquet",
    ):
        shutil.copy(file, path)
    with Store.open(fleet / "m3" / "mousetrackd" / "heat.sqlite3") as store:
        store.erase(Range(int(datetime(2024, 2, 1).astimezone().timestamp())))
    plan = give(fleet, 3, "odd")
    assert plan.taken_back == ["2024-02"]
    names = {path.relative_to(fleet / "study") for path in (fleet / "study").rglob(f"*{plan.machine}*")}
    assert {str(path) for path in names} == {f"month=2024-01/{plan.machine}.{kind}" for kind in ("json", "parquet")}


def test_a_day_of_a_wrong_clock_is_given_and_counted(fleet: Path) -> None:
    """The clock was ahead, and then set back."""
    with Store.open(fleet / "m6" / "mousetrackd" / "heat.sqlite3") as store:
        monitor = next(iter(store.monitors().values()))
        one = Counts.from_pixels(monitor.width_px, monitor.height_px, np.array([0]), np.array([7]))
        for year in (2099, 2023):
            at_s = int(datetime(year, 5, 5, 12).astimezone().timestamp())
            store.commit(Tally({Series(monitor, "dwell"): one}), at_s, at_s + 60)
    before = int(summed(fleet, "dwell").sums["dwell"].counts.sum())
    assert give(fleet, 6, "even").write == ["2023-05", "2099-05"]
    after = summed(fleet, "dwell")
    assert (after.bad, int(after.sums["dwell"].counts.sum()) - before, len(after.days)) == ([], 14, 5)


def _export_often(folder: Path, cohort: str) -> None:
    for _ in range(6):
        shutil.rmtree(folder / "study" / "month=2024-02", ignore_errors=True)
        try:
            give(folder, 8, cohort)
        except MousetrackError:  # the other has deleted the folder
            continue


def test_exports_at_the_same_time_are_made_good_by_the_next(fleet: Path) -> None:
    fork = multiprocessing.get_context("fork")
    others = [fork.Process(target=_export_often, args=(fleet, cohort)) for cohort in ("a", "b")]
    for other in others:
        other.start()
    for other in others:
        other.join()
    assert [other.exitcode for other in others] == [0, 0]
    give(fleet, 8, "even")
    part = summed(fleet, "dwell", cohort="even")
    assert part.bad == []
    assert part.machines == 6
    assert [*(fleet / "study").rglob("*.new")] == []


def test_a_folder_that_cannot_be_written_is_reported(fleet: Path) -> None:
    study = Study(fleet / "study", fleet / "secret")
    files = sorted((fleet / "study").glob("month=2024-01/*"))[:2]
    is_root = os.geteuid() == 0
    files[0].parent.chmod(0o555)
    if is_root:
        os.seteuid(65534)
    try:
        with pytest.raises(MousetrackError, match=r"cannot delete .*: Permission denied"):
            study.remove(files)
    finally:
        if is_root:
            os.seteuid(0)
        files[0].parent.chmod(0o755)
    assert [path.exists() for path in files] == [True, True]
