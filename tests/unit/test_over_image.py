"""The image under the heat: a file that is read safely, or a sentence that says why not."""

import os
import struct
import zlib
from pathlib import Path

import pytest
from PIL import Image

from mousetrackd.core.errors import MousetrackError
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
