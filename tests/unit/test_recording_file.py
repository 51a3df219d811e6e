"""A recording is somebody else's file: what it may hold has an end."""

import gzip
from pathlib import Path

import pytest

from mousetrackd.capture.replay import ReplaySource, read_recording
from mousetrackd.core.errors import RecordingError
from mousetrackd.system.input_files import LINE_MAX, bounded_lines

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
    assert read_recording(path, events_max=50).size == 50
    with pytest.raises(RecordingError, match="more than 49 events"):
        read_recording(path, events_max=49)


@pytest.mark.parametrize(
    "row", ["0,nan,,Move,1,1", "0,1e400,,Move,1,1", "0,0,,Move," + "9" * 5000 + ",1", "0,0,,Move,1"]
)
def test_a_row_that_cannot_be_is_shown_and_cut(row: str, tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="line 2: expected a time and a position") as caught:
        read_recording(recording(tmp_path, f"{HEAD}{row}\n"))
    assert len(caught.value.message) < 500


def test_positions_that_no_screen_holds_are_told(tmp_path: Path) -> None:
    source = ReplaySource(recording(tmp_path, HEAD + "0,0,,Move,16000,16000\n"))
    with pytest.raises(RecordingError, match="no screen holds the positions") as caught:
        source.start(lambda: None)
    assert "16001x16001" in caught.value.hint


def test_a_line_may_be_as_long_as_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    path.write_text("a" * (LINE_MAX - 1) + "\nb")
    with path.open() as file:
        assert [len(line) for line in bounded_lines(file)] == [LINE_MAX, 1]
