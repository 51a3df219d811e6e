"""Notifications: by the real daemon and its child on a real session bus, and when each is due."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.bus import PrivateBus
from support.desktop import Desktop, Portal, Shown
from support.program import Home
from support.shells import staying
from support.waiting import wait_until

from mousetrackd.config.schema import BLIND, CANNOT_SAVE, FIRST_PICTURE, NOTIFICATIONS, PAUSED
from mousetrackd.core.errors import MousetrackError
from mousetrackd.daemon import notification_worker
from mousetrackd.daemon.child_process import Job
from mousetrackd.daemon.clocks import Clocks
from mousetrackd.daemon.event_loop import Timers
from mousetrackd.daemon.jobs import Worker
from mousetrackd.daemon.lock import InstanceLock
from mousetrackd.daemon.notifications import LASTING_S, Notifications
from mousetrackd.daemon.status import Status

pytest_plugins = ("support.fixtures",)

ICON = "org.mousetrackd.mousetrackd"


@pytest.fixture
def bus(home: Home) -> Iterator[PrivateBus]:
    bus = PrivateBus(home.folder / "runtime")
    bus.start()
    home.variables["DBUS_SESSION_BUS_ADDRESS"] = bus.address
    yield bus
    bus.stop()


@pytest.fixture
def desktop(bus: PrivateBus) -> Iterator[Desktop]:
    yield from staying(bus, Desktop(bus.address))


@pytest.fixture
def portal(bus: PrivateBus) -> Iterator[Portal]:
    yield from staying(bus, Portal(bus.address))


def recording(home: Home) -> str:
    """A recording that goes on for long."""
    file = home.folder / "session.csv"
    file.write_text("t,x,y\n" + "".join(f"{second},{second},5\n" for second in range(3000)))
    return f"replay:{file}"


@pytest.mark.usefixtures("portal")
def test_the_first_picture_is_announced_once_and_opens_by_a_click(home: Home, desktop: Desktop, portal: Portal) -> None:
    with home.running("--source", recording(home), "--speed", "10", "--size", "1920x1080") as daemon:
        home.run_ok("snapshot")
        wait_until(lambda: desktop.shown, "the first picture is announced")
        picture = home.paths.latest
        assert desktop.shown == [Shown(ICON, "Your first heatmap is ready", str(picture), ("default", "Open"), ICON)]
        desktop.click()
        assert portal.has_opened.wait(20)
        assert [path.stat().st_ino for path in portal.opened] == [picture.stat().st_ino]
        home.run_ok("snapshot")
        daemon.stop()
    assert len(desktop.shown) == 1
    assert "no notification" not in daemon.log


@pytest.mark.parametrize(
    ("capabilities", "body", "actions"),
    [
        (("body", "body-markup"), 'a &lt;b&gt; &amp; "c"', ()),
        (("body", "actions"), 'a <b> & "c"', ()),
    ],
    ids=["markup", "plain text"],
)
def test_what_a_desktop_cannot_do_is_not_asked_of_it(
    bus: PrivateBus, capabilities: tuple[str, ...], body: str, actions: tuple[str, ...]
) -> None:
    peer = Desktop(bus.address, capabilities=capabilities)
    try:
        notification_worker.show(bus.address, "Summary", 'a <b> & "c"', None)
        assert peer.shown == [Shown(ICON, "Summary", body, actions, ICON)]
    finally:
        bus.stop()
        peer.quit()


def test_a_closed_notification_is_waited_for_no_longer(bus: PrivateBus, desktop: Desktop) -> None:
    done = threading.Event()

    def show() -> None:
        notification_worker.show(bus.address, "Summary", "body", Path("/nowhere"))
        done.set()

    threading.Thread(target=show).start()
    wait_until(lambda: desktop.shown, "it is shown")
    desktop.close()
    assert done.wait(20), "a click is waited for, though there is nothing to click on"


@pytest.mark.usefixtures("bus")
def test_without_a_desktop_that_shows_any_there_is_a_sentence(bus: PrivateBus) -> None:
    with pytest.raises(MousetrackError, match="the desktop shows none"):
        notification_worker.show(bus.address, "Summary", "body", None)
    bus.stop()
    with pytest.raises(MousetrackError, match="there is no session bus"):
        notification_worker.show(bus.address, "Summary", "body", None)


# When each is due ---------------------------------------------------------------------------------------


class Told(Worker):
    """A worker that starts nothing, and is done at once."""

    def __init__(self) -> None:
        super().__init__(lambda _message: None)
        self.summaries: list[str] = []

    def start(self, job: Job) -> str:
        self.summaries.append(json.loads(job.message)["summary"])
        return ""


class Troubles:
    """The notifications of a daemon whose state and clock the test sets."""

    def __init__(self, home: Home, *, has_bus: bool = True) -> None:
        self.now_s = 0.0
        clocks = Clocks(wall_s=lambda: self.now_s, monotonic_s=lambda: self.now_s, boottime_s=lambda: self.now_s)
        self._timers = Timers(lambda: self.now_s)
        self._told = Told()
        self.status = Status(home.paths, clocks, InstanceLock(home.paths))
        latest = home.paths.latest
        self.notifications = Notifications(
            self._told, self.status, self._timers, clocks, latest, has_bus=lambda: has_bus
        )

    def after(
        self, seconds: float, kinds: tuple[str, ...] = NOTIFICATIONS, paused_since_s: float | None = None
    ) -> list[str]:
        """What has been shown after so long."""
        self.notifications.attend(set(), paused_since_s, kinds)
        self.now_s += seconds
        self.notifications.attend(self._timers.take_due(), paused_since_s, kinds)
        return self._told.summaries


def begin(troubles: Troubles, kind: str) -> None:
    if kind == CANNOT_SAVE:
        troubles.status.set_problem("saving", "no space left")
    else:
        troubles.status.enter(kind)


def end(troubles: Troubles, kind: str) -> None:
    troubles.status.set_problem("saving", "")
    if kind != CANNOT_SAVE:
        troubles.status.enter("tracking")


@pytest.mark.parametrize("kind", [BLIND, CANNOT_SAVE, PAUSED])
def test_a_trouble_is_announced_when_it_has_lasted_and_once(home: Home, kind: str) -> None:
    troubles = Troubles(home)
    begin(troubles, kind)
    assert troubles.after(LASTING_S[kind] - 1) == []
    end(troubles, kind)
    assert troubles.after(10) == [], "it was over in time"
    begin(troubles, kind)
    assert troubles.after(LASTING_S[kind] - 1) == [], "it is counted from the new beginning"
    assert len(troubles.after(1)) == 1
    assert len(troubles.after(10 * LASTING_S[kind])) == 1


@pytest.mark.parametrize("kind", [BLIND, CANNOT_SAVE, PAUSED])
def test_what_the_user_does_not_want_is_not_announced(home: Home, kind: str) -> None:
    troubles = Troubles(home)
    begin(troubles, kind)
    others = tuple(one for one in NOTIFICATIONS if one != kind)
    assert troubles.after(10 * LASTING_S[kind], others) == []
    troubles.notifications.picture_drawn(is_first=True)
    assert troubles.after(0, others) == ["Your first heatmap is ready"]


def test_a_pause_counts_from_when_the_user_asked_for_it(home: Home) -> None:
    troubles = Troubles(home)
    troubles.now_s = 1_000_000.0
    begin(troubles, PAUSED)
    assert troubles.after(0, paused_since_s=1_000_000.0 - LASTING_S[PAUSED] + 100) == []
    assert len(troubles.after(100, paused_since_s=1_000_000.0 - LASTING_S[PAUSED] + 100)) == 1


def test_only_the_first_picture_is_announced(home: Home) -> None:
    troubles = Troubles(home)
    troubles.notifications.picture_drawn(is_first=False)
    assert troubles.after(0) == []
    troubles.notifications.picture_drawn(is_first=True)
    troubles.notifications.picture_drawn(is_first=True)
    assert troubles.after(0) == ["Your first heatmap is ready"]
    assert troubles.after(0, (FIRST_PICTURE,)) == ["Your first heatmap is ready"]


def test_without_a_session_bus_no_child_is_started(home: Home) -> None:
    troubles = Troubles(home, has_bus=False)
    begin(troubles, BLIND)
    assert troubles.after(LASTING_S[BLIND]) == []
