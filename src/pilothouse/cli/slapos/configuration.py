"""The configuration files of ``slapos``: which one it is, and what client commands read from it (spec section 10.2)."""

import configparser
import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from pilothouse.cli.slapos.call import CommandError
from pilothouse.cli.slapos.options import CLIENT_FILE, CLIENT_VARIABLE, NODE_FILE, NODE_VARIABLE


class ClientConfiguration(NamedTuple):
    """What a client command needs to speak with its master.

    ``aliases`` are the names that stand for URLs of software releases. Paths are complete, None when absent.
    """

    path: str
    master_url: str
    rest_url: str | None
    key_file: str | None
    cert_file: str | None
    ca_file: str | None
    aliases: Mapping[str, str]


def client_path(cfg: str | None, environ: Mapping[str, str] = os.environ) -> str:
    """Return the file of client commands: ``--cfg``, else the variable, else the usual place."""
    return str(Path(cfg or environ.get(CLIENT_VARIABLE) or CLIENT_FILE).expanduser())


def node_path(cfg: str | None, environ: Mapping[str, str] = os.environ) -> str:
    """Return the file of node commands."""
    return str(Path(cfg or environ.get(NODE_VARIABLE) or NODE_FILE).expanduser())


def read(path: str, advice: str) -> configparser.ConfigParser:
    """Return a file's sections. Raises CommandError with ``advice`` when it is not there or cannot be read."""
    parser = configparser.ConfigParser()
    try:
        with Path(path).open(encoding="utf-8") as stream:
            parser.read_file(stream, path)
    except FileNotFoundError:
        raise CommandError(f"Configuration file does not exist: {path}", advice) from None
    except OSError as error:
        raise CommandError(
            f"Cannot parse configuration file: {path}", f"It cannot be read: {error.strerror}."
        ) from None
    except (configparser.Error, UnicodeDecodeError) as error:
        raise CommandError(f"Cannot parse configuration file: {path}", str(error)) from None
    return parser


def read_client(cfg: str | None, key_file: str | None = None, cert_file: str | None = None) -> ClientConfiguration:
    """Return what a client command reads; the files of the command line win.

    Raises CommandError when the file, the section ``slapos``, its ``master_url`` or the files for https are missing.
    """
    path = client_path(cfg)
    file = read(path, f"Make one with: slapos configure client; or name one: --cfg FILE, ${CLIENT_VARIABLE}.")
    if not file.has_section("slapos"):
        raise CommandError("No section: 'slapos'", f"{path} needs a section [slapos] with master_url.")
    try:
        general = dict(file["slapos"])
        console = dict(file["slapconsole"]) if file.has_section("slapconsole") else {}
    except configparser.InterpolationError as error:
        raise CommandError(f"Cannot parse configuration file: {path}", f"{error}\nWrite %% for a plain %.") from None
    url = general.get("master_url")
    if not url:
        raise CommandError("No option 'master_url'", f"{path} needs master_url = https://... in its section [slapos].")
    key = _full(key_file or console.get("key_file") or general.get("key_file"))
    certificate = _full(cert_file or console.get("cert_file") or general.get("cert_file"))
    if url.startswith("https") and not (key and certificate):
        raise CommandError(
            "No option 'key_file' and/or 'cert_file'",
            f"The master {url} wants a certificate: {path} needs key_file and cert_file in its section [slapconsole].\n"
            "slapos configure client fetches them.",
        )
    return ClientConfiguration(
        path=path,
        master_url=url,
        rest_url=general.get("master_rest_url") or None,
        key_file=key,
        cert_file=certificate,
        ca_file=_full(general.get("master_ca_file")),
        aliases=aliases(console.get("alias", ""), path),
    )


def aliases(text: str, path: str) -> dict[str, str]:
    """Return the names that the lines ``<name> <url>`` define. Raises CommandError for a line of another shape."""
    found: dict[str, str] = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        name, _, url = line.partition(" ")
        if not url.strip():
            raise CommandError(f"{path}: alias '{line}' names no URL", "Each line of alias is: NAME URL")
        found[name] = url.strip()
    return found


def _full(path: str | None) -> str | None:
    return str(Path(path).expanduser()) if path else None
