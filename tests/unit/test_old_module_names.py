"""Names of modules that a daemon of version 0.1.0 may still import or start after an upgrade."""

import subprocess
import sys

import pytest


def test_a_daemon_of_0_1_0_that_is_resumed_is_replaced_by_this_version() -> None:
    # Where the old modules were, mousetrackd.daemon is no package.
    code = """
import os, sys, types
if "AGAIN" in os.environ:
    print(os.getpid())
    sys.exit()
print(os.getpid(), flush=True)
os.environ["AGAIN"] = "1"
sys.modules["mousetrackd.daemon"] = types.ModuleType("mousetrackd.daemon")
import mousetrackd.sources.session
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    first, again = done.stdout.split()
    assert first == again


def test_nobody_else_is() -> None:
    with pytest.raises(ImportError, match=r"only for a daemon of version 0\.1\.0"):
        __import__("mousetrackd.sources.session")
