"""A headless server of a test's own, with the users and modules of the specification's checks."""

import asyncio
import contextlib
import socket
import ssl
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from functools import partial
from getpass import getuser
from pathlib import Path
from typing import Any

from scramp import ScramClient
from tests import headlesscall
from tests.headlesspeer import SALT

from pilothouse.clock import SystemClock
from pilothouse.headless import limits, messages
from pilothouse.headless.envelope import Envelope, decode, encode
from pilothouse.headless.frame_streams import read_frame, write_frame
from pilothouse.headless.frames import PREAMBLE
from pilothouse.headless.kdf import make_secret
from pilothouse.headless.numbering import Numbering
from pilothouse.headless.server import credentials, running
from pilothouse.headless.server.bounds import Bounds, SessionLimits
from pilothouse.headless.server.connection import Timing
from pilothouse.headless.server.modules import Concurrency, Module, check
from pilothouse.headless.server.modules import encode as encode_module
from pilothouse.headless.server.running import Config, Listener
from pilothouse.headless.server.spool import Spool
from pilothouse.store import headless_accounts, headless_catalogue
from pilothouse.store.contract import Store
from pilothouse.store.database import open_store
from pilothouse.store.headless_accounts import HeadlessUser
from pilothouse.store.headless_catalogue import Root

PASSWORDS = {"R41": "geheim", "R42": "other"}
SECRETS = {user: make_secret(password, SALT, "sha256-b64") for user, password in PASSWORDS.items()}
RIGHTS = {"R41": ("module:*", "file:jobs/*", "code", "see:own", "cancel:own"), "R42": ("module:OK1", "see:own")}
QUICK = Timing(penalty=0.01, opening=5.0, login=5.0)
ENDED = {"ok", "failed", "cancelled", "expired", "lost"}
SLOW = "import time; print('begun', flush=True); time.sleep({seconds})"
LOOP = """
import subprocess, time
subprocess.Popen(["setsid", "sleep", "300"])
print("begun", flush=True)
while True:
    time.sleep(0.05)
"""


@dataclass
class Server:
    """What a test knows of its server; `begin` and `stop` may be called again and again."""

    folder: Path
    timing: Timing = QUICK
    bounds: Bounds = field(default_factory=Bounds)
    limits: SessionLimits = field(default_factory=lambda: SessionLimits(grace=2.0))
    tls: ssl.SSLContext | None = None
    certificate: bytes | None = None
    python: str = sys.executable
    engine: dict[str, str] = field(default_factory=dict)
    port: int = 0
    store: Store | None = None
    database: Path | str = ""
    guests: "list[Guest]" = field(default_factory=list)
    processes: list[asyncio.subprocess.Process] = field(default_factory=list)
    _stop: asyncio.Event = field(default_factory=asyncio.Event)
    _task: "asyncio.Task[None] | None" = None

    async def begin(self) -> None:
        bound = socket.create_server(("127.0.0.1", self.port))
        self.port = bound.getsockname()[1]
        self.store = await open_store(self.database or self.folder / "server.db")
        self._stop = asyncio.Event()
        up = asyncio.Event()
        config = Config(
            data=self.folder / "headless",
            python=self.python,
            bounds=self.bounds,
            limits=self.limits,
            timing=self.timing,
            shared_account=True,
            engine=self.engine,
        )
        listener = Listener(bound, self.tls, self.certificate)
        serving = running.serve(config, self.store, [listener], up.set, self._stop)
        self._task = asyncio.create_task(serving)
        ready = asyncio.create_task(up.wait())
        await asyncio.wait({ready, self._task}, return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        if self._task.done():
            await self._task

    async def stop(self) -> None:
        for guest in self.guests:
            await guest.close()
        self._stop.set()
        if self._task is not None:
            await self._task
        if self.store is not None:
            await self.store.close()

    @property
    def spools(self) -> Path:
        return self.folder / "headless" / "spool"

    async def write(self, work: Callable[[Any], Any]) -> Any:
        assert self.store is not None
        return await self.store.write(work)

    async def read(self, work: Callable[[Any], Any]) -> Any:
        assert self.store is not None
        return await self.store.read(work)

    async def furnish(self) -> None:
        """Put users, secrets, modules and files of the checks' common setup into the database."""
        jobs = self.folder / "jobs"
        jobs.mkdir(mode=0o755, exist_ok=True)
        now = SystemClock().time()
        for name, secret in SECRETS.items():
            user = HeadlessUser(name=name, os_account=getuser(), rights=RIGHTS[name], created=now)
            await self.write(partial(headless_accounts.put_user, user=user))
            made = credentials.from_secret(name, "", secret, now)
            await self.write(partial(headless_accounts.put_credential, credential=made))
        await self.write(lambda c: headless_catalogue.put_root(c, Root(name="jobs", path=str(jobs), is_default=True)))
        await self.script("OK1", "print('one')")
        await self.script("BAD1", "import sys; sys.exit(7)")
        await self.script("SLOW", SLOW.format(seconds=1.0))
        await self.script("LOOP", LOOP)

    async def script(self, name: str, text: str, **concurrency: Any) -> None:
        """Publish a module that runs a file."""
        path = self.folder / "jobs" / f"{name.lower()}.py"
        path.write_text(text)
        path.chmod(0o644)
        await self.publish(name, Module(kind="file", file=f"jobs:{path.name}", concurrency=Concurrency(**concurrency)))

    async def publish(self, name: str, module: Module) -> None:
        document = encode_module(check(name, module))
        await self.write(lambda c: headless_catalogue.add_module(c, name, document, SystemClock().time()))

    def secret(self, user: str = "R41") -> Path:
        path = self.folder / f"{user}.secret"
        if not path.exists():
            path.touch(mode=0o600)
            path.write_text(f"{SECRETS[user]}\n")
            path.chmod(0o400)
        return path

    def words(self, *words: str, user: str = "R41") -> list[str]:
        return ["-s", f"127.0.0.1:{self.port}", "-u", user, "-a", "challenge", "-p", str(self.secret(user)), *words]

    async def call(self, *words: str, user: str = "R41", **settings: str) -> headlesscall.Answer:
        return await headlesscall.call(self.words(*words, user=user), self.folder, settings)


@contextlib.asynccontextmanager
async def serving(folder: Path, **options: Any) -> AsyncIterator[Server]:
    server = Server(folder, **options)
    await server.begin()
    try:
        await server.furnish()
        yield server
    finally:
        for process in server.processes:
            if process.returncode is None:
                process.kill()
                await process.communicate()
        await server.stop()
        for spool in server.spools.iterdir():
            end_shim(spool)


def document(script: str, kind: str, opt: dict[str, str] | None = None) -> dict[str, Any]:
    """Return a job definition of one script."""
    operation = {"opName": "say", "opId": "say_1", "opType": kind, "isScript": 1, "interpreter": "bash",
                 "scriptContent": script, "opt": {}, "output": {}, "desc": {}}  # fmt: skip
    phase = {"phaseName": "greet", "operations": [operation]}
    flow = [{"groupNo": 0, "execStrategy": "oneShot", "phases": [phase]}]
    return {"jobId": "batch", "opt": opt or {}, "runFlow": flow}


def end_shim(folder: Path) -> None:
    """End whatever a test left running."""
    with contextlib.suppress(OSError), Spool(folder).control() as control:
        control.setblocking(True)
        control.sendall(b'{"cancel": "force"}\n')
        while control.recv(4096):
            pass


class Guest:
    """A client that says exactly what a test wants."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.numbers = Numbering()
        self.seen: list[Any] = []

    @classmethod
    async def to(cls, server: Server) -> "Guest":
        guest = cls(*await asyncio.open_connection("127.0.0.1", server.port))
        server.guests.append(guest)
        return guest

    @classmethod
    async def inside(cls, server: Server, user: str = "R41") -> "Guest":
        """Return a guest that is logged in."""
        guest = await cls.to(server)
        await guest.greet()
        welcome = await guest.log_in(user, SECRETS[user])
        assert isinstance(welcome, messages.Welcome), welcome
        return guest

    async def say(self, message: Any) -> None:
        envelope = Envelope(self.numbers.next(), message, None)
        await write_frame(self.writer, encode(envelope), 5)

    async def hear(self, seconds: float = 10.0) -> Any:
        """Return the next message, None at the end."""
        payload = await read_frame(self.reader, limits.FRAME_TO_CLIENT, seconds)
        if payload is None:
            return None
        envelope = decode(payload, messages.ServerMessage)
        self.numbers.check(envelope.n, envelope.re)
        self.seen.append(envelope.message)
        return envelope.message

    async def until(self, *kinds: Any, seconds: float = 10.0) -> Any:
        """Return the next message of these kinds; whatever comes before is in ``seen``."""
        while True:
            message = await self.hear(seconds)
            if message is None or isinstance(message, kinds):
                return message

    async def greet(self) -> Any:
        self.writer.write(PREAMBLE)
        assert await self.reader.readexactly(len(PREAMBLE)) == PREAMBLE
        await self.say(messages.Hello("1"))
        return await self.hear()

    async def log_in(self, user: str, secret: str, **fields: Any) -> Any:
        client = ScramClient(["SCRAM-SHA-256"], user, secret)
        login = messages.Login("challenge", "SCRAM-SHA-256", user, scram=str(client.get_client_first()), **fields)
        await self.say(login)
        answer = await self.hear()
        if not isinstance(answer, messages.Challenge):
            return answer
        client.set_server_first(answer.scram)
        await self.say(messages.Response(str(client.get_client_final())))
        return await self.hear()

    async def start(self, *jobs: Any, wait: str = "-1", request: str = "", **fields: Any) -> Any:
        name = request or f"request-{id(self)}-{self.numbers.sent}"
        await self.say(messages.Start(name, tuple(jobs), wait=wait, events="all", **fields))
        return await self.until(messages.Accepted, messages.Refused)

    async def ended(self, seconds: float = 20.0) -> Any:
        return await self.until(messages.SessionEnd, seconds=seconds)

    async def state(self, sid: str) -> str:
        await self.say(messages.Query(session=sid))
        found = await self.until(messages.Status, messages.Error)
        return str(found.state) if isinstance(found, messages.Status) else found.name

    async def becomes(self, sid: str, *states: str) -> str:
        """Return the session's state once it is one of these."""
        async with asyncio.timeout(20):
            while (state := await self.state(sid)) not in states:
                await asyncio.sleep(0.03)
        return state

    async def prints(self, text: str) -> None:
        """Wait until a job has printed something."""
        while True:
            found = await self.until(messages.Log, messages.SessionEnd)
            if isinstance(found, messages.Log) and text in found.text:
                return
            assert isinstance(found, messages.Log), f"it ended before it printed {text!r}"

    async def close(self) -> None:
        self.writer.transport.abort()
        await asyncio.sleep(0)

    def of(self, kind: Any) -> list[Any]:
        return [message for message in self.seen if isinstance(message, kind)]


def module(name: str, **params: str) -> messages.Module:
    return messages.Module(name, tuple(messages.Param(key, value) for key, value in params.items()))


def code(text: str) -> messages.PyCode:
    return messages.PyCode(text)
