"""The units of imported counts: a series of another program's numbers is neither milliseconds nor presses.

A series has one unit. Where none is noted it is that of its layer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mousetrackd.core.errors import UsageError
from mousetrackd.core.layers import UNITS
from mousetrackd.core.series import Series
from mousetrackd.core.validity import UNIT_MAX
from mousetrackd.storage import screens

if TYPE_CHECKING:
    from mousetrackd.storage.connection import Connection


def units(connection: Connection) -> dict[Series, str]:
    """The unit of each series that is not counted in its layer's. Raises StoreError."""
    known = screens.monitors(connection)
    rows = connection.rows("SELECT monitor, layer, unit FROM unit")
    return {Series(known[monitor], layer): unit for monitor, layer, unit in rows}


def note(connection: Connection, monitor: int, layer: str, unit: str) -> None:
    """Note what a series is counted in, before its first counts, within the transaction that is open.

    monitor: its row. Raises UsageError for what is no unit, and where the series has counts of another; sqlite3.Error.
    """
    if not unit.isprintable() or not 1 <= len(unit) <= UNIT_MAX:
        raise UsageError(f'"{unit[:UNIT_MAX]}" is no unit', f"A unit has 1 to {UNIT_MAX} printable characters.")
    key = (monitor, layer)
    found = connection.execute("SELECT unit FROM unit WHERE (monitor, layer) = (?, ?)", key).fetchone()
    has_counts = connection.execute("SELECT 1 FROM chunk WHERE (monitor, layer) = (?, ?) LIMIT 1", key).fetchone()
    now = found[0] if found else UNITS[layer]
    if unit == now:
        return
    if found or has_counts:
        raise UsageError(
            f"the store has counts of {layer} in {now} on that screen, and {unit} cannot be added to them",
            "Import them onto a screen of another name: --monitor NAME",
        )
    connection.execute("INSERT INTO unit VALUES (?, ?, ?)", (monitor, layer, unit))
