"""The database of InputScope, opened read-only. Its tables are those of suurjaak/InputScope 1.11, ``conf.py``.

Dwell is the gaps between the moves; clicks and wheel steps are one each.
"""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from mousetrackd.core.layers import DWELL, SCROLL
from mousetrackd.exchange.points import Points

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from mousetrackd.exchange.reading import FileCounts, Options
    from mousetrackd.system.content import Content

_QUERIES: Final[Mapping[str, str]] = {
    DWELL: "FROM moves",
    SCROLL: "FROM scrolls",
    "clicks.left": "FROM clicks WHERE button = 1",
    "clicks.right": "FROM clicks WHERE button = 2",
    "clicks.middle": "FROM clicks WHERE button = 3",
    "clicks.other": "FROM clicks WHERE button NOT IN (1, 2, 3)",
}
_TABLES: Final = ("moves", "clicks", "scrolls", "screen_sizes")
_ROWS: Final = 100_000


class _Screen(NamedTuple):
    """A display, as InputScope found it last: its place on the desktop and its size, in px."""

    x: int
    y: int
    width_px: int
    height_px: int


def recognises(head: bytes) -> bool:
    """Any SQLite database."""
    return head.startswith(b"SQLite format 3\0")


def read(content: Content, options: Options) -> FileCounts:
    """One layer. Raises ValueError."""
    if content.path is None:
        raise ValueError("it is a database, which can only be read from a plain file: save it under a name first")
    query = _QUERIES.get(options.layer)
    if query is None:
        raise ValueError(f"InputScope keeps no {options.layer}: give --layer dwell, scroll or clicks.left")
    try:
        with contextlib.closing(_opened(content.path)) as database:
            _check(database)
            screens = _screens(database)
            points = Points(options, time_name="time s")
            for display, stamps, x, y in _rows(database, query):
                screen = screens.get(display)
                label = "" if screen is None else f"display{display}@{screen.width_px}x{screen.height_px}"
                left, top = (0, 0) if screen is None else (screen.x, screen.y)
                points.add(x - left, y - top, None, lambda number: f"event {number + 1}", label=label, time=stamps)
    except sqlite3.Error as error:
        raise ValueError("the database is damaged, or in use in a way that it cannot be read") from error
    return points.finish()


def _opened(path: Path) -> sqlite3.Connection:
    """Read-only: nothing beside it is made, and nothing that it contains is run."""
    # Where no journal is beside it, none is to be made either.
    how = "mode=ro" if Path(f"{path}-wal").exists() else "immutable=1"
    database = sqlite3.connect(f"{path.resolve().as_uri()}?{how}", uri=True)
    database.execute("PRAGMA trusted_schema = OFF")
    database.execute("PRAGMA query_only = ON")
    return database


def _check(database: sqlite3.Connection) -> None:
    """Raises ValueError where it is not InputScope's."""
    kinds = dict(database.execute("SELECT name, type FROM sqlite_master WHERE type IN ('table', 'view') LIMIT 1000"))
    if all(kinds.get(name) == "table" for name in _TABLES):
        return
    if "chunk" in kinds and "monitor" in kinds:
        raise ValueError("it is a store of mousetrackd: draw it with render, or export its counts")
    tables = ", ".join(str(name) for name in [*kinds][:8])
    raise ValueError(f"it is a database that is not InputScope's, with the tables {tables[:200]}: export one as CSV")


def _screens(database: sqlite3.Connection) -> dict[int, _Screen]:
    """The last known screens, by the number of the display."""
    rows = database.execute("SELECT display, x, y, w, h FROM screen_sizes ORDER BY dt, id LIMIT 100000")
    found: dict[int, _Screen] = {}
    for display, *place in rows:
        if all(isinstance(value, int) for value in (display, *place)):
            found[display] = _Screen(*place)
    return found


def _rows(
    database: sqlite3.Connection, query: str
) -> Iterator[tuple[int, NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]]:
    """(display, stamps, x, y) of some events of one display at a time."""
    cursor = database.execute(
        f"SELECT CAST(display AS INTEGER), CAST(stamp AS REAL), CAST(x AS INTEGER), CAST(y AS INTEGER) {query}"
    )
    while rows := cursor.fetchmany(_ROWS):
        display, stamp, x, y = (np.array([row[place] or 0 for row in rows], np.float64) for place in range(4))
        for one in sorted({*display.tolist()}):
            here = display == one
            yield int(one), stamp[here], x[here].astype(np.int64), y[here].astype(np.int64)
