"""Messages to the service manager: sent, or lost without a word."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from mousetrackd.system.systemd import Watchdog, notify, watchdog_s


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        yield manager


def test_a_manager_that_reads_gets_every_message(manager: socket.socket) -> None:
    notify("READY=1")
    assert manager.recv(100) == b"READY=1"


def test_a_manager_that_never_reads_blocks_nobody(manager: socket.socket) -> None:
    for number in range(2000):  # more than any queue holds (net.unix.max_dgram_qlen)
        notify(f"STATUS={number}")
    assert manager.recv(100) == b"STATUS=0"


def test_an_abstract_address_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"mousetrackd-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(f"\0{name}")
        manager.settimeout(10)
        monkeypatch.setenv("NOTIFY_SOCKET", f"@{name}")
        notify("READY=1")
        assert manager.recv(100) == b"READY=1"


@pytest.mark.parametrize("address", ["", "/nowhere/notify", "vsock:2:1234", "relative", "/" + "long" * 100, "/"])
def test_an_address_of_nobody_is_no_error(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    notify("READY=1\udcff")


@pytest.mark.parametrize(
    ("usec", "expected_s"), [("60000000", 60.0), ("", 0.0), ("soon", 0.0), ("-1", 0.0), ("9" * 5000, 0.0)]
)
def test_how_long_it_may_be_silent(monkeypatch: pytest.MonkeyPatch, usec: str, expected_s: float) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", usec)
    monkeypatch.delenv("WATCHDOG_PID", raising=False)
    assert watchdog_s() == expected_s


@pytest.mark.parametrize("is_starting", [True, False])
def test_a_long_step_is_announced_and_the_watchdog_set_back_after_it(
    manager: socket.socket, monkeypatch: pytest.MonkeyPatch, is_starting: bool
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "60000000")
    monkeypatch.delenv("WATCHDOG_PID", raising=False)
    watchdog = Watchdog()
    assert watchdog.timeout_s == 60
    with watchdog.extended(10, is_starting):
        expected = b"EXTEND_TIMEOUT_USEC=10000000"
        assert manager.recv(100) == (expected if is_starting else expected + b"\nWATCHDOG_USEC=10000000")
    if not is_starting:
        assert manager.recv(100) == b"WATCHDOG_USEC=60000000\nWATCHDOG=1"
    watchdog.feed()
    assert manager.recv(100) == b"WATCHDOG=1"
