"""One call of a command: its log, its errors, its exit code (spec section 10.1)."""

import argparse
import sys
from typing import Final

from pilothouse.cli.slapos import logs
from pilothouse.cli.slapos.commands import Entry
from pilothouse.cli.slapos.options import Common
from pilothouse.errors import PilothouseError

FAILED: Final = 1
_INTERRUPTED: Final = 130


class CommandError(PilothouseError):
    """A command cannot do what it is asked.

    The first line is the documented text. The advice below it says what to do.
    """

    def __init__(self, text: str, advice: str = "") -> None:
        self.text = text
        self.advice = advice
        super().__init__(f"{text}\n{advice}" if advice else text)


def carry_out(entry: Entry, chosen: argparse.Namespace, common: Common) -> int:
    """Run a command; an error of it is logged, with its traceback for those who ask for it, and becomes 1."""
    try:
        log = logs.begin(common)
    except OSError as error:
        print(f"slapos: {error.filename}: {error.strerror}; give a writable file to --log-file", file=sys.stderr)
        return FAILED
    try:
        code = entry.run(chosen)
        sys.stdout.flush()
    except KeyboardInterrupt:
        log.warning("Interrupted.")
        return _INTERRUPTED
    except BrokenPipeError:  # nobody reads on, which main knows how to end
        raise
    except Exception as error:
        # not log.exception: a person is told what is wrong; the way there is for those who ask for it
        log.error("%s", text_of(error), exc_info=common.debug)  # noqa: TRY400
        if not common.debug:
            log.debug("where it happened:", exc_info=True)
        return FAILED
    finally:
        logs.end(log)
    return code or 0


def text_of(error: Exception) -> str:
    """Return what a person is told; errors that were not written for people are named by their class as well."""
    text = str(error)
    if isinstance(error, OSError) and not isinstance(error, ConnectionError):
        text = f"{error.filename}: {error.strerror}" if error.filename and error.strerror else text
    if text and not isinstance(error, (LookupError, TypeError, AttributeError, AssertionError)):
        return text
    return f"{type(error).__name__}: {text}"
