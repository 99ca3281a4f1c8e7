"""A node, releases and a configuration on the original's master."""

import itertools
import json
from pathlib import Path

from tests.slapproxy import SlapProxy

from pilothouse.slap import marshal_writer
from pilothouse.slap.client import ComputerPartition, slap

NUMBERS = itertools.count(1)
SCHEMA = {"type": "object", "properties": {"foo": {"enum": ["bar"]}}}


class Site:
    """A node on the master, releases on the disk, and a configuration that knows both."""

    def __init__(self, proxy: SlapProxy, folder: Path) -> None:
        self.folder = folder
        self.proxy = proxy
        self.node = f"node{next(NUMBERS)}"
        self.library = slap()
        self.library.initializeConnection(proxy.url, slapgrid_rest_uri=proxy.rest_url)
        self.plain = self._release("plain.cfg", "xml")
        self.json = self._release("json.cfg", "json-in-xml")
        self.cfg = folder / "slapos-client.cfg"
        self.cfg.write_text(
            f"[slapos]\nmaster_url = {proxy.url}\nmaster_rest_url = {proxy.rest_url}\n"
            f"[slapconsole]\nalias =\n  plain {self.plain}\n  json {self.json}\n"
        )

    def title(self, name: str) -> str:
        """Return a title that no other test has used on this master."""
        return f"{name}-{self.node}"

    def partitions(self, count: int) -> "Site":
        addresses = [{"addr": "127.0.0.1", "netmask": "255.255.255.255"}]
        partitions = [
            {"reference": f"{self.node}part{number}", "tap": {"name": "tap"}, "address_list": addresses}
            for number in range(count)
        ]
        computer = {"reference": self.node, "address": "127.0.0.1", "netmask": "255.255.255.0",
                    "partition_list": partitions}  # fmt: skip
        self.library.registerComputer(self.node).updateConfiguration(marshal_writer.dumps(computer))
        return self

    def partition(self, number: int = 0) -> ComputerPartition:
        """Return what the master holds of a partition now."""
        return self.library.registerComputer(self.node).getComputerPartitionList()[number]

    def _release(self, name: str, serialisation: str) -> str:
        description = {"serialisation": serialisation, "software-type": {"default": {"request": "in.json"}}}
        (self.folder / f"{name}.json").write_text(json.dumps(description))
        (self.folder / "in.json").write_text(json.dumps(SCHEMA))
        return str(self.folder / name)
