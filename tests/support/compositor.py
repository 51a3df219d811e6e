"""A Wayland compositor without a screen: speaks the wire protocol on a socket, from a process of its own.

It is written from the protocol alone, so the client's bytes are read by somebody else than who wrote them.
Run as a program it is the compositor, and gets its commands as lines of JSON; ``Compositor`` starts it and sends them.
"""

import json
import os
import selectors
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

# How a test talks to it ---------------------------------------------------------------------------------

CAPTURE = ("ext_output_image_capture_source_manager_v1", "ext_image_copy_capture_manager_v1")
IDLE = "ext_idle_notifier_v1"
TOPLEVELS = "zwlr_foreign_toplevel_manager_v1"
HANDLES = "zwlr_foreign_toplevel_handle_v1"

PROGRAM = "tinyway"
"""What the process is called, as a compositor is known by its program's name."""


class Compositor:
    """A running one. ``path`` is its socket, ``name`` is for WAYLAND_DISPLAY.

    Every call returns when the compositor has done it and has sent what follows from it.
    """

    def __init__(
        self, folder: Path, *, without: Sequence[str] = (), pointer: bool = True, name: str = "wayland-7"
    ) -> None:
        self.name = name
        self.path = folder / name
        self._options = json.dumps({"without": list(without), "pointer": pointer})
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Return when it takes connections. It has no output yet, and after ``kill`` begins again."""
        self._process = subprocess.Popen(
            [sys.executable, "-S", __file__, str(self.path), self._options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "null\n", "the compositor did not start"

    def _command(self, name: str, *arguments: Any) -> Any:
        """Have it do something by the name of a ``Server.do_``; its answer."""
        process = self._process
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps([name, *arguments]) + "\n")
        process.stdin.flush()
        return json.loads(process.stdout.readline())

    def plug(self, output: str, **properties: Any) -> None:
        """Plug a screen in, or report a change of one: x, y, width, height (logical), mode, transform, scale,
        make, model, description, mm; done=False leaves out that this was all."""
        self._command("plug", output, properties)

    def unplug(self, output: str) -> None:
        self._command("unplug", output)

    def move(self, output: str, *points: tuple[int, int]) -> None:
        """Let the cursor go to pixels of a screen."""
        self._command("move", output, points)

    def leave(self, output: str) -> None:
        self._command("leave", output)

    def give_pointer(self) -> None:
        """Plug in the first mouse."""
        self._command("give_pointer")

    def idle(self, *, idled: bool) -> None:
        """Let the seat be idle, or be used again."""
        self._command("idle", idled)

    def open(self, window: str, *, app_id: str = "", focused: bool = False) -> None:
        """Open a window of a program; report its title, too."""
        self._command("open", window, app_id, focused)

    def retitle(self, window: str, title: str) -> None:
        self._command("retitle", window, title)

    def rename(self, window: str, app_id: str) -> None:
        """Let a window's program have another name."""
        self._command("rename", window, app_id)

    def focus(self, *windows: str) -> None:
        """Let these windows be activated, and no others."""
        self._command("focus", windows)

    def send_state(self, window: str, states: bytes) -> None:
        """Report a window's state in these bytes."""
        self._command("send_state", window, states.hex())

    def close(self, window: str) -> None:
        self._command("close", window)

    def finish(self) -> None:
        """End the list of windows."""
        self._command("finish")

    def count(self, interface: str) -> int:
        """How many objects of an interface its clients hold."""
        answer: int = self._command("count", interface)
        return answer

    def idle_timeouts_ms(self) -> list[int]:
        """After how long a pause its clients want a report."""
        answer: list[int] = self._command("idle_timeouts_ms")
        return answer

    def answer_as_hyprland(self, path: Path) -> None:
        """Answer questions at Hyprland's socket from now on."""
        self._command("answer_at", str(path), "hyprland")

    def answer_as_wayfire(self, path: Path) -> None:
        """Answer questions at Wayfire's socket from now on."""
        self._command("answer_at", str(path), "wayfire")

    def answer(self, *points: tuple[float, float]) -> None:
        """Answer the next questions with these positions, each once; those after them with the last."""
        self._command("answer", points)

    def point(self, x: float, y: float) -> None:
        """Answer every question with this position from now on."""
        self._command("point", x, y)

    def answer_wrongly(self, answer: str) -> None:
        """Answer every question with this text."""
        self._command("answer_wrongly", answer)

    def questions(self) -> int:
        """How many it has been asked."""
        answer: int = self._command("questions")
        return answer

    def flood(self, seconds: float, *, reads: bool = True) -> None:
        """Send every client a screen's scale for so long, without a pause. reads: answer others meanwhile."""
        self._command("flood", seconds, reads)

    def announce(self, interface: str, count: int) -> None:
        """Offer so many more globals."""
        self._command("announce", interface, count)

    def fail(self, message: str) -> None:
        """Send every client a protocol error."""
        self._command("fail", message)

    def send_raw(self, data: bytes) -> None:
        """Send every client these bytes."""
        self._command("send_raw", data.hex())

    def freeze(self) -> None:
        """Let it answer nobody until it is ended."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def kill(self) -> None:
        """End it as a crash does. Idempotent."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                assert pipe is not None
                pipe.close()
        self.path.unlink(missing_ok=True)


# The compositor itself ----------------------------------------------------------------------------------

DISPLAY_ID = 1
POINTER_CAPABILITY = 1
CURRENT_MODE = 1
SERVER_IDS = 0xFF000000
"""The first number of an object that a compositor makes."""
ACTIVATED = 2
TITLE, APP_ID, STATE, DONE, CLOSED = 0, 1, 4, 5, 6
"""Events of a window's handle."""

VERSIONS = {
    "wl_seat": 5,
    "zxdg_output_manager_v1": 3,
    "ext_output_image_capture_source_manager_v1": 1,
    "ext_image_copy_capture_manager_v1": 1,
    "ext_idle_notifier_v1": 2,
    "zwlr_foreign_toplevel_manager_v1": 3,
}

REQUESTS = {
    "wl_display": ["sync n", "get_registry n"],
    "wl_registry": ["bind usun"],
    "wl_callback": [],
    "wl_output": ["destroy"],
    "zxdg_output_manager_v1": ["destroy", "get_xdg_output no"],
    "zxdg_output_v1": ["destroy"],
    "wl_seat": ["get_pointer n", "get_keyboard n", "get_touch n", "destroy"],
    "wl_pointer": ["set_cursor uoii", "destroy"],
    "ext_output_image_capture_source_manager_v1": ["create_source no", "destroy"],
    "ext_image_capture_source_v1": ["destroy"],
    "ext_image_copy_capture_manager_v1": ["create_session nou", "create_pointer_cursor_session noo", "destroy"],
    "ext_image_copy_capture_cursor_session_v1": ["destroy", "get_capture_session n"],
    "ext_idle_notifier_v1": ["destroy", "get_idle_notification nuo", "get_input_idle_notification nuo"],
    "ext_idle_notification_v1": ["destroy"],
    "zwlr_foreign_toplevel_manager_v1": ["stop"],
    "zwlr_foreign_toplevel_handle_v1": [*("unused",) * 7, "destroy"],
}
"""Of each interface, its requests in the order of their numbers, with the kinds of their arguments."""


def word(value: int) -> bytes:
    return struct.pack("=I", value & 0xFFFFFFFF)


def text(value: str) -> bytes:
    data = value.encode("utf-8", "surrogateescape") + b"\0"
    return word(len(data)) + data + b"\0" * (-len(data) % 4)


def event(number: int, opcode: int, body: bytes = b"") -> bytes:
    return struct.pack("=IHH", number, opcode, 8 + len(body)) + body


def array(data: bytes) -> bytes:
    return word(len(data)) + data + b"\0" * (-len(data) % 4)


def states(focused: bool) -> bytes:
    return array(word(ACTIVATED) if focused else b"")


class Thing:
    """An object that a client holds."""

    def __init__(self, interface: str, version: int = 1, output: str = "") -> None:
        self.interface = interface
        self.version = version
        self.output = output
        self.inside = False
        self.timeout_ms = 0


class Client:
    """A connection, and the objects behind it."""

    def __init__(self, server: "Server", peer: socket.socket) -> None:
        self.server = server
        self.peer = peer
        self.things = {DISPLAY_ID: Thing("wl_display")}
        self.last_own = SERVER_IDS - 1
        self.unread = b""

    def send(self, number: int, opcode: int, body: bytes = b"") -> None:
        """An event of the object ``number``."""
        self.send_all(event(number, opcode, body))

    def send_all(self, data: bytes) -> None:
        try:
            self.peer.sendall(data)
        except OSError:
            self.server.forget(self)

    def numbers(self, interface: str, output: str = "") -> list[int]:
        return [
            number
            for number, thing in self.things.items()
            if thing.interface == interface and (not output or thing.output == output)
        ]

    def fail(self, number: int, message: str) -> None:
        """A protocol error, which ends the connection."""
        self.send(DISPLAY_ID, 0, word(number) + word(0) + text(message))
        self.server.forget(self)

    def read(self) -> None:
        try:
            data = self.peer.recv(65536)
        except OSError:
            data = b""
        if not data:
            self.server.forget(self)
        self.unread += data
        while len(self.unread) >= 8:
            number, opcode, size = struct.unpack_from("=IHH", self.unread)
            if len(self.unread) < size:
                return
            body, self.unread = self.unread[8:size], self.unread[size:]
            self.request(number, opcode, body)

    def request(self, number: int, opcode: int, body: bytes) -> None:
        thing = self.things.get(number)
        if thing is None or opcode >= len(REQUESTS[thing.interface]):
            self.fail(number, f"no such object or request: {number}, {opcode}")
            return
        name, _, kinds = REQUESTS[thing.interface][opcode].partition(" ")
        arguments: list[Any] = []
        for kind in kinds:
            (value,) = struct.unpack_from("=I", body)
            body = body[4:]
            if kind == "s":
                arguments.append(body[: value - 1].decode())
                body = body[(value + 3) & ~3 :]
            else:
                arguments.append(value)
        if name == "destroy":
            del self.things[number]
            if number < SERVER_IDS:
                self.send(DISPLAY_ID, 1, word(number))
        else:
            getattr(self, f"do_{name}")(number, *arguments)

    def do_sync(self, _display: int, callback: int) -> None:
        self.send(callback, 0, word(0))
        self.send(DISPLAY_ID, 1, word(callback))

    def do_get_registry(self, _display: int, registry: int) -> None:
        self.things[registry] = Thing("wl_registry")
        for number, (interface, version, _) in self.server.globals.items():
            self.send(registry, 0, word(number) + text(interface) + word(version))

    def do_bind(self, registry: int, number: int, interface: str, version: int, new: int) -> None:
        if self.server.globals.get(number, ("",))[0] != interface:
            self.fail(registry, f"invalid global {interface} ({number})")
            return
        output = self.server.globals[number][2]
        self.things[new] = Thing(interface, version, output)
        if interface == "wl_output":
            self.send_output(new)
        elif interface == TOPLEVELS:
            for window in self.server.windows:
                self.list_window(window)
        elif interface == "wl_seat":
            self.send(new, 0, word(POINTER_CAPABILITY * self.server.pointer))

    def do_get_xdg_output(self, _manager: int, new: int, wl_output: int) -> None:
        self.things[new] = Thing("zxdg_output_v1", 3, self.things[wl_output].output)
        self.send_output(wl_output)

    def send_output(self, number: int) -> None:
        """All about a wl_output and its xdg_output."""
        name = self.things[number].output
        if name not in self.server.outputs:
            return
        output = self.server.outputs[name]
        geometry = [output["x"], output["y"], *output["mm"], 0]
        self.send(
            number,
            0,
            b"".join(map(word, geometry)) + text(output["make"]) + text(output["model"]) + word(output["transform"]),
        )
        self.send(number, 1, b"".join(map(word, [CURRENT_MODE, *output["mode"], 60000])))
        self.send(number, 1, b"".join(map(word, [0, 640, 480, 60000])))
        self.send(number, 3, word(output["scale"]))
        self.send(number, 4, text(name))
        self.send(number, 5, text(output["description"]))
        for extent in self.numbers("zxdg_output_v1", name):
            self.send(extent, 0, word(output["x"]) + word(output["y"]))
            self.send(extent, 1, word(output["width"]) + word(output["height"]))
        if output["done"]:
            self.send(number, 2)

    def do_get_pointer(self, seat: int, new: int) -> None:
        if not self.server.pointer:
            self.fail(seat, "wl_seat has no pointer")
            return
        self.things[new] = Thing("wl_pointer")

    def do_create_source(self, _manager: int, new: int, wl_output: int) -> None:
        self.things[new] = Thing("ext_image_capture_source_v1", 1, self.things[wl_output].output)

    def do_create_pointer_cursor_session(self, _manager: int, new: int, source: int, pointer: int) -> None:
        if self.things[pointer].interface != "wl_pointer":
            self.fail(pointer, "not a pointer")
            return
        output = self.things[source].output
        self.things[new] = Thing("ext_image_copy_capture_cursor_session_v1", 1, output)
        if output == self.server.cursor[0]:
            self.move(*self.server.cursor)

    def do_get_idle_notification(self, _notifier: int, new: int, timeout_ms: int, _seat: int) -> None:
        self.things[new] = Thing("ext_idle_notification_v1")
        self.things[new].timeout_ms = timeout_ms

    do_get_input_idle_notification = do_get_idle_notification

    def list_window(self, window: str) -> None:
        app_id, focused = self.server.windows[window]
        for manager in self.numbers(TOPLEVELS):
            self.last_own += 1
            self.things[self.last_own] = Thing(HANDLES, 1, window)
            self.send(manager, 0, word(self.last_own))
            self.send(self.last_own, TITLE, text("a title"))
            self.send(self.last_own, APP_ID, text(app_id))
        self.send_window(window, STATE, states(focused))

    def send_window(self, window: str, opcode: int, body: bytes = b"", *, done: bool = True) -> None:
        """An event of all handles of a window, and that this was all."""
        self.send_all(self.window_event(window, opcode, body, done=done))

    def window_event(self, window: str, opcode: int, body: bytes, *, done: bool = True) -> bytes:
        return b"".join(
            event(number, opcode, body) + (event(number, DONE) if done else b"")
            for number in self.numbers(HANDLES, window)
        )

    def move(self, output: str, points: list[tuple[int, int]]) -> None:
        for number in self.numbers("ext_image_copy_capture_cursor_session_v1", output):
            if not self.things[number].inside:
                self.things[number].inside = True
                self.send(number, 0)
            for x, y in points:
                self.send(number, 2, word(x) + word(y))


class Answerer:
    """Answers questions about the pointer, as Hyprland (a connection each) or as Wayfire."""

    def __init__(self, server: "Server", peer: socket.socket, kind: str) -> None:
        self.server = server
        self.peer = peer
        self.kind = kind

    def read(self) -> None:
        question = self.peer.recv(4096)
        if not question:
            self.hang_up()
            return
        self.server.questions += 1
        x, y = self.server.position()
        if self.kind == "hyprland":
            assert question == b"cursorpos", question
            self.peer.sendall((self.server.wrong_answer or f"{x}, {y}").encode())
            self.hang_up()
        else:
            assert json.loads(question[4:])["method"] == "window-rules/get_cursor_position", question
            answer = self.server.wrong_answer or json.dumps({"result": "ok", "pos": {"x": x, "y": y}})
            self.peer.sendall(word(len(answer)) + answer.encode())

    def hang_up(self) -> None:
        self.server.selector.unregister(self.peer)
        self.peer.close()


class Server:
    """The globals, and everybody who is connected."""

    def __init__(self, path: str, options: dict[str, Any]) -> None:
        self.pointer = bool(options["pointer"])
        self.outputs: dict[str, dict[str, Any]] = {}
        self.windows: dict[str, tuple[str, bool]] = {}
        self.clients: list[Client] = []
        self.globals: dict[int, tuple[str, int, str]] = {}
        self.last_number = 0
        self.cursor: tuple[str, list[tuple[int, int]]] = ("", [])
        self.questions = 0
        self.next_answers: list[tuple[float, float]] = []
        self.last_answer: tuple[float, float] = (0, 0)
        self.wrong_answer = ""
        self.flood_until_s, self.reads_in_a_flood = 0.0, True
        for interface, version in VERSIONS.items():
            if interface not in options["without"]:
                self.add_global(interface, version)
        self.selector = selectors.DefaultSelector()
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen()
        self.selector.register(self.listener, selectors.EVENT_READ, self.accept)
        self.selector.register(sys.stdin, selectors.EVENT_READ, self.obey)

    def run(self) -> None:
        while True:
            is_flooding = time.monotonic() < self.flood_until_s
            if is_flooding:
                self.flood()
                if not self.reads_in_a_flood and self.clients:
                    continue
            for key, _ in self.selector.select(0 if is_flooding else None):
                react: Callable[[], None] = key.data
                react()

    def accept(self) -> None:
        client = Client(self, self.listener.accept()[0])
        self.clients.append(client)
        self.selector.register(client.peer, selectors.EVENT_READ, client.read)

    def position(self) -> tuple[float, float]:
        if self.next_answers:
            self.last_answer = self.next_answers.pop(0)
        return self.last_answer

    def forget(self, client: Client) -> None:
        if client in self.clients:
            self.clients.remove(client)
            self.selector.unregister(client.peer)
            client.peer.close()

    def obey(self) -> None:
        line = os.read(0, 1 << 20)
        if not line:
            sys.exit()
        while not line.endswith(b"\n"):
            line += os.read(0, 1 << 20)
        name, *arguments = json.loads(line)
        answer(getattr(self, f"do_{name}")(*arguments))

    def add_global(self, interface: str, version: int, output: str = "") -> None:
        self.last_number += 1
        self.globals[self.last_number] = (interface, version, output)
        for client in list(self.clients):
            for registry in client.numbers("wl_registry"):
                client.send(registry, 0, word(self.last_number) + text(interface) + word(version))

    def do_plug(self, name: str, properties: dict[str, Any]) -> None:
        usual: dict[str, Any] = {"x": 0, "y": 0, "width": 1920, "height": 1080, "mode": [1920, 1080], "transform": 0}
        usual |= {
            "scale": 1,
            "make": "Unknown",
            "model": "Unknown",
            "description": "a screen",
            "mm": [0, 0],
            "done": True,
        }
        is_new = name not in self.outputs
        self.outputs[name] = self.outputs.get(name, usual) | properties
        if is_new:
            self.add_global("wl_output", 4, name)
        for client in list(self.clients):
            for number in client.numbers("wl_output", name):
                client.send_output(number)

    def do_unplug(self, name: str) -> None:
        del self.outputs[name]
        (number,) = [number for number, (_, _, output) in self.globals.items() if output == name]
        del self.globals[number]
        for client in list(self.clients):
            for registry in client.numbers("wl_registry"):
                client.send(registry, 1, word(number))

    def do_open(self, window: str, app_id: str, focused: bool) -> None:
        self.windows[window] = (app_id, focused)
        for client in list(self.clients):
            client.list_window(window)

    def do_retitle(self, window: str, title: str) -> None:
        for client in list(self.clients):
            client.send_window(window, TITLE, text(title))

    def do_rename(self, window: str, app_id: str) -> None:
        self.windows[window] = (app_id, self.windows[window][1])
        for client in list(self.clients):
            client.send_window(window, APP_ID, text(app_id))

    def do_focus(self, windows: list[str]) -> None:
        changed = [window for window, (_, focused) in self.windows.items() if focused != (window in windows)]
        self.windows |= {window: (self.windows[window][0], window in windows) for window in changed}
        for client in list(self.clients):  # all at once, as compositors do
            client.send_all(b"".join(client.window_event(one, STATE, states(one in windows)) for one in changed))

    def do_send_state(self, window: str, data: str) -> None:
        for client in list(self.clients):
            client.send_window(window, STATE, array(bytes.fromhex(data)))

    def do_close(self, window: str) -> None:
        del self.windows[window]
        for client in list(self.clients):
            client.send_window(window, CLOSED, done=False)

    def do_finish(self) -> None:
        for client in list(self.clients):
            for manager in client.numbers(TOPLEVELS):
                client.send(manager, 1)

    def do_move(self, output: str, points: list[tuple[int, int]]) -> None:
        self.cursor = (output, points[-1:])
        for client in list(self.clients):
            client.move(output, points)

    def do_leave(self, output: str) -> None:
        for client in list(self.clients):
            for number in client.numbers("ext_image_copy_capture_cursor_session_v1", output):
                client.things[number].inside = False
                client.send(number, 1)

    def do_give_pointer(self) -> None:
        self.pointer = True
        for client in list(self.clients):
            for seat in client.numbers("wl_seat"):
                client.send(seat, 0, word(POINTER_CAPABILITY))

    def do_idle(self, idled: bool) -> None:
        for client in list(self.clients):
            for number in client.numbers("ext_idle_notification_v1"):
                client.send(number, 0 if idled else 1)

    def do_flood(self, seconds: float, reads: bool) -> None:
        self.flood_until_s, self.reads_in_a_flood = time.monotonic() + seconds, reads

    def flood(self) -> None:
        for client in list(self.clients):
            for number in client.numbers("wl_output")[:1]:
                client.send_all(struct.pack("=IHHI", number, 3, 12, 1) * 1000)

    def do_announce(self, interface: str, count: int) -> None:
        for _ in range(count):
            self.add_global(interface, 4)

    def do_fail(self, message: str) -> None:
        for client in list(self.clients):
            client.fail(DISPLAY_ID, message)

    def do_send_raw(self, data: str) -> None:
        for client in list(self.clients):
            client.send_all(bytes.fromhex(data))

    def do_answer_at(self, path: str, kind: str) -> None:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
        listener.listen()

        def accept() -> None:
            answerer = Answerer(self, listener.accept()[0], kind)
            self.selector.register(answerer.peer, selectors.EVENT_READ, answerer.read)

        self.selector.register(listener, selectors.EVENT_READ, accept)

    def do_answer(self, points: list[tuple[float, float]]) -> None:
        self.next_answers += points

    def do_point(self, x: float, y: float) -> None:
        self.next_answers, self.last_answer = [], (x, y)

    def do_answer_wrongly(self, text: str) -> None:
        self.wrong_answer = text

    def do_questions(self) -> int:
        return self.questions

    def do_count(self, interface: str) -> int:
        return sum(len(client.numbers(interface)) for client in self.clients)

    def do_idle_timeouts_ms(self) -> list[int]:
        return [t.timeout_ms for c in self.clients for t in c.things.values() if t.timeout_ms]


def answer(value: Any) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    Path("/proc/self/comm").write_text(PROGRAM)
    server = Server(sys.argv[1], json.loads(sys.argv[2]))
    answer(None)
    server.run()
