"""Instance XML, the stored form of parameters and connection parameters (spec 1.3)."""

from collections.abc import Mapping
from typing import Final

from pilothouse.slap import markup
from pilothouse.slap.markup import Limits
from pilothouse.slap.marshal_writer import MarshalError

_DECLARATION: Final = "<?xml version='1.0' encoding='utf-8'?>\n"
_TEXT: Final = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"})
_ATTRIBUTE: Final = _TEXT | str.maketrans({'"': "&quot;", "\n": "&#10;", "\t": "&#9;"})
_DEFAULT: Final = Limits()


def dumps(parameters: Mapping[str, object]) -> str:
    """Return the document, sorted by key; every value becomes its text.

    Raises MarshalError for keys that are no texts, and for characters that XML cannot hold.
    """
    if not parameters:
        return f"{_DECLARATION}<instance/>\n"
    texts = {_as_text(key, as_key=True): _as_text(value) for key, value in parameters.items()}
    lines = [
        f'  <parameter id="{key.translate(_ATTRIBUTE)}">{texts[key].translate(_TEXT)}</parameter>\n'
        for key in sorted(texts)
    ]
    return f"{_DECLARATION}<instance>\n{''.join(lines)}</instance>\n"


def loads(document: str | bytes | None, limits: Limits = _DEFAULT) -> dict[str, str | None]:
    """Return what the document holds; nothing at all is an empty dictionary, an empty element None.

    A key that is there twice has both texts, joined by a blank. Raises MarkupError with the place and the reason.
    """
    if not document:
        return {}
    reader = _Reader()
    markup.parse(document, reader, limits)
    return reader.result


def _as_text(value: object, *, as_key: bool = False) -> str:
    if as_key and not isinstance(value, str | bytes):
        raise MarshalError(f"the parameter name {value!r} is not a text")
    try:
        text = value.decode() if isinstance(value, bytes) else str(value)
    except UnicodeDecodeError as error:
        raise MarshalError("bytes in parameters must be UTF-8 text") from error
    if found := markup.ILLEGAL.search(text):
        raise MarshalError(f"the character {found[0]!r} cannot stand in a parameter; encode it, for example as JSON")
    return text


class _Reader:
    def __init__(self) -> None:
        self.result: dict[str, str | None] = {}
        self._depth = 0
        self._key: str | None = None
        self._pieces: list[str] = []

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth == 2 and tag == "parameter":  # noqa: PLR2004 - a child of the root, nothing deeper
            self._key = attributes.get("id")
            self._pieces = []
            if self._key is None:
                raise ValueError("<parameter> has no id")

    def text(self, data: str) -> None:
        self._pieces.append(data)

    def end(self, tag: str) -> None:
        self._depth -= 1
        if self._depth != 1 or self._key is None:
            return
        text = "".join(self._pieces)
        before = self.result.get(self._key)
        self.result[self._key] = f"{before} {text}" if before and text else before or text or None
        self._key = None
