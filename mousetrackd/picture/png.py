"""A finished picture, and its PNG file in memory. Pure."""

from __future__ import annotations

import io
import json
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from isal import isal_zlib
from PIL import PngImagePlugin

from mousetrackd import __version__
from mousetrackd.picture import heat

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

_FILTER_SUB, _FILTER_UP = 1, 2
"""PNG specification, 9.2: each byte less that of the pixel before it; less the one above it."""

_RGB, _INDEXED, _RGBA = 2, 3, 6
"""PNG specification, 11.2.2: colour types."""

_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True)
class Picture:
    """A finished picture: its pixels, and what it says about itself.

    pixels: (H, W) palette indices, or (H, W, 3) red, green, blue, or those and alpha. palette: (256, 4), for the first.
    """

    pixels: NDArray[np.uint8]
    palette: NDArray[np.uint8] | None
    facts: Mapping[str, object]

    @property
    def left_out(self) -> tuple[str, ...]:
        """Sentences about what is not shown, and why."""
        found = self.facts["left_out"]
        return tuple(found) if isinstance(found, list) else ()

    def rgb(self) -> NDArray[np.uint8]:
        """(H, W, 3) red, green, blue."""
        if self.palette is None:
            return self.pixels[..., :3]
        return self.palette[:, :3][self.pixels]

    def colours(self) -> NDArray[np.uint8]:
        """(H, W, 3) red, green, blue; (H, W, 4) with alpha where the background is transparent."""
        if self.palette is None:
            return self.pixels
        return self.palette[self.pixels] if (self.palette[:, 3] < 255).any() else self.rgb()

    def png(self) -> bytes:
        """The picture as a PNG file, with its facts in text chunks."""
        text = PngImagePlugin.PngInfo()
        text.add_text("Title", str(self.facts["title"]))
        text.add_text("Software", f"mousetrackd {__version__}")
        text.add_text("mousetrackd", json.dumps(self.facts))
        file = io.BytesIO()
        _write(file, self.pixels, self.palette, text)
        return file.getvalue()


def _write(
    file: io.BytesIO, pixels: NDArray[np.uint8], palette: NDArray[np.uint8] | None, text: PngImagePlugin.PngInfo
) -> None:
    """Write (H, W) palette indices or (H, W, 3 or 4) colours as a PNG.

    Indices are written less those above, colours less those before: a quarter of the
    time of Pillow's own writing, which does not filter indices and tries every filter on colours.
    """
    height_px, width_px = pixels.shape[:2]
    colour_type = _INDEXED if palette is not None else _RGB if pixels.shape[2] == 3 else _RGBA
    file.write(_SIGNATURE)
    header = struct.pack(">IIBBBBB", width_px, height_px, 8, colour_type, 0, 0, 0)  # PNG specification, 11.2.2
    PngImagePlugin.putchunk(file, b"IHDR", header)
    if palette is not None:
        PngImagePlugin.putchunk(file, b"PLTE", palette[:, :3].tobytes())
        if not (palette[:, 3] == 255).all():
            PngImagePlugin.putchunk(file, b"tRNS", palette[:, 3].tobytes())
    for name, content, *_ in text.chunks:
        PngImagePlugin.putchunk(file, name, content)
    deflate = isal_zlib.compressobj(1)
    above = np.zeros_like(pixels[:1])
    for band in heat.bands(height_px):
        here = pixels[band]
        lines = np.empty((len(here), 1 + here[0].size), np.uint8)
        differences = lines[:, 1:].reshape(here.shape)
        if palette is None:
            lines[:, 0] = _FILTER_SUB
            differences[:, 0] = here[:, 0]
            np.subtract(here[:, 1:], here[:, :-1], out=differences[:, 1:])
        else:
            lines[:, 0] = _FILTER_UP
            np.subtract(here[:1], above, out=differences[:1])
            np.subtract(here[1:], here[:-1], out=differences[1:])
            above = here[-1:]
        PngImagePlugin.putchunk(file, b"IDAT", deflate.compress(lines.data))
    PngImagePlugin.putchunk(file, b"IDAT", deflate.flush())
    PngImagePlugin.putchunk(file, b"IEND", b"")
