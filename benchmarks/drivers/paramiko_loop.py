"""paramiko in a pool of threads, in the manner of the engine that is replaced: a connection for every operation.

``paramiko_loop.py HOSTS CONCURRENCY PORT USER KEY LINES OPERATIONS COMMAND [SCRIPT]``, as the floor. A script is
uploaded by SFTP into a folder of its own, run, and removed with a further command.
"""

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import paramiko


def connected(host: str, words: list[str]) -> paramiko.SSHClient:
    """Return a new connection."""
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect(
        host,
        port=int(words[2]),
        username=words[3],
        key_filename=words[4],
        allow_agent=False,
        look_for_keys=False,
        timeout=120,
        banner_timeout=120,
        auth_timeout=120,
        channel_timeout=120,
    )
    return client


def execute(client: paramiko.SSHClient, command: str) -> tuple[int, int]:
    """Return the exit code and the number of lines."""
    _, output, _ = client.exec_command(command)
    lines = sum(1 for _ in output)
    return output.channel.recv_exit_status(), lines


def operate(host: str, words: list[str]) -> bool:
    """Do one operation; return whether it was right."""
    client = connected(host, words)
    try:
        if len(words) <= 8:
            return execute(client, words[7]) == (0, int(words[5]))
        folder = f"/tmp/paramiko-{host}"
        files = client.open_sftp()
        files.mkdir(folder)
        files.put(words[8], f"{folder}/s")
        files.chmod(f"{folder}/s", 0o700)
        done = execute(client, f"cd {folder} && ./s")
        execute(client, f"rm -rf {folder}")
        files.close()
        return done == (0, int(words[5]))
    finally:
        client.close()


def reach(host: str, words: list[str]) -> bool:
    try:
        return all(operate(host, words) for _ in range(int(words[6])))
    except (OSError, EOFError, paramiko.SSHException) as error:
        print(f"{host}: {error!r}", file=sys.stderr)
        return False


def main(words: list[str]) -> int:
    hosts = Path(words[0]).read_text().split()
    with ThreadPoolExecutor(int(words[1])) as threads:
        good = sum(threads.map(lambda host: reach(host, words), hosts))
    print(json.dumps({"ok": good, "fail": len(hosts) - good}))
    return 0 if good == len(hosts) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
