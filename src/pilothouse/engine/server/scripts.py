"""Scripts and their libraries: fetched by version, never overwritten, linked under the documented names (6.6)."""

import asyncio
import json
import tarfile
from pathlib import Path
from typing import Final
from urllib.parse import unquote

import msgspec

from pilothouse.controlserver import calls, replies
from pilothouse.controlserver.client import Answer, Client
from pilothouse.controlserver.replies import ServerUnavailableError
from pilothouse.engine.libraries import listed
from pilothouse.engine.server.filecache import safe_name
from pilothouse.engine.server.pushes import Facts
from pilothouse.engine.workspace import Workspace
from pilothouse.files import write_atomic
from pilothouse.jobs.document import Operation
from pilothouse.jobs.interpreters import INTERPRETERS, file_name

_NO_OPERATION: Final = "None"
_EXTENSIONS: Final = {"package": ".tar"}
_LIBRARY_EXTENSIONS: Final = {"perl": ".pm", "package": ".tar"}


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """A script as it lies in the run folder; ``libraries`` are the ids of the scripts that it uses."""

    path: Path
    libraries: tuple[str, ...] = ()


class Scripts:
    """The scripts of one job."""

    def __init__(self, client: Client, facts: Facts, space: Workspace) -> None:
        self._client = client
        self._facts = facts
        self._space = space
        self._libraries: set[str] = set()

    async def fetch(self, operation: Operation) -> None:
        """Bring an operation's script and everything it uses into the run folder.

        Raises ServerUnavailableError, ServerRefusedError, OSError.
        """
        if operation.script is None:
            return
        stored = await self._one(operation.id, operation.script.id)
        # a copy that an earlier run made of an older version must not be found first
        name = file_name(operation.id, operation.script.interpreter)
        if stored.path.name.partition(".")[2] != name:
            self._space.script(name).unlink(missing_ok=True)
        _point(self._space.script(operation.id), stored.path)
        waiting = list(stored.libraries)
        while waiting:
            number = waiting.pop()
            if number not in self._libraries:
                self._libraries.add(number)
                waiting += (await self._one(_NO_OPERATION, number)).libraries

    async def _one(self, operation: str, script: str) -> Stored:
        link = self._space.script(script)
        known = link.resolve() if link.is_file() else None
        query = {"jobId": self._facts.job_id, "operationId": operation, "scriptId": script}
        if known is not None:
            query["scriptVersionId"] = known.name.partition(".")[0]
        query |= {"acceptStream": "True", "lastModified": str(known.stat().st_mtime if known else 0)}
        answer = await self._client.get(calls.SCRIPT, query)
        if answer.unchanged and known is not None:
            return Stored(path=known, libraries=listed(known))
        return await asyncio.to_thread(self._store, script, answer)

    def _store(self, script: str, answer: Answer) -> Stored:
        call = f"script {script}"
        version = safe_name(answer.headers.get("scriptversionid", ""))
        name = safe_name(unquote(answer.headers.get("scriptname", "")))
        if not version or not name or "." in version:
            raise ServerUnavailableError(call, "the answer names no script and version")
        is_library = answer.headers.get("scriptislib") == "1"
        extension = _extension(answer.headers.get("scriptinterpreter", ""), is_library=is_library)
        name = name if name.endswith(extension) else name + extension
        path = self._space.script(f"{version}.{name}")
        libraries = _ids(call, answer.headers.get("scriptuselibs", ""))
        if not path.is_file():
            write_atomic(path.with_name(path.name + ".lib"), ",".join(libraries).encode())
            write_atomic(path, _text(call, answer), mode=0o700)
        _point(self._space.script(name), path)
        _point(self._space.script(script), path)
        # a package that is run itself is unpacked apart, where it is run
        if is_library and extension == ".tar":
            unpack(path, path.parent)
        return Stored(path=path, libraries=listed(path))


def _text(call: str, answer: Answer) -> bytes:
    """Return the script: the body, or ``Return.script`` of a JSON answer."""
    if not answer.headers.get("content-type", "").startswith("application/json"):
        return answer.body
    found = replies.returned(call, answer.body)
    text = found.get("script") if isinstance(found, dict) else None
    if not isinstance(text, str):
        raise ServerUnavailableError(call, "the answer holds no script")
    return text.encode()


def _extension(interpreter: str, *, is_library: bool) -> str:
    if is_library and interpreter in _LIBRARY_EXTENSIONS:
        return _LIBRARY_EXTENSIONS[interpreter]
    known = INTERPRETERS.get(interpreter)
    return _EXTENSIONS.get(interpreter) or (known.extension if known else "")


def _ids(call: str, text: str) -> tuple[str, ...]:
    try:
        found = json.loads(text or "[]")
    except json.JSONDecodeError:
        found = None
    if not isinstance(found, list):
        raise ServerUnavailableError(call, f"its libraries are no list: {text[:100]}")
    return tuple(str(item) for item in found)


def _point(link: Path, path: Path) -> None:
    """Make ``link`` a relative symbolic link to ``path``, in one step."""
    if link == path:
        return
    link.parent.mkdir(parents=True, exist_ok=True)
    beside = link.with_name(f".{link.name[:200]}.new")
    beside.unlink(missing_ok=True)
    beside.symlink_to(Path(*[".."] * (len(link.relative_to(path.parent).parts) - 1), path.name))
    beside.replace(link)


def unpack(archive: Path, folder: Path) -> None:
    """Unpack a library's archive; members that lead out of the folder are refused by the tar module."""
    with tarfile.open(archive) as opened:
        opened.extractall(folder, filter="data")
