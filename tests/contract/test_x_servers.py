"""X servers that are not as everyone's: what is counted of them, and what is reported where nothing can be."""

import contextlib
import importlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import Xlib.display
from support.waiting import wait_until
from support.xserver import LEFT, RIGHT, Pointer, SecondPointer, Xvfb
from Xlib.ext import security

from mousetrackd.capture.x11 import display as x11
from mousetrackd.capture.x11 import pointer_only
from mousetrackd.capture.x11.source import PynputSource
from mousetrackd.capture.x11.xauthority import COOKIE, LOCAL, WILD
from mousetrackd.core.errors import BlindError, SourceError
from mousetrackd.core.events import Gap, Interruption, Item, Kind, Pointers

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


def test_connections_know_no_keys_no_visuals_and_no_extension_that_is_not_used(serve: Serve) -> None:
    serve()
    with x11.our_connections(), contextlib.closing(Xlib.display.Display()) as ours:  # as pynput opens its own
        assert not any(ours.keycode_to_keysym(key, 0) for key in range(256))
        assert ours.screen().allowed_depths == []
        assert {*ours.extensions} == {*pointer_only.EXTENSIONS}
    with contextlib.closing(Xlib.display.Display()) as stock:
        assert any(stock.keycode_to_keysym(key, 0) for key in range(256))
        assert stock.screen().allowed_depths
        assert {*stock.extensions} > {*pointer_only.EXTENSIONS}


def test_a_connection_within_has_the_extensions_that_it_asks_for(serve: Serve) -> None:
    serve()
    with x11.our_connections(), contextlib.ExitStack() as opened:
        display = x11.open_display(extensions=("SHAPE",))
        opened.callback(x11.close_display, display)
        assert {*display.extensions} == {*pointer_only.EXTENSIONS, "SHAPE"}


def test_the_names_of_keys_are_there_for_whoever_imports_them_afterwards(serve: Serve) -> None:
    serve()
    with pointer_only.no_key_names():
        importlib.import_module("pynput.mouse")
    assert "PYNPUT_BACKEND_KEYBOARD" not in os.environ
    assert "Greek_alpha" in importlib.import_module("pynput._util.xorg_keysyms").SYMBOLS


PYNPUT = {
    "__init__": "from . import keyboard",
    "keyboard": "",
    "mouse": "from ._util.xorg_keysyms import SYMBOLS; Listener = type('Mouse', (), SYMBOLS)",
    "_util/__init__": "",
    "_util/xorg_keysyms": "SYMBOLS = {'Greek_alpha': 945}",
}
"""One of another version, by its modules."""


@pytest.mark.parametrize(
    "differing",
    [
        {
            "mouse": "from ._util.xorg_keysyms import Listener",
            "_util/xorg_keysyms": "class Listener: Greek_alpha = 945",
        },
        {"mouse": PYNPUT["mouse"] + "; Listener.Greek_alpha"},
        {"keyboard": "import os; assert not os.environ.get('PYNPUT_BACKEND_KEYBOARD')"},
    ],
    ids=["another table", "a name at once", "its keyboard"],
)
def test_a_pynput_that_needs_more_is_imported_whole(tmp_path: Path, differing: dict[str, str]) -> None:
    for name, code in {**PYNPUT, **differing}.items():
        file = tmp_path / "pynput" / f"{name}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(code)
    code = "from mousetrackd.capture.x11 import source; print(source._import_listeners().Listener.Greek_alpha)"
    done = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, check=False
    )
    assert done.stdout == "945\n", done.stderr


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
    display = x11.open_display(extensions=(security.extname,))
    try:
        made = display.security_generate_authorization(
            COOKIE.decode(), trust_level=security.SecurityClientUntrusted, timeout=0
        )
        return bytes(made.auth_data_return)
    finally:
        x11.close_display(display)


# Several X screens, several pointers -----------------------------------------------------------------------------


class Listening:
    """A started source, and all that it has told."""

    def __init__(self, *, fast: bool, source: PynputSource | None = None) -> None:
        self.source = source or PynputSource(fast=fast)
        self.items: list[Item] = []
        self.source.start(lambda: None)

    def rows(self) -> list[tuple[int, int, int]]:
        """Kind and desktop pixel of every event so far."""
        self.items += self.source.drain()
        return [
            (int(event["kind"]), int(event["x"]), int(event["y"]))
            for item in self.items
            if not isinstance(item, Interruption)
            for event in item
        ]

    def wait_for(self, row: tuple[int, int, int]) -> None:
        wait_until(lambda: row in self.rows(), f"{row} was received")


def jump(display: Xlib.display.Display, screen: int, x: int, y: int) -> None:
    display.screen(screen).root.warp_pointer(x, y)
    display.sync()


@pytest.mark.parametrize("fast", [True, False], ids=["fast", "stock"])
@pytest.mark.parametrize("ours", [0, 1])
def test_what_happens_on_another_x_screen_is_a_gap_and_no_event(
    ours: int, fast: bool, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = serve("-screen", "1", "800x600x24").name
    monkeypatch.setenv("DISPLAY", f"{name}.{ours}")
    recorded = Listening(fast=fast)
    with Pointer() as pointer, contextlib.closing(x11.open_display()) as display:
        for turn in range(2):
            jump(display, ours, 10 + turn, 20)
            pointer.click(LEFT)
            jump(display, 1 - ours, 30 + turn, 40)
            pointer.click(LEFT)
        jump(display, ours, 50, 60)
        pointer.click(RIGHT)
        recorded.wait_for((Kind.RIGHT, 50, 60))
    recorded.source.stop()
    moves = [(Kind.MOVE, 10, 20), (Kind.LEFT, 10, 20), (Kind.MOVE, 11, 20), (Kind.LEFT, 11, 20)]
    assert recorded.rows() == [*moves, (Kind.MOVE, 50, 60), (Kind.RIGHT, 50, 60)]
    assert [item.reason for item in recorded.items if isinstance(item, Gap)] == ["screen", "screen"]
    assert isinstance(recorded.items[-2], Gap), "nothing leads across"
    assert any("several X screens" in note for note in recorded.source.notes)


@pytest.mark.parametrize("fast", [True, False], ids=["fast", "stock"])
def test_a_pointer_that_is_on_another_x_screen_from_the_start_is_not_counted(fast: bool, serve: Serve) -> None:
    serve("-screen", "1", "800x600x24")
    with Pointer() as pointer, contextlib.closing(x11.open_display()) as display:
        jump(display, 1, 30, 40)
        recorded = Listening(fast=fast)
        pointer.click(LEFT)
        jump(display, 0, 50, 60)
        recorded.wait_for((Kind.MOVE, 50, 60))
    recorded.source.stop()
    assert recorded.rows() == [(Kind.MOVE, 50, 60)]


@pytest.mark.parametrize("fast", [True, False], ids=["fast", "stock"])
def test_a_second_pointer_is_reported_when_it_comes_and_when_it_goes(fast: bool, serve: Serve) -> None:
    serve()
    recorded = Listening(fast=fast)

    def pointers() -> list[int]:
        recorded.rows()
        return [item.count for item in recorded.items if isinstance(item, Pointers)]

    def noted() -> bool:
        return any(note.startswith("2 pointers") for note in recorded.source.notes)

    assert (pointers(), noted()) == ([], False)
    second = SecondPointer()
    wait_until(lambda: pointers() == [2], "the second pointer was reported")
    assert noted()
    with Pointer() as first, second:
        first.move((10, 20))
        second.move((300, 400))
        first.move((11, 20))
        recorded.wait_for((Kind.MOVE, 11, 20))
        assert recorded.rows() == [(Kind.MOVE, 10, 20), (Kind.MOVE, 300, 400), (Kind.MOVE, 11, 20)]
        late = Listening(fast=fast)
        late.rows()
        assert [item.count for item in late.items if isinstance(item, Pointers)] == [2], "it is there at first"
        late.source.stop()
        second.remove()
        wait_until(lambda: pointers() == [2, 1], "its end was reported")
    assert not noted()
    recorded.source.stop()


def test_a_second_pointer_that_moves_at_once_is_reported_before_it_moved(serve: Serve) -> None:
    serve()
    recorded = Listening(fast=True)
    with Pointer() as first:
        first.move((10, 20))
        recorded.wait_for((Kind.MOVE, 10, 20))
        with SecondPointer() as second:
            second.move(*((300 + number, 400) for number in range(200)))
            second.click(LEFT)
            wait_until(recorded.source.ping, "the source read all of it")
            wait_until(recorded.source.ping, "the source read all of it")
            recorded.source.catch_up()
            recorded.wait_for((Kind.LEFT, 499, 400))
    recorded.source.stop()
    told = next(number for number, item in enumerate(recorded.items) if isinstance(item, Pointers))
    before = [item for item in recorded.items[:told] if not isinstance(item, Interruption)]
    assert sum(item.size for item in before) == 1


@pytest.mark.parametrize("fast", [True, False], ids=["fast", "stock"])
def test_a_source_whose_recording_another_client_has_ended_is_dead(fast: bool, serve: Serve) -> None:
    serve()
    recorded = Listening(fast=fast)
    with Pointer() as pointer, contextlib.closing(x11.open_display()) as display:
        pointer.move((10, 20))
        recorded.wait_for((Kind.MOVE, 10, 20))
        context = recorded.source._listener._context  # type: ignore[union-attr]  # noqa: SLF001 - another client guesses it
        display.record_disable_context(context)
        display.sync()
        wait_until(lambda: not recorded.source.is_alive(), "the source was dead")
    recorded.source.stop()


class Set(PynputSource):
    """One whose clock is set against the server's, as the server's may be against ours."""

    ahead_ms = 0

    def now_ms(self) -> int:
        return super().now_ms() + self.ahead_ms


@pytest.mark.parametrize("step_ms", [3_600_000, -3_600_000])
def test_events_are_of_now_also_after_the_servers_clock_was_set(step_ms: int, serve: Serve) -> None:
    serve()
    source = Set()
    recorded = Listening(fast=True, source=source)
    with Pointer() as pointer:
        pointer.move((10, 20))
        recorded.wait_for((Kind.MOVE, 10, 20))
        for turn in range(2):
            source.ahead_ms += step_ms
            before_ms = source.now_ms()
            pointer.move((30 + turn, 40))
            recorded.wait_for((Kind.MOVE, 30 + turn, 40))
            assert isinstance(recorded.items[-1], np.ndarray)
            assert before_ms - 10 <= recorded.items[-1]["time_ms"][-1] <= source.now_ms() + 10
    source.stop()
