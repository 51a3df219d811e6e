"""Reading other people's files: the time beside pandas, the memory, and what is packed to be endless."""

import gzip
import io
import json
import sys
import zipfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from benchmarks.desk import Desk
from benchmarks.table import Row, at_most, median, ms

ROWS = 2_000_000
SIZE = (1920, 1080)

READ = """
import json, resource, sys, time
from pathlib import Path
from mousetrackd.core.errors import MousetrackError
from mousetrackd.exchange import formats
from mousetrackd.exchange.reading import Options
before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
began = time.process_time()
try:
    found = formats.read(Path(sys.argv[1]), Options(size=(1920, 1080)))
    said = str(sum(counts.total for counts in found.counts.values()))
except MousetrackError as error:
    said = error.message
spent_s = time.process_time() - began
grown_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb
print(json.dumps([spent_s, grown_kb / 1024, said]))
"""
"""Reads a file in a process of its own: CPU without the imports, MB more than before, and what came of it."""

PANDAS = """
import json, sys, time
import pandas
began = time.process_time()
found = pandas.read_csv(sys.argv[1])
read_s = time.process_time() - began
found.groupby(["x", "y"])["count"].sum()
print(json.dumps([time.process_time() - began, read_s, str(int(found["count"].sum()))]))
"""
"""The same, but the second number is the CPU of reading alone, in seconds."""


def files(*, quick: bool) -> Iterator[Row]:
    """A table of two million rows, and three bombs."""
    with Desk() as desk:

        def cost(code: str, file: Path, turns: int = 1 if quick else 5) -> tuple[float, float, str]:
            costs = [json.loads(desk.run([sys.executable, "-c", code, str(file)]).said) for _ in range(turns)]
            return median(one[0] for one in costs), max(one[1] for one in costs), costs[0][2]

        rows = ROWS // 10 if quick else ROWS
        for name, columns in (("x,y,count", False), ("monitor,x,y,count", True)):
            table = desk.folder / "table.csv"
            total = _write_table(table, rows, with_monitor=columns)
            spent_s, grown_mb, said = cost(READ, table)
            if said != str(total):
                raise SystemExit(f"read {said} instead of {total}")
            if find_spec("pandas"):
                other_s, alone_s, theirs = cost(PANDAS, table)
                if theirs != said:
                    raise SystemExit(f"pandas read {theirs}, and we {said}")
                beside = f"pandas {ms(other_s)}, its read_csv alone {ms(alone_s)}"
                yield at_most(
                    f"{rows:,} rows of {name}: CPU", spent_s / other_s, 2, "x", beside=f"{ms(spent_s)}; {beside}"
                )
            else:
                yield Row(f"{rows:,} rows of {name}: CPU", ms(spent_s), "pandas is not installed")
            yield at_most(f"{rows:,} rows of {name}: memory", grown_mb, 200, "MB", digits=0)
        for name, file in _bombs(desk.folder, quick=quick):
            spent_s, grown_mb, said = cost(READ, file, 1)
            if not said.startswith(str(file)):
                raise SystemExit(f"the bomb {name} was read: {said}")
            yield at_most(
                f"{name}: memory", grown_mb, 150, "MB", digits=0, beside=f"{ms(spent_s)}; {said[len(str(file)) + 2 :]}"
            )


def _write_table(file: Path, rows: int, *, with_monitor: bool) -> int:
    """Write random counts, one for each pixel where there are as many, and return their sum."""
    rng = np.random.default_rng(1)
    index = rng.permutation(SIZE[0] * SIZE[1])[:rows]
    index.sort()
    count = rng.integers(1, 5000, index.size)
    y, x = np.divmod(index, SIZE[0])
    label = f"DP-1@{SIZE[0]}x{SIZE[1]}," if with_monitor else ""
    lines = map(f"{label}%d,%d,%d".__mod__, zip(x.tolist(), y.tolist(), count.tolist(), strict=True))
    file.write_text(f"{'monitor,' if with_monitor else ''}x,y,count\n" + "\n".join(lines) + "\n")
    return int(count.sum())


def _bombs(folder: Path, *, quick: bool) -> Iterator[tuple[str, Path]]:
    """Small files that would become gigabytes."""
    mb = 100 if quick else 1000
    line = folder / "line.csv.gz"
    with gzip.open(line, "wb", 1) as file:
        file.write(b"x,y,count\n")
        for _ in range(mb):
            file.write(b"1" * 1_000_000)
    yield "a line of a gigabyte", line
    endless = folder / "rows.csv.gz"
    with gzip.open(endless, "wb", 1) as file:
        file.write(b"x,y,count\n")
        for _ in range(mb):
            file.write(b"1,1,1\n" * 166_667)
    yield "a gigabyte of rows", endless
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(head, {"shape": (1080, 1920), "fortran_order": False, "descr": "<i8"})
    archive = folder / "bomb.npz"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed, packed.open("S@1920x1080.npy", "w") as member:
        member.write(head.getvalue())
        for _ in range(mb):
            member.write(bytes(1_000_000))
    yield "an archive of a gigabyte", archive
