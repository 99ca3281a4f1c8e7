"""What every command does around its work: errors become one clear message and an exit code."""

import os
import sys
from collections.abc import Callable

from pilothouse.errors import ExitCode, PilothouseError


def guarded(program: str, work: Callable[[], int], codes: Callable[[PilothouseError], int] | None = None) -> int:
    """Run a command's work and return its exit code; ``codes`` maps errors where a drop-in has codes of its own."""
    try:
        code = work()
        sys.stdout.flush()
    except PilothouseError as error:
        print(f"{program}: {error}", file=sys.stderr)
        return codes(error) if codes else error.exit_code
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.SUCCESS
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        failure = PilothouseError(f"{where}{error.strerror or error}")
        print(f"{program}: {failure}", file=sys.stderr)
        return codes(failure) if codes else failure.exit_code
    except KeyboardInterrupt:
        return ExitCode.ABORTED
    return code
