"""What a store promises, whichever database it is on."""

import asyncio
from collections.abc import Callable

import pytest
from sqlalchemy import Connection, text

from pilothouse.errors import SettingsError
from pilothouse.identity.caller import LOCAL
from pilothouse.store import audit
from pilothouse.store.contract import Store
from pilothouse.store.database import open_store
from pilothouse.store.errors import BrokenChainError, StoreError


def _put(connection: Connection, name: str, value: str = "") -> str:
    connection.execute(text("INSERT INTO settings (name, value) VALUES (:n, :v)"), {"n": name, "v": value})
    audit.append(connection, LOCAL, "setting.add", name, {"value": value}, 1.0)
    return name


def _names(connection: Connection) -> list[str]:
    return [name for (name,) in connection.execute(text("SELECT name FROM settings ORDER BY name"))]


async def test_a_result_comes_back_once_it_is_written(store: Store) -> None:
    assert await store.write(lambda c: _put(c, "a")) == "a"
    assert await store.read(_names) == ["a"]
    assert await store.read(audit.verify) == 1


async def test_who_fails_undoes_his_own_work_only(store: Store) -> None:
    def fail(connection: Connection) -> str:
        _put(connection, "half")
        raise KeyError("mine")

    work = [store.write(lambda c, n=number: _put(c, f"ok{n}")) for number in range(20)]  # type: ignore[misc]
    work[10:10] = [store.write(fail)]
    results = await asyncio.gather(*work, return_exceptions=True)
    assert [str(each) for each in results if isinstance(each, Exception)] == ["'mine'"]
    assert len(await store.read(_names)) == 20
    assert await store.read(audit.verify) == 20


async def test_a_refusal_outlives_the_work_it_undid(store: Store) -> None:
    def refused(connection: Connection) -> None:
        audit.append(connection, LOCAL, "a", "undone", "", 1.0)
        audit.refuse(connection, LOCAL, "b", "kept", "", 1.0)
        raise PermissionError

    for call in (store.write, store.read):
        with pytest.raises(PermissionError):
            await call(refused)
    found = await store.read(lambda c: [tuple(row) for row in c.execute(text("SELECT action, subject FROM audit"))])
    assert found == [("refused: b", "kept")] * 2


async def test_a_reader_cannot_write(store: Store) -> None:
    with pytest.raises(StoreError):
        await store.read(lambda c: _put(c, "a"))
    assert await store.read(_names) == []


async def test_a_reader_sees_one_moment(store: Store) -> None:
    loop = asyncio.get_running_loop()

    def look(connection: Connection) -> tuple[list[str], list[str]]:
        before = _names(connection)
        asyncio.run_coroutine_threadsafe(store.write(lambda c: _put(c, "between")), loop).result(30)
        return before, _names(connection)

    assert await store.read(look) == ([], [])
    assert await store.read(_names) == ["between"]


async def test_what_breaks_a_constraint_is_an_error_of_the_store(store: Store) -> None:
    await store.write(lambda c: _put(c, "a"))
    with pytest.raises(StoreError):
        await store.write(lambda c: _put(c, "a"))
    assert await store.write(lambda c: _put(c, "b")) == "b"


async def test_who_no_longer_waits_disturbs_nobody(store: Store) -> None:
    tasks = [asyncio.create_task(store.write(lambda c, n=number: _put(c, f"{n:02}"))) for number in range(10)]  # type: ignore[misc]
    await asyncio.sleep(0)
    for task in tasks[::2]:
        task.cancel()
    assert await asyncio.gather(*tasks[1::2]) == ["01", "03", "05", "07", "09"]
    assert await store.write(lambda c: _put(c, "last")) == "last"


async def test_the_event_loop_is_free_while_the_database_works(store: Store) -> None:
    release = asyncio.Event()
    loop = asyncio.get_running_loop()

    def slow(connection: Connection) -> str:
        asyncio.run_coroutine_threadsafe(release.wait(), loop).result(30)
        return _put(connection, "slow")

    waiting = asyncio.create_task(store.write(slow))
    await asyncio.sleep(0.01)
    assert not waiting.done()
    assert await store.read(_names) == []
    release.set()
    assert await waiting == "slow"


async def test_what_was_begun_is_finished_at_the_close(where: str) -> None:
    store = await open_store(where)
    work = [asyncio.create_task(store.write(lambda c, n=number: _put(c, f"{n:02}"))) for number in range(30)]  # type: ignore[misc]
    await asyncio.sleep(0)
    await store.close()
    assert len(await asyncio.gather(*work)) == 30
    with pytest.raises(StoreError, match="closed"):
        await store.write(lambda c: _put(c, "late"))
    again = await open_store(where)
    assert len(await again.read(_names)) == 30
    await again.close()


async def _tampered(store: Store, *statements: str) -> BrokenChainError:
    for number in range(5):
        await store.write(lambda c, n=number: _put(c, f"s{n}"))  # type: ignore[misc]
    await store.write(lambda c: [c.execute(text(each)) for each in statements] and None)
    with pytest.raises(BrokenChainError) as broken:
        await store.read(audit.verify)
    return broken.value


@pytest.mark.parametrize(
    ("statement", "row"),
    [
        ("UPDATE audit SET caller = 'somebody else' WHERE id = 3", 3),
        ("UPDATE audit SET at = 2 WHERE id = 1", 1),
        ("DELETE FROM audit WHERE id = 2", 3),
        ("UPDATE audit SET previous = '' WHERE id = 4", 4),
    ],
)
async def test_verify_names_the_first_broken_row(store: Store, statement: str, row: int) -> None:
    broken = await _tampered(store, statement)
    assert broken.row == row
    assert f"row {row} " in str(broken)


@pytest.mark.parametrize("where", ["mysql://h/d", "nonsense://", "sqlite://"])
async def test_other_databases_are_refused(where: str) -> None:
    with pytest.raises(SettingsError, match="database: "):
        await open_store(where)


async def test_work_that_ends_oddly_holds_up_nobody(store: Store) -> None:
    def odd(connection: Connection) -> str:
        return str(next(iter(())))

    def put(number: int) -> Callable[[Connection], str]:
        return lambda connection: _put(connection, f"{number}")

    work = [odd, *(put(number) for number in range(3))]
    async with asyncio.timeout(60):
        found = await asyncio.gather(*map(store.write, work), return_exceptions=True)
    assert isinstance(found[0], RuntimeError)
    assert found[1:] == ["0", "1", "2"]
