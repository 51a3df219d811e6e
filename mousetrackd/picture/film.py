"""Films as files. OpenCV and Pillow write a film into a file, not into memory."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np
from PIL import Image

from mousetrackd.core.errors import MousetrackError
from mousetrackd.system import output_files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

_CODECS: Final = {".mp4": ("vp09", "mp4v"), ".webm": ("VP80",)}
"""By ending, the codecs to try in this order. Browsers play VP9 and VP8, but no MPEG-4 Part 2 ("mp4v")."""

_SHORTEST_DELAY: Final = 2
"""Hundredths of a second. Browsers show a frame of a GIF that asks for less as long as one of a tenth of a second."""

ENDINGS: Final = (*_CODECS, ".webp", ".gif")


def write(out: Path, frames: Iterator[NDArray[np.uint8]], frames_per_s: float, width_px: int | None) -> None:
    """Write (H, W, 3) red-green-blue frames, all of one size, as a film; whole or not at all.

    out: its ending chooses the kind, one of ``ENDINGS``. width_px: frames are scaled to it; None keeps theirs.
    Raises MousetrackError when this OpenCV cannot write that kind, or the disk does not take it.
    """
    scaled = (_scaled(frame, width_px) for frame in frames)
    with output_files.fresh_file(out) as fresh:
        if out.suffix.lower() in _CODECS:
            _write_video(fresh, scaled, frames_per_s, out.suffix.lower())
        else:
            images = _timed((Image.fromarray(frame) for frame in scaled), frames_per_s)
            first = next(images)  # the others one by one: a film's frames together are gigabytes
            if out.suffix.lower() == ".gif":  # each image holds its own duration
                first.save(fresh, save_all=True, append_images=images, loop=0)
            else:
                first.save(fresh, save_all=True, append_images=images, duration=round(1000 / frames_per_s), loop=0)


def _timed(images: Iterator[Image.Image], frames_per_s: float) -> Iterator[Image.Image]:
    """The images with durations in ms that are whole hundredths of a second, as a GIF holds them, and do not drift.

    Images that would be shown too shortly are left out. The last one is shown for its time, or the shortest there is.
    """
    begun = due = 0
    waiting: Image.Image | None = None
    for number, image in enumerate(images, 1):
        due = round(100 * number / frames_per_s)
        waiting = image
        if due - begun >= _SHORTEST_DELAY:
            image.info["duration"] = 10 * (due - begun)
            yield image
            begun, waiting = due, None
    if waiting is not None:
        waiting.info["duration"] = 10 * _SHORTEST_DELAY
        yield waiting


def _scaled(frame: NDArray[np.uint8], width_px: int | None) -> NDArray[np.uint8]:
    height, width = frame.shape[:2]
    to_width = min(width_px or width, width)
    # Video codecs want even sizes.
    size = (max(to_width // 2 * 2, 2), max(round(height * to_width / width) // 2 * 2, 2))
    return (
        frame
        if size == (width, height)
        else np.asarray(cv2.resize(frame, size, interpolation=cv2.INTER_AREA), np.uint8)
    )


@contextlib.contextmanager
def _readable_name(path: Path) -> Iterator[str]:
    """A name of the file for OpenCV, which crashes at one that is not UTF-8."""
    if str(path).isascii():
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def _write_video(path: Path, frames: Iterator[NDArray[np.uint8]], frames_per_s: float, ending: str) -> None:
    first = next(frames)
    height, width = first.shape[:2]
    with _readable_name(path) as name:
        writer = _video_writer(name, ending, frames_per_s, (width, height))
        try:
            writer.write(np.ascontiguousarray(first[..., ::-1]))
            for frame in frames:
                writer.write(np.ascontiguousarray(frame[..., ::-1]))
        finally:
            writer.release()


def _video_writer(name: str, ending: str, frames_per_s: float, size_px: tuple[int, int]) -> cv2.VideoWriter:
    """A writer with the first codec that this OpenCV has. Raises MousetrackError when it has none of them."""
    for codec in _CODECS[ending]:
        writer = cv2.VideoWriter(name, cv2.VideoWriter.fourcc(*codec), frames_per_s, size_px)
        if writer.isOpened():
            return writer
        writer.release()
    raise MousetrackError(
        f"this OpenCV cannot write {ending} ({', '.join(_CODECS[ending])})",
        "Try another ending: " + ", ".join(other for other in ENDINGS if other != ending),
    )
