"""``slapos node instance``: all partitions of the machine, in one pass (node spec, section 11)."""

import contextlib
import logging
import os
import time
import traceback
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, NamedTuple

from pilothouse.node import checking, decision, locks, managers, master, names, reading, supervisord
from pilothouse.node.configuration import Configuration
from pilothouse.node.crew import Crew
from pilothouse.node.decision import Verdict
from pilothouse.node.errors import NodeError, PromiseFailure, SupervisionError
from pilothouse.node.layout import InstancePlace, NodePlace, SoftwarePlace
from pilothouse.node.managers import Managers
from pilothouse.node.master import Wanted
from pilothouse.node.partition import Partition
from pilothouse.node.supervisor_rpc import Supervisor

if TYPE_CHECKING:
    from pilothouse.slap.client import ComputerPartition

_log = logging.getLogger("slapos")
DONE: Final = 0
FAILED: Final = 1
PROMISES: Final = 2
OFFLINE: Final = 3
_OWN: Final = frozenset({".", "..", "etc", "var"})  # below the instance root; the node's own


class Request(NamedTuple):
    """What the command line asks; ``stops`` is --force-stop."""

    forced: bool = False
    stops: bool = False
    only: tuple[str, ...] = ()
    debug: bool = False


class Findings:
    """What came out: texts by partition, and whether the master went away meanwhile.

    ``interruption`` is what the master is told of partitions that were under way when the pass was told to end.
    """

    def __init__(self) -> None:
        self.errors: dict[str, str] = {}
        self.promises: dict[str, str] = {}
        self.away = False
        self.interruption: str | None = None

    @property
    def code(self) -> int:
        """The exit code."""
        return FAILED if self.errors else PROMISES if self.promises else DONE


def run(config: Configuration, request: Request) -> int:
    """Make one pass; returns the exit code. Raises NodeError for what stops a pass before it begins."""
    helpers = managers.load(managers.setting_of(config), config.manager_list)
    _log.info("Processing computer partitions...")
    config.need_roots()
    node = supervisord.prepare(config)
    supervisor = Supervisor(node.socket)
    if not config.forbid_supervisord_automatic_launch:
        supervisor = supervisord.launch(node)
    if "firewall" in config.sections or any(node.group_file(name).exists() for name in ("firewall", "dbus")):
        from pilothouse.node import firewall  # noqa: PLC0415 - few machines have one

        firewall.declare(config, node, supervisor)
    try:
        listed = master.partitions(master.computer(config))
        known(listed, request.only)
        wanted = filtered(config, listed, request.only)
        if not request.only:
            names.remember(node, wanted)
    except master.AWAY as error:
        _log.warning("%s", error)
        return _offline(config, node, supervisor)
    partitions = [
        Partition(config=config, wanted=one, place=InstancePlace(config.instance_root, one.name), node=node,
                  supervisor=supervisor, debug=request.debug) for one in wanted
    ]  # fmt: skip
    findings = _worked_through(partitions, request, helpers)
    if findings.away:
        return _offline(config, node, supervisor)
    summarise(findings, wanted)
    return findings.code


def known(listed: "Iterable[ComputerPartition]", only: tuple[str, ...]) -> None:
    """Raise NodeError for names that are no partitions of this machine."""
    unknown = sorted(set(only) - {one.getId() for one in listed})
    if unknown:
        raise NodeError(f"Unknown partition{'s' if len(unknown) > 1 else ''}: {', '.join(unknown)}")


def filtered(config: Configuration, listed: "Iterable[ComputerPartition]", only: tuple[str, ...]) -> list[Wanted]:
    """Return the partitions that hold something, or shall (section 11.2)."""
    found = []
    for one in listed:
        place = InstancePlace(config.instance_root, one.getId())
        if not place.name or "/" in place.name or place.name in _OWN:
            _log.error("The master names a partition %r, which is no name of a partition's directory", place.name)
        elif not place.folder.is_dir():
            text = f"Please create partition directory {place.folder}: slapos node format"
            _log.error("%s", text)
            one.error(text, _log)
        elif decision.is_free(one.getState(), master.url_of(one)):
            try:
                _tidy_free(place)
            except OSError as error:  # one partition never stops the others
                _log.warning("Free partition %s cannot be tidied: %s", place.name, error)
        elif not only or place.name in only:
            found.append(master.wanted(one))
    return found


def _tidy_free(place: InstancePlace) -> None:
    if place.private.exists():
        from pilothouse.node import removal  # noqa: PLC0415 - once in a partition's life

        removal.remove(place.private)
    place.timestamp.unlink(missing_ok=True)
    left = [name for name in os.listdir(place.folder) if name != ".slapos-resource"]  # noqa: PTH208
    if left:
        _log.warning("Free partition %s contains file(s) in %s.", place.name, place.folder)


def periodicity_of(software: SoftwarePlace | None, default: int) -> int:
    """Return how many seconds instances of a release stay up to date; a file that says nothing of it is removed."""
    if software is None:
        return default
    path = software.folder / "periodicity"
    found = decision.periodicity_of(reading.text(path), default)
    if found is None:
        _log.warning("%s is no number of seconds; it is removed", path)
        path.unlink(missing_ok=True)
        return default
    return found


def verdict_of(one: Partition, request: Request, periodicity: int) -> Verdict:
    """Return what is to be done with a partition, from what lies on the disk."""
    last = reading.dated(one.place.timestamp)
    return decision.decide(
        one.wanted.timestamp,
        one.wanted.state,
        decision.Last(*last) if last else None,
        time.time(),
        periodicity,
        forced=request.forced,
        stops=request.stops,
    )


def _worked_through(partitions: list[Partition], request: Request, helpers: Managers) -> Findings:
    findings = Findings()
    default = partitions[0].config.maximum_periodicity if partitions else 0
    # a machine has a hundred partitions, and their releases can be counted on one hand
    releases = {one.wanted.url: one for one in partitions}
    periods = {url: periodicity_of(one.software, default) for url, one in releases.items()}
    judged = ((one, verdict_of(one, request, periods[one.wanted.url])) for one in partitions)
    # managers see every partition
    due = [(one, verdict) for one, verdict in judged if helpers or _is_due(one, verdict)]

    def work(item: tuple[Partition, Verdict]) -> None:
        if not _worked(*item, request, findings, helpers):
            findings.away = True
            crew.halt()

    def interrupted() -> None:
        from pilothouse.node import child  # noqa: PLC0415 - only now

        findings.interruption = traceback.format_exc()
        child.end_running()

    crew = Crew(due, work, width_of(partitions), interrupted)
    crew.run()
    return findings


def _is_due(one: Partition, verdict: Verdict) -> bool:
    return verdict is Verdict.PROCESS or (verdict is Verdict.CHECK and checking.is_needed(one))


def width_of(partitions: list[Partition]) -> int:
    """Return how many partitions are processed at once."""
    asked = partitions[0].config.parallel if partitions else 0
    return asked or min(4, os.cpu_count() or 1)


def _looked_after(one: Partition, verdict: Verdict, request: Request, helpers: Managers) -> None:
    """Process or check one partition, and have managers act before and after."""
    try:
        if helpers:
            helpers.instance(one)
            # they may have removed what it was judged by
            verdict = verdict_of(one, request, periodicity_of(one.software, one.config.maximum_periodicity))
        if verdict is Verdict.PROCESS:
            from pilothouse.node import processing  # noqa: PLC0415 - most passes have nothing to process

            processing.process(one, stops=request.stops)
        elif verdict is Verdict.CHECK:
            checking.check(one)
    finally:
        helpers.instance_tear_down(one)


def _worked(one: Partition, verdict: Verdict, request: Request, findings: Findings, helpers: Managers) -> bool:
    """Look after one partition, and tell how it went; False when the master went away."""
    name, remote = one.place.name, one.wanted.partition
    try:
        with locks.held(one.node.run, name):
            _looked_after(one, verdict, request, helpers)
    except master.AWAY as error:
        _log.warning("%s: %s", name, error)
        return False
    except PromiseFailure as failure:
        _log.error("%s", failure)
        findings.promises[name] = str(failure)
        remote.error(str(failure), _log)
    except NodeError as error:
        if not hasattr(error, "reported"):
            _log.error("%s: %s", name, error)
        findings.errors[name] = findings.interruption or str(error)
        remote.error(findings.errors[name], _log)
    except Exception as error:  # noqa: BLE001 - one partition never stops the others
        _log.exception("%s cannot be processed", name)
        findings.errors[name] = str(error) or type(error).__name__
        remote.error(findings.errors[name], _log)
    return True


def summarise(findings: Findings, wanted: list[Wanted]) -> None:
    """Say what failed, after everything else."""
    _log.info("Finished computer partitions.")
    _log.info("=" * 80)
    for title, texts in (
        ("Error while processing the following partitions:", findings.errors),
        ("Error with promises for the following partitions:", findings.promises),
    ):
        if texts:
            _log.info(title)
            for one in wanted:
                if one.name in texts:
                    _log.info("  %s[%s]: %s", one.name, one.software_type, texts[one.name])


def _offline(config: Configuration, node: NodePlace, supervisor: Supervisor) -> int:
    """Start what is declared while the master is away (section 11.11)."""
    _log.info("Processing computer partitions offline...")
    try:
        for path in sorted(config.instance_root.glob("*/.requested_state")):
            state = (reading.text(path) or "").strip()
            with contextlib.suppress(OSError):  # its user may have made anything of it
                path.unlink()
            if state == decision.STOPPED:
                supervisord.stop_group(node, supervisor, path.parent.name)
        supervisord.start_everything(supervisor)
    except SupervisionError:
        _log.exception("Error in offline mode while starting partitions:")
        return FAILED
    return OFFLINE
