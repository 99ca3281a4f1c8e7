"""``autoexec``: the documented command line of the job engine (spec section 1)."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from pilothouse.cli.entry import guarded
from pilothouse.errors import PilothouseError, UsageError

_FAILED: Final = 1
_USAGE: Final = 2
_PREPARATION: Final = 3
_EXAMPLES: Final = """\
examples:
  autoexec --jobid 2983676 --execuser admin --firstfire --phasegroups 0
  autoexec --devmode --paramsfile test/params.json --nodesfile test/nodes.json
  autoexec --devmode --jobid 97867868 --nodesfile test/nodes.json
  autoexec --jobid 2983676 --abort
  autoexec --jobid 2983676 --pause
  autoexec --jobid 374288003424256 --cleanstatus
  autoexec --purgejobdata 90
  autoexec --register demo

exit codes: 0 success, 1 a node or phase failed, 2 usage, 3 the job could not be prepared, 4 paused, 5 aborted;
of --abort and --pause: 0 done, 1 failed, 2 no such job; of --cleanstatus, --purgejobdata and --register:
0 done, 1 something failed; without --devmode the control server of conf/config.ini is used
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    parser = _parser()
    chosen = parser.parse_args(arguments)
    return guarded("autoexec", lambda: _dispatch(chosen), _code)


def home(environ: dict[str, str] | os._Environ[str] = os.environ, program: str | None = None) -> Path | None:
    """Return AUTOEXEC_HOME: the variable, else the folder above the program's if it is an installation."""
    if named := environ.get("AUTOEXEC_HOME"):
        return Path(named).absolute()
    above = Path(program or sys.argv[0]).resolve().parent.parent
    return above if (above / "conf" / "config.ini").is_file() else None


def _code(error: PilothouseError) -> int:
    """Faults of the call are usage errors; faults of what it names keep the job from being prepared."""
    return _USAGE if type(error) is UsageError else _PREPARATION


def _dispatch(chosen: argparse.Namespace) -> int:
    """Choose the mode in the documented order: clean, register, pause, abort, purge, run."""
    if chosen.cleanstatus:
        from pilothouse.cli.autoexec_control import clean

        return clean(chosen)
    if chosen.register:
        from pilothouse.cli.autoexec_register import register_tools

        return register_tools(chosen)
    if chosen.pause or chosen.abort:
        from pilothouse.cli.autoexec_control import control

        return control(chosen)
    if chosen.purgejobdata is not None:
        from pilothouse.cli.autoexec_purge import purge_jobs

        return purge_jobs(chosen)
    from pilothouse.cli.autoexec_run import run

    return run(chosen)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="autoexec", epilog=_EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("-v", "--verbose", action="store_true", help="Automation Runner")
    add("--jobid", "-j", default="0", help="Job id for this execution")
    add("--execuser", "-u", default="anonymous", help="Operator")
    add("--paramsfile", "-p", help="Params file path for this execution")
    add("--nodesfile", "-n", help="Nodes file path for this execution")
    add("--force", "-f", action="store_true", help="Force to run all nodes regardless of the node status")
    add("--firstfire", "-i", action="store_true", help="The first phase fired, create a new log file")
    add("--reuseconslog", action="store_true", help="With --firstfire: go on with the console log that is there")
    add("--abort", "-k", action="store_true", help="Abort the job")
    add("--pause", "-s", action="store_true", help="Pause the job")
    add("--register", "-r", help="Register all tools to the tenant")
    add("--cleanstatus", "-c", action="store_true", help="Clean all job stats")
    add("--purgejobdata", type=int, help="Job reserve days")
    add("--devmode", "-d", action="store_true", help="Develop test in command line")
    add("--nofirenext", action="store_true", help="Do not fire the next job phase")
    add("--passthroughenv", help="Additional JSON parameter while callback to console")
    add("--phasegroups", default="", help="Just execute specified group")
    add("--phases", default="", help="Just execute defined phases. Example: phase1,phase2")
    add("--nodes", default="", help="Just execute defined node ids. Example: 463104705880067,463104705880068")
    add("--sqlfiles", help='Example: [{"sqlFile": "mydb.myuser/1.test.sql", "nodeName": "myNode", ...},...]')
    add("--execid", help=argparse.SUPPRESS)
    return parser


if __name__ == "__main__":
    sys.exit(main())
