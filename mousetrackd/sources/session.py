"""Kept for one release: a daemon of 0.1.0 that was paused since its start imports this when it is resumed.

The modules that it needs are gone by then, and it would end with an ImportError. It has no source yet, so there is
nothing that it has counted and not saved: this version takes its place in the same process. Every other importer gets
an ImportError.
"""

import os
import sys

_daemon = sys.modules.get("mousetrackd.daemon")
if _daemon is None or hasattr(_daemon, "__path__"):  # in 0.1.0 it was a module, and now it is a package
    raise ImportError("mousetrackd.sources.session is only for a daemon of version 0.1.0 that still runs")
os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - itself, as it was started
