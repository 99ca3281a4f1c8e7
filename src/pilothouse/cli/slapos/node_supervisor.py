"""``slapos node status|start|stop|restart|tail|supervisorctl|supervisord``: by hand (node spec, section 21)."""

import argparse
import logging
from collections.abc import Callable
from typing import Final

from pilothouse.cli.slapos import node_pass
from pilothouse.cli.slapos.commands import Entry
from pilothouse.cli.slapos.options import add_node_file

_log = logging.getLogger("slapos")
_NAMES: Final = (
    "names:\n  slappart0:       all programs of a partition\n"
    "  slappart0:web    a program of etc/run\n  slappart0:web-on-watch  a program of etc/service"
)


def _arguments(parser: argparse.ArgumentParser) -> None:
    add_node_file(parser)
    parser.add_argument("supervisor_args", metavar="ARGS", nargs=argparse.REMAINDER, help="parameters of supervisorctl")


def _runner(*first: str) -> Callable[[argparse.Namespace], int]:
    def run(chosen: argparse.Namespace) -> int:
        from pilothouse.node import supervisord
        from pilothouse.node.layout import NodePlace

        config = node_pass.load(chosen)
        if node_pass.is_refused(root_check=config.root_check):
            return node_pass.NO_ROOT
        place = NodePlace(config.instance_root)
        if not config.forbid_supervisord_automatic_launch and place.root.is_dir():
            supervisord.launch(supervisord.prepare(config))
        return supervisord.control(place, [*first, *chosen.supervisor_args])

    return run


def _supervisord_arguments(parser: argparse.ArgumentParser) -> None:
    add_node_file(parser)
    parser.add_argument("-n", "--nodaemon", action="store_true", help="Do not daemonize supervisord")


def _supervisord(chosen: argparse.Namespace) -> int:
    from pilothouse.node import supervisord

    config = node_pass.load(chosen)
    place = supervisord.prepare(config, watchdog=False)
    if chosen.nodaemon:
        return supervisord.foreground(place)
    supervisord.launch(place, watchdog=False)
    return 0


SUPERVISORCTL: Final = Entry("enter into supervisor console, for expert users only", _arguments, _runner(), _NAMES)
STATUS: Final = Entry("show status of installed processes", _arguments, _runner("status"), _NAMES)
START: Final = Entry("start installed processes", _arguments, _runner("start"), _NAMES)
STOP: Final = Entry("stop installed processes", _arguments, _runner("stop"), _NAMES)
RESTART: Final = Entry("restart installed processes", _arguments, _runner("restart"), _NAMES)
TAIL: Final = Entry("display process logs", _arguments, _runner("tail"), _NAMES)
SUPERVISORD: Final = Entry("launch, if not already running, supervisor daemon", _supervisord_arguments, _supervisord)
