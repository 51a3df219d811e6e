"""What can still be read of a damaged store, put into a new one; the damaged file is kept as it is.

One rescue, step by step:

1. ``rescue`` writes a note with the name that the damaged file gets, and then renames it. The note is there until all
   is done, so a rescue that is stopped at any moment, by a crash or a power cut, is done again from the start.
2. A new store is made under another name, and gets the old one's when it is whole: nothing is ever counted twice.
3. ``_fill_from`` opens a copy of the damaged file, for SQLite would write to the file itself. ``DamagedDatabase`` reads
   each table from the front, from the back, and row by row in between.
4. ``_fill_chunks`` takes each chunk whose checksum is right and whose counts fit their screen. One that was rolled up
   may still be found on a page that was given up: ``given_up`` knows which are not to be counted again.
5. ``rescued_hours`` puts days together whose chunk is lost, from their hours.
6. Rows without a checksum are believed as far as chunks bear them out: the length of a path where something was counted
   at its time, a monitor's place where its screen is known.
"""

from __future__ import annotations

import bisect
import contextlib
import os
import re
import sqlite3
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from mousetrackd.core import validity
from mousetrackd.core.counts import Counts
from mousetrackd.core.errors import StoreError
from mousetrackd.core.layers import LAYERS
from mousetrackd.core.layout import ReportedMonitor, admit
from mousetrackd.core.monitors import MONITORS_MAX, Monitor
from mousetrackd.storage import rescued_hours
from mousetrackd.storage.chunks import Chunk, Key, checksum_of
from mousetrackd.storage.damaged_database import DamagedDatabase, Row, open_copy, scratch_store
from mousetrackd.storage.database_files import create, move_aside, name_aside, rescue_note
from mousetrackd.storage.elsewhere import LOOKED_AT, settled
from mousetrackd.storage.erase import joined
from mousetrackd.storage.errors import DamagedError
from mousetrackd.storage.given_up import Found, given_up
from mousetrackd.storage.rescued_hours import PUT_CHUNK
from mousetrackd.storage.schema import MARKS
from mousetrackd.storage.store import Store
from mousetrackd.storage.tiers import HOUR_S
from mousetrackd.system.files import make_private, sync_folder, write_whole

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime


@dataclass(frozen=True)
class Rescued:
    """How many chunks of a damaged store are in the new one, and how many are not (None: not known).

    days: how many days of lost ones could be put together from their hours, in cells.
    """

    kept: int
    lost: int | None
    days: int = 0

    def __str__(self) -> str:
        lost = "and it is not known how many are lost" if self.lost is None else f"{self.lost} are lost"
        days = f"; {self.days} days of them are put together from their hours" if self.days else ""
        return f"{self.kept} of its pieces could be read and are kept, {lost}{days}"


def rescue(path: Path, now: datetime) -> tuple[Path, Rescued]:
    """Set a damaged store aside, and put what can be read of it into a new one.

    Only for who holds the data lock. Returns the name it has now, and how much was kept. Raises StoreError when
    that cannot be done; the damaged file is then there under one of the two names, and the next call goes on.
    """
    note = rescue_note(path)
    folder = note.parent
    try:
        make_private(folder)
        if not note.exists():
            write_whole(note, name_aside(path, now).name.encode())
            sync_folder(path.parent)  # the note's folder is as lasting as the note
        aside = path.with_name(note.read_text())
        if os.path.lexists(aside) and os.path.lexists(path):  # stopped when all was done but the sweeping
            rescued = _fill_from(aside, folder, None)
        else:
            if os.path.lexists(path):
                move_aside(path, aside)
            found: list[Rescued] = []
            create(path, lambda fresh: found.append(_fill_from(aside, folder, fresh)))
            rescued = found[0]
        for left in folder.iterdir():
            if left != note:  # which goes last: until then nobody else may write
                left.unlink()
        note.unlink()
        folder.rmdir()
    except (OSError, ValueError, sqlite3.Error) as error:
        raise StoreError(
            f"cannot start a new store beside the damaged {path}: {error}",
            "The damaged one is untouched. Check the disk and the folder's permissions.",
        ) from error
    return aside, rescued


@contextlib.contextmanager
def readable(path: Path, *, elsewhere: bool = False) -> Iterator[tuple[Store, str]]:
    """A store for reading, whatever state it is in, and a sentence about what is missing of it, or none.

    Of a damaged one it is a copy of what can be read, which lives as long as the context. elsewhere: as in
    ``elsewhere.settled``, for a store that is not in our own data folder. Raises StoreError.
    """
    with contextlib.ExitStack() as stack:
        place, alone = stack.enter_context(settled(path)) if elsewhere else (path, False)
        try:
            store = stack.enter_context(Store.open_read_only(place, alone=alone))
            store.look_at_every_page()
            said = ""
        except DamagedError as error:
            if not place.is_file():
                raise
            import tempfile  # noqa: PLC0415 - brings a dozen modules, and is rarely needed

            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=LOOKED_AT)))
            found: list[Rescued] = []
            copy = folder / path.name
            try:
                create(copy, lambda fresh: found.append(_fill_from(place, folder, fresh)))
            except (OSError, sqlite3.Error) as problem:
                raise error from problem
            store = stack.enter_context(Store.open_read_only(copy))
            said = f"{error.message}. {found[0]}"
        yield store, said


def _fill_from(damaged: Path, folder: Path, fresh: sqlite3.Connection | None) -> Rescued:
    """Put every row of ``damaged`` that can be trusted into ``fresh``, in one transaction; None only counts."""
    with contextlib.ExitStack() as stack:
        if fresh is None:
            fresh = stack.enter_context(contextlib.closing(scratch_store(folder / "counted.sqlite3")))
        if not damaged.is_file():
            return Rescued(0, None)
        old = stack.enter_context(contextlib.closing(open_copy(damaged, folder)))
        fresh.execute("BEGIN")
        fresh.execute("PRAGMA defer_foreign_keys = ON")  # screens are written when it is known which are needed
        rescued = _fill(DamagedDatabase(old), fresh)
        fresh.execute("COMMIT")
        return rescued


def _fill(old: DamagedDatabase, fresh: sqlite3.Connection) -> Rescued:
    """Fill the tables of ``fresh``, those first by which others are judged: chunks, screens, hours, and the rest."""
    screens_read = _screens(old)
    chunks = _fill_chunks(old, fresh, screens_read)
    is_all_read = not old.is_broken
    numbers = old.numbers_of_chunks()
    gone = {*given_up(chunks.put, numbers)}
    fresh.executemany("DELETE FROM chunk WHERE id = ?", [(row,) for row in gone])
    screens = _fill_screens(fresh, chunks.screens, screens_read)
    days = rescued_hours.fill(old, fresh, screens, [one for one in chunks.put if one.row not in gone])
    kept = int(fresh.execute("SELECT count(*) FROM chunk").fetchone()[0]) - days
    _fill_paths(old, fresh)
    _fill_placements(old, fresh, screens)
    _fill_marks(old, fresh)
    _fill_units(old, fresh, screens)
    _fill_identity(old, fresh)
    if not is_all_read and numbers is None:
        return Rescued(kept, None, days)
    there = chunks.wrong + len(chunks.put) if is_all_read else len(numbers or ())
    return Rescued(kept, max(there - kept, 0), days)


@dataclass
class _Chunks:
    """What has become of the chunks. wrong: how many rows were not believed.

    put: the others, which are in the new store now. screens: theirs, by number, of the size that their counts have.
    """

    put: list[Found] = field(default_factory=list)
    screens: dict[int, Monitor] = field(default_factory=dict)
    wrong: int = 0


def _fill_chunks(old: DamagedDatabase, fresh: sqlite3.Connection, screens_read: dict[int, _Screen]) -> _Chunks:
    """Put each chunk into ``fresh`` whose checksum is right, and whose screen is of one size in all of them."""
    chunks = _Chunks()
    checksums: dict[int, int] = {}
    taken: set[int] = set()
    for row in old.rows("chunk"):
        number, start_s, span_s, screen, layer, application, grid, _, _, checksum = row
        size = _trusted_size(row)
        if size is not None and checksums.get(number) == checksum:  # damaged pointers led here twice
            continue
        monitor = None if size is None else _monitor_of(row, size, screens_read.get(screen))
        if monitor is None or chunks.screens.setdefault(screen, monitor) != monitor:
            chunks.wrong += 1
            continue
        # The number of a chunk that was rolled up may have been given again, and here a new one to another.
        new_number = None if number in taken or number > _NUMBER_MAX else number
        row_now = fresh.execute(PUT_CHUNK, (new_number, *row[1:])).lastrowid or 0
        taken.add(row_now)
        checksums.setdefault(number, checksum)
        chunks.put.append(Found(row_now, number, Key(screen, layer, application, grid), start_s, span_s))
    return chunks


def _monitor_of(row: Row, size: tuple[int, int], known: _Screen | None) -> Monitor | None:
    """The screen of a row of ``chunk``, by the size of its counts; None where the two do not go together.

    What the checksum covers is right: a screen's size, where its own row says otherwise or is lost.
    """
    _, _, _, screen, _, _, grid, *_ = row
    if grid:  # counted in parts of a window: that shows no size of a screen
        return known.monitor if known is not None and size == (grid, grid) else None
    output, edid = (known.monitor.output, known.monitor.edid_hash) if known else (f"unknown-{screen}", "")
    return Monitor(output, *size, edid)


def _fill_screens(
    fresh: sqlite3.Connection, used: dict[int, Monitor], screens_read: dict[int, _Screen]
) -> dict[int, Monitor]:
    """Put the screens of all chunks, and those that could be read beside, into ``fresh``. Returns them by number."""
    screens = dict(used)
    for number, one in screens_read.items():
        screens.setdefault(number, one.monitor)
    for number, monitor in screens.items():
        size_mm = screens_read[number].size_mm if number in screens_read else (0, 0)
        fresh.execute(
            "INSERT INTO monitor (id, output, width_px, height_px, edid_hash, width_mm, height_mm)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (number, monitor.output, monitor.width_px, monitor.height_px, monitor.edid_hash, *size_mm),
        )
    return screens


_NUMBER_MAX = 1 << 53
"""No store gets so many chunks: a number above is damage, and rows that follow it would get numbers in no order."""


def _trusted_size(row: Row) -> tuple[int, int] | None:
    """The size of the screen whose counts a row of ``chunk`` holds, if it is as it was written."""
    number, start_s, span_s, monitor, layer, application, grid, total, blob, checksum = row
    if not validity.is_chunk(start_s, span_s, layer, total) or type(monitor) is not int or type(blob) is not bytes:
        return None
    if not validity.is_part(application, grid):
        return None
    if checksum != checksum_of(Chunk(number, start_s, span_s, Key(monitor, layer, application, grid), total, blob)):
        return None
    try:
        counts = next(Counts.decode_parts(blob, total=total))
    except ValueError:
        return None
    return counts.width_px, counts.height_px


class _Screen(NamedTuple):
    """A screen whose row makes sense. size_mm: width and height, (0, 0) where that is not known."""

    monitor: Monitor
    size_mm: tuple[int, int]


def _screens(old: DamagedDatabase) -> dict[int, _Screen]:
    """Every screen whose row makes sense, by number."""
    screens = {}
    for number, output, width_px, height_px, edid, *size_mm in old.rows("monitor"):
        if type(output) is not str or "\ufffd" in output:
            continue
        layout, _ = admit([ReportedMonitor(output, width_px, height_px, edid, 0, 0, *size_mm)])
        for one in layout.placements:
            screens[number] = _Screen(one.monitor, (one.width_mm, one.height_mm))
    return screens


def _fill_paths(old: DamagedDatabase, fresh: sqlite3.Connection) -> None:
    """A length is trusted where a chunk of its screen was counted at its time: it has no checksum of its own."""
    times: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for monitor, start_s, span_s in fresh.execute(
        f"SELECT monitor, start_s, span_s FROM chunk UNION SELECT monitor, start_s, {HOUR_S} FROM hour"  # noqa: S608 - ours
    ):
        times[monitor].append((start_s, start_s + span_s))
    counted = {monitor: joined(stretches) for monitor, stretches in times.items()}
    found: list[Found] = []
    for row in old.rows("path"):
        number, start_s, span_s, monitor, length_px = row
        if validity.is_path(start_s, span_s, length_px) and _touches(counted.get(monitor, ()), start_s, span_s):
            fresh.execute(
                "INSERT OR IGNORE INTO path (rowid, start_s, span_s, monitor, length_px) VALUES (?, ?, ?, ?, ?)", row
            )
            found.append(Found(number, number, monitor, start_s, span_s))
    fresh.executemany("DELETE FROM path WHERE rowid = ?", [(row,) for row in given_up(found, None)])


def _touches(stretches: Sequence[tuple[int, int]], start_s: int, span_s: int) -> bool:
    """Does a time touch any of these, which do not overlap and are in order?"""
    nth = bisect.bisect_left(stretches, (start_s + span_s,)) - 1
    return nth >= 0 and stretches[nth][1] > start_s


def _fill_placements(old: DamagedDatabase, fresh: sqlite3.Connection, screens: dict[int, Monitor]) -> None:
    standing: Counter[int] = Counter()
    for row in old.rows("placement"):
        _, since_s, monitor, *corner = row
        if monitor in screens and validity.is_placement(since_s, *corner) and standing[since_s] < MONITORS_MAX:
            standing[since_s] += 1
            fresh.execute(
                "INSERT OR IGNORE INTO placement (rowid, since_s, monitor, desktop_x, desktop_y)"
                " VALUES (?, ?, ?, ?, ?)",
                row,
            )


def _fill_units(old: DamagedDatabase, fresh: sqlite3.Connection, screens: dict[int, Monitor]) -> None:
    for _, monitor, layer, unit in old.rows("unit"):
        if monitor in screens and layer in LAYERS and isinstance(unit, str) and 1 <= len(unit) <= validity.UNIT_MAX:
            fresh.execute("INSERT OR IGNORE INTO unit VALUES (?, ?, ?)", (monitor, layer, unit))


def _fill_identity(old: DamagedDatabase, fresh: sqlite3.Connection) -> None:
    """Which store it is, as far as that can be read; else it is a new one."""
    found = [
        (one, is_own)
        for _, one, is_own in old.rows("identity")
        if isinstance(one, str) and re.fullmatch("[0-9a-f]{32}", one) and is_own in (0, 1)
    ]
    if [is_own for _, is_own in found].count(1) == 1:
        fresh.execute("DELETE FROM identity")
        fresh.executemany("INSERT OR IGNORE INTO identity VALUES (?, ?)", found)


def _fill_marks(old: DamagedDatabase, fresh: sqlite3.Connection) -> None:
    """Which batches are stored: without that, a side file that is still there would be counted twice."""
    marks = [mark for mark in old.marks() if type(mark) is int]
    if marks:
        fresh.execute(MARKS)
        fresh.executemany("INSERT INTO saved (mark) VALUES (?)", [(mark,) for mark in marks])
