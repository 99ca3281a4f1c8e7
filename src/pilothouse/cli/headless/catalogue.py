"""``pilothouse headless module`` and ``root``: what may be run."""

import argparse
import json
import pwd
import shlex
import sys
import time
from pathlib import Path
from typing import Any

import msgspec

from pilothouse.cli import listing
from pilothouse.cli.headless import records
from pilothouse.errors import UsageError

_POLICIES = ("refuse", "queue", "attach", "replace", "parallel")


def add_parsers(things: Any) -> list[argparse.ArgumentParser]:
    """Add the commands; returns those that work on the database."""
    module = things.add_parser("module", help="named jobs, for -m").add_subparsers(metavar="WHAT", required=True)
    add = module.add_parser("add", help="publish a module, or its next version; sessions keep theirs")
    add.add_argument("name", metavar="MOD_ID")
    what = add.add_mutually_exclusive_group(required=True)
    what.add_argument("--definition", type=Path, metavar="PARAMS", help="a job document that the engine runs")
    what.add_argument("--file", metavar="ROOT:PATH", help="a Python file below a root")
    what.add_argument("--python", metavar="PACKAGE.MODULE:FUNCTION", help="a function, called with the parameters")
    what.add_argument(
        "--exec", nargs=argparse.REMAINDER, metavar="WORD", help="a command and its words; the last option, no shell"
    )
    add.add_argument("--nodes", type=Path, metavar="FILE", help="the node file of a definition")
    add.add_argument("--param", action="append", default=[], metavar="NAME=DEFAULT", help="a parameter; repeatable")
    add.add_argument("--policy", choices=_POLICIES, default="refuse", help="when it is running already (refuse)")
    add.add_argument("--key", default="", help="what may run once only (default: the module); {NAME} is a parameter")
    add.add_argument("--max", type=int, default=1, metavar="N", help="how many at once, with --policy parallel")
    add.add_argument("--queue", type=int, default=1, metavar="N", help="how many may wait, with --policy queue")
    add.add_argument("--limit", action="append", default=[], metavar="NAME=NUMBER", help="a narrower limit")
    add.set_defaults(work=_add)
    listed = module.add_parser("list", help="every module")
    listed.set_defaults(work=_list)
    remove = module.add_parser("remove", help="publish it no longer")
    remove.add_argument("name", metavar="MOD_ID")
    remove.set_defaults(work=_remove)
    return [add, listed, remove, *_roots(things)]


def _roots(things: Any) -> list[argparse.ArgumentParser]:
    root = things.add_parser("root", help="folders of Python files, for -f").add_subparsers(
        metavar="WHAT", required=True
    )
    add = root.add_parser("add", help="allow files below a folder, or change how")
    add.add_argument("name", metavar="ROOT")
    add.add_argument("path", type=Path, metavar="FOLDER")
    add.add_argument("--owner", default="", metavar="ACCOUNT", help="may own the files, besides root")
    add.add_argument("--default", action="store_true", help="meant when -f names no root")
    add.add_argument("--importable", action="store_true", help="files may import what lies beside them")
    add.add_argument("--single", action="store_true", help="each file runs once at a time")
    add.set_defaults(work=_add_root)
    listed = root.add_parser("list", help="every root")
    listed.set_defaults(work=_list_roots)
    remove = root.add_parser("remove", help="allow them no longer")
    remove.add_argument("name", metavar="ROOT")
    remove.set_defaults(work=_remove_root)
    return [add, listed, remove]


def _add(chosen: argparse.Namespace) -> int:
    from pilothouse.headless.server import bounds, modules
    from pilothouse.store import headless_catalogue

    module = modules.Module(
        kind=_kind(chosen),
        entry=chosen.python or "",
        file=chosen.file or "",
        command=tuple(chosen.exec or ()),
        definition=_document(chosen.definition) if chosen.definition else {},
        nodes=records.text(chosen.nodes) if chosen.nodes else "",
        params=_params(chosen),
        concurrency=modules.Concurrency(key=chosen.key, policy=chosen.policy, max=chosen.max, queue=chosen.queue),
        limits=bounds.named_numbers(chosen.limit),
    )
    document = modules.encode(modules.check(chosen.name, module))
    if module.file:
        _try(chosen, module.file)
    version = records.write(
        chosen, "module add", f"headless module {chosen.name}", {"kind": module.kind},
        lambda c: headless_catalogue.add_module(c, chosen.name, document, time.time()),
    )  # fmt: skip
    value = {"name": chosen.name, "version": version, "kind": module.kind, "command": list(module.command)}
    if module.kind == "definition" and modules.has_sealed_passwords(module):
        print(
            "its nodes have sealed passwords: the accounts of its users need password_key in a settings file of their "
            "own, ~/.config/pilothouse/pilothouse.toml",
            file=sys.stderr,
        )
    # all words after --exec are the command's, so what was meant as an option of ours is seen here
    runs = f": {shlex.join(module.command)}" if module.command else ""
    return listing.said(chosen, f"module {chosen.name}, version {version}{runs}", value)


def _try(chosen: argparse.Namespace, path: str) -> None:
    """Raise UsageError when no session could run the file as it is now."""
    from pilothouse.headless.server import confinement
    from pilothouse.store import headless_catalogue

    try:
        confinement.read(*confinement.locate(records.read(chosen, headless_catalogue.roots), path))
    except confinement.FileRejectedError as error:
        raise UsageError(f"{error}: {error.reason}; see: pilothouse headless root list") from None


def _kind(chosen: argparse.Namespace) -> Any:
    if chosen.definition:
        return "definition"
    return "file" if chosen.file else "python" if chosen.python else "command"


def _document(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(records.text(path))
    except ValueError as error:
        raise UsageError(f"{path}: is no JSON: {error}") from None
    if not isinstance(found, dict):
        raise UsageError(f"{path}: is no job document")
    return found


def _params(chosen: argparse.Namespace) -> dict[str, str]:
    found = {}
    for word in chosen.param:
        name, separator, value = word.partition("=")
        if not separator or not name:
            raise UsageError(f"parameter {word!r}: give a name and its default, such as year=2025")
        found[name] = value
    return found


def _list(chosen: argparse.Namespace) -> int:
    from pilothouse.headless.server import modules
    from pilothouse.store import headless_catalogue

    found = [(row, modules.decode(row.document)) for row in records.read(chosen, headless_catalogue.modules)]
    rows = [
        (row.title, str(row.version), module.kind, module.concurrency.policy, " ".join(module.params),
         listing.moment(row.created))
        for row, module in found
    ]  # fmt: skip
    values = [
        {"name": row.title, "version": row.version, "created": row.created, **msgspec.to_builtins(module)}
        for row, module in found
    ]
    return listing.show(chosen, ("module", "version", "kind", "policy", "parameters", "made"), rows, values)


def _remove(chosen: argparse.Namespace) -> int:
    from pilothouse.store import headless_catalogue

    removed = records.write(
        chosen, "module remove", f"headless module {chosen.name}", {},
        lambda c: headless_catalogue.remove_module(c, chosen.name, time.time()),
    )  # fmt: skip
    records.gone(removed, f"module {chosen.name}")
    return listing.said(chosen, f"module {chosen.name} is removed", {"name": chosen.name, "removed": True})


def _add_root(chosen: argparse.Namespace) -> int:
    from pilothouse.store import headless_catalogue
    from pilothouse.store.headless_catalogue import Root

    folder = chosen.path.resolve()
    if not folder.is_dir():
        raise UsageError(f"{folder} is no folder")
    if not chosen.name.replace("-", "").replace("_", "").isalnum():
        raise UsageError(f"root {chosen.name!r}: give a name of letters, digits, - and _")
    if chosen.owner:
        _check_account(chosen.owner)
    root = Root(
        name=chosen.name, path=str(folder), owner=chosen.owner, is_default=chosen.default,
        importable=chosen.importable, single=chosen.single,
    )  # fmt: skip
    records.write(
        chosen, "root add", f"headless root {root.name}", msgspec.to_builtins(root),
        lambda c: headless_catalogue.put_root(c, root),
    )  # fmt: skip
    return listing.said(chosen, f"root {root.name}: {root.path}", msgspec.to_builtins(root))


def _check_account(name: str) -> None:
    try:
        pwd.getpwnam(name)
    except KeyError:
        raise UsageError(f"--owner {name}: there is no account of this name on this machine") from None


def _list_roots(chosen: argparse.Namespace) -> int:
    from pilothouse.store import headless_catalogue

    found = records.read(chosen, headless_catalogue.roots)
    flags = ("is_default", "importable", "single")
    rows = [
        (root.name, root.path, root.owner, " ".join(flag.removeprefix("is_") for flag in flags if getattr(root, flag)))
        for root in found
    ]
    return listing.show(chosen, ("root", "folder", "owner", "is"), rows, [msgspec.to_builtins(root) for root in found])


def _remove_root(chosen: argparse.Namespace) -> int:
    from pilothouse.store import headless_catalogue

    removed = records.write(
        chosen, "root remove", f"headless root {chosen.name}", {},
        lambda c: headless_catalogue.remove_root(c, chosen.name),
    )  # fmt: skip
    records.gone(removed, f"root {chosen.name}")
    return listing.said(chosen, f"root {chosen.name} is removed", {"name": chosen.name, "removed": True})
