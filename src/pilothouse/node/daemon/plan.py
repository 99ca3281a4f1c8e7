"""Which passes a node makes by itself, and how often: the section ``node-run`` of ``slapos.cfg``. Pure."""

from typing import Final, Self

import msgspec

from pilothouse.node.configuration import Configuration, Reader

SECTION: Final = "node-run"
_HOUR: Final = 3600
_DAY: Final = 86400
_MOST_JITTER: Final = 100
_COLLECTED: Final = ("partition_amount", "user_base_name", "partition_base_name")


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of pass: the words of its ``slapos node`` command, and its interval in seconds unless a file says it.

    Kinds of one ``group`` never run together. ``early``: its first pass is made at the start. ``signalled``: the
    master tells when there is something to do, so the timer may be slower while it is heard. ``patient``: after
    failures it is tried less often.
    """

    name: str
    words: tuple[str, ...]
    interval: int
    group: str
    early: bool = False
    signalled: bool = False
    patient: bool = False


KINDS: Final = (
    Kind(name="instance", words=("instance",), interval=60, group="instance", early=True),
    Kind(name="software", words=("software",), interval=60, group="software", early=True, signalled=True, patient=True),
    Kind(name="report", words=("report",), interval=_HOUR, group="report", patient=True),
    # a pass over instances checks promises by their own periodicity; this one checks them all, whatever that is
    Kind(name="promise", words=("promise",), interval=0, group="instance"),
    Kind(name="collect", words=("collect",), interval=60, group="collect"),
    Kind(name="format", words=("format", "--now"), interval=_HOUR, group="format", patient=True),
    Kind(name="garbage", words=("software", "--garbage-collect"), interval=0, group="software", patient=True),
    Kind(name="prune", words=("prune",), interval=_DAY, group="software", patient=True),
)
"""In the order in which they begin when several are due."""
_OTHERS: Final = frozenset({"jitter", "stop_wait", "stream"})


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What is done: intervals are in seconds, 0 is never; ``jitter`` is the share of an interval that varies.

    ``stop_wait`` is how long passes may go on when the daemon is told to end.
    """

    intervals: dict[str, int]
    jitter: float = 0.1
    stop_wait: int = 60
    stream: bool = True

    @classmethod
    def of(cls, config: Configuration, *, root: bool) -> Self:
        """Read it from the node's file. Raises ConfigurationError."""
        reader = Reader(config.path, config.sections, {}, (SECTION,))
        own, shared = config.sections.get(SECTION, {}), config.sections.get("slapos", {})
        known = {kind.name for kind in KINDS} | _OTHERS
        # what [DEFAULT] says stands in every section
        if strange := sorted(set(own) - known - set(shared)):
            raise reader.wrong(
                strange[0], f"{strange[0]} is nothing that can be set; allowed: {', '.join(sorted(known))}"
            )
        jitter = _number(reader, "jitter", 10)
        if jitter > _MOST_JITTER:
            raise reader.wrong("jitter", f"jitter is {jitter}; give percent of the interval, up to {_MOST_JITTER}")
        return cls(
            intervals={kind.name: _number(reader, kind.name, _usual(kind, config, root=root)) for kind in KINDS},
            jitter=jitter / 100,
            stop_wait=_number(reader, "stop_wait", 60),
            stream=reader.boolean("stream", default=True),
        )

    def kinds(self) -> tuple[Kind, ...]:
        """Return the kinds that are done at all."""
        return tuple(kind for kind in KINDS if self.intervals[kind.name])


def _usual(kind: Kind, config: Configuration, *, root: bool) -> int:
    """Return the interval where none is given: 0 where this machine or its file lacks what the pass needs."""
    shape = config.sections.get("slapformat", {})
    needs = {
        "collect": root and all(shape.get(name) for name in _COLLECTED),
        "format": root,
        "prune": bool(config.shared_part_list),
    }
    return kind.interval if needs.get(kind.name, True) else 0


def _number(reader: Reader, name: str, default: int) -> int:
    number = reader.number(name, default)
    if number < 0:
        raise reader.wrong(name, f"{name} is {number}; give 0 or more")
    return number
