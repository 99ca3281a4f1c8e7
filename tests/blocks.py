"""Blocks and native operations for tests, as short as they can be said."""

from typing import Any

from tests.jobs import Document


def when(name: str, condition: str, then: list[Document], otherwise: list[Document] | None = None) -> Document:
    """Return an IF block; its id is ``native/IF-Block_<name>``."""
    return {
        "opId": f"native/IF-Block_{name}",
        "opName": "native/IF-Block",
        "opType": "native",
        "condition": condition,
        "if": then,
        "else": otherwise,
    }


def loop(name: str, items: Any, variable: str, *operations: Document) -> Document:
    """Return a LOOP block; its id is ``native/LOOP-Block_<name>``."""
    return {
        "opId": f"native/LOOP-Block_{name}",
        "opName": "native/LOOP-Block",
        "opType": "native",
        "loopItems": items,
        "loopItemVar": variable,
        "operations": list(operations),
    }


def native(name: str, /, *arguments: str, number: Any = 1, desc: Document | None = None, **fields: Any) -> Document:
    """Return a native operation; ``fields`` other than failIgnore are its options."""
    ignored = fields.pop("failIgnore", 0)
    return {
        "opId": f"native/{name}_{number}",
        "opName": f"native/{name}",
        "opType": "native",
        "isScript": 0,
        "opt": fields,
        "desc": desc or {},
        "arg": [{"type": "text", "value": value} for value in arguments],
        "output": None,
        "failIgnore": ignored,
    }


def words(*values: str) -> list[Document]:
    """Return text arguments."""
    return [{"type": "text", "value": value} for value in values]
