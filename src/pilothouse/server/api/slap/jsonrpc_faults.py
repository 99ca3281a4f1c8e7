"""What is wrong with a body, in the words of the validator that clients of JSON-RPC know (slapos-master 4.1)."""

import re
from typing import Any, Final

import msgspec

_FAULT: Final = re.compile(r"(?P<what>.*?)(?: - at `\$(?P<path>.*)`)?", re.DOTALL)
_MISSING: Final = re.compile(r"Object missing required field `(.*)`")
_STRANGE: Final = re.compile(r"Object contains unknown field `(.*)`")
_EXPECTED: Final = re.compile(r"Expected `(.*?)`, got `.*`")
_ENUM: Final = re.compile(r"Invalid enum value .*")
_TOO_LONG: Final = re.compile(r"Expected `str` of length <= \d+")
_STEP: Final = re.compile(r"\.([^.\[]+)|\[(\d+)\]")
_TYPES: Final = {
    "str": "string",
    "int": "integer",
    "float": "number",
    "bool": "boolean",
    "array": "array",
    "object": "object",
    "null": "null",
}
_SHOWN: Final = 200


def title(error: msgspec.DecodeError, body: bytes) -> str:
    """Return the title of the refusal, with the place of what is not at the top."""
    if not isinstance(error, msgspec.ValidationError):
        return f"The request is not valid JSON: {error}"
    found = _FAULT.fullmatch(str(error))
    what, path = (found["what"], found["path"] or "") if found else (str(error), "")
    words = _words(what, body, path)
    return f"{words} (at ${path})" if path.count(".") > 1 or "[" in path else words


def _words(what: str, body: bytes, path: str) -> str:
    if found := _MISSING.fullmatch(what):
        return f"{found[1]!r} is a required property"
    if found := _STRANGE.fullmatch(what):
        return f"Additional properties are not allowed ({found[1]!r} was unexpected)"
    try:
        value = repr(_at(msgspec.json.decode(body), path))[:_SHOWN]
    except (msgspec.DecodeError, LookupError, TypeError):
        return what
    if found := _EXPECTED.fullmatch(what):
        kinds = ", ".join(repr(_TYPES.get(kind.strip(), kind.strip())) for kind in found[1].split("|"))
        return f"{value} is not of type {kinds}"
    if _ENUM.fullmatch(what):
        return f"{value} is not one of the allowed values"
    return f"{value} is too long" if _TOO_LONG.fullmatch(what) else what


def _at(value: Any, path: str) -> Any:
    for step in _STEP.finditer(path):
        value = value[step[1]] if step[1] is not None else value[int(step[2])]
    return value
