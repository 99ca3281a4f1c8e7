"""Manager ``whitelistfirewall``: a partition speaks to the addresses it names and to no others (node spec, 23.6)."""

import hashlib
import logging
from collections.abc import Iterable
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Any, Final

from pilothouse.files import write_atomic
from pilothouse.node import decision, firewall, locks, managers, reading
from pilothouse.node.errors import ConfigurationError
from pilothouse.node.firewall import Firewall
from pilothouse.node.managers import wishes

if TYPE_CHECKING:
    from pilothouse.node.partition import Partition

_log: Final = logging.getLogger("slapos")
_FILE: Final = ".slapos-whitelist-firewall"
_MARK: Final = ".slapos-whitelist-firewall.md5sum"
_PERMANENT: Final = ("--permanent", "--direct")


def accepted(asked: Iterable[Any]) -> tuple[list[str], list[str]]:
    """Return the IPv4 addresses of a list, and the texts that are none. Pure."""
    good, bad = [], []
    for one in asked:
        try:
            good.append(str(IPv4Address(str(one))))
        except ValueError:
            bad.append(str(one))
    return list(dict.fromkeys(good)), bad


def rules(chain: str, uid: int, addresses: Iterable[str]) -> list[tuple[str, ...]]:
    """Return the rules as the words after ``--add-rule``: the chain's own, then the way into it. Pure."""
    table = ("ipv4", "filter")
    return [
        *((*table, chain, "0", "-d", address, "-j", "ACCEPT") for address in addresses),
        (*table, chain, "1", "-j", "REJECT"),
        jump(chain, uid),
    ]


def jump(chain: str, uid: int) -> tuple[str, ...]:
    """Return the rule that leads what a user sends into its chain. Pure."""
    return ("ipv4", "filter", "OUTPUT", "0", "-m", "owner", "--uid-owner", str(uid), "-j", chain)


class Manager(managers.Manager):
    """Keeps a chain of rules for each partition that asks for it."""

    def instance_tear_down(self, one: "Partition") -> None:
        """Bring the chain to what the partition asks for. Raises NodeError when the firewall refuses."""
        asked = self._firewall(one)
        path = one.place.folder / _FILE
        content = reading.content(path)
        if one.wanted.state == decision.DESTROYED or content is None:
            self.report(one)
            return
        # it only tells one list from the next
        mark = hashlib.md5(content, usedforsecurity=False).hexdigest()
        if reading.text(one.place.folder / _MARK) == mark:
            return
        found, bad = accepted(wishes.listed(path) or ())
        for text in bad:
            _log.warning("%s: %s is no IPv4 address; it is not heeded", path, text)
        with locks.held(one.node.run, "firewall"):
            _forget(asked, one)
            chain = _chain(one)
            firewall.succeed(asked, (*_PERMANENT, "--add-chain", "ipv4", "filter", chain))
            for words in rules(chain, one.place.folder.stat().st_uid, found):
                firewall.succeed(asked, (*_PERMANENT, "--add-rule", *words))
            firewall.reload(asked)
        write_atomic(one.place.folder / _MARK, mark.encode())

    def report(self, one: "Partition") -> None:
        """Remove the chain. Raises NodeError when the firewall refuses."""
        mark = one.place.folder / _MARK
        if not mark.exists() and not mark.is_symlink():
            return
        asked = self._firewall(one)
        with locks.held(one.node.run, "firewall"):
            _forget(asked, one)
            firewall.reload(asked)
        mark.unlink()

    def _firewall(self, one: "Partition") -> Firewall:
        asked = firewall.of(one.config)
        if asked is None:
            text = "manager_list names whitelistfirewall, which needs a section [firewall]"
            raise ConfigurationError(text, self.setting.path, "slapos", "manager_list")
        return asked


def _chain(one: "Partition") -> str:
    return f"{one.place.name}-whitelist"


def _forget(asked: Firewall, one: "Partition") -> None:
    """Remove the chain with all that leads into it, as far as it is there."""
    chain, uid = _chain(one), one.place.folder.stat().st_uid
    place = ("ipv4", "filter", chain)
    if firewall.answer(asked, (*_PERMANENT, "--query-rule", *jump(chain, uid))):
        firewall.succeed(asked, (*_PERMANENT, "--remove-rule", *jump(chain, uid)))
    if firewall.answer(asked, (*_PERMANENT, "--query-chain", *place)):
        firewall.succeed(asked, (*_PERMANENT, "--remove-rules", *place))
        firewall.succeed(asked, (*_PERMANENT, "--remove-chain", *place))
