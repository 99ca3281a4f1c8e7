"""Partitions with promises, for tests."""

import json
import os
import textwrap
from pathlib import Path
from typing import Any

from pilothouse.node.promise_order import Order, Outcome
from pilothouse.node.promise_runners import Runners
from pilothouse.node.promises import examine

HEAD = """\
from zope.interface import implementer
from slapos.grid.promise import GenericPromise, interface
@implementer(interface.IPromise)
class RunPromise(GenericPromise):
"""


class Partition:
    """A partition on the disk."""

    def __init__(self, folder: Path, runners: Runners) -> None:
        self.folder = folder
        self.said: list[tuple[str, str]] = []
        self._runners = runners
        for kind in ("plugin", "promise"):
            (folder / "etc" / kind).mkdir(parents=True)

    def program(self, name: str, text: str) -> "Partition":
        path = self.folder / "etc" / "promise" / name
        path.write_text(text if text.startswith("#!") else f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        return self

    def plugin(self, name: str, body: str, head: str = HEAD) -> "Partition":
        body = textwrap.indent(textwrap.dedent(body), "    ") if head else textwrap.dedent(body)
        (self.folder / "etc" / "plugin" / name).write_text(head + body)
        return self

    def examine(self, **changes: Any) -> Outcome:
        self.said.clear()
        order = Order(partition_id=self.folder.name, folder=self.folder, **changes)
        return examine(order, self._runners, lambda level, text: self.said.append((level, text)))

    def document(self, title: str, kind: str = "result") -> Any:
        return json.loads(self.path(title, kind).read_text())

    def path(self, title: str, kind: str) -> Path:
        ends = {"result": ".status.json", "log": ".log", "cache": ""}
        return self.folder / ".slapgrid" / "promise" / kind / (title + ends[kind])

    def log(self, title: str) -> list[str]:
        return self.path(title, "log").read_text().splitlines()

    def give(self, uid: int) -> None:
        for folder, _, names in os.walk(self.folder):
            for path in (Path(folder), *(Path(folder, name) for name in names)):
                os.chown(path, uid, uid)
