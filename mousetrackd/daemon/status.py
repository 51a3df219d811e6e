"""What the daemon reports about itself: its state, its problems, ``status.json``, and systemd's STATUS line."""

from __future__ import annotations

import json
import logging
import os
from typing import TYPE_CHECKING, Any

from mousetrackd import __version__
from mousetrackd.core.errors import MousetrackError
from mousetrackd.core.layout import Layout
from mousetrackd.core.wording import printable, printable_lines
from mousetrackd.daemon.client import headline
from mousetrackd.system import displays
from mousetrackd.system.files import write_whole
from mousetrackd.system.systemd import notify

if TYPE_CHECKING:
    from collections.abc import Callable

    from mousetrackd.daemon.clocks import Clocks
    from mousetrackd.daemon.lock import InstanceLock
    from mousetrackd.system.paths import Paths

log = logging.getLogger("mousetrackd")


class Status:
    """The state of the daemon, and the facts that its parts have set; ``publish`` writes them, while the lock is ours.

    asides: gives sentences about what is in the data folder and waits for the user. log_problem: why no log file is
    kept, or nothing.

    source_name, notes: of the pointer source, the last one where there is none now. events, out_of_bounds: counted
    since the start. last_checkpoint, last_snapshot: local time, None before the first. looked_ns, saved_ns,
    snapshot_began_ns: time.monotonic_ns when that was last begun, 0 before and while a picture is drawn; commands
    wait for them. unsaved: why the last counts are not in the store. is_privacy_unsure: it is not known what must not
    be counted.
    """

    def __init__(
        self,
        paths: Paths,
        clocks: Clocks,
        lock: InstanceLock,
        *,
        asides: Callable[[], list[str]] = list,
        log_problem: Callable[[], str] = str,
    ) -> None:
        self._paths = paths
        self._clocks = clocks
        self._lock = lock
        self._asides = asides
        self._log_problem = log_problem
        self._problems: dict[str, str] = {}
        self._notes_logged: set[str] = set()
        self.state = "starting"
        self.since = clocks.now_iso()
        self.source_name = ""
        self.notes: tuple[str, ...] = ()
        self.layout = Layout()
        self.events = self.out_of_bounds = 0
        self.last_checkpoint: str | None = None
        self.last_snapshot: str | None = None
        self.snapshot_error = ""
        self.looked_ns = self.saved_ns = self.snapshot_began_ns = 0
        self.unsaved = ""
        self.is_privacy_unsure = False

    def enter(self, state: str, why: str = "") -> None:
        """Change the state, and publish it; a new one is logged once, with the reason where there is one."""
        if state != self.state:
            self.state = state
            self.since = self._clocks.now_iso()
            level = logging.WARNING if state in ("waiting", "blind") else logging.INFO
            log.log(level, "%s%s", state, f": {why}" if why else "")
        line = headline({"state": self.state, "since": self.since, "pid": os.getpid()})
        notify(f"STATUS={printable(line)}")
        self.publish()

    def end(self) -> None:
        """Report that the daemon has ended, if the lock is still ours."""
        if self._lock.is_ours:
            # Nobody reads the configuration again; a status command that finds it bad reports that itself.
            self.set_problem("configuration", "")
            self.enter("stopped")

    def set_problem(self, kind: str, sentence: str) -> None:
        """Note, change or clear (with an empty sentence) a problem; a new one is logged once."""
        before = self._problems.pop(kind, "")
        if sentence:
            self._problems[kind] = sentence = printable_lines(sentence)
            if not before:
                log.warning("%s", sentence)
        elif before and kind == "saving":
            log.info("saving again")

    def problem(self, kind: str) -> str:
        """The problem of this kind, or nothing."""
        return self._problems.get(kind, "")

    def set_notes(self, notes: tuple[str, ...]) -> bool:
        """What the source cannot see just now; logged the first time. Returns whether there was a change."""
        if notes == self.notes:
            return False
        for note in notes:
            if note not in self.notes and note not in self._notes_logged:
                self._notes_logged.add(note)
                log.warning("%s", note)
        self.notes = notes
        return True

    @property
    def gives_way(self) -> bool:
        """Whether another daemon that can listen may take over. Not where counts could be lost, or privacy."""
        waits = self.state in ("waiting", "blind")
        return waits and not self.is_privacy_unsure and not self.problem("saving")

    def document(self) -> dict[str, Any]:
        """What ``status.json`` holds."""
        named = displays.named_in(os.environ)
        return {
            "state": self.state,
            "since": self.since,
            "pid": os.getpid(),
            "version": __version__,
            "source": self.source_name,
            "display": displays.followed_by(self.source_name, named),
            "displays": named,
            "gives_way": self.gives_way,
            "notes": [printable(note) for note in self.notes],
            "written": self._clocks.now_iso(),
            "events": self.events,
            "out_of_bounds": self.out_of_bounds,
            "monitors": [
                {"monitor": p.monitor.label, "desktop_x": p.desktop_x, "desktop_y": p.desktop_y}
                for p in self.layout.placements
            ],
            "last_checkpoint": self.last_checkpoint,
            "last_snapshot": self.last_snapshot,
            "snapshot_error": self.snapshot_error,
            "looked_ns": self.looked_ns,
            "saved_ns": self.saved_ns,
            "snapshot_began_ns": self.snapshot_began_ns,
            "picture": str(self._paths.latest),
            "problems": [*self._problems.values(), *filter(None, [self._log_problem()]), *self._asides()],
            "unsaved": self.unsaved,
        }

    def publish(self) -> None:
        """Write ``status.json``, whole, if the lock is ours. Never fails."""
        if not self._lock.is_ours:
            return
        try:
            self._lock.make_runtime_folder()
            write_whole(self._paths.status, json.dumps(self.document(), indent=1).encode(), durable=False)
        except (OSError, MousetrackError) as error:
            # Others then see an old status; it can be reported nowhere else but in the log.
            why = error.strerror if isinstance(error, OSError) else error
            log.warning("cannot write %s: %s", self._paths.status, why)
