"""The documents of hateoas: the root, the entries of searches, the views of instances and nodes (slapos-master 3)."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from pilothouse.services.instance import InstanceDocument, InstanceEntry
from pilothouse.services.node import NodeEntry, Software
from pilothouse.slap import instance_xml

_UNUSED: Final = "unused"
"""The state that a shared instance is said to have."""


def root(base: str) -> dict[str, Any]:
    """Return where everything begins."""
    here = f"{base}/hateoas"
    return {
        "_links": {
            "self": {"href": here},
            "raw_search": {"href": f"{here}/?mode=search&query={{query}}&select_list={{select_list}}"},
            "traverse": {"href": f"{here}/?mode=traverse&relative_url={{relative_url}}&view={{view}}"},
        }
    }


def contents(entries: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what a search found."""
    return {"_embedded": {"contents": entries}}


def instance_entry(entry: InstanceEntry | InstanceDocument) -> dict[str, Any]:
    """Return a root, or a shared instance that a person asked for."""
    folder = "shared" if entry.shared else "partitions"
    return {
        "title": entry.title,
        "url_string": entry.software_url,
        "relative_url": f"/hateoas/{folder}/{quote(entry.title, safe='')}",
        "reference": entry.guid,
        "slap_state": _UNUSED if entry.shared else entry.state,
        "source_reference": entry.software_type,
    }


def computer_entry(entry: NodeEntry) -> dict[str, Any]:
    """Return a node."""
    return {
        "title": entry.title or entry.computer,
        "reference": entry.computer,
        "relative_url": f"/hateoas/computers/{quote(entry.computer, safe='')}",
        "address": entry.address,
        "netmask": entry.netmask,
    }


def installation_entry(release: Software) -> dict[str, Any]:
    """Return a release on a node."""
    return {
        "title": release.url,
        "url_string": release.url,
        "aggregate_reference": release.computer,
        "slap_state": release.state,
        "relative_url": f"/hateoas/computers/{quote(release.computer, safe='')}",
    }


def instance(document: InstanceDocument) -> dict[str, Any]:
    """Return the page of an instance."""
    connection = instance_xml.dumps(document.connection) if document.connection else None
    return _page(
        "Instance Tree",
        "InstanceTree_viewAsHateoas",
        {
            "my_reference": document.title,
            "my_slap_state": _UNUSED if document.shared else document.state,
            "my_text_content": instance_xml.dumps(document.parameters),
            "my_connection_parameter_list": connection,
            "my_url_string": document.software_url,
            "my_source_reference": document.software_type,
            "my_root_slave": int(document.shared),
        },
    )


def computer(entry: NodeEntry) -> dict[str, Any]:
    """Return the page of a node."""
    fields = {"my_reference": entry.computer, "my_title": entry.title or entry.computer}
    return _page("Computer", "Computer_viewAsHateoas", fields)


def _page(kind: str, form: str, values: Mapping[str, str | int | None]) -> dict[str, Any]:
    fields: dict[str, Any] = {
        name: {
            "type": "IntegerField" if isinstance(value, int) else "StringField",
            "key": f"field_{name}",
            "default": value,
        }
        for name, value in values.items()
    }
    fields["form_id"] = {"type": "StringField", "key": "form_id", "default": form}
    return {"_links": {"type": {"name": kind}}, "_embedded": {"_view": fields}}
