"""The image under the heat: a file that is read safely, or a sentence that says why not."""

import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mousetrackd.core.errors import MousetrackError
from mousetrackd.picture import under
from mousetrackd.picture.over_image import load, open_image


def test_an_image_file_that_is_none_is_a_sentence(tmp_path: Path) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    reasons = {
        broken: "no image",
        tmp_path / "missing.png": "No such file or directory\n",
        tmp_path: "it is a folder, not a file\n",
        tmp_path / "pipe.png": "it is a named pipe, not a file\n",
        Path("/dev/zero"): "it is a device, not a file\n",
    }
    os.mkfifo(tmp_path / "pipe.png")
    for path, why in reasons.items():
        with pytest.raises(MousetrackError, match=f"cannot read the image {path}: .*{why}"):
            open_image(path)


def png_of(width_px: int, height_px: int, content: bytes) -> bytes:
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width_px, height_px, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", content) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("width_px", "height_px", "why"),
    [
        (100_000, 100_000, "it has more than 160 million px"),
        (13_000, 13_000, "it has more than 160 million px"),
        (70_000, 1, "it has more than 160 million px"),
        (400, 300, "damaged"),
    ],
)
def test_an_image_that_is_larger_than_it_is_or_than_any_desktop_is_a_sentence(
    width_px: int, height_px: int, why: str, tmp_path: Path
) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(png_of(width_px, height_px, zlib.compress(bytes(1000))))
    with pytest.raises(MousetrackError, match=why):
        open_image(path)


def test_an_image_starts_no_other_program(tmp_path: Path) -> None:
    path = tmp_path / "image.png"
    path.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n(%pipe%touch /tmp/x) (w) file\n")
    with pytest.raises(MousetrackError, match="no image"):
        open_image(path)


def test_an_image_file_is_opened_whole(tmp_path: Path) -> None:
    Image.new("RGB", (8, 6), (1, 2, 3)).save(tmp_path / "wallpaper.png")
    image = open_image(tmp_path / "wallpaper.png")
    (tmp_path / "wallpaper.png").unlink()
    assert image.getpixel((7, 5)) == (1, 2, 3)


def _turned(path: Path) -> None:
    """Red above blue as it is seen; stored on its side, with a note that it has to be turned."""
    seen = Image.new("RGB", (16, 32), RED)
    seen.paste(BLUE, (0, 16, 16, 32))
    exif = Image.Exif()
    exif[0x0112] = 6  # EXIF 2.3, 4.6.4 A: orientation; 6 is turned by 90 degrees clockwise to be seen
    seen.transpose(Image.Transpose.ROTATE_90).save(path, quality=95, exif=exif)


def _two(mode: str, first: float | tuple[int, ...], second: float | tuple[int, ...]) -> Image.Image:
    """One colour above another."""
    image = Image.new(mode, (16, 32), first)
    image.paste(second, (0, 16, 16, 32))
    return image


def _palette(path: Path) -> None:
    image = Image.new("P", (16, 32), 0)
    image.putpalette([*RED, *BLUE, 0, 255, 0])
    image.paste(1, (0, 16, 16, 32))
    image.save(path)


RED, BLUE, CLEAR = (255, 0, 0), (0, 0, 255), (9, 9, 9)
Made = Callable[[Path], None]
KINDS: dict[str, tuple[str, Made, tuple[int, int, int], tuple[int, int, int]]] = {
    "turned by EXIF": (".jpg", _turned, RED, BLUE),
    "palette": (".png", _palette, RED, BLUE),
    "palette with a transparent colour": (
        ".png",
        lambda path: _two("RGB", RED, BLUE).quantize(2).save(path, transparency=b"\xff\xff"),
        RED,
        BLUE,
    ),
    "RGB": (".webp", lambda path: _two("RGB", RED, BLUE).save(path, lossless=True), RED, BLUE),
    "transparent below": (".png", lambda path: _two("RGBA", (*RED, 255), (*BLUE, 0)).save(path), RED, CLEAR),
    "half transparent": (".png", lambda path: _two("RGBA", RED, (*BLUE, 128)).save(path), RED, (4, 4, 132)),
    "a transparent colour": (".png", lambda path: _two("RGB", RED, BLUE).save(path, transparency=BLUE), RED, CLEAR),
    "grey with opacity": (".png", lambda path: _two("LA", (200, 255), (50, 0)).save(path), (200, 200, 200), CLEAR),
    "16 bit grey": (".png", lambda path: _two("I;16", 51_400, 12_850).save(path), (200,) * 3, (50,) * 3),
    "16 bit grey TIFF": (".tif", lambda path: _two("I;16", 51_400, 12_850).save(path), (200,) * 3, (50,) * 3),
    "fractions": (".tif", lambda path: _two("F", 1.0, 0.2).save(path), (255,) * 3, (51,) * 3),
    "CMYK": (".jpg", lambda path: _two("CMYK", (0, 255, 255, 0), (255, 255, 0, 0)).save(path), RED, BLUE),
    "one bit": (".png", lambda path: _two("1", 1, 0).save(path), (255,) * 3, (0,) * 3),
}


@pytest.mark.parametrize("kind", KINDS)
def test_an_image_of_any_kind_is_seen_as_a_viewer_shows_it(kind: str, tmp_path: Path) -> None:
    ending, make, above, below = KINDS[kind]
    make(tmp_path / f"image{ending}")
    image = open_image(tmp_path / f"image{ending}")
    shown = under.draw(image, 16, 32, CLEAR, brightness=1).astype(int)
    assert shown.shape == (32, 16, 3)
    assert np.abs(shown[4, 8] - above).max() <= 4, shown[4, 8]  # JPEG is not exact
    assert np.abs(shown[28, 8] - below).max() <= 4, shown[28, 8]


@pytest.mark.parametrize(
    ("size", "wanted", "left", "top"),
    [
        ((40, 30), (80, 60), 0, 0),
        ((30, 30), (80, 60), 10, 0),
        ((80, 20), (80, 60), 0, 20),
        ((1366, 768), (1920, 1080), 0, 0),
    ],
)
def test_an_image_is_as_large_as_it_fits_and_never_stretched(
    size: tuple[int, int], wanted: tuple[int, int], left: int, top: int
) -> None:
    shown = under.draw(Image.new("RGB", size, RED), *wanted, CLEAR, brightness=1)
    found = np.argwhere((shown == RED).all(axis=2))
    assert found.min(axis=0).tolist() == [top, left]
    assert found.max(axis=0).tolist() == [wanted[1] - 1 - top, wanted[0] - 1 - left]
    assert under.is_fitted(Image.new("RGB", size), *wanted) == bool(left or top)


def test_an_image_is_chosen_by_its_path_also_below_the_home_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    Image.new("RGB", (8, 6)).save(tmp_path / "wallpaper.png")
    for over in (str(tmp_path / "wallpaper.png"), "~/wallpaper.png"):
        image = load(over)
        assert image is not None
        assert image.size == (8, 6)
    assert load("") is None
