"""``slapos computer list``, ``computer info`` and ``computer token`` (spec sections 10.8 to 10.10)."""

import argparse
from typing import Final

from pilothouse.cli.slapos.call import CommandError
from pilothouse.cli.slapos.commands import Entry
from pilothouse.cli.slapos.options import add_client_file

_ABSENT: Final = 2


def _list(chosen: argparse.Namespace) -> None:
    from pilothouse.cli.slapos.session import Session

    computers = Session(chosen).lists.getComputerDict()
    if not computers:
        print("No existing computer.")
        return
    print("List of Computers:")
    for title, computer in computers.items():
        print(f"{vars(computer)['_reference']} {title}")


def _info_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("reference", help="Your computer reference")
    add_client_file(parser)


def _info(chosen: argparse.Namespace) -> int:
    from pilothouse.cli.slapos.session import Session
    from pilothouse.slap.client import NotFoundError

    try:
        computer = Session(chosen).lists.registerComputer(chosen.reference).getInformation()
    except NotFoundError:
        print(f"Computer {chosen.reference} does not exist.")
        return _ABSENT
    facts = vars(computer)
    print(f"Computer Reference: {facts['_reference']}")
    print(f"Computer Title    : {facts['_title']}")
    return 0


def _token(chosen: argparse.Namespace) -> None:
    from pilothouse.cli.slapos.session import Session

    try:
        token = Session(chosen).lists.registerToken().request()
    except KeyError:
        raise CommandError("This master gives no computer tokens", "Its web page may: Servers, then Token.") from None
    print(f"Computer token: {token}")


LIST: Final = Entry("List all available compute nodes", add_client_file, _list)
INFO: Final = Entry(
    "get information of an computer",
    _info_arguments,
    _info,
    "exit codes: 0, 1 error, 2 the computer does not exist",
)
TOKEN: Final = Entry("get token for setup a computer", add_client_file, _token)
