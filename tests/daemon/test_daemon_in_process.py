"""What only injected clocks and a scripted source can show of the real Daemon: hours, and a source that fails.

The daemon runs in the main thread, because it takes the signals; a second thread plays the test's script.
"""

import collections
import contextlib
import functools
import itertools
import os
import random
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from hypothesis import settings
from support.program import Home
from support.waiting import wait_until

from mousetrackd.config import Config, PrivacyConfig
from mousetrackd.core.accumulator import Tally
from mousetrackd.core.errors import BlindError, ConfigError, MousetrackError, SourceError
from mousetrackd.core.events import Gap, Item, Kind, LayoutChange, Pointers, batch
from mousetrackd.core.layout import Layout
from mousetrackd.core.monitors import Monitor, Placement
from mousetrackd.core.series import Series
from mousetrackd.daemon import pause_state
from mousetrackd.daemon.clocks import Clocks
from mousetrackd.daemon.daemon import Daemon
from mousetrackd.daemon.tracker import DRAIN_INTERVAL_S
from mousetrackd.storage.readings import Range
from mousetrackd.storage.store import Store
from mousetrackd.storage.tiers import RollupAges
from mousetrackd.system.deadline import TIME_LIMITS, TimeLimits
from mousetrackd.system.files import folder_held

pytest_plugins = ("support.fixtures",)
# The other way of pytest-timeout is SIGALRM, which here means a picture.
pytestmark = pytest.mark.timeout(60, method="thread")

SCREEN = Monitor("S", 100, 100)
HOUR_S = int(datetime(2026, 11, 22, 10, tzinfo=UTC).timestamp())


class Script:
    """A source that says what the test hands it, on the test's clock."""

    name = "script"
    notes: tuple[str, ...] = ()

    def __init__(self, clock: "Clock", refuses: SourceError | None = None) -> None:
        self._clock = clock
        self._refuses = refuses
        self._items: list[Item] = []
        self._notify: Callable[[], None] = lambda: None
        self._alive = False
        self.answers = True
        self.drained = threading.Event()
        self.lock = threading.Lock()

    def start(self, notify: Callable[[], None]) -> None:
        if self._refuses is not None:
            raise self._refuses
        self._notify = notify
        self._alive = True
        self.say(LayoutChange(0, Layout([Placement(SCREEN, 0, 0)])))

    def say(self, *items: Item) -> None:
        with self.lock:
            self._items += items
        self._notify()

    def click(self, x: int, y: int) -> None:
        self.say(batch([(self.now_ms(), Kind.LEFT, x, y)]))

    def die(self, *last_items: Item) -> None:
        with self.lock:
            self._items += last_items
            self._alive = False
        self._notify()

    def drain(self) -> list[Item]:
        with self.lock:
            items, self._items = self._items, []
        return items

    def wake(self) -> None:
        self._notify()

    def catch_up(self) -> None:
        pass

    def now_ms(self) -> int:
        return int(self._clock.monotonic_s * 1000)

    def is_alive(self) -> bool:
        return self._alive

    def ping(self) -> bool:
        return self.answers

    def finished(self) -> bool:
        return False

    def stop(self) -> None:
        self._alive = False


class Clock:
    """All clocks, moved by hand."""

    def __init__(self, wall_s: float) -> None:
        self.wall_s = wall_s
        self.monotonic_s = 1000.0
        self.asleep_s = 0.0

    def advance(self, seconds: float) -> None:
        self.wall_s += seconds
        self.monotonic_s += seconds

    def suspend(self, seconds: float) -> None:
        self.wall_s += seconds
        self.asleep_s += seconds


class Play:
    """A Daemon with the test's clocks and sources."""

    def __init__(
        self,
        home: Home,
        wall_s: float,
        *,
        load_config: Callable[[], Config] = Config,
        kind: type[Script] = Script,
        limits: TimeLimits = TIME_LIMITS,
    ) -> None:
        self.home = home
        self._kind = kind
        self.clock = Clock(wall_s)
        self.sources: list[Script] = []
        self.refusals: list[SourceError] = []
        # No picture is due within these tests: they are about counts.
        home.paths.snapshots.mkdir(parents=True)
        home.paths.latest.write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\0IEND\xaeB`\x82")
        self._daemon = Daemon(
            home.paths,
            Config(checkpoint_interval_s=600, snapshot_interval_s=86400),
            self._make_source,
            load_config,
            limits=limits,
            clocks=Clocks(
                wall_s=lambda: self.clock.wall_s,
                monotonic_s=lambda: self.clock.monotonic_s,
                boottime_s=lambda: self.clock.monotonic_s + self.clock.asleep_s,
            ),
        )

    def _make_source(self, _conf: Config) -> Script:
        refusal = self.refusals.pop(0) if self.refusals else None
        self.sources.append(self._kind(self.clock, refusal))
        return self.sources[-1]

    @property
    def source(self) -> Script:
        return self.sources[-1]

    def run(self, script: Callable[["Play"], None], *, ends_itself: bool = False) -> None:
        """Run the daemon until ``script`` has ended, or until it ends itself; fail as one of the two fails."""
        failures: list[BaseException] = []

        def play() -> None:
            # Signals are for the main thread: it is the one that waits for them.
            signal.pthread_sigmask(signal.SIG_BLOCK, set(signal.Signals))
            try:
                wait_until(lambda: self.home.status().get("state") not in (None, "starting"), "it has begun")
                script(self)
            except BaseException as failure:  # noqa: BLE001 - it is raised again where pytest sees it
                failures.append(failure)
            finally:
                if not ends_itself or failures:
                    os.kill(os.getpid(), signal.SIGTERM)
                    os.kill(os.getpid(), signal.SIGINT)  # without a last picture

        player = threading.Thread(target=play)
        player.start()
        try:
            self._daemon.run()
        finally:
            player.join()
            if failures:
                raise failures[0]

    def settle(self) -> None:
        """Return when the daemon has done all that it has been told so far."""
        looked_ns = time.monotonic_ns()
        os.kill(os.getpid(), signal.SIGUSR2)  # it tracks already: this only lets it look
        wait_until(lambda: int(self.home.status()["looked_ns"]) > looked_ns, "it has looked")

    def advance(self, seconds: float) -> None:
        """Let time pass, and the daemon do what is due then."""
        self.settle()
        self.clock.advance(seconds)
        self.settle()  # while this is handled, deadlines are not looked at ...
        self.settle()  # ... before the next word is

    def await_checkpoint(self) -> None:
        now = datetime.fromtimestamp(self.clock.wall_s, UTC)
        wait_until(
            lambda: (
                (said := self.home.status()["last_checkpoint"]) is not None
                and datetime.fromisoformat(said) == now.replace(microsecond=0)
            ),
            f"there is a checkpoint at {now}",
        )

    def clicks(self, since_s: int | None = None, until_s: int | None = None) -> int:
        with Store.open_read_only(self.home.paths.store, zone=UTC) as store:
            counts = store.read(["clicks.left"], Range(since_s, until_s)).counts
        return sum(one.total for one in counts.values())


def test_a_checkpoint_is_made_at_the_full_hour_so_that_hours_stay_apart(home: Home) -> None:
    def script(play: Play) -> None:
        play.source.click(1, 1)
        play.advance(100)
        play.await_checkpoint()
        play.source.click(2, 2)
        play.source.click(3, 3)
        play.advance(DRAIN_INTERVAL_S + 1)

    play = Play(home, HOUR_S + 3600 - 100)
    play.run(script)
    assert play.clicks(until_s=HOUR_S + 3600) == 1
    assert play.clicks(since_s=HOUR_S + 3600) == 2


def test_a_checkpoint_is_made_when_it_is_due_and_not_before(home: Home) -> None:
    def script(play: Play) -> None:
        play.source.click(1, 1)
        play.advance(599)
        assert play.home.status()["last_checkpoint"] is None
        play.advance(1)
        play.await_checkpoint()
        assert play.clicks() == 1

    Play(home, HOUR_S).run(script)


def test_a_wall_clock_set_back_loses_nothing(home: Home) -> None:
    def script(play: Play) -> None:
        play.source.click(1, 1)
        play.settle()
        play.clock.wall_s -= 7200
        play.source.click(2, 2)
        play.advance(600)
        play.await_checkpoint()

    play = Play(home, HOUR_S)
    play.run(script)
    assert play.clicks() == 2


def clicked_in(play: Play) -> list[int]:
    """The UTC seconds at which the hours begin in which clicks are kept. One kept more coarsely is none of them."""
    with Store.open_read_only(play.home.paths.store, zone=UTC) as store:
        clicks = [total for total in store.totals() if total.what == "clicks.left"]
    assert max(total.span_s for total in clicks) <= 3600
    return sorted({total.start_s // 3600 * 3600 for total in clicks})


def test_a_minute_before_a_suspended_weekend_is_still_a_minute(home: Home) -> None:
    def script(play: Play) -> None:
        play.source.click(1, 1)
        play.advance(20)
        play.clock.suspend(62 * 3600)
        play.advance(580)
        play.await_checkpoint()

    play = Play(home, HOUR_S)
    play.run(script)
    assert clicked_in(play) == [HOUR_S]


@pytest.mark.parametrize("step_s", [-7 * 3600, -30, 30, 7 * 3600])
def test_a_clock_set_while_counts_are_unsaved_dates_them_as_it_is_set_now(home: Home, step_s: int) -> None:
    def script(play: Play) -> None:
        play.source.click(1, 1)
        play.advance(300)
        play.clock.wall_s += step_s
        play.advance(300)
        play.await_checkpoint()

    play = Play(home, HOUR_S)
    play.run(script)
    assert clicked_in(play) == [(HOUR_S + step_s) // 3600 * 3600]


def test_a_clock_that_is_slewed_dates_counts_as_it_was(home: Home) -> None:
    def script(play: Play) -> None:
        play.source.click(1, 1)
        play.advance(300)
        play.clock.wall_s -= 0.3
        play.advance(300)
        play.await_checkpoint()

    play = Play(home, HOUR_S)
    play.run(script)
    assert clicked_in(play) == [HOUR_S]


def test_a_machine_that_begins_in_1970_counts_and_is_put_right(home: Home) -> None:
    def script(play: Play) -> None:
        play.source.click(1, 1)
        play.advance(600)
        play.await_checkpoint()
        assert play.clicks(until_s=3600) == 1
        play.source.click(2, 2)
        play.settle()
        play.clock.wall_s = HOUR_S
        play.source.click(3, 3)
        play.advance(600)
        play.await_checkpoint()

    play = Play(home, 3)
    play.run(script)
    assert play.clicks(since_s=HOUR_S) == 2
    assert play.clicks() == 3


def test_before_1970_there_is_no_time(home: Home) -> None:
    def script(play: Play) -> None:
        play.source.click(1, 1)
        play.advance(300)
        play.clock.wall_s = -5000
        play.advance(300)
        play.await_checkpoint()

    play = Play(home, HOUR_S)
    play.run(script)
    assert clicked_in(play) == [0]


@pytest.fixture
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The local clock goes by Berlin's, which is set twice a year."""
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


SPRING, AUTUMN = (datetime(2026, month, day, tzinfo=UTC) for month, day in ((3, 29), (10, 25)))
"""The days on which Berlin's clocks are set, at 01:00 UTC."""


@pytest.mark.usefixtures("berlin")
@pytest.mark.parametrize("day", [SPRING, AUTUMN], ids=["spring", "autumn"])
def test_every_hour_of_a_day_on_which_clocks_are_set_is_kept_apart(home: Home, day: datetime) -> None:
    begin_s = int(day.timestamp()) - 3 * 3600

    def script(play: Play) -> None:
        for hour in range(8):
            for _ in range(hour % 5 + 1):
                play.source.click(hour, 1)
                play.advance(600)
            play.advance(begin_s + (hour + 1) * 3600 - play.clock.wall_s)

    play = Play(home, begin_s)
    play.run(script)
    with Store.open(home.paths.store) as store:
        store.roll_up(begin_s + 86400, RollupAges())
    hours = [play.clicks(begin_s + hour * 3600, begin_s + (hour + 1) * 3600) for hour in range(8)]
    assert hours == [1, 2, 3, 4, 5, 1, 2, 3]


@pytest.mark.usefixtures("berlin")
@pytest.mark.parametrize("seed", range(settings().max_examples // 8))
@pytest.mark.parametrize("day", [SPRING, AUTUMN], ids=["spring", "autumn"])
def test_whatever_the_clock_does_every_press_and_every_millisecond_is_counted_once(
    home: Home, day: datetime, seed: int
) -> None:
    dice = random.Random(seed)  # noqa: S311 - nothing is kept secret with it
    pressed_ms: list[int] = []

    def script(play: Play) -> None:
        for _ in range(120):
            chance = dice.random()
            if chance < 0.6:
                before_ms = play.source.now_ms()
                play.clock.advance(dice.choice((0, 0.25, 3, 7)))
                two = [before_ms, play.source.now_ms()]
                play.source.say(batch((ms, Kind.LEFT, dice.randrange(100), dice.randrange(100)) for ms in two))
                pressed_ms.extend(two)
            elif chance < 0.75:
                play.advance(dice.choice((1, 60, 600, 4000, 100_000)))
            elif chance < 0.85:
                play.clock.suspend(dice.choice((5, 7200, 300_000)))
            elif chance < 0.97:
                play.clock.wall_s += dice.choice((-10_800, -3600, -1, 1, 3600, 10_800, 40_000_000, -40_000_000))
            else:
                play.clock.wall_s = dice.choice((-100.0, 0.0, 59.0, day.timestamp()))
        play.settle()
        pressed_ms.append(play.source.now_ms())

    play = Play(home, int(day.timestamp()))
    play.run(script)
    dwell_ms = sum(min(after - before, 5000) for before, after in itertools.pairwise(pressed_ms))
    for now_s in (None, day.timestamp(), 2**33):
        with Store.open(home.paths.store) as store:
            if now_s is not None:
                store.roll_up(int(now_s), RollupAges())
            counts = store.read(["clicks.left", "dwell"]).counts
            assert store.check() == []
        assert counts[Series(SCREEN, "clicks.left")].total == len(pressed_ms) - 1
        assert counts[Series(SCREEN, "dwell")].total == dwell_ms


def test_the_last_items_of_a_dying_source_are_counted_and_saved_at_once(home: Home) -> None:
    def script(play: Play) -> None:
        first = play.source
        first.die(batch([(first.now_ms(), Kind.LEFT, 5, 5)]))
        wait_until(lambda: play.home.status()["state"] == "waiting", "it waits")
        assert play.clicks() == 1
        play.advance(1)
        wait_until(lambda: play.home.status()["state"] == "tracking", "it tracks again")
        assert play.source is not first
        play.source.click(6, 6)

    play = Play(home, HOUR_S)
    play.run(script)
    assert play.clicks() == 2


def test_the_pauses_between_tries_grow_to_half_a_minute_and_begin_again(home: Home) -> None:
    def script(play: Play) -> None:
        for pause_s in (1, 2, 4, 8, 16, 30, 30):
            tries = len(play.sources)
            play.advance(pause_s - 0.5)
            assert len(play.sources) == tries
            play.advance(0.5)
            assert len(play.sources) == tries + 1
        play.refusals.clear()
        play.advance(30)
        assert play.home.status()["state"] == "tracking"
        play.source.die()
        wait_until(lambda: play.home.status()["state"] == "waiting", "it waits")
        tries = len(play.sources)
        play.advance(1)
        assert len(play.sources) == tries + 1

    play = Play(home, HOUR_S)
    play.refusals += [SourceError("no display", "Wait.")] * 20
    play.run(script)


def rollup_runs() -> bool:
    return any(thread.name == "the roll-up worker" for thread in threading.enumerate())


def test_a_clock_that_leapt_past_the_newest_counts_is_reported(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """The daemon's clock is the test's; the roll-up goes by the real one, a hundred days later."""
    monkeypatch.setenv("XDG_DATA_HOME", str(home.paths.data_dir.parent))

    def script(play: Play) -> None:
        play.source.click(1, 1)
        play.advance(600)
        wait_until(lambda: "the clock is 99 days ahead" in str(play.home.status()["problems"]), "it is reported")

    Play(home, time.time() - 100 * 86_400 + 7200).run(script)


def test_what_the_rollup_reported_of_a_store_set_aside_since_is_not_reported_of_the_new_one(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(home.paths.data_dir.parent))
    meanwhile: list[Callable[[], None]] = []

    class Source(Script):
        def catch_up(self) -> None:
            while meanwhile:
                meanwhile.pop()()

    def script(play: Play) -> None:
        def the_hour_is_full_and_the_store_is_damaged() -> None:
            wait_until(lambda: not rollup_runs(), "it has said that it failed, which is not received yet")
            garbage = home.folder / "garbage"
            garbage.write_bytes(b"This is a diary." * 300)
            garbage.replace(home.paths.store)
            play.clock.wall_s += 3600
            play.source.click(3, 3)

        play.source.click(1, 1)
        play.advance(600)
        wait_until(lambda: not rollup_runs(), "the first is done")
        play.settle()
        with home.paths.store.open("r+b") as store:
            store.seek(68)  # to the application's number: the next refuses a store of another program
            store.write(b"else")
        play.source.click(2, 2)
        meanwhile.append(the_hour_is_full_and_the_store_is_damaged)
        play.advance(86_400)  # first a checkpoint is due, with which it begins; in the same moment a picture
        wait_until(lambda: not rollup_runs(), "that of the new store is done")
        play.settle()
        assert not meanwhile
        assert "was set aside" in str(home.status()["problems"])
        assert "could not roll up" not in str(home.status()["problems"])

    Play(home, HOUR_S, kind=Source).run(script)


def test_a_blind_source_is_reported_and_records_nothing(home: Home) -> None:
    def script(play: Play) -> None:
        status = play.home.status()
        assert status["state"] == "blind"
        assert status["problems"] == ["a Wayland session. Log in to X11."]

    play = Play(home, HOUR_S)
    play.refusals.append(BlindError("a Wayland session", "Log in to X11."))
    play.run(script)
    assert play.clicks() == 0


def test_a_configuration_that_fails_leaves_the_old_one_in_force(home: Home) -> None:
    def load_config() -> Config:
        raise ConfigError("config.toml: 1 problem\npalete: unknown key")

    def script(play: Play) -> None:
        os.kill(os.getpid(), signal.SIGHUP)
        wait_until(lambda: play.home.status()["problems"] != [], "the problem is reported")
        play.source.click(1, 1)
        play.advance(600)
        play.await_checkpoint()

    Play(home, HOUR_S, load_config=load_config).run(script)


# The watchdog -------------------------------------------------------------------------------------------


class Systemd:
    """The other end of NOTIFY_SOCKET."""

    def __init__(self, home: Home, environment: pytest.MonkeyPatch) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(home.folder / "notify"))
        self._socket.setblocking(False)
        environment.setenv("NOTIFY_SOCKET", str(home.folder / "notify"))

    def received(self) -> list[str]:
        """What it was told since the last call."""
        said = []
        with contextlib.suppress(BlockingIOError):
            while True:
                said.append(self._socket.recv(4096).decode())
        return said

    def fed(self) -> int:
        """How often the watchdog was fed since the last call."""
        return self.received().count("WATCHDOG=1")

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def systemd(home: Home, monkeypatch: pytest.MonkeyPatch) -> Iterator[Systemd]:
    monkeypatch.setenv("WATCHDOG_USEC", "60000000")
    monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()))
    other_end = Systemd(home, monkeypatch)
    yield other_end
    other_end.close()


def test_the_watchdog_is_fed_at_half_its_time_and_not_before(home: Home, systemd: Systemd) -> None:
    def script(play: Play) -> None:
        for _ in range(3):
            play.advance(29.9)
            assert systemd.fed() == 0
            play.advance(0.1)
            assert systemd.fed() == 1

    Play(home, HOUR_S).run(script)


def test_a_display_that_does_not_answer_starves_the_watchdog_and_costs_no_counts(home: Home, systemd: Systemd) -> None:
    def script(play: Play) -> None:
        play.source.click(1, 1)
        play.source.answers = False
        play.advance(30)
        play.await_checkpoint()
        assert play.clicks() == 1
        assert "does not answer" in play.home.status()["problems"][0]
        assert systemd.fed() == 0
        play.source.answers = True
        play.advance(30)
        assert systemd.fed() == 1
        assert play.home.status()["problems"] == []

    Play(home, HOUR_S).run(script)


def test_the_watchdog_is_fed_while_the_display_is_away(home: Home, systemd: Systemd) -> None:
    def script(play: Play) -> None:
        play.refusals += [SourceError("no display", "Wait.")] * 20
        play.source.answers = False
        play.source.die()
        wait_until(lambda: play.home.status()["state"] == "waiting", "it waits")
        play.advance(30)
        assert systemd.fed() == 1

    Play(home, HOUR_S).run(script)


def test_the_watchdog_is_fed_while_paused(home: Home, systemd: Systemd) -> None:
    def script(play: Play) -> None:
        pause_state.write_desired_state(home.paths, pause=True)
        os.kill(os.getpid(), signal.SIGHUP)
        wait_until(lambda: play.home.status()["state"] == "paused", "it is paused")
        assert systemd.fed() == 0
        play.clock.advance(30)
        os.kill(os.getpid(), signal.SIGHUP)  # not ``settle``, which would resume
        wait_until(lambda: systemd.fed() == 1, "the watchdog is fed")

    Play(home, HOUR_S).run(script)


def test_a_rescue_has_time_though_the_daemon_is_silent_meanwhile(home: Home, systemd: Systemd) -> None:
    def script(play: Play) -> None:
        play.settle()
        said = systemd.received()
        begun = said.index("EXTEND_TIMEOUT_USEC=3600000000")
        assert begun < said.index("READY=1")
        home.paths.store.write_bytes(b"a diary")  # another file would not be damage
        play.source.click(1, 1)
        play.advance(601)
        wait_until(lambda: len([*home.paths.data_dir.glob("heat.damaged-*")]) == 2, "it is rescued again")
        play.settle()
        told = [one for one in systemd.received() if "WATCHDOG_USEC" in one]
        assert told == [
            "EXTEND_TIMEOUT_USEC=3600000000\nWATCHDOG_USEC=3600000000",
            "WATCHDOG_USEC=60000000\nWATCHDOG=1",
        ]

    home.paths.data_dir.mkdir(parents=True, mode=0o700)
    home.paths.store.write_bytes(b"a diary")
    Play(home, HOUR_S).run(script)


@pytest.mark.parametrize(
    ("usec", "pid"), [("", ""), ("60000000", "1"), ("soon", str(os.getpid()))], ids=["unset", "another", "unreadable"]
)
def test_where_nobody_waits_for_it_no_timer_is_armed(
    home: Home, systemd: Systemd, monkeypatch: pytest.MonkeyPatch, usec: str, pid: str
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", usec)
    monkeypatch.setenv("WATCHDOG_PID", pid)

    def script(play: Play) -> None:
        play.advance(300)
        assert systemd.fed() == 0

    Play(home, HOUR_S).run(script)


def test_the_handlers_of_signals_are_put_back(home: Home) -> None:
    numbers = (signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM, signal.SIGHUP, signal.SIGTERM, signal.SIGINT)
    before = [signal.getsignal(number) for number in numbers]
    Play(home, HOUR_S).run(lambda _play: None)
    assert [signal.getsignal(number) for number in numbers] == before


def test_both_signals_during_a_long_call_into_c_mean_pause(home: Home) -> None:
    ended = home.folder / "ended"

    class Deaf(Script):
        """While it is drained, C code runs that lets no Python handler run until the file is there."""

        def drain(self) -> list[Item]:
            items = super().drain()
            if items and not isinstance(items[0], LayoutChange):
                deaf.set()
                there = functools.partial(os.access, ended, os.F_OK)
                collections.deque(iter(there, True), maxlen=0)
            return items

    deaf = threading.Event()

    def script(play: Play) -> None:
        play.advance(DRAIN_INTERVAL_S)  # the source notified when it started; before that is drained a click is urgent
        play.source.click(1, 1)
        play.settle()
        play.clock.advance(DRAIN_INTERVAL_S + 1)
        os.kill(os.getpid(), signal.SIGUSR2)  # wakes it: counting is due
        assert deaf.wait(10)
        for number in (signal.SIGUSR2, signal.SIGUSR1, signal.SIGUSR2, signal.SIGUSR1, signal.SIGUSR2):
            os.kill(os.getpid(), number)
        assert play.home.status()["state"] == "tracking"
        ended.touch()
        wait_until(lambda: play.home.status()["state"] == "paused", "it is paused")
        assert play.clicks() == 1

    Play(home, HOUR_S, kind=Deaf).run(script)


def test_what_cannot_be_seen_just_now_is_logged_once_and_is_in_status_meanwhile(
    home: Home, caplog: pytest.LogCaptureFixture
) -> None:
    def script(play: Play) -> None:
        for _ in range(2):
            play.source.notes = ("not seen just now",)
            play.source.say(Gap(play.source.now_ms(), "hidden"))
            play.advance(DRAIN_INTERVAL_S + 1)
            assert home.status()["notes"] == ["not seen just now"]
            play.source.notes = ()
            play.source.click(1, 1)
            play.advance(DRAIN_INTERVAL_S + 1)
            assert home.status()["notes"] == []

    Play(home, HOUR_S).run(script)
    assert [record.message for record in caplog.records].count("not seen just now") == 1


def test_a_rule_for_a_monitor_that_was_renamed_while_no_daemon_ran_stays_on_its_pixels(home: Home) -> None:
    home.paths.data_dir.mkdir(parents=True, mode=0o700)
    with Store.open(home.paths.store, zone=UTC) as store:
        then = Monitor("BEFORE", SCREEN.width_px, SCREEN.height_px)
        store.commit(Tally(), HOUR_S - 7200, HOUR_S - 7100, Layout([Placement(then, 0, 0)]))

    def script(play: Play) -> None:
        os.kill(os.getpid(), signal.SIGHUP)
        play.settle()
        play.source.click(10, 10)
        play.source.click(60, 60)
        play.advance(DRAIN_INTERVAL_S + 1)
        assert "privacy.exclude names BEFORE, whose pixels S@100x100 shows now" in str(home.status()["problems"])

    rules = PrivacyConfig(exclude=["BEFORE 0,0 50x50"])
    play = Play(home, HOUR_S, load_config=lambda: Config(privacy=rules))
    play.run(script)
    assert play.clicks() == 1


def test_lines_are_drawn_of_one_pointer_and_again_by_the_source_that_follows_one_with_several(home: Home) -> None:
    def script(play: Play) -> None:
        def move() -> None:
            now_ms = play.source.now_ms()
            play.source.say(batch([(now_ms, Kind.MOVE, 10, 0), (now_ms, Kind.MOVE, 13, 0)]))
            play.advance(DRAIN_INTERVAL_S + 1)

        move()
        play.source.say(Pointers(play.source.now_ms(), "pointers", 2))
        move()
        play.source.die()
        play.settle()
        play.advance(61)
        wait_until(lambda: len(play.sources) == 2, "there is another source")
        move()

    Play(home, HOUR_S).run(script)
    with Store.open_read_only(home.paths.store, zone=UTC) as store:
        assert sum(one.total for one in store.read(["travel"]).counts.values()) == 6


def test_a_source_that_fails_in_an_unexpected_way_costs_no_count_and_is_tried_again_ever_more_rarely(
    home: Home,
) -> None:
    class Failing(Script):
        is_broken = False

        def drain(self) -> list[Item]:
            if self.is_broken:
                raise OverflowError("int too large to convert to float")
            return super().drain()

    def script(play: Play) -> None:
        play.source.click(1, 1)
        for wait_s in (1, 2, 4):
            source = play.source
            assert isinstance(source, Failing)
            source.click(2, 2)
            play.advance(DRAIN_INTERVAL_S)  # it is counted
            source.is_broken = True
            source.click(3, 3)
            play.advance(DRAIN_INTERVAL_S)
            wait_until(lambda: home.status()["state"] == "waiting", "the failure was noticed")
            assert "script has failed: OverflowError: int too large" in str(home.status()["problems"])
            play.advance(wait_s - 0.5)
            assert play.source is source
            play.advance(0.5)
            wait_until(lambda: home.status()["state"] == "tracking", "it was tried again")
            assert play.source is not source
            assert home.status()["problems"] == []
        assert play.clicks() == 4

    Play(home, HOUR_S, kind=Failing).run(script)


# The end ------------------------------------------------------------------------------------------------


def test_a_step_that_fails_unexpectedly_costs_no_counts(home: Home, caplog: pytest.LogCaptureFixture) -> None:
    def load_config() -> Config:
        raise ZeroDivisionError("of a library")

    def script(play: Play) -> None:
        play.source.click(1, 1)
        play.settle()
        os.kill(os.getpid(), signal.SIGHUP)
        wait_until(lambda: play.home.status()["state"] == "stopped", "it has ended")

    play = Play(home, HOUR_S, load_config=load_config)
    with pytest.raises(MousetrackError, match="mousetrackd has failed: ZeroDivisionError: of a library"):
        play.run(script, ends_itself=True)
    assert play.clicks() == 1
    assert "it saves what was counted, and ends" in caplog.text


def test_counting_that_fails_unexpectedly_costs_nothing_that_was_counted_before(home: Home) -> None:
    def script(play: Play) -> None:
        play.source.click(1, 1)
        play.advance(DRAIN_INTERVAL_S + 1)
        play.source.say(LayoutChange(0, "no layout"))  # type: ignore[arg-type]
        play.settle()
        play.clock.advance(DRAIN_INTERVAL_S + 1)
        os.kill(os.getpid(), signal.SIGUSR2)
        wait_until(lambda: play.home.status()["state"] == "stopped", "it has ended")

    play = Play(home, HOUR_S)
    with pytest.raises(MousetrackError, match="mousetrackd has failed: AttributeError"):
        play.run(script, ends_itself=True)
    assert play.clicks() == 1


def test_a_source_that_does_not_stop_costs_no_counts_and_keeps_nothing_from_ending(home: Home) -> None:
    released = threading.Event()

    class Endless(Script):
        def stop(self) -> None:
            released.wait(60)

    def script(play: Play) -> None:
        play.source.click(1, 1)
        play.settle()

    play = Play(home, HOUR_S, kind=Endless, limits=TimeLimits(source_stop_s=0.1))
    play.run(script)
    assert play.clicks() == 1
    assert home.status()["state"] == "stopped"
    assert "script does not stop" in str(home.status()["problems"])
    released.set()
    wait_until(lambda: not any(thread.name == "stopping" for thread in threading.enumerate()), "its thread ends")


def test_a_last_picture_that_hangs_is_given_up_and_reported_after_the_counts_are_saved(home: Home) -> None:
    snapshots = home.folder / "elsewhere" / "mousetrackd" / "snapshots"
    snapshots.mkdir(parents=True, mode=0o700)

    def script(play: Play) -> None:
        play.source.click(1, 1)
        play.settle()
        os.kill(os.getpid(), signal.SIGTERM)
        wait_until(lambda: any(thread.name == "the snapshot worker" for thread in threading.enumerate()), "it draws")
        assert play.clicks() == 1, "saved first"
        play.clock.advance(11)
        os.kill(os.getpid(), signal.SIGUSR2)  # it looks at the clock
        wait_until(lambda: play.home.status()["state"] == "stopped", "it has ended")

    with folder_held(snapshots, alone=True):
        Play(home, HOUR_S).run(script, ends_itself=True)
    assert "no new picture: the last one was not done within 10 s" in str(home.status()["problems"])
