"""A Debian that is booted in a container, and its one user, alice."""

import contextlib
import json
import os
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from support.waiting import wait_until

BOOT_TIMEOUT_S = 60.0
COMMAND_TIMEOUT_S = 180.0
SESSION_TIMEOUT_S = 40.0
"""For what follows a login or a logout; systemd waits 10 s after a logout before it ends what belongs to the user."""

HALT = signal.SIGRTMIN + 4
"""What systemd takes for "power off" when the first process gets it (systemd(1), "Signals")."""

UNIT = "mousetrackd.service"
UNIT_TELLS = "ActiveState,Result,MainPID,NRestarts,StatusText,WatchdogUSec"
HOME = "home/alice"
RUNTIME = "run/user/1000"
Pixel = tuple[int, int]
ALICE = {
    "HOME": f"/{HOME}",
    "USER": "alice",
    "LANG": "C.UTF-8",
    "PATH": f"/{HOME}/venv/bin:/usr/local/bin:/usr/bin:/bin",
    "XDG_RUNTIME_DIR": f"/{RUNTIME}",
    "DBUS_SESSION_BUS_ADDRESS": f"unix:path=/{RUNTIME}/bus",
    "DISPLAY": ":7",
    "XAUTHORITY": "/tmp/xauth_alice",  # noqa: S108 - where the session puts it, in the guest's own /tmp
}


class Guest:
    """The Debian in the folder ``root``. Commands raise AssertionError with what they said when they fail."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._init = 0

    # Power ----------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def booted(self) -> Iterator[None]:
        """From the end of its boot to its power off, which asks for what happens at a shutdown."""
        log = self._root.parent / "console.log"
        command = ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--private-network", "--machine=login"]
        with log.open("ab") as file:
            container = subprocess.Popen(
                [*command, "--directory", self._root, "--console=pipe", "--boot"],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
            )
        children = Path(f"/proc/{container.pid}/task/{container.pid}/children")

        def is_up() -> bool:
            assert container.poll() is None, f"it did not boot:\n{log.read_text('utf-8', 'replace')[-3000:]}"
            self._init = int((children.read_text().split() or ["0"])[0])
            return self._init > 0 and self._try(["systemctl", "is-system-running"])[1] in ("running\n", "degraded\n")

        wait_until(is_up, "it has booted", timeout_s=BOOT_TIMEOUT_S)
        try:
            yield
        finally:
            os.kill(self._init, HALT)
            container.wait(BOOT_TIMEOUT_S)

    # Commands -------------------------------------------------------------------------------------------

    def root(self, *command: str) -> str:
        """What a command of the guest's root says on stdout."""
        return self._must(list(command))

    def alice(self, *command: str) -> str:
        """What a command of alice's says on stdout. It is not part of her session."""
        return self._must(_as_alice(command))

    def fails(self, *command: str) -> str:
        """What a command of the guest's root says, which is to fail."""
        code, said = self._try(list(command))
        assert code != 0, f"{' '.join(command)} did not fail: {said}"
        return said

    def systemctl(self, *words: str) -> str:
        """Ask alice's systemd."""
        return self.alice("systemctl", "--user", *words)

    def pointer(self, *deeds: str) -> None:
        """Have the pointer of her display do something, like ``move((3, 4))``; see ``support.xserver.Pointer``."""
        body = "".join(f"    pointer.{deed}\n" for deed in deeds)
        code = f"from support.xserver import *\nwith Pointer() as pointer:\n{body}    pointer.position()\n"
        self.alice("env", "PYTHONPATH=/checkout", "python", "-c", code)

    def _must(self, command: list[str]) -> str:
        code, said = self._try(command)
        assert code == 0, f"{' '.join(command)} ended with {code}: {said}"
        return said

    def _try(self, command: list[str]) -> tuple[int, str]:
        enter = ["nsenter", "--mount", "--uts", "--ipc", "--net", "--pid", "--root", "--wd", "--target"]
        done = subprocess.run(
            [*enter, str(self._init), "--", *command],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=COMMAND_TIMEOUT_S,
            check=False,
        )
        return done.returncode, done.stdout + (done.stderr if done.returncode else "")

    # What can be seen -----------------------------------------------------------------------------------

    def path(self, inside: str) -> Path:
        """A file of the running guest, also one that lies in its memory only."""
        return Path(f"/proc/{self._init}/root") / inside

    def status(self) -> dict[str, Any]:
        """What the daemon last wrote about itself; empty where there is nothing."""
        try:
            said = json.loads(self.path(f"{RUNTIME}/mousetrackd/status.json").read_bytes())
        except OSError:
            return {}
        assert isinstance(said, dict)
        return said

    def unit(self) -> dict[str, str]:
        """The properties of the unit, as alice's systemd sees it; empty where there is no such systemd."""
        code, said = self._try(_as_alice(["systemctl", "--user", "show", f"--property={UNIT_TELLS}", UNIT]))
        return dict(line.split("=", 1) for line in said.splitlines()) if code == 0 else {}

    def is_active(self, unit: str, *, user: bool = True) -> bool:
        """Does systemd say that ``unit`` is active?"""
        command = ["systemctl", *(["--user"] if user else []), "is-active", "--quiet", unit]
        return self._try(_as_alice(command) if user else command)[0] == 0

    def processes(self, *words: str) -> list[int]:
        """alice's processes that pgrep finds by ``words``; all without."""
        return [int(line) for line in self._try(["pgrep", "--uid", "alice", *words])[1].split()]

    def blocks(self, pid: int, number: signal.Signals) -> bool:
        """Does a signal wait, that is sent to this process now?"""
        try:
            lines = self.path(f"proc/{pid}/status").read_text("ascii", "replace").splitlines()
        except OSError:
            return False
        return any(int(line.split()[1], 16) >> (number - 1) & 1 for line in lines if line.startswith("SigBlk:"))

    def daemons(self) -> list[int]:
        """The processes that are ``mousetrackd run``."""
        return self.processes("--full", "bin/mousetrackd run")

    def presses(self) -> Counter[Pixel]:
        """The left presses in the store, by pixel."""
        self.alice("mousetrackd", "export", "--layer", "clicks.left", "/tmp/presses.json")  # noqa: S108 - the guest's
        counts = json.loads(self.path("tmp/presses.json").read_bytes())["counts"]
        return Counter({(int(x), int(y)): count for key, count in counts.items() for x, y in [key.split(",")]})

    def journal(self, lines: int) -> str:
        """The newest lines of all logs, for whoever wonders why."""
        return self._try(["journalctl", "--no-pager", "--quiet", "--output=short-precise", f"--lines={lines}"])[1]


def _as_alice(command: tuple[str, ...] | list[str]) -> list[str]:
    # Not su or runuser: they would be a login of their own.
    variables = [f"{name}={value}" for name, value in ALICE.items()]
    return [
        "setpriv",
        "--reuid=alice",
        "--regid=alice",
        "--init-groups",
        "env",
        "-i",
        "-C",
        f"/{HOME}",
        *variables,
        *command,
    ]
