"""The ``slapos.cfg`` of ``slapos proxy`` (slapos-master 8.1): what it says of the server, and other masters (6.10)."""

import configparser
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from pilothouse.errors import SettingsError
from pilothouse.server.profile import NetworkCache, Profile
from pilothouse.services.forwarding import OtherMaster
from pilothouse.services.policy import PRODUCTION, PROXY

_SECTIONS: Final = ("slapos", "slapproxy")
_MASTER: Final = "multimaster/"


class SlaposFile(NamedTuple):
    """A file as it was read: the values of its two sections with underscores in their names, and the masters."""

    path: Path
    values: Mapping[str, str]
    masters: tuple[OtherMaster, ...]

    def get(self, name: str) -> str:
        """Return a value, nothing when there is none."""
        return self.values.get(name, "")


def read(path: Path) -> SlaposFile:
    """Return what a file says. Raises SettingsError when it cannot be read."""
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        with path.open(encoding="utf-8") as stream:
            parser.read_file(stream, str(path))
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror}") from None
    except (configparser.Error, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: is no configuration file: {error}") from None
    values: dict[str, str] = {}
    for section in parser.sections():
        if section in _SECTIONS:
            for name, value in parser.items(section):
                # the shipped examples write the cache's keys with dashes, which the original does not read
                key = name.replace("-", "_")
                values[key] = values.get(key) or value.strip()
    masters = tuple(_master(parser, section) for section in parser.sections() if section.startswith(_MASTER))
    return SlaposFile(path, values, masters)


def profile_of(path: Path, *, login: bool) -> Profile:
    """Return what a file says of a server with or without login. Raises SettingsError."""
    return profile(read(path), login=login)


def profile(file: SlaposFile, *, login: bool) -> Profile:
    """Return the same of a file that is read. Raises SettingsError for a product without address."""
    computer = file.get("computer_id")
    return Profile(
        login=login,
        policy=PRODUCTION if login else msgspec.structs.replace(PROXY, default_computer=computer),
        products=dict(_products(file)),
        masters=file.masters,
        cache=NetworkCache(
            content=_folder(file, "shacache_content_directory"),
            metadata=_folder(file, "shacache_metadata_directory"),
            upstream_cache=file.get("shacache_upstream_cache_url"),
            upstream_dir=file.get("shacache_upstream_dir_url"),
        ),
        public_folder=_folder(file, "public_directory_path"),
        software_root=file.get("local_software_release_root") or "/",
    )


def _master(parser: configparser.ConfigParser, section: str) -> OtherMaster:
    values = {name.replace("-", "_"): value.strip() for name, value in parser.items(section)}
    return OtherMaster(
        url=section.removeprefix(_MASTER),
        software=tuple(line for line in map(str.strip, values.get("software_release_list", "").splitlines()) if line),
        key=values.get("key", ""),
        certificate=values.get("cert", ""),
        computer=values.get("computer", ""),
        partition=values.get("partition", ""),
    )


def _products(file: SlaposFile) -> list[tuple[str, str]]:
    found = []
    for line in filter(None, map(str.strip, file.get("software_product_list").splitlines())):
        name, _, url = line.partition(" ")
        if not url.strip():
            raise SettingsError(f"{file.path}: software_product_list: {line!r} names no release; write: NAME URL")
        found.append((name, url.strip()))
    return found


def _folder(file: SlaposFile, name: str) -> Path | None:
    text = file.get(name)
    return Path(text).expanduser() if text else None
