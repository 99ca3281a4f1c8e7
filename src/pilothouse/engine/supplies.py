"""Values of an operation that lie on the control server: files by id, passwords of accounts (spec section 2.6)."""

import contextlib
import json
from typing import Any, Final

import msgspec

from pilothouse.engine.link import ServerLink
from pilothouse.jobs.arguments import Opener
from pilothouse.jobs.document import Argument, Operation, Option
from pilothouse.jobs.nodes import Node
from pilothouse.jobs.references import Scope, as_text, expand

_KINDS: Final = frozenset({"account", "file"})
_ACCOUNT_PARTS: Final = 3


class Supplies:
    """Brings an operation's files into the run folder and looks its accounts up, before its command line is made."""

    def __init__(self, link: ServerLink, node: Node, scope: Scope, opener: Opener) -> None:
        self._link = link
        self._node = node
        self._scope = scope
        self._opener = opener
        self._accounts: dict[str, str] = {}
        self.secrets: list[str] = []

    def wanted(self, operation: Operation) -> bool:
        """Whether any value of the operation may lie on the server."""
        kinds = [option.type for option in operation.options] + [item.type for item in operation.arguments]
        return not _KINDS.isdisjoint(kinds)

    async def fetch(self, operation: Operation) -> Operation:
        """Return the operation with paths in place of file ids. Raises TransportError, RefusedError, OSError."""
        options = [
            Option(option.name, await self._value(option.value, option.type), option.type)
            for option in operation.options
        ]
        arguments = [Argument(await self._value(item.value, item.type), item.type) for item in operation.arguments]
        return msgspec.structs.replace(operation, options=tuple(options), arguments=tuple(arguments))

    def open(self, text: str) -> str:
        """Return the plain text of a secret; that of an account is ``user/password``."""
        return self._accounts.get(text) or self._opener(text)

    async def _value(self, value: Any, kind: str) -> Any:
        if kind == "file":
            return await self._files(value)
        if kind == "account" and value:
            await self._account(expand(as_text(value), self._scope))
        return value

    async def _files(self, value: Any) -> Any:
        found = value
        if isinstance(value, str) and value.startswith("${"):
            with contextlib.suppress(json.JSONDecodeError):
                found = json.loads(expand(value, self._scope))
        items = found if isinstance(found, list) else [found]
        ids = [item for item in items if isinstance(item, int) and not isinstance(item, bool)]
        if not ids:
            return value
        paths = dict(zip(ids, await self._link.files(ids), strict=True))
        return [paths[item] if isinstance(item, int) else item for item in items]

    async def _account(self, text: str) -> None:
        """Look up ``user/accountId/protocol``; any other text is taken as it is."""
        parts = text.split("/")
        if len(parts) != _ACCOUNT_PARTS or not parts[1].isdigit():
            return
        user, number, protocol = parts
        password = self._opener(await self._link.account(self._node, user, number, protocol))
        self._accounts[text] = f"{user}/{password}"
        self.secrets.append(password)
