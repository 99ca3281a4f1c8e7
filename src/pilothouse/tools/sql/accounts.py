"""Passwords of databases: as an option says, else as the control server knows them, else as the node file says."""

import os

import msgspec

from pilothouse.controlserver import calls, replies
from pilothouse.controlserver.replies import ServerRefusedError
from pilothouse.jobs.nodes import Node
from pilothouse.jobs.secret import Secret
from pilothouse.tools import program
from pilothouse.tools.server import ControlServer

_PROTOCOL = "database"


class Account(msgspec.Struct, frozen=True):
    """Who logs in where."""

    resource_id: int
    host: str
    port: int | None
    user: str


class Accounts:
    """Finds passwords, asking the server once for each account; ``given`` is that of all databases."""

    def __init__(self, server: ControlServer | None = None, given: Secret | None = None) -> None:
        self._server = server
        self._given = given or Secret()
        self._known: dict[Account, Secret] = {}

    def password(self, account: Account, node: Node | None) -> Secret:
        """Return the password; an empty one when nobody knows any. Raises ServerUnavailableError."""
        if self._given:
            return self._given
        if account not in self._known:
            self._known[account] = self._asked(account) or (program.opened(node).password if node else Secret())
        return self._known[account]

    def _asked(self, account: Account) -> Secret:
        if self._server is None:
            return Secret()
        body = {
            "jobId": os.environ.get("AUTOEXEC_JOBID", ""),
            "resourceId": account.resource_id,
            "host": account.host,
            "port": account.port,
            "username": account.user,
            "protocol": _PROTOCOL,
        }
        try:
            found = replies.password(calls.name_of(calls.ACCOUNT), self._server.ask(calls.ACCOUNT, body))
        except ServerRefusedError as error:
            program.say("WARN", f"{error}; the password of the node file is used")
            return Secret()
        return Secret(self._server.vault.open(Secret(found)))
