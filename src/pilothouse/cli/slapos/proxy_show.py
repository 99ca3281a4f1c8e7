"""``slapos proxy show``: what the proxy's database holds, as tables (spec section 8.2)."""

import argparse
import hashlib
import json
import os
import shlex
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pilothouse.cli.slapos import configuration
from pilothouse.cli.slapos.call import CommandError
from pilothouse.cli.slapos.commands import Entry
from pilothouse.cli.slapos.options import add_node_file

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from pilothouse.store.slapproxy import Rows

_VERSION: Final = "18"  # of the original's tables that these look like
_PAGER: Final = "less --quit-if-one-screen --no-init"
_KEYS: Final = ("ssh-key", "ssh-public-key")
_SHOWN: Final = 20  # characters of each end of a long key
_FLAGS: Final = ("computers", "software", "partitions", "slaves", "params", "network")


def _arguments(parser: argparse.ArgumentParser) -> None:
    add_node_file(parser)
    parser.add_argument("-u", "--database-uri", help="URI for sqlite database")
    parser.add_argument("--computers", action="store_true", help="view computer information")
    parser.add_argument("--software", action="store_true", help="view software releases")
    parser.add_argument("--partitions", action="store_true", help="view partitions")
    parser.add_argument("--slaves", action="store_true", help="view slave instances")
    parser.add_argument("--params", action="store_true", help="view published parameters")
    parser.add_argument("--network", action="store_true", help="view network settings")


def _run(chosen: argparse.Namespace) -> int:
    import asyncio

    from pilothouse.cli.slapos.proxy_database import place_of

    uri = chosen.database_uri or _configured(chosen)
    path = place_of(uri)
    if not path.is_file():
        raise CommandError(f"{path}: there is no database", "Start the proxy first: slapos proxy start.")
    flags = [flag for flag in _FLAGS if getattr(chosen, flag)] or list(_FLAGS)
    blocks = asyncio.run(_read(path, flags))
    _print(f"Using database: {uri}\n" + "\n \n".join(blocks) + "\n")
    return 0


def _configured(chosen: argparse.Namespace) -> str:
    from pilothouse.server import slapos_file

    path = Path(configuration.node_path(chosen.cfg))
    if uri := slapos_file.read(path).get("database_uri"):
        return uri
    raise CommandError("database-uri is required.", f"Give --database-uri, or database_uri in {path}.")


async def _read(path: Path, flags: list[str]) -> list[str]:
    from pilothouse.store.database import open_store

    store = await open_store(path)
    try:
        return await store.read(lambda connection: [_BLOCKS[flag](connection) for flag in flags])
    finally:
        await store.close()


def _computers(connection: "Connection") -> str:
    from pilothouse.store import slapproxy

    return table("computer", slapproxy.computers(connection))


def _software(connection: "Connection") -> str:
    from pilothouse.store import slapproxy

    columns, rows = slapproxy.software(connection)
    sums = [(*row, hashlib.md5(row[0].encode(), usedforsecurity=False).hexdigest()) for row in rows]
    return table("software", slapproxy.Rows((*columns, "md5"), sums))


def _partitions(connection: "Connection") -> str:
    from pilothouse.store import slapproxy

    return table("partition", slapproxy.occupied(connection), "xml, connection_xml, slave_instance_list")


def _slaves(connection: "Connection") -> str:
    from pilothouse.store import slapproxy

    return table("slave", slapproxy.slaves(connection), "connection_xml")


def _params(connection: "Connection") -> str:
    from pilothouse.store import slapproxy

    lines: list[str] = []
    for partition, title, software_type, published in slapproxy.published(connection):
        lines.append(f"{partition}: {title} (type {software_type})")
        lines += [f"    {name} = {_text(name, value)}" for name, value in sorted(json.loads(published).items())]
    return "\n".join(lines)


def _network(connection: "Connection") -> str:
    from pilothouse.store import slapproxy

    found: dict[str, list[str]] = defaultdict(list)
    for partition, address in slapproxy.addresses(connection):
        found[partition].append(address)
    return "\n".join(f"{partition}: {', '.join(sorted(known))}" for partition, known in found.items())


_BLOCKS: Final[dict[str, Callable[["Connection"], str]]] = {
    "computers": _computers,
    "software": _software,
    "partitions": _partitions,
    "slaves": _slaves,
    "params": _params,
    "network": _network,
}


def table(name: str, found: "Rows", skipped: str = "") -> str:
    """Return a table below its name: rules around the headings and at the end, cells centred, ``-`` for nothing."""
    if not found.rows:
        return f"table {name}{_VERSION}: empty"
    head = f"table {name}{_VERSION}" + (f": skipping {skipped}" if skipped else "")
    rows = [["-" if cell is None else str(cell) for cell in row] for row in found.rows]
    widths = [max(map(len, cells)) for cells in zip(found.columns, *rows, strict=True)]
    rule = "-" * (sum(widths) + len(widths) + 1)
    lines = [_line(row, widths) for row in (found.columns, *rows)]
    return "\n".join([head, rule, lines[0], rule, *lines[1:], rule])


def _line(cells: Any, widths: list[int]) -> str:
    return f" {' '.join(_centred(cell, width) for cell, width in zip(cells, widths, strict=True))} "


def _centred(text: str, width: int) -> str:
    spare = width - len(text)
    left = spare // 2 + (spare % 2 and not len(text) % 2)  # an odd blank goes left of a text of even length
    return " " * left + text + " " * (spare - left)


def _text(name: str, value: str) -> str:
    if name in _KEYS:
        return f"{value[:_SHOWN]}...{value[-_SHOWN:]}"
    if name == "_":
        try:
            return json.dumps(json.loads(value), indent=2, sort_keys=True)
        except ValueError:
            return value
    return value


def _print(text: str) -> None:
    if not sys.stdout.isatty():
        sys.stdout.write(text)
        return
    words = shlex.split(os.environ.get("PAGER") or _PAGER)
    try:
        subprocess.run(words, input=text.encode(), check=False)
    except OSError:
        sys.stdout.write(text)


COMMAND: Final = Entry("display proxy instances and parameters", _arguments, _run)
