"""From a start to what will run: every job looked up, checked against the rights, and read once (headless 13)."""

import base64
import hashlib
from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from pilothouse.errors import PilothouseError, UsageError
from pilothouse.headless import messages
from pilothouse.headless.codes import ErrorCode
from pilothouse.headless.server import confinement, engine, modules
from pilothouse.headless.server.flight import Claim
from pilothouse.headless.server.rights import Rights
from pilothouse.store.headless_catalogue import ModuleRow, Root

_NO_SUCH_JOB: Final = "there is no such module, or it is not allowed"


class StartRefusedError(PilothouseError):
    """A start is refused as a whole; nothing was recorded."""

    def __init__(self, code: ErrorCode, reason: str, *, job: int | None = None, holder: str | None = None) -> None:
        self.code = code
        self.reason = reason
        self.job = job
        self.holder = holder
        super().__init__(f"{code.name}: {reason}")


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """One job that may run; ``plan`` is what the worker is given."""

    kind: str
    name: str
    sha256: str
    plan: dict[str, Any]
    claim: Claim | None = None
    limits: dict[str, float] = {}


class Catalogue(msgspec.Struct, frozen=True):
    """What there is: the roots, and the published modules by name in lower case."""

    roots: Sequence[Root]
    find: Callable[[str], ModuleRow | None]


def prepare(jobs: Sequence[messages.Job], rights: Rights, catalogue: Catalogue) -> list[Order]:
    """Return what the jobs mean. Raises StartRefusedError naming the first that may not run; reads files."""
    found = []
    for number, job in enumerate(jobs, 1):
        try:
            match job:
                case messages.Module():
                    found.append(_module(job, rights, catalogue))
                case messages.PyFile():
                    found.append(_file(job, rights, catalogue))
                case messages.PyCode():
                    found.append(_code(job, number, rights))
        except StartRefusedError as refused:
            raise StartRefusedError(refused.code, refused.reason, job=number) from None
        except confinement.FileRejectedError as rejected:
            raise StartRefusedError(ErrorCode.FILE_REJECTED, str(rejected), job=number) from rejected
    return found


def _module(job: messages.Module, rights: Rights, catalogue: Catalogue) -> Order:
    row = catalogue.find(job.id) if rights.may_open(job.id) else None
    if row is None:
        raise StartRefusedError(ErrorCode.NO_SUCH_JOB, _NO_SUCH_JOB)
    module = modules.decode(row.document)
    try:
        params = modules.filled(module, {param.name: param.text for param in job.params})
    except UsageError as error:
        raise StartRefusedError(ErrorCode.BAD_JOB, str(error)) from None
    plan: dict[str, Any] = {"kind": module.kind, "name": row.title, "params": params}
    digest = hashlib.sha256(row.document.encode()).hexdigest()
    match module.kind:
        case "python":
            plan["entry"] = module.entry
        case "file":
            script = confinement.read(*confinement.locate(catalogue.roots, module.file))
            plan |= _script(script)
            digest = script.sha256
        case "command":
            plan["command"] = list(module.command)
        case "definition":
            plan["files"] = modules.files(module, params)
            plan["command"] = engine.command(plan["files"])
    return Order(
        kind="module",
        name=f"{row.title}@{row.version}",
        sha256=digest,
        plan=plan,
        claim=modules.claim(row.title, module, params),
        limits=module.limits,
    )


def _file(job: messages.PyFile, rights: Rights, catalogue: Catalogue) -> Order:
    root, path = confinement.locate(catalogue.roots, job.path)
    if not rights.may_run(root.name, path):
        raise confinement.FileRejectedError(job.path, "no right")
    script = confinement.read(root, path)
    plan = {"kind": "file", "name": f"{root.name}:{path}", **_script(script)}
    claim = Claim(f"file:{root.name}/{path}") if root.single else None
    return Order(kind="py-file", name=f"{root.name}:{path}", sha256=script.sha256, plan=plan, claim=claim)


def _script(script: confinement.Script) -> dict[str, str]:
    return {"source": base64.b64encode(script.content).decode(), "path": script.folder}


def _code(job: messages.PyCode, number: int, rights: Rights) -> Order:
    if not rights.code:
        raise StartRefusedError(ErrorCode.CODE_FORBIDDEN, "snippets need the right 'code'")
    text = job.text.encode("utf-8", "surrogatepass")
    plan = {"kind": "code", "name": f"<snippet {number}>", "source": base64.b64encode(text).decode()}
    return Order(kind="py-code", name=f"snippet {number}", sha256=hashlib.sha256(text).hexdigest(), plan=plan)
