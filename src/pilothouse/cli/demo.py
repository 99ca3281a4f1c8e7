"""``pilothouse demo``: the two documented sample jobs against real SSH targets on this machine, and a service."""

import argparse
import asyncio
import getpass
import json
import os
import shlex
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from pilothouse.cli import demo_service, examples
from pilothouse.cli.demo_targets import Targets, targets
from pilothouse.cli.display.hints import Hints, program
from pilothouse.cli.display.progress import display_for
from pilothouse.cli.job_run import exit_code
from pilothouse.clock import SystemClock
from pilothouse.engine.assembly import run_here
from pilothouse.engine.request import JobResult, Request, read_job
from pilothouse.engine.workspace import workspace
from pilothouse.errors import UsageError
from pilothouse.files import write_atomic
from pilothouse.jobs import nodes
from pilothouse.settings import Settings, load

_SAMPLES: Final = (
    ("sample", "the published sample: one-shot and gray-scale groups, on the runner and on targets"),
    ("outputs", "outputs that flow from one operation to the next, on the runner and on targets"),
)
_SHOWN: Final = 14


def main(arguments: Sequence[str]) -> int:
    """Run the demo; returns 0 when both jobs did what they should."""
    parser = argparse.ArgumentParser(prog="pilothouse demo", description=__doc__)
    parser.add_argument("--data", type=Path, metavar="DIR", help="where to keep the jobs (default: a temporary folder)")
    parser.add_argument("--plain", action="store_true", help="plain lines instead of a live display")
    parser.add_argument(
        "--embedded", action="store_true", help="use the embedded SSH server even where sshd is installed"
    )
    chosen = parser.parse_args(arguments)
    folder = chosen.data or Path(tempfile.gettempdir()) / f"pilothouse-demo-{os.getuid()}"
    _emptied(folder)
    folder = folder.absolute()
    settings, results = asyncio.run(_jobs(folder, plain=chosen.plain, embedded=chosen.embedded))
    _look_at(results[-1])
    shown = demo_service.show(folder)
    _invite(results[-1], settings)
    return next(filter(None, map(exit_code, results)), shown)


def _emptied(folder: Path) -> None:
    """Start afresh in a folder that an earlier demo made; refuse any other that holds something."""
    marker = folder / ".pilothouse-demo"
    if folder.exists() and (folder.is_symlink() or folder.stat().st_uid != os.getuid()):
        raise UsageError(f"{folder} belongs to somebody else; name another folder with --data")
    if folder.exists() and any(folder.iterdir()) and not marker.exists():
        raise UsageError(f"{folder} holds other things; name an empty folder with --data")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o700)
    marker.touch()


async def _jobs(folder: Path, *, plain: bool, embedded: bool) -> tuple[Settings, list[JobResult]]:
    async with targets(folder / "sshd", embedded=embedded) as reached:
        print(f"SSH targets on this machine: {reached.kind}, port {reached.port}, key login, host key verified\n")
        settings = load(
            data=folder / "data", known_hosts=(reached.known_hosts,), identities=(reached.key,), host_keys="verify"
        )
        results = []
        for name, text in _SAMPLES:
            print(f"— {text}\n")
            results.append(await _run(examples.folder() / name, folder / name, reached, settings, plain=plain))
            print()
    return settings, results


async def _run(example: Path, copy: Path, reached: Targets, settings: Settings, *, plain: bool) -> JobResult:
    """Run an example against the targets that are there, from a copy with their address and login."""
    shutil.copytree(example, copy)
    described = nodes.objects((example / "nodes.json").read_text("utf-8"))
    login = {"host": "127.0.0.1", "protocol": "ssh", "protocolPort": reached.port, "username": getpass.getuser()}
    lines = [json.dumps({**_without_password(node), **login}) for _, node in described]
    write_atomic(copy / "nodes.json", "\n".join(lines).encode(), mode=0o600)
    job, found = read_job(copy / "params.json", copy / "nodes.json")
    space = workspace(settings.data, job.id)
    space.create()
    for name in ("params.json", "nodes.json"):
        write_atomic(space.root / name, (copy / name).read_bytes(), mode=0o600)
    request = Request(job=job, nodes=found, source=str(copy / "params.json"), user=getpass.getuser(), beside=copy)
    hints = _hints(settings)
    again = hints.command("job", "run", str(copy / "params.json"), "--nodes", str(copy / "nodes.json"))
    hints = msgspec.structs.replace(hints, again=again)
    display = display_for(sys.stdout, SystemClock(), plain=plain, hints=hints)
    return await run_here(request, space, settings, displays=[display])


def _without_password(node: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in node.items() if name != "password"}


def _look_at(result: JobResult) -> None:
    """Show a node's log and its outputs."""
    log, output = _log_and_output(result)
    for title, path in (("what one node said", log), ("what it handed on", output)):
        if path is not None:
            lines = path.read_text("utf-8").splitlines()
            print(f"— {title} ({path.relative_to(result.folder)})\n")
            print("\n".join(f"    {line}" for line in lines[:_SHOWN]))
            print(f"    ... {len(lines) - _SHOWN} more lines\n" if len(lines) > _SHOWN else "")


def _log_and_output(result: JobResult) -> tuple[Path | None, Path | None]:
    output = next(iter(sorted((result.folder / "output").glob("[!l]*.json"))), None)
    return next((result.folder / "log").glob(f"*/{output.stem}.txt"), None) if output else None, output


def _invite(result: JobResult, settings: Settings) -> None:
    """Say how to look further."""
    hints = _hints(settings)
    log, _ = _log_and_output(result)
    node = [log.stem] if log else []
    print("— look further\n")
    for words in (["job", "show", result.job_id], ["job", "logs", result.job_id, *node], ["job", "list"]):
        print(f"    {hints.command(*words)}")


def _hints(settings: Settings) -> Hints:
    return Hints(program=program(), options=shlex.join(["--data", str(settings.data)]))
