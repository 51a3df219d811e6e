"""Does a store make sense: its schema, its rows, its checksums, its sums?"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from mousetrackd.core import validity
from mousetrackd.core.errors import StoreError
from mousetrackd.core.monitors import Monitor, Placement
from mousetrackd.storage import schema
from mousetrackd.storage.errors import DamagedError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mousetrackd.storage.connection import Connection


def refuse_foreign(connection: Connection) -> None:
    """Raises DamagedError where the file is not made of what ours are made of: nothing in it is run."""
    with connection.reading():
        found = schema.foreign(connection.sql)
    if found:
        raise DamagedError(connection.path, found)


def refuse_impossible(connection: Connection) -> None:
    """Raises DamagedError where a row has a value that we never write."""
    problem = next(_impossible(connection), None)
    if problem is not None:
        raise DamagedError(connection.path, problem)


def look_at_every_page(connection: Connection) -> None:
    """Raises DamagedError unless all of the file makes sense, to SQLite and to us. A second for a gigabyte."""
    refuse_foreign(connection)
    with connection.reading():
        connection.quick_check()
    refuse_impossible(connection)


def check(connection: Connection) -> list[str]:
    """Look at every page, chunk and other row. Returns a sentence per problem; none is a whole store."""
    from mousetrackd.core.counts import Counts  # noqa: PLC0415 - the daemon checks only whether it may open a store
    from mousetrackd.storage import chunks, hours, screens, summaries  # noqa: PLC0415
    from mousetrackd.storage.chunks import ANY  # noqa: PLC0415

    name = connection.path.name
    problems: list[str] = []
    try:
        refuse_foreign(connection)
        rows = connection.execute("PRAGMA integrity_check(20)").fetchall()
        problems += [f"{name}: {row[0]}" for row in rows if row[0] != "ok"]
        problems += [f"{name}: {sentence}" for sentence in _impossible(connection)]
        problems += [f"{name}: {sentence}" for sentence in _impossible_rows(connection, validity.POSSIBLE_HOURS)]
        if problems:
            return problems  # the screens that chunks are compared with may be wrong
        known = screens.monitors(connection)
        for chunk in chunks.select(connection, ANY, problems):
            try:
                counts = Counts.joined(chunk.decoded(known[chunk.key.monitor]))
                problems += hours.problems(connection, known, chunk.row, counts)
            except ValueError as error:
                problems.append(f"chunk {chunk.row} ({chunk.key.layer}): {error}")
        with connection.snapshot():
            problems += summaries.problems(connection, known, compare=not problems)
    except (sqlite3.Error, StoreError, UnicodeDecodeError) as error:
        problems.append(f"{name}: {error}")
    return problems


def _impossible(connection: Connection) -> Iterator[str]:
    """A sentence for the rows of each kind that have values we never write. Looks at no counts."""
    with connection.reading():
        for row, output, width_px, height_px, edid_hash, *size_mm in connection.execute(
            "SELECT id, output, width_px, height_px, edid_hash, width_mm, height_mm FROM monitor"
        ):
            try:
                Placement(Monitor(output, width_px, height_px, edid_hash), 0, 0, *size_mm)
            except ValueError as error:
                yield f"row {row} of its monitors cannot be: {error}"
                break
        yield from _impossible_rows(connection, validity.POSSIBLE)


def _impossible_rows(connection: Connection, possible: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """A sentence for each table with a row that is not as ``possible`` has it."""
    with connection.reading():
        for table, conditions in possible.items():
            found = connection.execute(
                f"SELECT rowid FROM {table} WHERE ({' AND '.join(conditions)}) IS NOT TRUE"  # noqa: S608 - ours
            ).fetchone()
            if found is not None:
                yield f"row {found[0]} of its table {table} cannot be"
