"""``total.sum_machines`` on several processes or computers, by Dask: a tree of sums, with the same result.

A worker that is lost is no loss: its machines are read again by another. Only the extra ``mousetrackd[fleet]`` has it.
"""

from __future__ import annotations

import contextlib
import logging
import time
from typing import TYPE_CHECKING, Any, Final

from mousetrackd.core.errors import MousetrackError, UsageError
from mousetrackd.fleet import total

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from mousetrackd.fleet.total import Asked, Part

LOCAL: Final = "local"
_MACHINES_A_TASK: Final = 8
_PARTS_A_SUM: Final = 4
_CONNECT_S: Final = 10
_LOOK_S: Final = 0.05
_RETRIES: Final = 5


def sum_machines(
    machines: Sequence[Sequence[Path]],
    asked: Asked,
    scheduler: str,
    progress: Callable[[int], None] = lambda _: None,
) -> Part:
    """The sum of machines, each given by its files, which every worker can read by the same paths.

    scheduler: its address, like tcp://127.0.0.1:8786, or "local" for processes on this computer, which listen on its
    loopback alone. progress: called with how many more machines are done. Raises UsageError without Dask,
    MousetrackError where the scheduler cannot be reached or is lost, or where a task fails at every try.
    """
    with _connected(scheduler) as client:
        tasks = [machines[start : start + _MACHINES_A_TASK] for start in range(0, len(machines), _MACHINES_A_TASK)]
        pending = {
            client.submit(total.sum_machines, task, asked, pure=False, retries=_RETRIES): len(task) for task in tasks
        }
        ready: list[Any] = []
        while pending:
            for future in [future for future in pending if future.status != "pending"]:
                _require_finished(future, scheduler)
                progress(pending.pop(future))
                ready.append(future)
            # A sum of sums takes the place of its parts, which the workers then forget.
            while len(ready) >= _PARTS_A_SUM or (len(ready) > 1 and not pending):
                parts, ready = ready[:_PARTS_A_SUM], ready[_PARTS_A_SUM:]
                pending[client.submit(_joined, asked, *parts, pure=False, retries=_RETRIES)] = 0
            time.sleep(_LOOK_S if pending else 0)
        return _result(ready[0], scheduler) if ready else total.Part.empty(asked)


def _joined(asked: Asked, *parts: Part) -> Part:
    whole = total.Part.empty(asked)
    for part in parts:
        whole.add(part)
    return whole


@contextlib.contextmanager
def _connected(scheduler: str) -> Iterator[Any]:
    try:
        import distributed  # noqa: PLC0415 - an optional part
    except ImportError as error:
        raise UsageError(
            "--scheduler needs Dask, which is not installed", "Install it: pip install 'mousetrackd[fleet]'"
        ) from error
    for name in [*logging.root.manager.loggerDict]:
        if name.partition(".")[0] == "distributed":  # errors are reported here, in a sentence
            logging.getLogger(name).setLevel(logging.CRITICAL)
    with contextlib.ExitStack() as stack:
        address: Any = scheduler
        try:
            if scheduler == LOCAL:
                address = stack.enter_context(
                    distributed.LocalCluster(host="127.0.0.1", threads_per_worker=1, dashboard_address=None)
                )
            client = distributed.Client(address, timeout=_CONNECT_S)
        except (OSError, ValueError, TypeError) as error:
            raise MousetrackError(
                f"cannot reach a scheduler at {scheduler}", "Start one: dask scheduler --host 127.0.0.1"
            ) from error
        try:
            yield client
        finally:
            # One that is lost is waited for no longer.
            with contextlib.suppress(Exception):
                client.close(timeout=1)


def _require_finished(future: Any, scheduler: str) -> None:
    if future.status in ("lost", "cancelled"):
        raise _lost(scheduler)
    if future.status != "finished":
        error = future.exception()
        raise MousetrackError(
            f"a worker could not do its part: {type(error).__name__}: {str(error).splitlines()[0][:200]}",
            "Nothing was written. Each worker needs this mousetrackd, and the study at the same path.",
        ) from error


def _result(future: Any, scheduler: str) -> Part:
    try:
        part: Part = future.result(timeout=60)
    except Exception as error:
        raise _lost(scheduler) from error
    return part


def _lost(scheduler: str) -> MousetrackError:
    return MousetrackError(
        f"the scheduler at {scheduler} was lost", "Nothing was written. Start it again, and then this command."
    )
