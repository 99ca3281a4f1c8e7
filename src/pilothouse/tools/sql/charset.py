"""The character set of an SQL file, as told or as its bytes show. Pure."""

import codecs
from typing import Final

from pilothouse.errors import UsageError

_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_GUESSES: Final = ("utf-8", "gb18030", "latin-1")


def decode(content: bytes, encoding: str = "") -> tuple[str, str]:
    """Return the text without its byte order mark, and the character set used.

    Without ``encoding`` a mark decides, else the first of UTF-8, GB18030 and Latin-1 that fits. Raises
    UsageError when the told one does not fit.
    """
    for mark, name in _MARKS:
        if content.startswith(mark) and (not encoding or codecs.lookup(encoding).name in {name, "utf-16", "utf-8-sig"}):
            return content[len(mark) :].decode(name, "replace"), name
    for name in (encoding,) if encoding else _GUESSES:
        try:
            return content.decode(name), name
        except UnicodeDecodeError:
            continue
        except LookupError:
            raise UsageError(f"--encoding: there is no character set {encoding!r}") from None
    raise UsageError(f"--encoding: the file is not in the character set {encoding}")
