"""The SQL files that the options of a tool name."""

from typing import Final

from pilothouse.files import write_atomic
from pilothouse.tools import program

_FILE: Final = "file/"


def given_files(listed: str, text: str, job_id: str) -> tuple[str, ...]:
    """Return the files of the options, relative to ``file/``; an inline text becomes one."""
    found = [name.removeprefix(_FILE) for item in listed.split(",") if (name := item.strip())]
    if text:
        name = f"sqltext.{job_id}.sql"
        content = text if "\n" in text else text.replace("\\n", "\n")
        path = program.work_path() / "file" / name
        encoded = f"{content}\n".encode("utf-8", "surrogateescape")
        # the same text stays the same file, so that its status counts
        if not path.is_file() or path.read_bytes() != encoded:
            write_atomic(path, encoded, mode=0o600)
        found.append(name)
    return tuple(found)
