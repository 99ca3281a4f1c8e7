"""``pilothouse job``: the parsers of its commands; each command's work is in a module of its own."""

import argparse
import importlib
import os
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from pilothouse.jobs.plan import Selection
from pilothouse.settings import Settings, load

_EXAMPLES: Final = """\
examples:
  pilothouse job check params.json --nodes nodes.json
  pilothouse job run params.json --nodes nodes.json --host-keys accept-new
  pilothouse job run params.json --nodes nodes.json --phase deploy --node 501 --node 502
  pilothouse job show 1042 --json
  pilothouse job logs 1042 192.168.0.27 --phase deploy
  pilothouse job answer 1042 501 Yes
  pilothouse job abort 1042
"""


def main(arguments: Sequence[str]) -> int:
    """Run ``pilothouse job ...``."""
    parser = _parser()
    chosen = parser.parse_args(arguments)
    chosen.again = shlex.join(["pilothouse", "job", *arguments])
    module = importlib.import_module(f"pilothouse.cli.{chosen.module}")
    return int(getattr(module, chosen.work)(chosen))


def settings_of(chosen: argparse.Namespace) -> Settings:
    """Return the settings in force for parsed arguments."""
    names = ("data", "host_keys", "known_hosts", "identities", "concurrency")
    found: dict[str, Any] = {name: getattr(chosen, name, None) for name in names}
    return load(chosen.config, os.environ, **{name: value or None for name, value in found.items()})


def further(chosen: argparse.Namespace) -> str:
    """Return the options that further commands need to find the same job."""
    named = [("--data", chosen.data), ("--config", chosen.config)]
    return shlex.join(word for flag, value in named if value for word in (flag, str(value)))


def selection_of(chosen: argparse.Namespace, settings: Settings) -> Selection:
    """Return what part of the job the arguments ask for."""
    return Selection(
        groups=tuple(chosen.group or ()),
        phases=tuple(chosen.phase or ()),
        nodes=tuple(chosen.node or ()),
        runner_id=settings.runner_id,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="pilothouse job",
        description="Check, run, and look into jobs.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    check = _command(commands, "check", "job_check:check", "validate a job and print its plan; nothing is started")
    _document(check)
    run = _command(commands, "run", "job_run:run", "run a job; again with the same job: go on where it stopped")
    _document(run)
    run.add_argument("--user", "-u", metavar="NAME", help="who runs it, for histories (default: the OS user)")
    run.add_argument("--force", action="store_true", help="run everything again, whatever succeeded before")
    run.add_argument("--plain", action="store_true", help="plain lines instead of a live display")
    run.add_argument("--host-keys", choices=("verify", "accept-new", "accept-any"), help="what to do with host keys")
    run.add_argument("--known-hosts", action="append", type=Path, metavar="FILE", help="known_hosts file to check")
    run.add_argument(
        "--identity", dest="identities", action="append", type=Path, metavar="FILE", help="private key to log in with"
    )
    run.add_argument("--concurrency", type=int, metavar="N", help="nodes in flight at the most (default 200)")

    _command(commands, "list", "job_show:show_all", "list the jobs that ran here")
    show = _command(commands, "show", "job_show:show", "show where a job stands: phases, nodes, failures")
    show.add_argument("job", metavar="JOB", help="job id")
    logs = _command(commands, "logs", "job_logs:logs", "print a job's console log, or the logs of its nodes")
    logs.add_argument("job", metavar="JOB", help="job id")
    logs.add_argument("nodes", metavar="NODE", nargs="*", help="host, name, resourceId or host-port-resourceId")
    logs.add_argument("--phase", help="only this phase")
    answer = _command(commands, "answer", "job_answer:answer", "answer an operation's question, or list the open ones")
    answer.add_argument("job", metavar="JOB", help="job id")
    answer.add_argument("node", metavar="NODE", nargs="?", help="host, resourceId or host-port-resourceId")
    answer.add_argument("value", metavar="VALUE", nargs="?", help="the answer; without one the questions are listed")
    answer.add_argument("--phase", help="only this phase")
    answer.add_argument("--user", "-u", metavar="NAME", help="who answers (default: the OS user)")
    for name, text in (("abort", "end a running job and all its processes"), ("pause", "let a job stop softly")):
        stop = _command(commands, name, f"job_stop:{name}", text)
        stop.add_argument("job", metavar="JOB", help="job id")
    return parser


def _command(commands: Any, name: str, work: str, text: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
    module, _, function = work.partition(":")
    parser.set_defaults(module=module, work=function)
    parser.add_argument("--data", type=Path, metavar="DIR", help="folder of all job data (PILOTHOUSE_DATA)")
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings file (PILOTHOUSE_CONFIG)")
    parser.add_argument("--json", action="store_true", help="JSON for scripts")
    return parser


def _document(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("params", type=Path, metavar="PARAMS", help="job document (params.json)")
    parser.add_argument("--nodes", dest="nodes_file", type=Path, metavar="FILE", help="node file (nodes.json)")
    parser.add_argument("--job-id", metavar="ID", help="use this id instead of the document's")
    parser.add_argument("--group", action="append", type=int, metavar="N", help="only this group; may be repeated")
    parser.add_argument("--phase", action="append", metavar="NAME", help="only this phase; may be repeated")
    parser.add_argument("--node", action="append", type=int, metavar="ID", help="only this resourceId; may be repeated")
