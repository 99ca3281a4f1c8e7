"""``pilothouse user``: who may log in, with which roles and tokens; works on the server's database itself."""

import argparse
import time
from collections.abc import Sequence
from typing import Any, Final, get_args

from sqlalchemy import Connection

from pilothouse.cli import database, listing
from pilothouse.identity.caller import Role
from pilothouse.identity.tokens import Token
from pilothouse.store.accounts import User

_TEXT: Final = """\
Make users and tokens where the server's database is. No running server and no login is needed: whoever may read the
database is an administrator. The audit log keeps each change.
"""
_EXAMPLES: Final = """\
examples:
  pilothouse user add ann --role operator                 ann may request and supply; she needs a token
  pilothouse user token ann                               prints a token for scripts and the REST interface
  pilothouse user token ann --kind client                 for 'slapos configure client', once, within a day
  pilothouse user list --json
  pilothouse user tokens ann
  pilothouse user revoke 7                                the token of that number
  pilothouse user remove ann                              her tokens and certificates end with her
"""
_ROLES: Final = tuple(role for role in get_args(Role) if role != "node")


def make_parser() -> argparse.ArgumentParser:
    """Return the parser."""
    parser = argparse.ArgumentParser(
        prog="pilothouse user",
        description=_TEXT,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(metavar="COMMAND", dest="command", required=True)
    add = commands.add_parser("add", help="make a user, or give one more roles")
    add.add_argument("name", metavar="NAME")
    add.add_argument("--email", default="", metavar="ADDRESS", help="for people to look at")
    add.add_argument(
        "--role", action="append", choices=_ROLES, help="what the user may do (default viewer); repeatable"
    )
    _project(add)
    add.set_defaults(work=_add)
    commands.add_parser("list", help="every user with roles").set_defaults(work=_list)
    remove = commands.add_parser("remove", help="keep a user from logging in; the name stays taken")
    remove.add_argument("name", metavar="NAME")
    remove.set_defaults(work=_remove)
    token = commands.add_parser("token", help="make a token, and print it this once")
    token.add_argument("name", metavar="NAME")
    token.add_argument(
        "--kind", choices=("access", "client"), default="access", help="to log in, or to configure a client once"
    )
    token.add_argument("--days", type=_days, metavar="N", help="after which it ends (default: an access token never)")
    token.add_argument("--for", dest="subject", default="", metavar="TEXT", help="what it is for")
    _project(token)
    token.set_defaults(work=_token)
    tokens = commands.add_parser("tokens", help="the tokens of a user, without their texts")
    tokens.add_argument("name", metavar="NAME")
    tokens.set_defaults(work=_tokens)
    revoke = commands.add_parser("revoke", help="end a token now")
    revoke.add_argument("token", type=int, metavar="NUMBER", help="as pilothouse user tokens shows it")
    revoke.set_defaults(work=_revoke)
    database.add_to_all(commands.choices.values())
    return parser


def main(words: Sequence[str]) -> int:
    """Run ``pilothouse user ...``."""
    chosen = make_parser().parse_args(words)
    return int(chosen.work(chosen))


def _add(chosen: argparse.Namespace) -> int:
    from pilothouse.server import administration

    def work(connection: Connection) -> User:
        return administration.add_user(
            connection, database.caller(), chosen.name, chosen.email, chosen.role or ["viewer"], chosen.project,
            time.time(),
        )  # fmt: skip

    made = database.write(chosen, work)
    return listing.said(chosen, f"user {made.name}: {_roles(made)}", _user(made))


def _list(chosen: argparse.Namespace) -> int:
    from pilothouse.store import accounts

    found = database.read(chosen, accounts.listed)
    rows = [(user.name, _roles(user), user.email, "removed" if user.disabled else "") for user in found]
    return listing.show(chosen, ("name", "roles", "email", ""), rows, [_user(user) for user in found])


def _remove(chosen: argparse.Namespace) -> int:
    from pilothouse.server import administration

    database.write(
        chosen,
        lambda connection: administration.remove_user(connection, database.caller(), chosen.name, time.time()),
    )
    return listing.said(chosen, f"user {chosen.name} may not log in any more", {"name": chosen.name, "removed": True})


def _token(chosen: argparse.Namespace) -> int:
    return make_token(chosen, chosen.name, chosen.kind, chosen.days)


def make_token(chosen: argparse.Namespace, name: str, kind: Any, days: float | None) -> int:
    """Make a token and print it, nothing else, so that scripts can take it."""
    from pilothouse.server import administration

    def work(connection: Connection) -> str:
        made = administration.new_token(
            connection, database.caller(), name, kind, chosen.project, chosen.subject, days, time.time()
        )
        return made.reveal()

    token = database.write(chosen, work)
    return listing.said(chosen, token, {"user": name, "kind": kind, "project": chosen.project, "token": token})


def _tokens(chosen: argparse.Namespace) -> int:
    from pilothouse.store import credentials

    found = database.read(chosen, lambda connection: credentials.tokens_of(connection, chosen.name))
    rows = [
        (str(token.token_id), token.kind, token.project, _state(token, time.time()), listing.moment(token.created),
         listing.moment(token.expires), token.subject)
        for token in found
    ]  # fmt: skip
    return listing.show(
        chosen,
        ("number", "kind", "project", "state", "made", "ends", "for"),
        rows,
        [_described(token, time.time()) for token in found],
    )


def _revoke(chosen: argparse.Namespace) -> int:
    from pilothouse.server import administration

    database.write(
        chosen,
        lambda connection: administration.revoke_token(connection, database.caller(), chosen.token, time.time()),
    )
    return listing.said(chosen, f"token {chosen.token} is revoked", {"number": chosen.token, "revoked": True})


def _project(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--project", default="", metavar="NAME", help="where the roles count (default: the whole site)")


def _days(text: str) -> float:
    days = float(text)
    if not 0 < days < float("inf"):
        raise argparse.ArgumentTypeError("give a number of days greater than 0")
    return days


def _roles(user: User) -> str:
    return "; ".join(
        f"{', '.join(sorted(roles))}{f' in {project}' if project else ''}" for project, roles in user.roles.items()
    )


def _user(user: User) -> dict[str, Any]:
    return {
        "name": user.name,
        "email": user.email,
        "roles": {project: sorted(roles) for project, roles in user.roles.items()},
        "created": user.created,
        "removed": user.disabled,
    }


def _state(token: Token, now: float) -> str:
    if token.revoked is not None:
        return "revoked"
    if token.kind != "access" and token.used is not None:
        return "used"
    return "expired" if token.expires is not None and now >= token.expires else "valid"


def _described(token: Token, now: float) -> dict[str, Any]:
    return {
        "number": token.token_id,
        "kind": token.kind,
        "project": token.project,
        "state": _state(token, now),
        "created": token.created,
        "expires": token.expires,
        "used": token.used,
        "revoked": token.revoked,
        "for": token.subject,
    }
