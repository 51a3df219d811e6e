"""A ``run`` that brings a living display takes the place of a daemon that waits for a dead one.

Without systemd nothing ends a daemon at logout. The next login starts one of its own, with another cookie or another
display, and the old one would keep it out. The old one is asked to end, as ``stop`` does: it saves what it has. A
daemon that tracks or is paused is never asked.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import time
from typing import TYPE_CHECKING, Any

from mousetrackd.core.errors import MousetrackError, NotRunningError
from mousetrackd.daemon import client, pause_state
from mousetrackd.daemon.client import RunningDaemon
from mousetrackd.daemon.lock import AlreadyRunningError
from mousetrackd.system import displays

if TYPE_CHECKING:
    from collections.abc import Callable

    from mousetrackd.core.errors import SourceError
    from mousetrackd.system.paths import Paths

log = logging.getLogger("mousetrackd")

ATTEMPTS = 3
"""Others may begin or take over at the same time. Each attempt finds the daemon that was faster."""
SETTLE_TIMEOUT_S = 6.0
"""A daemon that begins is looked at once it says what it does; trying a display takes it 5 s at most."""
ASK_AFTER_S = 0.5
PICTURE_TIMEOUT_S = 2.0
"""How long the old daemon may take for its last picture; the next one is drawn by the new daemon."""
END_TIMEOUT_S = 25.0
"""The old daemon has 20 s to save and end."""
_POLL_S = 0.02


def run_or_take_over(paths: Paths, run: Callable[[], None], why_not: Callable[[], SourceError | None]) -> None:
    """``run`` the daemon, in the place of one that waits in vain if there is one.

    why_not: tries to listen to the display of this process, and returns the reason why it cannot. Raises
    AlreadyRunningError where another daemon runs and stays; MousetrackError where it should end and does not.
    """
    for attempts_left in reversed(range(ATTEMPTS)):
        _make_way(paths, why_not)
        try:
            run()
        except AlreadyRunningError:
            if not attempts_left:
                raise
        else:
            return


def _make_way(paths: Paths, why_not: Callable[[], SourceError | None]) -> None:
    """Have the daemon that waits end. Raises AlreadyRunningError as ``run_or_take_over``."""
    try:
        daemon = client.find_running(paths)
    except MousetrackError:  # its locks were deleted: only who tries to take them sees that it runs
        return
    if daemon is None:
        return
    status = _settled_status(daemon)
    if status is None:
        return
    if not status.get("gives_way") or pause_state.read_desired_state(paths).pause:
        raise AlreadyRunningError(daemon.pid, " ".join(displays.compare(status, os.environ)))
    reason = why_not()
    if reason is not None:
        here = displays.asked_from(status, os.environ)
        waits = f"It waits for {displays.short(status.get('display') or '') or 'a display'}."
        raise AlreadyRunningError(daemon.pid, f"{waits} {here} is no better: {reason.message}" if here else waits)
    log.info("mousetrackd (pid %d) waits for a display that is gone: it ends, and this one goes on", daemon.pid)
    _end(daemon)


def _settled_status(daemon: RunningDaemon) -> dict[str, Any] | None:
    """What the daemon reports, once it has started; ``starting`` where it reports nothing. None when it has ended.

    Where it has not reported for a while it is asked: its status may have gone with the runtime folder of its login.
    """
    began_s = time.monotonic()
    asked = False
    while True:
        status = client.status_of(daemon)
        if not daemon.is_alive():
            return None
        passed_s = time.monotonic() - began_s
        if status["state"] != "starting" or passed_s > SETTLE_TIMEOUT_S:
            return status
        if passed_s > ASK_AFTER_S and not asked:
            asked = True
            with contextlib.suppress(NotRunningError):
                daemon.send(signal.SIGHUP)
        time.sleep(_POLL_S)


def _end(daemon: RunningDaemon) -> None:
    """Let it save and end. Raises MousetrackError when it does not."""
    began_s = time.monotonic()
    hurry = False
    try:
        daemon.send(signal.SIGTERM)
        while daemon.is_alive():
            passed_s = time.monotonic() - began_s
            if passed_s > PICTURE_TIMEOUT_S and not hurry:
                hurry = True
                daemon.send(signal.SIGTERM)
            if passed_s > END_TIMEOUT_S:
                raise MousetrackError(
                    f"mousetrackd (pid {daemon.pid}) waits for a display that is gone, and did not end within "
                    f"{END_TIMEOUT_S:.0f} s.",
                    f"End it, then do this again: kill -9 {daemon.pid}",
                )
            time.sleep(_POLL_S)
    except NotRunningError:
        return  # it has just ended
