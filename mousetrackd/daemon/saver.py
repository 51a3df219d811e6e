"""Checkpoints as the daemon lives with them: what is in their way is a problem in status, and damage is repaired."""

from __future__ import annotations

import enum
import logging
from typing import TYPE_CHECKING

from mousetrackd.core.errors import MousetrackError, StoreError
from mousetrackd.daemon.checkpointer import SAVE_TIMEOUT_S
from mousetrackd.daemon.lock import AlreadyRunningError
from mousetrackd.storage.errors import DamagedError, NotOursError

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from mousetrackd.daemon.checkpointer import Checkpointer
    from mousetrackd.daemon.clocks import Clocks
    from mousetrackd.daemon.status import Status

log = logging.getLogger("mousetrackd")


class Outcome(enum.Enum):
    """What has become of a checkpoint."""

    SAVED = enum.auto()
    """All that was counted is in the store."""
    FAILED = enum.auto()
    """What is not in the store is kept for the next try."""
    NOT_OURS = enum.auto()
    """Another daemon has our lock, and may have counted the same."""


class Saver:
    """Has the checkpointer save, and reports in ``status``, which is not published.

    rescue_time: a block in which a rescue of the store may take its time, and nothing else uses the store.
    """

    def __init__(
        self,
        checkpointer: Checkpointer,
        status: Status,
        clocks: Clocks,
        rescue_time: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._checkpointer = checkpointer
        self._status = status
        self._clocks = clocks
        self._rescue_time = rescue_time
        self._has_new_counts = False

    def open(self) -> Outcome:
        """Open the store; of a damaged one, what can be read. Raises NotOursError."""
        try:
            try:
                self._checkpointer.open()
            except DamagedError as error:
                self._rescue(error)
                self._checkpointer.open()
        except NotOursError:
            raise
        except StoreError as error:  # a full disk, say: what is counted meanwhile is not lost
            return self._failed(error)
        self._report_findings()
        return Outcome.SAVED

    def save(self, now_ms: int, timeout_s: float = SAVE_TIMEOUT_S) -> Outcome:
        """Save what was counted since the last time. now_ms: the clock of the events, 0 without a source."""
        try:
            is_failing = self._status.problem("saving") != ""
            has_saved = self._checkpointer.save(now_ms, timeout_s, repair=is_failing)
        except AlreadyRunningError as error:
            log.warning("our lock was deleted, and %s Ending.", error.message)
            return Outcome.NOT_OURS
        except StoreError as error:
            if isinstance(error, DamagedError):
                self._try_rescue(error)
            return self._failed(error)
        self._report_findings()
        self._status.set_problem("saving", "")
        if has_saved:
            self._status.last_checkpoint = self._clocks.now_iso()
            self._has_new_counts = True
        return Outcome.SAVED

    def take_has_new_counts(self) -> bool:
        """Whether counts came into the store since the last call."""
        has_new_counts, self._has_new_counts = self._has_new_counts, False
        return has_new_counts

    def keep_aside(self, now_ms: int) -> None:
        """Keep what is not in the store in side files, and report it: it is an error, though nothing is lost."""
        unsaved = self._checkpointer.keep_aside(now_ms, self._status.problem("saving"))
        if unsaved:
            self._status.unsaved = unsaved
            self._status.set_problem("saving", unsaved)
            log.error("%s", unsaved)

    def check(self) -> None:
        """Another process could not use the store: if it is damaged, rescue it now."""
        damage = self._checkpointer.find_damage()
        if damage is not None:
            self._try_rescue(damage)

    def _failed(self, error: StoreError) -> Outcome:
        """Report it, once."""
        self._report_findings()
        if not self._status.problem("saving"):
            why = f"not saving since {self._clocks.now_iso()}: {error.message}. {error.hint}"
            self._status.set_problem("saving", why.strip())
        return Outcome.FAILED

    def _report_findings(self) -> None:
        findings = self._checkpointer.take_findings()
        for kind, sentence in findings.problems:
            self._status.set_problem(kind, sentence)
        self._has_new_counts = self._has_new_counts or findings.has_taken_in

    def _try_rescue(self, damage: DamagedError) -> None:
        try_step("rescue the damaged store", lambda: self._rescue(damage))

    def _rescue(self, damage: DamagedError) -> None:
        with self._rescue_time():
            self._checkpointer.rescue(damage)


def try_step(step: str, do: Callable[[], None]) -> None:
    """``do`` it, and log why it failed, whatever the reason: the steps after it are as important."""
    try:
        do()
    except MousetrackError as error:
        log.error("could not %s: %s", step, error)  # noqa: TRY400 - a sentence, not a traceback
    except Exception:
        log.exception("could not %s", step)
