"""An engine in miniature, to be killed: starts one operation, says when it runs or has ended, then waits.

Called with: local, tagent, general or fast (ways of SSH), the folder of the sshd, the server's port, the private
folder, a token, a script.
"""

import asyncio
import os
import sys
from pathlib import Path

from pilothouse.jobs.nodes import Node
from pilothouse.jobs.secret import Secret
from pilothouse.settings import Settings
from pilothouse.transports.contract import Launch, Transport
from pilothouse.transports.local import LocalTransport
from pilothouse.transports.ssh import SshTransport
from pilothouse.transports.tagent import TagentTransport

CREDENTIAL = "tagentpass"


def show(data: bytes) -> None:
    """Write at once, so that the test sees it before the kill."""
    os.write(1, data)


async def main(kind: str, home: str, port: str, folder: str, token: str, script: str) -> None:
    settings = Settings(
        data=Path(home),
        known_hosts=(Path(home, "known_hosts"),),
        identities=(Path(home, "id_ed25519"),),
        ssh_path="fast" if kind == "fast" else "general",
    )
    transport: Transport = LocalTransport() if kind == "local" else SshTransport(settings)
    if kind == "tagent":
        transport = TagentTransport(settings)
    credential = Secret(CREDENTIAL if kind == "tagent" else "")
    node = Node(resource_id=1, host="127.0.0.1", protocol_port=int(port), password=credential)
    connection = await transport.connect(node)
    launch = Launch(token=token, folder=folder, argv=("sh", "-c", script))
    process = await connection.start(launch, show)
    show(b"exited %d\n" % (await process.exited()).code)
    await asyncio.sleep(600)


asyncio.run(main(*sys.argv[1:]))
