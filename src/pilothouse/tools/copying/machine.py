"""A node of the job as the copying tools see it: what lies there, and files carried to and fro."""

import asyncio
import posixpath
import secrets
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from pilothouse.errors import TransportError
from pilothouse.jobs.nodes import Node
from pilothouse.tools.copying.entries import Item, Source, read_listing
from pilothouse.tools.program import ToolError
from pilothouse.tools.remoting.login import login
from pilothouse.transports.contract import Connection, Launch, UploadFile

_LIBRARY: Final = (Path(__file__).parent / "machine.sh").read_text("utf-8")
_ANSWER: Final = "answer"
_LIST: Final = "list"


@asynccontextmanager
async def reach(node: Node) -> AsyncIterator["Machine"]:
    """Connect to a node by its protocol. Raises TransportError, ToolError for a protocol that carries no files."""
    async with login(node) as connection:
        yield Machine(node, connection)


class Machine:
    """A node with an open connection."""

    def __init__(self, node: Node, connection: Connection) -> None:
        self.node = node
        self._connection = connection

    async def resolve(self, path: str) -> tuple[str, str]:
        """Return the absolute path (relative ones start at the login's home), and d, f or - for what is there."""
        answer = await self._call("resolve", path)
        kind, _, found = answer.rstrip("\n").partition("\t")
        return found, kind

    async def sources(self, names: Sequence[str], *, follow: bool, missing_ok: bool) -> tuple[Source, ...]:
        """Return what the names and patterns stand for. Raises ToolError for one that is not there."""
        return read_listing(await self._call("list", str(int(follow)), str(int(missing_ok)), names=names))

    async def prepare(self, items: Iterable[Item]) -> None:
        """Make the folders and links."""
        await self._call("prepare", names=[line for item in items for line in _orders(item)])

    async def place(self, items: Sequence[Item], suffix: str, *, keep_mode: bool) -> None:
        """Verify what was uploaded beside its place, and move it there. Raises ToolError; nothing of it stays then."""
        lines = []
        for item in items:
            mode = f"{item.entry.mode:o}" if keep_mode else "-"
            lines.append(f"{item.entry.digest}\t{mode}\t{beside(item.to, suffix)}\t{item.to}")
        await self._call("place", names=lines)

    async def remove(self, paths: Sequence[str]) -> None:
        """Remove files, links and empty folders, in this order."""
        await self._call("remove", names=paths)

    async def upload(self, local: str, remote: str) -> None:
        """Copy a file there. Raises TransportError, OSError."""
        await self._connection.upload(local, remote)

    async def download(self, remote: str, local: str) -> None:
        """Copy a file from there. Raises TransportError, OSError."""
        await self._connection.download(remote, local)

    async def _call(self, work: str, *arguments: str, names: Sequence[str] = ()) -> str:
        token = secrets.token_hex(8)
        said = bytearray()
        text = "".join(f"{name}\n" for name in names).encode("utf-8", "surrogateescape")
        launch = Launch(
            token=token,
            folder=f"/tmp/pilothouse-copy-{token}",  # noqa: S108 - the transport makes it private and checks it
            files=(UploadFile(_LIST, text),),
            argv=("sh", "-c", f'{_LIBRARY}\n{work} "$@"', work, *arguments),
            collect=(_ANSWER,),
        )
        process = await self._connection.start(launch, said.extend)
        try:
            ended = await process.exited()
        except asyncio.CancelledError:
            await process.abort()
            raise
        await process.settle(clean=True)
        if ended.code:
            told = said.decode("utf-8", "replace").strip()
            raise ToolError(f"{self.node.key}: {told or f'ended with exit code {ended.code}'}")
        if _ANSWER not in ended.collected:
            raise TransportError(f"{self.node.key}: gave no answer to {work}")
        return ended.collected[_ANSWER].decode("utf-8", "surrogateescape")


def beside(path: str, suffix: str) -> str:
    """Return where a file lies until it is verified: hidden, in the folder it is meant for."""
    folder, name = posixpath.split(path)
    return posixpath.join(folder, f".{name[:200]}.{suffix}")


def _orders(item: Item) -> list[str]:
    """Return what to make for an item: its folder, itself when it is a folder, a link."""
    if item.entry.type == "folder":
        return [f"d\t{item.entry.mode | 0o700:o}\t{item.to}"]
    folder = f"p\t-\t{posixpath.dirname(item.to)}"
    return [folder, f"l\t{item.entry.target}\t{item.to}"] if item.entry.type == "link" else [folder]
