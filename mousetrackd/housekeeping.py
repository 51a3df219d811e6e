"""Old counts made fewer: what the daemon has done to its store once an hour.

``python -m mousetrackd.housekeeping`` does it: a short-lived child of the daemon, for adding up a month of a large
screen takes memory that the daemon is not to keep. Killed at any moment it has changed no sum.
"""

from __future__ import annotations

import os
import sys
import time

from mousetrackd.config import parse
from mousetrackd.errors import MousetrackError
from mousetrackd.paths import user_paths
from mousetrackd.store import FoldAges, Store


def main() -> None:
    """Drop and fold. It reads the configuration in force from stdin; its only words are an error."""
    os.umask(0o077)
    now_s = int(time.time())
    try:
        keep = parse(sys.stdin.buffer.read().decode("utf-8", "surrogateescape"), "stdin").store
        with Store.open(user_paths().store, beside=True) as store:
            if keep.keep_days:
                store.prune(now_s - keep.keep_days * 86400)
            store.fold(now_s, FoldAges(keep.hours_days, keep.days_days, keep.months_days))
    except MousetrackError as error:
        print(error, file=sys.stderr)  # noqa: T201 - a process's way to speak
        raise SystemExit(error.exit_code) from None


if __name__ == "__main__":
    main()
