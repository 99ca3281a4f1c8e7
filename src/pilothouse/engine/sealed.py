"""Opens what a job's documents hold sealed; what cannot be opened is told with its place."""

import contextlib
from collections.abc import Iterator, Mapping

import msgspec

from pilothouse.jobs.nodes import Node
from pilothouse.jobs.secret import Secret
from pilothouse.secrets.legacy import SecretError
from pilothouse.secrets.vault import Vault


def opened_node(node: Node, vault: Vault) -> Node:
    """Return the node with its passwords in plain text. Raises SecretError naming the node."""
    with _naming(f"node {node.resource_id} ({node.name or node.host})"):
        return msgspec.structs.replace(
            node, password=Secret(vault.open(node.password)), access=node.access.opened(vault.open)
        )


def opened_options(options: Mapping[str, str], vault: Vault) -> dict[str, str]:
    """Return job parameters in plain text. Raises SecretError naming the parameter."""
    found = {}
    for name, text in options.items():
        with _naming(f"$.opt.{name}"):
            found[name] = vault.open_option(text)
    return found


@contextlib.contextmanager
def _naming(place: str) -> Iterator[None]:
    try:
        yield
    except SecretError as error:
        raise SecretError(f"{place}: {error}") from None
