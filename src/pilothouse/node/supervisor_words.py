"""Calls and answers of XML-RPC, as far as supervisord speaks it. Pure.

The library for it would be a third of what the quickest commands of a node take, because it loads HTTP and TLS as well.
"""

from collections.abc import Callable
from typing import Any, Final

from pilothouse.slap import markup
from pilothouse.slap.markup import Limits

_LIMITS: Final = Limits()
_LEAVES: Final[dict[str, Callable[[str], Any]]] = {
    "string": str,
    "int": int,
    "i4": int,
    "boolean": lambda text: bool(int(text)),
    "double": float,
    "nil": lambda _: None,
}


class FaultError(Exception):
    """An answer that refuses; ``code`` and ``text`` are supervisord's own."""

    def __init__(self, code: int, text: str) -> None:
        self.code = code
        self.text = text
        super().__init__(text)


def call(method: str, arguments: tuple[str | int | bool, ...]) -> bytes:
    """Return the document of a call."""
    values = "".join(f"<param><value>{_written(one)}</value></param>" for one in arguments)
    text = f"<methodCall><methodName>{_escaped(method)}</methodName><params>{values}</params></methodCall>"
    return f"<?xml version='1.0'?>\n{text}\n".encode()


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _written(value: str | int | bool) -> str:
    if isinstance(value, bool):
        return f"<boolean>{int(value)}</boolean>"
    return f"<int>{value}</int>" if isinstance(value, int) else f"<string>{_escaped(value)}</string>"


def answer(document: bytes) -> Any:
    """Return what an answer says. Raises FaultError when it refuses, MarkupError when it is none."""
    reader = _Reader()
    markup.parse(document, reader, _LIMITS)
    if reader.fault:
        raise FaultError(int(reader.result["faultCode"]), str(reader.result["faultString"]))
    return reader.result


class _Reader:
    """Builds values from the inside out; a value without a kind is a string."""

    def __init__(self) -> None:
        self.result: Any = None
        self.fault = False
        self._text: list[str] = []
        self._values: list[Any] = []
        self._names: list[str] = []
        self._starts: list[int] = []
        self._bare = False

    def start(self, tag: str, _attributes: dict[str, str]) -> None:
        self._text.clear()
        self._bare = tag == "value"
        if tag in {"array", "struct"}:
            self._starts.append(len(self._values))
        elif tag == "fault":
            self.fault = True

    def text(self, data: str) -> None:
        self._text.append(data)

    def end(self, tag: str) -> None:
        if read := _LEAVES.get(tag):
            self._values.append(read("".join(self._text)))
        elif tag == "value" and self._bare:
            self._values.append("".join(self._text))
        elif tag == "name":
            self._names.append("".join(self._text))
        elif tag == "array":
            first = self._starts.pop()
            self._values[first:] = [self._values[first:]]
        elif tag == "struct":
            first = self._starts.pop()
            members = self._values[first:]
            names = self._names[len(self._names) - len(members) :]
            del self._names[len(self._names) - len(members) :]
            self._values[first:] = [dict(zip(names, members, strict=True))]
        elif tag == "methodResponse":
            if len(self._values) != 1:
                raise ValueError(f"the answer holds {len(self._values)} values instead of one")
            self.result = self._values[0]
        self._bare = False
        self._text.clear()
