"""Asking the engine of the job that a tool belongs to, by the job's socket (spec section 4.8)."""

import json
import os
import socket
import tempfile
from typing import Any, Final

from pilothouse.tools.program import ToolError

_SECONDS: Final = 20.0
_LONGEST_REPLY: Final = 65536


def ask(action: str, **members: Any) -> dict[str, Any]:
    """Send a message and return the reply. Raises ToolError when the engine cannot be asked."""
    path = os.environ.get("AUTOEXEC_JOB_SOCK")
    if not path:
        raise ToolError(f"the engine cannot be asked ({action}): there is no AUTOEXEC_JOB_SOCK, so no job is running")
    content = json.dumps({"action": action, **members}, ensure_ascii=False).encode()
    with (
        tempfile.TemporaryDirectory(prefix="pilothouse-") as folder,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as client,
    ):
        client.bind(f"{folder}/reply")
        client.settimeout(_SECONDS)
        try:
            client.sendto(content, path)
            found = json.loads(client.recv(_LONGEST_REPLY))
        except (OSError, ValueError) as error:
            raise ToolError(f"the engine did not answer ({action}): {error}") from None
    return found if isinstance(found, dict) else {}
