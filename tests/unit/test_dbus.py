"""A session bus, and who talks over it, that lie, flood or stall: it costs the source, in time and with a reason."""

import os
import threading
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from jeepney import DBusAddress, MessageFlag, new_method_call
from jeepney.bus_messages import message_bus
from jeepney.io.blocking import DBusConnection, open_dbus_connection
from support.bus import PrivateBus
from support.liar import Liar
from support.shells import POINTER
from support.waiting import wait_until

from mousetrackd.capture.wayland.dbus import BUS_ERRORS, Bus, CallRefusedError, is_on_bus
from mousetrackd.core.wording import reason
from mousetrackd.system.session_bus import bus_address, bus_path

AT_ONCE = 500


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PrivateBus]:
    session = PrivateBus(tmp_path)
    session.start()
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", session.address)
    yield session
    session.stop()


@pytest.fixture
def bus(session: PrivateBus) -> Iterator[Bus]:
    assert session.address
    bus = Bus(5)
    bus.begun()
    yield bus
    bus.close()


@pytest.fixture
def caller(session: PrivateBus, bus: Bus) -> Iterator[DBusConnection]:
    """Somebody whose calls the bus takes."""
    with open_dbus_connection(session.address) as caller:
        bus.accept_from(str(caller.unique_name))
        yield caller


def send(sender: DBusConnection, bus: Bus, signature: str = "", *values: Any, member: str = "Moved") -> None:
    path, interface = POINTER
    message = new_method_call(DBusAddress(path, bus.name, interface), member, signature or None, values)
    message.header.flags |= MessageFlag.no_reply_expected
    sender.send(message)


def passed_on(sender: DBusConnection) -> None:
    """Return when the bus has passed on what was sent so far."""
    sender.send_and_get_reply(message_bus.GetId())


def test_a_flood_is_taken_a_part_at_a_time_and_none_of_it_is_lost(bus: Bus, caller: DBusConnection) -> None:
    for x in range(3 * AT_ONCE):
        send(caller, bus, "ii", x, 0)
    passed_on(caller)
    parts: list[list[tuple[str, tuple[object, ...]]]] = []
    while sum(map(len, parts)) < 3 * AT_ONCE and (part := bus.take(10)):
        parts.append(part)
    assert max(map(len, parts)) <= AT_ONCE
    assert [values[0] for part in parts for _, values in part] == list(range(3 * AT_ONCE))


def test_what_others_send_is_let_go_of_a_part_at_a_time(session: PrivateBus, bus: Bus, caller: DBusConnection) -> None:
    with open_dbus_connection(session.address) as stranger:
        for x in range(2 * AT_ONCE):
            send(stranger, bus, "ii", x, 0)
        passed_on(stranger)
        assert bus.take(1) == []
        assert bus.has_more
    send(caller, bus, "ii", 1, 2)
    passed_on(caller)
    wait_until(lambda: bus.take() == [("Moved", (1, 2))], "the call was taken")


def test_a_message_that_is_too_long_is_left_out_and_the_next_is_read(bus: Bus, caller: DBusConnection) -> None:
    def say() -> None:
        send(caller, bus, "s", "x" * (5 << 20))
        send(caller, bus, "ii", 3, 4)

    sent = threading.Thread(target=say)
    sent.start()
    wait_until(lambda: bus.take() == [("Moved", (3, 4))], "the next was read")
    sent.join()


def test_a_flood_while_a_call_is_answered_is_bounded(session: PrivateBus) -> None:
    bus = Bus(5, most_kept=100)
    with open_dbus_connection(session.address) as caller:
        bus.accept_from(str(caller.unique_name))
        for x in range(200):
            send(caller, bus, "ii", x, 0)
        passed_on(caller)
        with pytest.raises(ValueError, match="more than can be counted"):
            bus.owner("org.example.Nobody")
    bus.close()


def test_who_has_the_name_is_sent_it_however_often_others_change_theirs(
    session: PrivateBus, bus: Bus, caller: DBusConnection
) -> None:
    bus.watch("org.example.Compositor")
    with open_dbus_connection(session.address) as stranger:
        for number in range(300):
            stranger.send(message_bus.RequestName(f"org.example.Other{number}"))
        stranger.send(message_bus.RequestName("org.example.Compositor"))
        passed_on(stranger)
        wait_until(lambda: [member for member, _ in bus.take()] == ["NameOwnerChanged"], "it was reported, once")
    assert caller.unique_name


def test_a_refused_call_names_why(bus: Bus) -> None:
    with pytest.raises(CallRefusedError, match="NameHasNoOwner"):
        bus.call(DBusAddress("/", "org.example.Nobody", "org.example.Nobody"), "Do")
    assert bus.owner("org.example.Nobody") == ""


# A bus that is none -----------------------------------------------------------------------------------

WELCOME = b"OK 1234deadbeef\r\n"


def endless() -> Iterable[bytes]:
    while True:
        yield b"l\2\0\1" + b"\0" * 4 + b"\1\0\0\0" + b"\0" * 4  # an answer to no call


BUSES: dict[str, tuple[Callable[[], Iterable[bytes]], str]] = {
    "silent": (list, "in time|timed out|within"),
    "it lets nobody in": (lambda: [b"REJECTED EXTERNAL\r\n"], "does not let us in: REJECTED"),
    "it talks without end": (lambda: [b"OK" * (1 << 20)], "does not let us in"),
    "escapes": (lambda: [b"\x1b]0;PWN\x07\r\n"], "does not let us in"),
    "it never answers Hello": (lambda: [WELCOME], "within|in time"),
    "no message": (lambda: [WELCOME, b"HTTP/1.1 200 OK\r\n\r\n"], "no D-Bus message"),
    "4 GB": (lambda: [WELCOME, b"l\2\0\1\xff\xff\xff\xff" + bytes(8)], "no D-Bus message"),
    "half a message": (lambda: [WELCOME, b"l\2\0\1\x10\0\0\0\1\0\0\0\x10\0\0\0"], "within|in time"),
    "answers to other calls": (lambda: [WELCOME, *(b"l\2\0\1" + bytes(12) for _ in range(1000))], "within|in time"),
    "answers without an end": (lambda: chain([WELCOME], endless()), "within|in time"),
}


@pytest.mark.parametrize("kind", BUSES)
def test_a_bus_that_is_none_costs_no_more_than_one_answer_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    say, what = BUSES[kind]
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", f"unix:path={tmp_path / 'bus'}")
    liar = Liar(tmp_path / "bus", say, stays=True)
    before = len(list(Path("/proc/self/fd").iterdir()))
    try:
        with pytest.raises(BUS_ERRORS) as raised:
            Bus(0.3)
        assert any(part in reason(raised.value) for part in what.split("|")), reason(raised.value)
        assert reason(raised.value).isprintable()
        assert len(reason(raised.value)) <= 200
        assert len(list(Path("/proc/self/fd").iterdir())) <= before + 1  # the liar's end
    finally:
        liar.close()


def test_a_bus_that_hangs_up_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", f"unix:path={tmp_path / 'bus'}")
    liar = Liar(tmp_path / "bus", lambda: [WELCOME])
    try:
        with pytest.raises(OSError, match=r"hung up|reset|Broken"):
            Bus(5)
    finally:
        liar.close()


# Its address ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    [
        "tcp:host=127.0.0.1,port=1",
        "unixexec:path=/bin/touch,argv1=@RAN@",
        "nonce-tcp:host=localhost",
        "autolaunch:",
        "launchd:env=X",
        "unix:",
        "unix:path=",
        "unix:dir=/tmp",
        "nonsense",
        ":::",
        ";;",
        "unix",
        "\x1b]0;PWN\x07",
    ],
)
def test_only_a_socket_of_this_machine_is_ever_connected_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    ran = tmp_path / "ran"
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", address.replace("@RAN@", str(ran)))
    with pytest.raises(ValueError, match="no socket of this machine"):
        Bus(1)
    with pytest.raises(ValueError, match="no socket of this machine"):
        bus_address()
    assert not is_on_bus("org.kde.KWin")
    assert not ran.exists()


@pytest.mark.parametrize(
    ("address", "path"),
    [
        ("unix:path=/run/bus", "/run/bus"),
        ("unix:path=/run/a%20b,guid=12", "/run/a b"),
        ("unix:abstract=/tmp/dbus-x,guid=1", "\0/tmp/dbus-x"),
        ("tcp:host=evil;unix:path=/run/bus", "/run/bus"),
        ("unix:path=/run/%c3%a4", "/run/ä"),
    ],
)
def test_where_the_socket_is(monkeypatch: pytest.MonkeyPatch, address: str, path: str) -> None:
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", address)
    assert bus_path() == path
    assert bus_address() == address.rpartition(";")[2]
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS")
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    assert bus_path() == f"/run/user/{os.getuid()}/bus"
