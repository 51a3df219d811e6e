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

_CODECS: Final = {".mp4": "mp4v", ".webm": "VP80"}
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
            images = (Image.fromarray(frame) for frame in scaled)
            first = next(images)  # the others one by one: a film's frames together are gigabytes
            first.save(fresh, save_all=True, append_images=images, duration=round(1000 / frames_per_s), loop=0)


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
    codec = _CODECS[ending]
    with _readable_name(path) as name:
        writer = cv2.VideoWriter(name, cv2.VideoWriter.fourcc(*codec), frames_per_s, (width, height))
        try:
            if not writer.isOpened():
                raise MousetrackError(
                    f"this OpenCV cannot write {ending} ({codec})",
                    "Try another ending: " + ", ".join(other for other in ENDINGS if other != ending),
                )
            writer.write(np.ascontiguousarray(first[..., ::-1]))
            for frame in frames:
                writer.write(np.ascontiguousarray(frame[..., ::-1]))
        finally:
            writer.release()
