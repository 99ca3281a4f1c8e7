"""``slapos console``: Python with the library connected, at a prompt or for a script (spec section 10.11)."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pilothouse.cli.slapos.call import FAILED, CommandError
from pilothouse.cli.slapos.commands import Entry
from pilothouse.cli.slapos.options import add_client_file

if TYPE_CHECKING:
    from pilothouse.cli.slapos.session import Session

_DESCRIPTION: Final = """\
open python console with slap library imported

You can play with the global "slap" object and
with the global "request" method.

examples :
>>> # Request instance
>>> request(kvm, "myuniquekvm")
>>> # Request software installation on owned computer
>>> supply(kvm, "mycomputer")
>>> # Fetch instance informations on already launched instance
>>> request(kvm, "myuniquekvm").getConnectionParameter("url")"""
_EPILOG: Final = """\
kvm is an alias of the configuration file; software_list() names all of them. product.kvm is a product of the master."""


def _arguments(parser: argparse.ArgumentParser) -> None:
    add_client_file(parser)
    add = parser.add_argument
    add("-u", "--master_url", help="Url of SlapOS Master to use (ignored: that of the configuration file is used)")
    add("-k", "--key_file", help="SSL Authorisation key file")
    add("-c", "--cert_file", help="SSL Authorisation certificate file")
    shells = parser.add_mutually_exclusive_group()
    shells.add_argument("-i", "--ipython", action="store_true", help="Use IPython shell if available (default)")
    shells.add_argument("-b", "--bpython", action="store_true", help="Use BPython shell if available")
    shells.add_argument("-p", "--python", action="store_true", help="Use plain Python shell")
    add("script_file_and_arguments", nargs=argparse.REMAINDER, help="Script to run, with arguments")


def _run(chosen: argparse.Namespace) -> int:
    from pilothouse.cli.slapos.session import Session

    session = Session(chosen)
    if chosen.master_url and chosen.master_url != session.configuration.master_url:
        session.log.warning("--master_url is ignored; %s names %s.",
                            session.configuration.path, session.configuration.master_url)  # fmt: skip
    names = globals_of(session)
    if chosen.script_file_and_arguments:
        return run_script(chosen.script_file_and_arguments, names)
    from pilothouse.cli.slapos import shells

    shells.interact(names, session.log, shells.wanted(chosen))
    return 0


def globals_of(session: "Session") -> dict[str, Any]:
    """Return the names that a script or a person finds."""
    from pilothouse.slap.client import SoftwareProductCollection

    slap, aliases = session.slap, dict(session.configuration.aliases)

    def request(*args: Any, **kwargs: Any) -> Any:
        return slap.registerOpenOrder().request(*args, **kwargs)

    def supply(*args: Any, **kwargs: Any) -> Any:
        return slap.registerSupply().supply(*args, **kwargs)

    def information(*args: Any, **kwargs: Any) -> Any:
        return slap.registerOpenOrder().getInformation(*args, **kwargs)

    return {
        **aliases,
        "slap": slap,
        "request": request,
        "supply": supply,
        "getInformation": information,
        "product": SoftwareProductCollection(session.log, slap),
        "software_list": lambda: sorted(aliases),
    }


def run_script(words: list[str], names: dict[str, Any]) -> int:
    """Run a script with its arguments; returns 1 after an exception, which is shown from the script's own line on."""
    path = words[0]
    try:
        source = Path(path).read_bytes()
    except OSError as error:
        raise CommandError(
            f"{path} cannot be read: {error.strerror}", "Name a Python script after the options."
        ) from None
    before, sys.argv = sys.argv, words
    try:
        exec(compile(source, path, "exec"), {**names, "__file__": path, "__name__": "__main__"})  # noqa: S102
    except Exception as error:  # noqa: BLE001 - it is the script's, and the script's author wants to see where
        import traceback

        inside = error.__traceback__.tb_next if error.__traceback__ else None
        traceback.print_exception(type(error), error, inside)
        return FAILED
    finally:
        sys.argv = before
    return 0


COMMAND: Final = Entry(_DESCRIPTION, _arguments, _run, _EPILOG)
