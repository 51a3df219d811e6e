"""What compositors answer is validated where it enters: who, until when, how much, and what."""

import json
import os
import socket
import struct
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.liar import Liar

from mousetrackd.capture.wayland import connection as wayland
from mousetrackd.capture.wayland import hyprland, peer, polling, wayfire
from mousetrackd.core.errors import FaultError, SourceError
from mousetrackd.core.wording import quoted, reason
from mousetrackd.system.deadline import Deadline

Answer = Callable[[], Iterable[bytes]]


@pytest.fixture
def liars(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Liar]]:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    made: list[Liar] = []
    yield made
    for liar in made:
        liar.close()


@pytest.fixture
def ask_wayfire(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, liars: list[Liar]
) -> Iterator[Callable[[Answer], polling.Position]]:
    questions: list[wayfire.Ipc] = []

    def ask(answer: Answer) -> polling.Position:
        path = tmp_path / "wayfire"
        liars.append(Liar(path, answer))
        monkeypatch.setenv("WAYFIRE_SOCKET", str(path))
        questions.append(wayfire.Ipc())
        return questions[-1].ask()

    yield ask
    for question in questions:
        question.close()


@pytest.fixture
def ask_hyprland(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, liars: list[Liar]
) -> Callable[[Answer], polling.Position]:
    def ask(answer: Answer) -> polling.Position:
        folder = tmp_path / "hypr" / "abc"
        folder.mkdir(parents=True)
        liars.append(Liar(folder / ".socket.sock", answer))
        monkeypatch.setenv("HYPRLAND_INSTANCE_SIGNATURE", "abc")
        return hyprland.CursorPos().ask()

    return ask


def framed(text: str | bytes) -> Answer:
    data = text.encode() if isinstance(text, str) else text
    return lambda: [struct.pack("=I", len(data)) + data]


def at(x: str, y: str = "1") -> Answer:
    return framed(f'{{"result": "ok", "pos": {{"x": {x}, "y": {y}}}}}')


def test_an_honest_wayfire_and_an_honest_hyprland_are_believed(
    ask_wayfire: Callable[[Answer], polling.Position], ask_hyprland: Callable[[Answer], polling.Position]
) -> None:
    assert ask_wayfire(at("1.5", "-2")) == (1.5, -2)
    assert ask_hyprland(lambda: [b"12, ", b"-7"]) == (12, -7)


WAYFIRE_LIES: dict[str, tuple[Answer, str]] = {
    "400 digits": (at("9" * 400), "a number of 400 characters"),
    "40 digits": (at("9" * 40), "1e.40 is on no desktop"),
    "NaN": (at("NaN"), "NaN is no number"),
    "Infinity": (at("-Infinity"), "-Infinity is no number"),
    "1e400": (at("1", "1e400"), "inf is on no desktop"),
    "far": (at("-1048576"), "is on no desktop"),
    "text": (at('"5"'), "is no coordinate"),
    "true": (at("true"), "is no coordinate"),
    "null": (at("null"), "is no coordinate"),
    "a list": (at("[1]"), "is no coordinate"),
    "no y": (framed('{"pos": {"x": 1}}'), "but: "),
    "another answer": (framed('{"result": "ok", "views": []}'), "but: "),
    "a list of lists": (framed("[" * 60_000), "nested too deeply"),
    "deep": (framed('{"pos":' * 7000 + "1" + "}" * 7000), "nested too deeply"),
    "nothing": (framed(""), "an answer of 0 bytes"),
    "no UTF-8": (framed(b'{"pos": "\xff"}'), "can't decode"),
    "escapes": (framed(b'{"a": "\x1b]0;PWN\x07"}'), "control character"),
    "a length of 4 GB": (lambda: [b"\xff\xff\xff\xff"], "an answer of 4294967295 bytes"),
    "a length of 1 GB": (lambda: [struct.pack("=I", 1 << 30)], "an answer of 1073741824 bytes"),
}


@pytest.mark.parametrize("lie", WAYFIRE_LIES)
def test_a_lie_of_wayfire_is_refused_with_what_was_wrong(
    ask_wayfire: Callable[[Answer], polling.Position], lie: str
) -> None:
    answer, what = WAYFIRE_LIES[lie]
    with pytest.raises(FaultError, match=what) as raised:
        ask_wayfire(answer)
    assert raised.value.message.startswith("Wayfire does not say where the pointer is")
    is_a_sentence(raised.value)


def is_a_sentence(error: SourceError) -> None:
    assert error.message.isprintable()
    assert len(error.message) < 300
    assert not error.message.endswith((":", ": ", ":."))
    assert error.hint


@pytest.mark.parametrize(
    ("answer", "what"),
    [
        (list, "hung up"),
        (lambda: [b"\x05"], "hung up"),
        (lambda: [struct.pack("=I", 100) + b'{"pos": '], "hung up"),
    ],
)
def test_a_wayfire_that_hangs_up_half_way_is_waited_for(
    ask_wayfire: Callable[[Answer], polling.Position], answer: Answer, what: str
) -> None:
    with pytest.raises(SourceError, match=what) as raised:
        ask_wayfire(answer)
    assert not isinstance(raised.value, FaultError)
    is_a_sentence(raised.value)


def test_what_wayfire_says_of_an_error_is_printable_and_bounded(
    ask_wayfire: Callable[[Answer], polling.Position],
) -> None:
    with pytest.raises(SourceError) as raised:
        ask_wayfire(framed(json.dumps({"error": "\x1b]0;PWN\x07\nproblem  fake" + "x" * 9000})))
    is_a_sentence(raised.value)


HYPRLAND_LIES: dict[str, tuple[list[bytes], str]] = {
    "400 digits": ([b"9" * 400 + b", 1"], "inf is on no desktop"),
    "far": ([b"1, 1048576"], "is on no desktop"),
    "nan": ([b"nan, 1"], "but: nan, 1"),
    "text": ([b"unknown request"], "but: unknown request"),
    "NUL": ([b"1, 2\0"], "but: "),
    "nothing": ([], "but: nothing"),
    "escapes": ([b"\x1b]0;PWN\x07\nproblem  fake"], "PWN"),
    "no UTF-8": ([b"\xff\xfe"], "but: "),
    "much": ([b"1" * 4096, b", 2"], "more than 4096 bytes"),
    "a gigabyte": ([b"1" * 65536] * 16384, "more than 4096 bytes"),
}


@pytest.mark.parametrize("lie", HYPRLAND_LIES)
def test_a_lie_of_hyprland_is_refused_with_what_was_wrong(
    ask_hyprland: Callable[[Answer], polling.Position], lie: str
) -> None:
    words, what = HYPRLAND_LIES[lie]
    with pytest.raises(FaultError, match=what) as raised:
        ask_hyprland(lambda: words)
    is_a_sentence(raised.value)


# One deadline for the whole ----------------------------------------------------------------------------


def connected(path: Path, liars: list[Liar], say: Answer, *, stays: bool = True) -> socket.socket:
    liars.append(Liar(path, say, stays=stays))
    connection = peer.connect(path, Deadline(10))
    peer.send(connection, b"?", Deadline(10))
    return connection


def test_an_answer_that_comes_a_byte_at_a_time_is_not_waited_for_longer_than_one_answer(
    tmp_path: Path, liars: list[Liar]
) -> None:
    def dribble() -> Iterable[bytes]:
        return liars[0].dribble(b"x" * 1000, 0.02)

    with connected(tmp_path / "s", liars, dribble) as connection, pytest.raises(TimeoutError):
        peer.receive(connection, 100, Deadline(0.2))
    with peer.connect(tmp_path / "s", Deadline(10)) as connection:
        peer.send(connection, b"?", Deadline(10))
        with pytest.raises(TimeoutError):
            peer.receive_all(connection, Deadline(0.2))


def test_a_peer_that_says_nothing_is_not_waited_for_longer(tmp_path: Path, liars: list[Liar]) -> None:
    with connected(tmp_path / "s", liars, list) as connection, pytest.raises(TimeoutError) as raised:
        peer.receive(connection, 1, Deadline(0.05))
    assert reason(raised.value)


def test_a_peer_that_reads_nothing_is_not_waited_for_longer(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as deaf:
        deaf.bind(str(tmp_path / "deaf"))
        deaf.listen()
        with peer.connect(tmp_path / "deaf", Deadline(1)) as connection, pytest.raises(TimeoutError):
            peer.send(connection, b"x" * (1 << 24), Deadline(0.05))


def test_a_peer_that_accepts_nobody_is_not_waited_for_longer(tmp_path: Path) -> None:
    path = tmp_path / "deaf"
    waiting: list[socket.socket] = []
    with socket.socket(socket.AF_UNIX) as deaf:
        deaf.bind(str(path))
        deaf.listen(1)
        began_s = time.monotonic()
        for _ in range(2):
            waiting.append(peer.connect(path, Deadline(5)))  # noqa: PERF401 - those that could are closed
        with pytest.raises(BlockingIOError) as raised:
            peer.connect(path, Deadline(5))
        assert time.monotonic() - began_s < 5
        assert reason(raised.value)
        assert not wayland.answers(path)
    for connection in waiting:
        connection.close()


# Who ---------------------------------------------------------------------------------------------------


def test_a_socket_of_another_user_is_not_spoken_to(tmp_path: Path, liars: list[Liar]) -> None:
    liars.append(Liar(tmp_path / "s", list))
    peer.connect(tmp_path / "s", Deadline(1)).close()
    with pytest.raises(PermissionError, match=f"another user, {os.geteuid()}"):
        peer.connect(tmp_path / "s", Deadline(1), owners={os.geteuid() + 1})
    assert liars[0].received == b""


@pytest.mark.parametrize("kind", ["missing", "a file", "a FIFO", "a folder", "NUL", "a long name"])
def test_what_is_no_socket_is_reported_at_once(tmp_path: Path, kind: str) -> None:
    path = tmp_path / ("s" * 200 if kind == "a long name" else "a\0b" if kind == "NUL" else "s")
    if kind == "a file":
        path.touch()
    elif kind == "a FIFO":
        os.mkfifo(path)
    elif kind == "a folder":
        path.mkdir()
    with pytest.raises(OSError) as raised:  # noqa: PT011 - its reason is looked at
        peer.connect(path, Deadline(1))
    assert reason(raised.value)
    if kind != "NUL":
        with pytest.raises(SourceError, match="cannot open the Wayland display"):
            wayland.Connection(str(path))


@pytest.mark.parametrize("signature", ["..", ".", "../evil", "/evil", "a/b", "a/"])
def test_a_signature_that_leads_elsewhere_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, signature: str
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("HYPRLAND_INSTANCE_SIGNATURE", signature)
    assert hyprland.socket_path() is None
    monkeypatch.setenv("HYPRLAND_INSTANCE_SIGNATURE", "v0.41.0_1700000000")
    assert hyprland.socket_path() == tmp_path / "hypr" / "v0.41.0_1700000000" / ".socket.sock"


# What --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 10**400, -(2**63), "1", None, True, [], 2.0**20])
def test_what_no_desktop_has_is_no_position(value: Any) -> None:
    with pytest.raises(ValueError) as raised:  # noqa: PT011 - its reason is looked at
        peer.position(0, value)
    assert 0 < len(str(raised.value)) < 100
    with pytest.raises(ValueError):  # noqa: PT011
        peer.position(value, 0)


def test_text_of_others_is_printable_and_bounded() -> None:
    assert quoted("a screen") == "a screen"
    for said in ("\x1b]0;PWN\x07\n" * 1000, b"\xff\xfe\x1b" * 1000, "\udcff", "\u202eevil", {"a": "\x1b" * 1000}):
        assert quoted(said).isprintable()
        assert len(quoted(said)) <= 200


@pytest.mark.parametrize(
    "error", [TimeoutError(), OSError(), ValueError(""), ValueError("."), KeyError(), OSError(5, "Input/output error")]
)
def test_a_reason_is_never_empty(error: Exception) -> None:
    assert reason(error).strip(" .:")
    assert reason(error).isprintable()
