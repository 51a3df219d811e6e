"""Kept for one release: a daemon of version 0.1.0 that still runs starts its roll-up by this name."""

import sys

from mousetrackd.core.errors import MousetrackError
from mousetrackd.daemon.rollup_worker import main

if __name__ == "__main__":
    try:
        main()
    except MousetrackError as error:
        print(error, file=sys.stderr)  # noqa: T201 - how that version expects an error
        sys.exit(error.exit_code)
