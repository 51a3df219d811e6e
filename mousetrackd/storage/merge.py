"""A new store with all that several others hold. Counts add, so it is exact."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mousetrackd.core.errors import UsageError
from mousetrackd.storage import screens, summaries
from mousetrackd.storage.connection import Connection
from mousetrackd.storage.copying import longest_first
from mousetrackd.storage.database_files import create, remove_fresh
from mousetrackd.storage.errors import as_store_error
from mousetrackd.storage.recovery import readable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from mousetrackd.storage.store import Store


@dataclass
class Merged:
    """What came of it. monitors: how many screens it has. left_out: a sentence for all that is damaged."""

    monitors: int = 0
    left_out: list[str] = field(default_factory=list)


def merge(out: Path, paths: Sequence[Path], is_own: Callable[[Path], bool] = lambda _: False) -> Merged:
    """Make ``out`` of all that the stores of ``paths`` hold; whole and on the disk when this returns, or not there.

    is_own: is it the one that a daemon may be writing? Raises UsageError where ``out`` is there already, where two of
    them are the same store or hold the same, and where they have one series in different units; StoreError.
    """
    merged = Merged()
    if os.path.lexists(out):
        raise UsageError(f"{out} is there already, and a merge makes a new file", "Name another, or move it away.")
    if not out.parent.is_dir():
        raise UsageError(f"there is no folder {out.parent}", "Make it, or name another file.")
    with contextlib.ExitStack() as stack:
        stores: list[tuple[Path, Store]] = []
        for path in paths:
            store, missing = stack.enter_context(readable(path, elsewhere=not is_own(path)))
            stores.append((path, store))
            merged.left_out += [missing] if missing else []
        _refuse_twice(stores)
        try:
            create(out, lambda fresh: _fill(Connection.of(out, fresh), [store for _, store in stores], merged))
        except (OSError, sqlite3.Error) as error:
            raise as_store_error(out, error) from error
        finally:  # it has its name now, or is not wanted
            with contextlib.suppress(OSError):
                remove_fresh(out.with_name(f".{out.name}.new"))
    return merged


def _refuse_twice(stores: Sequence[tuple[Path, Store]]) -> None:
    """Raises UsageError where counts would be in the sum twice, or nobody could know."""
    holder: dict[str, Path] = {}
    for path, store in stores:
        ids = store.store_ids()
        if not ids:
            raise UsageError(
                f"{path} is of an older version, which gave stores no number, so it may be one of the others",
                "Start this version of mousetrackd with it once, and merge it then.",
            )
        for one in ids:
            if one in holder:
                raise UsageError(
                    f"{path} holds what {holder[one]} holds too, and it would be counted twice",
                    "Leave one of them out.",
                )
        holder |= dict.fromkeys(ids, path)


def _fill(target: Connection, stores: Sequence[Store], merged: Merged) -> None:
    layouts = [one for store in stores for one in store.layouts()]
    units_there: dict[tuple[int, str], str] = {}
    with contextlib.ExitStack() as stack:
        stack.enter_context(target.transaction())
        parts = [stack.enter_context(store.copying(target, units_there, merged.left_out)) for store in stores]
        for from_s, below_s in longest_first():
            for part in parts:
                part.add(from_s, below_s)
        for since_s, layout in sorted(layouts, key=lambda one: one[0]):
            screens.note_layout(target, layout, since_s)
    summaries.make_missing(target)
    known = screens.monitors(target)
    merged.monitors = len({(one.edid_hash or one.output, one.width_px, one.height_px) for one in known.values()})
