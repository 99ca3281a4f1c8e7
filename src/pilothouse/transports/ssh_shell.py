"""A login shell in a terminal of its own, for devices that know no other way; imports asyncssh."""

from typing import Any, Final

import asyncssh

from pilothouse.errors import ConnectionLostError

_TERMINAL: Final = "vt100"
_COLUMNS: Final = 511
_ROWS: Final = 1000
_CHUNK: Final = 65536


class Shell:
    """What is typed and what is shown; ``key`` names the node in errors."""

    def __init__(self, process: "asyncssh.SSHClientProcess[bytes]", key: str) -> None:
        self._process = process
        self._key = key

    def type(self, text: bytes) -> None:
        """Send what a person would type."""
        self._process.stdin.write(text)

    async def read(self) -> bytes:
        """Return what is shown next; nothing at the end. Raises ConnectionLostError."""
        try:
            return await self._process.stdout.read(_CHUNK)
        except (asyncssh.Error, OSError) as error:
            raise ConnectionLostError(f"{self._key}: the connection was lost: {error}") from None

    def close(self) -> None:
        """Leave the terminal."""
        self._process.close()


async def shell(connection: asyncssh.SSHClientConnection, key: str) -> Shell:
    """Open a shell, wide enough that no device breaks lines. Raises asyncssh.Error."""
    options: dict[str, Any] = {"term_type": _TERMINAL, "term_size": (_COLUMNS, _ROWS), "encoding": None}
    return Shell(await connection.create_process(**options), key)
