"""Our SSH transport alone, no engine round it: connect, operations with their whole handshake, settle, close.

``transport_loop.py HOSTS CONCURRENCY PORT USER KEY LINES OPERATIONS COMMAND [SCRIPT]``, as the floor, with SSH_PATH in
the environment. Instead of COMMAND and its input a script goes as an uploaded file.
"""

import asyncio
import json
import os
import sys
from pathlib import Path

import msgspec

from pilothouse.errors import PilothouseError
from pilothouse.jobs.nodes import Node
from pilothouse.settings import Settings
from pilothouse.transports.contract import Launch, UploadFile
from pilothouse.transports.ssh import SshTransport


async def reach(transport: SshTransport, node: Node, launch: Launch, lines: int, times: int) -> bool:
    output = bytearray()
    codes = []
    try:
        connection = await transport.connect(node)
        for number in range(times):
            named = msgspec.structs.replace(launch, token=f"{launch.token}-{number}")
            process = await connection.start(named, output.extend)
            codes.append((await process.exited()).code)
            await process.settle(clean=number == times - 1)
        await connection.close()
    except PilothouseError as error:
        print(error, file=sys.stderr)
        return False
    return codes == [0] * times and output.count(b"\n") == lines * times


async def main(words: list[str]) -> int:
    hosts = Path(words[0]).read_text().split()
    settings = Settings(
        data=Path(),
        host_keys="accept-any",
        identities=(Path(words[4]),),
        ssh_path=os.environ["SSH_PATH"],  # type: ignore[arg-type]
    )
    transport = SshTransport(settings)
    files = (UploadFile("script", Path(words[8]).read_bytes()),) if len(words) > 8 else ()
    argv = ("sh", "script") if files else ("sh", "-c", words[7])
    free = asyncio.Semaphore(int(words[1]))

    async def one(number: int, host: str) -> bool:
        node = Node(resource_id=number, host=host, protocol_port=int(words[2]), username=words[3])
        launch = Launch(token=f"t{number}", folder=f"/tmp/transport-{os.getpid()}-{number}", argv=argv, files=files)
        async with free:
            return await reach(transport, node, launch, int(words[5]), int(words[6]))

    good = sum(await asyncio.gather(*(one(number, host) for number, host in enumerate(hosts))))
    await transport.close()
    print(json.dumps({"ok": good, "fail": len(hosts) - good}))
    return 0 if good == len(hosts) else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1:])))
