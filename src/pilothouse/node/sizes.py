"""Sizes as people write them: ``1000M``, ``1.5 GB``, ``2 Gi`` (node spec, section 3.9)."""

import re
from typing import Final

_LETTERS: Final = "BKMGTPEZY"
_WORDS: Final = (
    *("byte", "kilo", "mega", "giga", "tera", "peta", "exa", "zetta", "iotta"),
    *("Bi", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi"),
    *("kibi", "mebi", "gibi", "tebi", "pebi", "exbi", "zebi", "yobi"),
)
_SHOWN: Final = ("B", "KB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB")
_STEP: Final = 1024


def _powers() -> dict[str, int]:
    found = {"": 0, "k": 1}
    for power, letter in enumerate(_LETTERS):
        found |= {letter: power, _SHOWN[power]: power, _WORDS[power]: power, _WORDS[9 + power]: power}
        if power:
            found[_WORDS[17 + power]] = power
    return found


def parse(text: str) -> int:
    """Return bytes; raises ValueError for a text of another form."""
    found = re.fullmatch(r"\s*([0-9.]+)\s*([A-Za-z]*)\s*", text)
    powers = _powers()
    if found is None or found[2] not in powers:
        raise ValueError(f"can't interpret {text!r}")
    try:
        return int(float(found[1]) * _STEP ** powers[found[2]])
    except ValueError:
        raise ValueError(f"can't interpret {text!r}") from None


def shown(size: float) -> str:
    """Return a size with one decimal: ``76.6 GB``."""
    power = 0
    while size >= _STEP and power < len(_SHOWN) - 1:
        size, power = size / _STEP, power + 1
    return f"{size:.1f} {_SHOWN[power]}"
