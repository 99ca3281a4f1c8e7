"""The part of the master that is found by following links: searches and documents (spec section 3)."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import urljoin

from pilothouse.slap.client.connection import ConnectionHelper
from pilothouse.slap.client.exceptions import NotFoundError, ServerError
from pilothouse.slap.client.uri_template import expand

VIEW: Final = "slaposjs_view"
UNAVAILABLE: Final = "SlapOS Master Hateoas API required for this operation is not available."
_LISTED: Final = 40
_READ: Final = frozenset({"StringField", "EmailField", "IntegerField", "FloatField", "TextAreaField"})
_TREES: Final = 'portal_type:"Instance Tree" AND validation_state:validated'
_NODES: Final = 'portal_type:"Compute Node" AND validation_state:validated'
_MEMBERS: Final = (
    'portal_type:("Software Instance", "Slave Instance") AND validation_state:validated AND '
    'default_specialise_title:="{}"'
)


class Navigator:
    """Searches and reads documents below `slapos_master_hateoas_uri`; the root is read once and kept."""

    def __init__(self, slapos_master_hateoas_uri: str, connection: ConnectionHelper) -> None:
        self.slapos_master_hateoas_uri = slapos_master_hateoas_uri
        self._connection = connection
        self._root: dict[str, Any] | None = None

    @property
    def root_document(self) -> dict[str, Any]:
        """The document that all links begin at."""
        if self._root is None:
            self._root = self._json(self.slapos_master_hateoas_uri, {"Cache-Control": "no-cache"})
        return self._root

    def trees(self) -> list[dict[str, Any]]:
        """Return what is known of all services that the user requested."""
        return self.search(_TREES, ("title", "url_string"))

    def tree(self, title: str) -> dict[str, Any]:
        """Return the document of the service of this title; raises NotFoundError."""
        found = self.search(f'{_TREES} AND title:="{title}"', ("title", "relative_url"))
        return self._only(found, "This document does not exist.")

    def member(self, tree: str, title: str) -> dict[str, Any]:
        """Return the document of an instance within a service; raises NotFoundError."""
        found = self.search(_MEMBERS.format(tree), ("title", "relative_url"))
        return self._only([item for item in found if item.get("title") == title], "This document does not exist.")

    def nodes(self) -> list[dict[str, Any]]:
        """Return what is known of all computers of the user."""
        return self.search(_NODES, ("title", "reference"))

    def node(self, reference: str) -> dict[str, Any]:
        """Return the document of a computer; raises NotFoundError."""
        found = self.search(f'{_NODES} AND reference:="{reference}"', ("title", "relative_url", "reference"))
        return self._only(found, "This computer does not exist.")

    def token(self) -> str:
        """Return a new token for registering a computer; masters without such a link raise KeyError."""
        me = self.root_document["_links"]["self"]["href"]
        return str(self._json(f"{me}/computer_module/Base_getComputerToken")["access_token"])

    def search(self, query: str, select_list: Sequence[str], limit: int = _LISTED) -> list[dict[str, Any]]:
        """Return the entries that match; how queries are written is said in spec section 3.3."""
        template = self.root_document["_links"]["raw_search"]["href"]
        address = expand(template, {"query": query, "select_list": select_list, "limit": limit})
        contents: list[dict[str, Any]] = self._json(address).get("_embedded", {}).get("contents", [])
        return contents

    def document(self, relative_url: str) -> dict[str, Any]:
        """Return the values of a document, named without their prefixes."""
        template = self.root_document["_links"]["traverse"]["href"]
        return values(self._json(expand(template, {"relative_url": relative_url, "view": VIEW})))

    def _only(self, found: Sequence[Mapping[str, Any]], missing: str) -> dict[str, Any]:
        if not found:
            raise NotFoundError(missing)
        return self.document(found[0]["relative_url"])

    def _json(self, url: str, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
        import json  # noqa: PLC0415 - a node's pass asks nothing of this

        address = urljoin(self.slapos_master_hateoas_uri, url)
        body = self._connection.fetched(address, headers or {})
        try:
            found = json.loads(body)
        except ValueError as error:
            raise ServerError(f"the answer of {address} is no JSON object: {error}") from error
        if not isinstance(found, dict):
            raise ServerError(f"the answer of {address} is no JSON object but of type {type(found).__name__}")
        return found


def values(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a document says, by the rules of spec section 3.5."""
    links = document.get("_links", {})
    found = {"portal_type": links["type"]["name"]} if "type" in links else {}
    if parent := links.get("parent", {}).get("href"):
        found["parent_relative_url"] = "/".join(parent.split("/")[-2:])
    return found | dict(_fields(document.get("_embedded", {}).get("_view", {})))


def _fields(view: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, field in view.items():
        prefix, _, rest = name.partition("_")
        if prefix in {"my", "your"} and isinstance(field, Mapping) and field.get("type") in _READ:
            yield rest, field.get("default")
