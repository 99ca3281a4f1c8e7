"""The forms in which a secret turns up in logs: escaped, quoted, encoded."""

import base64
import json
import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import quote, quote_plus

# Shorter pieces of base64 would match by chance.
_SHORTEST_BASE64: Final = 4
_PERCENT: Final = re.compile("%[0-9A-F]{2}")


def disguises(secret: str) -> set[str]:
    """Return ``secret`` and its other forms. Lone surrogates (bytes that were not UTF-8) are allowed."""
    forms = {secret, secret.replace("'", "'\\''"), secret.replace("'", "'\"'\"'")}
    for plain_ascii in (True, False):
        inner = json.dumps(secret, ensure_ascii=plain_ascii)[1:-1]
        forms |= {inner, inner.replace("/", "\\/")}
    content = secret.encode("utf-8", "surrogatepass")
    for quoted in (quote(content, safe=""), quote(content), quote_plus(content)):
        forms |= {quoted, _PERCENT.sub(lambda match: match[0].lower(), quoted)}
    for piece in _base64_pieces(content):
        forms |= {piece, piece.replace("+", "-").replace("/", "_")}
    return forms


def _base64_pieces(content: bytes) -> Iterator[str]:
    whole = base64.b64encode(content).decode()
    yield whole
    yield whole.rstrip("=")
    for before in range(3):
        # Six bits make a letter: leave out those shared with the neighbours on either side.
        letters = base64.b64encode(bytes(before) + content).decode()
        piece = letters[-(-before * 8 // 6) : (before + len(content)) * 8 // 6]
        if len(piece) >= _SHORTEST_BASE64:
            yield piece
