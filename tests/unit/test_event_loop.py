"""What wakes the daemon: messages from any thread, signals, and timers by a clock."""

import os
import signal
import threading

import pytest

from mousetrackd.daemon.event_loop import SIGNALS, Message, Messages, Timers, signals_posted

# The other way of pytest-timeout is SIGALRM, which is one of the daemon's.
pytestmark = pytest.mark.timeout(60, method="thread")


def test_messages_of_another_thread_wake_and_keep_their_order() -> None:
    messages: Messages[int] = Messages()

    def post_three() -> None:
        for number in range(3):
            messages.post(number)

    thread = threading.Thread(target=post_three)
    thread.start()
    received: list[int] = []
    while len(received) < 3:
        received += messages.receive(None)
    thread.join()
    assert received == [0, 1, 2]
    assert messages.receive(0) == []
    messages.close()


def test_more_messages_than_the_pipe_holds_block_nobody_and_are_all_received() -> None:
    messages: Messages[int] = Messages()
    for number in range(66_000):  # a pipe holds 65,536 bytes
        messages.post(number)
    assert messages.receive(None) == [*range(66_000)]
    assert messages.receive(0) == []
    messages.close()


def test_each_signal_is_posted_as_its_message_and_the_handlers_are_put_back() -> None:
    messages: Messages[Message] = Messages()
    before = [signal.getsignal(number) for number in SIGNALS]
    mask_before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    ends: list[int] = []
    with signals_posted(messages, lambda: ends.append(1)):
        received: list[Message] = []
        for number, message in SIGNALS.items():
            os.kill(os.getpid(), number)
            while message not in received:
                received += messages.receive(None)
            received.remove(message)
        assert received == []
        assert len(ends) == 2, "SIGTERM and SIGINT"
    assert [signal.getsignal(number) for number in SIGNALS] == before
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == mask_before
    messages.close()


def test_a_pause_that_comes_while_nobody_waits_is_taken_by_the_next_wait() -> None:
    messages: Messages[Message] = Messages()
    with signals_posted(messages, lambda: None):
        signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)  # a library may have threads that take the process's
        assert signal.SIGUSR1 in signal.sigpending()
        assert messages.receive(None) == [Message.PAUSE]
        assert signal.SIGUSR1 not in signal.sigpending()
    messages.close()


def test_a_timer_is_due_once_and_at_the_earliest_of_its_times() -> None:
    now_s = [100.0]
    timers = Timers(lambda: now_s[0])
    assert timers.wait_s() is None
    timers.arm("drain", 5)
    timers.arm("drain", 2)
    timers.arm("drain", 9)
    timers.arm_at("checkpoint", 104)
    timers.arm("watchdog", 1)
    timers.disarm("watchdog")
    timers.disarm("never armed")
    assert timers.wait_s() == 2
    assert timers.take_due() == set()
    now_s[0] = 102
    assert timers.wait_s() == 0
    assert timers.take_due() == {"drain"}
    assert timers.take_due() == set()
    assert timers.wait_s() == 2
    now_s[0] = 200
    assert timers.wait_s() == 0
    assert timers.take_due() == {"checkpoint"}
    assert timers.wait_s() is None
