"""The JSON-RPC methods: one table of what each takes, answers and does (slapos-master 4)."""

from collections.abc import Callable
from typing import Any, Final

import msgspec

from pilothouse.server.api.slap import jsonrpc_faults, jsonrpc_instances, jsonrpc_nodes, refusals
from pilothouse.server.api.slap import jsonrpc_messages as wire
from pilothouse.server.api.slap.calls import Access, Call, Desk, Work
from pilothouse.server.api.slap.exchange import JSON, NEVER, Answer, Request
from pilothouse.server.api.slap.refusals import HttpRefusal
from pilothouse.server.api.slap.routes import Handler, Route


class Method(msgspec.Struct, frozen=True):
    """One method: what it does to the store, the types of request and answer, the function."""

    access: Access
    asked: type[msgspec.Struct]
    told: type[msgspec.Struct]
    act: Callable[[Call, Any], Work[Any]]


METHODS: Final[dict[str, Method]] = {
    "slapos.get.v0.hateoas_url": Method("read", wire.Nothing, wire.HateoasUrl, jsonrpc_nodes.hateoas_url),
    "slapos.put.v0.compute_node_format": Method(
        "write", wire.ComputeNodeFormat, wire.Success, jsonrpc_nodes.format_node
    ),
    "slapos.post.v0.software_installation": Method(
        "write", wire.SoftwareInstallation, wire.Success, jsonrpc_nodes.supply
    ),
    "slapos.allDocs.v0.compute_node_software_installation_list": Method(
        "read", wire.Computer, wire.SoftwareInstallationList, jsonrpc_nodes.installations
    ),
    "slapos.put.v0.software_installation_reported_state": Method(
        "write", wire.SoftwareInstallationReportedState, wire.Success, jsonrpc_nodes.report_release
    ),
    "slapos.put.v0.software_installation_error": Method(
        "write", wire.SoftwareInstallationError, wire.Success, jsonrpc_nodes.release_failed
    ),
    "slapos.post.v0.software_instance": Method(
        "write", wire.SoftwareInstanceRequest, wire.InstanceDocument, jsonrpc_instances.request
    ),
    "slapos.get.v0.software_instance": Method("read", wire.Instance, wire.InstanceDocument, jsonrpc_instances.by_guid),
    "slapos.get.v0.compute_partition": Method("read", wire.Place, wire.InstanceDocument, jsonrpc_instances.at),
    "slapos.get.v0.instance_tree": Method("read", wire.InstanceTree, wire.InstanceDocument, jsonrpc_instances.tree),
    "slapos.allDocs.v0.instance_tree_list": Method("read", wire.Nothing, wire.TreeList, jsonrpc_instances.trees),
    "slapos.allDocs.v0.compute_node_instance_list": Method(
        "read", wire.Computer, wire.NodeInstanceList, jsonrpc_instances.on_node
    ),
    "slapos.allDocs.v0.instance_node_instance_list": Method(
        "read", wire.Instance, wire.HostedList, jsonrpc_instances.hosted
    ),
    "slapos.put.v0.software_instance_reported_state": Method(
        "write", wire.InstanceReportedState, wire.Success, jsonrpc_instances.report
    ),
    "slapos.put.v0.software_instance_connection_parameter": Method(
        "write", wire.ConnectionParameters, wire.Success, jsonrpc_instances.publish
    ),
    "slapos.put.v0.software_instance_bang": Method("write", wire.InstanceMessage, wire.Success, jsonrpc_instances.bang),
    "slapos.put.v0.software_instance_title": Method(
        "write", wire.InstanceTitle, wire.Success, jsonrpc_instances.rename
    ),
    "slapos.put.v0.software_instance_error": Method(
        "write", wire.InstanceMessage, wire.Success, jsonrpc_instances.failed
    ),
    "slapos.get.v0.software_instance_certificate": Method(
        "write", wire.Instance, wire.Certificate, jsonrpc_instances.certificate
    ),
    "slapos.post.v0.compute_node_certificate": Method(
        "write", wire.Computer, wire.Certificate, jsonrpc_nodes.new_certificate
    ),
    "slapos.remove.v0.compute_node_certificate": Method(
        "write", wire.Computer, wire.Success, jsonrpc_nodes.revoke_certificate
    ),
    "slapos.put.v0.compute_node_bang": Method("write", wire.ComputerMessage, wire.Success, jsonrpc_nodes.bang),
    "slapos.post.v0.compute_node_usage": Method("write", wire.Usage, wire.Success, jsonrpc_nodes.use),
    "slapos.get.v0.compute_node_status": Method("read", wire.Computer, wire.NodeStatus, jsonrpc_nodes.status),
    "slapos.allDocs.WIP.compute_node_list": Method("read", wire.Nothing, wire.ComputeNodeList, jsonrpc_nodes.listed),
}


def routes(desk: Desk) -> dict[str, dict[str, Route]]:
    """Return the table of these paths."""
    return {name: {"POST": Route(handler(desk, method))} for name, method in METHODS.items()}


def handler(desk: Desk, method: Method) -> Handler:
    """Return what serves a method: its body validated, its work done in the store, its answer from a struct."""
    decoder = msgspec.json.Decoder(method.asked)

    async def serve(request: Request) -> Answer:
        negotiate(request)
        call = desk.call(request)

        def decode() -> Work[Any]:
            return method.act(call, decoded(decoder, request.body))

        told = await desk.run(decode, method.access, len(request.body))
        if isinstance(told, Exception):
            raise told
        return Answer(200, msgspec.json.encode(told), JSON, (NEVER,))

    return serve


def decoded(decoder: msgspec.json.Decoder[Any], body: bytes) -> Any:
    """Return the request in a body. Raises HttpRefusal with the validator's words."""
    try:
        return decoder.decode(body)
    except UnicodeDecodeError as error:
        raise HttpRefusal(400, "The request is not valid JSON: it is not UTF-8") from error
    except msgspec.DecodeError as error:
        raise HttpRefusal(400, jsonrpc_faults.title(error, body)) from error


def negotiate(request: Request) -> None:
    """Refuse what is not JSON, and who does not take JSON (4.1). Raises HttpRefusal."""
    kind = (request.header(b"content-type") or "").partition(";")[0].strip().lower()
    if kind != JSON:
        raise HttpRefusal(415, f"the content type is {kind or 'missing'}; allowed: {JSON}")
    accept = request.header(b"accept")
    if accept is not None and not any(_takes_json(one) for one in accept.split(",")):
        raise HttpRefusal(406, f"answers are {JSON}, which Accept excludes")


def _takes_json(accepted: str) -> bool:
    kind, *parameters = (part.strip().lower() for part in accepted.split(";"))
    return kind in (JSON, "application/*", "*/*", "*") and "q=0" not in parameters


refuse = refusals.json_rpc
