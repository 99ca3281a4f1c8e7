"""parallel-ssh as its manual shows: one client for all hosts; a script goes by SFTP and is then run.

``parallel_ssh_loop.py HOSTS CONCURRENCY PORT USER KEY LINES OPERATIONS COMMAND [SCRIPT]``, as the floor.
"""

import json
import sys
from pathlib import Path

from gevent import joinall
from pssh.clients import ParallelSSHClient

UPLOADED = "mkdir -p {folder} && mv {name} {folder}/s && sh {folder}/s; r=$?; rm -rf {folder}; exit $r"


def run(client: ParallelSSHClient, command: str, lines: int) -> list[bool]:
    """Run a command everywhere; return where it was right."""
    outputs = client.run_command(command, stop_on_errors=False)
    counts = [sum(1 for _ in output.stdout or ()) for output in outputs]
    client.join(outputs)
    return [output.exit_code == 0 and count == lines for output, count in zip(outputs, counts, strict=True)]


def run_script(client: ParallelSSHClient, hosts: list[str], script: str, lines: int) -> list[bool]:
    """Upload and run a script everywhere; all hosts are one machine here, so each has a name of its own."""
    names = [f"parallel-ssh-{host}" for host in hosts]
    joinall(client.copy_file(script, "%(name)s", copy_args=[{"name": name} for name in names]), raise_error=True)
    words = [UPLOADED.format(folder=f"/tmp/{name}", name=name) for name in names]
    outputs = client.run_command("%s", host_args=[(word,) for word in words], stop_on_errors=False)
    counts = [sum(1 for _ in output.stdout or ()) for output in outputs]
    client.join(outputs)
    return [output.exit_code == 0 and count == lines for output, count in zip(outputs, counts, strict=True)]


def main(words: list[str]) -> int:
    hosts = Path(words[0]).read_text().split()
    client = ParallelSSHClient(
        hosts,
        user=words[3],
        port=int(words[2]),
        pkey=words[4],
        pool_size=int(words[1]),
        allow_agent=False,
        identity_auth=False,
        num_retries=1,
        timeout=120,
    )
    lines, times = int(words[5]), int(words[6])
    if len(words) > 8:
        rounds = [run_script(client, hosts, words[8], lines) for _ in range(times)]
    else:
        rounds = [run(client, words[7], lines) for _ in range(times)]
    good = sum(all(of_host) for of_host in zip(*rounds, strict=True))
    print(json.dumps({"ok": good, "fail": len(hosts) - good}))
    return 0 if good == len(hosts) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
