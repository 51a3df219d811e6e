"""What wakes the daemon's one thread: messages, timers and signals. While none comes the process sleeps."""

from __future__ import annotations

import contextlib
import enum
import math
import os
import select
import signal
from collections import deque
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from types import FrameType

T = TypeVar("T")


class Message(enum.Enum):
    """What signals and the pointer source send to the daemon."""

    EVENTS = enum.auto()
    """The source has events, or has ended."""
    RELOAD = enum.auto()
    """Read the configuration and the desired state again."""
    PAUSE = enum.auto()
    RESUME = enum.auto()
    SNAPSHOT = enum.auto()
    END = enum.auto()


SIGNALS: Final = {
    signal.SIGUSR1: Message.PAUSE,
    signal.SIGUSR2: Message.RESUME,
    signal.SIGALRM: Message.SNAPSHOT,
    signal.SIGHUP: Message.RELOAD,
    signal.SIGTERM: Message.END,
    signal.SIGINT: Message.END,
}

_HELD: Final = (signal.SIGUSR1, signal.SIGUSR2)
"""Blocked in every thread, but for the moments in which the main thread waits for messages.

The kernel may give a signal to any thread that does not block it. On a busy machine that thread runs late, and a pause
from before would be taken together with the resume that came after it.
"""


class Messages(Generic[T]):
    """A queue from any thread and from signal handlers to one thread.

    Waiting is on a pipe into which the signal itself writes (signal.set_wakeup_fd). Waiting on a queue's lock would
    sleep over a signal that comes just before the lock is waited for.
    """

    held: Collection[signal.Signals] = ()
    """Signals that the reader takes only while it waits."""

    def __init__(self) -> None:
        self._posted: deque[T] = deque()
        self._read_fd, self.wake_fd = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._poll = select.poll()
        self._poll.register(self._read_fd, select.POLLIN)

    def post(self, message: T) -> None:
        """Add a message and wake the reader. For any thread or signal handler; never blocks."""
        self._posted.append(message)
        with contextlib.suppress(BlockingIOError):  # a full pipe wakes as well
            os.write(self.wake_fd, b".")

    def receive(self, timeout_s: float | None) -> list[T]:
        """Sleep until there is a message, at most ``timeout_s`` (None: as long as it takes); all there are."""
        signal.pthread_sigmask(signal.SIG_UNBLOCK, self.held)
        try:
            self._poll.poll(None if timeout_s is None else math.ceil(timeout_s * 1000))
        finally:
            signal.pthread_sigmask(signal.SIG_BLOCK, self.held)
        with contextlib.suppress(BlockingIOError):
            while os.read(self._read_fd, 4096):
                pass
        messages: list[T] = []
        with contextlib.suppress(IndexError):
            while True:
                messages.append(self._posted.popleft())
        return messages

    def close(self) -> None:
        """Close the pipe."""
        os.close(self._read_fd)
        os.close(self.wake_fd)


class Timers:
    """Deadlines by name, on the clock ``monotonic_s``."""

    def __init__(self, monotonic_s: Callable[[], float]) -> None:
        self._monotonic_s = monotonic_s
        self._due_s: dict[str, float] = {}

    def arm(self, name: str, delay_s: float) -> None:
        """Let ``name`` be due in ``delay_s`` seconds, or earlier if it already is."""
        self.arm_at(name, self._monotonic_s() + delay_s)

    def arm_at(self, name: str, due_s: float) -> None:
        """Let ``name`` be due when the clock is at ``due_s``, or earlier if it already is."""
        self._due_s[name] = min(due_s, self._due_s.get(name, due_s))

    def is_armed(self, name: str) -> bool:
        """Whether ``name`` is going to be due."""
        return name in self._due_s

    def disarm(self, name: str) -> None:
        """Let it not be due at all."""
        self._due_s.pop(name, None)

    def take_due(self) -> set[str]:
        """The names that are due, which are no longer armed."""
        now_s = self._monotonic_s()
        due = {name for name, due_s in self._due_s.items() if due_s <= now_s}
        for name in due:
            del self._due_s[name]
        return due

    def wait_s(self) -> float | None:
        """Seconds until the next is due; None when none is armed."""
        return max(min(self._due_s.values()) - self._monotonic_s(), 0.0) if self._due_s else None


@contextlib.contextmanager
def signals_posted(messages: Messages[Any], on_end: Callable[[], None]) -> Iterator[None]:
    """Post each signal of ``SIGNALS`` as its message; put handlers and mask back at the end. Main thread only.

    Pause and resume are taken while ``messages`` is waited for. Threads that are started meanwhile never take them.

    on_end: called by the handler itself when the daemon is asked to end.
    """

    def post(number: int, _frame: FrameType | None) -> None:
        message = SIGNALS[signal.Signals(number)]
        if message is Message.END:
            on_end()
        messages.post(message)

    woken_before = signal.set_wakeup_fd(messages.wake_fd, warn_on_full_buffer=False)
    before = {number: signal.signal(number, post) for number in SIGNALS}
    mask_before = signal.pthread_sigmask(signal.SIG_BLOCK, _HELD)
    messages.held = _HELD
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS.keys() - set(_HELD))
        yield
    finally:
        messages.held = ()
        signal.pthread_sigmask(signal.SIG_SETMASK, mask_before)
        for number, handler in before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(woken_before)
