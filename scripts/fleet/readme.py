"""README's blocks about studies, each run as written in the home of a made-up user; only the port is a free one."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path

from fleet import simulated
from fleet.machines import COHORTS
from fleet.report import report
from mousetrackd.fleet.study import Study
from mousetrackd.storage.store import Store

_README = Path(__file__).parents[2] / "README.md"
_BLOCK = re.compile(r"```(console|ini|sql)\n(.*?)```", re.DOTALL)
_MACHINES = 24
_DAYS = 3
_PROGRAM = "org.blender.blender"
_START_S = 60.0


def check_blocks(folder: Path) -> None:
    """Run them all, in the order in which README has them."""
    home = _home(folder / "home")
    of_studies = _README.read_text().partition("has a *study*")[2].partition("</details>")[0]
    blocks = [(kind, text) for kind, text in _BLOCK.findall(of_studies)]
    report("README has the blocks that are run here", [kind for kind, _ in blocks] == [*_RUN], str([*_RUN]))
    if len(blocks) == len(_RUN):
        _members(home, blocks[0][1])
        _timer(home, blocks[1][1])
        _sums(home, blocks[2][1])
        _cluster(home, blocks[3][1])
        _sql(home, blocks[4][1])


_RUN = ("console", "ini", "console", "console", "sql")


def _home(home: Path) -> Path:
    """A user who has counted until yesterday, with programs where README has them, and a folder for the study."""
    today = datetime.now().astimezone().replace(hour=0, minute=0, second=0, microsecond=0)
    (home / "Study").mkdir(parents=True)
    programs = home / ".local" / "bin"
    programs.mkdir(parents=True)
    for name in ("mousetrackd", "dask"):
        (programs / name).symlink_to(Path(sys.executable).with_name(name))
    if shutil.which("less") is None:
        (programs / "less").symlink_to(shutil.which("cat") or "/bin/cat")
    for number in range(_MACHINES):
        file = home.parent / f"member{number}" / "heat.sqlite3"
        first = today - timedelta(days=_DAYS)
        simulated.make_machine(file, number, _DAYS, 0.1, names=[_PROGRAM], first_day=first)
    shutil.copytree(home.parent / "member0", home / ".local" / "share" / "mousetrackd")
    return home


def _shell(home: Path, text: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("XDG_")}
    environment = {**kept, "HOME": str(home), "PATH": f"{home}/.local/bin:{os.environ['PATH']}"}
    command = ["bash", "-euo", "pipefail", "-c", text]
    return subprocess.run(command, env=environment, cwd=home, capture_output=True, text=True, check=False)


def _members(home: Path, block: str) -> None:
    """The secret, what would leave, an export and all of it back; then everybody exports."""
    (home / "study-secret").touch(0o600)
    done = _shell(home, block)
    rows = [line for line in done.stdout.splitlines() if line.count(",") == 7]
    left = [path for path in (home / "Study").rglob("*") if path.is_file()]
    report("README: a member exports and withdraws", done.returncode == 0 and len(rows) > 100 and not left, done.stderr)
    for number in range(_MACHINES):
        study = Study(home / "Study", home / "study-secret", COHORTS[number % 2], [_PROGRAM])
        with Store.open_read_only(home.parent / f"member{number}" / "heat.sqlite3") as store:
            plan = study.plan(store)
            for month in study.months(store, plan):
                study.put(month)


def _timer(home: Path, block: str) -> None:
    """Both units are such to systemd, and the service's command works."""
    units = dict(re.findall(r"# (mousetrackd-study\.\w+)[^\n]*\n(.*?)(?=# mousetrackd|\Z)", block, re.DOTALL))
    folder = home / ".config" / "systemd" / "user"
    folder.mkdir(parents=True)
    for name, text in units.items():
        (folder / name).write_text(text.replace("%h", str(home)))
    (home / "run").mkdir(0o700)
    problems = "" if sorted(units) == ["mousetrackd-study.service", "mousetrackd-study.timer"] else str([*units])
    if shutil.which("systemd-analyze"):
        files = " ".join(str(folder / name) for name in units)
        done = _shell(home, f"XDG_RUNTIME_DIR={home}/run systemd-analyze verify --user {files}")
        problems += done.stderr.strip() if done.returncode else ""
    command = re.search("ExecStart=(.*)", units.get("mousetrackd-study.service", ""))
    done = _shell(home, command[1].replace("%h", str(home)) if command else "false")
    report("README: the timer's units and its command", not problems and done.returncode == 0, problems + done.stderr)


def _sums(home: Path, block: str) -> None:
    for line in block.strip().splitlines():
        done = _shell(home, line)
        out = re.search(r"\S+\.(png|npz)", line)
        is_made = done.returncode == 0 and out is not None and (home / out[0]).stat().st_size > 1000
        report(f"README: {line}", is_made and not done.stderr, (done.stdout + done.stderr).strip().replace("\n", "; "))


def _cluster(home: Path, block: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    block = block.replace("127.0.0.1 &", f"127.0.0.1 --port {port} --no-dashboard &").replace("8786", str(port))
    lines = block.strip().splitlines()
    environment = {**os.environ, "HOME": str(home), "PATH": f"{home}/.local/bin:{os.environ['PATH']}"}
    started = [
        subprocess.Popen(
            ["bash", "-c", line.rstrip(" &")],
            env=environment,
            cwd=home,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        for line in lines[:-1]
    ]
    try:
        deadline_s = time.monotonic() + _START_S
        while socket.socket().connect_ex(("127.0.0.1", port)) and time.monotonic() < deadline_s:
            time.sleep(0.1)
        (home / "map.png").unlink(missing_ok=True)
        done = _shell(home, lines[-1])
    finally:
        for process in reversed(started):
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    is_made = done.returncode == 0 and (home / "map.png").exists() and len(started) == 2
    report("README: a scheduler, workers and a sum by them", is_made, (done.stdout + done.stderr).strip())


def _sql(home: Path, block: str) -> None:
    import duckdb  # noqa: PLC0415 - where it is not installed, all else is checked

    at = Path.cwd()
    os.chdir(home)
    try:
        rows = duckdb.sql(block).fetchall()
    finally:
        os.chdir(at)
    hours = sum(row[2] for row in rows)
    is_right = len(rows) == _DAYS and all(row[1] == _MACHINES for row in rows) and hours > 0
    report("README: DuckDB over the same files", is_right, f"{len(rows)} days, {hours:.1f} hours")
