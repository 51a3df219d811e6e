"""Which cookie is chosen from an X authority file, and what is said where there is none."""

import os
import socket
from pathlib import Path

import pytest

from mousetrackd.capture.x11.xauthority import COOKIE, INTERNET, LOCAL, WILD, Entry, best, entries, find

HERE, ELSEWHERE = b"here", b"elsewhere"


def entry(family: int, address: bytes, number: bytes, data: bytes, name: bytes = COOKIE) -> Entry:
    return Entry(family, address, number, name, data)


def content_of(*known: Entry) -> bytes:
    """An authority file (Xauth(3))."""
    return b"".join(
        one.family.to_bytes(2, "big")
        + b"".join(len(part).to_bytes(2, "big") + part for part in (one.address, one.number, one.name, one.data))
        for one in known
    )


KNOWN = (entry(LOCAL, HERE, b"0", b"first"), entry(WILD, b"", b"", b"second"), entry(INTERNET, b"\0" * 4, b"7", b""))


def test_an_authority_file_is_read_up_to_where_it_is_cut_off() -> None:
    content = content_of(*KNOWN)
    assert list(entries(content)) == [*KNOWN]
    assert list(entries(content[:-1])) == [*KNOWN[:2]]
    assert list(entries(content[:1])) == []
    for size in range(len(content)):
        assert [*KNOWN][: len(list(entries(content[:size])))] == list(entries(content[:size]))


@pytest.mark.parametrize(
    ("known", "cookie"),
    [
        ([entry(LOCAL, HERE, b"1", b"good")], b"good"),
        ([entry(LOCAL, HERE, b"", b"good")], b"good"),
        ([entry(WILD, b"", b"", b"good")], b"good"),
        ([entry(WILD, ELSEWHERE, b"1", b"good")], b"good"),
        ([entry(WILD, b"", b"2", b"other display")], b""),
        ([entry(LOCAL, HERE, b"2", b"other display"), entry(WILD, b"", b"1", b"good")], b"good"),
        ([entry(WILD, b"", b"1", b"good"), entry(LOCAL, HERE, b"1", b"later")], b"good"),
        ([entry(LOCAL, HERE, b"1", b"other kind", b"XDM-AUTHORIZATION-1"), entry(LOCAL, HERE, b"1", b"good")], b"good"),
        ([entry(INTERNET, HERE, b"1", b"other family")], b""),
        ([entry(LOCAL, ELSEWHERE, b"1", b"other host")], b""),
        ([], b""),
    ],
)
def test_the_first_entry_that_fits_the_display_is_taken(known: list[Entry], cookie: bytes) -> None:
    assert best(known, LOCAL, HERE, b"1", trusted=False) == cookie


def test_the_one_local_cookie_of_another_host_is_for_a_server_of_ours_alone() -> None:
    renamed = [entry(LOCAL, ELSEWHERE, b"1", b"old name"), entry(LOCAL, ELSEWHERE, b"2", b"other display")]
    assert best(renamed, LOCAL, HERE, b"1", trusted=True) == b"old name"
    assert best(renamed, LOCAL, HERE, b"1", trusted=False) == b""
    assert best(renamed, INTERNET, HERE, b"1", trusted=True) == b""
    two = [*renamed, entry(LOCAL, b"third", b"1", b"whose?")]
    assert best(two, LOCAL, HERE, b"1", trusted=True) == b""


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XAUTHORITY", str(tmp_path / "authority"))
    return tmp_path / "authority"


def test_a_cookie_is_found_for_the_other_end_of_a_socket(authority: Path) -> None:
    authority.write_bytes(content_of(entry(LOCAL, b"old-name", b"3", b"mine"), entry(LOCAL, HERE, b"4", b"yours")))
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert find(ours, 4, host="here").cookie == b"yours"
        assert find(ours, 3, host="here").cookie == b"mine"
        none = find(ours, 5, host="here")
    assert none.cookie == b""
    assert none.why == f"{authority} has no cookie for display :5"


def test_a_forwarded_display_at_localhost_has_a_local_cookie(authority: Path) -> None:
    authority.write_bytes(content_of(entry(LOCAL, HERE, b"10", b"forwarded"), entry(LOCAL, ELSEWHERE, b"11", b"no")))
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as ours:
        assert find(ours, 10, host="here").cookie == b"forwarded"
        assert find(ours, 11, host="here").cookie == b""


def test_a_file_that_cannot_be_read_is_named(authority: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert find(ours, 0).why == f"$XAUTHORITY names {authority}, which does not exist"
        os.mkfifo(authority)
        assert find(ours, 0).why == f"$XAUTHORITY names {authority}, which cannot be read (not a regular file)"
        monkeypatch.delenv("XAUTHORITY")
        monkeypatch.setenv("HOME", str(tmp_path))
        assert find(ours, 0).why == f"the cookies of a session are in {tmp_path}/.Xauthority, which does not exist"
