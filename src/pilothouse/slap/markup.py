"""XML from outside, read safely: no DTD, a largest size, a deepest nesting, and the place of every fault."""

import re
from typing import Final, NamedTuple, Protocol
from xml.parsers import expat

from pilothouse.errors import UsageError

ILLEGAL: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""Characters that no XML document can hold, not even as references."""


class MarkupError(UsageError):
    """A document is not the XML that was asked for; ``line`` and ``column`` count from 1, 0 is an unknown column."""

    def __init__(self, reason: str, line: int, column: int) -> None:
        self.reason = reason
        self.line = line
        self.column = column
        super().__init__(f"line {line}{f', column {column}' if column else ''}: {reason}")


class Limits(NamedTuple):
    """How much of a document is read: ``size`` in bytes, also after references; ``depth`` in elements."""

    size: int = 64 * 1024 * 1024
    depth: int = 100


class Handler(Protocol):
    """What is called in document order; a ValueError that it raises becomes a MarkupError with the place."""

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """Take the begin of an element."""

    def end(self, tag: str) -> None:
        """Take the end of an element."""

    def text(self, data: str) -> None:
        """Take text within an element; it may come in several pieces."""


class _Events:
    """Passes the parser's events on; only within an event does the parser know where it stands."""

    def __init__(self, parser: expat.XMLParserType, handler: Handler, deepest: int) -> None:
        self._parser = parser
        self._handler = handler
        self._deepest = deepest
        self._depth = 0
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        parser.StartDoctypeDeclHandler = self._dtd

    def _fault(self, reason: object) -> MarkupError:
        return MarkupError(str(reason), self._parser.CurrentLineNumber, self._parser.CurrentColumnNumber + 1)

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > self._deepest:
            raise self._fault(f"elements are nested more than {self._deepest} deep")
        try:
            self._handler.start(tag, attributes)
        except ValueError as error:
            raise self._fault(error) from error

    def _end(self, tag: str) -> None:
        self._depth -= 1
        try:
            self._handler.end(tag)
        except ValueError as error:
            raise self._fault(error) from error

    def _text(self, data: str) -> None:
        try:
            self._handler.text(data)
        except ValueError as error:
            raise self._fault(error) from error

    def _dtd(self, *_: object) -> None:
        raise self._fault("the document has a DTD, which is never read; remove it")


def parse(document: bytes | str, handler: Handler, limits: Limits) -> None:
    """Go through ``document``; raises MarkupError for what is not XML, too large, too deep, or has a DTD."""
    content = document.encode("utf-8", "surrogatepass") if isinstance(document, str) else document
    if len(content) > limits.size:
        raise MarkupError(f"{len(content)} bytes are more than the {limits.size} that are read", 1, 1)
    parser = expat.ParserCreate("utf-8" if isinstance(document, str) else None)
    _Events(parser, handler, limits.depth)
    try:
        parser.Parse(content, True)
    except expat.ExpatError as error:
        raise MarkupError(expat.ErrorString(error.code), error.lineno, error.offset + 1) from error
    except LookupError as error:
        raise MarkupError(f"the encoding is not known: {error}", 1, 1) from error
