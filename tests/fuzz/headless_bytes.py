"""What the parsers of the headless protocol do with any bytes at all: frames, XML, messages.

The normal test run feeds it by hypothesis (``tests/unit/headless/test_any_bytes.py``). Atheris, which is no dependency,
goes further by watching which lines are reached. In a virtual environment of its own::

    python -m venv fuzz && fuzz/bin/pip install atheris msgspec
    PYTHONPATH=src:. fuzz/bin/python -m tests.fuzz.headless_bytes -max_total_time=600 CORPUS

``CORPUS`` is a folder that keeps what was found; it is furnished with valid messages. Options of libFuzzer may
follow. An input that breaks a rule is written to ``crash-...`` and ends the run.
"""

import contextlib
import importlib
import sys
from pathlib import Path
from typing import Any

from pilothouse.headless import messages
from pilothouse.headless.codes import ProtocolError
from pilothouse.headless.envelope import Envelope, decode, encode
from pilothouse.headless.frames import FrameBuffer, encode_frame
from pilothouse.headless.limits import FRAME_BEFORE_LOGIN
from pilothouse.headless.numbering import unwrap
from pilothouse.headless.xml_profile import parse, write

_SID = "01JD0000000000000000000000"
_NOW = "2025-11-22T01:15:00.000Z"
_SAMPLES: tuple[messages.Message, ...] = (
    messages.Hello("1", "planta_headless.py", "39 Mars"),
    messages.Login("challenge", "SCRAM-SHA-256", "R41", scram="n,,n=R41,r=x"),
    messages.Response("c=biws,r=x,p=y"),
    messages.Start("7c1e", (messages.Module("A", (messages.Param("y", "1"),)), messages.PyFile("a.py")), "-1", "all"),
    messages.Start("7c1f", (messages.PyCode("print('ä')\n"), messages.PyCode("a\x00b")), label="cron@host7"),
    messages.Attach(_SID, 3),
    messages.Query(session=_SID),
    messages.List("running", limit=5),
    messages.Cancel(_SID, "force", "wrong month"),
    messages.Ping("1"),
    messages.Accepted(_SID, "queued", _NOW, 1, replay=True),
    messages.Log(_SID, 7, _NOW, 1, "stdout", "one \x1b[1mbold", cont=True),
    messages.SessionEnd(_SID, 9, _NOW, "failed", 2, 1, 1, 0, 8.9),
)


def samples() -> list[bytes]:
    """Return valid frames to begin with."""
    return [encode_frame(encode(Envelope(n, message, None))) for n, message in enumerate(_SAMPLES, 1)]


def read(data: bytes) -> int:
    """Read bytes as both sides would; returns how many messages were in them.

    Nothing but ProtocolError may be raised inside, and what was understood must survive being written and read again.
    """
    buffer = FrameBuffer(FRAME_BEFORE_LOGIN)
    buffer.feed(data)
    count = 0
    while True:
        try:
            payload = buffer.take()
        except ProtocolError:
            return count
        if payload is None:
            return count
        count += _understood(payload)


def _understood(payload: bytes) -> int:
    try:
        element = parse(payload)
    except ProtocolError:
        return 0
    assert parse(write(element)) == element
    with contextlib.suppress(ProtocolError):
        unwrap(element)  # as the client reads
    of_client, of_server = _decoded(payload, messages.ClientMessage), _decoded(payload, messages.ServerMessage)
    return of_client or of_server


def _decoded(payload: bytes, side: Any) -> bool:
    try:
        envelope = decode(payload, side)
    except ProtocolError:
        return False
    assert decode(encode(envelope), side) == envelope
    return True


def main(words: list[str]) -> None:
    """Fuzz until libFuzzer ends; it takes over the process."""
    for word in words[1:]:
        if not word.startswith("-"):
            _furnish(Path(word))
    atheris: Any = importlib.import_module("atheris")
    atheris.instrument_all()
    atheris.Setup(words, _one)
    atheris.Fuzz()


def _one(data: bytes) -> None:
    read(data)


def _furnish(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    for number, sample in enumerate(samples()):
        (folder / f"sample-{number:02}").write_bytes(sample)


if __name__ == "__main__":
    main(sys.argv)
