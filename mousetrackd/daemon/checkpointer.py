"""From drained items to the store: counted in memory, saved in batches, kept in side files where that fails.

What was counted is lost only when nothing can be written anywhere. What is saved is saved once: a batch whose commit
failed without it being known how far it got keeps its mark, and is tried again as it is.
"""

from __future__ import annotations

import contextlib
import logging
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Final

from mousetrackd.core.accumulator import Accumulator
from mousetrackd.core.errors import MousetrackError, RefusedError, StoreError
from mousetrackd.core.events import AppChange, Gap, LayoutChange, Pointers
from mousetrackd.core.layout import Layout
from mousetrackd.daemon.clocks import Clocks, Moment, stretch_s
from mousetrackd.storage import reserve, unsaved
from mousetrackd.storage.batch import Batch
from mousetrackd.storage.errors import DamagedError
from mousetrackd.storage.forget_note import unfinished
from mousetrackd.storage.store_file import StoreFile
from mousetrackd.storage.tiers import HOUR
from mousetrackd.system.bounded_calls import Disk, bounded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from mousetrackd.config import ApplicationsConfig, Config, PrivacyConfig
    from mousetrackd.core.events import Item
    from mousetrackd.core.exclusions import Exclusions
    from mousetrackd.core.monitors import Placement
    from mousetrackd.storage.recovery import Rescued
    from mousetrackd.system.paths import Paths

log = logging.getLogger("mousetrackd")

SAVE_TIMEOUT_S: Final = 10.0
"""How long a save is waited for: longer than for another process that writes. Then the disk does not answer."""
_SIDE_FILE_TIMEOUT_S: Final = 1.5
"""How long the disk of a side file is waited for, before the next one is tried."""
_OPENINGS: Final = 3
_LATE_S: Final = 5
"""What is saved so many seconds after the end of an hour still is of that hour; across its end it would be of none."""


@dataclass
class Findings:
    """What was met while saving. problems: kinds and sentences, an empty one where all is well again.

    has_taken_in: counts that an earlier run could not save are in the store now.
    """

    problems: list[tuple[str, str]] = field(default_factory=list)
    has_taken_in: bool = False


class Checkpointer:
    """Counts items and saves the counts. For one thread; the store is used in another, for which that one waits.

    retake_locks: called in that thread before each save; takes again what was deleted of the locks. Raises
    AlreadyRunningError where another daemon has one, RefusedError where it cannot be had, which is a finding.
    """

    def __init__(self, paths: Paths, config: Config, clocks: Clocks, retake_locks: Callable[[], None]) -> None:
        self._paths = paths
        self._clocks = clocks
        self._retake_locks = retake_locks
        self._accumulator = Accumulator(
            rest_cap_ms=config.rest_cap_ms,
            warp_px=config.warp_px,
            click_cell_px=config.privacy.click_cell_px,
            exclude=config.privacy.exclusions,
        )
        self.rule_applications(config.applications)
        self._layout = Layout()
        self._unsaved_since: Moment | None = None
        self._store: StoreFile | None = None
        self._disk = Disk(paths.data_dir)
        self._pending: Batch | None = None  # was tried, and is not known to be in the store
        self._stored_mark: int | None = None  # of the batch before, which is
        self._side_files_wait = True
        self._may_use_reserve = False
        self._findings = Findings()
        self._rescued: Rescued | None = None
        self._asides: list[str] = []

    # Counting -----------------------------------------------------------------------------------------

    @property
    def layout(self) -> Layout:
        """The newest layout that was counted."""
        return self._layout

    @property
    def events(self) -> int:
        """How many events were counted since the start."""
        return self._accumulator.events

    @property
    def out_of_bounds(self) -> int:
        """How many events since the start were on no monitor."""
        return self._accumulator.out_of_bounds

    @property
    def exclusions(self) -> Exclusions:
        """The rules by which is counted, and where they hold."""
        return self._accumulator.exclusions

    def count(self, items: Iterable[Item]) -> bool:
        """Count, in this order. Returns whether there was a new layout."""
        has_new_layout = False
        for item in items:
            if isinstance(item, LayoutChange):
                self._accumulator.change_layout(item.layout, item.time_ms)
                self._layout = item.layout
                log.info("monitors: %s", ", ".join(m.label for m in item.layout.monitors))
                has_new_layout = True
            elif isinstance(item, Pointers):
                self._accumulator.change_pointers(item.count, item.time_ms)
            elif isinstance(item, Gap):
                self._accumulator.gap(item.time_ms)
            elif isinstance(item, AppChange):
                self._accumulator.change_applications(item)
            else:
                self._accumulator.feed(item)
        return has_new_layout

    def end_of_source(self, now_ms: int) -> None:
        """No time after this is counted, until there are items of another source."""
        self._accumulator.change_pointers(1, now_ms)  # a gap; the next source reports how many it has
        self._accumulator.change_applications(AppChange(now_ms))

    def protect(self, privacy: PrivacyConfig) -> None:
        """Count by these rules from now on. Those for a monitor that was renamed meanwhile stay on its pixels."""
        seen: list[Placement] = []
        if self._store is not None and privacy.exclusions:
            with contextlib.suppress(StoreError, ValueError):  # a damaged store knows no names
                seen = self._store.last_seen()
        self._accumulator.protect(click_cell_px=privacy.click_cell_px, exclude=privacy.exclusions, seen=seen)

    @property
    def is_unsure_of_applications(self) -> bool:
        """Whether nothing is counted, for it is not known which application is used and some are denied."""
        return self._accumulator.applications.is_unsure

    def rule_applications(self, applications: ApplicationsConfig) -> None:
        """Count by these rules about applications from now on."""
        self._accumulator.rule_applications(applications.rules())

    def configure(self, config: Config) -> None:
        """Count by these limits from now on."""
        self._accumulator.rest_cap_ms = config.rest_cap_ms
        self._accumulator.warp_px = config.warp_px

    def note_unsaved(self) -> None:
        """There is something to count now, and what is counted since belongs to this time."""
        self._unsaved_since = self._unsaved_since or self._clocks.now()

    def due_in_s(self, interval_s: float) -> float:
        """When to save, in seconds: after the interval, or earlier when the clock's hour ends: hours are kept apart."""
        wall_s = int(self._clocks.wall_s())
        return min(interval_s, HOUR.period(wall_s, None)[1] - wall_s)

    # Saving -------------------------------------------------------------------------------------------

    @property
    def has_store(self) -> bool:
        """Whether a store is open."""
        return self._store is not None

    @property
    def has_pending(self) -> bool:
        """Whether something was tried to be saved, and is not known to be."""
        return self._pending is not None

    def open(self) -> None:
        """Open the store, take in side files, and set space apart for the last save.

        Raises StoreError, NotOursError and DamagedError among them.
        """
        if self._store is None:
            self._store = StoreFile.open(self._paths.store, holds_lock=True)
        self._take_in_side_files(self._store)
        reserve.make(self._paths.reserve)

    def begin_last_save(self) -> None:
        """From now on a full disk is no reason to wait: the space that was set apart is given up for the store."""
        self._may_use_reserve = True

    def save(self, now_ms: int, timeout_s: float = SAVE_TIMEOUT_S, *, repair: bool = False) -> bool:
        """Save what waits since an earlier try, and what was counted since. Returns whether there was any.

        now_ms: the clock of the events; without a source 0, as a gap has then ended every rest. repair: go to the disk
        even where there is nothing to save. Raises StoreError; what is not saved then still waits. Raises
        AlreadyRunningError where another daemon has taken a lock.
        """
        saved = False
        while True:
            # What was tried stays as it is: that it is not in the store is not known of every commit that failed.
            is_last = self._pending is None
            if self._pending is None:
                self._pending = self._take_batch(now_ms)
            batch = self._pending
            self._disk.run(partial(self._save_with_reserve, batch, repair=repair), timeout_s)
            if batch is not None:
                self._pending, self._stored_mark, saved = None, batch.mark, True
            if is_last:
                return saved

    def take_findings(self) -> Findings:
        """What was met while saving since the last call."""
        findings, self._findings = self._findings, Findings()
        return findings

    def keep_aside(self, now_ms: int, why: str) -> str:
        """Write what is not in the store into side files; a sentence about that, or nothing where all is.

        why: the reason that the store could not be written. To be reported as an error, though nothing may be lost.
        """
        batches = [batch for batch in (self._pending, self._take_batch(now_ms)) if batch is not None]
        if not batches:
            return ""
        folders = list(unsaved.folders(self._paths))
        written = [self._write_side_file(batch, folders) for batch in batches]
        kept = [str(path) for path in written if path is not None]
        where = [f"Kept in {', '.join(kept)}: the next start takes it in."] if kept else []
        gone = ["It could not be kept anywhere else either, and is lost."] if len(kept) < len(batches) else []
        return "\n".join([f"the last counts are not in the store: {why or 'not saving'}", *where, *gone])

    def close(self) -> None:
        """Close the store, unless its disk hangs."""
        if self._store is not None and not self._disk.is_hanging():
            self._store.close()

    def _take_batch(self, now_ms: int) -> Batch | None:
        """Everything that was counted and not taken yet; None when that is nothing."""
        tally = self._accumulator.take(now_ms)
        now = self._clocks.now()
        start_s, end_s = stretch_s(self._unsaved_since or now, now)
        hour_ends_s = HOUR.period(start_s, None)[1]  # where a busy computer was a little late to save
        if hour_ends_s < end_s <= hour_ends_s + _LATE_S:
            end_s = hour_ends_s
        self._unsaved_since = None
        return Batch.of(tally, start_s, end_s, self._layout) if tally else None

    def _save_with_reserve(self, batch: Batch | None, *, repair: bool) -> None:
        try:
            self._save(batch, repair=repair)
        except StoreError as error:
            if not self._may_use_reserve or not reserve.give_up(self._paths.reserve, error):
                raise
            self._save(batch, repair=repair)

    def _save(self, batch: Batch | None, *, repair: bool) -> None:
        """Store a batch, and check that it is where others find it; in a thread, while nothing else uses the store."""
        try:
            self._retake_locks()
            self._findings.problems.append(("lock", ""))
        except RefusedError as error:  # the folder is gone, and with it the store: reported, and tried again
            self._findings.problems.append(("lock", error.message))
        if batch is None and not repair and (self._store is None or self._store.is_in_place()):
            return
        for _ in range(_OPENINGS):
            if self._store is not None and not self._store.is_in_place():
                self._findings.problems.append(("moved", self._store.leave()))
                self._store = None
            if self._store is None:
                self._store = StoreFile.open(self._paths.store, holds_lock=True)
            self._take_in_side_files(self._store)
            if batch is not None:
                self._store.commit_batch(batch, instead_of=self._stored_mark)
            if self._store.is_in_place():
                return
        raise StoreError(
            f"the files of {self._paths.store} are taken away again and again", "What does that? Let it stop."
        )

    def _take_in_side_files(self, store: StoreFile) -> None:
        """Store what could not be saved at the end of an earlier run. Raises StoreError; the files then wait."""
        if not self._side_files_wait:
            return
        done = unsaved.take_in(self._paths, store)
        self._side_files_wait = False
        if done.taken:
            self._findings.has_taken_in = True
            files = ", ".join(map(str, done.taken))
            log.info("counts that an earlier run could not save are in the store now: %s", files)
        self._findings.problems.append(("unsaved", "\n".join(done.problems)))

    def _write_side_file(self, batch: Batch, folders: list[Path]) -> Path | None:
        """The side file of a batch, in the first folder that takes it; None where none does. Drops those that hang."""
        for folder in tuple(folders):
            try:
                return bounded(_SIDE_FILE_TIMEOUT_S, partial(unsaved.write, self._paths, folder, batch), name="disk")
            except TimeoutError:
                folders.remove(folder)
            except (OSError, MousetrackError) as error:
                log.warning("%s cannot be written to either: %s", folder, error)
        return None

    # Damage -------------------------------------------------------------------------------------------

    def find_damage(self) -> DamagedError | None:
        """Read every page of the store: what is wrong with it; None where it is whole or cannot be read just now."""
        if self._store is not None and not self._disk.is_hanging():
            try:
                self._store.look_at_every_page()
            except DamagedError as error:
                return error
            except StoreError:  # what keeps it from being read will keep it from being written, which is reported
                pass
        return None

    def rescue(self, damage: DamagedError) -> None:
        """Set the damaged store aside, and make a new one of what can be read of it, which is opened later.

        May take long. Raises StoreError.
        """
        from mousetrackd.storage.recovery import rescue  # noqa: PLC0415 - almost never needed

        if self._store is not None:
            self._store.close()
            self._store = None
        aside, self._rescued = rescue(self._paths.store, self._clocks.now_utc())
        log.warning("%s. It is now %s; %s; counting goes on.", damage.message, aside.name, self._rescued)

    def asides(self) -> list[str]:
        """Sentences about what is in the data folder and waits for the user; as they were before, where it hangs."""
        if not self._disk.is_hanging():
            with contextlib.suppress(OSError):  # too many files are open, say: what was found before still holds
                self._asides = self._found_aside()
        return self._asides

    def _found_aside(self) -> list[str]:
        asides = sorted(self._paths.data_dir.glob("heat.damaged-*.sqlite3"))
        rescued = f"{self._rescued}; " if self._rescued else ""
        sentences = [
            f"a damaged store was set aside as {aside}; {rescued}remove it when you need it no more"
            for aside in asides[-1:]
        ]
        return sentences + [f"unfinished, do it again: mousetrackd forget {one}" for one in unfinished(self._paths)]
