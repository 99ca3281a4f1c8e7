"""The buildout profiles that a node writes (node spec, sections 9.6 and 12.5). Pure."""

from collections.abc import Iterable
from typing import NamedTuple


class Setting(NamedTuple):
    """What an instance's profile is told of the place where it is."""

    computer_id: str
    partition_id: str
    server_url: str
    release_url: str
    key_file: str = ""
    cert_file: str = ""
    shared_part_list: str = ""
    build_time_part_list: str = ""
    state: str = ""
    storage_home: str = ""
    global_network: str = ""


def release_text(url: str, shared: str, build_time: str) -> str:
    """Return the profile of a release."""
    return "\n".join(
        (
            "[buildout]",
            f"extends = {_one_line(url)}",
            f"shared-part-list = {_following(shared, chr(9))}",
            f"build-time-part-list = {_following(build_time, chr(9))}",
            "",
        )
    )


def instance_tail(setting: Setting) -> str:
    """Return what is appended to an instance's profile."""
    connection = (
        ("computer-id", setting.computer_id),
        ("partition-id", setting.partition_id),
        ("server-url", setting.server_url),
        ("software-release-url", setting.release_url),
        ("key-file", setting.key_file),
        ("cert-file", setting.cert_file),
    )
    lists = (
        ("shared-part-list", _below(setting.shared_part_list)),
        ("build-time-part-list", _below(setting.build_time_part_list)),
    )
    parts = (
        ("buildout", (("bin-directory", "${buildout:directory}/sbin"), ("offline", "true"))),
        ("slap-connection", (*connection, *lists, ("requested-state", setting.state))),
        ("slap_connection", tuple((name.replace("-", "_"), value) for name, value in connection)),
        ("storage-configuration", (("storage-home", setting.storage_home),)),
        ("network-information", (("global-ipv4-network", setting.global_network),)),
    )
    return "\n\n" + "\n".join(_section(name, keys) for name, keys in parts)


def _section(name: str, keys: Iterable[tuple[str, str]]) -> str:
    lines = "".join(f"{key} = {value}\n".replace(" \n", "\n") for key, value in keys)
    return f"[{name}]\n{lines}"


def _below(text: str) -> str:
    return "".join(f"\n  {line}" for line in _lines(text))


def _following(text: str, indent: str) -> str:
    return f"\n{indent}".join(_lines(text))


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _one_line(text: str) -> str:
    return " ".join(text.split())
