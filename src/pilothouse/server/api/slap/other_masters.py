"""Another master, asked as a person or as one of its own partitions (slapos-master 6.10)."""

import asyncio
from typing import Any, Final
from urllib.parse import urljoin

import httpx

from pilothouse.server.master.errors import (
    NotAllocatedError,
    NotFoundError,
    NotReadyError,
    UnreachableMasterError,
)
from pilothouse.services.forwarding import Forward, OtherMaster
from pilothouse.slap import marshal_reader
from pilothouse.slap.client import trust
from pilothouse.slap.client.request import METHOD, Wanted
from pilothouse.slap.documents import ComputerPartitionDocument, Document
from pilothouse.slap.markup import MarkupError

_TIMEOUT: Final = 60.0


async def ask(forward: Forward) -> Document:
    """Return the other master's instance as a partition, with where it came from.

    Raises NotAllocatedError for what it refuses, NotReadyError, UnreachableMasterError.
    """
    master, url = forward.master, urljoin(forward.master.url.rstrip("/") + "/", METHOD)
    try:
        async with httpx.AsyncClient(timeout=_TIMEOUT, verify=await _trust(master)) as client:
            response = await client.post(url, data=_form(forward), headers=_headers(master))
    except httpx.HTTPError as error:
        raise UnreachableMasterError(f"master {master.url} cannot be reached: {type(error).__name__}") from error
    return _document(forward, _body(forward, response))


def _form(forward: Forward) -> dict[str, Any]:
    request, master = forward.request, forward.master
    form = Wanted(
        request.software_url,
        request.software_type,
        request.title,
        request.shared,
        request.parameters,
        request.filter,
        request.state,
    ).marshalled()
    place = {"computer_id": master.computer, "computer_partition_id": master.partition} if master.partition else {}
    return {**form, **place}


def _headers(master: OtherMaster) -> dict[str, str]:
    if not master.partition:
        return {}
    return {"Authorization": f"X-SlapPartition computer_id={master.computer},computer_partition_id={master.partition}"}


async def _trust(master: OtherMaster) -> Any:
    if not master.url.startswith("https"):
        return False
    return await asyncio.to_thread(trust.context, master.certificate, master.key, None, verify=None)


def _body(forward: Forward, response: httpx.Response) -> bytes:
    status, url = response.status_code, forward.master.url
    if status == httpx.codes.REQUEST_TIMEOUT:
        raise NotReadyError("Resource not ready")
    if status in (httpx.codes.NOT_FOUND, httpx.codes.FORBIDDEN, httpx.codes.UNAUTHORIZED, httpx.codes.BAD_REQUEST):
        raise NotAllocatedError(
            f"No free computer partition found for: {forward.request.title}", f"master {url} said {status}"
        )
    if status != httpx.codes.OK:
        raise UnreachableMasterError(f"master {url} said {status}")
    return response.content


def _document(forward: Forward, content: bytes) -> Document:
    try:
        found = marshal_reader.loads(content)
    except MarkupError as error:
        raise UnreachableMasterError(f"master {forward.master.url} answered what is no instance: {error}") from error
    if not isinstance(found, Document):
        raise NotFoundError(f"master {forward.master.url} answered what is no instance")
    first, second = (*found.arguments, "", "")[:2]
    computer = str(found.get("slap_computer_id") or found.get("_computer_id") or first)
    partition = str(found.get("slap_computer_partition_id") or found.get("_partition_id") or second)
    attributes: dict[str, Any] = {
        **found.attributes,
        "_computer_id": computer,
        "_partition_id": partition,
        "_request_dict": None,
        "_master_url": forward.master.url,
        "_software_release_document": forward.request.software_url,
    }
    return ComputerPartitionDocument((computer, partition, None), attributes)
