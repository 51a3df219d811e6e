"""The sum of a study: every file verified, each machine counted once, and cells hidden that few machines have seen.

A ``Part`` is the sum of some machines; parts add up in any order to the same. So the machines are read one after the
other here, and in a tree by ``dask_total``, with the same result. In memory are a few arrays, however many they are.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from mousetrackd.core.errors import MousetrackError, UsageError
from mousetrackd.core.layers import LAYERS, TRAVEL, expand_layers
from mousetrackd.fleet import months
from mousetrackd.fleet.grid import grid_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

_EPOCH: Final = date(1970, 1, 1)
DAY_FIRST: Final = date(1970, 1, 1)
DAY_LAST: Final = date(9999, 12, 31)


@dataclass(frozen=True)
class Asked:
    """What is to be summed. layers: of ``LAYERS``, or "clicks" for all buttons. cohort: None is all machines.

    first, last: days, both included. application: "" for the sum of all. Raises UsageError for a layer that does not
    exist, and for one that is not kept by application.
    """

    layers: tuple[str, ...]
    cohort: str | None = None
    first: date = DAY_FIRST
    last: date = DAY_LAST
    application: str = ""

    def __post_init__(self) -> None:
        expand_layers(self.layers)
        if self.application and TRAVEL in self.layers:
            raise UsageError("travel is not kept by application", "Choose dwell, clicks or scroll.")

    @classmethod
    def between(
        cls, layers: Sequence[str], cohort: str | None, since_s: int | None, until_s: int | None, application: str = ""
    ) -> Asked:
        """One of the days that UTC seconds fall into by the local clock; None is an open end."""
        first = DAY_FIRST if since_s is None else datetime.fromtimestamp(since_s).astimezone().date()
        last = DAY_LAST if until_s is None else datetime.fromtimestamp(until_s - 1).astimezone().date()
        return cls(tuple(dict.fromkeys(layers)), cohort, first, last, application)


@dataclass
class Sums:
    """Of one layer, (rows, columns) each: the counts, how many machines have some there, and the most that one has."""

    counts: NDArray[np.int64]
    seen: NDArray[np.uint32]
    largest: NDArray[np.int64]

    @classmethod
    def empty(cls, layer: str) -> Sums:
        """Of no machine."""
        columns, rows = grid_of(layer)
        shape = (rows, columns)
        return cls(np.zeros(shape, np.int64), np.zeros(shape, np.uint32), np.zeros(shape, np.int64))

    def add(self, other: Sums) -> None:
        """Add other machines'."""
        self.counts += other.counts
        self.seen += other.seen
        np.maximum(self.largest, other.largest, out=self.largest)


@dataclass
class Part:
    """The sum of some machines.

    days: on which something was counted. bad: a sentence for each file that is not in it. applications: of how many
    machines there are counts of each, of those that were asked for.
    """

    sums: dict[str, Sums]
    machines: int = 0
    days: set[date] = field(default_factory=set)
    bad: list[str] = field(default_factory=list)
    applications: Counter[str] = field(default_factory=Counter)

    @classmethod
    def empty(cls, asked: Asked) -> Part:
        """Of no machine."""
        return cls({layer: Sums.empty(layer) for layer in asked.layers})

    def add(self, other: Part) -> None:
        """Add other machines'."""
        for layer, sums in other.sums.items():
            self.sums[layer].add(sums)
        self.machines += other.machines
        self.days |= other.days
        self.bad += other.bad
        self.applications.update(other.applications)


@dataclass(frozen=True)
class Published:
    """A layer of a sum as it may be shown: (rows, columns) counts and seen, both 0 in a hidden cell.

    hidden_cells, cells: how many are hidden, of how many that were seen. hidden, total: the same of counts.
    """

    counts: NDArray[np.int64]
    seen: NDArray[np.uint32]
    hidden_cells: int
    cells: int
    hidden: int
    total: int


def machines_of(study: Path, bad: list[str]) -> list[list[Path]]:
    """The files of each machine. bad: gets a sentence for each file that is none of a study's.

    Raises UsageError where there is no study.
    """
    if not study.is_dir():
        raise UsageError(f"there is no folder {study}", "Name the folder that machines export into.")
    files: dict[str, list[Path]] = {}
    for path in sorted(study.glob("month=*/*")):
        if path.name.startswith("."):
            continue
        if not months.FOLDER.fullmatch(path.parent.name):
            bad.append(f"left out {path.parent.name}/{path.name}: its folder has not the name of a month")
            continue
        is_name = months.MACHINE.fullmatch(path.stem) is not None
        if is_name and path.suffix == ".parquet":
            files.setdefault(path.stem, []).append(path)
        elif is_name and path.suffix == ".json":
            if not path.with_suffix(".parquet").exists():
                bad.append(f"left out {path.parent.name}/{path.name}: the file that it describes is not there")
        else:
            bad.append(f"left out {path.parent.name}/{path.name}: it has not the name of a machine")
    return [files[machine] for machine in sorted(files)]


def sum_machines(machines: Iterable[Sequence[Path]], asked: Asked) -> Part:
    """The sum of machines, each given by its files."""
    part = Part.empty(asked)
    for files in machines:
        applications: set[str] = set()
        of_one = _machine(files, asked, part.bad, applications)
        part.applications.update(applications)
        if of_one is None:
            continue
        arrays, days = of_one
        part.machines += 1
        part.days |= days
        for layer, counts in arrays.items():
            part.sums[layer].add(Sums(counts, (counts > 0).astype(np.uint32), counts))
    return part


def _machine(
    files: Sequence[Path], asked: Asked, bad: list[str], applications: set[str]
) -> tuple[Mapping[str, NDArray[np.int64]], set[date]] | None:
    """What a machine has counted, and on which days; None where that is nothing of what is asked for.

    applications: gets the names of all that it has counts of, in the range.
    """
    arrays = {layer: np.zeros(np.prod(grid_of(layer)), np.int64) for layer in asked.layers}
    days: set[date] = set()
    for file in files:
        if not asked.first.isoformat()[:7] <= file.parent.name.removeprefix("month=")[:7] <= asked.last.isoformat()[:7]:
            continue
        try:
            month = months.read(file)
        except (ValueError, OSError) as error:
            why = (error.strerror or str(error)) if isinstance(error, OSError) else error
            bad.append(f"left out {file.parent.name}/{file.name}: {why}")
            continue
        if asked.cohort is not None and month.cohort != asked.cohort:
            continue
        inside = (month.day >= (asked.first - _EPOCH).days) & (month.day <= (asked.last - _EPOCH).days)
        applications |= {month.applications[place] for place in np.unique(month.application[inside]).tolist()}
        if asked.application not in month.applications:
            continue
        inside &= month.application == month.applications.index(asked.application)
        days |= {_EPOCH + timedelta(days=day) for day in np.unique(month.day[inside]).tolist()}
        for layer, counts in arrays.items():
            places = [LAYERS.index(one) for one in expand_layers([layer])]
            chosen = inside & np.isin(month.layer, places)
            np.add.at(counts, month.cell[chosen], month.n[chosen])
    if not days:
        return None
    return {layer: counts.reshape(grid_of(layer)[::-1]) for layer, counts in arrays.items()}, days


def publish(sums: Sums, least_machines: int) -> Published:
    """What may be shown of a layer.

    Hidden are cells that fewer than ``least_machines`` have seen, and those where one has more than half. With 1, for
    one's own machines, nothing is.
    """
    few = sums.seen < least_machines
    one_sided = sums.largest > sums.counts - sums.largest
    hidden = (few | one_sided) & (sums.seen > 0) if least_machines > 1 else np.zeros_like(few)
    return Published(
        np.where(hidden, 0, sums.counts),
        np.where(hidden, 0, sums.seen).astype(np.uint32),
        int(hidden.sum()),
        int((sums.seen > 0).sum()),
        int(sums.counts[hidden].sum()),
        int(sums.counts.sum()),
    )


def require_machines(part: Part, asked: Asked, least_machines: int) -> None:
    """Raise MousetrackError where there is nothing that may be shown.

    Whether an application was seen on fewer machines, or on none, is not to be known.
    """
    of = f' of the cohort "{asked.cohort}"' if asked.cohort is not None else ""
    if asked.application and part.machines < max(least_machines, 1):
        known = sorted(name for name, machines in part.applications.items() if name and machines >= least_machines)
        there_are = f"There are counts of: {', '.join(known)}" if known else "So it is with every application."
        raise MousetrackError(
            f'fewer than {max(least_machines, 1)} machines{of} have counts of "{asked.application}" in this range',
            there_are,
        )
    if not part.machines:
        raise MousetrackError(f"the study has nothing{of} in this range", "Nothing was written.")
    if part.machines < least_machines:
        raise MousetrackError(
            f"the study has {part.machines} machines{of}, and cells of fewer than {least_machines} are hidden",
            "Nothing was written. For machines that are all your own: --min-machines 1",
        )
