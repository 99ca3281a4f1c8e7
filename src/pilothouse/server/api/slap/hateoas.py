"""The paths of hateoas: the root with searches and traversal, and one page for each thing (slapos-master 3)."""

from collections.abc import Callable
from typing import Any, Final
from urllib.parse import quote, unquote

import msgspec
from sqlalchemy import Connection

from pilothouse.identity.caller import Caller
from pilothouse.jobs.secret import Secret
from pilothouse.server.api.slap import certificates, forms, hateoas_documents, hateoas_queries, refusals
from pilothouse.server.api.slap.calls import Desk, Work
from pilothouse.server.api.slap.exchange import JSON, NEVER, Answer, Request
from pilothouse.server.api.slap.forms import Form
from pilothouse.server.api.slap.hateoas_queries import Query
from pilothouse.server.api.slap.routes import Dialect, Route
from pilothouse.server.master import instances, nodes, software
from pilothouse.server.master.errors import InvalidRequestError, NotFoundError
from pilothouse.services.instance import InstanceKey

_PAGES: Final = ("partitions", "shared", "computers")
_OURS: Final = "/hateoas/"


class Hateoas:
    """The pages that navigators read."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def dialect(self) -> Dialect:
        """Return the table of these paths."""
        return Dialect(
            name="hateoas",
            refuse=refusals.classic,
            exact={
                "hateoas": {"GET": Route(_slash, open=True)},
                "hateoas/": {"GET": Route(self.root)},
                "hateoas/computer_module/Base_getComputerToken": {"GET": Route(self.token)},
            },
            below={
                "hateoas/partitions/": {"GET": Route(self.partition)},
                "hateoas/shared/": {"GET": Route(self.shared)},
                "hateoas/computers/": {"GET": Route(self.computer)},
            },
        )

    async def root(self, request: Request) -> Answer:
        """Answer with the root document, a search, or the way to a page."""
        form = forms.parse(request.query)
        mode = form.optional("mode", "root")
        if mode == "root":
            return _json(hateoas_documents.root(request.base))
        if mode == "traverse":
            return _traverse(form, request.base)
        if mode == "search":
            query = hateoas_queries.parse(form.required("query"))
            return await self._read(request, lambda connection: _search(connection, request.caller, query))
        raise InvalidRequestError(f"Unhandled mode: {mode[:40]}")

    async def partition(self, request: Request) -> Answer:
        """Answer with the page of a root."""
        return await self._instance(request, shared=False)

    async def shared(self, request: Request) -> Answer:
        """Answer with the page of a shared instance that a person asked for."""
        return await self._instance(request, shared=True)

    async def computer(self, request: Request) -> Answer:
        """Answer with the page of a node."""
        reference = _last(request)
        return await self._read(
            request,
            lambda connection: hateoas_documents.computer(nodes.find(connection, request.caller, reference)),
        )

    async def token(self, request: Request) -> Answer:
        """Answer with a token that registers one node (3.5)."""
        call = self._desk.call(request)

        def decoded() -> Work[Answer]:
            return lambda connection: _token(certificates.node_token(connection, call.caller, call.now))

        return await self._desk.run(decoded, "write", 0)

    async def _instance(self, request: Request, *, shared: bool) -> Answer:
        key = InstanceKey(_last(request), "", shared)
        return await self._read(
            request,
            lambda connection: hateoas_documents.instance(instances.by_key(connection, request.caller, key)),
        )

    async def _read(self, request: Request, look: Callable[[Connection], dict[str, Any]]) -> Answer:
        def decoded() -> Work[Answer]:
            return lambda connection: _json(look(connection))

        return await self._desk.run(decoded, "read", 0)


def _search(connection: Connection, caller: Caller, query: Query) -> dict[str, Any]:
    found = {"instance": _instances, "computer": _computers, "installation": _installations}[query.kind]
    try:
        return hateoas_documents.contents(found(connection, caller, query.value))
    except NotFoundError:
        return hateoas_documents.contents([])


def _instances(connection: Connection, caller: Caller, title: str | None) -> list[dict[str, Any]]:
    if title is None:
        return [hateoas_documents.instance_entry(entry) for entry in instances.roots(connection, caller)]
    return [hateoas_documents.instance_entry(instances.root(connection, caller, title))]


def _computers(connection: Connection, caller: Caller, reference: str | None) -> list[dict[str, Any]]:
    if reference is None:
        return [hateoas_documents.computer_entry(entry) for entry in nodes.listed(connection, caller)]
    return [hateoas_documents.computer_entry(nodes.find(connection, caller, reference))]


def _installations(connection: Connection, caller: Caller, computer: str | None) -> list[dict[str, Any]]:
    computers = [entry.computer for entry in nodes.listed(connection, caller)] if computer is None else [computer]
    return [
        hateoas_documents.installation_entry(release)
        for one in computers
        for release in software.listed(connection, caller, one)
    ]


def _traverse(form: Form, base: str) -> Answer:
    target = form.required("relative_url")
    page = target.removeprefix(_OURS).partition("/")[0] if target.startswith(_OURS) else ""
    if page not in _PAGES:  # anywhere else would make of this server a signpost for strangers
        raise InvalidRequestError(f"relative_url {target[:80]!r} is no page here; allowed: /hateoas/PAGE/NAME")
    return Answer(302, headers=((b"location", f"{base}{quote(target, safe='/%')}".encode()),))


def _last(request: Request) -> str:
    # "%2F" belongs to the title, "/" does not (X22)
    name = request.path.split("/", 2)[2]
    if not name or "/" in name:
        raise NotFoundError(f"there is no page {request.path[:80]}")
    return unquote(name)


async def _slash(request: Request) -> Answer:
    query = f"?{request.query.decode('latin-1')}" if request.query else ""
    return Answer(308, headers=((b"location", f"{request.base}/hateoas/{query}".encode("latin-1")),))


def _token(token: Secret) -> Answer:
    return Answer(200, msgspec.json.encode({"access_token": token.reveal()}), JSON, (NEVER,))


def _json(value: dict[str, Any]) -> Answer:
    return Answer(200, msgspec.json.encode(value), JSON)
