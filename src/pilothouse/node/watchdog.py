"""The listener of supervisord that tells the master when a watched program has ended (node spec, section 15).

Timestamps are compared as numbers with decimals, which is what some masters send.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Final

import msgspec

from pilothouse.files import write_atomic
from pilothouse.node import reading

_EVENTS: Final = frozenset({"PROCESS_STATE_EXITED", "PROCESS_STATE_FATAL"})
_WATCHED: Final = "-on-watch"
_BANGED: Final = ".slapos_latest_bang_timestamp"


class Watch(msgspec.Struct, frozen=True):
    """Whom to tell, and as whom."""

    master_url: str
    computer_id: str
    repository: Path | None
    instance_root: Path | None


def words_of(line: str) -> dict[str, str]:
    """Return the ``key:value`` words of a header or payload."""
    return dict(word.split(":", 1) for word in line.split() if ":" in word)


def is_due(last: str | None, banged: str | None) -> bool:
    """Whether a bang is to be sent: none was since the last deployment that went well (section 15.4)."""
    if banged is None:
        return True
    return last is not None and _number(last) > _number(banged)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def handle(watch: Watch, event: str, payload: dict[str, str]) -> None:
    """Act on one event. Raises SlapException when the master cannot be told."""
    name, group = payload.get("processname", ""), payload.get("groupname", "")
    if event not in _EVENTS or _WATCHED not in name or not group or "/" in group:
        return
    folder = watch.instance_root / group if watch.instance_root else None
    last = reading.text(folder / ".timestamp") if folder else None
    if folder and not is_due(last, reading.text(folder / _BANGED)):
        return
    _bang(watch, group, f"{name} process in partition {group} encountered a problem")
    if folder and folder.is_dir():
        write_atomic(folder / _BANGED, (last or "0").encode())


def _bang(watch: Watch, group: str, message: str) -> None:
    from pilothouse.slap.client import slap  # noqa: PLC0415 - the listener waits for years without it

    door = slap()
    key, certificate = (
        ((watch.repository / f"{group}.{end}") for end in ("key", "crt")) if watch.repository else ("", "")
    )
    door.initializeConnection(watch.master_url, str(key) or None, str(certificate) or None)
    door.registerComputerPartition(watch.computer_id, group).bang(message)


def listen(watch: Watch, source: IO[bytes], sink: IO[bytes]) -> None:
    """Speak supervisord's protocol until the input ends; an event that could not be told comes again."""
    while True:
        _say(sink, b"READY\n")
        header = words_of(source.readline().decode())
        if not header:
            return
        payload = words_of(source.read(int(header["len"])).decode("utf-8", "replace"))
        try:
            handle(watch, header.get("eventname", ""), payload)
            answer = b"OK"
        except Exception as error:  # noqa: BLE001 - a listener that ends would lose the event
            print(f"{payload}: {error}", file=sys.stderr, flush=True)  # noqa: T201 - supervisord keeps it
            answer = b"FAIL"
        _say(sink, b"RESULT %d\n%s" % (len(answer), answer))


def _say(sink: IO[bytes], words: bytes) -> None:
    sink.write(words)
    sink.flush()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the listener on standard input and output."""
    parser = argparse.ArgumentParser(prog="slapos-watchdog", description="Tell the master of programs that ended.")
    parser.add_argument("--master-url", required=True)
    parser.add_argument("--computer-id", required=True)
    parser.add_argument("--certificate-repository-path", type=Path)
    parser.add_argument("--instance-root-path", type=Path)
    chosen = parser.parse_args(arguments)
    os.environ.pop("SLAPGRID_INSTANCE_ROOT", None)
    watch = Watch(chosen.master_url, chosen.computer_id, chosen.certificate_repository_path, chosen.instance_root_path)
    listen(watch, sys.stdin.buffer, sys.stdout.buffer)
    return 0


if __name__ == "__main__":
    sys.exit(main())
