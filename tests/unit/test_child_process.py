"""Real children: whose code they run, how much they may take, and what is said of how they end."""

import os
import queue
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from support.waiting import wait_until

from mousetrackd.daemon.child_process import Child, Ended, Job, command, environment, module_path
from mousetrackd.daemon.event_loop import SIGNALS, Message

pytest_plugins = ("support.jobs",)

ENDS_WITHIN_S = 30.0


def end_of(job: Job, *, meanwhile: Callable[[Child], None] = lambda _: None) -> Ended:
    """How it ends; nothing is left of it afterwards."""
    told: queue.SimpleQueue[tuple[Child, Ended]] = queue.SimpleQueue()
    child = Child(job, lambda child, ended: told.put((child, ended)))
    meanwhile(child)
    whose, ended = told.get(timeout=ENDS_WITHIN_S)
    assert whose is child
    assert not child.is_alive(wait_s=ENDS_WITHIN_S)
    assert told.empty()
    return ended


# Whose code it runs -------------------------------------------------------------------------------------

TELL = """
import json, sys, cv2, numpy, random
print(json.dumps([sys.modules["mousetrackd"].__file__, __file__, cv2.__file__, json.__file__, random.__file__]))
"""


def test_it_imports_the_very_package_that_it_is_given(make_job: Callable[..., Job]) -> None:
    job = make_job(TELL)
    ended = end_of(job)
    assert ended.problem == ""
    assert job.package in ended.output
    assert str(Path(job.package).with_name("job.py")) in ended.output


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    """A folder in which someone else has put modules that leave a trace where they are imported."""
    shared = tmp_path / "shared"
    (shared / "mousetrackd").mkdir(parents=True)
    trace = f"open({str(tmp_path / 'trace')!r}, 'a').write(__file__ + chr(10))\n"
    for name in ("json", "random", "cv2", "numpy", "sitecustomize", "mousetrackd/__init__", "mousetrackd/snapshots"):
        (shared / f"{name}.py").write_text(trace)
    return shared


def test_what_lies_in_the_current_directory_is_not_run(shared: Path, make_job: Callable[..., Job]) -> None:
    job = make_job(TELL)
    polluted = environment({**os.environ, "PYTHONPATH": str(shared)})
    done = subprocess.run(command(job), cwd=shared, env=polluted, capture_output=True, check=True, timeout=60)
    assert job.package.encode() in done.stderr
    assert str(shared).encode() not in done.stderr
    assert not (shared.parent / "trace").exists()


def test_the_parents_module_path_keeps_its_order_and_loses_what_could_shadow_it() -> None:
    usual = ["/lib/python", "/lib/python/lib-dynload", "/home/u/.local/site", "/lib/python/site"]
    away = Path("/opt/app")

    def seen(
        first: list[str], variables: dict[str, str] | None = None, *, home: Path = away, safe: bool = False
    ) -> list[str]:
        return module_path([*first, *usual], variables or {}, home, safe=safe)

    assert seen(["/shared"]) == usual, "the current directory, of python -m"
    assert seen([""]) == usual, "the current directory, of python -c"
    assert seen(["/usr/bin"]) == usual, "a script's folder"
    assert seen([], safe=True) == usual, "python -P"
    assert seen(["/opt/app"]) == ["/opt/app", *usual], "python -m in a checkout: our own folder stays"
    polluted = {"PYTHONPATH": "/evil:/opt/lib"}
    assert seen(["/usr/bin", "/evil", "/opt/lib"], polluted) == [*usual, "/evil", "/opt/lib"]
    assert seen(["/usr/bin", "/evil", "/opt/lib"], polluted, home=Path("/opt/lib")) == ["/opt/lib", *usual, "/evil"]


def test_variables_that_bring_code_are_left_out_and_relative_folders_made_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    given = {
        "PYTHONPATH": "/evil",
        "PYTHONSTARTUP": "x.py",
        "PYTHONHOME": "/opt/python",
        "XDG_DATA_HOME": "data",
        "A": "b",
    }
    assert environment(given) == {
        "PYTHONHOME": "/opt/python",
        "XDG_DATA_HOME": str(tmp_path / "data"),
        "A": "b",
        "OPENBLAS_NUM_THREADS": "1",
    }


# What is said of its end --------------------------------------------------------------------------------


def test_it_is_sent_a_long_message_and_replies_nothing_when_all_is_done(make_job: Callable[..., Job]) -> None:
    job = make_job("import sys\nassert len(sys.stdin.buffer.read()) == 1_000_000", message=b"x" * 1_000_000)
    assert end_of(job) == Ended("")


def test_an_error_that_a_user_can_act_on_is_the_problem(make_job: Callable[..., Job]) -> None:
    job = make_job(
        """
        from mousetrackd.core.errors import MousetrackError
        raise MousetrackError("the disk \\x1b[31mis full", "Free some space.")
        """
    )
    assert end_of(job) == Ended("the disk \\x1b[31mis full\nFree some space.")


def test_signals_that_the_daemon_acts_on_do_not_end_it(make_job: Callable[..., Job]) -> None:
    # "systemctl --user kill -s ALRM mousetrackd" sends them to all processes of the unit.
    numbers = [int(number) for number, message in SIGNALS.items() if message is not Message.END]
    assert len(numbers) == 4
    assert end_of(make_job(f"import os\nfor number in {numbers}: os.kill(os.getpid(), number)")) == Ended("")


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("raise ValueError('secret')", "the worker failed (exit code 1)"),
        ("import missing", "the worker failed (exit code 1)"),
        ("import os\nos._exit(0)", "the worker failed (exit code 0)"),
        (
            "import os, sys\nprint('{\"done\": true}')\nsys.stdout.flush()\nos._exit(0)",
            "the worker failed (exit code 0)",
        ),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)", "the worker was ended by SIGSEGV"),
    ],
    ids=["exception", "import", "no reply", "a printed reply", "crash"],
)
def test_what_it_printed_is_never_the_problem(make_job: Callable[..., Job], body: str, problem: str) -> None:
    ended = end_of(make_job(body))
    assert ended.problem.startswith(problem)
    assert len(ended.problem.splitlines()) == 2, "and what to do"
    assert "Traceback" not in ended.problem
    assert "secret" not in ended.problem


def test_what_it_printed_is_printable_and_bounded(make_job: Callable[..., Job]) -> None:
    ended = end_of(make_job("print('x' * 10_000_000)\nprint('\\x1b[31mthe end')\nraise ValueError"))
    assert "\\x1b[31mthe end" in ended.output
    assert ended.output.endswith("ValueError")
    assert len(ended.output) < 5000


def test_what_it_needs_to_load_is_missing(make_job: Callable[..., Job]) -> None:
    job = make_job("pass")
    Path(job.package).with_name("job.py").write_text("import not_installed")
    assert "No module named 'not_installed'\nIf it was just upgraded, restart" in end_of(job).problem


def test_more_memory_than_it_may_have_is_reported_with_what_to_do(make_job: Callable[..., Job]) -> None:
    job = make_job("bytearray(200 << 20)", memory_bytes=100 << 20, memory_hint="Draw less.")
    assert end_of(job).problem == "more than 100 MB of memory would be needed\nDraw less."


def test_one_that_is_killed_is_killed_with_all_that_it_started(make_job: Callable[..., Job], tmp_path: Path) -> None:
    started = tmp_path / "started"
    body = f"""
    import subprocess
    process = subprocess.Popen(["sleep", "1000"])
    open({str(started)!r}, "w").write(f"{{process.pid}}.")
    process.wait()
    """

    def kill(child: Child) -> None:
        wait_until(lambda: started.exists() and started.read_text().endswith("."), "it runs", timeout_s=ENDS_WITHIN_S)
        child.kill()

    assert end_of(make_job(body), meanwhile=kill).problem.startswith("the worker was ended by SIGKILL\n")
    stat = Path(f"/proc/{started.read_text()[:-1]}/stat")
    wait_until(lambda: not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z", "it is dead")


def test_one_that_hangs_is_killed(make_job: Callable[..., Job]) -> None:
    job = make_job("import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)", timeout_s=1.0)
    assert end_of(job).problem.startswith("the worker took longer than 1 s")


def test_a_grandchild_that_keeps_the_pipes_open_is_not_waited_for(make_job: Callable[..., Job]) -> None:
    job = make_job("import subprocess\nprint(subprocess.Popen(['sleep', '1000']).pid)")
    ended = end_of(job)
    assert ended.problem == ""
    os.kill(int(ended.output), signal.SIGKILL)


def test_one_that_was_abandoned_says_nothing(make_job: Callable[..., Job]) -> None:
    told: list[Ended] = []
    child = Child(make_job("import time\ntime.sleep(1000)"), lambda _, ended: told.append(ended))
    child.abandon()
    assert not child.is_alive(wait_s=ENDS_WITHIN_S)
    assert told == []


def test_it_is_not_started_where_its_files_do_not_answer(make_job: Callable[..., Job], tmp_path: Path) -> None:
    trace = tmp_path / "trace"

    def never() -> Callable[[], str]:
        raise TimeoutError

    ended = end_of(make_job(f"open({str(trace)!r}, 'w')", look=never))
    assert ended.problem.startswith("the worker was not started: the disk or network mount of its files does not")
    assert not trace.exists()


def test_done_is_believed_only_when_it_is_seen(make_job: Callable[..., Job]) -> None:
    looked: list[str] = []

    def look() -> Callable[[], str]:
        looked.append("before")
        return lambda: "there is no picture"

    assert end_of(make_job("pass", look=look)).problem == "there is no picture"
    assert looked == ["before"]


def test_an_interpreter_that_is_gone_is_reported(make_job: Callable[..., Job], tmp_path: Path) -> None:
    gone = tmp_path / "python"
    ended = end_of(make_job("pass", python=str(gone)))
    assert ended.problem.startswith("the worker cannot be started: No such file or directory")
