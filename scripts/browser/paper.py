"""What a browser has printed: the sheets and the pictures of a PDF."""

import re
import zlib

import cv2
import numpy as np
from numpy.typing import NDArray


def sheets_of(pdf: bytes) -> int:
    """How many pages it has. Firefox writes them into compressed streams."""
    parts = [pdf, *(_inflated(body) for words, body in _streams(pdf) if b"/ObjStm" in words)]
    return sum(len(re.findall(rb"/Type\s*/Page\b", part)) for part in parts)


def largest_picture(pdf: bytes) -> NDArray[np.uint8]:
    """The picture with the most pixels, (H, W, 3); (0, 0, 3) where there is none."""
    pictures = [_picture(words, body) for words, body in _streams(pdf) if re.search(rb"/Subtype\s*/Image\b", words)]
    return max(pictures, key=lambda picture: picture.size, default=np.zeros((0, 0, 3), np.uint8))


def _streams(pdf: bytes) -> list[tuple[bytes, bytes]]:
    """The dictionary of each stream, and its bytes."""
    found: list[tuple[bytes, bytes]] = re.findall(
        rb"\bobj\b((?:(?!endobj).)*?)\bstream\r?\n(.*?)\r?\nendstream", pdf, re.DOTALL
    )
    return found


def _picture(words: bytes, body: bytes) -> NDArray[np.uint8]:
    if b"/DCTDecode" in words:
        image = cv2.imdecode(np.frombuffer(body, np.uint8), cv2.IMREAD_COLOR)
        assert image is not None, words
        return image.astype(np.uint8, copy=False)
    width, height = (int(re.findall(rb"/%s\s+(\d+)" % name, words)[0]) for name in (b"Width", b"Height"))
    pixels = np.frombuffer(_inflated(body), np.uint8)
    # Of one channel, or a bit a pixel, are only masks.
    return pixels.reshape(height, width, 3) if pixels.size == 3 * width * height else np.zeros((0, 0, 3), np.uint8)


def _inflated(body: bytes) -> bytes:
    return zlib.decompressobj().decompress(body)
