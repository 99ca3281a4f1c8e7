"""The envelope around a message and the numbers on it (spec section 8.5)."""

from typing import Final

from pilothouse.headless.codes import ErrorCode, ProtocolError
from pilothouse.headless.xml_profile import Element

VERSION: Final = "1"
_DIGITS: Final = 18  # what fits into 64 bits


def wrap(number: int, answered: int | None, message: Element) -> Element:
    """Return the root of a payload; ``answered`` is the number of the message that this one answers."""
    attributes = {"v": VERSION, "n": str(number)}
    if answered is not None:
        attributes["re"] = str(answered)
    return Element("phc", attributes, (message,))


def unwrap(root: Element) -> tuple[int, int | None, Element]:
    """Return a payload's number, the number it answers, and the message; raises PROTO_XML or PROTO_VERSION."""
    if root.name != "phc" or len(root.children) != 1:
        raise ProtocolError(ErrorCode.PROTO_XML, "a payload is <phc> with exactly one element in it")
    version = root.attributes.get("v")
    if version != VERSION:
        raise ProtocolError(ErrorCode.PROTO_VERSION, f"version {version!r} of the envelope")
    answered = root.attributes.get("re")
    return _number(root.attributes.get("n", "")), None if answered is None else _number(answered), root.children[0]


class Numbering:
    """The numbers of one connection: ours without gaps, and a check that theirs are."""

    def __init__(self) -> None:
        self.sent = 0
        self.received = 0

    def next(self) -> int:
        """Return the number of our next message."""
        self.sent += 1
        return self.sent

    def check(self, number: int, answered: int | None) -> None:
        """Take note of a message received; raises PROTO_STATE for a gap or an answer to nothing."""
        if number != self.received + 1:
            raise ProtocolError(ErrorCode.PROTO_STATE, f"message {number} came after message {self.received}")
        if answered is not None and not 1 <= answered <= self.sent:
            raise ProtocolError(ErrorCode.PROTO_STATE, f"message {number} answers message {answered}")
        self.received = number


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= _DIGITS):
        raise ProtocolError(ErrorCode.PROTO_XML, f"{text[:20]!r} is no message number")
    return int(text)
