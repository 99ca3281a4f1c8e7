"""Copying files by SFTP on a libssh2 connection, beside the operations that run on it.

This module imports ssh2; import it only when a connection is made.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from ssh2 import sftp as ssh2_sftp
from ssh2.exceptions import SSH2Error
from ssh2.sftp_handle import SFTPAttributes

from pilothouse.errors import ConnectionLostError, TargetError
from pilothouse.transports.libssh2_session import AGAIN, DrivenSession

_BLOCK: Final = 1 << 18
_MODE: Final = 0o7777
_MADE_MODE: Final = 0o600
_PERMISSIONS: Final = 4
_READ: Final = ssh2_sftp.LIBSSH2_FXF_READ
_WRITE: Final = ssh2_sftp.LIBSSH2_FXF_WRITE | ssh2_sftp.LIBSSH2_FXF_CREAT | ssh2_sftp.LIBSSH2_FXF_TRUNC
# the protocol's own numbers
_REASONS: Final = {2: "no such file", 3: "permission denied", 4: "failure, as by a full disk", 8: "not supported"}


class _File:
    """An open file there. Nobody else keeps ``raw``: it keeps the session alive, which must die before its socket."""

    def __init__(self, raw: Any) -> None:
        self.raw = raw


class Copies:
    """The copies over one connection; its SFTP channel is opened with the first of them."""

    def __init__(self, session: DrivenSession, where: str) -> None:
        self._session = session
        self._where = where
        self._sftp: Any = None
        self._opening = asyncio.Lock()
        self._busy = 0
        self._idle = asyncio.Event()

    async def put(self, local: str, remote: str) -> None:
        """Copy a file there, mode kept. Raises ConnectionLostError, TargetError, OSError."""
        stream = await asyncio.to_thread(Path(local).open, "rb")
        try:
            mode = (await asyncio.to_thread(Path(local).stat)).st_mode & _MODE
            async with self._open(remote, _WRITE, _MADE_MODE) as file:
                while block := await asyncio.to_thread(stream.read, _BLOCK):
                    await self._write(file, block)
                attributes = SFTPAttributes()
                attributes.flags, attributes.permissions = _PERMISSIONS, mode
                await self._session.call(lambda: file.raw.fsetstat(attributes))
        finally:
            await asyncio.to_thread(stream.close)

    async def get(self, remote: str, local: str) -> None:
        """Copy a file from there, mode kept. Raises as `put`."""
        async with self._open(remote, _READ, 0) as file:
            mode = (await self._session.call(file.raw.fstat)).permissions & _MODE
            stream = await asyncio.to_thread(Path(local).open, "wb")
            try:
                while block := await self._read(file):
                    await asyncio.to_thread(stream.write, block)
            finally:
                await asyncio.to_thread(stream.close)
        await asyncio.to_thread(Path(local).chmod, mode)

    async def close(self) -> None:
        """End what is under way and let go of the channel; to be awaited before the session is closed."""
        while self._busy:
            self._session.lose("it was closed")
            self._idle.clear()
            await self._idle.wait()
        self._sftp = None

    @asynccontextmanager
    async def _open(self, path: str, flags: int, mode: int) -> AsyncIterator[_File]:
        file = _File(None)
        self._busy += 1
        try:
            await self._channel()
            file.raw = await self._session.call(lambda: self._sftp.open(path, flags, mode))
            try:
                yield file
            finally:
                with contextlib.suppress(SSH2Error, ConnectionError):
                    await self._session.call(file.raw.close)
        except ConnectionError as error:
            raise ConnectionLostError(f"{self._where}: the connection was lost during a copy: {error}") from None
        except SSH2Error as error:
            raise TargetError(f"{self._where}: the copy failed: {path}: {self._reason(error)}") from None
        finally:
            file.raw = None
            self._busy -= 1
            self._idle.set()

    async def _channel(self) -> None:
        async with self._opening:
            if self._sftp is None:
                self._sftp = await self._session.call(self._session.raw.sftp_init)

    async def _read(self, file: _File) -> bytes:
        def step() -> Any:
            size, block = file.raw.read(_BLOCK)
            return AGAIN if size == AGAIN else block[:size]

        return bytes(await self._session.call(step))

    async def _write(self, file: _File, block: bytes) -> None:
        done = 0

        def step() -> int:
            nonlocal done
            _, written = file.raw.write(block[done:])
            done += written
            return AGAIN if done < len(block) else 0

        await self._session.call(step)

    def _reason(self, error: SSH2Error) -> str:
        code = self._sftp.last_error() if self._sftp is not None and not self._session.closed else 0
        return _REASONS.get(code, str(error) or type(error).__name__)
