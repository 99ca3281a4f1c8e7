"""``planta_headless.py`` as a scheduler calls it: a process of its own, with or without a terminal."""

import asyncio
import os
import pty
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

CLIENT = (sys.executable, "-m", "pilothouse.cli.planta_headless")
ROOT = Path(__file__).parents[1]
LIMIT = 30.0
# a session leader that opens a terminal gets it as its own
_TAKE_TERMINAL = 'exec 3<>"$0"; exec "$@"'


@dataclass(frozen=True)
class Answer:
    code: int
    out: str
    err: str


def environment(**extra: str) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "HOME", "LANG") if name in os.environ}
    return {**kept, "PYTHONPATH": f"{ROOT / 'src'}", **extra}


async def begin(
    words: Sequence[str], folder: Path, settings: Mapping[str, str] | None = None, terminal: str | None = None
) -> asyncio.subprocess.Process:
    """Start the client in ``folder``; ``settings`` are those without an option."""
    extra = {f"PLANTA_HEADLESS_{name.upper()}": text for name, text in (settings or {}).items()}
    prefix = ("sh", "-c", _TAKE_TERMINAL, terminal) if terminal else ()
    return await asyncio.create_subprocess_exec(
        *prefix,
        *CLIENT,
        *words,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=folder,
        env=environment(**extra),
        start_new_session=True,
    )


async def finish(process: asyncio.subprocess.Process) -> Answer:
    async with asyncio.timeout(LIMIT):
        out, err = await process.communicate()
    assert process.returncode is not None
    return Answer(process.returncode, out.decode(), err.decode())


async def call(words: Sequence[str], folder: Path, settings: Mapping[str, str] | None = None) -> Answer:
    return await finish(await begin(words, folder, settings))


async def call_on_terminal(
    words: Sequence[str], folder: Path, typed: str, settings: Mapping[str, str] | None = None
) -> tuple[Answer, str]:
    """Call with a terminal on which ``typed`` is answered to the first prompt; returns what the terminal showed too."""
    ours, theirs = pty.openpty()
    shown = bytearray()
    asked = asyncio.Event()

    def read() -> None:
        try:
            shown.extend(os.read(ours, 1024))
        except OSError:
            asyncio.get_running_loop().remove_reader(ours)
        if shown.rstrip().endswith(b":") and not asked.is_set():
            asked.set()
            os.write(ours, typed.encode() + b"\n")

    loop = asyncio.get_running_loop()
    loop.add_reader(ours, read)
    try:
        answer = await finish(await begin(words, folder, settings, os.ttyname(theirs)))
        await asyncio.sleep(0)
    finally:
        loop.remove_reader(ours)
        os.close(theirs)
        os.close(ours)
    return answer, shown.decode()


def tell(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    process.send_signal(number)
