"""What a Tagent daemon does for each type of request (spec section 7.4)."""

import asyncio
import json
import posixpath
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Final

from pilothouse.transports import tagent_wire
from pilothouse.transports.tagent_credential import CredentialFile
from pilothouse.transports.tagent_session import Account, Session, account, start
from pilothouse.transports.tagent_wire import Framing, Request, WireError

_BLOCK: Final = 65536
_DRAIN_SECONDS: Final = 0.05
_LONGEST_ERROR: Final = 2000
_VARIABLE: Final = re.compile(r"\$\{(\w+)\}|\$(\w+)|%(\w+)%")
_SUBSTITUTED: Final = re.compile(r"(?:\$|%)(TMPDIR|TAGENT_BASE|TAGENT_HOME)(?:%|\b)")
# the word is looked at by the user's own process, never by the daemon's
_UPLOAD: Final = 'cat >"$1" || exit 1'
_UNPACK: Final = '[ -d "$1" ] || mkdir "$1" || exit 1; tar -C "$1" -xf -'
_LOOK: Final = (
    'if [ -d "$1" ]; then echo dir; elif [ -f "$1" ] && [ -r "$1" ]; then echo file; '
    'elif [ -e "$1" ]; then echo "$1: it is no readable file" >&2; exit 1; '
    'else echo "$1: No such file or directory" >&2; exit 1; fi'
)


class Answering:
    """One connection from its request to its end."""

    def __init__(
        self,
        framing: Framing,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        credential: CredentialFile,
        environ: Mapping[str, str],
    ) -> None:
        self.reader = reader
        self.credential = credential
        self.environ = environ
        self._incoming = Framing(framing.cipher)
        self._framing = framing
        self._writer = writer

    async def say(self, *payloads: bytes) -> None:
        """Send payloads, one chunk each (more for what is too long for one)."""
        self._writer.writelines([self._framing.chunks(payload) for payload in payloads])
        await self._writer.drain()

    async def end(self, error: str) -> None:
        """End the reply; ``error`` says what failed, or is a code."""
        self._writer.write(self._framing.end(error))
        await self._writer.drain()
        self._writer.write_eof()

    async def stream(self) -> AsyncIterator[bytes]:
        """Yield what the client streams, to its end mark. Raises WireError when the connection ends before it."""
        while not self._incoming.ended:
            data = await self.reader.read(_BLOCK)
            if not data:
                raise WireError("the connection ended before all was sent")
            if content := b"".join(self._incoming.feed(data)):
                yield content

    async def gone(self) -> None:
        """Return when the client has closed its side."""
        while await self.reader.read(_BLOCK):
            pass


async def execute(answering: Answering, request: Request) -> str:
    """Run a command and send its lines as they come; the client's going ends all of its session."""
    seconds = _number(request.field(3))
    session, pipe = await _command(answering, request)
    work = asyncio.create_task(_relay(answering, session))
    gone = asyncio.create_task(answering.gone())
    try:
        done, _ = await asyncio.wait((work, gone), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if work in done:
            code = work.result()
            return str(code) if code else ""
        raise WireError("the client is gone" if done else f"the command took more than its limit of {seconds} seconds")
    finally:
        # what ended by itself may leave a daemon behind on purpose
        if not (work.done() and not work.cancelled() and work.exception() is None):
            session.kill()
        work.cancel()
        gone.cancel()
        pipe.close()


async def execute_async(answering: Answering, request: Request) -> str:
    """Start a command that nobody waits for; its output is dropped."""
    session, pipe = await _command(answering, request)
    task = asyncio.create_task(_forgotten(session, pipe, _number(request.field(3))))
    _LEFT.add(task)
    task.add_done_callback(_LEFT.discard)
    return ""


async def upload(answering: Answering, request: Request) -> str:
    """Take a file, or a folder as a tar stream."""
    kind, name, wanted = (request.field(number) for number in range(3))
    if kind not in {"file", "dir"}:
        raise WireError(f"a {kind[:20]!r} cannot be taken here; allowed: file, dir")
    target = _expanded(wanted, answering.environ)
    if target.endswith("/"):
        base = posixpath.basename(posixpath.normpath(name))
        if base in {"", ".", ".."}:
            raise WireError(f"{name!r} is no name for what is sent")
        target += base
    session, pipe = await start(
        ("/bin/sh", "-c", _UPLOAD if kind == "file" else _UNPACK, "sh", _plain(target)),
        account(request.user, answering.environ),
        fed=True,
    )
    try:
        await answering.say(tagent_wire.READY)
        await _feed(session, answering.stream())
        said, code = await asyncio.gather(_said(session), session.ended())
        return (said.strip() or f"it ended with code {code}") if code else ""
    finally:
        session.kill()
        pipe.close()


async def download(answering: Answering, request: Request) -> str:
    """Send a file, or a folder as a tar stream."""
    who = account(request.user, answering.environ)
    path = _plain(_expanded(request.field(0), answering.environ))
    kind = (await _quick(("/bin/sh", "-c", _LOOK, "sh", path), who)).strip()
    follow = ["-h"] if request.field(1) in {"1", "\x01"} else []
    folder, name = posixpath.split(posixpath.normpath(path))
    pack = ("tar", "-C", folder or "/", *follow, "-cf", "-", "--", name)
    session, pipe = await start(pack if kind == "dir" else ("cat", "--", path), who)
    try:
        await answering.say(tagent_wire.READY + f",FileType:{kind}".encode())
        while data := await session.output.read(_BLOCK):
            await answering.say(data)
        code = await session.ended()
        return f"{path}: it could not be read to its end (code {code})" if code else ""
    finally:
        session.kill()
        pipe.close()


async def update_credential(answering: Answering, request: Request) -> str:
    """Replace the credential; this connection ends with the old one."""
    answering.credential.change(request.field(0))
    return ""


async def reload(answering: Answering, _: Request) -> str:
    """Read the credential file again: all that there is to reload."""
    answering.credential.load()
    await answering.say(tagent_wire.READY)
    return ""


async def echo(answering: Answering, request: Request) -> str:
    """Say the text again."""
    if text := request.field(0):
        await answering.say(text.encode())
    return ""


Handler = Callable[[Answering, Request], Awaitable[str]]
REQUESTS: Final[Mapping[str, Handler]] = {
    "execmd": execute,
    "execmdasync": execute_async,
    "upload": upload,
    "download": download,
    "updatecred": update_credential,
    "reload": reload,
    "echo": echo,
}
"""What a daemon can be asked for; each returns the text at the end of its reply, empty for success."""

_LEFT: Final[set[asyncio.Task[None]]] = set()


async def _command(answering: Answering, request: Request) -> tuple[Session, asyncio.ReadTransport]:
    command = _SUBSTITUTED.sub(
        lambda found: answering.environ.get(found[1], "/tmp" if found[1] == "TMPDIR" else found[0]),  # noqa: S108
        request.field(0),
    )
    try:
        given = json.loads(request.field(2) or "{}")
    except ValueError:
        raise WireError("the environment of the command is no JSON object") from None
    if not isinstance(given, dict):
        raise WireError("the environment of the command is no JSON object")
    changes = {str(name): str(value) for name, value in given.items()}
    return await start(("/bin/sh", "-c", _plain(command)), account(request.user, answering.environ), changes)


async def _relay(answering: Answering, session: Session) -> int:
    """Send output line by line until the process is gone and the pipe empty, though a child may hold it open."""
    ended = asyncio.create_task(session.ended())
    rest = b""
    try:
        while data := await _next(session, ended):
            *lines, rest = _lines(rest + data)
            await answering.say(*lines)
        if rest:
            await answering.say(rest)
        return await ended
    finally:
        ended.cancel()


def _lines(content: bytes) -> list[bytes]:
    """Return the lines to send, and what waits for its line end last; what is too long does not wait."""
    found = list(tagent_wire.lines(content))
    if found[-1].endswith(b"\n") or len(found[-1]) > tagent_wire.LONGEST:
        found.append(b"")
    return found


async def _next(session: Session, ended: "asyncio.Task[int]") -> bytes:
    reading = asyncio.create_task(session.output.read(_BLOCK))
    try:
        await asyncio.wait((reading, ended), return_when=asyncio.FIRST_COMPLETED)
        if not reading.done():
            await asyncio.wait((reading,), timeout=_DRAIN_SECONDS)
        return reading.result() if reading.done() else b""
    finally:
        reading.cancel()


async def _feed(session: Session, parts: AsyncIterator[bytes]) -> None:
    stdin = session.process.stdin
    assert stdin is not None  # noqa: S101 - it was asked for
    async for part in parts:
        # when the process has gone, its error is told at the end: the client is heard out first
        if not stdin.is_closing():
            stdin.write(part)
            try:
                await stdin.drain()
            except OSError:
                stdin.close()
    stdin.close()


async def _quick(words: tuple[str, ...], who: Account) -> str:
    session, pipe = await start(words, who)
    try:
        said, code = await asyncio.gather(_said(session), session.ended())
        if code:
            raise WireError(said.strip() or f"it ended with code {code}")
        return said
    finally:
        session.kill()
        pipe.close()


async def _said(session: Session) -> str:
    """Return what a process wrote, as much of it as an error's text may hold."""
    said = b""
    while data := await session.output.read(_BLOCK):
        said = (said + data)[:_LONGEST_ERROR]
    return said.decode("utf-8", "replace")


async def _forgotten(session: Session, pipe: asyncio.ReadTransport, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            while await session.output.read(_BLOCK):
                pass
            await session.ended()
    except TimeoutError:
        session.kill()
    finally:
        pipe.close()


def _expanded(path: str, environ: Mapping[str, str]) -> str:
    found = _VARIABLE.sub(lambda name: environ.get(name[1] or name[2] or name[3], name[0]), path)
    if not found.startswith("/") or ".." in found.split("/"):
        raise WireError(f"{path!r}: give an absolute path without '..'")
    return found


def _plain(text: str) -> str:
    if "\0" in text:
        raise WireError("a NUL character cannot be part of a command or path")
    return text


def _number(text: str) -> float:
    return float(text) if text.isascii() and text.isdigit() and int(text) > 0 else 86400.0
