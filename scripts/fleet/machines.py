"""What machines give to a study and what it adds up to, compared with dictionaries; and what never leaves one."""

import getpass
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from fleet import simulated
from fleet.report import report
from mousetrackd.core.layers import expand_layers
from mousetrackd.fleet import total
from mousetrackd.fleet.study import Study
from mousetrackd.fleet.total import Asked, Part
from mousetrackd.storage.store import Store

LAYERS = ("dwell", "travel", "clicks")
LISTED = (simulated.EVERYWHERE, simulated.RARE)
LEAST = 10
COHORTS = ("design", "support")
_SHARE = 0.2
"""Of the pixels that a machine has in a day, because the dictionaries count them one by one."""
_TIME = re.compile(rb"\d\d:\d\d")

Counted = dict[tuple[str, str], dict[int, int]]
"""By layer and application: how much is in each cell."""


def store_of(folder: Path, number: int) -> Path:
    """Where a machine's store is."""
    return folder / f"machine{number}" / "mousetrackd" / "heat.sqlite3"


def give(job: tuple[Path, int, int]) -> Counted:
    """Make a machine and export it; what its store holds, counted by a plain dictionary."""
    folder, number, days = job
    file = store_of(folder, number)
    simulated.make_machine(file, number, days, _SHARE, simulated.applications_of(number))
    study = Study(folder / "study", folder / "secret", COHORTS[number % 2], LISTED)
    with Store.open_read_only(file) as store:
        plan = study.plan(store)
        for month in study.months(store, plan):
            study.put(month)
    found: Counted = {}
    for layer, application in [*((layer, "") for layer in LAYERS), *(("dwell", name) for name in LISTED)]:
        cells: dict[int, int] = {}
        for one in expand_layers([layer]):
            for cell, n in simulated.plain_sum(file, one, application).items():
                cells[cell] = cells.get(cell, 0) + n
        found[layer, application] = cells
    return found


def command(
    folder: Path, number: int, *words: str | Path, under: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[str]:
    """Run a command of mousetrackd as the user of a machine."""
    data = folder / f"machine{number}"
    folders = {"HOME": str(folder), "XDG_DATA_HOME": str(data), "XDG_CONFIG_HOME": str(data / "config")}
    whole = [*under, sys.executable, "-m", "mousetrackd", *map(str, words)]
    environment = {**os.environ, **folders}
    return subprocess.run(whole, env=environment, cwd=folder, capture_output=True, text=True, check=False)


def cells_of(array: NDArray[np.int64]) -> dict[int, int]:
    """The cells with counts."""
    flat = array.reshape(-1)
    return {int(cell): int(flat[cell]) for cell in np.flatnonzero(flat)}


def check_sums(part: Part, machines: list[Counted], application: str = "") -> None:
    """The sum, and what of it may be shown, against dictionaries."""
    of = f"{application}'s " if application else ""
    for layer in part.sums:
        by_cell: dict[int, list[int]] = {}
        for one in machines:
            for cell, count in one[layer, application].items():
                by_cell.setdefault(cell, []).append(count)
        sums = {cell: sum(counts) for cell, counts in by_cell.items()}
        report(f"the sum of {of}{layer} is that of a dictionary", cells_of(part.sums[layer].counts) == sums)
        shown = total.publish(part.sums[layer], LEAST)
        allowed = {
            cell: sums[cell]
            for cell, counts in by_cell.items()
            if len(counts) >= LEAST and 2 * max(counts) <= sums[cell]
        }
        share = shown.hidden / max(shown.total, 1)
        report(
            f"{of}{layer}: cells of {LEAST} machines or more, counted one by one",
            cells_of(shown.counts) == allowed,
            f"{shown.hidden_cells} of {shown.cells} hidden, {share:.1%} of counts",
        )


def check_commands(folder: Path, machines: int, part: Part) -> None:
    """The commands give and add up the same; an application of few machines is not distinguished from one of none."""
    words = ("--secret-file", folder / "secret", "--applications", folder / "list")
    for number in range(min(machines, 3)):
        again = command(folder, number, "fleet", "export", folder / "study", *words, "--cohort", COHORTS[number % 2])
        is_same = again.returncode == 0 and "no month written" in again.stdout and "unchanged" in again.stdout
        report(f"machine {number} has nothing to add by command", is_same, again.stderr.strip())
    denied = "left out denied.bank: the configuration denies it"
    config = folder / "machine0" / "config" / "mousetrackd" / "config.toml"
    config.parent.mkdir(parents=True, mode=0o700)
    config.write_text('[applications]\nenabled = true\ndeny = ["denied.*"]\n')
    (folder / "longer").write_text((folder / "list").read_text() + f"\n{simulated.DENIED}\n")
    (folder / "longer").chmod(0o600)
    again = command(folder, 0, "fleet", "export", folder / "study", *words[:-1], folder / "longer", "--dry-run")
    is_kept = again.returncode == 0 and denied in again.stderr and simulated.DENIED not in again.stdout
    report("what is denied does not leave", is_kept, again.stderr.strip().replace("\n", "; "))
    layers = [word for layer in LAYERS for word in ("--layer", layer)]
    done = command(folder, 0, "fleet", "sum", folder / "study", "all.npz", *layers, "--min-machines", str(LEAST))
    if machines < LEAST:
        report("too few machines are refused", done.returncode == 1 and "hidden" in done.stderr, done.stderr.strip())
        return
    with np.load(folder / "all.npz") as arrays:
        shown = {layer: total.publish(part.sums[layer], LEAST) for layer in LAYERS}
        is_same = all(
            np.array_equal(arrays[layer], one.counts) and np.array_equal(arrays[f"seen.{layer}"], one.seen)
            for layer, one in shown.items()
        )
    report("the command gives the same sum", is_same and done.returncode == 0, done.stdout.strip().replace("\n", "; "))
    answers = {}
    for name in (simulated.RARE, simulated.UNLISTED):
        done = command(folder, 0, "fleet", "sum", folder / "study", "a.png", "--application", name)
        answers[name] = (done.returncode, done.stderr.replace(name, "NAME"))
    is_same = len(set(answers.values())) == 1 and next(iter(answers.values()))[0] == 1
    report("an application of few machines is as one of none", is_same, answers[simulated.RARE][1].strip())


def check_what_leaves(folder: Path, machines: int) -> None:
    """No name, EDID, hour, or application outside of the list is in a file."""
    words = {b"SECRET", b"eded0", b"machine1", b"heat.sqlite3", b"unlisted", b"denied", str(folder).encode()}
    words |= {socket.gethostname().encode(), getpass.getuser().encode()}
    for number in range(machines):
        with Store.open_read_only(store_of(folder, number)) as store:
            words |= {one.encode() for one in store.store_ids()}
    found: set[bytes] = set()
    applications: set[str] = set()
    times = False
    columns: set[str] = set()
    for path in (folder / "study").rglob("*"):
        if path.is_dir():
            continue
        content = path.name.encode() + (b"" if path.suffix == ".parquet" else path.read_bytes())
        if path.suffix == ".parquet":
            table = pq.read_table(path, partitioning=None)
            columns |= {f"{field.name} {field.type}" for field in table.schema}
            applications |= set(table["application"].unique().to_pylist())
            content += str(table.schema.metadata).encode() + str(table["layer"].unique().to_pylist()).encode()
            report_raw = path.read_bytes()
            found |= {word for word in words if len(word) > 4 and word in report_raw}
        found |= {word for word in words if word in content}
        times |= _TIME.search(content) is not None
    report("no name of a person, computer, monitor or store leaves", not found, str(sorted(found)) if found else "")
    report("only applications of the list leave", applications == {"", *LISTED}, str(sorted(applications)))
    names = sorted(one.split()[0] for one in columns)
    is_right = names == ["application", "cell", "day", "layer", "n"] and "day date32[day]" in columns and not times
    report("no hour leaves: there are days, applications, layers, cells and counts", is_right, ", ".join(names))


def sum_all(study: Path, asked: Asked) -> Part:
    """The sum of a study, and all that is bad in it."""
    bad: list[str] = []
    part = total.sum_machines(total.machines_of(study, bad), asked)
    part.bad += bad
    return part
