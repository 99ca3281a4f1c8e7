"""One measurement as a value."""

import msgspec


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What one master did with one kind of load.

    ``cpu`` and ``database_cpu`` are milliseconds of the server and of its database server for each answer, ``lost``
    is the number of requests whose partition was given to another title as well, or that were not answered.
    ``load`` is the machine's load average when it began.
    """

    master: str
    instances: int
    work: str
    clients: int
    kept: bool
    answered: int
    failed: int
    reason: str = ""
    rate: float
    p50: float
    p99: float
    cpu: float
    database_cpu: float
    client_cpu: float
    memory_mib: float
    size: int
    load: float
    lost: int = 0


class Start(msgspec.Struct, frozen=True):
    """Starts of one command: the median CPU seconds, of how many, and the highest."""

    command: str
    whose: str
    cpu: float
    highest: float
    runs: int
