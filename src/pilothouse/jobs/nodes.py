"""The nodes of a job: one value per target, read from a node file or from ``runNode`` (spec section 2.7).

A node file may start with a header line or not, and may hold one object a line, pretty-printed objects one
after another, or one array.
"""

import json
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from pilothouse.errors import DocumentError, Problem
from pilothouse.jobs.access import Access, read_access
from pilothouse.jobs.fields import Fields, check_values, shown, unreadable
from pilothouse.jobs.secret import Secret

PROTOCOLS: Final = ("local", "ssh", "tagent")
_BLANKS: Final = " \t\r\n"
_HIGHEST_PORT: Final = 65535
_HIGHEST_ID: Final = 2**63 - 1
_LONGEST_HOST: Final = 200  # bytes: names of files are made of it, and file systems allow 255
_DECODER: Final = json.JSONDecoder()


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """One target of a job.

    ``port`` is the service port, which only names the node; ``protocol_port`` is where to connect, already
    resolved from the documented fields. ``attributes`` are the further fields, handed on to operations.
    ``access`` is what some of these mean for the way to the node.
    """

    resource_id: int
    host: str
    port: int | None = None
    name: str = ""
    type: str = ""
    protocol: str = "ssh"
    protocol_port: int = 0
    username: str = ""
    password: Secret = Secret()
    runner_id: int | None = None
    attributes: dict[str, Any] = {}
    access: Access = Access()

    @property
    def key(self) -> str:
        """The name of the node's files: ``<host>-<port>-<resourceId>``."""
        return f"{self.host}-{'' if self.port is None else self.port}-{self.resource_id}"

    @property
    def title(self) -> str:
        """The node as logs name it: ``[<resourceId>]<host>:<port>``."""
        return f"[{self.resource_id}]{self.host}:{'' if self.port is None else self.port}"


LOCAL: Final = Node(resource_id=0, host="local", port=0, protocol="local")


class Header(msgspec.Struct, frozen=True):
    """What a control server writes before the nodes: counts over all runners of the job."""

    total: int
    local_runner_id: int | None = None
    runner_ids: tuple[int, ...] = ()


class NodeFile(msgspec.Struct, frozen=True):
    """The nodes of a job in file order, and the header if there is one."""

    nodes: tuple[Node, ...]
    header: Header | None = None

    @property
    def total(self) -> int:
        """The number of nodes over all runners, which decides on parallelism and rounds."""
        return self.header.total if self.header else len(self.nodes)


def decode(text: str, source: str, *, empty: bool = False) -> NodeFile:
    """Read a node file; ``source`` names it in errors.

    Exact repetitions of a node count once. Raises DocumentError with every fault found: text that is no
    JSON, wrong fields, two different nodes of one resourceId, and no node at all unless it may be ``empty``.
    """
    problems: list[Problem] = []
    header: Header | None = None
    found: list[tuple[str, Any]] = []
    try:
        for number, (place, value) in enumerate(objects(text)):
            if number == 0 and isinstance(value, dict) and "totalCount" in value and "host" not in value:
                header = _header(value, place, problems)
            elif not _stands_for_runner(value):
                found.append((place, value))
    except (ValueError, RecursionError) as error:
        problems.append(unreadable(error, "a node object"))
    nodes = collect(found, problems)
    if not nodes and not problems and not empty:
        problems.append(Problem("$", "no node", 'at least one {"resourceId": 1, "host": "...", "protocol": "ssh"}'))
    if problems:
        raise DocumentError(source, problems)
    return NodeFile(nodes, header)


def _stands_for_runner(value: Any) -> bool:
    """Whether this is the pseudo node by which control servers announce a phase that has no targets."""
    return isinstance(value, dict) and value.get("protocol") == "protocolNotExist" and not value.get("resourceId")


def objects(text: str) -> Iterator[tuple[str, Any]]:
    """Yield each JSON value of the text with its place (``line 7``, or ``$[2]`` inside an array)."""
    position, line = 0, 1
    end = len(text)
    while True:
        start = position
        while position < end and text[position] in _BLANKS:
            position += 1
        line += text.count("\n", start, position)
        if position >= end:
            return
        value, after = _DECODER.raw_decode(text, position)
        if isinstance(value, list):
            yield from ((f"$[{index}]", item) for index, item in enumerate(value))
        else:
            yield f"line {line}", value
        line += text.count("\n", position, after)
        position = after


def collect(found: list[tuple[str, Any]], problems: list[Problem]) -> tuple[Node, ...]:
    """Turn placed JSON values into nodes, noting faults (duplicates too) in ``problems``."""
    seen: dict[int, tuple[str, Node]] = {}
    for place, value in found:
        node = _node(value, place, problems)
        if node is None:
            continue
        first = seen.setdefault(node.resource_id, (place, node))
        if first[1] != node:
            problems.append(
                Problem(
                    f"{place}.resourceId",
                    f"{node.resource_id} again, for another node than at {first[0]}",
                    "one node per resourceId",
                )
            )
    return tuple(node for _, node in seen.values())


def _header(value: dict[str, Any], place: str, problems: list[Problem]) -> Header | None:
    read = Fields(value, place, problems)
    total = read.integer("totalCount", required=True)
    runners = value.get("jobRunnerIds") or []
    if not isinstance(runners, list) or not all(isinstance(item, int) for item in runners):
        problems.append(Problem(f"{place}.jobRunnerIds", json.dumps(runners), "a list of integers"))
        runners = []
    if total is None or total < 0:
        return None
    return Header(total, read.integer("localRunnerId"), tuple(runners))


def _node(value: Any, place: str, problems: list[Problem]) -> Node | None:
    if not isinstance(value, dict):
        problems.append(Problem(place, f"{shown(value)}", "a node object"))
        return None
    before = len(problems)
    check_values(value, place, problems)
    if len(problems) > before:
        return None
    read = Fields(value, place, problems)
    protocol, suffix = _protocol(read)
    port = read.integer("port", high=_HIGHEST_PORT)
    resource_id = read.integer("resourceId", required=True, high=_HIGHEST_ID)
    if resource_id == LOCAL.resource_id and protocol != LOCAL.protocol:
        read.fault("resourceId", "0, which is the runner itself", "an integer from 1 up")
    host = read.text("host", required=True, check=_is_host, allowed="a host name or address without blanks or /")
    node = Node(
        resource_id=resource_id or 0,
        host=host,
        port=port,
        name=read.text("nodeName"),
        type=read.text("nodeType"),
        protocol=protocol,
        protocol_port=_protocol_port(read, protocol, suffix, port),
        username=read.text("username"),
        password=Secret(read.text("password", secret=True)),
        runner_id=read.integer("runnerId"),
        attributes={name: item for name, item in value.items() if name not in _KNOWN},
        access=read_access(read),
    )
    return node if len(problems) == before else None


_KNOWN: Final = frozenset(
    {
        "resourceId",
        "host",
        "port",
        "nodeName",
        "nodeType",
        "protocol",
        "protocolPort",
        "username",
        "password",
        "runnerId",
        "becomePassword",
    }
)


def _protocol(read: Fields) -> tuple[str, str]:
    name, _, suffix = (read.text("protocol") or "ssh").partition(".")
    if name not in PROTOCOLS or (suffix and (name != "tagent" or not _is_port(suffix))):
        read.fault("protocol", shown(read.value.get("protocol")), "ssh, tagent, tagent.<port> or local")
        return name, ""
    return name, suffix


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= len(str(_HIGHEST_PORT)) and int(text) <= _HIGHEST_PORT


def _protocol_port(read: Fields, protocol: str, suffix: str, port: int | None) -> int:
    """Resolve in the documented order: protocolPort, servicePorts, the protocol's suffix, port, 0."""
    chosen = read.integer("protocolPort", high=_HIGHEST_PORT)
    services = read.value.get("servicePorts")
    if services is not None and not isinstance(services, dict):
        read.fault("servicePorts", shown(services), "an object protocol -> port")
    elif services and services.get(protocol):
        chosen = Fields(services, f"{read.place}.servicePorts", read.problems).integer(protocol, high=_HIGHEST_PORT)
    if suffix:
        chosen = int(suffix)
    return chosen or port or 0


def _is_host(text: str) -> bool:
    strange = any(c in "/\\" or c.isspace() or not c.isprintable() for c in text)
    return bool(text) and not strange and text[0] not in "-." and len(text.encode()) <= _LONGEST_HOST
