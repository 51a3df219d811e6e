"""Many machines: what leaves one, what a study's sum holds, and what is left out of it and named."""

import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.fleet import BEGIN, Cells, give, summed
from support.program import Home

from mousetrackd.core.accumulator import Tally
from mousetrackd.core.counts import Counts
from mousetrackd.core.errors import MousetrackError, RefusedError, UsageError
from mousetrackd.core.layers import CLICKS, LAYERS, expand_layers
from mousetrackd.core.monitors import Monitor
from mousetrackd.core.series import Series
from mousetrackd.fleet import months, total
from mousetrackd.fleet.study import Study
from mousetrackd.fleet.total import Asked, Part
from mousetrackd.storage.readings import Range
from mousetrackd.storage.store import Store
from mousetrackd.storage.tiers import RollupAges

pytest_plugins = ("support.fixtures", "support.fleet_fixtures")


@pytest.mark.parametrize("layer", [*LAYERS, CLICKS])
@pytest.mark.parametrize("cohort", [None, "even"])
def test_the_sum_is_that_of_a_dictionary(made: tuple[Path, list[Cells]], layer: str, cohort: str | None) -> None:
    part = summed(made[0], layer, cohort=cohort)
    chosen = made[1] if cohort is None else made[1][::2]
    expected: Counter[int] = Counter()
    seen: Counter[int] = Counter()
    for cells in chosen:
        of_layer: Counter[int] = Counter()
        for (name, cell), count in cells.items():
            if name in expand_layers([layer]):
                of_layer[cell] += count
        expected += of_layer
        seen.update(of_layer.keys())
    sums = part.sums[layer]
    assert {cell: count for cell, count in enumerate(sums.counts.reshape(-1).tolist()) if count} == expected
    assert {cell: count for cell, count in enumerate(sums.seen.reshape(-1).tolist()) if count} == seen
    assert (part.machines, part.bad, len(part.days)) == (len(chosen), [], 3)


@pytest.mark.parametrize("least", [1, 2, 4])
@pytest.mark.parametrize("layer", ["dwell", "clicks"])
def test_what_few_have_seen_or_one_dominates_is_hidden(made: tuple[Path, list[Cells]], layer: str, least: int) -> None:
    shown = total.publish(summed(made[0], layer).sums[layer], least)
    by_cell: dict[int, list[int]] = {}
    for cells in made[1]:
        of_layer: Counter[int] = Counter()
        for (name, cell), count in cells.items():
            if name in expand_layers([layer]):
                of_layer[cell] += count
        for cell, count in of_layer.items():
            by_cell.setdefault(cell, []).append(count)
    allowed = {
        cell: sum(counts)
        for cell, counts in by_cell.items()
        if least == 1 or (len(counts) >= least and 2 * max(counts) <= sum(counts))
    }
    assert {cell: n for cell, n in enumerate(shown.counts.reshape(-1).tolist()) if n} == allowed
    assert set(np.flatnonzero(shown.seen).tolist()) == set(allowed)
    assert (shown.cells, shown.hidden_cells) == (len(by_cell), len(by_cell) - len(allowed))
    assert shown.total - shown.hidden == sum(allowed.values())
    assert 0 < len(allowed) < len(by_cell) or least == 1


# What leaves a machine ----------------------------------------------------------------------------


def test_nothing_leaves_but_days_layers_and_cells(fleet: Path) -> None:
    files = [path for path in (fleet / "study").rglob("*") if path.is_file()]
    assert len(files) == 12 * 2 * 2  # two months, and what is beside each
    for path in files:
        content = path.read_bytes()
        for word in (b"SECRET", b"edededed", b"T09", b"09:0"):
            assert word not in content or path.suffix == ".parquet", (path, word)
        if path.suffix == ".parquet":
            table = pq.read_table(path)
            assert table.column_names == ["day", "application", "layer", "cell", "n"]
            shown = f"{table.schema.metadata} {table.slice(0, 50).to_pylist()}"
            assert "SECRET" not in shown
            assert "edededed" not in shown
            assert {value.strftime("%H:%M") for value in map(_midnight, table["day"].to_pylist())} == {"00:00"}
    with Store.open_read_only(fleet / "m0" / "mousetrackd" / "heat.sqlite3") as store:
        assert store.store_ids()[0] not in {path.stem for path in files}


def _midnight(day: object) -> datetime:
    return datetime.fromisoformat(f"{day}T00:00")


def test_a_name_is_that_of_the_study_alone(fleet: Path) -> None:
    (fleet / "other").write_text("the secret of another study\n")
    with Store.open_read_only(fleet / "m1" / "mousetrackd" / "heat.sqlite3") as store:
        names = {Study(fleet / "study", fleet / secret).machine(store) for secret in ("secret", "other", "secret")}
    assert len(names) == 2


def test_a_repeat_writes_nothing_and_a_change_replaces_its_month(fleet: Path) -> None:
    assert give(fleet, 0, "even").write == []
    assert give(fleet, 0, "odd").write == ["2024-01", "2024-02"]
    before = summed(fleet, "dwell")
    file = fleet / "m0" / "mousetrackd" / "heat.sqlite3"
    with Store.open(file) as store:
        monitor = next(iter(store.monitors().values()))
        one = Counts.from_pixels(monitor.width_px, monitor.height_px, np.array([0]), np.array([7]))
        at_s = int(datetime(2024, 2, 3, 12).astimezone().timestamp())
        store.commit(Tally({Series(monitor, "dwell"): one}), at_s, at_s + 60)
    assert give(fleet, 0, "odd").write == ["2024-02"]
    after = summed(fleet, "dwell")
    assert after.sums["dwell"].counts.sum() - before.sums["dwell"].counts.sum() == 7
    assert after.bad == []


def test_what_was_forgotten_is_taken_back(fleet: Path) -> None:
    file = fleet / "m3" / "mousetrackd" / "heat.sqlite3"
    with Store.open(file) as store:
        store.erase(Range(int(datetime(2024, 2, 1).astimezone().timestamp())))
    plan = give(fleet, 3, "odd")
    assert (plan.write, plan.kept, plan.taken_back, len(plan.remove)) == ([], ["2024-01"], ["2024-02"], 2)
    assert not [*(fleet / "study" / "month=2024-02").glob(f"*{plan.machine}*")]
    assert summed(fleet, "dwell").bad == []


def test_days_outside_the_chosen_ones_are_taken_back(fleet: Path) -> None:
    since_s = int(datetime(2024, 1, 31).astimezone().timestamp())
    until_s = int(datetime(2024, 2, 1).astimezone().timestamp())
    plan = give(fleet, 2, "even", since_s=since_s, until_s=until_s)
    assert (plan.write, len(plan.remove)) == (["2024-01"], 2)
    found = months.read(fleet / "study" / "month=2024-01" / f"{plan.machine}.parquet")
    assert list(found.days()) == ["2024-01-31"]
    assert give(fleet, 2, "even", since_s=since_s, until_s=until_s).write == []


def test_old_months_are_given_by_the_day_from_their_hours(fleet: Path) -> None:
    file = fleet / "m5" / "mousetrackd" / "heat.sqlite3"
    before = summed(fleet, *LAYERS)
    with Store.open(file) as store:
        store.roll_up(int(BEGIN.timestamp()) + 90 * 86400, RollupAges(1, 2, 400))
    assert give(fleet, 5, "odd").write == []  # nothing has changed
    shutil.rmtree(fleet / "study" / "month=2024-01")
    for number in range(12):
        assert give(fleet, number, "even" if number % 2 == 0 else "odd").write == ["2024-01"]
    after = summed(fleet, *LAYERS)
    for layer in LAYERS:
        sums = int(after.sums[layer].counts.sum()), int(before.sums[layer].counts.sum())
        # Travel is rounded in each cell, and the hours have larger ones.
        assert abs(sums[0] - sums[1]) <= (sums[1] // 1000 if layer == "travel" else 0)


def test_counts_of_another_unit_do_not_leave(fleet: Path) -> None:
    file = fleet / "m0" / "mousetrackd" / "heat.sqlite3"
    odd = Counts.from_pixels(10, 10, np.array([5]), np.array([3]))
    with Store.open(file) as store:
        at_s = int(BEGIN.timestamp())
        store.commit_import([(at_s, Tally({Series(Monitor("imported", 10, 10), "dwell"): odd}))], "fixations")
    assert give(fleet, 0, "even").write == []


# What is wrong with a file ------------------------------------------------------------------------


def test_no_flipped_bit_gets_in(fleet: Path) -> None:
    """Neither in the rows nor in what is beside them."""
    rng = np.random.default_rng(1)
    files = sorted((fleet / "study").glob("month=*/*"))
    for _ in range(60):
        file = files[rng.integers(len(files))]
        content = bytearray(file.read_bytes())
        content[rng.integers(len(content))] ^= 1 << int(rng.integers(8))
        whole = file.read_bytes()
        file.write_bytes(content)
        with pytest.raises(ValueError, match=r"\w"):
            months.read(file.with_suffix(".parquet"))
        file.write_bytes(whole)


def _newer(file: Path, form: int) -> None:
    table = pq.read_table(file)
    meta = json.loads(table.schema.metadata[b"mousetrackd.fleet"]) | {"format": form}
    pq.write_table(table.replace_schema_metadata({b"mousetrackd.fleet": json.dumps(meta)}), file)
    _describe(file)


def _foreign(file: Path) -> None:
    pq.write_table(pq.read_table(file).replace_schema_metadata({}), file)
    _describe(file)


def _describe(file: Path) -> None:
    """Put the right SHA-256 beside a file, as who makes one on purpose would."""
    beside = months.facts_beside(file)
    facts = json.loads(beside.read_bytes()) | {"sha256": hashlib.sha256(file.read_bytes()).hexdigest()}
    beside.write_text(json.dumps(facts))


def _doubled(file: Path) -> None:
    table = pq.read_table(file)
    pq.write_table(pa.concat_tables([table, table]).replace_schema_metadata(pq.read_schema(file).metadata), file)
    _describe(file)


def _no_parquet(file: Path) -> None:
    file.write_bytes(b"PAR1 or not")
    _describe(file)


def _linked(file: Path) -> None:
    file.rename(file.with_name(".x"))
    file.symlink_to(".x")


WRONG: dict[str, tuple[Callable[[Path], object], str]] = {
    "truncated": (lambda file: file.write_bytes(file.read_bytes()[:500]), "still on its way"),
    "empty": (lambda file: file.write_bytes(b""), "empty"),
    "alone": (lambda file: months.facts_beside(file).unlink(), "may still be on its way"),
    "a conflict of the sync": (
        lambda file: shutil.copy(file, file.with_name(f"{file.stem} (conflict).parquet")),
        "not the name of a machine",
    ),
    "somebody's": (lambda file: file.with_name("notes.txt").write_text("x"), "not the name of a machine"),
    "newer": (lambda file: _newer(file, 2), "a newer mousetrackd"),
    "older": (lambda file: _newer(file, 0), "an older mousetrackd"),
    "foreign": (_foreign, "no file of a study"),
    "doubled rows": (_doubled, "other sums"),
    "no Parquet": (_no_parquet, "no file of a study"),
    "described, not there": (lambda file: file.unlink(), "not there"),
    "a link": (_linked, "no regular file"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_bad_file_is_named_and_the_rest_is_summed(fleet: Path, case: str) -> None:
    before = summed(fleet, "dwell")
    spoil, why = WRONG[case]
    file = sorted((fleet / "study").glob("month=2024-01/*.parquet"))[4]
    own = int(months.read(file).n[months.read(file).layer == LAYERS.index("dwell")].sum())
    is_extra = case in ("a conflict of the sync", "somebody's")
    spoil(file)
    after = summed(fleet, "dwell")
    assert len(after.bad) == 1
    assert why in after.bad[0]
    lost = int(before.sums["dwell"].counts.sum()) - int(after.sums["dwell"].counts.sum())
    assert lost == (0 if is_extra else own)


def test_one_machine_under_two_names_is_counted_once(fleet: Path) -> None:
    file = sorted((fleet / "study").glob("month=2024-01/*.parquet"))[4]
    for path in (file, months.facts_beside(file)):
        shutil.copy(path, path.with_name("0123456789abcdef" + path.suffix))
    after = summed(fleet, "dwell")
    assert ["under another name" in sentence for sentence in after.bad] == [True]
    assert after.machines == 12


# The commands -------------------------------------------------------------------------------------


def test_a_person_sees_gives_and_withdraws(home: Home, fleet: Path) -> None:
    shutil.copytree(fleet / "m7" / "mousetrackd", home.paths.data_dir)
    home.paths.data_dir.chmod(0o700)
    words = (fleet / "study", "--secret-file", fleet / "secret")
    for path in (fleet / "study").glob("month=*/*"):
        path.unlink()
    shown = home.run("fleet", "export", *words, "--dry-run", "--cohort", "odd")
    assert shown.out.startswith("machine,cohort,day,application,layer,column,row,n\n")
    assert shown.code == 0
    assert not [*(fleet / "study").glob("month=*/*")]
    home.run_ok("fleet", "export", *words, "--cohort", "odd")
    rows = sum(months.read(path).n.size for path in (fleet / "study").glob("month=*/*.parquet"))
    assert rows == shown.out.count("\n") - 1
    assert "unchanged" in home.run_ok("fleet", "export", *words, "--cohort", "odd")
    home.run_ok("fleet", "withdraw", *words, "--dry-run")
    assert len([*(fleet / "study").glob("month=*/*")]) == 4
    home.run_ok("fleet", "withdraw", *words)
    assert [*(fleet / "study").iterdir()] == []


def test_sums_are_written_as_arrays_and_pictures(home: Home, fleet: Path) -> None:
    said = home.run_ok("fleet", "sum", fleet / "study", "all.npz", "--layer", "dwell", "--layer", "clicks")
    assert "12 machines, 3 days" in said
    with np.load(home.folder / "all.npz") as arrays:
        assert {name: array.shape for name, array in arrays.items()} == {
            "dwell": (270, 480),
            "seen.dwell": (270, 480),
            "clicks": (90, 160),
            "seen.clicks": (90, 160),
        }
    home.run_ok("fleet", "sum", fleet / "study", "one.png", "--min-machines", "2")
    home.run_ok(
        "fleet", "sum", fleet / "study", "two.png", "--cohort", "odd", "--against", "even", "--min-machines", "2"
    )
    home.run_ok(
        "fleet", "sum", fleet / "study", "c.png", "--layer", "clicks", "--since", "2024-02-01", "--min-machines", "1"
    )
    for name in ("one.png", "two.png", "c.png"):
        assert (home.folder / name).read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["sum", "nowhere", "a.png"], "there is no folder"),
        (["sum", "study", "a.csv"], "cannot write a sum"),
        (["sum", "study", "a.png", "--layer", "dwell", "--layer", "scroll"], "one layer"),
        (["sum", "study", "a.png", "--layer", "nothing"], "there is no layer"),
        (["sum", "study", "a.png", "--against", "even"], "--cohort"),
        (["sum", "study", "a.png", "--cohort", "none"], 'nothing of the cohort "none"'),
        (["sum", "study", "a.png", "--min-machines", "13"], "has 12 machines"),
        (["sum", "study", "a.png", "--scheduler", "tcp://127.0.0.1:9"], "cheduler"),
        (["export", "study", "--secret-file", "nowhere"], "cannot read nowhere"),
        (["export", "study", "--secret-file", "short"], "too short"),
        (["export", "study", "--secret-file", "open"], "others may write"),
        (["export", "study", "--secret-file", "secret", "--cohort", "../x"], "is no cohort"),
        (["export", "nowhere", "--secret-file", "secret"], "there is no folder"),
        (["export", "study", "--secret-file", "secret"], "nothing has been counted yet"),
    ],
)
def test_what_cannot_be_is_explained(home: Home, fleet: Path, words: list[str], why: str) -> None:
    shutil.copytree(fleet / "study", home.folder / "study")
    shutil.copy(fleet / "secret", home.folder / "secret")
    (home.folder / "short").write_text("too short")
    (home.folder / "open").write_text("a secret that everyone can change")
    (home.folder / "open").chmod(0o666)
    result = home.run("fleet", *words)
    assert result.code in (1, 2, 77)
    assert why in result.err
    assert len(result.err_lines) == 2
    assert not (home.folder / "a.png").exists()


def test_errors_have_their_kinds(fleet: Path) -> None:
    (fleet / "secret").chmod(0o666)
    with pytest.raises(RefusedError):
        Study(fleet / "study", fleet / "secret")
    with pytest.raises(UsageError):
        total.machines_of(fleet / "nowhere", [])
    with pytest.raises(MousetrackError):
        total.require_machines(Part.empty(Asked(("dwell",))), Asked(("dwell",)), 1)
