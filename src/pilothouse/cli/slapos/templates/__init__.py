"""The configuration files that ``slapos`` writes: examples with the values of the machine put in."""

import re
from collections.abc import Iterator, Mapping
from importlib.resources import files

Values = Mapping[str, Mapping[str, str | None]]  # by section and key; None leaves the line out


def filled(name: str, values: Values) -> str:
    """Return the file ``name`` with these values; keys that it does not have stand at the ends of their sections.

    Raises ValueError for a value that would not be read back as it is.
    """
    lines: list[str] = []
    for section, body in _sections(files(__name__).joinpath(name).read_text("utf-8")):
        lines += _filled(body, values.get(section, {}))
    return "\n".join(lines) + "\n"


def _sections(text: str) -> Iterator[tuple[str, list[str]]]:
    name, lines = "", list[str]()
    for line in text.splitlines():
        found = re.fullmatch(r"\[(.+)\]", line)
        if found:
            if lines:
                yield name, lines
            name, lines = found[1], []
        lines.append(line)
    yield name, lines


def _filled(body: list[str], values: Mapping[str, str | None]) -> Iterator[str]:
    rest = dict(values)
    trailing = len(body) - len("\n".join(body).rstrip().splitlines())
    for line in body[: len(body) - trailing]:
        key = line.partition("=")[0].rstrip() if re.match(r"[\w-]+ =", line) else ""
        if key not in rest:
            yield line
            continue
        value = rest.pop(key)
        if value is not None:
            yield _line(key, value)
    yield from (_line(key, value) for key, value in rest.items() if value is not None)
    yield from body[len(body) - trailing :]


def _line(key: str, value: str) -> str:
    if value != value.strip() or not value.isprintable():
        raise ValueError(f"{key} cannot be {value!r}: give one line, without blanks around it")
    return f"{key} = {value.replace('%', '%%')}"
