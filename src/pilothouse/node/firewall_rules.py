"""Which rules the firewall is to have for one partition (node spec, 24.1 to 24.3). Pure."""

import re
from collections.abc import Iterable, Mapping
from ipaddress import IPv4Address, IPv4Network
from typing import Any, Final

import msgspec

ADD: Final = "--permanent --direct --add-rule "
_STATE: Final = " -m state --state ESTABLISHED,RELATED"
_RULE: Final = re.compile(
    rf"{ADD}ipv4 filter (INPUT|FORWARD) \d+ (-s [\d./]+ )?-d [\d.]+({_STATE})? -j (ACCEPT|REJECT)"
)


class Traffic(msgspec.Struct, frozen=True, kw_only=True):
    """Who may speak to a partition; addresses and networks are texts, of which invalid ones are in ``ignored``."""

    own: tuple[str, ...]
    peers: tuple[str, ...]
    restricted: bool
    accepted: tuple[str, ...]
    rejected: tuple[str, ...]
    ignored: tuple[str, ...]


def traffic(
    parameters: Mapping[str, Any], filters: Mapping[str, Any], hosting: Iterable[Iterable[Any]], sources: str
) -> Traffic:
    """Return who may speak to a partition, from what the master says.

    ``hosting`` are interface and address of all instances of its service, ``sources`` is the configuration's
    ``authorized_sources``.
    """
    listed = [*parameters.get("ip_list", ()), *parameters.get("full_ip_list", ())]
    own = _unique(str(address) for name, address, *_ in listed if str(name).startswith("route_") and _is_ipv4(address))
    peers = _unique(str(address) for _, address, *_ in hosting if _is_ipv4(address) and str(address) not in own)
    asked = str(filters.get("fw_authorized_sources") or "").split()
    refused = str(filters.get("fw_rejected_sources") or "").split()
    accepted = _unique([*asked, *sources.split()])
    return Traffic(
        own=own,
        peers=peers,
        restricted=str(filters.get("fw_restricted_access") or "on") != "off",
        accepted=tuple(one for one in accepted if _is_source(one)),
        rejected=tuple(one for one in _unique(refused) if _is_source(one)),
        ignored=tuple(one for one in (*accepted, *_unique(refused)) if not _is_source(one)),
    )


def rules(found: Traffic) -> list[str]:
    """Return the rules, each as the words that add it."""
    said: list[str] = []
    for own in found.own:
        accept = [_pair(0, f"-s {source} -d {own}", "ACCEPT") for source in (*found.peers, *found.accepted)]
        if found.restricted:
            rest = [_pair(1000, f"-d {own}", "REJECT"), _pair(900, f"-d {own}{_STATE}", "REJECT")]
            pairs = [*accept, *rest]
        else:
            closed = [
                each
                for source in found.rejected
                for each in (
                    _pair(800, f"-s {source} -d {own}{_STATE}", "REJECT"),
                    _pair(900, f"-s {source} -d {own}", "REJECT"),
                )
            ]
            pairs = [*closed, *accept]
        said += [rule for pair in pairs for rule in pair]
    return list(_unique(said))


def _pair(priority: int, what: str, end: str) -> tuple[str, str]:
    first, second = (f"{ADD}ipv4 filter {chain} {priority} {what} -j {end}" for chain in ("INPUT", "FORWARD"))
    return first, second


def is_rule(text: object) -> bool:
    """Whether this is a rule that `rules` may have made."""
    return isinstance(text, str) and _RULE.fullmatch(text) is not None


def _unique(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(texts))


def _is_ipv4(text: object) -> bool:
    try:
        IPv4Address(str(text))
    except ValueError:
        return False
    return True


def _is_source(text: str) -> bool:
    try:
        IPv4Network(text, strict=False)
    except ValueError:
        return False
    return True
