"""What ``slapos node format`` is asked for, in one frozen value (node spec, sections 3.2 and 6.2)."""

import re
import shutil
from ipaddress import IPv4Network
from pathlib import Path
from typing import Final

import msgspec

from pilothouse.node.configuration import Given, Reader, Sections
from pilothouse.node.errors import ConfigurationError

_MANDATORY: Final = ("computer_id", "instance_root", "master_url", "software_root", "computer_xml")
_DEPRECATED: Final = ("bridge_name", "no_bridge")
_FILES: Final = ("key_file", "cert_file", "master_ca_file")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,30}")
_INTERFACE: Final = re.compile(r"[^\s/]{1,15}")
_BITS: Final = 128


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """How the machine is to be divided."""

    path: str
    computer_id: str
    master_url: str
    instance_root: Path
    software_root: Path
    computer_xml: Path
    partition_amount: int
    computer_json: Path | None = None
    interface_name: str | None = None
    ipv6_interface: str | None = None
    ipv4_local_network: str | None = None
    partition_base_name: str = ""
    user_base_name: str = ""
    tap_base_name: str = ""
    software_user: str = "slapsoft"
    alter_user: bool = True
    alter_network: bool = True
    create_tap: bool = True
    tap_ipv6: bool = True
    tap_gateway_interface: str = ""
    create_tun: bool = False
    tun_ipv6: bool = True
    partition_has_ipv6_range: bool = True
    ipv6_prefixshift: int = 16
    instance_storage_home: Path | None = None
    input_definition_file: Path | None = None
    output_definition_file: Path | None = None
    certificate_repository_path: Path | None = None
    key_file: str | None = None
    cert_file: str | None = None
    master_ca_file: str | None = None
    partition_disk_quota: int = 0
    public_ipv4_services: tuple[str, ...] = ()
    manager_list: tuple[str, ...] = ()
    power_user_list: tuple[str, ...] = ()
    sections: Sections = {}


def shape(path: str, sections: Sections, given: Given, *, dry: bool) -> Shape:
    """Return what the file and the command line ask for. Raises ConfigurationError."""
    reader = Reader(path, sections, given, ("slapformat", "slapos"))
    for name in _DEPRECATED:
        if reader.text(name):
            raise reader.wrong(name, f"Option {name!r} is totally deprecated, please update your config file")
    booleans = {
        name: reader.boolean(name, default=default)
        for name, default in (
            *(("alter_user", True), ("alter_network", True), ("create_tap", True), ("tap_ipv6", True)),
            *(("create_tun", False), ("tun_ipv6", True), ("partition_has_ipv6_range", True)),
        )
    }
    if not dry:
        _require_programs(booleans)
    for name in _MANDATORY:
        if reader.text(name) is None:
            raise ConfigurationError(f"Parameter {name!r} is not defined. ({path})\nFor help use --help")
    for name in _FILES:
        file = reader.file(name)
        if file and not Path(file).exists():
            raise reader.wrong(name, f"File {file!r} does not exist.")
    amount, shift = reader.number("partition_amount", -1), reader.number("ipv6_prefixshift", 16)
    if amount < 0:
        raise reader.wrong("partition_amount", "partition_amount must be a whole number from 0 on")
    if not 0 <= shift < _BITS or 2**shift < 4 * amount:
        raise reader.wrong("ipv6_prefixshift", f"ipv6_prefixshift = {shift} does not do for {amount} partitions")
    _check_names(reader)
    _check_network(reader)
    return Shape(
        path=path,
        computer_id=reader.text("computer_id") or "",
        master_url=reader.text("master_url") or "",
        instance_root=reader.needed_path("instance_root"),
        software_root=reader.needed_path("software_root"),
        computer_xml=reader.needed_path("computer_xml"),
        computer_json=reader.path("computer_json"),
        partition_amount=amount,
        ipv6_prefixshift=shift,
        interface_name=reader.text("interface_name"),
        ipv6_interface=reader.text("ipv6_interface"),
        ipv4_local_network=reader.text("ipv4_local_network"),
        partition_base_name=reader.text("partition_base_name") or "slappart",
        user_base_name=reader.text("user_base_name") or "slapuser",
        tap_base_name=reader.text("tap_base_name") or "slaptap",
        software_user=reader.text("software_user") or "slapsoft",
        tap_gateway_interface=reader.text("tap_gateway_interface") or "",
        instance_storage_home=reader.path("instance_storage_home"),
        input_definition_file=reader.path("input_definition_file"),
        output_definition_file=reader.path("output_definition_file"),
        certificate_repository_path=reader.path("certificate_repository_path"),
        key_file=reader.file("key_file"),
        cert_file=reader.file("cert_file"),
        master_ca_file=reader.file("master_ca_file"),
        partition_disk_quota=reader.size("partition_disk_quota", "0"),
        public_ipv4_services=reader.words("public_ipv4_services"),
        manager_list=reader.words("manager_list"),
        power_user_list=reader.words("power_user_list"),
        sections=sections,
        **booleans,
    )


def _check_names(reader: Reader) -> None:
    """Raise ConfigurationError for what cannot be part of the name of an account, a directory or an interface."""
    for name in ("partition_base_name", "user_base_name", "tap_base_name", "software_user"):
        text = reader.text(name)
        if text and not _NAME.fullmatch(text):
            raise reader.wrong(name, f"{name} is {text!r}; give a letter, then letters, digits, - and _")
    for name in ("interface_name", "ipv6_interface", "tap_gateway_interface"):
        text = reader.text(name)
        if text and not _INTERFACE.fullmatch(text):
            raise reader.wrong(name, f"{name} is {text!r}, which is no name of an interface")


def _check_network(reader: Reader) -> None:
    for url in reader.words("public_ipv4_services"):
        if not url.startswith(("http://", "https://")):
            raise reader.wrong(
                "public_ipv4_services", f"{url} is no address of a web service; give http:// or https://"
            )
    text = reader.text("ipv4_local_network")
    try:
        IPv4Network(text or "10.0.0.0/16", strict=False)
    except ValueError:
        raise reader.wrong(
            "ipv4_local_network", f"ipv4_local_network is {text!r}; give a network such as 10.0.0.0/16"
        ) from None


def _require_programs(asked: dict[str, bool]) -> None:
    names = ["groupadd", "useradd", "usermod", "passwd"] if asked["alter_user"] else []
    if asked["alter_network"] or asked["create_tap"]:
        names.append("ip")
    if missing := [name for name in names if shutil.which(name) is None]:
        raise ConfigurationError(f"Some required binaries are missing or not functional: {','.join(missing)}")
