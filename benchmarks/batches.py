"""A whole call of ``planta_headless.py``: from its start until a real server has durably accepted the batch."""

import contextlib
import os
import selectors
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from getpass import getuser
from pathlib import Path
from socket import gethostname
from typing import Final

PEER_CALL: Final = "planta_headless.py, PEER login, to accepted"
CHALLENGE_CALL: Final = "planta_headless.py, challenge login, to accepted"
_LIMIT: Final = 60.0
_USER: Final = "R41"
_MODULE: Final = "OK1"


@contextlib.contextmanager
def served(program: Path) -> Iterator[Mapping[str, tuple[str, ...]]]:
    """Serve batches with ``program`` until the block ends; yields the calls by the name they have in the table.

    Raises RuntimeError when the server cannot be set up or does not come up.
    """
    client = str(program.parent / "planta_headless.py")
    if not program.exists():
        # shown as failed, as every command that is not installed
        yield {PEER_CALL: (client,), CHALLENGE_CALL: (client,)}
        return
    with tempfile.TemporaryDirectory(prefix="bench-headless-", ignore_cleanup_errors=True) as folder:
        secret = _set_up(program, Path(folder))
        with _server(program, Path(folder)) as address:
            common = (client, "-s", address, "-m", _MODULE)
            yield {
                PEER_CALL: (*common, "-a", "osuser"),
                CHALLENGE_CALL: (*common, "-u", _USER, "-a", "challenge", "-p", str(secret)),
            }


def _set_up(program: Path, folder: Path) -> Path:
    """Make a user who may log in both ways and a module that may run many times; returns the secret file."""
    secret = folder / "secret"
    account = getuser()
    for words in (
        ("user", "add", _USER, "--os-account", account, "--right", f"module:{_MODULE}"),
        ("login", "add", account, gethostname(), _USER, "--default"),
        ("cred", "add", _USER, "--out", str(secret)),
        ("module", "add", _MODULE, "--policy", "parallel", "--max", "100", "--exec", "true"),
    ):
        # whatever comes after --exec is the job's own
        split = words.index("--exec") if "--exec" in words else len(words)
        command = [str(program), "headless", *words[:split], "--data", str(folder), *words[split:]]
        done = subprocess.run(
            command, check=False, env=_environ(folder), capture_output=True, text=True, timeout=_LIMIT
        )
        if done.returncode:
            raise RuntimeError(f"pilothouse headless {words[0]} {words[1]}: {done.stderr.strip()[-300:]}")
    return secret


@contextlib.contextmanager
def _server(program: Path, folder: Path) -> Iterator[str]:
    command = [str(program), "headless", "serve", "--data", str(folder), "--listen", "127.0.0.1:0"]
    with subprocess.Popen(command, env=_environ(folder), stderr=subprocess.PIPE) as server:
        try:
            yield _address(server)
        finally:
            server.terminate()
            server.communicate()


def _address(server: subprocess.Popen[bytes]) -> str:
    """Return where the server says that it listens."""
    assert server.stderr is not None
    said = b""
    deadline = time.monotonic() + _LIMIT
    with selectors.DefaultSelector() as selector:
        selector.register(server.stderr, selectors.EVENT_READ)
        while selector.select(max(0.0, deadline - time.monotonic())):
            part = os.read(server.stderr.fileno(), 4096)
            said += part
            for line in said.splitlines(keepends=True):
                if b"listening" in line and line.endswith(b"\n"):
                    return line.split()[-1].decode()
            if not part:
                break
    raise RuntimeError(f"the server of batches did not come up: {said.decode(errors='replace').strip()[-300:]}")


def _environ(folder: Path) -> dict[str, str]:
    return {"PATH": os.defpath, "HOME": str(folder), "LANG": "C.UTF-8"}
