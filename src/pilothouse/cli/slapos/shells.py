"""The prompts of ``slapos console``: IPython, bpython, or plain Python (spec section 10.11)."""

import argparse
import atexit
import contextlib
import logging
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal

Shell = Literal["IPython", "bpython", "python"]
_HISTORY: Final = "~/.slapconsolehistory"


def wanted(chosen: argparse.Namespace) -> Shell:
    """Return the shell that the arguments ask for."""
    if chosen.python:
        return "python"
    return "bpython" if chosen.bpython else "IPython"


def interact(names: Mapping[str, Any], log: logging.Logger, shell: Shell) -> None:
    """Let a person, or what is piped in, use these names; plain Python where the wanted shell is not installed."""
    try:
        if shell == "IPython":
            _ipython(dict(names))
        elif shell == "bpython":
            _bpython(dict(names))
        else:
            _plain(dict(names))
    except ModuleNotFoundError as error:
        if error.name != shell:
            raise
        log.info("%s not available - using plain Python shell", shell)
        _plain(dict(names))


def _ipython(names: dict[str, Any]) -> None:
    from IPython import start_ipython

    start_ipython(argv=[], user_ns=names)


def _bpython(names: dict[str, Any]) -> None:
    from bpython import embed

    embed(locals_=names)


def _plain(names: dict[str, Any]) -> None:
    import code

    names = {"__name__": "__console__", "__doc__": None, **names}
    if sys.stdin.isatty():
        _with_history(names)
    else:
        sys.ps1 = sys.ps2 = ""  # what is piped in needs no prompts among its output
    code.InteractiveConsole(names).interact(banner="", exitmsg="")


def _with_history(names: dict[str, Any]) -> None:
    try:
        import readline
        import rlcompleter
    except ImportError:
        return
    history = Path(_HISTORY).expanduser()
    with contextlib.suppress(OSError):
        readline.read_history_file(history)
    readline.set_completer(rlcompleter.Completer(names).complete)
    readline.parse_and_bind("tab: complete")

    def keep() -> None:
        with contextlib.suppress(OSError):
            readline.write_history_file(history)

    atexit.register(keep)
