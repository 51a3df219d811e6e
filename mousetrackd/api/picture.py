"""A picture in the hands of a Python program."""

from __future__ import annotations

import os
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from mousetrackd.api.wording import naming_keywords, wrong_value
from mousetrackd.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray
    from PIL import Image

    from mousetrackd.picture import png


class Picture:
    """A picture that was drawn: show it, save it, or take its pixels.

    ``numpy.asarray(picture)`` gives (H, W, 3) uint8, red, green and blue; (H, W, 4) with alpha where the background is
    transparent. A notebook shows it as it is.
    """

    def __init__(self, drawn: png.Picture) -> None:
        """For mousetrackd's own use: ``heatmap`` makes pictures."""
        self._drawn = drawn

    @property
    def facts(self) -> Mapping[str, Any]:
        """What it shows: title, size, layers with unit, total, heat of the hottest colour and sigma in px, and more.

        ``outside`` is how many of the given points lie outside the screen, and are not in the picture.
        """
        return MappingProxyType(dict(self._drawn.facts))

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in px, the legend included."""
        height_px, width_px = self._drawn.pixels.shape[:2]
        return width_px, height_px

    def image(self) -> Image.Image:
        """A Pillow image, RGB or, where the background is transparent, RGBA."""
        from PIL import Image  # noqa: PLC0415 - as late as everything here

        return Image.fromarray(self._drawn.colours())

    def save(self, out: str | os.PathLike[str] | BinaryIO, format: str | None = None) -> None:  # noqa: A002 - Pillow's name for it
        """Write it into a file: PNG, JPEG or WebP.

        out: a path, or a file that is open for writing bytes. format: "png", "jpg" or "webp"; None is by the ending of
        the path, and PNG for an open file. A new file is private to you; one of your own that is there keeps its mode.
        A path has the whole picture in the end, or what was there before. A PNG holds ``facts`` in its text chunks.
        Raises MousetrackError for another ending, and when the file cannot be written.
        """
        from mousetrackd.picture import encode  # noqa: PLC0415 - as late as everything here

        if not isinstance(format, str | None):
            raise wrong_value("format", "png, jpg or webp", format)
        path = Path(os.fspath(out)) if isinstance(out, str | os.PathLike) else None
        ending = f".{format.lower().lstrip('.')}" if format is not None else path.suffix.lower() if path else ".png"
        if ending not in encode.ENDINGS:
            raise UsageError(f"cannot draw into {path or ending}", f"Its ending is one of {', '.join(encode.ENDINGS)}.")
        with naming_keywords():
            content = encode.encoded(self._drawn, ending)
        if path is None:
            if not hasattr(out, "write"):
                raise wrong_value("out", "a path or an open file", out)
            out.write(content)
        else:
            from mousetrackd.system import output_files  # noqa: PLC0415

            output_files.write(path, content)

    def _repr_png_(self) -> bytes:
        """How IPython and Jupyter show it."""
        return self._drawn.png()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        if copy is False:
            raise ValueError("the pixels of a picture are always a copy")
        return np.array(self._drawn.colours(), dtype)

    def __repr__(self) -> str:
        width_px, height_px = self.size
        return f"<mousetrackd.Picture {width_px}x{height_px}>"
