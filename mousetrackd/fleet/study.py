"""What one machine gives to a study: its counts by day in large cells, under a name that only this study has.

A study is a folder. Which other machines see it, and how it gets there, is the organisation's: nothing here connects.
"""

from __future__ import annotations

import contextlib
import errno
import hmac
import json
import os
from collections import defaultdict
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from mousetrackd.core.applications import OTHER
from mousetrackd.core.errors import MousetrackError, StoreError, UsageError
from mousetrackd.core.layers import LAYERS, TRAVEL
from mousetrackd.core.series import Series
from mousetrackd.core.validity import plain_name
from mousetrackd.fleet.grid import in_cells, summed
from mousetrackd.fleet.months import (
    APPLICATION,
    APPLICATIONS_MAX,
    COHORT,
    FORMAT,
    SUM_MAX,
    Month,
    facts_beside,
    read_pair,
)
from mousetrackd.storage.readings import PATH, Range
from mousetrackd.system.files import sync_folder
from mousetrackd.system.trusted_files import read_trusted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from mousetrackd.storage.store import Store

_SECRET_LEAST_BYTES: Final = 16
_SECRET_MAX_BYTES: Final = 4096
_LIST_MAX_BYTES: Final = 65536
_DAY_MAX_S: Final = 25 * 3600
"""The longest day of a local clock."""
_EPOCH: Final = date(1970, 1, 1)

Days = dict[str, dict[str, int]]
"""The sum of each layer by day, as ``Month.days``."""


@dataclass
class Plan:
    """What an export will do. write: months to be made, newer than what the study has. remove: files to be deleted.

    sources: for each month to be made, a mark of what of. kept: months that the study has as they are. left_out:
    sentences.
    """

    machine: str
    write: list[str] = field(default_factory=list)
    sources: dict[str, str] = field(default_factory=dict)
    remove: list[Path] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    @property
    def taken_back(self) -> list[str]:
        """The months of which nothing will be left."""
        return sorted(months_of(self.remove) - {*self.write, *self.kept})


def read_applications(file: Path) -> tuple[str, ...]:
    """A study's list of applications: one name a line, and # before a remark.

    It lies beside the secret and not in the study, where anyone could add a name to it. Raises UsageError, and
    RefusedError where others may write it.
    """
    try:
        lines = read_trusted(file, _LIST_MAX_BYTES).decode().splitlines()
    except OSError as error:
        raise UsageError(f"cannot read {file}: {error.strerror}", "Give the study's list of applications.") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{file} is no text in UTF-8", "It has the name of an application on each line.") from error
    names = dict.fromkeys(plain_name(line.partition("#")[0]) for line in lines)
    names.pop("", None)
    for name in names:
        if name == OTHER or not APPLICATION.fullmatch(name):
            raise UsageError(
                f'{file}: "{name}" is no application', "Give names as mousetrackd stats --applications prints them."
            )
    if len(names) > APPLICATIONS_MAX:
        raise UsageError(f"{file} has {len(names)} applications", f"A study has {APPLICATIONS_MAX} at most.")
    return tuple(names)


class Study:
    """A study's folder, as one machine sees it.

    secret_file: the same at all machines of the study, and unknown to who reads it. cohort: empty for none.
    applications: the identities of those whose counts are given as well. Raises UsageError where one of them cannot be
    used, RefusedError for a secret that others may write.
    """

    def __init__(self, folder: Path, secret_file: Path, cohort: str = "", applications: Sequence[str] = ()) -> None:
        if not folder.is_dir():
            raise UsageError(f"there is no folder {folder}", "A study is a folder: make it, or mount it.")
        if cohort and not COHORT.fullmatch(cohort):
            raise UsageError(f'"{cohort}" is no cohort', "Its name has 1 to 32 of a to z, 0 to 9, dot and dash.")
        self.folder = folder
        self.cohort = cohort
        self.applications = applications
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
        """What this study calls the machine of a store: nobody can know without its secret. Raises StoreError."""
        ids = store.store_ids()
        if not ids:
            raise StoreError(
                f"{store.path} is of an older version, which gave stores no number", "Start it first: mousetrackd run"
            )
        return self._mark(ids[0])

    def plan(self, store: Store, since_s: int | None = None, until_s: int | None = None) -> Plan:
        """What is to be written so that the study has what the store has of a range, and nothing else."""
        plan = Plan(self.machine(store))
        days = {
            name: _days(store, Range(since_s, until_s, application=name), plan.left_out)
            for name in ("", *self.applications)
        }
        mine = self.all_of(plan.machine)
        remove = set(mine)
        for month in sorted({day[:7] for of_one in days.values() for day in of_one}):
            wanted = {
                name: {day: sums for day, sums in sorted(of_one.items()) if day.startswith(month)}
                for name, of_one in days.items()
            }
            source = self._mark(json.dumps([FORMAT, self.cohort, wanted], sort_keys=True))
            file = self._file(plan.machine, month)
            if file in remove and _source_of(file) == source:
                plan.kept.append(month)
            else:
                plan.write.append(month)
                plan.sources[month] = source
            remove -= {file, facts_beside(file)}
        plan.remove = sorted(remove)
        return plan

    def _mark(self, text: str) -> str:
        """A mark of a text, from which nobody can know it without the secret."""
        return hmac.new(self._secret, text.encode(), "sha256").hexdigest()[:16]

    def _file(self, machine: str, month: str) -> Path:
        return self.folder / f"month={month}" / f"{machine}.parquet"

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
        rows: list[tuple[int, int, int, NDArray[np.int64], NDArray[np.int64]]] = []
        for place, name in enumerate(("", *sorted(self.applications))):
            found = self._rows(store, plan, month, replace(asked, application=name))
            rows += [(place, layer, day, *summed(of_day)) for (layer, day), of_day in sorted(found.items())]
        sizes = [cell.size for *_, cell, _ in rows]
        places = sorted({0, *(place for place, *_ in rows)})  # who has no row is not named

        def repeated(values: list[int], kind: type[np.signedinteger[Any]]) -> NDArray[Any]:
            return np.repeat(np.array(values, kind), sizes)

        return Month(
            plan.machine,
            month,
            self.cohort,
            plan.sources[month],
            tuple(("", *sorted(self.applications))[place] for place in places),
            repeated([day for _, _, day, _, _ in rows], np.int32),
            repeated([places.index(place) for place, *_ in rows], np.int16),
            repeated([layer for _, layer, *_ in rows], np.int8),
            np.concatenate([np.empty(0, np.int32), *(cell.astype(np.int32) for *_, cell, _ in rows)]),
            np.concatenate([np.empty(0, np.int64), *(n for *_, n in rows)]),
        )

    def _rows(self, store: Store, plan: Plan, month: str, asked: Range) -> _Rows:
        """What the store has of an application, by layer and day."""
        parts: _Rows = defaultdict(list)
        of_others, too_long = store.units(), 0
        layers = [layer for layer in LAYERS if not (asked.application and layer == TRAVEL)]
        for piece in store.pieces(layers, plan.left_out, asked, step_s=_DAY_MAX_S):
            if Series(piece.monitor, piece.layer) in of_others:
                continue
            if piece.span_s > _DAY_MAX_S:
                too_long += 1
                continue
            day = (datetime.fromtimestamp(piece.start_s).astimezone().date() - _EPOCH).days
            parts[LAYERS.index(piece.layer), day].append(in_cells(piece.counts, piece.layer, day))
        if too_long:
            plan.left_out.append(f"left out of {month} what is not kept by the day any more")
        return parts

    def put(self, month: Month) -> Path:
        """Write a month, in the place of what the study has of it. Raises MousetrackError."""
        file = self._file(month.machine, month.month)
        if not month.n.size:
            self.remove([path for path in (file, facts_beside(file)) if path.exists()])
            return file
        if month.n.sum(dtype=np.float64) > SUM_MAX:
            raise MousetrackError(
                f"{month.month} has more counts than a month has time for",
                "Nothing of it was written: see mousetrackd check",
            )
        content = month.encode()
        mode = self.folder.stat().st_mode & 0o777  # who may read the folder may read what is put into it
        try:
            _make_folder(file.parent, mode)
            facts = json.dumps(month.facts(content), indent=1).encode()
            for path, written in ((file, content), (facts_beside(file), facts)):
                fresh = path.with_name(f".{path.name}.{os.getpid()}.new")  # another export may be under way
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
        """Delete files, and the folders of months that are empty then. Raises MousetrackError."""
        file = self.folder
        try:
            for file in files:
                file.unlink(missing_ok=True)
            for folder in {path.parent for path in files} - {self.folder}:
                file = folder
                sync_folder(folder)
                with contextlib.suppress(OSError):  # others' files are there
                    folder.rmdir()
        except OSError as error:
            raise MousetrackError(
                f"cannot delete {file}: {error.strerror}", "Check the folder, then run it again."
            ) from error

    def all_of(self, machine: str) -> list[Path]:
        """Every file of a machine: also copies that a sync made of one, and what an export that was killed left."""
        found: list[Path] = []
        for folder, _, names in os.walk(self.folder):  # no links are followed
            found += [Path(folder, name) for name in names if machine in name]
        return sorted(found)


_Rows = dict[tuple[int, int], list[tuple["NDArray[np.int64]", "NDArray[np.int64]"]]]
"""By layer and day: cells, and how much is in each."""


def months_of(files: Iterable[Path]) -> set[str]:
    """The months that files of a study are of."""
    return {part.removeprefix("month=") for file in files for part in file.parts if part.startswith("month=")}


def _make_folder(folder: Path, mode: int) -> None:
    """Raises OSError, also for a link that would lead out of the study."""
    try:
        folder.mkdir()
    except FileExistsError:
        if folder.is_symlink() or not folder.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, "its folder is a link, or no folder") from None
    else:
        folder.chmod(mode)


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


def _source_of(file: Path) -> str:
    """What a month was made from; empty where it is damaged."""
    try:
        return str(read_pair(file)[1].get("source", ""))
    except (OSError, ValueError, AttributeError):
        return ""
