"""What one machine gives to a study: its counts by day in large cells, under a name that only this study has.

A study is a folder. Which other machines see it, and how it gets there, is the organisation's: nothing here connects.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import os
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from mousetrackd.core.errors import MousetrackError, StoreError, UsageError
from mousetrackd.core.layers import LAYERS
from mousetrackd.core.series import Series
from mousetrackd.fleet.months import COHORT, Month, facts_beside, grid_of
from mousetrackd.storage.query import PATH, Range
from mousetrackd.system.files import sync_folder
from mousetrackd.system.trusted_files import read_trusted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from mousetrackd.core.counts import Counts
    from mousetrackd.storage.store import Store

_SECRET_LEAST_BYTES: Final = 16
_SECRET_MAX_BYTES: Final = 4096
_DAY_MAX_S: Final = 25 * 3600
"""The longest day of a local clock."""
_EPOCH: Final = date(1970, 1, 1)

Days = dict[str, dict[str, int]]
"""The sum of each layer by day, as ``Month.days``."""


@dataclass
class Plan:
    """What an export will do. write: months to be made, newer than what the study has. remove: files to be deleted.

    kept: months that the study has as they are. left_out: sentences.
    """

    machine: str
    write: list[str] = field(default_factory=list)
    remove: list[Path] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


class Study:
    """A study's folder, as one machine sees it.

    secret_file: the same at all machines of the study, and unknown to who reads it. cohort: empty for none. Raises
    UsageError where one of them cannot be used, RefusedError for a secret that others may write.
    """

    def __init__(self, folder: Path, secret_file: Path, cohort: str = "") -> None:
        if not folder.is_dir():
            raise UsageError(f"there is no folder {folder}", "A study is a folder: make it, or mount it.")
        if cohort and not COHORT.fullmatch(cohort):
            raise UsageError(f'"{cohort}" is no cohort', "Its name has 1 to 32 of a to z, 0 to 9, dot and dash.")
        self.folder = folder
        self.cohort = cohort
        try:
            self._secret = read_trusted(secret_file, _SECRET_MAX_BYTES).strip()
        except OSError as error:
            raise UsageError(
                f"cannot read {secret_file}: {error.strerror}", "Give the file of the study's secret."
            ) from error
        if len(self._secret) < _SECRET_LEAST_BYTES:
            raise UsageError(
                f"{secret_file} is too short to be a secret: {_SECRET_LEAST_BYTES} bytes at least",
                "Make one: head -c 32 /dev/urandom | base64 > secret",
            )

    def machine(self, store: Store) -> str:
        """What this study calls the machine of a store: nobody can tell without its secret. Raises StoreError."""
        ids = store.store_ids()
        if not ids:
            raise StoreError(
                f"{store.path} is of an older version, which gave stores no number", "Start it first: mousetrackd run"
            )
        return hmac.new(self._secret, ids[0].encode(), hashlib.sha256).hexdigest()[:16]

    def plan(self, store: Store, since_s: int | None = None, until_s: int | None = None) -> Plan:
        """What is to be written so that the study has what the store has of a range, and nothing else."""
        plan = Plan(self.machine(store))
        days = _days(store, Range(since_s, until_s), plan.left_out)
        published = {path.parent.name.removeprefix("month="): path for path in self._files(plan.machine)}
        for month in sorted({day[:7] for day in days}):
            wanted = {day: sums for day, sums in sorted(days.items()) if day.startswith(month)}
            facts = _facts(published[month]) if month in published else {}
            is_there = facts.get("days") == wanted and facts.get("cohort") == self.cohort
            (plan.kept if is_there else plan.write).append(month)
        plan.remove = [path for month, path in published.items() if month not in {*plan.kept, *plan.write}]
        return plan

    def months(
        self, store: Store, plan: Plan, since_s: int | None = None, until_s: int | None = None
    ) -> Iterator[Month]:
        """The months that are to be written, one at a time."""
        for month in plan.write:
            first = datetime.strptime(month, "%Y-%m").astimezone()
            after = datetime.strptime(str(first.date() + timedelta(days=31))[:7], "%Y-%m").astimezone()
            asked = Range(
                max(int(first.timestamp()), since_s or 0),
                min(int(after.timestamp()), until_s or int(after.timestamp())),
            )
            yield self._month(store, plan, month, asked)

    def _month(self, store: Store, plan: Plan, month: str, asked: Range) -> Month:
        parts: dict[tuple[int, int], list[tuple[NDArray[np.int64], NDArray[np.int64]]]] = defaultdict(list)
        of_others, too_long = store.units(), 0
        for piece in store.pieces(LAYERS, plan.left_out, asked, step_s=_DAY_MAX_S):
            if Series(piece.monitor, piece.layer) in of_others:
                continue
            if piece.span_s > _DAY_MAX_S:
                too_long += 1
                continue
            day = (datetime.fromtimestamp(piece.start_s).astimezone().date() - _EPOCH).days
            parts[LAYERS.index(piece.layer), day].append(_cells(piece.counts, grid_of(piece.layer)))
        if too_long:
            plan.left_out.append(f"left out of {month} what is not kept by the day any more")
        rows: list[tuple[int, int, NDArray[np.int64], NDArray[np.int64]]] = [
            (layer, day, *_summed(of_day)) for (layer, day), of_day in sorted(parts.items())
        ]
        sizes = [cell.size for _, _, cell, _ in rows]
        return Month(
            plan.machine,
            month,
            self.cohort,
            np.repeat(np.array([day for _, day, _, _ in rows], np.int32), sizes),
            np.repeat(np.array([layer for layer, _, _, _ in rows], np.int8), sizes),
            np.concatenate([np.empty(0, np.int32), *(cell.astype(np.int32) for _, _, cell, _ in rows)]),
            np.concatenate([np.empty(0, np.int64), *(n for _, _, _, n in rows)]),
        )

    def put(self, month: Month) -> Path:
        """Write a month, in the place of what the study has of it. Raises MousetrackError."""
        file = self.folder / f"month={month.month}" / f"{month.machine}.parquet"
        if not month.n.size:
            self.remove([file])
            return file
        content = month.encode()
        mode = self.folder.stat().st_mode & 0o777  # who may read the folder may read what is put into it
        try:
            if not file.parent.is_dir():
                file.parent.mkdir()
                file.parent.chmod(mode)
            facts = json.dumps(month.facts(content), indent=1).encode()
            for path, written in ((file, content), (facts_beside(file), facts)):
                fresh = path.with_name(f".{path.name}.new")
                fresh.unlink(missing_ok=True)
                descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
                with os.fdopen(descriptor, "wb") as opened:
                    opened.write(written)
                    opened.flush()
                    os.fchmod(descriptor, mode & 0o666 | 0o600)
                    os.fsync(descriptor)
                fresh.replace(path)
            sync_folder(file.parent)
        except OSError as error:
            raise MousetrackError(
                f"cannot write {file}: {error.strerror}", "Check the folder, then run it again."
            ) from error
        return file

    def remove(self, files: Sequence[Path]) -> None:
        """Delete files of this machine, and what is beside them. Raises MousetrackError."""
        for file in files:
            try:
                for path in (file, facts_beside(file)):
                    path.unlink(missing_ok=True)
                    path.with_name(f".{path.name}.new").unlink(missing_ok=True)
                sync_folder(file.parent)
                with contextlib.suppress(OSError):  # others' files are there
                    file.parent.rmdir()
            except OSError as error:
                raise MousetrackError(
                    f"cannot delete {file}: {error.strerror}", "Check the folder, then run it again."
                ) from error

    def all_of(self, machine: str) -> list[Path]:
        """Every file that the study has of a machine, by the name of its rows."""
        return self._files(machine)

    def _files(self, machine: str) -> list[Path]:
        found = {path.with_suffix(".parquet") for path in self.folder.glob(f"month=*/{machine}.*")}
        return sorted(
            found | {path.with_name(f"{machine}.parquet") for path in self.folder.glob(f"month=*/.{machine}.*.new")}
        )


def _days(store: Store, asked: Range, left_out: list[str]) -> Days:
    """The sums of all that the store has by the day, in the layers' own units."""
    of_others = store.units()
    days: Days = defaultdict(dict)
    for one in store.totals(asked, left_out):
        if one.what == PATH or not one.total or one.span_s > _DAY_MAX_S or Series(one.monitor, one.what) in of_others:
            continue
        sums = days[str(datetime.fromtimestamp(one.start_s).astimezone().date())]
        sums[one.what] = sums.get(one.what, 0) + one.total
    return days


def _facts(file: Path) -> dict[str, Any]:
    """What is written beside a file; nothing where that is not the file's."""
    try:
        facts = json.loads(facts_beside(file).read_bytes())
        is_its = facts["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    except (OSError, ValueError, TypeError, KeyError):
        return {}
    return facts if is_its else {}


def _cells(counts: Counts, grid: tuple[int, int]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Which cells, rising, and the sum in each."""
    y, x = np.divmod(counts.index, counts.width_px)
    cell = y * grid[1] // counts.height_px * grid[0] + x * grid[0] // counts.width_px
    return _summed([(cell, counts.count)])


def _summed(
    parts: Sequence[tuple[NDArray[np.int64], NDArray[np.int64]]],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    cells, where = np.unique(np.concatenate([cell for cell, _ in parts]), return_inverse=True)
    sums = np.zeros(cells.size, np.int64)
    np.add.at(sums, where, np.concatenate([n for _, n in parts]))
    return cells, sums
