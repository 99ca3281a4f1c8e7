"""``slapos node prune``: removes shared parts that no release uses (node spec, section 18)."""

import argparse
import logging
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from pilothouse.cli.slapos import node_pass
from pilothouse.cli.slapos.call import CommandError
from pilothouse.cli.slapos.commands import Entry
from pilothouse.cli.slapos.options import add_node_file

_REFUSED: Final = 255


def _arguments(parser: argparse.ArgumentParser) -> None:
    add_node_file(parser)
    parser.add_argument("--dry-run", "-n", action="store_true", help="Name what would be removed, and remove nothing.")
    parser.add_argument(
        "--additional-software-directory", action="append", default=[], metavar="DIRECTORY",
        help="A further directory of releases whose parts are in use; may be given several times.",
    )  # fmt: skip


def _run(chosen: argparse.Namespace) -> int:
    from pilothouse.node import pidfile, prune
    from pilothouse.node.configuration import Reader
    from pilothouse.node.shared_parts import shared_directory

    log = logging.getLogger("slapos")
    path, sections = node_pass.sections_of(chosen.cfg)
    reader = Reader(path, sections, {})
    reader.need_slapos()
    if node_pass.is_refused(root_check=reader.boolean("root_check", default=True)):
        return node_pass.NO_ROOT
    shared = shared_directory(reader.text("shared_part_list") or "")
    if shared is None:
        log.error("No shared_part_list options in slapos config")
        return _REFUSED
    software, instances = reader.path("software_root"), reader.path("instance_root")
    if software is None or instances is None:
        raise CommandError("Missing mandatory parameters: instance_root, software_root", f"They belong into {path}.")
    tree = prune.Tree(software_root=software, instance_root=instances, shared=shared)
    with ExitStack() as stack:
        held = reader.file("pidfile_software")
        if held and not chosen.dry_run:
            if Path(held).exists():
                log.error("Cannot prune while software is running")
                return _REFUSED
            stack.enter_context(pidfile.held(held))
        prune.run(tree, [Path(one) for one in chosen.additional_software_directory], dry=chosen.dry_run)
    return 0


COMMAND: Final = Entry(
    "clean shared parts",
    _arguments,
    _run,
    "examples:\n  slapos node prune --dry-run\n  slapos node prune --additional-software-directory /opt/other\n\n"
    "exit codes: 0 done, 255 no shared_part_list, or software is being built",
)
