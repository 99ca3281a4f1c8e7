"""The machines in memory behave as the contract says real ones do."""

import asyncio
from pathlib import Path

import pytest

from pilothouse.errors import ConnectionLostError, TargetError, UnreachableError
from pilothouse.jobs.nodes import Node
from pilothouse.transports.contract import Launch, Transport
from pilothouse.transports.fake import FakeMachines, FakeTransport, Result

NODE = Node(resource_id=1, host="db1")


def launch(*argv: str, token: str = "t-1") -> Launch:
    return Launch(token=token, folder="/tmp/job", argv=argv, collect=("out",))


async def test_it_answers_from_its_script_and_remembers() -> None:
    fake = FakeTransport(
        {(NODE.key, ("deploy",)): Result(output=(b"a", b"b"), code=3)},
        default=lambda node, asked: Result(collected={"out": asked.argv[0].encode(), "else": b""}),
    )
    transport: Transport = fake
    connection = await transport.connect(NODE)
    received = bytearray()
    process = await connection.start(launch("deploy"), received.extend)
    assert (await process.exited()).code == 3
    assert received == b"ab"
    await process.settle(clean=True)
    process = await connection.start(launch("check", token="t-2"), received.extend)
    assert (await process.exited()).collected == {"out": b"check"}
    assert [asked.argv for _, asked in fake.launches] == [("deploy",), ("check",)]
    assert fake.machines.cleaned == [(NODE.key, "/tmp/job")]
    await connection.close()
    await transport.close()
    assert (fake.peak_connections, fake.open_connections, fake.closed) == (1, 0, True)


async def test_refusals_come_once_each() -> None:
    fake = FakeTransport(refused={NODE.key: [UnreachableError("down")]})
    with pytest.raises(UnreachableError):
        await fake.connect(NODE)
    await (await fake.connect(NODE)).close()


async def test_what_was_not_settled_is_adopted_by_the_next_engine() -> None:
    machines = FakeMachines()
    first = FakeTransport(machines=machines)
    process = await (await first.connect(NODE)).start(launch("x"), lambda _: None)
    assert not (await process.exited()).adopted
    second = FakeTransport(machines=machines)
    process = await (await second.connect(NODE)).start(launch("x"), lambda _: None)
    assert (await process.exited()).adopted
    assert second.launches == []
    await process.settle(clean=False)
    assert machines.kept == {}


async def test_losses_and_failures() -> None:
    fake = FakeTransport(
        {
            (NODE.key, ("lost",)): Result(output=(b"a",), lost=True),
            (NODE.key, ("full",)): Result(error=TargetError("disk full")),
            (NODE.key, ("hang",)): Result(hangs=True),
        }
    )
    connection = await fake.connect(NODE)
    process = await connection.start(launch("lost"), lambda _: None)
    with pytest.raises(ConnectionLostError):
        await process.exited()
    with pytest.raises(TargetError):
        await connection.start(launch("full"), lambda _: None)
    hanging = await connection.start(launch("hang"), lambda _: None)
    assert (await hanging.abort()).outcome == "killed"
    assert (await hanging.abort()).outcome == "already gone"
    with pytest.raises(TargetError, match="aborted"):
        await hanging.exited()
    hanging = await connection.start(launch("hang"), lambda _: None)
    await connection.close()
    with pytest.raises(ConnectionLostError):
        await hanging.exited()
    with pytest.raises(ConnectionLostError):
        await connection.start(launch("hang"), lambda _: None)


async def test_reading_can_be_paused() -> None:
    received = bytearray()
    connection = await FakeTransport(default=Result(output=(b"a", b"b"))).connect(NODE)
    process = await connection.start(launch("x"), received.extend)
    process.pause_reading()
    await asyncio.sleep(0.01)
    assert received == b""
    process.resume_reading()
    await process.exited()
    assert received == b"ab"


async def test_copies(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"data")
    connection = await FakeTransport().connect(NODE)
    await connection.upload(str(tmp_path / "a"), "/srv/a")
    await connection.download("/srv/a", str(tmp_path / "b"))
    assert (tmp_path / "b").read_bytes() == b"data"
    with pytest.raises(TargetError):
        await connection.download("/srv/none", str(tmp_path / "c"))
