"""The whole life of services on a node of the original, with certificates; the tests build on each other.

Each is one station: format, supply, build, request, start, publish, promise, share, stop, destroy, report, remove.
The master is `pilothouse up` with mutual TLS, and all commands are the original's.
"""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.interop.node.sites import Site, with_certificates
from tests.originals import Original

USAGE = (
    '<?xml version="1.0"?><journal><transaction type="Sale Packing List"><title>Resource consumptions</title>'
    "<start_date></start_date><stop_date>2026-11-22 at 08:15:43</stop_date><reference>COMP-1</reference>"
    "<currency></currency><payment_mode></payment_mode><category></category>"
    '<arrow type="Administration"><source></source><destination></destination></arrow>'
    "<movement><resource>CPU Consumption</resource><title>Title</title><reference>slappart0</reference>"
    "<quantity>42.5</quantity><price>0.00</price><VAT>None</VAT><category>None</category></movement>"
    "</transaction></journal>"
)
PATIENCE = 30.0
WORD = ("--parameters", "word=hi")


@pytest.fixture(scope="module")
def site(original: Original, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with with_certificates(original, tmp_path_factory.mktemp("site")) as found:
        yield found


def services(site: Site) -> dict[str, str]:
    found: dict[str, str] = json.loads(site.slapos("service", "list").out)
    return found


def states(site: Site) -> list[str]:
    with site.library() as library:
        return [each.getState() for each in library.registerComputer(site.node.computer).getComputerPartitionList()]


def said(site: Site, number: int = 0) -> str:
    """Return what the master heard last of a partition."""
    with site.library() as library:
        return str(library.registerComputer(site.node.computer).getComputerPartitionList()[number].getStatus())


def running(site: Site, number: int = 0) -> bool:
    """Whether the service of a partition lives."""
    process = int((site.node.partition(number) / "pid").read_text())
    return Path(f"/proc/{process}").exists()


def await_service(site: Site, number: int = 0) -> None:
    file, until = site.node.partition(number) / "pid", time.monotonic() + PATIENCE
    while not (file.exists() and file.read_text()):
        assert time.monotonic() < until
        time.sleep(0.02)


def test_format_tells_the_master_of_the_partitions(site: Site) -> None:
    assert "slapos successfully prepared the computer." in site.node("format", "--now").said
    assert states(site) == ["destroyed", "destroyed"]
    assert f"{site.node.computer} " in site.slapos("computer", "list").out


def test_a_supplied_release_is_built(site: Site) -> None:
    site.slapos("supply", site.quick, site.node.computer)
    assert f"Installing software release {site.quick} ..." in site.node("software").said
    assert (site.node.release(site.quick) / ".completed").exists()


def test_instances_start_request_and_publish(site: Site) -> None:
    assert "INFO {}\n" in site.request("root", site.quick, *WORD).said
    for _ in range(3):  # the root, what it requested, and the root again, because that one published
        site.node("instance")
    assert states(site) == ["started", "started"]
    again = site.request("root", site.quick, *WORD).said
    assert "INFO {'echo': 'hi!', 'url': 'http://127.0.0.1'}\n" in again
    for number in range(2):
        await_service(site, number)
        assert running(site, number)
    assert "#access" in said(site)


def test_a_broken_promise_is_told_and_taken_back(site: Site) -> None:
    (site.node.partition(0) / "broken").touch()
    site.node("instance", "--force", "--only-cp", "slappart0", code=2)
    assert said(site).startswith("#error")
    assert "it is broken" in said(site)
    (site.node.partition(0) / "broken").unlink()
    site.node("instance", "--force", "--only-cp", "slappart0")
    assert "#access" in said(site)


def test_a_shared_instance_gets_values_of_its_own(site: Site) -> None:
    words = ("--slave", "--parameters", "domain=d.example")
    assert "INFO {}\n" in site.request("shared", site.quick, *words).said
    site.node("instance")
    shared = json.loads(site.slapos("service", "info", "shared").out)
    assert (shared["shared"], shared["connection-parameters"]) == (True, {"url": "http://d.example"})
    assert services(site) == {"root": site.quick, "shared": site.quick}
    site.request("shared", site.quick, *words, "--state", "destroyed")
    assert services(site) == {"root": site.quick}


def test_stopping_stops_the_tree_and_starting_starts_it(site: Site) -> None:
    assert "State is : stopped." in site.request("root", site.quick, "--state", "stopped", *WORD).said
    for _ in range(2):  # the root, which requests the other one again, and the other one
        site.node("instance")
    assert (states(site), running(site), running(site, 1)) == (["stopped", "stopped"], False, False)
    for number in range(2):
        (site.node.partition(number) / "pid").unlink()
    site.request("root", site.quick, "--state", "started", *WORD)
    for _ in range(2):
        site.node("instance")
    for number in range(2):
        await_service(site, number)
    assert (states(site), running(site), running(site, 1)) == (["started", "started"], True, True)


def test_a_bang_has_all_processed_again(site: Site) -> None:
    site.node("bang", "-m", "the disk was replaced")
    assert site.node("instance").said.count("Processing Computer Partition") == 2
    assert "Processing Computer Partition" not in site.node("instance").said


def test_destroying_empties_the_partitions_and_the_usage_is_taken(site: Site) -> None:
    report = site.node.instance_root / "var" / "xml_report" / site.node.computer
    report.mkdir(parents=True)
    (report / "usage.xml").write_text(USAGE)
    assert "State is : destroyed." in site.request("root", site.quick, "--state", "destroyed").said
    for _ in range(3):  # the root is kept while it has children, and a node hears of their end at its next look
        site.node("report")
    assert list(report.iterdir()) == []
    assert [name for number in range(2) for name in site.node.partition(number).iterdir()] == []
    assert services(site) == {}


def test_a_removed_release_leaves_the_disk(site: Site) -> None:
    site.slapos("remove", site.quick, site.node.computer)
    site.node("software")
    assert not site.node.release(site.quick).exists()
    with site.library() as library:
        assert list(library.registerComputer(site.node.computer).getSoftwareReleaseList()) == []
