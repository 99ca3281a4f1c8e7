"""Picking a value out of a text or a JSON document, and handing it back.

Shared by native tools, which may run under another Python than the engine; so this needs nothing but the
standard library, and no recent one.
"""  # noqa: INP001 - a folder of programs, not a package

from __future__ import annotations

import json
import os
import re
import sys
from typing import Any, NoReturn

_STEP = re.compile(r"""\s*(?:\[\s*(?:'([^']*)'|"([^"]*)"|(-?[0-9]+))\s*\]|\.([A-Za-z_]\w*))""")
_ROOT = re.compile(r"\s*([A-Za-z_$]\w*)?")


def by_path(value: Any, selector: str) -> Any:
    """Return what a selector such as ``data['a'][0]['b']`` picks; the name in front means the whole value.

    Raises ValueError naming the step that leads nowhere.
    """
    root = _ROOT.match(selector)
    place = root.end() if root else 0
    while place < len(selector.rstrip()):
        step = _STEP.match(selector, place)
        if not step:
            raise ValueError(f"selector {selector!r} at column {place + 1}: allowed are ['name'], [0] and .name")
        single, double, index, dotted = step.groups()
        key = next((text for text in (single, double, dotted) if text is not None), None)
        try:
            value = value[int(index)] if key is None else value[key]
        except (KeyError, IndexError, TypeError):
            raise ValueError(f"selector {selector!r}: there is no {step[0].strip()} at column {place + 1}") from None
        place = step.end()
    return value


def by_pattern(text: str, selector: str) -> str:
    """Return the first match of a regular expression, ignoring case, ``^`` and ``$`` at every line.

    Raises ValueError when nothing matches or the expression is broken.
    """
    try:
        found = re.search(selector, text, re.IGNORECASE | re.MULTILINE)
    except re.error as error:
        raise ValueError(f"selector {selector!r} is no regular expression: {error}") from None
    if not found:
        raise ValueError(f"selector {selector!r} matches nothing")
    return found[0]


def parsed(text: str) -> Any:
    """Return a JSON document; raises ValueError saying where it is none."""
    try:
        return json.loads(text)
    except ValueError as error:
        raise ValueError(f"the text is no JSON: {error}") from None


def save(value: Any) -> None:
    """Hand back a value as the output ``extractTxtVal``: text as it is, anything else as JSON."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    path = os.environ.get("OUTPUT_PATH") or "output.json"
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)  # noqa: PTH103, PTH120 - quick to load
    beside = f"{path}.{os.getpid()}"
    with open(beside, "w", encoding="utf-8") as stream:  # noqa: PTH123
        json.dump({"extractTxtVal": text}, stream, ensure_ascii=False)
    os.replace(beside, path)  # noqa: PTH105
    print(f"FINE: extractTxtVal = {text}")


def refuse(message: object) -> NoReturn:
    """Say what is wrong and end with 1."""
    print(f"ERROR: {message}")
    sys.exit(1)
