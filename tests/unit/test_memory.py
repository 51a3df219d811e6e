"""When freed memory goes back to the system."""

import platform
import subprocess
import sys

import pytest

_FAULTS = """
import resource, numpy
from mousetrackd.system import memory
getattr(memory, {name!r})()
began = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(100):
    numpy.ones(1 << 18)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - began)
"""
"""How many pages the system gave for a hundred arrays of 2 MB, each freed before the next."""


def _faults(name: str) -> int:
    code = _FAULTS.format(name=name)
    return int(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library decides by itself")
def test_kept_blocks_are_used_again_and_returned_ones_are_not() -> None:
    assert _faults("keep_large_blocks") * 20 < _faults("return_large_blocks")
