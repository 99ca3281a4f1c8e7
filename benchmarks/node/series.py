"""All cases, the peers in turns; each machine is made once and serves all its cases."""

import os
import sys
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from benchmarks import measure
from benchmarks.node.cases import LAYOUTS, Case
from benchmarks.node.peers import Peer
from benchmarks.node.samples import Sample, Samples
from benchmarks.node.sites import Site, SiteError, site

_NO_LAYOUT: Final = "free"


class Series:
    """Measures cases; ``buildout`` is the real one, ``runs`` replaces the cases' own numbers of runs."""

    def __init__(self, peers: Sequence[Peer], buildout: Path, samples: Samples, runs: int | None = None) -> None:
        self._peers = peers
        self._buildout = buildout
        self._samples = samples
        self._runs = runs

    def run(self, cases: Iterable[Case]) -> list[str]:
        """Measure all; returns what failed, in words."""
        failures = []
        by_layout: dict[str, list[Case]] = {}
        for case in cases:
            if not self._is_done(case):
                by_layout.setdefault(case.layout or _NO_LAYOUT, []).append(case)
        for layout, belonging in by_layout.items():
            try:
                self._on(layout, belonging)
            except SiteError as error:
                failures.append(str(error))
                print(f"benchmarks: {error}", file=sys.stderr, flush=True)
        return failures

    def _is_done(self, case: Case) -> bool:
        return all(
            self._samples.has(case.name, peer.name, run) for peer in self._peers for run in range(self._count(case))
        )

    def _count(self, case: Case) -> int:
        return self._runs or case.runs

    def _on(self, layout: str, cases: Iterable[Case]) -> None:
        with ExitStack() as stack:
            sites = [(peer, stack.enter_context(site(peer, LAYOUTS[layout], self._buildout))) for peer in self._peers]
            for case in cases:
                # the first run of each fills caches and is not counted
                for run in range(-1, self._count(case)):
                    for peer, where in sites:
                        if not self._samples.has(case.name, peer.name, run):
                            self._measure(case, peer, where, run)

    def _measure(self, case: Case, peer: Peer, where: Site, run: int) -> None:
        where.prepare(case)
        load = os.getloadavg()[0]
        order = where.order(case.words)
        found = measure.run(order)
        if found.exit_code:
            said = order.stderr.read_text()[-1500:]
            raise SiteError(f"{case.name}, {peer.name}: exit code {found.exit_code}\n{said}")
        where.check(case)
        if run >= 0:
            self._samples.add(Sample(case.name, peer.name, run, found.cpu, found.wall, load))
            print(
                f"{case.name}, {peer.name}, run {run + 1} of {self._count(case)}: CPU {found.cpu:.3f} s, "
                f"wall {found.wall:.3f} s",
                file=sys.stderr,
                flush=True,
            )
