"""``pilothouse node run``, and what is asked of it: status, wake, units for systemd."""

import argparse
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pilothouse.cli import listing
from pilothouse.errors import ExitCode, RefusedError, UsageError

if TYPE_CHECKING:
    from pilothouse.node.daemon.keeper import Order
    from pilothouse.node.daemon.status import PassStatus, Status


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add what concerns the node that this machine is; none of it needs a database."""
    run = commands.add_parser("run", help="keep this machine as declared, until it is told to end")
    run.add_argument("-v", "--verbose", action="store_true", help="show everything that passes say")
    run.set_defaults(work=_run)
    status = commands.add_parser("status", help="what the daemon did last, and does next")
    status.add_argument("--json", action="store_true", help="print JSON")
    status.set_defaults(work=_status)
    wake = commands.add_parser("wake", help="let the daemon look at the master now")
    wake.set_defaults(work=_wake)
    units = commands.add_parser("units", help="units for systemd: the daemon, and what follows a start of the machine")
    where = units.add_mutually_exclusive_group()
    where.add_argument("--print", dest="folder", action="store_const", const=None, help="print them (the default)")
    where.add_argument("--install", dest="folder", type=Path, metavar="DIR", help="write them into this folder")
    units.add_argument("--program", metavar="FILE", help="the program 'pilothouse' in them, if it is another one")
    units.set_defaults(work=_units)
    for command in (run, status, wake, units):
        command.add_argument("--cfg", metavar="FILE", help="the node's slapos.cfg, if it is not in its usual place")


def _run(chosen: argparse.Namespace) -> int:
    import asyncio

    from pilothouse.cli.slapos import logs, node_pass
    from pilothouse.cli.slapos.options import Common
    from pilothouse.node.daemon.keeper import Keeper

    in_journal = writes_to_journal(os.environ)  # which has a time for each line already
    log = logs.begin(Common(log_time=not in_journal))
    try:
        options = ["--verbose"] if chosen.verbose else ["--quiet"]
        options += ["--log-time"] if in_journal else []
        if node_pass.is_refused(root_check=node_pass.load(chosen).root_check):
            raise RefusedError("run this as root, or set root_check = false where the node is an ordinary user's")
        return asyncio.run(Keeper(lambda: _order(chosen, options)).run())
    finally:
        logs.end(log)


def writes_to_journal(environ: Mapping[str, str]) -> bool:
    """Whether standard error is the journal; children of services have the variable too, wherever they write."""
    status = os.fstat(2)
    return environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"


def _order(chosen: argparse.Namespace, options: list[str]) -> "Order":
    from pilothouse.cli.slapos import node_pass
    from pilothouse.node.daemon.keeper import Order
    from pilothouse.node.daemon.plan import Plan
    from pilothouse.node.daemon.stream import Source

    config = node_pass.load(chosen)
    if not config.instance_root.is_dir():
        raise UsageError(f"{config.instance_root} does not exist; name another instance_root in {config.path}")
    return Order(
        path=str(Path(config.path).absolute()),
        computer_id=config.computer_id,
        instance_root=config.instance_root,
        source=Source.of(config),
        plan=Plan.of(config, root=os.geteuid() == 0),
        words=(sys.executable, "-m", "pilothouse.cli.slapos.main", *options),
    )


def _status(chosen: argparse.Namespace) -> int:
    import msgspec

    from pilothouse.cli.slapos import node_pass
    from pilothouse.node.daemon import status

    root = node_pass.load(chosen).instance_root
    found, pid = status.load(root), status.living(root)
    if found is None or pid is None:
        text = "no daemon keeps this node; start one with: pilothouse node run"
        if found is not None:
            text += f"\nits last sign: {_ended(found)}"
        listing.said(chosen, text, {"running": False, "last": msgspec.to_builtins(found)})
        return ExitCode.FAILED
    if chosen.json:
        return listing.said(chosen, "", {"running": True, **msgspec.to_builtins(found)})
    stream = {"open": "the master tells of changes at once", "off": "off"}.get(
        found.stream.state, f"{found.stream.state}: the master is asked at intervals; {found.stream.text}"
    )
    print(f"process {pid} since {listing.moment(found.began)}, {found.configuration}\nstream  {stream}")
    if found.fault:
        print(f"fault   {found.fault}")
    print()
    headings = ("pass", "every", "last", "took", "code", "", "next")
    return listing.show(chosen, headings, [_row(name, one) for name, one in found.passes.items()], [])


def _ended(found: "Status") -> str:
    moments = [one.last.ended for one in found.passes.values() if one.last]
    return listing.moment(max(moments, default=found.began))


def _row(name: str, one: "PassStatus") -> tuple[str, ...]:
    from pilothouse.node.daemon.status import meaning

    last = one.last
    begun = listing.moment(last.began) if last else "never"
    took = f"{max(0.0, last.ended - last.began):.1f} s" if last else ""
    said = meaning(name, last.code) if last else ""
    due = f"now, process {one.running.pid}" if one.running else listing.moment(one.next)
    return (name, f"{one.interval} s", begun, took, str(last.code) if last else "", said, due)


def _wake(chosen: argparse.Namespace) -> int:
    from pilothouse.cli.slapos import node_pass
    from pilothouse.node.daemon import status

    pid = status.living(node_pass.load(chosen).instance_root)
    if pid is None:
        raise RefusedError("no daemon keeps this node; start one with: pilothouse node run")
    os.kill(pid, signal.SIGUSR1)
    print(f"process {pid} looks at the master now")
    return ExitCode.SUCCESS


def _units(chosen: argparse.Namespace) -> int:
    from pilothouse.cli.slapos import configuration
    from pilothouse.node.daemon import units

    texts = units.units(units.Site(
        pilothouse=chosen.program or _program("pilothouse"),
        slapos=_beside(chosen.program, "slapos") if chosen.program else _program("slapos"),
        cfg=str(Path(configuration.node_path(chosen.cfg)).absolute()),
    ))  # fmt: skip
    if chosen.folder is None:
        print("\n".join(f"# {name}\n{text}" for name, text in texts.items()))
        return ExitCode.SUCCESS
    from pilothouse.files import write_atomic

    for name, text in texts.items():
        write_atomic(chosen.folder / name, text.encode())
        print(chosen.folder / name)
    print("next: systemctl daemon-reload && systemctl enable --now slapos-boot.service slapos-node.service")
    return ExitCode.SUCCESS


def _program(name: str) -> str:
    """Return where an installed command is: beside the one that runs, or beside its interpreter."""
    for folder in (Path(sys.argv[0]).absolute().parent, Path(sys.executable).parent):
        if (folder / name).is_file():
            return str(folder / name)
    raise UsageError(f"the program {name} is not installed beside {sys.executable}; say where it is: --program FILE")


def _beside(program: str, name: str) -> str:
    return str(Path(program).with_name(name))
