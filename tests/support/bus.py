"""A private session bus: a real dbus-daemon of the test's own."""

import contextlib
import os
import shutil
import signal
import subprocess
from pathlib import Path

_CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path={socket}</listen>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
  <limit name="max_replies_per_connection">50000</limit>
</busconfig>
"""
"""What session buses allow everywhere: any program of the user may send to any, and look on. It starts nothing."""

_STOP_TIMEOUT_S = 10.0


class PrivateBus:
    """``address`` is for DBUS_SESSION_BUS_ADDRESS; it stays the same over ``kill`` and ``start``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.address = f"unix:path={folder / 'session-bus'}"

    def start(self) -> None:
        """Return when the bus takes connections."""
        if shutil.which("dbus-daemon") is None:
            raise AssertionError(
                "this test needs dbus-daemon, which is not installed: run scripts/test, it brings it in"
            )
        config = self._folder / "session-bus.conf"
        config.write_text(_CONFIG.format(socket=self._folder / "session-bus"))
        reads, writes = os.pipe()
        with os.fdopen(reads, "rb") as ready, os.fdopen(writes, "wb") as tell:
            self._process = subprocess.Popen(
                ["dbus-daemon", f"--config-file={config}", "--nofork", "--nopidfile", f"--print-pid={writes}"],
                stdin=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,  # it says only that it may not have 65536 files open
                pass_fds=(writes,),
            )
            tell.close()
            assert ready.readline(), "dbus-daemon did not start"

    def freeze(self) -> None:
        """Let it answer nobody until it is ended."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def stop(self) -> None:
        """End it, whatever state it is in. Idempotent."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait(_STOP_TIMEOUT_S)
        with contextlib.suppress(FileNotFoundError):
            (self._folder / "session-bus").unlink()
