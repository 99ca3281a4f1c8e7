"""The file in which a Tagent daemon keeps its credential."""

from pathlib import Path

from pilothouse.files import write_atomic
from pilothouse.transports import tagent_wire
from pilothouse.transports.tagent_wire import WireError


class CredentialFile:
    """Where the daemon keeps what clients have to know: one line, plain or ``{ENCRYPTED}``."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.text = ""
        self.load()

    def load(self) -> None:
        """Read the file. Raises WireError, OSError."""
        lines = self._path.read_text("utf-8").splitlines()
        text = tagent_wire.open_credential(lines[0].strip()) if lines else ""
        if not text:
            raise WireError(f"{self._path}: there is no credential in it; its first line must be one")
        self.text = text

    def change(self, text: str) -> None:
        """Replace the credential by another, which may be sealed. Raises WireError, OSError."""
        opened = tagent_wire.open_credential(text)
        if not opened or not opened.isprintable():
            raise WireError("the new credential is empty or has characters that cannot be shown")
        write_atomic(self._path, f"{tagent_wire.seal_credential(opened)}\n".encode(), mode=0o600, durable=True)
        self.text = opened
