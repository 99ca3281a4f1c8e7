"""The documented command line, read and checked before anything else happens (spec section 4)."""

import optparse
import re
from typing import Any, Final, NamedTuple

from pilothouse.headless import limits
from pilothouse.headless.client.stop import ParameterError

PROGRAM: Final = "planta_headless.py"
VERSION: Final = f"{PROGRAM} 39 Mars"
_WIDTH: Final = 78  # what optparse makes of a terminal of 80 columns
_MOST_SECONDS: Final = 2_147_483_647
_MOST_PORT: Final = 65_535
_MODULE: Final = re.compile(r"[A-Za-z0-9_.-]{1,32}")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class Job(NamedTuple):
    """One ``-m``, ``-f`` or ``-c``; ``kind`` is its element's name."""

    kind: str
    value: str


class Call(NamedTuple):
    """What the command line asks for; ``timeout`` is None without ``-t``, else seconds or -1."""

    host: str
    port: int
    timeout: int | None
    user: str
    auth: str
    secret: str | None
    jobs: tuple[Job, ...]
    level: int

    @property
    def service(self) -> str:
        """The server as it is shown."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def make_parser() -> optparse.OptionParser:
    """Return the parser; its help is that of the documentation at any width of the terminal."""
    parser = optparse.OptionParser(
        prog=PROGRAM, version=VERSION, formatter=optparse.IndentedHelpFormatter(width=_WIDTH), usage="%prog [options]"
    )
    parser.get_option("--version").help = "Shows the version number and closes the program"  # type: ignore[union-attr]
    parser.get_option("--help").help = "Shows this help message and closes the program"  # type: ignore[union-attr]
    parser.add_option(
        "-q", "--quiet", action="store_const", const=0, dest="level", help="Suppresses all output (default)"
    )
    parser.add_option(
        "-v",
        "--verbose",
        action="count",
        dest="level",
        help="Increases the verbosity level with each event: Info-Message, XML sent, XML received",
    )
    _add_connection(parser)
    _add_login(parser)
    _add_jobs(parser)
    parser.set_defaults(level=0, jobs=[], auth="challenge")
    return parser


def read_call(parser: optparse.OptionParser, words: list[str]) -> Call:
    """Return what ``words`` ask for; raises ParameterError, and SystemExit where the parser itself ends the program."""
    options, rest = parser.parse_args(words)
    if rest:
        raise ParameterError(f"unexpected argument: {rest[0]}")
    host, port = _service(options.service)
    timeout = None if options.timeout is None else _timeout(options.timeout)
    _check_login(options)
    if not options.jobs:
        raise ParameterError("nothing to do: give at least one of -m, -f, -c")
    if len(options.jobs) > limits.JOBS_PER_START:
        raise ParameterError(f"{len(options.jobs)} jobs; one call can start {limits.JOBS_PER_START}")
    for job in options.jobs:
        _check_job(job)
    user, jobs = options.user or "", tuple(options.jobs)
    return Call(host, port, timeout, user, options.auth, options.secret, jobs, options.level)


def _add_connection(parser: optparse.OptionParser) -> None:
    group = parser.add_option_group("Connection settings")
    group.add_option("-s", "--service", metavar="HOST:PORT", help="Connection to server")
    group.add_option(
        "-t",
        "--timeout",
        metavar="TIMEOUT",
        help="Waiting time until job termination in seconds, -1 for no time out",
    )


def _add_login(parser: optparse.OptionParser) -> None:
    group = parser.add_option_group("Login options")
    group.add_option("-u", "--user", metavar="USER_NAME", help="User name for the PLANTA system login")
    group.add_option(
        "-a",
        "--auth_type",
        metavar="TYPE",
        dest="auth",
        type="choice",
        choices=("osuser", "challenge"),
        help='used authentification type for PLANTA login-System: "osuser" or "challenge"',
    )
    group.add_option("-p", "--secret", metavar="SECRET_FILE", help="File containing the password hash")


def _add_jobs(parser: optparse.OptionParser) -> None:
    group = parser.add_option_group("Job specifications")
    for short, long, kind, metavar, text in (
        ("-m", "--module", "module", "MOD_ID", "opens the module with the specified ID on the server."),
        ("-f", "--py_file", "py-file", "PYTHON_FILE", "runs a python file on the server."),
        ("-c", "--py_code", "py-code", "PYTHON_CODE", "runs a Python code snippet on the server."),
    ):
        group.add_option(
            short,
            long,
            metavar=metavar,
            action="callback",
            type="string",
            callback=_add_job,
            callback_args=(kind,),
            help=f"The job {text}",
        )


def _add_job(_option: optparse.Option, _word: str, value: str, parser: Any, kind: str) -> None:
    # the default list belongs to the parser, which reads one command line only
    parser.values.jobs.append(Job(kind, value))


def _service(text: str | None) -> tuple[str, int]:
    if text is None:
        raise ParameterError("-s HOST:PORT is required")
    host, _, port = text.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        host = ""
    number = int(port) if port.isascii() and port.isdigit() and len(port) <= len(str(_MOST_PORT)) else 0
    if not host or not host.isprintable() or " " in host or not 1 <= number <= _MOST_PORT:
        raise ParameterError(f"-s {text}: expected HOST:PORT or [IPv6]:PORT with a port from 1 to {_MOST_PORT}")
    return host, number


def _timeout(text: str) -> int:
    digits = text.removeprefix("-")
    if digits.isascii() and digits.isdigit() and len(digits) <= len(str(_MOST_SECONDS)):
        number = int(text)
        if -1 <= number <= _MOST_SECONDS:
            return number
    raise ParameterError(f"-t {text}: expected whole seconds from 0 to {_MOST_SECONDS}, or -1 for no time out")


def _check_login(options: optparse.Values) -> None:
    if options.auth == "challenge" and options.user is None:
        raise ParameterError("-u USER_NAME is required for auth_type challenge")
    if options.auth == "challenge" and options.secret is None:
        raise ParameterError("-p SECRET_FILE is required for auth_type challenge")
    if options.secret is not None and (not options.secret or "\0" in options.secret):
        raise ParameterError("-p: the name of the secret file is empty")
    user = options.user
    if user is not None and (not 1 <= len(user) <= limits.USER_NAME or _CONTROL.search(user) or "/" in user):
        raise ParameterError(f"-u: a user name has 1 to {limits.USER_NAME} characters, no control characters and no /")


def _check_job(job: Job) -> None:
    if job.kind == "module" and not _MODULE.fullmatch(job.value):
        raise ParameterError(f"-m {job.value}: a module's ID has 1 to 32 letters, digits, dots, dashes, underscores")
    if job.kind == "py-file" and (not 1 <= len(job.value) <= limits.FILE_PATH or "\0" in job.value):
        raise ParameterError(f"-f: the path of a file on the server has 1 to {limits.FILE_PATH} characters")
    if job.kind == "py-code" and not 1 <= len(job.value.encode("utf-8", "surrogateescape")) <= limits.SNIPPET:
        raise ParameterError(f"-c: a snippet has 1 to {limits.SNIPPET} bytes")
