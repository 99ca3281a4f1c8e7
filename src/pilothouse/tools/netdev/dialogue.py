"""The dialogue with a device: a command is typed, and what it shows is read until the prompt is back."""

import asyncio
import codecs
import re
from typing import Final, Protocol, Self

import msgspec

from pilothouse.jobs.secret import Secret
from pilothouse.tools.netdev import screen
from pilothouse.tools.program import ToolError

_QUIET: Final = 0.2
_LONG_QUIET: Final = 2.0
_TAIL: Final = 4096
_SHOWN: Final = 200


class Terminal(Protocol):
    """What is typed and what is shown."""

    def type(self, text: bytes) -> None:
        """Send keystrokes."""
        ...

    async def read(self) -> bytes:
        """Return what is shown next; nothing at the end."""
        ...


class Manner(msgspec.Struct, frozen=True, kw_only=True):
    """How a kind of device talks: how prompts and questions for more look, how long a command may take (seconds).

    ``learns`` says that the device's own prompt is told from other lines by the name in its first one.
    """

    prompt: re.Pattern[str]
    more: re.Pattern[str]
    learns: bool = True
    encoding: str = "utf-8"
    seconds: float = 30.0


class Dialogue:
    """One session with a device; ``name`` stands in errors."""

    def __init__(self, terminal: Terminal, manner: Manner, name: str) -> None:
        self._terminal = terminal
        self._manner = manner
        self._name = name
        self._decoder = codecs.getincrementaldecoder(manner.encoding)("replace")
        self._reading: asyncio.Task[bytes] | None = None
        self._stem = ""

    async def __aenter__(self) -> Self:
        """Wait for the first prompt. Raises ToolError."""
        text = await self._until_prompt("the login", newline=False)
        if self._manner.learns:
            self._stem = screen.stem(screen.last_line(text))
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop reading."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait([self._reading])

    async def run(self, command: str) -> str:
        """Type a command and return what it shows. Raises ToolError when the prompt does not come back in time."""
        self._terminal.type(command.encode(self._manner.encoding, "replace") + b"\n")
        return screen.output_of(await self._until_prompt(repr(command), newline=True), command)

    async def enable(self, command: str, password: Secret) -> None:
        """Go to the privileged mode; the password is typed only when it is asked for. Raises ToolError."""
        self._terminal.type(command.encode(self._manner.encoding, "replace") + b"\n")
        shown = await self._until_prompt(repr(command), newline=True, asked=True)
        if _asks_password(shown):
            if not password:
                raise ToolError(
                    f"{self._name}: {command!r} asks for a password; name one with --enable-password-file or "
                    "--enable-password-env"
                )
            self._terminal.type(password.reveal().encode(self._manner.encoding, "replace") + b"\n")
            shown = await self._until_prompt(f"the password of {command!r}", newline=True, asked=True)
            if _asks_password(shown):
                raise ToolError(f"{self._name}: the device refused the password of {command!r}")
        if refused := screen.REFUSED.search(screen.output_of(shown, command)):
            raise ToolError(f"{self._name}: {command!r} failed: {refused[0].strip()}")

    async def _until_prompt(self, after: str, *, newline: bool, asked: bool = False) -> str:
        """Return what is shown until the prompt is back; with ``asked`` also until a password is asked for."""
        shown = ""
        try:
            async with asyncio.timeout(self._manner.seconds):
                quiet = None
                while True:
                    data = await self._next(quiet)
                    if data == b"":
                        raise ToolError(f"{self._name}: the device ended the session after {after}")
                    if data is not None:
                        shown += self._decoder.decode(data)
                        # an echo alone is no answer: what comes after it begins with a new line
                        quiet = self._quiet(shown, asked=asked) if "\n" in shown or not newline else None
                    elif self._asks_for_more(shown):
                        self._terminal.type(b" ")
                        # the question is no output; the device wipes it, or goes on behind it
                        shown = screen.plain(shown).rpartition("\n")[0] + "\n"
                        quiet = None
                    else:
                        return screen.plain(shown)
        except TimeoutError:
            line = screen.last_line(screen.plain(shown))[-_SHOWN:]
            raise ToolError(
                f"{self._name}: no prompt within {self._manner.seconds:g} s after {after}; the last line is "
                f"{line!r}. If that is a prompt, say so with --prompt; else give more time with --timeout"
            ) from None

    async def _next(self, seconds: float | None) -> bytes | None:
        """Return what is shown next; None when nothing is for some time."""
        if self._reading is None:
            self._reading = asyncio.create_task(self._terminal.read())
        done, _ = await asyncio.wait([self._reading], timeout=seconds)
        if not done:
            return None
        reading, self._reading = self._reading, None
        return reading.result()

    def _quiet(self, shown: str, *, asked: bool) -> float | None:
        """Return how long nothing more may come before the last line counts; None for one that never does."""
        line = screen.last_line(screen.plain(shown[-_TAIL:]))
        if self._asks_for_more(shown) or (asked and _asks_password(screen.plain(shown[-_TAIL:]))):
            return _QUIET
        if not self._manner.prompt.fullmatch(line):
            return None
        return _QUIET if self._stem in line else _LONG_QUIET

    def _asks_for_more(self, shown: str) -> bool:
        return self._manner.more.fullmatch(screen.last_line(screen.plain(shown[-_TAIL:]))) is not None


def _asks_password(text: str) -> bool:
    return screen.PASSWORD.fullmatch(screen.last_line(text)) is not None
