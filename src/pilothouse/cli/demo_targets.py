"""SSH targets on this machine for the demo: OpenSSH's sshd where it is installed, else asyncssh's server."""

import asyncio
import contextlib
import os
import shutil
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import msgspec

from pilothouse.errors import UnreachableError
from pilothouse.files import write_atomic

_PLACES: Final = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin", "/sbin"))
_PATIENCE: Final = 10.0
_LINGER: Final = 1.0


class Targets(msgspec.Struct, frozen=True, kw_only=True):
    """Where the targets are and how to log in to them."""

    kind: str
    port: int
    key: Path
    known_hosts: Path


@contextlib.asynccontextmanager
async def targets(folder: Path, *, embedded: bool = False) -> AsyncIterator[Targets]:
    """Serve SSH on a free loopback port while the context lasts; keys and configuration live in ``folder``."""
    port = await asyncio.to_thread(_lay_out, folder)
    sshd = None if embedded else shutil.which("sshd", path=_PLACES)
    serving = _openssh(sshd, folder, port) if sshd else _embedded(folder, port)
    async with serving as kind:
        yield Targets(kind=kind, port=port, key=folder / "key", known_hosts=folder / "known_hosts")


def _lay_out(folder: Path) -> int:
    """Make keys, known_hosts and sshd's configuration; returns the port they are for."""
    import asyncssh

    folder.mkdir(mode=0o700, parents=True)
    host_key, key = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))
    for name, made in (("host_key", host_key), ("key", key)):
        write_atomic(folder / name, made.export_private_key(), mode=0o600)
    write_atomic(folder / "authorized_keys", key.export_public_key(), mode=0o600)
    port = _free_port()
    public = host_key.export_public_key().decode().strip()
    write_atomic(folder / "known_hosts", f"[127.0.0.1]:{port} {public}\n".encode())
    if os.getuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    lines = (
        f"Port {port}",
        "ListenAddress 127.0.0.1",
        f"HostKey {folder / 'host_key'}",
        f"AuthorizedKeysFile {folder / 'authorized_keys'}",
        "PidFile none",
        "StrictModes no",
        "UsePAM no",
        "PasswordAuthentication no",
        "PermitRootLogin prohibit-password",
        "MaxStartups 1000",
        "Subsystem sftp internal-sftp",
    )
    write_atomic(folder / "sshd_config", "\n".join(lines).encode() + b"\n")
    return port


@contextlib.asynccontextmanager
async def _openssh(sshd: str, folder: Path, port: int) -> AsyncIterator[str]:
    process = await asyncio.create_subprocess_exec(
        *(sshd, "-D", "-e", "-f", str(folder / "sshd_config")),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=(folder / "sshd.log").open("wb"),
    )
    try:
        await _answering(port, process, folder / "sshd.log")
        yield "OpenSSH sshd"
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


@contextlib.asynccontextmanager
async def _embedded(folder: Path, port: int) -> AsyncIterator[str]:
    import asyncssh

    server = await asyncssh.listen(
        "127.0.0.1",
        port,
        server_host_keys=[str(folder / "host_key")],
        authorized_client_keys=str(folder / "authorized_keys"),
        process_factory=_shell,
        encoding=None,
        sftp_factory=True,
    )
    try:
        yield "asyncssh's embedded server (OpenSSH's sshd is not used here)"
    finally:
        server.close()
        await server.wait_closed()


async def _shell(process: Any) -> None:
    """Run a command of the embedded server as sshd would: in a session of its own, by the login shell."""
    child = await asyncio.create_subprocess_exec(
        *(os.environ.get("SHELL", "/bin/sh"), "-c", process.command or "exit"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    feeding = asyncio.create_task(_pump(process.stdin, child.stdin))
    shown = [
        asyncio.create_task(_pump(child.stdout, process.stdout)),
        asyncio.create_task(_pump(child.stderr, process.stderr)),
    ]
    try:
        code = await child.wait()
        await asyncio.wait(shown, timeout=_LINGER)
        process.exit(code)
    finally:
        for task in (feeding, *shown):
            task.cancel()
        await asyncio.gather(feeding, *shown, return_exceptions=True)


async def _pump(source: Any, sink: Any) -> None:
    """Copy a stream until it ends, and pass on the end of what a command reads."""
    with contextlib.suppress(ConnectionError):
        while data := await source.read(65536):
            sink.write(data)
            await sink.drain()
    if isinstance(sink, asyncio.StreamWriter):
        sink.close()


async def _answering(port: int, process: asyncio.subprocess.Process, log: Path) -> None:
    deadline = asyncio.get_running_loop().time() + _PATIENCE
    while process.returncode is None and asyncio.get_running_loop().time() < deadline:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except ConnectionRefusedError:
            await asyncio.sleep(0.02)
            continue
        writer.close()
        return
    said = (await asyncio.to_thread(log.read_text, "utf-8", "replace")).strip()
    raise UnreachableError(f"the demo's sshd does not come up: {said or 'it says nothing'}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
