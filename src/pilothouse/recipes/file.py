"""``pilothouse:file`` and ``pilothouse:json``: one file of an instance."""

import hashlib
from pathlib import Path
from typing import Final

import msgspec

from pilothouse.files import write_atomic
from pilothouse.recipes.part import Buildout, Options, Part, problem

_PRIVATE: Final = 0o600


class File(Part):
    """Writes ``content`` to ``path``, with ``mode``; or a copy of the file that ``source`` names."""

    def install(self) -> list[str]:
        """Write the file."""
        target = self.place(self.required("path"))
        mode = int(self.options.get("mode", "644"), 8)
        write_atomic(target, self._content(), mode=mode)
        return [str(target)]

    def _content(self) -> bytes:
        source = self.options.get("source", "").strip()
        if not source:
            return (self.options.get("content", "").strip("\n") + "\n").encode()
        try:
            return Path(source).read_bytes()
        except OSError as error:
            raise problem(f"[{self.name}] {source} cannot be read: {error.strerror}") from None


class Json(Part):
    """Writes all other options to ``path`` as an object of texts, which needs no quoting and hides nothing.

    Only its owner can read it. Tells a digest of it as ``digest``, for ``restart-for`` of services.
    """

    def __init__(self, buildout: Buildout, name: str, options: Options) -> None:
        super().__init__(buildout, name, options)
        self._content = msgspec.json.format(msgspec.json.encode(self.settings("path")), indent=2)
        self.options["digest"] = hashlib.sha256(self._content).hexdigest()

    def install(self) -> list[str]:
        """Write the file."""
        target = self.place(self.required("path"))
        write_atomic(target, self._content + b"\n", mode=_PRIVATE)
        return [str(target)]
