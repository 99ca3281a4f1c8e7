"""The SLAP dialects on a real uvicorn and a SQLite file, in a thread of this process: a master for tests."""

import asyncio
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import httpx
import uvicorn

from pilothouse.clock import SystemClock
from pilothouse.identity.authority import Authority, open_authority
from pilothouse.identity.caller import LOCAL, Caller
from pilothouse.server.api.slap.doors import create_app
from pilothouse.server.api.slap.options import Options
from pilothouse.server.login import LoginError
from pilothouse.slap import marshal_reader, marshal_writer
from pilothouse.store.contract import Store
from pilothouse.store.database import open_store

_PATIENCE: Final = 30


class Master:
    """A running master. Who calls is said by the header ``X-Test-Caller``; without it, everybody is local."""

    def __init__(self, folder: Path, options: Options = Options(), callers: Mapping[str, Caller] | None = None) -> None:  # noqa: B008
        self.folder = folder
        self.store: Store
        self.authority: Authority
        self._options = options
        self._callers = callers
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        self._server: uvicorn.Server
        self._loop: asyncio.AbstractEventLoop
        self.url = ""
        self.http: httpx.Client

    def start(self) -> "Master":
        self._thread.start()
        assert self._ready.wait(_PATIENCE), "the master did not start"
        self.http = httpx.Client(base_url=self.url, timeout=_PATIENCE)
        return self

    def stop(self) -> None:
        self.http.close()
        self._loop.call_soon_threadsafe(setattr, self._server, "should_exit", True)
        self._thread.join(_PATIENCE)

    def get(self, path: str, headers: Any = None, **query: Any) -> httpx.Response:
        return self.http.get(path, params=query, headers=headers)

    def post(self, path: str, headers: Any = None, **form: Any) -> httpx.Response:
        kind = {"Content-type": "application/x-www-form-urlencoded"}
        return self.http.post(path, content=urlencode(form), headers={**kind, **(headers or {})})

    def call(self, method: str, body: object = None, headers: Mapping[str, str] | None = None) -> httpx.Response:
        return self.http.post(f"slapos.{method}", json={} if body is None else body, headers=headers)

    def write(self, work: Any) -> Any:
        """Do work in the store, as another part of the server would."""
        return asyncio.run_coroutine_threadsafe(self.store.write(work), self._loop).result(_PATIENCE)

    def read(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(self.store.read(work), self._loop).result(_PATIENCE)

    def request(self, title: str, headers: Any = None, **changes: Any) -> httpx.Response:
        """Post ``requestComputerPartition`` as the client does; ``changes`` are its values."""
        fields: dict[str, Any] = {
            "software_release": "http://sr.example/a.cfg",
            "partition_reference": title,
            "partition_parameter_xml": {},
            "filter_xml": {},
            "software_type": "default",
            "state": None,
            "shared_xml": False,
            **changes,
        }
        form = {name: _marshalled(value) if _is_marshalled(name) else str(value) for name, value in fields.items()}
        return self.post("requestComputerPartition", headers, **form)

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.store = await open_store(self.folder / "pilothouse.db")
        self.authority = open_authority(self.folder / "authority", SystemClock().time())
        app = create_app(self.store, self._caller, self.authority, SystemClock(), self._options)
        config = uvicorn.Config(app, port=0, log_config=None, access_log=False, lifespan="off", ws="none")
        self._server = _Server(config, self._started)
        await self._server.serve()
        await self.store.close()

    def _started(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}/"
        self._ready.set()

    async def _caller(self, scope: Mapping[str, Any]) -> Caller:
        name = next((value.decode() for key, value in scope["headers"] if key == b"x-test-caller"), "")
        if self._callers is None:
            return LOCAL
        if name not in self._callers:
            raise LoginError("say who you are")
        return self._callers[name]


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, started: Any) -> None:
        super().__init__(config)
        self._tell = started

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        self._tell(self.servers[0].sockets[0].getsockname()[1])


def marshalled(value: object) -> str:
    return marshal_writer.dumps(value).decode()


def loaded(response: httpx.Response) -> Any:
    assert response.status_code == 200, (response.status_code, response.text)
    return marshal_reader.loads(response.content)


def described(computer: str, *partitions: str) -> dict[str, Any]:
    """Return what ``node format`` posts, as far as a master reads it."""
    return {
        "reference": computer,
        "address": "127.0.0.1",
        "netmask": "255.0.0.0",
        "partition_list": [
            {
                "reference": name,
                "address_list": [{"addr": f"10.0.0.{number}", "netmask": "255.255.255.255"}],
                "tap": {"name": f"tap{number}"},
            }
            for number, name in enumerate(partitions)
        ],
    }


def _is_marshalled(name: str) -> bool:
    return name.endswith("_xml") or name == "state"


def _marshalled(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else marshalled(value)
