"""``basic/rexecscript``: a script run on a machine that need not be a node of the job (spec section 8.6, 3)."""

import asyncio
import os
import secrets
import sys

from pilothouse.jobs.interpreters import INTERPRETERS, file_name, script_command
from pilothouse.jobs.nodes import Node
from pilothouse.tools import program
from pilothouse.tools.passwords import add_password, password
from pilothouse.tools.remoting.login import login
from pilothouse.transports.contract import Launch, UploadFile

_POSIX = tuple(name for name, item in INTERPRETERS.items() if item.style == "posix" and item.command)
_SSH_PORT = 22


def main() -> int:
    """Run the tool; it ends with the script's exit code."""
    add = program.parser("Run a script on a machine.")
    add.add_argument("--protocol", choices=("ssh",), default="ssh")
    add.add_argument("--ip", required=True)
    add.add_argument("--port", type=int, default=_SSH_PORT)
    add.add_argument("--username", required=True)
    add_password(add)
    add.add_argument("--interpreter", choices=_POSIX, default="sh")
    add.add_argument("--script", required=True)
    add.add_argument("arguments", nargs="*")
    options, further = add.parse_known_args()
    node = Node(
        resource_id=1,
        host=options.ip,
        port=options.port,
        protocol=options.protocol,
        protocol_port=options.port,
        username=options.username,
        password=password(options),
    )
    text = options.script if "\n" in options.script else options.script.replace("\\n", "\n")
    return asyncio.run(_run(node, options.interpreter, text, (*options.arguments, *further)))


async def _run(node: Node, interpreter: str, text: str, arguments: tuple[str, ...]) -> int:
    token = secrets.token_hex(8)
    name = file_name("script", interpreter)
    launch = Launch(
        token=token,
        folder=f"/tmp/pilothouse-script-{token}",  # noqa: S108 - the transport makes it private and checks it
        files=(UploadFile(name, f"{text}\n".encode("utf-8", "surrogateescape"), 0o700),),
        argv=(*script_command(interpreter, name), *arguments),
        environment=(("AUTOEXEC_JOBID", os.environ.get("AUTOEXEC_JOBID", "")), ("NODE_HOST", node.host)),
    )
    async with login(node) as connection:
        process = await connection.start(launch, _show)
        ended = await process.exited()
        await process.settle(clean=True)
    if ended.code:
        program.say("ERROR", f"{node.host}: the script ended with exit code {ended.code}")
    return ended.code


def _show(data: bytes) -> None:
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()
