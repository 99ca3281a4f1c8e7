"""Where a page of a list ends, as clients hand it back: opaque, and checked."""

import base64
from typing import Annotated, Any, Final

import msgspec
from litestar.params import QueryParameter

from pilothouse.server.master.errors import InvalidRequestError

LARGEST: Final = 200
USUAL: Final = 50

After = Annotated[
    str,
    QueryParameter(description="goes on with a list: what `next` of the page before says", max_length=2000),
]
Limit = Annotated[int, QueryParameter(ge=1, le=LARGEST, description="how many at most; a page may hold fewer")]

_decoder = msgspec.json.Decoder(list[str | int])


def written(after: tuple[Any, ...] | None) -> str | None:
    """Return a key as it is handed out, None at the end of a list."""
    if after is None:
        return None
    return base64.urlsafe_b64encode(msgspec.json.encode(after)).decode("ascii").rstrip("=")


def read(text: str, *kinds: type) -> tuple[Any, ...] | None:
    """Return the key in a text, None for an empty one. Raises InvalidRequestError for any other text."""
    if not text:
        return None
    try:
        found = _decoder.decode(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (ValueError, msgspec.DecodeError):
        found = []
    fits = len(found) == len(kinds) and all(isinstance(value, kind) for value, kind in zip(found, kinds, strict=True))
    if not fits or any(isinstance(value, int) and abs(value) >= 2**63 for value in found) or _unstorable(found):
        raise InvalidRequestError("after: is not what `next` of a page of this list says")
    return tuple(found)


def _unstorable(values: list[str | int]) -> bool:
    return any(isinstance(value, str) and "\0" in value for value in values)
