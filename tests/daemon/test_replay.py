"""A recorded session, played by the real program, counts what an independent reading of the file counts."""

import csv
import gzip
import io
import itertools
import os
from collections import Counter
from pathlib import Path

import pytest
from support.program import Home, Pixel, line_cells

from mousetrackd.core.layers import LAYERS
from mousetrackd.storage.store import Store

pytest_plugins = ("support.fixtures",)

HEAD = "record timestamp,client timestamp,button,state,x,y"
SESSION = f"""{HEAD}
0.0,0.0,NoButton,Move,100,100
0.1,0.1,NoButton,Move,140,130
0.2,0.25,NoButton,Move,140,130
0.3,0.3,Left,Pressed,140,130
0.4,0.41,Left,Drag,150,125
0.5,0.5,Left,Released,150,125
9.0,9.0,NoButton,Move,900,125
9.1,9.1,Scroll,Down,900,125
9.2,9.2,Scroll,Up,900,125
9.3,9.3,Right,Pressed,900,125
9.4,9.4,Right,Released,900,125
12.0,12.0,NoButton,Move,20,700
12.5,12.5,Middle,Pressed,20,700
"""
REST_CAP_MS, WARP_PX = 5000, 1000
CLICKS = {"Left": "clicks.left", "Middle": "clicks.middle", "Right": "clicks.right"}


def counted(text: str) -> dict[str, Counter[Pixel]]:
    """What the recording's layers are, read row by row."""
    layers: dict[str, Counter[Pixel]] = {}
    path: list[tuple[int, Pixel]] = []
    last: Pixel = (0, 0)
    for row in csv.DictReader(io.StringIO(text)):
        state, pixel = row["state"], (int(row["x"]), int(row["y"]))
        if state == "Released":
            continue
        if state in ("Up", "Down") and pixel == (0, 0):
            pixel = last
        last = pixel
        path.append((round(float(row["client timestamp"]) * 1000), pixel))
        if state == "Pressed":
            layers.setdefault(CLICKS.get(row["button"], "clicks.other"), Counter())[pixel] += 1
        if state in ("Up", "Down"):
            layers.setdefault("scroll", Counter())[pixel] += 1
    dwell, travel = layers.setdefault("dwell", Counter()), layers.setdefault("travel", Counter())
    latest_ms = 0
    for (from_ms, start), (to_ms, end) in itertools.pairwise(path):
        latest_ms = max(latest_ms, from_ms)
        stayed_ms = min(max(to_ms - latest_ms, 0), REST_CAP_MS)
        if stayed_ms:
            dwell[start] += stayed_ms
        if max(abs(end[0] - start[0]), abs(end[1] - start[1])) <= WARP_PX:
            travel.update(line_cells([start, end]))
    return layers


def visible(cells: Counter[Pixel], width_px: int, height_px: int) -> Counter[Pixel]:
    """The part on the screen, the pixel beside its edge counted as the edge."""
    seen: Counter[Pixel] = Counter()
    for (x, y), count in cells.items():
        if -1 <= x <= width_px and -1 <= y <= height_px:
            seen[min(max(x, 0), width_px - 1), min(max(y, 0), height_px - 1)] += count
    return seen


def play(home: Home, recording: Path, speed: str) -> dict[str, Counter[Pixel]]:
    daemon = home.start("--source", f"replay:{recording}", "--speed", speed)
    assert daemon.ends(within_s=50) == 0, daemon.log
    assert "the recording has ended" in daemon.log
    assert "Traceback" not in daemon.log
    with Store.open_read_only(home.paths.store) as store:
        counts = store.read(LAYERS).counts
    found: dict[str, Counter[Pixel]] = {}
    for (screen, layer, *_), one in counts.items():
        for pixel, count in zip(one.index.tolist(), one.count.tolist(), strict=True):
            found.setdefault(layer, Counter())[pixel % screen.width_px, pixel // screen.width_px] += count
    return found


@pytest.mark.parametrize("speed", ["20", "100000"])
def test_a_recording_ends_by_itself_and_counts_exactly(home: Home, speed: str) -> None:
    recording = home.folder / "session.csv"
    recording.write_text(SESSION)
    assert play(home, recording, speed) == counted(SESSION)
    assert home.paths.latest.exists()


def test_a_recording_saved_piece_by_piece_counts_the_same(home: Home) -> None:
    home.configure("checkpoint_interval_s = 1\nsnapshot_interval_s = 1\n")
    recording = home.folder / "session.csv.gz"
    recording.write_bytes(gzip.compress(SESSION.encode()))
    assert play(home, recording, "4") == counted(SESSION)


def test_events_on_their_way_at_a_checkpoint_are_credited_to_nobody_twice(home: Home) -> None:
    home.configure("checkpoint_interval_s = 1\nsnapshot_interval_s = 3600\n")
    rows = [f"0,{number / 4},NoButton,Move,{100 + number % 900},{100 + number % 700}" for number in range(2400)]
    session = "\n".join((HEAD, *rows)) + "\n"
    recording = home.folder / "session.csv"
    recording.write_text(session)
    assert play(home, recording, "200") == {layer: cells for layer, cells in counted(session).items() if cells}


def test_paused_and_resumed_it_goes_on_where_it_was(home: Home) -> None:
    home.configure("checkpoint_interval_s = 1\nsnapshot_interval_s = 3600\n")
    apart_ms, clicks = 100, 400
    rows = [
        f"0,{number * apart_ms / 1000},{what},{10 * (number % 40)},{10 * (number // 40)}"
        for number in range(clicks)
        for what in ("NoButton,Move", "Left,Pressed")
    ]
    session = "\n".join((HEAD, *rows)) + "\n"
    recording = home.folder / "session.csv"
    recording.write_text(session)
    with home.running("--source", f"replay:{recording}", "--speed", "4") as daemon:
        for _ in range(2):
            seen = home.status()["events"]
            daemon.await_status(lambda status, seen=seen: status["events"] > seen, "more of it is counted")  # type: ignore[misc]  # a lambda's default has no type
            home.run_ok("pause")
            assert 0 < sum(home.cells("clicks.left").values()) < clicks
            home.run_ok("resume")
        assert daemon.ends(within_s=50) == 0, daemon.log
    expected = counted(session)
    assert home.cells("clicks.left") == expected["clicks.left"]
    # A pause draws no line and credits no rest: twice, up to the next row is missing.
    assert 0 <= sum((expected["dwell"] - home.cells("dwell")).values()) <= 2 * apart_ms
    assert not home.cells("dwell") - expected["dwell"]
    assert not home.cells("travel") - expected["travel"]
    missing = sum((expected["travel"] - home.cells("travel")).values())
    assert 10 <= missing <= 2 * 390  # the longest lines lead back to the left edge


def test_played_twice_counts_twice(home: Home) -> None:
    recording = home.folder / "session.csv"
    recording.write_text(SESSION)
    once = play(home, recording, "100000")
    twice = play(home, recording, "100000")
    assert twice == {layer: cells + cells for layer, cells in once.items()}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"a,b,c\n1,2,3\n",
        HEAD.encode() + b"\n",
        HEAD.encode() + b"\n0,x,NoButton,Move,1,1\n",
        b"\x1f\x8bgarbage",
        b"\xff",
    ],
    ids=["empty", "other columns", "no rows", "a bad row", "damaged gzip", "no text"],
)
def test_what_is_no_recording_ends_it_with_a_sentence(home: Home, content: bytes) -> None:
    recording = home.folder / "session.csv"
    recording.write_bytes(content)
    daemon = home.start("--source", f"replay:{recording}")
    assert daemon.ends() == 1
    assert str(recording) in daemon.log
    assert "Traceback" not in daemon.log


def test_a_pipe_is_no_recording(home: Home) -> None:
    os.mkfifo(home.folder / "session.csv")
    daemon = home.start("--source", "replay:session.csv")
    assert daemon.ends() == 1
    assert "it is a named pipe, not a file" in daemon.log
    assert "Traceback" not in daemon.log


def test_a_missing_recording_ends_it_with_a_sentence(home: Home) -> None:
    daemon = home.start("--source", "replay:nowhere.csv")
    assert daemon.ends() == 1
    assert "nowhere.csv" in daemon.log
    assert "Traceback" not in daemon.log


@pytest.mark.skipif("MOUSE_SESSIONS" not in os.environ, reason="MOUSE_SESSIONS names no folder of recorded sessions")
def test_a_real_session_counts_exactly(home: Home) -> None:
    recording = min(Path(os.environ["MOUSE_SESSIONS"]).glob("*.csv.gz"), key=lambda file: file.stat().st_size)
    found = play(home, recording, "100000")
    table = home.folder / "dwell.csv"
    home.run_ok("export", table)
    (screen,) = {row["monitor"] for row in csv.DictReader(io.StringIO(table.read_text()))}
    width_px, height_px = (int(n) for n in screen.partition("@")[2].split("x"))
    expected = counted(gzip.decompress(recording.read_bytes()).decode())
    assert found == {layer: visible(cells, width_px, height_px) for layer, cells in expected.items() if cells}
