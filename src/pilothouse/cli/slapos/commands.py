"""The table of ``slapos`` commands: one line each, and nothing is imported before its command is called.

The text of a line is the first line of its command's description, which a test compares.
"""

import argparse
import importlib
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple


class Entry(NamedTuple):
    """What a command's module hands over: its words for the help, its arguments, its work.

    ``run`` returns the exit code, None for success. What it raises becomes a logged error and exit code 1.
    """

    description: str
    arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int | None]
    epilog: str = ""


class Listed(NamedTuple):
    """A line of the table: the group in the overview, ``module:ENTRY`` below this package, the overview's text."""

    group: str
    where: str
    summary: str

    def load(self) -> Entry:
        """Import the command's module, and return its entry."""
        module, _, name = self.where.partition(":")
        entry: Entry = getattr(importlib.import_module(f"pilothouse.cli.slapos.{module}"), name)
        return entry


COMMANDS: Final[dict[str, Listed]] = {
    "cachelookup binary-sr": Listed("cachelookup", "cache_binary:BINARY_SR", "perform a query to the networkcache"),
    "cachelookup pypi": Listed("cachelookup", "cache_source:PYPI", "perform a query to the networkcache."),
    "cachelookup url": Listed("cachelookup", "cache_source:URL", "perform a query to the networkcache."),
    "computer info": Listed("client", "computer:INFO", "get information of an computer"),
    "computer list": Listed("client", "computer:LIST", "List all available compute nodes"),
    "computer token": Listed("client", "computer:TOKEN", "get token for setup a computer"),
    "configure client": Listed(
        "client", "configure_client:COMMAND", "configure slapos client with an existing account"
    ),
    "configure local": Listed(
        "node", "configure_local:COMMAND", "Configure a slapos node with default configuration with slapproxy"
    ),
    "console": Listed("client", "console:COMMAND", "open python console with slap library imported"),
    "info": Listed("client", "service:INFO_SHORT", "get status, software_release and parameters of an instance"),
    "list": Listed("client", "service:LIST_SHORT", "List the title of all your slapos services"),
    "remove": Listed("client", "supply:REMOVE", "remove a Software from a node"),
    "request": Listed("client", "request:COMMAND", "request an instance and get status and parameters of instance"),
    "service info": Listed("client", "service:INFO", "get status, software_release and parameters of an instance"),
    "service list": Listed("client", "service:LIST", "List the title of all your slapos services"),
    "supply": Listed("client", "supply:SUPPLY", "supply a Software to a node"),
    "node bang": Listed("node", "node_bang:COMMAND", "request update on all partitions"),
    "node boot": Listed(
        "node", "node_boot:COMMAND", "Test network and invoke simple format and bang (Use on Linux startup)"
    ),
    "node collect": Listed("node", "node_collect:COMMAND", "collect system consumption and log"),
    "node format": Listed("node", "node_format:COMMAND", "create users, partitions and network configuration"),
    "node instance": Listed("node", "node_instance:COMMAND", "run instance deployment"),
    "node promise": Listed("node", "node_promise:COMMAND", "run promises"),
    "node prune": Listed("node", "node_prune:COMMAND", "clean shared parts"),
    "node register": Listed("node", "node_register:COMMAND", "Register a new computer on SlapOS Master."),
    "node report": Listed("node", "node_report:COMMAND", "run instance reports and garbage collection"),
    "node restart": Listed("node", "node_supervisor:RESTART", "restart installed processes"),
    "node software": Listed("node", "node_software:COMMAND", "run software installation/deletion"),
    "node start": Listed("node", "node_supervisor:START", "start installed processes"),
    "node status": Listed("node", "node_supervisor:STATUS", "show status of installed processes"),
    "node stop": Listed("node", "node_supervisor:STOP", "stop installed processes"),
    "node supervisorctl": Listed(
        "node", "node_supervisor:SUPERVISORCTL", "enter into supervisor console, for expert users only"
    ),
    "node supervisord": Listed(
        "node", "node_supervisor:SUPERVISORD", "launch, if not already running, supervisor daemon"
    ),
    "node tail": Listed("node", "node_supervisor:TAIL", "display process logs"),
    "proxy show": Listed("other", "proxy_show:COMMAND", "display proxy instances and parameters"),
    "proxy start": Listed("other", "proxy_start:COMMAND", "minimalist, stand-alone SlapOS Master"),
    "cache lookup": Listed("other", "cache_binary:LOOKUP", "perform a query to the networkcache"),
    "cache source": Listed("other", "cache_source:SOURCE", "perform a query to the networkcache."),
    "complete": Listed("other", "complete:COMMAND", "Generate shell completions."),
    "help": Listed("other", "help:COMMAND", "print detailed help for another command"),
}
ALIASES: Final = {"node": "node status"}  # what these words alone mean
_LONGEST: Final = 2


def find(words: Sequence[str]) -> str | None:
    """Return the name of the command that the words begin with, the longest one that fits."""
    if " ".join(words) in ALIASES:
        words = ALIASES[" ".join(words)].split()
    for length in range(_LONGEST, 0, -1):
        name = " ".join(words[:length])
        if len(words) >= length and name in COMMANDS:
            return name
    return None
