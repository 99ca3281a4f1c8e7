"""When which pass is due. Times are seconds of a clock that never goes back; nothing here waits or starts. Pure."""

from collections.abc import Callable, Iterable
from typing import Final, Literal

import msgspec

from pilothouse.node.daemon.plan import Kind, Plan

Why = Literal["start", "timer", "signal", "hand"]
BUSY: Final = 10  # exit code: somebody else is making this pass
_SETTLE: Final = 0.2  # signals come in flurries
_BUSY_PAUSE: Final = 10.0
_ECHO: Final = 5.0  # how long what a pass has said may take to come back
_PAUSE: Final = 1.0  # between the end of a pass and its next begin by the timer
_SLOWER: Final = 15  # times, while the master is heard
_MOST_STREAK: Final = 6
_MOST_DOUBLINGS: Final = 4
_LONGEST: Final = 3600.0  # that failures put off a pass which is made more often


class Turn(msgspec.Struct):
    """One kind of pass: ``first`` is when its first one is due, ``base`` when its last one began.

    ``factor`` is what chance makes of the interval.
    ``streak`` counts passes that only signals asked for: a node's own reports come back as signals, and must not
    keep it busy.
    """

    kind: Kind
    interval: float
    first: float
    base: float = float("-inf")
    factor: float = 1.0
    began: bool = False
    running: bool = False
    ended: float = float("-inf")
    busy: bool = False
    signalled: float | None = None
    by_hand: bool = False
    streak: int = 0
    failures: int = 0


class Schedule:
    """All turns of one node; ``chance`` gives numbers from 0 to 1."""

    def __init__(self, plan: Plan, now: float, chance: Callable[[], float]) -> None:
        self._chance = chance
        self._plan = plan
        self.turns: dict[str, Turn] = {}
        self.heard = False
        self.replan(plan, now)

    def replan(self, plan: Plan, now: float) -> None:
        """Go on with other intervals; what runs goes on."""
        self._plan = plan
        before, self.turns = self.turns, {}
        for kind in plan.kinds():
            interval = float(plan.intervals[kind.name])
            if turn := before.get(kind.name):
                turn.interval = interval
            else:
                turn = Turn(kind, interval, now + (0.0 if kind.early else interval * self._chance()))
            self.turns[kind.name] = turn
        # a kind that is not wanted any more is forgotten when it has ended
        self.turns |= {name: turn for name, turn in before.items() if turn.running and name not in self.turns}

    def signal(self, names: Iterable[str], now: float, *, echo: bool = False) -> bool:
        """Hear from the master that these have something to do; returns whether that is news.

        ``echo``: it may be what a pass has just said itself, which must not make it begin again.
        """
        news = False
        for name in names:
            turn = self.turns.get(name)
            if turn is None or turn.signalled is not None:
                continue
            if echo and (turn.running or now < turn.ended + _ECHO):
                continue
            turn.signalled, news = now, True
        return news

    def wake(self, names: Iterable[str]) -> None:
        """Let these begin as soon as they can."""
        for name in names:
            if turn := self.turns.get(name):
                turn.by_hand = True

    def due(self, now: float) -> list[tuple[Kind, Why]]:
        """Return what is to begin now, and why; one of a group."""
        taken = {turn.kind.group for turn in self.turns.values() if turn.running}
        found: list[tuple[Kind, Why]] = []
        for turn in sorted(self.turns.values(), key=self.at):
            if turn.kind.group not in taken and self.at(turn) <= now and self._wanted(turn):
                taken.add(turn.kind.group)
                found.append((turn.kind, self._why(turn, now)))
        return found

    def pause(self, now: float) -> float | None:
        """Return how long nothing is due, None when only the end of a pass, or a signal, changes that."""
        taken = {turn.kind.group for turn in self.turns.values() if turn.running}
        waiting = [self.at(turn) for turn in self.turns.values() if turn.kind.group not in taken and self._wanted(turn)]
        return max(0.0, min(waiting) - now) if waiting else None

    def at(self, turn: Turn) -> float:
        """Return when a turn is due, were nothing of its group under way."""
        if turn.by_hand:
            return turn.ended
        if turn.busy:
            return turn.ended + _BUSY_PAUSE
        timer = self._timer(turn)
        if turn.signalled is None:
            return timer
        gap = min(turn.interval, 2.0**turn.streak) if turn.streak else 0.0
        return min(timer, max(turn.signalled + _SETTLE, turn.base + gap, turn.ended))

    def began(self, name: str, why: Why, now: float) -> None:
        """Note that a pass begins."""
        turn = self.turns[name]
        signalled = why == "signal" or turn.signalled is not None
        turn.streak = min(turn.streak + 1, _MOST_STREAK) if signalled else 0
        turn.factor = 1 + self._plan.jitter * (self._chance() - 0.5)
        turn.base, turn.began, turn.running = now, True, True
        turn.signalled, turn.by_hand, turn.busy = None, False, False

    def ended(self, name: str, code: int, now: float) -> None:
        """Note how a pass ended."""
        turn = self.turns[name]
        turn.running, turn.ended, turn.busy = False, now, code == BUSY
        if not turn.busy:
            turn.failures = turn.failures + 1 if code else 0
        if name not in {kind.name for kind in self._plan.kinds()}:
            del self.turns[name]

    def _timer(self, turn: Turn) -> float:
        return max(turn.base + self._interval(turn), turn.ended + _PAUSE) if turn.began else turn.first

    def _interval(self, turn: Turn) -> float:
        interval = turn.interval
        if self.heard and turn.kind.signalled and not turn.failures:
            interval *= _SLOWER
        if turn.kind.patient and turn.failures > 1:
            longest = max(interval, _LONGEST)
            interval = min(interval * 2 ** min(turn.failures - 1, _MOST_DOUBLINGS), longest)
        return interval * turn.factor

    def _wanted(self, turn: Turn) -> bool:
        return not turn.running and bool(self._plan.intervals.get(turn.kind.name))

    def _why(self, turn: Turn, now: float) -> Why:
        if turn.by_hand:
            return "hand"
        if turn.signalled is not None and now < self._timer(turn) and not turn.busy:
            return "signal"
        return "timer" if turn.began else "start"
