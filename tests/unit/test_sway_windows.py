"""sway's list of windows, over the sockets of a stand-in that speaks its IPC."""

import contextlib
import json
import os
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.waiting import wait_until

from mousetrackd.capture.wayland import wlroots
from mousetrackd.capture.wayland.outputs import LayoutReader
from mousetrackd.capture.wayland.reader_thread import CompositorSource
from mousetrackd.capture.wayland.sway import SwayWindows
from mousetrackd.core.events import NOBODY, AppChange, Window

HEAD = struct.Struct("=6sII")
SUBSCRIBE, GET_TREE = 2, 4
WINDOW_EVENT = 0x80000003


def rectangle(x: int, y: int, width: int, height: int) -> dict[str, int]:
    return {"x": x, "y": y, "width": width, "height": height}


def view(app_id: str | None, *, visible: bool = True, focused: bool = False, wm_class: str = "") -> dict[str, Any]:
    return {
        "pid": 1,
        "app_id": app_id,
        "name": "a title",
        "visible": visible,
        "focused": focused,
        "rect": rectangle(100, 225, 500, 375),
        "window_rect": rectangle(2, 0, 496, 373),
        "deco_rect": rectangle(0, 0, 500, 25),
        **({"window_properties": {"class": wm_class, "title": "a title"}} if wm_class else {}),
    }


def tree(*tiled: Any, floating: tuple[Any, ...] = ()) -> dict[str, Any]:
    workspace = {"nodes": [*tiled], "floating_nodes": [*floating], "focused": False}
    return {"nodes": [{"nodes": [workspace], "floating_nodes": []}], "floating_nodes": []}


class Sway:
    """Answers at ``path``, and sends events to who subscribed."""

    def __init__(self, path: Path) -> None:
        self.tree: Any = tree(view("one", focused=True))
        self.kind = GET_TREE
        self.questions = 0
        self._subscribers: list[socket.socket] = []
        self._clients: list[socket.socket] = []
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(str(path))
        self._listening.listen()
        self._threads: list[threading.Thread] = []
        self._run(self._accept)

    def _run(self, target: Callable[..., None], *arguments: Any) -> None:
        self._threads.append(thread := threading.Thread(target=target, args=arguments))
        thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                self._clients.append(client)
                self._run(self._serve, client)

    def _serve(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError, struct.error):
            while True:
                _, length, kind = HEAD.unpack(client.recv(HEAD.size))
                if length:
                    client.recv(length)
                if kind == SUBSCRIBE:
                    self._subscribers.append(client)
                    self._send(client, SUBSCRIBE, {"success": True})
                else:
                    self.questions += 1
                    self._send(client, self.kind, self.tree)

    def _send(self, client: socket.socket, kind: int, value: Any) -> None:
        data = json.dumps(value).encode()
        client.sendall(HEAD.pack(b"i3-ipc", len(data), kind) + data)

    def event(self, change: str) -> None:
        for client in self._subscribers:
            self._send(client, WINDOW_EVENT, {"change": change, "container": view("one")})

    def send_raw(self, data: bytes) -> None:
        for client in self._subscribers:
            client.sendall(data)

    def quit(self) -> None:
        """Hang up. Idempotent."""
        for one in (self._listening, *self._clients):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        for one in (self._listening, *self._clients):
            one.close()


class Screen(LayoutReader):
    """Where a logical pixel is a pixel, without a compositor."""

    def __init__(self) -> None:
        pass

    def to_areas(self, x: float, y: float, width: float, height: float) -> tuple[tuple[int, int, int, int], ...]:
        return (self.to_box(x, y, width, height),)

    def to_box(self, x: float, y: float, width: float, height: float) -> tuple[int, int, int, int]:
        return (round(x), round(y), round(x + width), round(y + height))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sway.sock"


@pytest.fixture
def sway(path: Path) -> Iterator[Sway]:
    made = Sway(path)
    yield made
    made.quit()


@pytest.fixture
def source() -> CompositorSource:
    return CompositorSource("none", lambda _: pytest.fail("nobody starts it"))


@pytest.fixture
def windows(sway: Sway, path: Path, source: CompositorSource) -> Iterator[SwayWindows]:
    del sway
    made = SwayWindows(source, Screen(), str(path))
    yield made
    made.close()


def changes(source: CompositorSource) -> list[AppChange]:
    return [item for item in source.drain() if isinstance(item, AppChange)]


def test_windows_are_listed_with_their_bars_the_floating_ones_above(
    sway: Sway, path: Path, source: CompositorSource
) -> None:
    sway.tree = tree(view("one"), view("hidden", visible=False), floating=(view(None, wm_class="Steam", focused=True),))
    windows = SwayWindows(source, Screen(), str(path))
    (found,) = changes(source)
    boxes = (((100, 200, 600, 600),), (102, 225, 598, 598))
    assert found.windows == (Window(("one",), *boxes), Window(("steam",), *boxes))
    assert found.focus == ("steam",)
    assert windows.notes == ()
    windows.close()


def test_an_event_leads_to_a_new_list_and_a_title_does_not(
    sway: Sway, windows: SwayWindows, source: CompositorSource
) -> None:
    source.drain()
    sway.tree = tree(view("one"))
    for _ in range(20):
        sway.event("title")
    sway.event("mark")
    sway.event("focus")  # which comes after all of them
    wait_until(lambda: windows.follow() is not None, "there is something to look at")
    wait_until(lambda: windows.follow() is None, "it is looked at")
    assert sway.questions == 2
    (found,) = changes(source)
    assert found.focus == NOBODY
    for _ in range(20):
        sway.event("title")
    sway.tree = tree()
    sway.event("close")
    wait_until(lambda: windows.follow() is not None, "there is something to look at")
    wait_until(lambda: windows.follow() is None, "it is looked at")
    assert (sway.questions, [one.windows for one in changes(source)]) == (3, [()])


def test_while_the_pointer_moves_the_list_is_asked_for_now_and_then(sway: Sway, windows: SwayWindows) -> None:

    def asks_again() -> bool:
        windows.refresh()
        return sway.questions == 2

    wait_until(asks_again, "it asks again")
    for _ in range(1000):
        windows.refresh()
    assert sway.questions <= 3


@pytest.mark.parametrize(
    "nonsense",
    [
        *(None, 7, [], {"nodes": 7}, {"nodes": [7]}, tree({"pid": 1, "visible": True})),
        tree({**view("one"), "rect": {"x": 1}}),
        tree({**view("one"), "rect": rectangle(0, 0, 1 << 40, 1)}),
        {"nodes": [{"nodes": "text"}]},
    ],
)
def test_what_is_no_tree_leaves_nothing_known(sway: Sway, path: Path, source: CompositorSource, nonsense: Any) -> None:
    sway.tree = nonsense
    windows = SwayWindows(source, Screen(), str(path))
    assert "windows are not identified: sway does not list them" in windows.notes[0]
    assert [(one.windows, one.focus) for one in changes(source)] == []
    windows.close()


@pytest.mark.parametrize("what", ["hangs up", "sends nonsense", "answers another question"])
def test_a_sway_that_fails_leaves_nothing_known_and_a_note(
    sway: Sway, windows: SwayWindows, source: CompositorSource, what: str
) -> None:
    source.drain()
    if what == "hangs up":
        sway.quit()
    elif what == "sends nonsense":
        sway.send_raw(b"nonsense" * 4)
    else:
        sway.kind = SUBSCRIBE
        sway.event("focus")
    wait_until(lambda: windows.follow() is None and windows.notes != (), "it is noticed")
    assert [(one.windows, one.focus) for one in changes(source)] == [(None, ())]
    assert windows.fileno() == -1
    windows.refresh()


def test_the_only_sway_there_is_is_found_and_without_one_its_list_is_not_asked_for(
    sway: Sway, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del sway
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("SWAYSOCK", str(path))
    assert wlroots.make_source().identifies_by == wlroots.IDENTIFIES_BY
    monkeypatch.setenv("SWAYSOCK", str(tmp_path / "none"))
    assert wlroots.make_source().identifies_by == ""
    path.rename(tmp_path / f"sway-ipc.{os.getuid()}.7.sock")
    assert wlroots.make_source().identifies_by == wlroots.IDENTIFIES_BY
    monkeypatch.delenv("SWAYSOCK")
    assert wlroots.sway_socket().endswith(".7.sock")
