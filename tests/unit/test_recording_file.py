"""A recording is somebody else's file: what it may hold has an end."""

import gzip
from collections.abc import Sequence
from pathlib import Path

import pytest

from mousetrackd.capture.recording import RecordingOptions, read_recording
from mousetrackd.capture.replay import ReplaySource
from mousetrackd.core.errors import RecordingError
from mousetrackd.core.events import Kind

HEAD = "record timestamp,client timestamp,button,state,x,y\n"


def recording(folder: Path, text: str, *, zipped: bool = False) -> Path:
    path = folder / "session.csv"
    path.write_bytes(gzip.compress(text.encode()) if zipped else text.encode())
    return path


@pytest.mark.parametrize("zipped", [False, True])
def test_a_line_without_an_end_is_not_read(zipped: bool, tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="line 2 is longer"):
        read_recording(recording(tmp_path, HEAD + "1" * 10_000_000, zipped=zipped))


def test_events_have_an_end(tmp_path: Path) -> None:
    path = recording(tmp_path, HEAD + "0,0,NoButton,Move,1,1\n" * 50, zipped=True)
    assert read_recording(path, events_max=50).events.size == 50
    with pytest.raises(RecordingError, match="more than 49 events"):
        read_recording(path, events_max=49)


@pytest.mark.parametrize(
    "row", ["0,nan,,Move,1,1", "0,1e400,,Move,1,1", "0,0,,Move," + "9" * 5000 + ",1", "0,0,,Move,1"]
)
def test_a_row_that_cannot_be_is_shown_and_cut(row: str, tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="line 2: expected a time and a position") as caught:
        read_recording(recording(tmp_path, f"{HEAD}{row}\n"))
    assert len(caught.value.message) < 500


def test_positions_that_no_screen_holds_are_reported(tmp_path: Path) -> None:
    source = ReplaySource(recording(tmp_path, HEAD + "0,0,,Move,16000,16000\n"))
    with pytest.raises(RecordingError, match="no screen holds the positions") as caught:
        source.start(lambda: None)
    assert "16001x16001" in caught.value.hint


# Recorders of all kinds ---------------------------------------------------------------------------------

SAPIMOUSE = """client timestamp,button,state,x,y
0,NoButton,Move,5,6
16,NoButton,Move,7,8
32,Left,Pressed,7,8
48,Left,Released,7,8
"""
MOVES = [(0, Kind.MOVE, 5, 6), (16, Kind.MOVE, 7, 8), (32, Kind.MOVE, 9, 9), (48, Kind.MOVE, 9, 9)]
EPOCH_S = 1_700_000_000

CASES: dict[str, tuple[str, RecordingOptions, Sequence[tuple[int, int, int, int]]]] = {
    "SapiMouse": (SAPIMOUSE, RecordingOptions(), [*MOVES[:2], (32, Kind.LEFT, 7, 8)]),
    "Balabit": (
        HEAD + "9,0.0,NoButton,Move,5,6\n9,0.016,NoButton,Move,7,8\n9,0.032,Right,Pressed,7,8\n",
        RecordingOptions(),
        [*MOVES[:2], (32, Kind.RIGHT, 7, 8)],
    ),
    "x,y,t": ("x,y,t\n5,6,0\n7,8,16\n9,9,32\n9,9,48\n", RecordingOptions(), MOVES),
    "x,y,t without a header": ("5,6,0\n7,8,16\n9,9,32\n9,9,48\n", RecordingOptions(), MOVES),
    "t;x;y": ("0;5;6\n16;7;8\n32;9;9\n48;9;9\n", RecordingOptions(), MOVES),
    "named by hand": ("a,b,c\n0,5,6\n16,7,8\n", RecordingOptions(columns=("t", "x", "y")), MOVES[:2]),
    "seconds": ("t,x,y\n0.0,5,6\n0.016,7,8\n", RecordingOptions(), MOVES[:2]),
    "--time-unit": ("t,x,y\n0,5,6\n16000,7,8\n", RecordingOptions(time_unit="us"), MOVES[:2]),
    "a clock that starts late": ("t,x,y\n3600.0,5,6\n3600.016,7,8\n", RecordingOptions(), MOVES[:2]),
    "seconds since 1970": (f"t,x,y\n{EPOCH_S}.0,5,6\n{EPOCH_S}.016,7,8\n", RecordingOptions(), MOVES[:2]),
    "milliseconds since 1970": (f"t,x,y\n{EPOCH_S}000,5,6\n{EPOCH_S}016,7,8\n", RecordingOptions(), MOVES[:2]),
    "ISO": (
        "time,x,y\n2026-01-01T00:00:00.000Z,5,6\n2026-01-01T00:00:00.016Z,7,8\n",
        RecordingOptions(),
        MOVES[:2],
    ),
    "negative": ("t,x,y\n0,-100,6\n16,7,-8\n", RecordingOptions(), [(0, 0, -100, 6), (16, 0, 7, -8)]),
    "between pixels": ("t,x,y\n0,5.5,6.9\n16,7.1,8\n", RecordingOptions(), MOVES[:2]),
}


@pytest.mark.parametrize("name", CASES)
def test_a_recording_of_any_kind_is_read_as_it_was_meant(name: str, tmp_path: Path) -> None:
    text, options, rows = CASES[name]
    assert read_recording(recording(tmp_path, text), options).events.tolist() == rows


@pytest.mark.parametrize(
    ("positions", "size", "expected", "note"),
    [
        ("0,0 1079,1919", None, (0, 0, 1080, 1920), "taken as 1080x1920, by its positions"),
        ("0,0 2559,1079", None, (0, 0, 2560, 1080), "taken as 2560x1080"),
        ("0,0 700,500", None, (0, 0, 701, 501), "taken as 701x501"),
        ("-1920,0 1919,1079", None, (-1920, 0, 3840, 1080), "its screen begins at -1920,0"),
        ("0,0 99,49", (1920, 1080), (0, 0, 1920, 1080), ""),
        ("-100,0 50,50", (1920, 1080), (-100, 0, 1920, 1080), "its screen begins at -100,0"),
        ("0,0 1920,5", (1920, 1080), (0, 0, 1920, 1080), "1 of 2 events lie outside the screen, and are not counted"),
    ],
)
def test_the_screen_of_a_recording_and_what_lies_outside_are_reported(
    positions: str, size: tuple[int, int] | None, expected: tuple[int, int, int, int], note: str, tmp_path: Path
) -> None:
    rows = "".join(f"{number * 16},{position}\n" for number, position in enumerate(positions.split()))
    found = read_recording(recording(tmp_path, f"t,x,y\n{rows}"), RecordingOptions(size=size))
    (placed,) = found.layout.placements
    assert (placed.desktop_x, placed.desktop_y, placed.monitor.width_px, placed.monitor.height_px) == expected
    assert not note or any(note in one for one in found.notes), found.notes


def test_what_was_assumed_is_among_the_notes_of_the_source(tmp_path: Path) -> None:
    source = ReplaySource(recording(tmp_path, SAPIMOUSE))
    source.start(lambda: None)
    source.stop()
    assert any("times are taken as milliseconds" in note for note in source.notes)


def test_points_without_times_are_refused_with_what_was_seen(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="no column time; separated by semicolons, its columns: x, y") as raised:
        read_recording(recording(tmp_path, "x;y\n1;2\n"))
    assert "--columns" in raised.value.hint
