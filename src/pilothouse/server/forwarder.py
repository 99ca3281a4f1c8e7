"""Other masters, asked over HTTP in the name of this one (slapos-master 6.10)."""

from typing import Any, Final

import httpx

from pilothouse.clock import Clock
from pilothouse.server.api.slap.elsewhere import ElsewhereError, Remote
from pilothouse.server.master import forwarding
from pilothouse.server.master.errors import (
    InvalidRequestError,
    NotFoundError,
    NotReadyError,
    UnreachableMasterError,
)
from pilothouse.services.forwarding import Forward, OtherMaster
from pilothouse.services.instance import InstanceRequest
from pilothouse.slap import marshal_reader, marshal_writer
from pilothouse.slap.client.trust import context
from pilothouse.slap.documents import Document
from pilothouse.slap.markup import MarkupError
from pilothouse.store.contract import Store

PATIENCE: Final = 30.0
_SERVER_ERROR: Final = 500
_OF_OURS: Final = 64  # characters of an answer that may be our own run id


class Forwarder:
    """Asks other masters, and remembers what was asked of them."""

    def __init__(self, store: Store, clock: Clock, run_id: str, *, curious: bool) -> None:
        """Make one; a ``curious`` one looks at any address to see whether it is this server's own."""
        self._store = store
        self._clock = clock
        self._run_id = run_id
        self._curious = curious

    async def ask(self, needed: ElsewhereError) -> Remote | None:
        """Return what the other master gave, None when it turns out to be this one."""
        found, named = needed.found, needed.asked.filter.get("master_url", "")
        if named and self._curious and await self._is_ours(named):
            return None
        if not isinstance(found, Forward):
            raise NotFoundError(found.reason)
        attributes = await _requested(found.master, found.request)
        now = self._clock.time()
        await self._store.write(lambda connection: forwarding.record(connection, needed.caller, found, now))
        return Remote(master_url=found.master.url, asked=found.request, attributes=attributes)

    async def _is_ours(self, url: str) -> bool:
        try:
            async with httpx.AsyncClient(timeout=PATIENCE, trust_env=False) as client:
                answer = await client.get(f"{url.rstrip('/')}/getRunId")
        except (httpx.HTTPError, httpx.InvalidURL):
            return False
        return answer.text[:_OF_OURS] == self._run_id


async def _requested(master: OtherMaster, asked: InstanceRequest) -> dict[str, Any]:
    try:
        async with _client(master) as client:
            answer = await client.post("requestComputerPartition", data=_form(master, asked), headers=_headers(master))
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise UnreachableMasterError(f"{master.url} does not answer: {type(error).__name__} {error}") from error
    _check(master, asked, answer)
    try:
        document = marshal_reader.loads(answer.content)
    except MarkupError as error:
        raise UnreachableMasterError(f"{master.url} answers what no master answers: {error}") from error
    if not isinstance(document, Document):
        raise UnreachableMasterError(f"{master.url} answers with no instance")
    return document.attributes


def _client(master: OtherMaster) -> httpx.AsyncClient:
    base = master.url if master.url.endswith("/") else f"{master.url}/"
    verify: Any = False
    if master.url.startswith("https"):
        verify = context(master.certificate, master.key, None, verify=None)
    return httpx.AsyncClient(base_url=base, timeout=PATIENCE, verify=verify, trust_env=False)


def _form(master: OtherMaster, asked: InstanceRequest) -> dict[str, str]:
    form = {
        "software_release": asked.software_url,
        "partition_reference": asked.title,
        "partition_parameter_xml": _marshalled(asked.parameters),
        "filter_xml": _marshalled(asked.filter),
        "software_type": asked.software_type,
        "state": _marshalled(asked.state),
        "shared_xml": _marshalled(asked.shared),
    }
    if master.partition:
        form |= {"computer_id": master.computer, "computer_partition_id": master.partition}
    return form


def _headers(master: OtherMaster) -> dict[str, str]:
    if not master.partition:
        return {}
    named = f"computer_id={master.computer}, computer_partition_id={master.partition}"
    return {"Authorization": f"X-SlapPartition {named}"}


def _marshalled(value: Any) -> str:
    return marshal_writer.dumps(value).decode()


def _check(master: OtherMaster, asked: InstanceRequest, answer: httpx.Response) -> None:
    """Turn a refusal of the other master into ours."""
    status = answer.status_code
    if status == httpx.codes.OK:
        return
    said = f"{master.url} answers {status} to the request of {asked.title}"
    if status == httpx.codes.REQUEST_TIMEOUT:
        raise NotReadyError("Resource not ready")
    if status >= _SERVER_ERROR:
        raise UnreachableMasterError(said)
    if status == httpx.codes.BAD_REQUEST:
        raise InvalidRequestError(f"{said}: {answer.text[:200]}")
    raise NotFoundError(said)
