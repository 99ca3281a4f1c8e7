"""``pilothouse headless group``: rights that several users share."""

import argparse
from typing import Any

import msgspec

from pilothouse.cli import listing
from pilothouse.cli.headless import records
from pilothouse.errors import UsageError


def add_parsers(things: Any) -> list[argparse.ArgumentParser]:
    """Add the commands; returns those that work on the database."""
    group = things.add_parser("group", help="rights that users share").add_subparsers(metavar="WHAT", required=True)
    add = group.add_parser("add", help="make a group, or change its rights; users join by 'user add --group'")
    add.add_argument("name", metavar="GROUP")
    add.add_argument("--right", action="append", default=[], metavar="RIGHT", help="as for a user; repeatable")
    add.set_defaults(work=_add)
    listed = group.add_parser("list", help="every group with its members")
    listed.set_defaults(work=_list)
    remove = group.add_parser("remove", help="take its rights from its members")
    remove.add_argument("name", metavar="GROUP")
    remove.set_defaults(work=_remove)
    return [add, listed, remove]


def check(chosen: argparse.Namespace) -> None:
    """Raise UsageError when a user is to join a group that is not there."""
    from pilothouse.store import headless_groups

    known = {group.name for group in records.read(chosen, headless_groups.groups)} if chosen.group else set()
    for name in chosen.group:
        if name not in known:
            raise UsageError(
                f"there is no group {name}; make it first: pilothouse headless group add {name} --right ..."
            )


def _add(chosen: argparse.Namespace) -> int:
    from pilothouse.headless.server import rights
    from pilothouse.store import headless_accounts, headless_groups

    if not chosen.name.isprintable() or not chosen.name.strip():
        raise UsageError(f"group {chosen.name!r}: give a name")
    granted = rights.parse(chosen.right)
    members = [user for user in records.read(chosen, headless_accounts.users) if chosen.name in user.groups]
    for user in members if granted.code else ():
        if user.os_account == "root":
            raise UsageError(f"the right 'code' for {user.name}, who runs jobs as root, would be root itself")
    made = headless_groups.Group(name=chosen.name, rights=tuple(chosen.right))
    records.write(
        chosen, "group add", f"headless group {made.name}", {"rights": list(made.rights)},
        lambda c: headless_groups.put_group(c, made),
    )  # fmt: skip
    return listing.said(chosen, f"group {made.name}: {', '.join(made.rights) or 'no right'}", msgspec.to_builtins(made))


def _list(chosen: argparse.Namespace) -> int:
    from pilothouse.store import headless_accounts, headless_groups

    users = records.read(chosen, headless_accounts.users)
    values = [
        {**msgspec.to_builtins(group), "members": [user.name for user in users if group.name in user.groups]}
        for group in records.read(chosen, headless_groups.groups)
    ]
    rows = [(each["name"], " ".join(each["rights"]), " ".join(each["members"])) for each in values]
    return listing.show(chosen, ("group", "rights", "members"), rows, values)


def _remove(chosen: argparse.Namespace) -> int:
    from pilothouse.store import headless_groups

    removed = records.write(
        chosen, "group remove", f"headless group {chosen.name}", {},
        lambda c: headless_groups.remove_group(c, chosen.name),
    )  # fmt: skip
    records.gone(removed, f"group {chosen.name}")
    return listing.said(chosen, f"group {chosen.name} is removed", {"name": chosen.name, "removed": True})
