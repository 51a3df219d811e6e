"""Old counts made fewer: what the daemon has done to its store once an hour.

A short-lived child of the daemon does it, for adding up a month of a large
screen takes memory that the daemon is not to keep. Killed at any moment it has changed no sum.
"""

from __future__ import annotations

import os
import sys
import time

from mousetrackd.config import parse
from mousetrackd.paths import user_paths
from mousetrackd.store import FoldAges, Store


def main() -> None:
    """Drop and fold. The configuration in force is read from stdin. Raises MousetrackError."""
    os.umask(0o077)
    now_s = int(time.time())
    keep = parse(sys.stdin.buffer.read().decode("utf-8", "surrogateescape"), "stdin").store
    with Store.open(user_paths().store, beside=True) as store:
        if keep.keep_days:
            store.prune(now_s - keep.keep_days * 86400)
        store.fold(now_s, FoldAges(keep.hours_days, keep.days_days, keep.months_days))
