"""Tracking: what the source gives is counted, and its state is the daemon's state. That it has ended is returned."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mousetrackd.core import exclusions
from mousetrackd.core.errors import BlindError, RecordingError, SourceError
from mousetrackd.daemon.capture_session import CaptureSession, Ended, Stopped

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mousetrackd.config import ApplicationsConfig, Config, PrivacyConfig
    from mousetrackd.core.errors import PrivacyError
    from mousetrackd.core.events import Item
    from mousetrackd.daemon.checkpointer import Checkpointer
    from mousetrackd.daemon.event_loop import Timers
    from mousetrackd.daemon.status import Status

DRAIN_INTERVAL_S: Final = 5.0
"""How long events gather in the source before they are counted, a batch at a time.

Counting a batch costs about a millisecond, however few its events are. A fast mouse is counted more often: a source
that holds many notifies again.
"""


_UNSURE: Final = (
    "nothing is counted: it is not known which application is used, and [applications] denies some\n"
    "See: mousetrackd doctor. To count all the same, remove applications.deny from the configuration."
)


class Tracker:
    """Hands what the session gives to the checkpointer, which counts it. Arms "drain", "checkpoint" and "retry"."""

    def __init__(self, session: CaptureSession, checkpointer: Checkpointer, status: Status, timers: Timers) -> None:
        self._session = session
        self._checkpointer = checkpointer
        self._status = status
        self._timers = timers
        status.source_name = session.source_name

    def start(self, config: Config, unsure: PrivacyError | None) -> Ended | None:
        """Listen, and enter the state that follows: tracking, waiting or blind. Returns a source that ended at once.

        unsure: it is not known what must not be counted, so nothing is. Raises MousetrackError for a source that there
        cannot be, and RecordingError.
        """
        self._timers.disarm("retry")
        if unsure is not None:
            self._status.set_problem("source", "")
            self._timers.arm("retry", self._session.next_retry_s())
            self._status.enter("blind", "it is not known what must not be counted")
            return None
        try:
            self._session.start(config)
        except RecordingError:
            raise
        except SourceError as error:
            self._status.source_name = self._session.source_name
            self.wait(error)
            return None
        self._status.source_name = self._session.source_name
        self._status.set_problem("source", "")
        self._status.set_notes(self._session.notes)
        ended = self.drain()
        if ended is None:
            self._status.enter("tracking", self._session.source_name)
        return ended

    def wait(self, error: SourceError) -> None:
        """There is no source, for this reason: try again later."""
        self._status.set_problem("source", f"{error.message}. {error.hint}".strip())
        self._timers.arm("retry", self._session.next_retry_s())
        self._status.enter("blind" if isinstance(error, BlindError) else "waiting", error.message)

    def wait_after(self, error: SourceError) -> None:
        """As ``wait``, for the reason that a source has ended. One that worked is tried again soon."""
        if self._status.state == "tracking":
            self._session.reset_retries(after=error)
        self.wait(error)

    def stop(self) -> None:
        """Stop listening, and count what had arrived. After this no connection to a display is open."""
        self._timers.disarm("retry")
        if self._session.is_listening:
            self._count_last(self._session.stop())

    def events_wait(self, checkpoint_interval_s: float) -> bool:
        """The source has something: count it soon, and save it in time. Returns whether to drain it now.

        That is so where it has ended, and where it notifies again before it was drained.
        """
        is_urgent = self._timers.is_armed("drain")
        self._timers.arm("drain", DRAIN_INTERVAL_S)
        self._timers.arm("checkpoint", self._checkpointer.due_in_s(checkpoint_interval_s))
        self._checkpointer.note_unsaved()
        return is_urgent or self._session.has_ended

    def drain(self) -> Ended | None:
        """Count what there is. Returns a source that has ended, all of which is counted then."""
        self._timers.disarm("drain")
        drained = self._session.poll()
        if isinstance(drained, Ended):
            self._count_last(drained)
            return drained
        self._count(drained)
        return None

    def count_pending(self) -> None:
        """Count what there is, and leave an end of the source for ``drain``."""
        if not self._session.has_ended:
            self._timers.disarm("drain")
        self._count(self._session.take())

    def protect(self, privacy: PrivacyConfig) -> None:
        """Count by these rules; what came before is counted by those of then."""
        self.count_pending()
        self._checkpointer.protect(privacy)
        self._report_excluded()

    def rule_applications(self, applications: ApplicationsConfig) -> None:
        """As ``protect``, by these rules about applications."""
        self.count_pending()
        self._checkpointer.rule_applications(applications)
        self._report_applications()

    def check_display(self) -> bool:
        """Whether the display that is listened to, if there is one, answers; reported where that has changed."""
        answers = self._session.answers()
        name = self._session.source_name
        before = self._status.problem("display")
        problem = "" if answers else f"{name} does not answer: systemd may start mousetrackd again"
        self._status.set_problem("display", problem)
        if answers and before:
            self._status.publish()
        return answers

    def _count_last(self, stopped: Stopped) -> None:
        """Count what a source gave until it was stopped, and no time after that."""
        self._timers.disarm("drain")
        self._status.set_problem("stopping", stopped.problem)
        try:
            self._count(stopped.items)
        finally:
            self._checkpointer.end_of_source(stopped.now_ms)

    def _count(self, items: Sequence[Item]) -> None:
        counted, status = self._checkpointer, self._status
        has_new_layout = counted.count(items)
        status.layout, status.events, status.out_of_bounds = counted.layout, counted.events, counted.out_of_bounds
        if has_new_layout:
            self._report_excluded()
        has_new_notes = status.set_notes((*self._session.notes, *counted.layout.left_out))
        has_changed = self._report_applications()
        if has_new_layout or has_new_notes or has_changed:
            status.publish()

    def _report_applications(self) -> bool:
        """Report that nothing is counted for want of knowing whose it is. Returns whether that has changed."""
        before = self._status.problem("applications")
        problem = _UNSURE if self._checkpointer.is_unsure_of_applications and self._session.is_listening else ""
        self._status.set_problem("applications", problem)
        return problem != before

    def _report_excluded(self) -> None:
        """Report a rule whose monitor is not there: it was renamed, or its name is misspelt."""
        report = exclusions.report(self._checkpointer.exclusions, self._checkpointer.layout)
        self._status.set_problem("exclude", report)
