"""``pilothouse:release``: what instances get of a release, in its folder.

``files`` names what is copied, by its way from the release's profile, which lies in a folder or on a web server. All
other options are written to ``release.cfg`` as the section ``release``; profiles of instances extend it as
``software_release/release.cfg`` and so know where everything is.
"""

import configparser
import urllib.request
from pathlib import Path, PurePosixPath
from typing import Final
from urllib.parse import urljoin, urlsplit

from pilothouse.files import write_atomic
from pilothouse.recipes.part import Part, problem

_PATIENCE: Final = 60.0


class Release(Part):
    """Copies files, writes ``release.cfg``; the folder of the release is told as ``directory``."""

    def install(self) -> list[str]:
        """Copy the files and write the section."""
        profile = _profile(self.folder / "buildout.cfg")
        made = [self._copied(profile, name) for name in self.words("files")]
        values = {"directory": str(self.folder), **self.settings("files")}
        text = "[release]\n" + "".join(f"{key} = {_indented(value)}\n" for key, value in values.items())
        target = self.folder / "release.cfg"
        write_atomic(target, text.encode())
        return [*map(str, made), str(target)]

    def _copied(self, profile: str, name: str) -> Path:
        target, source = self.place(PurePosixPath(name).name), _beside(profile, name)
        try:
            if isinstance(source, Path):
                content, mode = source.read_bytes(), source.stat().st_mode & 0o111 | 0o644
            else:
                with urllib.request.urlopen(source, timeout=_PATIENCE) as answer:  # noqa: S310 - http, by _beside
                    content, mode = answer.read(), 0o644
        except OSError as error:
            raise problem(f"[{self.name}] {source} cannot be read: {error}") from None
        write_atomic(target, content, mode=mode)
        return target


def _profile(path: Path) -> str:
    """Return where the release's own profile lies: the node's buildout.cfg extends it."""
    parser = configparser.RawConfigParser(strict=False)
    parser.read(path, "utf-8")
    named = parser.get("buildout", "extends", fallback="").split()
    if not named:
        raise problem(f"{path} extends nothing; a release is built by: slapos node software")
    return named[-1]


def _beside(profile: str, name: str) -> Path | str:
    """Return the address of a file that lies beside the profile."""
    parts = urlsplit(profile)
    if parts.scheme in {"http", "https"}:
        return urljoin(profile, name)
    return Path(parts.path if parts.scheme == "file" else profile).parent / name


def _indented(value: str) -> str:
    return value.strip().replace("\n", "\n  ").replace("${", "$${")
