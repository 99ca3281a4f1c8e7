"""Failed logins are few a minute."""

from pilothouse.clock import ManualClock
from pilothouse.identity import throttle
from pilothouse.identity.throttle import Throttle


def test_too_many_failures_wait_for_the_oldest_to_pass() -> None:
    clock = ManualClock()
    gate = Throttle(clock, failures=3, window=60)
    for _ in range(3):
        assert gate.wait("10.0.0.1") == 0
        gate.failed("10.0.0.1")
        clock.advance(10)
    assert gate.wait("10.0.0.1") == 30
    assert gate.wait("10.0.0.2") == 0
    clock.advance(30)
    assert gate.wait("10.0.0.1") == 0


def test_failures_while_waiting_do_not_grow_the_memory() -> None:
    clock = ManualClock()
    gate = Throttle(clock, failures=2, window=60)
    for _ in range(100):
        gate.failed("a")
    assert len(gate._seen["a"]) == 2
    for number in range(throttle._ADDRESSES + 10):
        gate.failed(str(number))
    assert len(gate._seen) == throttle._ADDRESSES
