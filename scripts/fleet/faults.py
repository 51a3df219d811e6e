"""Files of a study that are damaged, no longer or not yet readable; and exports that are killed at each step."""

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from fleet.machines import COHORTS, LAYERS, command, sum_all
from fleet.report import report
from mousetrackd.fleet import months, total
from mousetrackd.fleet.total import Asked

FLIPS = 60
_KILLS = (*(("fsync", nth) for nth in (1, 2, 3)), *(("rename", nth) for nth in (1, 2)))
"""At which system calls of an export of one month: two files and their folder are synced, two are put in place."""


def check_files(folder: Path) -> None:
    """Flipped bits, and files that are cut, empty, doubled, of another version or under another name."""
    rng = np.random.default_rng(7)
    study = folder / "study"
    files = sorted(study.glob("month=*/*.parquet"))
    noticed = 0
    for _ in range(FLIPS):
        file = files[rng.integers(len(files))]
        file = file if rng.random() < 0.8 else months.facts_beside(file)
        whole = file.read_bytes()
        spoiled = bytearray(whole)
        spoiled[rng.integers(len(spoiled))] ^= 1 << int(rng.integers(8))
        file.write_bytes(spoiled)
        part = total.sum_machines([[file.with_suffix(".parquet")]], Asked(LAYERS))
        noticed += len(part.bad) == 1 and part.machines == 0
        file.write_bytes(whole)
    report("flipped bits are found", noticed == FLIPS, f"{noticed} of {FLIPS}")
    file = files[3]
    whole, facts = file.read_bytes(), months.facts_beside(file).read_bytes()
    contents = {"truncated": whole[: len(whole) // 2], "empty": b"", "foreign": b"PAR1" * 100}
    contents |= {"of an older format": _of_format(file, 0), "of a newer format": _of_format(file, 2)}
    for name, content in contents.items():
        file.write_bytes(content)
        if "format" in name:  # as its own version would have described it
            described = json.loads(facts) | {"sha256": hashlib.sha256(content).hexdigest()}
            months.facts_beside(file).write_text(json.dumps(described))
        part = total.sum_machines([[file]], Asked(LAYERS))
        is_named = len(part.bad) == 1 and part.machines == 0 and ("format" in part.bad[0]) == ("format" in name)
        report(f"a file that is {name} is left out and named", is_named, part.bad[0] if part.bad else "")
    file.write_bytes(whole)
    months.facts_beside(file).write_bytes(facts)
    copy = file.with_name("0123456789abcdef.parquet")
    copy.write_bytes(whole)
    months.facts_beside(copy).write_bytes(facts)
    bad: list[str] = []
    of_copy = [[path] for of_one in total.machines_of(study, bad) for path in of_one if path == copy]
    part = total.sum_machines(of_copy, Asked(LAYERS))
    report("a machine under a second name is not counted again", len(part.bad) == 1, part.bad[0] if part.bad else "")
    copy.unlink()
    months.facts_beside(copy).unlink()


def _of_format(file: Path, number: int) -> bytes:
    """The file as another version would have written it."""
    table = pq.read_table(file, partitioning=None)
    described = json.loads(table.schema.metadata[b"mousetrackd.fleet"]) | {"format": number}
    other = file.with_name("other")
    pq.write_table(table.replace_schema_metadata({b"mousetrackd.fleet": json.dumps(described)}), other)
    content = other.read_bytes()
    other.unlink()
    return content


def check_killed(folder: Path) -> None:
    """An export that was killed leaves the month as it was, or left out and named; the next one makes it good."""
    study = folder / "killed"
    words = ("fleet", "export", study, "--secret-file", folder / "secret", "--cohort", COHORTS[1])
    study.mkdir()
    since = ("--since", "2026-10-01")
    command(folder, 1, *words, *since)
    before, asked = sum_all(study, Asked(LAYERS)), Asked(LAYERS)
    right = {path.name: path.read_bytes() for path in study.rglob("*.*") if path.is_file()}
    for call, nth in _KILLS:
        shutil.rmtree(study)
        study.mkdir()
        command(folder, 1, *words, "--since", "2026-10-01", "--until", "2026-10-01")  # one day less, of the same month
        under = ("strace", "-f", "-qq", "-o", "/dev/null", "-e", f"inject={call}:signal=KILL:when={nth}")
        killed = command(folder, 1, *words, *since, under=under)
        between = sum_all(study, asked)
        is_known = between.machines + len(between.bad) == 1
        done = command(folder, 1, *words, *since)
        after = sum_all(study, asked)
        names = {path.name: path.read_bytes() for path in study.rglob("*.*") if path.is_file()}
        report(
            f"an export killed at {call} {nth} is made good by the next",
            killed.returncode != 0 and is_known and done.returncode == 0 and names == right and not after.bad,
            f"{between.bad[0] if between.bad else 'nothing was left out between'}",
        )
    report("the killed ones' study is that of one export", before.machines == 1 and not before.bad)
