"""Films are really written, and read back: every step a frame, one scale for all of them, whole or not at all."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, timedelta, timezone
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageSequence

from mousetrackd.core.counts import Counts
from mousetrackd.core.errors import MousetrackError, UsageError
from mousetrackd.core.layout import Layout
from mousetrackd.core.monitors import Monitor, Placement
from mousetrackd.core.series import Series
from mousetrackd.core.validity import IMPORTED_HOUR_S
from mousetrackd.picture import compose, film, timelapse
from mousetrackd.picture.clock import Clock
from mousetrackd.picture.look import Look
from mousetrackd.picture.scene import Scene
from mousetrackd.picture.timelapse import film_of
from mousetrackd.storage.readings import Piece, Reading

Frame = NDArray[np.uint8]

SCREEN = Monitor("DP-1", 64, 48)
OTHER = Monitor("DP-2", 10, 10)
HOUR = 3600
START = 495_000 * HOUR


def piece(hour: float, *dots: tuple[int, int, int], layer: str = "dwell", span_s: int = HOUR) -> Piece:
    index = np.array([y * SCREEN.width_px + x for x, y, _ in dots], np.int64)
    counts = Counts.from_pixels(64, 48, index, np.array([count for *_, count in dots], np.int64))
    return Piece(START + round(hour * HOUR), span_s, SCREEN, layer, counts)


def total(reading: Reading) -> int:
    return sum(counts.total for counts in reading.counts.values())


def hues(count: int = 5, size: tuple[int, int] = (64, 48)) -> list[Frame]:
    """Frames that nobody can mistake for each other."""
    colours = [(230, 20, 20), (20, 230, 20), (20, 20, 230), (230, 230, 20), (20, 230, 230)]
    return [np.full((size[1], size[0], 3), colours[n % 5], np.uint8) for n in range(count)]


def seen_in(path: Path) -> list[Frame]:
    """The frames of a film, red-green-blue, as a player shows them."""
    if path.suffix in {".gif", ".webp"}:
        with Image.open(path) as image:
            return [np.asarray(frame.convert("RGB")) for frame in ImageSequence.Iterator(image)]
    video = cv2.VideoCapture(str(path))
    frames: list[Frame] = []
    while True:
        more, frame = video.read()
        if not more:
            video.release()
            return frames
        frames.append(np.asarray(frame, np.uint8)[..., ::-1])


# From pieces to readings -----------------------------------------------------------------------------------------


def readings(pieces: Iterable[Piece], *, cumulative: bool) -> list[Reading]:
    return [frame.reading for frame in film_of(pieces, HOUR, cumulative=cumulative, zone=UTC).frames]


def test_every_step_in_which_something_was_counted_is_a_frame() -> None:
    pieces = [piece(0, (1, 1, 5)), piece(0.5, (2, 2, 7)), piece(3, (3, 3, 11))]
    frames = readings(pieces, cumulative=False)
    assert [total(frame) for frame in frames] == [12, 11]
    assert [(frame.first_s, frame.last_s) for frame in frames] == [
        (START + n * HOUR, START + (n + 1) * HOUR) for n in (0, 3)
    ]


def test_cumulative_frames_hold_all_before_them() -> None:
    pieces = [piece(0, (1, 1, 5)), piece(1, (1, 1, 7)), piece(3, (3, 3, 11))]
    frames = readings(pieces, cumulative=True)
    assert [total(frame) for frame in frames] == [5, 12, 23]
    assert [frame.first_s for frame in frames] == [START] * 3
    assert [frame.last_s for frame in frames] == [START + n * HOUR for n in (1, 2, 4)]
    assert frames[1].counts[Series(SCREEN, "dwell")].dense()[1, 1] == 12


def test_layers_and_screens_are_kept_apart() -> None:
    there = Piece(START, HOUR, OTHER, "dwell", Counts.from_pixels(10, 10, np.array([3])))
    (frame,) = readings([piece(0, (1, 1, 5)), piece(0, (1, 1, 3), layer="travel"), there], cumulative=True)
    assert {key: counts.total for key, counts in frame.counts.items()} == {
        Series(SCREEN, "dwell"): 5,
        Series(SCREEN, "travel"): 3,
        Series(OTHER, "dwell"): 1,
    }


def test_a_piece_belongs_to_the_step_in_which_it_begins() -> None:
    frames = readings([piece(0.9, (1, 1, 1)), piece(1, (1, 1, 2))], cumulative=False)
    assert [total(frame) for frame in frames] == [1, 2]


def test_pieces_need_not_come_in_order_or_one_by_one() -> None:
    def backwards() -> Iterator[Piece]:
        yield piece(2, (1, 1, 2))
        yield piece(0, (1, 1, 1))

    assert [total(frame) for frame in readings(backwards(), cumulative=False)] == [1, 2]


@pytest.mark.parametrize("cumulative", [False, True])
def test_a_range_without_counts_is_a_sentence(cumulative: bool) -> None:
    with pytest.raises(UsageError, match="nothing was counted") as caught:
        readings([], cumulative=cumulative)
    assert "--since" in caught.value.hint


def test_too_many_frames_are_refused_before_any_is_made() -> None:
    nothing = Counts.empty(64, 48)
    pieces = [Piece(START + second, 1, SCREEN, "dwell", nothing) for second in range(timelapse.FRAMES_MAX + 1)]
    assert len(film_of(pieces[1:], 1, cumulative=False).frames) == timelapse.FRAMES_MAX
    with pytest.raises(UsageError, match=f"{timelapse.FRAMES_MAX + 1} frames") as caught:
        film_of(pieces, 1, cumulative=False)
    assert "--step" in caught.value.hint


# The clock, and what may surprise ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hour", "step_s", "ahead_h", "clock"),
    [
        (0.5, HOUR, 0, "Sun 21 Jun 2026  00:00 to 01:00"),
        (23.9, HOUR, 0, "Sun 21 Jun 2026  23:00 to 00:00"),
        (0.5, HOUR, 5.5, "Sun 21 Jun 2026  06:00 to 07:00"),
        (0.1, 900, 0, "Sun 21 Jun 2026  00:00 to 00:15"),
        (0, 30, 0, "Sun 21 Jun 2026  00:00:00 to 00:00:30"),
        (0.5, 24 * HOUR, 0, "Sun 21 Jun 2026"),
        (22, 24 * HOUR, 5, "Mon 22 Jun 2026"),
        (0.5, 7 * 24 * HOUR, 0, "Thu 18 Jun 2026 to Wed 24 Jun 2026"),
    ],
)
def test_the_clock_is_that_of_the_wall(hour: float, step_s: int, ahead_h: float, clock: str) -> None:
    zone = timezone(timedelta(hours=ahead_h))
    (frame,) = film_of([piece(hour, (1, 1, 1))], step_s, cumulative=True, zone=zone).frames
    assert frame.clock == clock
    first_s, last_s = frame.reading.first_s, frame.reading.last_s
    assert first_s is not None
    assert last_s is not None
    assert last_s - first_s == step_s
    assert first_s <= START + hour * HOUR < last_s


@pytest.mark.parametrize(
    ("pieces", "step_s", "notes"),
    [
        ([piece(0, (1, 1, 1)), piece(1, (1, 1, 1))], HOUR, []),
        ([piece(0, (1, 1, 1)), piece(5, (1, 1, 1))], HOUR, ["left out 4 of 6 steps, in which nothing was counted"]),
        ([piece(0, (1, 1, 1))], HOUR, ["the film has a single frame: everything was counted in one step"]),
        (
            [piece(0, (1, 1, 1)), piece(0.25, (1, 1, 1), span_s=60)],
            900,
            ["some counts are kept by the hour, longer than a step"],
        ),
        (
            [piece(n, (1, 1, 1), span_s=IMPORTED_HOUR_S) for n in range(6)],
            900,
            ["some counts are kept by the hour, longer than a step"],
        ),
        (
            [piece(n, (1, 1, 1), span_s=IMPORTED_HOUR_S) for n in (0, 1, 4)],
            1,
            [
                "left out 7200 of 14401 steps, in which nothing was counted",
                "some counts are kept by the hour, longer than a step",
            ],
        ),
        (
            [piece(0, (1, 1, 1)), piece(1, (1, 1, 1), span_s=24 * HOUR)],
            HOUR,
            ["some counts are kept by the day, longer than a step"],
        ),
    ],
)
def test_what_may_surprise_in_a_film_is_a_sentence(pieces: list[Piece], step_s: int, notes: list[str]) -> None:
    found = film_of(pieces, step_s, cumulative=True).notes
    assert [one.startswith(expected) for one, expected in zip(found, notes, strict=True)] == [True] * len(notes)


@pytest.mark.parametrize(
    ("pieces", "step_s", "can_be_shorter"),
    [
        ([piece(0, (1, 1, 1), span_s=60), piece(0.5, (1, 1, 1), span_s=60)], HOUR, True),
        ([piece(0, (1, 1, 1), span_s=60)], 60, False),
        ([piece(0, (1, 1, 1), span_s=60), piece(0, (1, 1, 1), layer="travel", span_s=60)], HOUR, False),
        ([piece(0, (1, 1, 1), span_s=IMPORTED_HOUR_S)], 60, False),
        ([piece(0, (1, 1, 1), span_s=24 * HOUR)], 24 * HOUR, True),  # its hours may be there
        ([piece(0, (1, 1, 1), span_s=24 * HOUR)], HOUR, False),
    ],
)
def test_a_shorter_step_is_proposed_only_where_it_makes_more_frames(
    pieces: list[Piece], step_s: int, can_be_shorter: bool
) -> None:
    (*_, note) = film_of(pieces, step_s, cumulative=True, zone=UTC).notes
    assert note.startswith("the film has a single frame")
    assert ("choose a shorter --step" in note) == can_be_shorter


@pytest.mark.parametrize("size", [(1920, 1080), (7680, 2160), (240, 135), (800, 600)])
def test_the_clock_is_in_the_upper_right_corner_and_changes_nothing_else(size: tuple[int, int]) -> None:
    width, height = size
    frame = np.full((height, width, 3), 250, np.uint8)
    texts = ["Sun 21 Jun 2026", "Wed 24 Jun 2026"]
    clock = Clock(texts, width)
    one, other = (clock.drawn(frame, text) for text in texts)
    changed = np.argwhere((one != frame).any(axis=2))
    assert changed[:, 0].max() < height // 4
    assert changed[:, 1].min() > width // 4
    assert (one != other).any()
    assert np.array_equal((other != frame).any(axis=2), (one != frame).any(axis=2))  # the panel is as wide
    pixels = one[changed[:, 0], changed[:, 1]]
    assert pixels.max(axis=1).min() < 100 < pixels.max()
    assert (frame == 250).all()


def test_a_film_too_small_for_a_clock_has_none() -> None:
    frame = np.zeros((48, 64, 3), np.uint8)
    assert np.array_equal(Clock(["Sun 21 Jun 2026"], 64).drawn(frame, "Sun 21 Jun 2026"), frame)


# One scale for all frames -------------------------------------------------------------------------------------------


def frames_drawn(pieces: list[Piece], *, cumulative: bool) -> list[Frame]:
    """As ``mousetrackd timelapse`` draws them."""
    layout = Layout([Placement(SCREEN, 0, 0)])
    look = Look(legend=False, sigma=3)
    frames = readings(pieces, cumulative=cumulative)
    measures = compose.measures(Scene(frames[-1], layout), look, frames)
    return [compose.draw(Scene(frame, layout), look, measures).rgb() for frame in frames]


def test_a_place_where_the_same_is_counted_keeps_its_colour_in_every_window(tmp_path: Path) -> None:
    # The same rest every hour, and ever more elsewhere.
    pieces = [piece(n, (10, 10, 800), (50, 40, 10 ** (n + 2))) for n in range(4)]
    frames = frames_drawn(pieces, cumulative=False)
    assert len({tuple(frame[10, 10].tolist()) for frame in frames}) == 1
    assert len({tuple(frame[40, 50].tolist()) for frame in frames}) == 4
    for ending in film.ENDINGS:
        film.write(tmp_path / f"film{ending}", iter(frames), 5, None)
        spots = np.array([frame[9:12, 9:12].mean(axis=(0, 1)) for frame in seen_in(tmp_path / f"film{ending}")])
        assert len(spots) == 4, ending
        assert np.ptp(spots, axis=0).max() <= 16, f"{ending}: {spots}"


def test_in_a_cumulative_film_no_place_gets_colder() -> None:
    pieces = [piece(n, (10 + 8 * n, 10, 500), (30, 40, 300)) for n in range(5)]
    brightness = np.array([frame.astype(int).sum(axis=2) for frame in frames_drawn(pieces, cumulative=True)])
    steps = np.diff(brightness, axis=0)
    assert (steps >= -6).all()  # a map's brightness may dip by a level or two
    assert (steps.max(axis=(1, 2)) > 50).all()


# Writing ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", film.ENDINGS)
def test_what_is_written_is_what_is_read_back(ending: str, tmp_path: Path) -> None:
    out = tmp_path / f"film{ending}"
    film.write(out, iter(hues()), 5, None)
    shown = seen_in(out)
    assert len(shown) == 5
    for frame, expected in zip(shown, hues(), strict=True):
        assert frame.shape == (48, 64, 3)
        assert np.abs(frame.astype(int) - expected).mean() <= 15  # red is red, and blue is blue
    assert [path.name for path in tmp_path.iterdir()] == [out.name]


@pytest.mark.parametrize("ending", film.ENDINGS)
def test_a_film_of_one_frame_is_a_film(ending: str, tmp_path: Path) -> None:
    film.write(tmp_path / f"film{ending}", iter(hues(1)), 5, None)
    assert len(seen_in(tmp_path / f"film{ending}")) == 1


@pytest.mark.parametrize("ending", [".mp4", ".webm", ".webp", ".gif", ".GIF", ".MP4"])
@pytest.mark.parametrize(
    ("size", "width_px", "expected"),
    [
        ((65, 49), None, (64, 48)),
        ((64, 48), 33, (32, 24)),
        ((200, 100), 100, (100, 50)),
        ((64, 48), 1920, (64, 48)),
        ((300, 3), 100, (100, 2)),
    ],
)
def test_a_film_is_of_even_size_and_not_wider_than_asked(
    size: tuple[int, int], width_px: int | None, expected: tuple[int, int], ending: str, tmp_path: Path
) -> None:
    out = tmp_path / f"film{ending}"
    film.write(out, iter(hues(3, size)), 5, width_px)
    frame = seen_in(out.rename(out.with_suffix(ending.lower())))[0]
    assert (frame.shape[1], frame.shape[0]) == expected


@pytest.mark.parametrize("frames_per_s", [3, 24, 30, 60])
def test_a_gif_keeps_its_speed_and_has_no_frame_that_browsers_slow_down(frames_per_s: int, tmp_path: Path) -> None:
    out = tmp_path / "film.gif"
    film.write(out, iter(hues(frames_per_s)), frames_per_s, None)
    with Image.open(out) as image:
        delays_ms = [frame.info["duration"] for frame in ImageSequence.Iterator(image)]
    assert sum(delays_ms) == 1000
    assert min(delays_ms) >= 20
    assert len(delays_ms) >= min(frames_per_s, 40)


@pytest.mark.parametrize("frames_per_s", [2.0, 10.0])
@pytest.mark.parametrize("ending", [".gif", ".webp"])
def test_a_film_lasts_as_long_as_its_frames_also_when_some_are_alike(
    ending: str, frames_per_s: float, tmp_path: Path
) -> None:
    red, green, *_ = hues()
    out = tmp_path / f"film{ending}"
    film.write(out, iter([red, red, red, green, green, red]), frames_per_s, None)
    with Image.open(out) as image:
        lasted_ms = 0
        for frame in ImageSequence.Iterator(image):
            frame.load()
            lasted_ms += frame.info["duration"]
        assert image.info["loop"] == 0
    assert lasted_ms == pytest.approx(6 * 1000 / frames_per_s)


@pytest.mark.parametrize("ending", [".mp4", ".webm"])
def test_a_video_has_the_frames_per_second_asked_for(ending: str, tmp_path: Path) -> None:
    out = tmp_path / f"film{ending}"
    film.write(out, iter(hues(10)), 5, None)
    video = cv2.VideoCapture(str(out))
    assert video.get(cv2.CAP_PROP_FPS) == pytest.approx(5, rel=0.01)
    video.release()


@pytest.mark.parametrize("ending", film.ENDINGS)
def test_an_older_film_is_replaced(ending: str, tmp_path: Path) -> None:
    out = tmp_path / f"film{ending}"
    out.write_bytes(b"old")
    film.write(out, iter(hues()), 5, None)
    assert len(seen_in(out)) == 5


@pytest.mark.parametrize("ending", film.ENDINGS)
def test_where_nothing_can_be_written_is_a_sentence(ending: str, tmp_path: Path) -> None:
    with pytest.raises(MousetrackError, match=f"cannot write|OpenCV cannot write {ending}") as caught:
        film.write(tmp_path / "missing" / f"film{ending}", iter(hues()), 5, None)
    assert caught.value.hint


@pytest.mark.parametrize("ending", film.ENDINGS)
def test_a_failure_half_way_leaves_the_old_film_and_no_litter(ending: str, tmp_path: Path) -> None:
    def breaking() -> Iterator[Frame]:
        yield from hues(2)
        raise OSError(5, "the disk is gone")

    out = tmp_path / f"film{ending}"
    out.write_bytes(b"old")
    with pytest.raises(MousetrackError, match="the disk is gone"):
        film.write(out, breaking(), 5, None)
    assert out.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == [out.name]


@pytest.mark.parametrize("ending", film.ENDINGS)
def test_a_folder_whose_name_is_no_text_takes_a_film_as_any_other(ending: str, tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"\xff\xfe")
    folder.mkdir()
    film.write(folder / f"film{ending}", iter(hues()), 5, None)
    assert [path.name for path in folder.iterdir()] == [f"film{ending}"]
    assert len(seen_in((folder / f"film{ending}").rename(tmp_path / f"film{ending}"))) == 5


@pytest.mark.parametrize("ending", film.ENDINGS)
def test_a_folder_in_the_way_is_a_sentence_and_stays(ending: str, tmp_path: Path) -> None:
    out = tmp_path / f"film{ending}"
    out.mkdir()
    with pytest.raises(MousetrackError, match="cannot write"):
        film.write(out, iter(hues()), 5, None)
    assert [path.name for path in tmp_path.iterdir()] == [out.name]


class _WithoutCodec:
    """The VideoWriter of an OpenCV that was built without it. Not derived from the real one: that corrupts memory."""

    fourcc = staticmethod(cv2.VideoWriter.fourcc)

    def __init__(self, *_: object) -> None:
        self.is_released = False

    def isOpened(self) -> bool:  # noqa: N802 - OpenCV's name
        return False

    def release(self) -> None:
        self.is_released = True


def test_an_mp4_is_one_that_browsers_play(tmp_path: Path) -> None:
    film.write(tmp_path / "film.mp4", iter(hues()), 5, None)
    video = cv2.VideoCapture(str(tmp_path / "film.mp4"))
    assert int(video.get(cv2.CAP_PROP_FOURCC)).to_bytes(4, "little").lower() in {b"vp09", b"vp90"}
    video.release()


@pytest.mark.parametrize(("ending", "codec"), [(".mp4", "vp09, mp4v"), (".webm", "VP80")])
def test_an_opencv_without_the_codec_says_so_and_what_else_there_is(
    ending: str, codec: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cv2, "VideoWriter", _WithoutCodec)
    out = tmp_path / f"film{ending}"
    out.write_bytes(b"old")
    with pytest.raises(MousetrackError, match=f"this OpenCV cannot write {ending} .{codec}.") as caught:
        film.write(out, iter(hues()), 5, None)
    others = set(film.ENDINGS) - {ending}
    assert all(other in caught.value.hint for other in others)
    assert ending not in caught.value.hint
    assert out.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == [out.name]


def test_frames_are_made_one_by_one_and_report_cells() -> None:
    pieces = [replace(piece(hour, (1, 1, 1)), cell_px=16 * (hour > 0)) for hour in range(3)]
    film = film_of(pieces, HOUR, cumulative=True, zone=UTC)
    assert [frame.reading.cell_px for frame in film.frames] == [0, 16, 16]
    assert [frame.reading for frame in film.frames] == [frame.reading for frame in film.frames]  # and again
    (measured,) = film.frames.measured()
    assert measured == [*film.frames][-1].reading
    windowed = film_of(pieces, HOUR, cumulative=False, zone=UTC).frames
    assert windowed.measured() == [frame.reading for frame in windowed]
