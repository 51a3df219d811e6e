"""The roll-up worker: a short-lived child of the daemon that once an hour adds up old counts, and drops older ones.

Adding up a month of a large screen takes memory that the daemon is not to keep. Killed at any moment it has changed no
sum.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from mousetrackd.config import parse
from mousetrackd.core.clock_guard import DAY_S, Moment, limit_s, looked
from mousetrackd.daemon.clocks import known_of_clock
from mousetrackd.storage.migration import BACKUP_KEPT_S, InUseError
from mousetrackd.storage.store import Store
from mousetrackd.storage.tiers import RollupAges
from mousetrackd.system.files import write_whole
from mousetrackd.system.paths import user_paths

if TYPE_CHECKING:
    from mousetrackd.config import StoreConfig


def main() -> None:
    """Roll up. The configuration in force is read from stdin. Raises MousetrackError."""
    os.umask(0o077)
    paths = user_paths()
    keep = parse(sys.stdin.buffer.read().decode("utf-8", "surrogateescape"), "stdin").store
    with contextlib.suppress(InUseError), Store.open(paths.store, as_helper=True) as store:
        roll_up(store, keep, paths.clock, _now())


def roll_up(store: Store, keep: StoreConfig, clock_file: Path, now: Moment) -> None:
    """Drop what is too old and roll up the rest, where the clock can be believed. clock_file: what is known of it."""
    before = known_of_clock(clock_file)
    known = looked(before, now, store.newest_s(now.wall_s - DAY_S), limit_s(keep.keep_days))
    if known != before:
        # Where it cannot be written the next check knows less, and believes the clock less.
        with contextlib.suppress(OSError):
            write_whole(clock_file, known.to_json().encode())
    if known.leap is not None:
        return
    if keep.keep_days:
        store.prune(now.wall_s - keep.keep_days * DAY_S)
    store.drop_backups(now.wall_s - BACKUP_KEPT_S)
    store.roll_up(
        now.wall_s,
        RollupAges(
            keep.keep_hourly_pixels_days,
            keep.keep_daily_pixels_days,
            keep.keep_monthly_pixels_days,
            keep.keep_hour_cells_days,
        ),
    )


def _now() -> Moment:
    return Moment(int(time.time()), int(time.clock_gettime(time.CLOCK_BOOTTIME)), _start_of_parent())


def _start_of_parent() -> str:
    """Which run of the daemon has started this: its pid, and when it began, in ticks since the boot (proc(5))."""
    pid = os.getppid()
    try:
        _, _, after_name = Path(f"/proc/{pid}/stat").read_text("ascii", "replace").rpartition(")")
        return f"{pid} {after_name.split()[19]}"
    except (OSError, IndexError):
        return str(pid)
