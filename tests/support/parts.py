"""Parts of the daemon, made for tests: paths of their own, clocks moved by hand, and a source that is fed."""

from collections.abc import Callable
from pathlib import Path

from mousetrackd.core.errors import SourceError
from mousetrackd.core.events import Item
from mousetrackd.daemon.clocks import Clocks
from mousetrackd.system.paths import Paths


def paths_in(folder: Path) -> Paths:
    """Paths below ``folder``; the folders are not made."""
    return Paths(*(folder / name for name in ("config", "data", "runtime", "state")))


class HandClock:
    """All clocks of the daemon, moved by hand."""

    def __init__(self, wall_s: float) -> None:
        self.wall_s = wall_s
        self.monotonic_s = 1000.0

    @property
    def clocks(self) -> Clocks:
        return Clocks(lambda: self.wall_s, lambda: self.monotonic_s, lambda: self.monotonic_s)

    def advance(self, seconds: float) -> None:
        self.wall_s += seconds
        self.monotonic_s += seconds


class FedSource:
    """A source that gives what the test puts into ``items``. calls: what was called that is not a question."""

    name = "fed"

    def __init__(self, refuses: SourceError | None = None) -> None:
        self.refuses = refuses
        self.items: list[Item] = []
        self.items_at_stop: list[Item] = []
        self.notes: tuple[str, ...] = ()
        self.alive = True
        self.is_finished = False
        self.answers = True
        self.calls: list[str] = []
        self.notify: Callable[[], None] = lambda: None

    def start(self, notify: Callable[[], None]) -> None:
        if self.refuses is not None:
            raise self.refuses
        self.calls.append("start")
        self.notify = notify

    def drain(self) -> list[Item]:
        items, self.items = self.items, []
        return items

    def catch_up(self) -> None:
        self.calls.append("catch_up")

    def now_ms(self) -> int:
        return 17

    def is_alive(self) -> bool:
        return self.alive

    def ping(self) -> bool:
        return self.answers

    def finished(self) -> bool:
        return self.is_finished

    def stop(self) -> None:
        self.calls.append("stop")
        self.alive = False
        self.items += self.items_at_stop
