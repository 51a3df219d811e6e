"""The hash by which a screen is the same one in every session."""

import hashlib

from mousetrackd.core.sha256 import sha256


def test_it_is_the_hash_of_hashlib() -> None:
    for length in (*range(200), 1000):
        message = bytes(length * nth % 251 for nth in range(length))
        assert sha256(message) == hashlib.sha256(message).digest(), length
