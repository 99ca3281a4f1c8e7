"""``slapos.cfg`` as the node's commands read it, in one frozen value (node spec, sections 2.8 and 3)."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final, NamedTuple

from pilothouse.node import sizes
from pilothouse.node.errors import ConfigurationError

Sections = Mapping[str, Mapping[str, str]]
Given = Mapping[str, object]
"""What the command line says; None means nothing."""

_MANDATORY: Final = ("computer_id", "instance_root", "master_url", "software_root")
_TLS: Final = ("cert_file", "certificate_repository_path", "key_file")
_FILES: Final = (
    *("key_file", "cert_file", "master_ca_file", "signature_private_key_file", "signature-private-key-file"),
    *("shacache-ca-file", "shacache-cert-file", "shacache-key-file"),
    *("shadir-ca-file", "shadir-cert-file", "shadir-key-file"),
)
DAY: Final = 86400
_NONE: Final[Mapping[str, str]] = MappingProxyType({})


class Configuration(NamedTuple):
    """What keeps one machine: paths are absolute, times in seconds, sizes in bytes, None is "not said"."""

    path: str
    computer_id: str
    master_url: str
    software_root: Path
    instance_root: Path
    shared_part_list: str = ""
    build_time_part_list: str = ""
    key_file: str | None = None
    cert_file: str | None = None
    master_ca_file: str | None = None
    certificate_repository_path: Path | None = None
    buildout: str | None = None
    buildout_debug: bool = False
    root_check: bool = True
    pidfile_software: str | None = None
    pidfile_instance: str | None = None
    pidfile_report: str | None = None
    pidfile: str | None = None
    maximal_delay: int = 0
    maximum_periodicity: int = DAY
    promise_timeout: int = 20
    partition_timeout: int | None = None
    software_timeout: int | None = DAY
    forbid_supervisord_automatic_launch: bool = False
    software_min_free_space: int = 1000 * 1024**2
    instance_min_free_space: int = 1000 * 1024**2
    instance_storage_home: Path | None = None
    ipv4_global_network: str = ""
    manager_list: tuple[str, ...] = ()
    power_user_list: tuple[str, ...] = ()
    partition_base_name: str = "slappart"
    develop: bool = False
    only_sr: tuple[str, ...] = ()
    only_cp: tuple[str, ...] = ()
    parallel: int = 0
    networkcache: Mapping[str, str] = _NONE
    sections: Sections = MappingProxyType({})

    def need_roots(self) -> None:
        """Raise ConfigurationError when a root is not there; formatting makes them."""
        for folder in (self.software_root, self.instance_root):
            if not folder.is_dir():
                raise ConfigurationError(f"{folder} does not exist.")

    @property
    def server_url(self) -> str:
        """The address as it was configured, for profiles and programs."""
        return self.master_url


def configuration(path: str, sections: Sections, given: Given) -> Configuration:
    """Return what the file says with the command line over it; raises ConfigurationError."""
    reader = Reader(path, sections, given)
    reader.need_slapos()
    _check_mandatory(reader)
    _check_files(reader)
    format_names = sections.get("slapformat", {})
    return Configuration(
        path=path,
        computer_id=reader.text("computer_id") or "",
        master_url=reader.text("master_url") or "",
        software_root=reader.needed_path("software_root"),
        instance_root=reader.needed_path("instance_root"),
        shared_part_list=reader.text("shared_part_list") or "",
        build_time_part_list=reader.text("build_time_part_list") or "",
        key_file=reader.file("key_file"),
        cert_file=reader.file("cert_file"),
        master_ca_file=reader.file("master_ca_file"),
        certificate_repository_path=reader.path("certificate_repository_path"),
        buildout=reader.text("buildout"),
        buildout_debug=reader.flag("buildout_debug"),
        root_check=reader.boolean("root_check", default=True),
        pidfile_software=reader.file("pidfile_software"),
        pidfile_instance=reader.file("pidfile_instance"),
        pidfile_report=reader.file("pidfile_report"),
        pidfile=reader.file("pidfile"),
        maximal_delay=reader.number("maximal_delay", 0),
        maximum_periodicity=reader.number("maximum_periodicity", DAY),
        promise_timeout=reader.number("promise_timeout", 20, least=1),
        partition_timeout=reader.number("partition_timeout", 0, least=0)
        or reader.number("partition-timeout", 0, least=0)
        or None,
        software_timeout=reader.number("software_timeout", DAY, least=0) or None,
        forbid_supervisord_automatic_launch=reader.boolean("forbid_supervisord_automatic_launch", default=False),
        software_min_free_space=reader.size("software_min_free_space"),
        instance_min_free_space=reader.size("instance_min_free_space"),
        instance_storage_home=reader.path("instance_storage_home"),
        ipv4_global_network=reader.text("ipv4_global_network") or "",
        manager_list=_words(reader.text("manager_list")),
        power_user_list=_words(reader.text("power_user_list")),
        partition_base_name=format_names.get("partition_base_name") or "slappart",
        develop=reader.flag("develop"),
        only_sr=_words(reader.text("only-sr") or reader.text("only_sr")),
        only_cp=_words(reader.text("only-cp") or reader.text("only_cp")),
        parallel=reader.number("parallel_partitions", 0, least=0),
        networkcache=_networkcache(reader, sections.get("networkcache", {})),
        sections=sections,
    )


class Reader:
    """Looks keys up in the merged options, and says where a bad value stands."""

    def __init__(self, path: str, sections: Sections, given: Given, order: tuple[str, ...] = ()) -> None:
        self._path = path
        self._sections = sections
        self._order = order or ("slapos", "networkcache")
        self._given = {name: value for name, value in given.items() if value is not None}

    def need_slapos(self) -> None:
        """Raise ConfigurationError when the file has no section of its own for nodes."""
        if "slapos" not in self._sections:
            raise ConfigurationError("No section: 'slapos'", self._path)

    def has(self, name: str) -> bool:
        """Whether the key is there, empty or not."""
        return name in self._given or any(name in self._sections.get(section, {}) for section in self._order)

    def text(self, name: str) -> str | None:
        """Return a value without blanks around it, None when it is absent or empty."""
        if name in self._given:
            return str(self._given[name]).strip() or None
        for section in reversed(self._order):
            if name in self._sections.get(section, {}):
                return self._sections[section][name].strip() or None
        return None

    def file(self, name: str) -> str | None:
        """Return the path of a file, with ``~`` expanded."""
        text = self.text(name)
        return str(Path(text).expanduser()) if text else None

    def path(self, name: str) -> Path | None:
        """Return an absolute path."""
        text = self.text(name)
        return Path(text).expanduser().absolute() if text else None

    def needed_path(self, name: str) -> Path:
        """Return an absolute path that the caller has made sure of."""
        return self.path(name) or Path("/")

    def number(self, name: str, default: int, *, least: int | None = None) -> int:
        """Return a whole number, not below ``least``; raises ConfigurationError."""
        text = self.text(name)
        try:
            found = default if text is None else int(text)
        except ValueError:
            raise self.wrong(name, f"{name} is {text!r}; give a whole number") from None
        if text is not None and least is not None and found < least:
            raise self.wrong(name, f"{name} is {found}; give a whole number from {least} on")
        return found

    def size(self, name: str, default: str = "1000M") -> int:
        """Return bytes; raises ConfigurationError."""
        try:
            return sizes.parse(self.text(name) or default)
        except ValueError as error:
            raise self.wrong(name, str(error)) from None

    def words(self, name: str) -> tuple[str, ...]:
        """Return names that are separated by commas or blanks."""
        return _words(self.text(name))

    def boolean(self, name: str, *, default: bool) -> bool:
        """Return true or false in any case; raises ConfigurationError with the documented text."""
        text = self.text(name)
        if text is None:
            return default
        if text.lower() not in {"true", "false"}:
            raise self.wrong(name, f"""Option {name!r} needs to be "True" or "False", wrong value: {text!r}""")
        return text.lower() == "true"

    def switch(self, name: str, *, default: bool) -> bool:
        """Return what true, on, 1 and their opposites say; raises ConfigurationError."""
        text = (self.text(name) or str(default)).lower()
        if text not in {"true", "on", "1", "false", "off", "0"}:
            raise self.wrong(name, f"{name} is {text!r}; give true or false")
        return text in {"true", "on", "1"}

    def flag(self, name: str) -> bool:
        """Return whether a word that switches something on is there; ``false`` and ``0`` switch nothing on."""
        return (self.text(name) or "").lower() not in {"", "false", "no", "off", "0"}

    def wrong(self, name: str, text: str) -> ConfigurationError:
        """Return the error for a value, with its place."""
        if name in self._given:
            return ConfigurationError(text)
        section = next((one for one in reversed(self._order) if name in self._sections.get(one, {})), self._order[0])
        return ConfigurationError(text, self._path, section, name)

    def missing(self, text: str) -> ConfigurationError:
        """Return the error for values that are not there."""
        return ConfigurationError(text, self._path)


def _check_mandatory(reader: Reader) -> None:
    names = set(_MANDATORY)
    if reader.has("key_file") or reader.has("cert_file"):
        names |= set(_TLS)
    if absent := sorted(name for name in names if not reader.has(name)):
        raise reader.missing(f"Missing mandatory parameters: {', '.join(absent)}")
    if empty := sorted(name for name in names if reader.text(name) is None):
        raise reader.missing(f"Mandatory parameters present but empty: {', '.join(empty)}")


def _check_files(reader: Reader) -> None:
    for name in _FILES:
        path = reader.file(name)
        if path and not Path(path).exists():
            raise reader.wrong(name, f"File {path!r} does not exist.")
    if "://" not in (reader.text("master_url") or ""):
        raise reader.wrong(
            "master_url", f"master_url is {reader.text('master_url')!r}; give http:// or https:// and a host"
        )
    folder = reader.path("certificate_repository_path")
    if folder and not folder.is_dir():
        raise reader.wrong("certificate_repository_path", f"Directory '{folder}' does not exist.")


def _networkcache(reader: Reader, section: Mapping[str, str]) -> Mapping[str, str]:
    """Return the section; the signing key may also be named on the command line, and in section slapos."""
    values = {name: value for name, value in section.items() if value}
    key = reader.file("signature-private-key-file") or reader.file("signature_private_key_file")
    return {**values, "signature-private-key-file": key} if key else values


def _words(text: str | None) -> tuple[str, ...]:
    return tuple((text or "").replace(",", " ").split())
