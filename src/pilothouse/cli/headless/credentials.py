"""``pilothouse headless cred``: the secrets with which users log in; the server keeps none of them."""

import argparse
import getpass
import ipaddress
import os
import sys
import time
from pathlib import Path
from typing import Any

from pilothouse.cli import database, listing
from pilothouse.cli.headless import records
from pilothouse.errors import UsageError
from pilothouse.store.headless_accounts import Credential

_LARGEST = 4096


def add_parsers(things: Any) -> list[argparse.ArgumentParser]:
    """Add the commands; returns those that work on the database."""
    cred = things.add_parser("cred", help="the credentials of users").add_subparsers(metavar="WHAT", required=True)
    add = cred.add_parser(
        "add",
        help="make a credential",
        description="Make a credential: of random bytes, written into a secret file, or of a password that is asked "
        "for on the terminal (or read from standard input, one line). OWNER is a user, or os:NAME@HOST.",
    )
    imported = cred.add_parser(
        "import", help="take over the secret file of an old client", description="Read an existing secret file once."
    )
    remove = cred.add_parser("remove", help="revoke a credential")
    for each in (add, imported, remove):
        each.add_argument("owner", metavar="OWNER")
    imported.add_argument("file", type=Path, metavar="FILE")
    for each in (add, imported, remove):
        each.add_argument("--name", default="", metavar="NAME", help="a further credential, such as cron-host7")
    for each in (add, imported):
        each.add_argument("--expires", type=records.days, metavar="DAYS", help="it ends after so many days")
        each.add_argument(
            "--allow-from", action="append", default=[], type=_network, metavar="NETWORK",
            help="only from there, such as 10.0.0.7/32; repeatable",
        )  # fmt: skip
    how = add.add_mutually_exclusive_group(required=True)
    how.add_argument("--out", type=Path, metavar="FILE", help="make it of random bytes and write this secret file")
    how.add_argument("--password", action="store_true", help="make it of a password")
    add.set_defaults(work=_add)
    imported.set_defaults(work=_import)
    remove.set_defaults(work=_remove)
    listed = cred.add_parser("list", help="every credential")
    listed.set_defaults(work=_list)
    return [add, imported, remove, listed]


def _add(chosen: argparse.Namespace) -> int:
    from pilothouse.headless.server import credentials

    if chosen.password:
        return _keep(chosen, credentials.secret_of(_password(chosen.owner)))
    secret = credentials.random_secret()
    text = credentials.file_text(secret, chosen.owner, _service(chosen), chosen.name)
    try:
        file = os.open(chosen.out, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o400)
    except FileExistsError:
        raise UsageError(f"{chosen.out} is there already; name a new file") from None
    except OSError as error:
        raise UsageError(f"{chosen.out}: {error.strerror}") from None
    try:
        with os.fdopen(file, "w", encoding="ascii") as stream:
            stream.write(text)
        return _keep(chosen, secret)
    except BaseException:
        chosen.out.unlink(missing_ok=True)
        raise


def _import(chosen: argparse.Namespace) -> int:
    from pilothouse.headless.server import credentials

    try:
        with chosen.file.open("rb") as stream:
            text = stream.read(_LARGEST + 1)
    except OSError as error:
        raise UsageError(f"{chosen.file}: {error.strerror}") from None
    if len(text) > _LARGEST or not text.isascii():
        raise UsageError(f"{chosen.file}: this is not a password hash file")
    return _keep(chosen, credentials.secret_line(text.decode("ascii")), prep="none")


def _keep(chosen: argparse.Namespace, secret: str, prep: Any = "sha256-b64") -> int:
    from pilothouse.headless.server import credentials
    from pilothouse.store import headless_accounts

    now = time.time()
    made = credentials.from_secret(
        chosen.owner, chosen.name, secret, now, prep=prep,
        expires=None if chosen.expires is None else now + chosen.expires, allow_from=tuple(chosen.allow_from),
    )  # fmt: skip
    known = records.read(chosen, lambda c: headless_accounts.find_user(c, chosen.owner))
    if known is None and not chosen.owner.startswith("os:"):
        raise UsageError(f"there is no user {chosen.owner}; make it first: pilothouse headless user add")
    detail = {"credential": chosen.name, "allow_from": list(made.allow_from), "expires": made.expires}
    records.write(
        chosen, "cred add", f"headless user {chosen.owner}", detail,
        lambda c: headless_accounts.put_credential(c, made),
    )  # fmt: skip
    return listing.said(chosen, f"credential {chosen.name or 'main'} of {chosen.owner} is made", _described(made))


def _remove(chosen: argparse.Namespace) -> int:
    from pilothouse.store import headless_accounts

    removed = records.write(
        chosen, "cred remove", f"headless user {chosen.owner}", {"credential": chosen.name},
        lambda c: headless_accounts.remove_credential(c, chosen.owner, chosen.name),
    )  # fmt: skip
    records.gone(removed, f"credential {chosen.name or 'main'} of {chosen.owner}")
    text = f"credential {chosen.name or 'main'} of {chosen.owner} is revoked"
    return listing.said(chosen, text, {"owner": chosen.owner, "name": chosen.name, "removed": True})


def _list(chosen: argparse.Namespace) -> int:
    from pilothouse.store import headless_accounts

    found = records.read(chosen, headless_accounts.credentials)
    rows = [
        (each.owner, each.name or "main", listing.moment(each.created), listing.moment(each.expires),
         " ".join(each.allow_from))
        for each in found
    ]  # fmt: skip
    return listing.show(chosen, ("owner", "name", "made", "ends", "from"), rows, [_described(each) for each in found])


def _described(credential: Credential) -> dict[str, Any]:
    names = ("owner", "name", "created", "expires", "allow_from")
    return {name: getattr(credential, name) for name in names}


def _password(owner: str) -> str:
    if sys.stdin.isatty():
        given = getpass.getpass(f"password for {owner}: ")
        if getpass.getpass("once more: ") != given:
            raise UsageError("the two passwords differ")
    else:
        given = sys.stdin.readline().rstrip("\n")
    if not given:
        raise UsageError("an empty password is not allowed")
    return given


def _service(chosen: argparse.Namespace) -> str:
    from pilothouse.headless.server.running import identity_of

    return identity_of(database.settings_of(chosen).data / "headless").service


def _network(text: str) -> str:
    try:
        return str(ipaddress.ip_network(text, strict=False))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no network, such as 10.0.0.0/8") from None
