"""What the kernel knows of a process: CPU time, wake-ups, memory, bytes."""

import os
import time
from pathlib import Path

_CPU_CLOCK = 2
"""CPUCLOCK_SCHED of the kernel's posix-timers: user and system time of all threads, ended ones too, in ns."""


def cpu_s(pid: int) -> float:
    """CPU time of a process, not of its children."""
    return time.clock_gettime((~pid << 3) | _CPU_CLOCK)


def ticks(pid: int) -> int:
    """The same in the scheduler's ticks (usually 10 ms), and with the time of children it has waited for."""
    numbers = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(int(number) for number in numbers[11:15])


def wake_ups(pid: int) -> int:
    """How often any of its threads was switched to, since it began."""
    count = 0
    for status in Path(f"/proc/{pid}/task").glob("*/status"):
        lines = status.read_text().splitlines()
        count += sum(int(line.split()[1]) for line in lines if "ctxt_switches" in line)
    return count


def pss_mb(pid: int) -> float:
    """Memory in use, shared pages shared out."""
    return _kb(Path(f"/proc/{pid}/smaps_rollup"), "Pss:") / 1000


def own_mb(pid: int) -> float:
    """Memory in use that no other process can have a part in: unlike the others, the same whoever else runs."""
    return _kb(Path(f"/proc/{pid}/status"), "RssAnon:") / 1000


def private_mb(pid: int) -> float:
    """Memory in use that no other process shares now: its own pages, and those of files that it alone maps."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    private = ("Private_Clean:", "Private_Dirty:")
    return sum(float(line.split()[1]) for line in lines if line.startswith(private)) * 1.024 / 1000


def peak_mb(pid: int) -> float:
    """The most memory it ever had in use at once."""
    return _kb(Path(f"/proc/{pid}/status"), "VmHWM:") / 1000


def forget_peak(pid: int) -> None:
    """Let ``peak_mb`` begin again."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def written_bytes(pid: int | None = None) -> int:
    """Bytes it has caused to be written to a disk. None is this process."""
    lines = Path(f"/proc/{pid or os.getpid()}/io").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("write_bytes:"))


def _kb(file: Path, name: str) -> float:
    return next(float(line.split()[1]) * 1.024 for line in file.read_text().splitlines() if line.startswith(name))
