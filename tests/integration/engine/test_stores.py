"""Files that several operations of a job use travel to each node once (D21)."""

from pathlib import Path

import pytest
from tests.blocks import loop
from tests.jobs import Bench, document, group, local_nodes, operation, phase, ssh_nodes
from tests.sshd import Sshd

from pilothouse.errors import ForgottenFilesError
from pilothouse.jobs.states import State
from pilothouse.transports.contract import Launch
from pilothouse.transports.fake import FakeTransport, Result

LONG = "# " + "x" * 300 + "\necho did; "


def _kept(job: str) -> list[Path]:
    return list(Path("/tmp").glob(f"autoexec-{job}-*"))


def _files(launch: Launch) -> tuple[set[str], frozenset[str]]:
    return {file.digest for file in launch.files if file.digest}, launch.there


async def test_a_script_of_several_operations_is_sent_to_a_node_once(bench: Bench) -> None:
    same = [operation(name, LONG) for name in ("a", "b")]
    other = operation("c", LONG + "echo other")
    doc = document("3101", group(0, phase("P", *same, other)), group(1, phase("Q", operation("d", LONG))))
    fake = FakeTransport()
    result = await bench.run(doc, local_nodes(2), transports={"local": fake})
    assert result.state is State.SUCCEEDED
    for node in {key for key, _ in fake.launches}:
        a, b, c, d, cleared = (launch for key, launch in fake.launches if key == node)
        (digest,) = _files(a)[0]
        assert [set(launch.there) for launch in (a, b, d)] == [set(), {digest}, {digest}]
        assert _files(c)[0] == set()
        assert cleared.folder == a.store
        assert (node, a.store) in fake.machines.cleaned


async def test_operations_that_start_at_the_same_moment_send_their_script_once(bench: Bench) -> None:
    doc = document("3104", group(0, phase("P", operation("a", LONG)), phase("Q", operation("b", LONG))))
    fake = FakeTransport(default=Result(delay=0.2))
    result = await bench.run(doc, local_nodes(1), transports={"local": fake})
    assert result.state is State.SUCCEEDED
    first, second, _ = (launch for _, launch in fake.launches)
    assert (len(first.there), len(second.there)) == (0, 1)


async def test_turns_of_a_loop_send_their_script_once(bench: Bench) -> None:
    fake = FakeTransport()
    await bench.run(
        document("3102", group(0, phase("P", loop("each", ["x", "y"], "item", operation("a", LONG))))),
        local_nodes(1),
        transports={"local": fake},
    )
    first, second, _ = (launch for _, launch in fake.launches)
    assert (len(first.there), len(second.there)) == (0, 1)


async def test_what_a_machine_forgot_is_sent_again(bench: Bench) -> None:
    seen: list[int] = []

    def answer(_: object, launch: Launch) -> Result:
        seen.append(len(launch.there))
        return Result(error=ForgottenFilesError("gone") if launch.there else None)

    doc = document("3103", group(0, phase("P", operation("a", LONG), operation("b", LONG))))
    result = await bench.run(doc, local_nodes(1), transports={"local": FakeTransport(default=answer)})
    assert result.state is State.SUCCEEDED
    assert seen == [0, 1, 0, 0]  # the last one clears the store


@pytest.mark.parametrize("way", ["local", "fast", "general"])
async def test_a_store_serves_is_missed_and_goes_with_the_job(bench: Bench, sshd: Sshd, way: str) -> None:
    job = f"310{len(way)}1"
    look = f"{LONG}ls -d /tmp/autoexec-{job}-*-files-*/????????????????????????????????????????????????????????????????"
    remove = operation("remove", f"rm -rf /tmp/autoexec-{job}-*-files-*")
    doc = document(job, group(0, phase("P", operation("a", look), operation("b", look), remove, operation("c", look))))
    if way != "local":
        bench = Bench(sshd.settings(data=bench.settings.data, ssh_path=way))
    nodes = local_nodes(1) if way == "local" else ssh_nodes(sshd, 1)
    result = await bench.run(doc, nodes)
    assert result.state is State.SUCCEEDED
    assert result.tally.succeeded == 1
    (log,) = (bench.space(job).root / "log" / "P").glob("*.txt")
    assert log.read_text("utf-8").count("-files-") == 3
    assert _kept(job) == []
