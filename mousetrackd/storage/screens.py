"""Screens: every monitor that was ever seen, and how they were placed when.

A screen is known by what it is: with an EDID by that, whichever connector it is plugged into today. One that had
several names has a row for each, and its counts in the first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mousetrackd.core.layout import Layout
from mousetrackd.core.monitors import Monitor, Placement, selected

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mousetrackd.storage.connection import Connection


def monitors(connection: Connection) -> dict[int, Monitor]:
    """Every screen ever seen, by row. Raises StoreError, as all that follow."""
    with connection.reading():
        rows = connection.execute("SELECT id, output, width_px, height_px, edid_hash FROM monitor")
        return {row: Monitor(*rest) for row, *rest in rows}


def rows_of(connection: Connection, monitor: str | None) -> set[int]:
    """The rows of the monitors that a name selects; None is all."""
    known = monitors(connection)
    chosen = known.values() if monitor is None else selected(known.values(), monitor)
    return {row for row, screen in known.items() if screen in chosen}


def sizes_mm(connection: Connection) -> dict[Monitor, tuple[int, int]]:
    """Width and height in millimetres of the screens that reported theirs."""
    with connection.reading():
        rows = connection.execute(
            "SELECT output, width_px, height_px, edid_hash, width_mm, height_mm FROM monitor"
            " WHERE width_mm > 0 AND height_mm > 0"
        )
        return {Monitor(*row[:4]): (row[4], row[5]) for row in rows}


def last_seen(connection: Connection) -> list[Placement]:
    """Where each monitor was last, by each name that it had, the newest last."""
    with connection.reading():
        rows = connection.execute(
            "SELECT name.output, name.width_px, name.height_px, name.edid_hash, desktop_x, desktop_y,"
            " max(placement.since_s) AS last_s FROM monitor AS name"
            " JOIN monitor AS same ON same.id = name.id OR (name.edid_hash <> '' AND"
            " (name.edid_hash, name.width_px, name.height_px) = (same.edid_hash, same.width_px, same.height_px))"
            " JOIN placement ON placement.monitor = same.id GROUP BY name.id ORDER BY last_s"
        )
        return [Placement(Monitor(*row[:4]), row[4], row[5]) for row in rows]


def layout(connection: Connection, until_s: int | None = None) -> Layout:
    """How the monitors were placed last, before ``until_s``; as they were placed first when nothing is that old."""
    with connection.reading():
        moment = connection.execute(
            "SELECT coalesce((SELECT max(since_s) FROM placement WHERE ?1 IS NULL OR since_s < ?1),"
            " (SELECT min(since_s) FROM placement))",
            (until_s,),
        ).fetchone()[0]
        rows = connection.execute(
            "SELECT output, width_px, height_px, edid_hash, desktop_x, desktop_y, width_mm, height_mm"
            " FROM placement JOIN monitor ON monitor.id = placement.monitor WHERE since_s = ?"
            " ORDER BY placement.rowid",
            (moment,),
        )
        return Layout(Placement(Monitor(*row[:4]), *row[4:]) for row in rows)


def layouts(connection: Connection) -> list[tuple[int, Layout]]:
    """How the monitors were placed since which UTC second, oldest first."""
    moments = connection.rows("SELECT DISTINCT since_s FROM placement ORDER BY since_s")
    return [(since_s, layout(connection, since_s + 1)) for (since_s,) in moments]


# Within the transaction that is open; these raise sqlite3.Error. ----------------------------------


def row_of(connection: Connection, monitor: Monitor) -> int:
    """The row in which a screen's counts are; made where there is none."""
    values = (monitor.edid_hash, monitor.output, monitor.width_px, monitor.height_px)
    first, has_name = connection.execute(
        "SELECT min(id), max(output = ?2) FROM monitor WHERE edid_hash = ?1 AND (?1 <> '' OR output = ?2)"
        " AND width_px = ?3 AND height_px = ?4",
        values,
    ).fetchone()
    if not has_name:  # a new screen, or a new name of one
        (new,) = connection.execute(
            "INSERT INTO monitor (edid_hash, output, width_px, height_px) VALUES (?, ?, ?, ?) RETURNING id", values
        ).fetchone()
        first = new if first is None else first
    return int(first)


def note_sizes(connection: Connection, sizes_mm: Mapping[Monitor, tuple[int, int]]) -> None:
    """Remember how large screens are, in mm: the newest size is the one that is kept."""
    connection.executemany(
        "UPDATE monitor SET width_mm = ?, height_mm = ? WHERE id = ?",
        [(*size_mm, row_of(connection, monitor)) for monitor, size_mm in sizes_mm.items()],
    )


def note_layout(connection: Connection, layout: Layout, since_s: int) -> None:
    """Remember how the monitors are placed since ``since_s``, where that is not how they were placed before."""
    latest = connection.execute("SELECT max(since_s) FROM placement").fetchone()[0]
    rows = [(row_of(connection, p.monitor), p.desktop_x, p.desktop_y) for p in layout.placements]
    for (row, _, _), placement in zip(rows, layout.placements, strict=True):
        if placement.width_mm and placement.height_mm:
            connection.execute(
                "UPDATE monitor SET width_mm = ?, height_mm = ? WHERE id = ? AND (width_mm, height_mm) <> (?, ?)",
                (placement.width_mm, placement.height_mm, row, placement.width_mm, placement.height_mm),
            )
    known = connection.execute(
        "SELECT monitor, desktop_x, desktop_y FROM placement WHERE since_s = ? ORDER BY rowid", (latest,)
    ).fetchall()
    if rows != known:
        since_s = max(since_s, latest + 1) if latest is not None else since_s
        connection.executemany("INSERT INTO placement VALUES (?, ?, ?, ?)", [(since_s, *row) for row in rows])
