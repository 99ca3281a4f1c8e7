"""The OpenAPI 3.0.0 document of the JSON-RPC methods, made from the table that serves them (slapos-master 4.1)."""

from functools import cache
from typing import Any

import msgspec

from pilothouse.server.api.slap.exchange import JSON, Answer, Request
from pilothouse.server.api.slap.jsonrpc import METHODS, Method
from pilothouse.server.api.slap.refusals import ErrorBody

PATH = "slapos.openapi.json"
_SCHEMAS = "#/components/schemas/{name}"


@cache
def document() -> bytes:
    """Return the document as it is served."""
    kinds = [kind for method in METHODS.values() for kind in (method.asked, method.told)]
    _, components = msgspec.json.schema_components([*dict.fromkeys(kinds), ErrorBody], ref_template=_SCHEMAS)
    return msgspec.json.encode(
        {
            "openapi": "3.0.0",
            "info": {"title": "slapos master api", "version": "0.0.3"},
            "servers": [{"url": "."}],
            "paths": {f"/{name}": {"post": _operation(name, method)} for name, method in METHODS.items()},
            "components": {"schemas": {name: _trimmed(schema) for name, schema in components.items()}},
        }
    )


async def serve(_: Request) -> Answer:
    """Answer with the document."""
    return Answer(200, document(), JSON)


def _operation(name: str, method: Method) -> dict[str, Any]:
    return {
        "operationId": name,
        "summary": (method.act.__doc__ or name).strip().splitlines()[0],
        "requestBody": {"required": True, "content": _content(method.asked)},
        "responses": {
            "200": {"description": "Done.", "content": _content(method.told)},
            "default": {"description": "Refused.", "content": _content(ErrorBody)},
        },
    }


def _content(kind: type[msgspec.Struct]) -> dict[str, Any]:
    return {JSON: {"schema": {"$ref": _SCHEMAS.format(name=kind.__name__)}}}


def _trimmed(schema: dict[str, Any]) -> dict[str, Any]:
    # "required" must not be empty in this version of the format
    return {key: value for key, value in schema.items() if key != "required" or value}
