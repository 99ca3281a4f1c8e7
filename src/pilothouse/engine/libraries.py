"""What a stored script needs beside it: ``<script>.lib`` lists the ids of the scripts it uses (spec section 6.6)."""

from pathlib import Path


def listed(script: Path) -> tuple[str, ...]:
    """Return the ids that a stored script's list names."""
    beside = script.with_name(script.name + ".lib")
    text = beside.read_text("utf-8") if beside.is_file() else ""
    return tuple(item for item in text.split(",") if item)


def libraries(script: Path) -> dict[str, bytes]:
    """Return what must lie beside a script: content by the name under which it is imported, over all levels."""
    stored = script.resolve()
    found: dict[str, bytes] = {}
    seen: set[str] = set()
    waiting = list(listed(stored))
    while waiting:
        number = waiting.pop()
        path = (stored.parent / number).resolve()
        if number in seen or not path.is_file():
            continue
        seen.add(number)
        waiting += listed(path)
        # the stored name is <version>.<name>
        found |= _members(path) if path.suffix == ".tar" else {path.name.partition(".")[2]: path.read_bytes()}
    return found


def _members(archive: Path) -> dict[str, bytes]:
    import tarfile  # noqa: PLC0415 - costs start-up time, and few libraries are archives

    found = {}
    with tarfile.open(archive) as opened:
        for member in opened:
            path = Path(member.name)
            stream = opened.extractfile(member) if member.isfile() else None
            if stream is not None and not path.is_absolute() and ".." not in path.parts:
                found[path.as_posix()] = stream.read()
    return found
