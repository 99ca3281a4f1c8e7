"""Output and control in one stream, taken apart (the daemon merges what a command writes). No I/O."""

import re
from collections.abc import Callable
from typing import Final

from pilothouse.transports import launcher
from pilothouse.transports.dialogue import Dialogue

# an operation that writes the sign itself has written output, unless it goes to that length
_CONTROL: Final = re.compile(
    rb"(pid|exit) \d{1,9}\n|file \d{1,9} \d+\n|error .*\n|(adopted|forgotten|killed|gone|stuck|settled)\n"
)


class Merged:
    """Feeds a dialogue: what bears the operation's sign is control, up to the line's end; the rest is output."""

    def __init__(self, token: str, dialogue: Dialogue, obey: Callable[[bytes], None]) -> None:
        self._sign = launcher.sign(token)
        self._start = launcher.start_mark(token)
        self._end = launcher.end_mark(token)
        self._dialogue = dialogue
        self._obey = obey
        self._held = b""
        self._begun = False

    def feed(self, data: bytes) -> None:
        """Take bytes; lines of control go to ``obey`` without the sign."""
        data = self._held + data
        place = 0
        while (at := data.find(self._sign, place)) >= 0 and (end := data.find(b"\n", at) + 1):
            self._output(data[place:at])
            self._line(data[at:end])
            place = end
        kept = at if at >= 0 else self._partial(data, place)
        self._output(data[place:kept])
        self._held = data[kept:]

    def _line(self, line: bytes) -> None:
        if line == self._end:
            self._dialogue.output(line)
        elif line == self._start and not self._begun:
            self._begun = True
            self._dialogue.output(line)
        elif line == self._start:
            self._dialogue.control(line)
        elif _CONTROL.fullmatch(line, len(self._sign)):
            self._obey(line.removeprefix(self._sign))
        else:
            self._output(line)

    def _output(self, data: bytes) -> None:
        if data:
            self._dialogue.output(data)

    def _partial(self, data: bytes, place: int) -> int:
        """Return where something begins that may become the sign."""
        at = data.rfind(self._sign[:1], max(place, len(data) - len(self._sign)))
        return at if at >= 0 and self._sign.startswith(data[at:]) else len(data)


def signed_lines(output: bytes, token: str) -> list[str]:
    """Return the lines of control in a whole output."""
    sign = launcher.sign(token)
    return [part.split(b"\n", 1)[0].decode("utf-8", "replace") for part in output.split(sign)[1:]]
