"""URI templates (RFC 6570), as far as hateoas documents use them: `{a,b}`, `{?a,b*}`, `{&a*}`, `{+a}`."""

import re
from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import quote

_EXPRESSION: Final = re.compile(r"\{([?&+]?)([^{}]*)\}")
_RESERVED: Final = ":/?#[]@!$&'()*+,;="

Variable = str | int | Sequence[str | int]


def expand(template: str, variables: Mapping[str, Variable]) -> str:
    """Return the address; variables that are not given leave nothing behind."""

    def replaced(match: re.Match[str]) -> str:
        operator, names = match.groups()
        safe = _RESERVED if operator == "+" else ""
        parts = [part for name in names.split(",") for part in _parts(name.strip(), variables, safe, operator)]
        if operator in {"?", "&"} and parts:
            return operator + "&".join(parts)
        return ",".join(parts)

    return _EXPRESSION.sub(replaced, template)


def _parts(name: str, variables: Mapping[str, Variable], safe: str, operator: str) -> list[str]:
    exploded = name.endswith("*")
    name = name.rstrip("*")
    if name not in variables:
        return []
    value = variables[name]
    items = [value] if isinstance(value, str | int) else list(value)
    texts = [quote(str(item), safe=safe) for item in items]
    prefix = f"{name}=" if operator in {"?", "&"} else ""
    return [prefix + text for text in texts] if exploded else [prefix + ",".join(texts)]
