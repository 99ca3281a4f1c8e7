"""``pilothouse:secret``: a password that the instance makes up itself, once."""

import os
import secrets
from typing import Final

from pilothouse.files import write_atomic
from pilothouse.recipes.part import Buildout, Options, Part

_BYTES: Final = 24


class Secret(Part):
    """Keeps a random text in ``path``, readable for the instance only; tells it as ``value``.

    The file stays when the part goes, because somebody may still need what it opens.
    """

    def __init__(self, buildout: Buildout, name: str, options: Options) -> None:
        super().__init__(buildout, name, options)
        target = self.place(self.required("path"))
        if not target.exists():
            write_atomic(target, secrets.token_urlsafe(_BYTES).encode(), mode=0o600, durable=True)
        os.chmod(target, 0o600)  # noqa: PTH101
        self.options["value"] = target.read_text("ascii").strip()
