"""X servers that are not as everyone's: what is heard of them, and what is said where nothing can be."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.xserver import Xvfb
from Xlib.ext import security

from mousetrackd.errors import BlindError, SourceError
from mousetrackd.sources import x11
from mousetrackd.sources.pynput import PynputSource
from mousetrackd.sources.xauthority import COOKIE, LOCAL, WILD

Serve = Callable[..., Xvfb]


@pytest.fixture
def serve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Starts an Xvfb with options of its own, at $DISPLAY. It asks for a cookie where a file with one is given."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XAUTHORITY", raising=False)
    with contextlib.ExitStack() as servers:

        def start(*options: str) -> Xvfb:
            server = Xvfb(tmp_path, *options)
            server.start()
            servers.callback(server.stop)
            monkeypatch.setenv("DISPLAY", server.name)
            return server

        yield start


def write_authority(path: Path, family: int, address: bytes, number: str, cookie: bytes) -> Path:
    parts = (address, number.encode(), COOKIE, cookie)
    path.write_bytes(family.to_bytes(2, "big") + b"".join(len(part).to_bytes(2, "big") + part for part in parts))
    return path


def asks_for(cookie: bytes, folder: Path) -> tuple[str, str]:
    """The options of a server that lets in who has this cookie. It reads its own file again whenever that changes."""
    return "-auth", str(write_authority(folder / "servers", WILD, b"", "", cookie))


@pytest.mark.parametrize("fast", [True, False], ids=["fast", "stock"])
def test_a_cookie_for_every_host_and_one_of_a_host_that_was_renamed_open_a_display(
    fast: bool, serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cookie = b"0123456789abcdef"
    name = serve(*asks_for(cookie, tmp_path)).name
    ours = tmp_path / "ours"
    monkeypatch.setenv("XAUTHORITY", str(ours))
    for family, address, number in ((WILD, b"", ""), (LOCAL, b"the-name-before", name[1:])):
        write_authority(ours, family, address, number, cookie)
        source = PynputSource(fast=fast)
        source.start(lambda: None)
        source.stop()


@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")  # python-xlib's, where it is refused
def test_a_cookie_file_that_is_missing_or_of_another_session_is_named(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(*asks_for(b"0123456789abcdef", tmp_path))
    ours = tmp_path / "ours"
    monkeypatch.setenv("XAUTHORITY", str(ours))
    with pytest.raises(SourceError, match=f"names {ours}, which does not exist") as raised:
        PynputSource().start(lambda: None)
    assert "XAUTHORITY" in raised.value.hint
    write_authority(ours, WILD, b"", "", b"fedcba9876543210")
    with pytest.raises(SourceError, match=f"refuses the cookie in {ours}: Invalid MIT-MAGIC-COOKIE-1 key") as raised:
        PynputSource().start(lambda: None)
    assert "Log in again" in raised.value.hint


@pytest.mark.parametrize("missing", ["RECORD", "XTEST"])
def test_a_server_without_record_is_named_with_what_to_do(missing: str, serve: Serve) -> None:
    name = serve("-extension", missing).name
    with pytest.raises(BlindError, match=f"{name} does not offer the RECORD extension") as raised:
        PynputSource().start(lambda: None)
    assert "Switch it on" in raised.value.hint


def test_a_connection_that_is_not_trusted_is_told_so(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cookie = b"0123456789abcdef"
    name = serve(*asks_for(cookie, tmp_path), "+extension", "SECURITY").name
    ours = write_authority(tmp_path / "ours", WILD, b"", "", cookie)
    monkeypatch.setenv("XAUTHORITY", str(ours))
    write_authority(ours, WILD, b"", "", untrusted_cookie())
    with pytest.raises(BlindError, match=f"{name} does not trust this connection") as raised:
        PynputSource().start(lambda: None)
    assert "ssh -Y" in raised.value.hint


def untrusted_cookie() -> bytes:
    """One that the server makes for clients that it shall not trust, as ssh -X asks it to."""
    display = x11.open_display()
    try:
        made = display.security_generate_authorization(
            COOKIE.decode(), trust_level=security.SecurityClientUntrusted, timeout=0
        )
        return bytes(made.auth_data_return)
    finally:
        x11.close_display(display)
