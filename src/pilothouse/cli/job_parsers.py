"""The arguments of the ``pilothouse job`` commands."""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

_EXAMPLES: Final = """\
examples:
  pilothouse job check params.json --nodes nodes.json
  pilothouse job run params.json --nodes nodes.json --host-keys accept-new
  pilothouse job show 1042
  pilothouse job logs 1042 web-3 --phase deploy
  pilothouse job outputs 1042
  pilothouse job retry 1042
  pilothouse job COMMAND --help    has more for each command
"""


class Command(msgspec.Struct, frozen=True):
    """A command: the function of a module that does it, what it is for, how it is used, and its own arguments."""

    work: str
    text: str
    examples: str
    arguments: Callable[[argparse.ArgumentParser], object]


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the parsed arguments; ``module`` and ``work`` name what does the command."""
    parser = make_parser(*arguments[:1])
    chosen, left = parser.parse_known_args(arguments)
    # argparse gives up on names that follow an option: job logs 1042 --tail 5 web-3
    if left and hasattr(chosen, "nodes") and not any(word.startswith("-") for word in left):
        chosen.nodes += left
    elif left:
        parser.error(f"unrecognized arguments: {' '.join(left)}")
    return chosen


def make_parser(first: str = "") -> argparse.ArgumentParser:
    """Return the parser of all commands; of one alone, much sooner, when the ``first`` word names it."""
    parser = _described(argparse.ArgumentParser, "Check, run, and look into jobs.", _EXAMPLES, prog="pilothouse job")
    commands = parser.add_subparsers(metavar="COMMAND", required=True, prog="pilothouse job")
    for name in [first] if first in COMMANDS else COMMANDS:
        command = COMMANDS[name]
        text = command.text[0].upper() + command.text[1:] + "."
        one = "example" if "\n" not in command.examples else "examples"
        lines = "\n".join(f"  pilothouse job {line}" for line in command.examples.splitlines())
        sub = _described(commands.add_parser, text, f"{one}:\n{lines}\n", name=name, help=command.text)
        module, _, work = command.work.partition(":")
        sub.set_defaults(module=module, work=work)
        command.arguments(sub)
        sub.add_argument("--data", type=Path, metavar="DIR", help="folder of all job data (PILOTHOUSE_DATA)")
        sub.add_argument("--config", type=Path, metavar="FILE", help="settings file (PILOTHOUSE_CONFIG)")
        sub.add_argument("--json", action="store_true", help="JSON for scripts")
    return parser


def _described(make: Any, text: str, epilog: str, **more: Any) -> argparse.ArgumentParser:
    found: argparse.ArgumentParser = make(
        **({"name": more.pop("name")} if "name" in more else {}),
        **more,
        description=text,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    return found


def _check(parser: argparse.ArgumentParser) -> None:
    _document(parser)


def _run(parser: argparse.ArgumentParser) -> None:
    _document(parser)
    parser.add_argument("--user", "-u", metavar="NAME", help="who runs it, for histories (default: the OS user)")
    parser.add_argument("--force", action="store_true", help="run everything again, whatever succeeded before")
    _display(parser)
    _reach(parser)


def _retry(parser: argparse.ArgumentParser) -> None:
    _job(parser)
    parser.add_argument(
        "--failed-only", action="store_true", help="only what failed; leave what was never reached for later"
    )
    _display(parser)
    _reach(parser)


def _list(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--state", action="append", metavar="STATE", help="only jobs in this state; may be repeated")
    parser.add_argument("--since", metavar="WHEN", help="only jobs started since: 30m, 2h, 3d, or 2026-11-22T08:30")
    parser.add_argument("--limit", type=_count, metavar="N", help="at most so many")


def _follow(parser: argparse.ArgumentParser) -> None:
    _job(parser)
    _nodes(parser, "follow the logs of these nodes instead of the console log")
    parser.add_argument("--phase", metavar="NAME", help="only logs of this phase")


def _logs(parser: argparse.ArgumentParser) -> None:
    _job(parser)
    _nodes(parser, "print the logs of these nodes instead of the console log")
    parser.add_argument("--phase", metavar="NAME", help="only logs of this phase")
    parser.add_argument("--tail", type=_count, metavar="N", help="only the last N lines of each log")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--follow", "-f", action="store_true", help="go on until the job is over")
    how.add_argument("--fold", action="store_true", help="what operations printed, identical texts of nodes once")
    how.add_argument(
        "--history", nargs="?", type=int, const=0, metavar="N", help="list the logs of earlier runs, or print the Nth"
    )


def _outputs(parser: argparse.ArgumentParser) -> None:
    _job(parser)
    _nodes(parser, "only these nodes")
    parser.add_argument("--phase", metavar="NAME", help="only this phase")
    parser.add_argument("--op", metavar="OP", help="only this operation, by its id or name")
    parser.add_argument("--lines", action="store_true", help="what operations printed instead of what they handed back")


def _answer(parser: argparse.ArgumentParser) -> None:
    _job(parser)
    parser.add_argument("node", metavar="NODE", nargs="?", help="host, resourceId or host-port-resourceId")
    parser.add_argument("value", metavar="VALUE", nargs="?", help="the answer; without one the questions are listed")
    parser.add_argument("--phase", metavar="NAME", help="only this phase")
    parser.add_argument("--user", "-u", metavar="NAME", help="who answers (default: the OS user)")


def _purge(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("days", metavar="DAYS", type=_count, help="what is older than so many days")
    parser.add_argument("--dry-run", action="store_true", help="show what would be removed, and remove nothing")


def _job(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("job", metavar="JOB", help="job id")


def _nodes(parser: argparse.ArgumentParser, text: str) -> None:
    parser.add_argument(
        "nodes", metavar="NODE", nargs="*", help=f"{text}: name, host, resourceId, web-[1-9] or 'web-*'"
    )


def _document(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("params", type=Path, metavar="PARAMS", help="job document (params.json)")
    parser.add_argument("--nodes", dest="nodes_file", type=Path, metavar="FILE", help="node file (nodes.json)")
    parser.add_argument("--job-id", metavar="ID", help="use this id instead of the document's")
    parser.add_argument("--group", action="append", type=int, metavar="N", help="only this group; may be repeated")
    parser.add_argument("--phase", action="append", metavar="NAME", help="only this phase; may be repeated")
    parser.add_argument("--node", action="append", type=int, metavar="ID", help="only this resourceId; may be repeated")


def _display(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--plain", action="store_true", help="plain lines instead of a live display")


def _reach(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host-keys", choices=("verify", "accept-new", "accept-any"), help="what to do with host keys")
    parser.add_argument("--known-hosts", action="append", type=Path, metavar="FILE", help="known_hosts file to check")
    parser.add_argument(
        "--identity", dest="identities", action="append", type=Path, metavar="FILE", help="private key to log in with"
    )
    parser.add_argument("--concurrency", type=int, metavar="N", help="nodes in flight at the most (default 200)")


def _count(text: str) -> int:
    if not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 0 up")
    return int(text)


COMMANDS: Final = {
    "check": Command(
        "job_check:check",
        "validate a job and print its plan and commands; nothing is started",
        "check params.json --nodes nodes.json\ncheck params.json --nodes nodes.json --phase deploy --json",
        _check,
    ),
    "run": Command(
        "job_run:run",
        "run a job; again with the same job: go on where it stopped",
        "run params.json --nodes nodes.json --host-keys accept-new\n"
        "run params.json --nodes nodes.json --phase deploy --node 501 --node 502",
        _run,
    ),
    "retry": Command(
        "job_retry:retry",
        "run a job again as it was run last, for what failed or was never reached",
        "retry 1042\nretry 1042 --failed-only",
        _retry,
    ),
    "list": Command(
        "job_list:show_all",
        "list the jobs that ran here",
        "list --since 2d --state failed --state interrupted\nlist --limit 10 --json",
        _list,
    ),
    "show": Command("job_show:show", "show where a job stands: phases, nodes, failures", "show 1042", _job),
    "follow": Command(
        "job_follow:follow",
        "watch a job from another terminal until it is over; exits with the job's code",
        "follow 1042\nfollow 1042 web-3 web-4",
        _follow,
    ),
    "logs": Command(
        "job_logs:logs",
        "print a job's console log, or the logs of its nodes",
        "logs 1042 web-3 --phase deploy --tail 20\nlogs 1042 --fold --phase deploy\n"
        "logs 1042 web-3 --history\nlogs 1042 web-3 --history 2",
        _logs,
    ),
    "outputs": Command(
        "job_outputs:outputs",
        "print what operations handed back, identical outputs of many nodes once",
        "outputs 1042\noutputs 1042 web-3 --op version_1\noutputs 1042 --lines",
        _outputs,
    ),
    "answer": Command(
        "job_answer:answer",
        "answer an operation's question, or list the open ones",
        "answer 1042\nanswer 1042 501 Yes",
        _answer,
    ),
    "pause": Command("job_stop:pause", "let a job stop softly", "pause 1042", _job),
    "abort": Command("job_stop:abort", "end a running job and all its processes", "abort 1042", _job),
    "purge": Command(
        "job_purge:purge_old", "remove old job data from this machine", "purge 90 --dry-run\npurge 90", _purge
    ),
}
