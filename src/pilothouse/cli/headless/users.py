"""``pilothouse headless user`` and ``login``: who may run what, and which OS logins may act for whom."""

import argparse
import os
import sys
import time
from typing import TYPE_CHECKING, Any

import msgspec

from pilothouse.cli import listing
from pilothouse.cli.headless import groups, records
from pilothouse.errors import UsageError
from pilothouse.store.headless_accounts import HeadlessUser, OsLogin

if TYPE_CHECKING:
    from pilothouse.headless.shim.layout import Account

_LONGEST = 64


def add_parsers(things: Any) -> list[argparse.ArgumentParser]:
    """Add the commands; returns those that work on the database."""
    user = things.add_parser("user", help="users and their rights").add_subparsers(metavar="WHAT", required=True)
    add = user.add_parser("add", help="make a user, or change one")
    add.add_argument("name", metavar="USER")
    add.add_argument("--os-account", required=True, metavar="ACCOUNT", help="whom the user's jobs run as")
    add.add_argument(
        "--right", action="append", default=[], metavar="RIGHT",
        help="module:GLOB, file:ROOT/GLOB, code, see:own, see:any, cancel:own, cancel:any; repeatable",
    )  # fmt: skip
    add.add_argument("--group", action="append", default=[], metavar="GROUP", help="has its rights too; repeatable")
    add.add_argument("--from", dest="valid_from", type=records.moment, metavar="DAY", help="not before this day")
    add.add_argument("--to", dest="valid_to", type=records.moment, metavar="DAY", help="not from this day on")
    add.add_argument(
        "--limit", action="append", default=[], metavar="NAME=NUMBER", help="a narrower limit, such as runtime=3600"
    )
    add.set_defaults(work=_add)
    listed = user.add_parser("list", help="every user")
    listed.set_defaults(work=_list)
    remove = user.add_parser("remove", help="remove a user with its credentials; its sessions go on")
    remove.add_argument("name", metavar="USER")
    remove.set_defaults(work=_remove)
    return [add, listed, remove, *_logins(things)]


def _logins(things: Any) -> list[argparse.ArgumentParser]:
    login = things.add_parser("login", help="OS logins that may act for users").add_subparsers(
        metavar="WHAT", required=True
    )
    add = login.add_parser("add", help="let an OS login act for a user")
    remove = login.add_parser("remove", help="do so no longer")
    for each in (add, remove):
        each.add_argument("os_user", metavar="OS_USER")
        each.add_argument("host", metavar="HOST", help="the client's machine; this one's own name for local clients")
        each.add_argument("user", metavar="USER")
    add.add_argument("--default", action="store_true", help="act for this user when the client names none")
    add.set_defaults(work=_add_login)
    remove.set_defaults(work=_remove_login)
    listed = login.add_parser("list", help="every mapping")
    listed.set_defaults(work=_list_logins)
    return [add, remove, listed]


def _add(chosen: argparse.Namespace) -> int:
    from pilothouse.headless.server import bounds, oslogin, rights
    from pilothouse.store import headless_accounts, headless_groups

    if not 0 < len(chosen.name) <= _LONGEST or not chosen.name.isprintable() or "/" in chosen.name:
        raise UsageError(f"user {chosen.name!r}: give 1 to {_LONGEST} characters, no / among them")
    groups.check(chosen)
    user = HeadlessUser(
        name=chosen.name,
        os_account=chosen.os_account,
        rights=tuple(chosen.right),
        groups=tuple(chosen.group),
        limits=bounds.check(bounds.named_numbers(chosen.limit)),
        valid_from=chosen.valid_from,
        valid_to=chosen.valid_to,
        created=time.time(),
    )
    words = records.read(chosen, lambda c: headless_groups.rights_of(c, user))
    _warn(user, rights.parse(words).code, oslogin.account_of(user.os_account))
    detail = {"account": user.os_account, "rights": list(user.rights), "groups": list(user.groups)}
    records.write(
        chosen, "user add", f"headless user {user.name}", detail, lambda c: headless_accounts.put_user(c, user)
    )
    return listing.said(chosen, f"user {user.name}: {', '.join(words) or 'no right'}", _described(user))


def _warn(user: HeadlessUser, code: bool, account: "Account") -> None:
    if code and user.os_account == "root":
        raise UsageError("the right 'code' with the account root would be root itself; give another --os-account")
    if code:
        print(f"the right 'code' is a shell as {user.os_account}", file=sys.stderr)
    if account["uid"] is None and os.geteuid() != 0:
        print("the jobs of this user run as the server itself and can reach its files", file=sys.stderr)


def _list(chosen: argparse.Namespace) -> int:
    from pilothouse.store import headless_accounts

    found = records.read(chosen, headless_accounts.users)
    rows = [
        (user.name, user.os_account, " ".join(user.rights), " ".join(user.groups), listing.moment(user.valid_from),
         listing.moment(user.valid_to), listing.moment(user.last_login))
        for user in found
    ]  # fmt: skip
    headings = ("user", "account", "rights", "groups", "from", "to", "last login")
    return listing.show(chosen, headings, rows, [_described(user) for user in found])


def _remove(chosen: argparse.Namespace) -> int:
    from pilothouse.store import headless_accounts

    removed = records.write(
        chosen, "user remove", f"headless user {chosen.name}", {},
        lambda c: headless_accounts.remove_user(c, chosen.name),
    )  # fmt: skip
    records.gone(removed, f"user {chosen.name}")
    return listing.said(chosen, f"user {chosen.name} is removed", {"name": chosen.name, "removed": True})


def _add_login(chosen: argparse.Namespace) -> int:
    from pilothouse.store import headless_accounts

    login = OsLogin(chosen.os_user, chosen.host, chosen.user, chosen.default)
    if records.read(chosen, lambda c: headless_accounts.find_user(c, chosen.user)) is None:
        raise UsageError(f"there is no user {chosen.user}; make it first: pilothouse headless user add")
    records.write(
        chosen, "login add", f"headless user {login.user}", msgspec.to_builtins(login),
        lambda c: headless_accounts.put_os_login(c, login),
    )  # fmt: skip
    return listing.said(chosen, f"{login.os_user}@{login.host} may act for {login.user}", msgspec.to_builtins(login))


def _remove_login(chosen: argparse.Namespace) -> int:
    from pilothouse.store import headless_accounts

    login = OsLogin(chosen.os_user, chosen.host, chosen.user, False)
    removed = records.write(
        chosen, "login remove", f"headless user {login.user}", msgspec.to_builtins(login),
        lambda c: headless_accounts.remove_os_login(c, login),
    )  # fmt: skip
    records.gone(removed, f"mapping of {login.os_user}@{login.host} to {login.user}")
    text = f"{login.os_user}@{login.host} may act for {login.user} no longer"
    return listing.said(chosen, text, {"user": login.user, "removed": True})


def _list_logins(chosen: argparse.Namespace) -> int:
    from pilothouse.store import headless_accounts

    found = records.read(chosen, headless_accounts.os_logins)
    rows = [(each.os_user, each.host, each.user, "default" if each.is_default else "") for each in found]
    return listing.show(chosen, ("OS user", "host", "user", ""), rows, [msgspec.to_builtins(each) for each in found])


def _described(user: HeadlessUser) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.to_builtins(user)
    return found
