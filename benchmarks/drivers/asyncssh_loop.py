"""A bare asyncssh loop, tuned: shared options, one algorithm of each kind, a semaphore.

``asyncssh_loop.py HOSTS CONCURRENCY PORT USER KEY LINES OPERATIONS COMMAND [STDIN]``, as the floor.
"""

import asyncio
import json
import sys
from pathlib import Path

import asyncssh


async def reach(
    host: str, options: asyncssh.SSHClientConnectionOptions, command: str, given: bytes | None, lines: int, times: int
) -> bool:
    try:
        async with asyncssh.connect(host, options=options) as connection:
            return all([await succeeded(connection, command, given, lines) for _ in range(times)])
    except (OSError, asyncssh.Error) as error:
        print(f"{host}: {error}", file=sys.stderr)
        return False


async def succeeded(connection: asyncssh.SSHClientConnection, command: str, given: bytes | None, lines: int) -> bool:
    done = await connection.run(command, input=given, encoding=None)
    output = done.stdout or b""
    return done.exit_status == 0 and bytes(output).count(b"\n") == lines  # type: ignore[arg-type]


async def main(words: list[str]) -> int:
    hosts = Path(words[0]).read_text().split()
    options = asyncssh.SSHClientConnectionOptions(
        port=int(words[2]),
        username=words[3],
        client_keys=[asyncssh.read_private_key(words[4])],
        known_hosts=None,
        config=None,
        agent_path=None,
        kex_algs=["curve25519-sha256"],
        encryption_algs=["aes128-gcm@openssh.com"],
        mac_algs=["hmac-sha2-256-etm@openssh.com"],
        compression_algs=["none"],
        server_host_key_algs=["ssh-ed25519"],
        preferred_auth=["publickey"],
        gss_host=None,
        x509_trusted_certs=None,
    )
    given = Path(words[8]).read_bytes() if len(words) > 8 else None
    free = asyncio.Semaphore(int(words[1]))

    async def one(host: str) -> bool:
        async with free:
            return await reach(host, options, words[7], given, int(words[5]), int(words[6]))

    good = sum(await asyncio.gather(*map(one, hosts)))
    print(json.dumps({"ok": good, "fail": len(hosts) - good}))
    return 0 if good == len(hosts) else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1:])))
