"""How scripts of each documented interpreter are named and started (spec section 6.5)."""

from typing import Final

import msgspec


class Interpreter(msgspec.Struct, frozen=True):
    """``command`` precedes the script file's name on POSIX machines; ``style`` is how options are written."""

    extension: str
    command: tuple[str, ...]
    style: str = "posix"


PACKAGE: Final = "package"

INTERPRETERS: Final = {
    "bash": Interpreter(".sh", ("bash", "-l")),
    "sh": Interpreter(".sh", ("sh", "-l")),
    "csh": Interpreter(".sh", ("csh", "-l")),
    "ksh": Interpreter(".sh", ("ksh",)),
    "perl": Interpreter(".pl", ("perl",)),
    "python": Interpreter(".py", ("python",)),
    "ruby": Interpreter(".rb", ("ruby",)),
    "javascript": Interpreter(".js", ("node",)),
    "cmd": Interpreter(".bat", ("cmd", "/c"), "cmd"),
    "powershell": Interpreter(".ps1", ("powershell", "-f"), "powershell"),
    "vbscript": Interpreter(".vbs", ("cscript",), "vbscript"),
    PACKAGE: Interpreter(".tar", ()),
}

_PROBE: Final = 'for p in python3 python; do command -v "$p" >/dev/null 2>&1 && exec "$p" "$@"; done; '
_NO_PYTHON: Final = 'echo "ERROR: neither python3 nor python is installed here" >&2; exit 127'


def script_command(interpreter: str, file: str) -> tuple[str, ...]:
    """Return the words that run a script file; ``python`` is looked up as python3 first (D40)."""
    if interpreter == "python":
        return ("sh", "-c", _PROBE + _NO_PYTHON, "python", file)
    return (*INTERPRETERS[interpreter].command, file)


def file_name(name: str, interpreter: str) -> str:
    """Return the script's file name: the extension is added once, and / is kept out of it."""
    extension = INTERPRETERS[interpreter].extension
    base = name.replace("/", "_").lstrip(".") or "script"
    return base if base.endswith(extension) else base + extension
