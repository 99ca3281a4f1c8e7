"""A helper process as sites have them: talks to the engine over the job's socket, with the standard library only.

Usage: socketclient.py send JSON            one datagram, no reply
       socketclient.py ask JSON             one datagram, prints the reply
       socketclient.py question JSON        the documented question flow; prints the answer, exit 3 on "No"
"""

import json
import os
import select
import socket
import sys
from pathlib import Path
from typing import Any


def send(message: bytes, *, reply: bool = False, seconds: float = 10) -> bytes:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as client:
        own = Path(os.environ["AUTOEXEC_JOB_SOCK"]).with_name(f"client{os.getpid()}.sock")
        client.bind(str(own))
        try:
            client.settimeout(seconds)
            client.sendto(message, os.environ["AUTOEXEC_JOB_SOCK"])
            return client.recv(1024) if reply else b""
        finally:
            own.unlink()


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def question(interact: dict[str, Any]) -> str:
    phase, node = os.environ["AUTOEXEC_PHASE_NAME"], json.loads(os.environ["AUTOEXEC_NODE"])
    key = f"{node['host']}-{node['port']}-{node['resourceId']}"
    pipe = Path(os.environ["AUTOEXEC_WORK_PATH"], "log", phase, f"{key}.txt.run.pipe")
    interact = {"title": "", "role": None, "options": [], **interact, "pipeFile": str(pipe)}
    about = {"action": "informNodeWaitInput", "phaseName": phase, "resourceId": node["resourceId"]}
    pipe.unlink(missing_ok=True)
    os.mkfifo(pipe, 0o700)
    send(json.dumps({**about, "interact": interact}).encode())
    descriptor = os.open(pipe, os.O_RDWR)
    say(f"[Wait Interact]{interact['message']}")
    try:
        return read(descriptor, interact)
    finally:
        send(json.dumps({**about, "interact": None, "clean": 1}).encode())
        pipe.unlink()


def read(descriptor: int, interact: dict[str, Any]) -> str:
    text = b""
    while True:
        select.select([descriptor], [], [], 30)
        text += os.read(descriptor, 4096)
        while b"\n" in text:
            line, _, text = text.partition(b"\n")
            value = line.decode().split("]# ", 1)[-1]
            if not interact["options"] or value in interact["options"]:
                return line.decode()
            say(f"WARN: {value} is no answer")


if __name__ == "__main__":
    verb, words = sys.argv[1], sys.argv[2]
    if verb == "question":
        found = question(json.loads(words))
        say(f"answer: {found}")
        sys.exit(3 if found.endswith("No") else 0)
    say(send(words.encode(), reply=verb == "ask").decode())
