"""The few notifications of the daemon: the first picture, and troubles that nobody would see without asking.

Each is shown once in the life of the daemon, by a child that talks to the session bus, so that the daemon itself needs
no connection to it. Where nothing can show one, nothing is lost: ``status`` and the log have it all.
"""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Final

from mousetrackd.config.schema import BLIND, CANNOT_SAVE, FIRST_PICTURE, NOTIFICATIONS, PAUSED
from mousetrackd.core.wording import printable_lines
from mousetrackd.daemon.child_process import Job
from mousetrackd.system.session_bus import is_bus_there

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from mousetrackd.daemon.clocks import Clocks
    from mousetrackd.daemon.event_loop import Timers
    from mousetrackd.daemon.jobs import ChildEnded, Worker
    from mousetrackd.daemon.status import Status

log = logging.getLogger("mousetrackd")

LASTING_S: Final = {BLIND: 60.0, CANNOT_SAVE: 300.0, PAUSED: 7 * 86400.0}
"""How long a trouble lasts until it is worth a notification: a login, or a disk that is nearly full, settles itself."""

_CHILD_TIMEOUT_S: Final = 120.0


class Notifications:
    """What is to be shown, and the worker whose child shows it. latest: the newest picture.

    Arms the timers "notify blind", "notify cannot_save" and "notify paused" while there is such a trouble.
    """

    def __init__(
        self,
        worker: Worker,
        status: Status,
        timers: Timers,
        clocks: Clocks,
        latest: Path,
        *,
        has_bus: Callable[[], bool] = is_bus_there,
    ) -> None:
        self._worker = worker
        self._has_bus = has_bus
        self._kinds: Sequence[str] = NOTIFICATIONS
        self._status = status
        self._timers = timers
        self._clocks = clocks
        self._latest = latest
        self._shown: set[str] = set()
        self._waiting: list[Job] = []

    def attend(self, due: set[str], paused_since_s: float | None, kinds: Sequence[str]) -> None:
        """Show those whose timers are ``due``, arm timers for new troubles, and disarm those of troubles that are over.

        paused_since_s: when the user paused it (UTC), maybe in an earlier life of the daemon; None where it is not
        known. kinds: those that the user wants.
        """
        self._kinds = kinds
        self._show_due(due)
        paused_for_s = 0.0 if paused_since_s is None else max(self._clocks.wall_s() - paused_since_s, 0.0)
        for kind, lasted_s in (
            (BLIND, 0.0 if self._status.state == "blind" else None),
            (CANNOT_SAVE, 0.0 if self._status.problem("saving") else None),
            (PAUSED, paused_for_s if self._status.state == "paused" else None),
        ):
            timer = f"notify {kind}"
            if lasted_s is None or kind in self._shown or kind not in self._kinds:
                self._timers.disarm(timer)
            elif not self._timers.is_armed(timer):
                self._timers.arm(timer, max(LASTING_S[kind] - lasted_s, 0.0))

    def _show_due(self, due: set[str]) -> None:
        if f"notify {BLIND}" in due:
            self._show(BLIND, "mousetrackd sees nothing", self._status.problem("source"))
        if f"notify {CANNOT_SAVE}" in due:
            self._show(CANNOT_SAVE, "mousetrackd cannot save", self._status.problem("saving"))
        if f"notify {PAUSED}" in due:
            self._show(PAUSED, "mousetrackd is paused", "It has been for a week. To track again: mousetrackd resume")

    def picture_drawn(self, *, is_first: bool) -> None:
        """A picture was drawn. Nobody waits for another one than the first."""
        if is_first:
            self._show(FIRST_PICTURE, "Your first heatmap is ready", str(self._latest), opens=self._latest)

    def _show(self, kind: str, summary: str, body: str, *, opens: Path | None = None) -> None:
        if kind in self._shown or kind not in self._kinds:
            return
        self._shown.add(kind)
        if not self._has_bus():
            return
        message = {"summary": summary, "body": printable_lines(body), "opens": None if opens is None else str(opens)}
        job = Job(
            "mousetrackd.daemon.notification_worker",
            "the notification",
            json.dumps(message).encode("utf-8", "surrogateescape"),
            timeout_s=_CHILD_TIMEOUT_S,
        )
        self._waiting.append(job)
        self._start_next()

    def take(self, message: ChildEnded) -> None:
        """A child has ended: if it was ours, the next one can be shown."""
        problem = self._worker.take(message)
        if problem:
            log.info("no notification was shown: %s", problem.partition("\n")[0])
        self._start_next()

    def abandon(self) -> None:
        """Wait for no click any more."""
        self._worker.abandon()

    def _start_next(self) -> None:
        if self._waiting and not self._worker.is_busy:
            problem = self._worker.start(self._waiting.pop(0))
            if problem:
                log.info("no notification was shown: %s", problem.partition("\n")[0])
