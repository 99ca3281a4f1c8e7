"""What a device's terminal shows: control sequences taken out, prompts found, echoes removed. Pure."""

import re
from typing import Final

PROMPT: Final = r"[^\r\n]*[>#$%\]]\s*"
"""How the line ends at which devices wait for a command: ``core-1#``, ``<core-1>``, ``[core-1]``, ``admin@fw>``."""
MORE: Final = r"[-<(\s]*(?:more|MORE|More)[^\r\n]{0,40}[->)\s]*"
"""How a device asks whether to show the next page: ``--More--``, ``---- More ----``, ``<--- More --->``."""
PASSWORD: Final = re.compile(r"[^\r\n]*(?i:password|passcode|密码)[^\r\n]{0,20}[:\uff1a]\s*")
"""How a device asks for a password."""
REFUSED: Final = re.compile(r"(?im)^.*(?:denied|bad (?:secrets|passwords)|incorrect|invalid|error|fail(?:ed|ure)?).*$")
_NAME: Final = re.compile(r"[\w.-]+(?:@[\w.-]+)?")
_CONTROL: Final = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[()][0-9A-B]|\x1b[=>78]|\x00|\x07"
)


def plain(shown: str) -> str:
    """Return the text as a person sees it: no control sequences, backspaces and returns carried out."""
    text = _CONTROL.sub("", shown).replace("\r\r\n", "\n").replace("\r\n", "\n")
    return "\n".join(_typed_over(line) for line in text.split("\n"))


def last_line(text: str) -> str:
    """Return the line that has no end yet."""
    return text.rpartition("\n")[2]


def stem(prompt: str) -> str:
    """Return what a device's prompts have in common: its name, as in ``core-1#``, ``core-1(config)#``, ``<core-1>``."""
    found = _NAME.search(prompt)
    return found[0] if found else ""


def output_of(text: str, command: str) -> str:
    """Return what a command printed: without its echo in front and the prompt behind."""
    body, _, _ = text.rpartition("\n")
    first, newline, rest = body.partition("\n")
    echoed = first.strip().endswith(command.strip()) if command.strip() else not first.strip()
    return (rest if echoed else body) if newline or not echoed else ""


def _typed_over(line: str) -> str:
    """Carry out backspaces and carriage returns, by which devices wipe their ``--More--``."""
    if "\b" not in line and "\r" not in line:
        return line
    cells: list[str] = []
    at = 0
    for letter in line:
        if letter == "\b":
            at = max(0, at - 1)
        elif letter == "\r":
            at = 0
        else:
            cells[at : at + 1] = letter
            at += 1
    return "".join(cells).rstrip()
