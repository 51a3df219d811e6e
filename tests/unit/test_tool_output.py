"""Programs of the system that hang or print without an end cost a limited time, and as many bytes."""

import sys
from pathlib import Path

import pytest
from support.waiting import wait_until

from mousetrackd.core.wording import reason
from mousetrackd.system.tool_output import run_tool


def python(text: str) -> list[str]:
    return [sys.executable, "-S", "-c", text]


def test_what_it_prints_and_how_it_ends_is_reported() -> None:
    done = run_tool(python("import sys; print('out'); sys.stderr.buffer.write(b'\\xff'); sys.exit(3)"), timeout_s=20)
    assert done == (3, "out\n", "\ufffd")


def test_its_environment_is_the_one_it_is_given() -> None:
    done = run_tool(python("import os; print(os.environ['A'])"), timeout_s=20, environment={"A": "b"})
    assert done.stdout == "b\n"


def test_one_that_prints_without_an_end_is_ended() -> None:
    with pytest.raises(ValueError, match="more than 1000 bytes"):
        run_tool(python("while True: print('x' * 1000)"), timeout_s=20, max_bytes=1000)


def test_one_that_hangs_is_ended_with_what_it_has_started(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    text = f"""
import os, time
os.fork()
with open({str(pids)!r}, "a") as file: file.write(f"{{os.getpid()}}\\n")
while open({str(pids)!r}).read().count("\\n") < 2: time.sleep(0.01)
print("both have begun", flush=True)
time.sleep(600)
"""
    with pytest.raises(ValueError, match="more than 10 bytes"):
        run_tool(python(text), timeout_s=60, max_bytes=10)
    started = [int(line) for line in pids.read_text().split()]
    assert len(started) == 2
    wait_until(lambda: not any(runs(pid) for pid in started), "both had ended")


def runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_one_that_dribbles_has_one_limit_for_all_of_it() -> None:
    text = "import time\nwhile True: print('x', flush=True); time.sleep(0.01)"
    with pytest.raises(TimeoutError) as raised:
        run_tool(python(text), timeout_s=0.5)
    assert reason(raised.value)


def test_one_that_leaves_a_child_with_its_output_is_not_waited_for_longer() -> None:
    text = "import os, time\nif os.fork() == 0: time.sleep(600)"
    with pytest.raises(TimeoutError):
        run_tool(python(text), timeout_s=0.5)


def test_one_that_is_not_there_is_an_os_error(tmp_path: Path) -> None:
    before = len([*Path("/proc/self/fd").iterdir()])
    with pytest.raises(OSError, match="none"):
        run_tool([str(tmp_path / "none")], timeout_s=1)
    assert len([*Path("/proc/self/fd").iterdir()]) == before
