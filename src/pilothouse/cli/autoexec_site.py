"""Where ``autoexec`` is installed and what its configuration says: one place for every mode."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from pilothouse.cli.autoexec import home
from pilothouse.controlserver.address import Server
from pilothouse.errors import UsageError
from pilothouse.settings import Settings, load


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """An installation: ``base`` is AUTOEXEC_HOME where there is one, ``pass_through`` the server's own object."""

    settings: Settings
    base: Path | None = None
    server: Server | None = None
    pass_through: Mapping[str, Any] = {}
    tenant: str = "none"

    def require_server(self) -> Server:
        """Return the control server. Raises UsageError saying where to name one."""
        if self.server is None:
            where = self.base / "conf" / "config.ini" if self.base else "conf/config.ini below AUTOEXEC_HOME"
            raise UsageError(
                f"no control server is known: set server.baseurl, server.username and server.password in {where}, "
                "or add --devmode to run without one"
            )
        return self.server


def site(
    passthroughenv: str | None = None, environ: Mapping[str, str] = os.environ, *, base: Path | None = None
) -> Site:
    """Read the configuration, of the installation ``base`` if given. Raises UsageError, SettingsError."""
    base = base or home()
    pass_through = _pass_through(passthroughenv, environ)
    tenant = str(pass_through.get("tenant") or environ.get("tenant") or environ.get("TENANT") or "none")
    found: dict[str, Any] = {"runner_id": _runner_id(pass_through, environ)}
    server = None
    if base is not None:
        found["data"] = base / "data"
        found["plugins"] = (base / "plugins",) if (base / "plugins").is_dir() else None
        if (base / "conf" / "config.ini").exists():
            from pilothouse.controlserver.config import read

            config = read(base / "conf" / "config.ini", tenant)
            server = config.server
            # what the environment says goes before what the file says
            found |= {name: v for name, v in config.settings.items() if f"PILOTHOUSE_{name.upper()}" not in environ}
    return Site(
        settings=load(environ=environ, **found), base=base, server=server, pass_through=pass_through, tenant=tenant
    )


def _pass_through(given: str | None, environ: Mapping[str, str]) -> dict[str, Any]:
    for flag, text in (("--passthroughenv", given), ("PASSTHROUGH_ENV", environ.get("PASSTHROUGH_ENV"))):
        if text:
            try:
                found = json.loads(text)
            except json.JSONDecodeError as error:
                raise UsageError(f"{flag}: no JSON: {error}") from None
            if not isinstance(found, dict):
                raise UsageError(f"{flag}: {text}; allowed: a JSON object")
            return found
    return {}


def _runner_id(pass_through: Mapping[str, Any], environ: Mapping[str, str]) -> int | None:
    given = pass_through.get("runnerId", environ.get("RUNNER_ID"))
    return None if given is None else integer("runnerId", str(given))


def integer(flag: str, text: str) -> int:
    """Return an integer of the command line. Raises UsageError naming the flag."""
    try:
        return int(text)
    except ValueError:
        raise UsageError(f"{flag}: {text!r} is no integer") from None
