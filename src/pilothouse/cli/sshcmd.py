"""``sshcmd``: one command on one or many machines over SSH (spec section 10.4)."""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from pilothouse.cli.entry import guarded
from pilothouse.cli.hosts_file import Host, parse, split_address
from pilothouse.errors import PilothouseError, UsageError
from pilothouse.jobs.nodes import Node
from pilothouse.jobs.secret import Secret

_FAILED: Final = 1
_USAGE: Final = 2
_PORT: Final = 22
_PARALLEL: Final = 50
_VARIABLE: Final = "SSHCMD_PASSWORD"
_EXAMPLES: Final = """\
examples:
  sshcmd --host 192.168.0.26 --user root ls -l /tmp
  sshcmd --host 192.168.0.26 --port 2020 --ask-password uname -a
  sshcmd --hostsfile /tmp/hosts.txt --parallel 20 df -h
  sshcmd --hostsfile /tmp/hosts.txt sh -c 'ps aux | grep tagent'

Every word reaches the machine as it is; no shell expands it, unless the
command is one.

lines of the hosts file (blank lines and those that begin with # do not count):
  192.168.0.26:22 root password
  192.168.0.25 password
  192.168.0.24

Hosts without a password of their own get that of --password-file, else the one
asked for with --ask-password, else that of the variable SSHCMD_PASSWORD.
Without any, keys and the agent are used.

exit codes: 0 the command succeeded everywhere, 1 it failed somewhere or a host
could not be reached, 2 usage
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    chosen = make_parser().parse_args(arguments)
    try:
        return guarded("sshcmd", lambda: _run(chosen), _code)
    except KeyboardInterrupt:
        return _FAILED


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the documented arguments and ours."""
    parser = argparse.ArgumentParser(
        prog="sshcmd",
        usage="%(prog)s [options] (--host HOST | --hostsfile FILE) COMMAND [WORD ...]",
        description="Run a command on one or many machines over SSH.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--host", action="append", metavar="HOST", help="host name or address, or HOST:PORT; may be repeated")
    add("--port", type=int, default=_PORT, help="SSH port of hosts that name none (default 22)")
    add("--user", default="root", help="user of hosts that name none (default root)")
    add("--password", help="password of hosts that name none; others on this machine can read it, so better:")
    add("--password-file", type=Path, metavar="FILE", help="read the password from the first line of a file")
    add("--ask-password", action="store_true", help="ask for the password on the terminal")
    add("--hostsfile", type=Path, metavar="FILE", help="file with a host a line")
    add("--parallel", type=int, default=_PARALLEL, metavar="N", help=f"hosts at a time (default {_PARALLEL})")
    add("--host-keys", choices=("verify", "accept-new", "accept-any"), help="what to do with host keys")
    add("--known-hosts", action="append", type=Path, metavar="FILE", help="known_hosts file to check")
    add("--identity", dest="identities", action="append", type=Path, metavar="FILE", help="private key to log in with")
    add("--connect-timeout", type=float, metavar="SECONDS", help="how long a login may take (default 60)")
    add("--config", type=Path, metavar="FILE", help="settings file (PILOTHOUSE_CONFIG)")
    add("words", nargs=argparse.REMAINDER, metavar="COMMAND", help="the command and its words")
    return parser


def targets(chosen: argparse.Namespace, password: Secret) -> list[Node]:
    """Return the machines that the arguments name, each once. Raises UsageError, DocumentError."""
    hosts = [_named(text) for text in chosen.host or ()]
    if chosen.hostsfile is not None:
        hosts += parse(_read(chosen.hostsfile), str(chosen.hostsfile))
    if not hosts:
        raise UsageError("no host is named; use --host or --hostsfile")
    found = {
        (host.host, host.port or chosen.port, host.user or chosen.user, host.password or password): None
        for host in hosts
    }
    return [
        Node(resource_id=number, host=name, port=port, protocol_port=port, username=user, password=secret)
        for number, (name, port, user, secret) in enumerate(found, 1)
    ]


def password_of(chosen: argparse.Namespace, environ: Mapping[str, str] = os.environ) -> Secret:
    """Return the password for hosts that have none of their own; empty if there is none. Raises UsageError."""
    if chosen.password is not None:
        others = f"--password-file, the variable {_VARIABLE} or --ask-password"
        print(f"sshcmd: warning: every user of this machine can read --password in ps; use {others}", file=sys.stderr)
        return Secret(chosen.password)
    if chosen.password_file is not None:
        lines = _read(chosen.password_file).splitlines()
        if not lines or not lines[0]:
            raise UsageError(f"{chosen.password_file}: its first line is empty; the password belongs there")
        return Secret(lines[0])
    if chosen.ask_password:
        return _asked(chosen.user)
    return Secret(environ.get(_VARIABLE, ""))


def _code(error: PilothouseError) -> int:
    return _USAGE if isinstance(error, UsageError) else _FAILED


def _run(chosen: argparse.Namespace) -> int:
    words = chosen.words[1:] if chosen.words[:1] == ["--"] else chosen.words
    if not words or not words[0] or words[0].startswith("-"):
        raise UsageError("no command is given; see: sshcmd --help")
    if chosen.parallel < 1:
        raise UsageError(f"--parallel {chosen.parallel}: allowed: 1 or more")
    if not 0 < chosen.port <= 65535:  # noqa: PLR2004 - the highest port
        raise UsageError(f"--port {chosen.port}: allowed: 1 to 65535")
    from pilothouse.settings import load

    settings = load(
        chosen.config,
        data=Path.cwd(),
        host_keys=chosen.host_keys,
        known_hosts=tuple(chosen.known_hosts) if chosen.known_hosts else None,
        identities=tuple(chosen.identities) if chosen.identities else None,
        connect_timeout=chosen.connect_timeout,
    )
    found = targets(chosen, Secret())
    if any(not node.password for node in found) or chosen.password is not None:
        found = targets(chosen, password_of(chosen))
    from pilothouse.cli.sshcmd_run import run_on_all

    return _FAILED if run_on_all(found, words, settings, chosen.parallel) else 0


def _named(text: str) -> Host:
    address = split_address(text)
    if isinstance(address, str):
        raise UsageError(f"--host {text}: {address}; allowed: HOST, HOST:PORT or [IPv6]:PORT")
    return Host(*address)


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8-sig")
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: byte {error.start} is no UTF-8 text") from None


def _asked(user: str) -> Secret:
    if not sys.stdin.isatty():
        raise UsageError(f"--ask-password needs a terminal; use --password-file or the variable {_VARIABLE}")
    import getpass

    return Secret(getpass.getpass(f"password of {user}: "))


if __name__ == "__main__":
    sys.exit(main())
