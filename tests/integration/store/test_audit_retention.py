"""The audit log is cut at its old end, and says so itself (headless 12)."""

import pytest
from sqlalchemy import text

from pilothouse.identity.caller import LOCAL
from pilothouse.store import audit, audit_retention
from pilothouse.store.contract import Store
from pilothouse.store.errors import BrokenChainError


async def write(store: Store, *times: float) -> None:
    for at in times:
        await store.write(lambda c, at=at: audit.append(c, LOCAL, "did", "something", {}, at))  # type: ignore[misc]


async def cut(store: Store, before: float) -> int:
    return await store.write(lambda c: audit_retention.cut(c, before, LOCAL, 100.0))


async def test_old_rows_go_and_the_chain_stays_sound(store: Store) -> None:
    await write(store, *map(float, range(1, 2100)))
    assert await cut(store, 2000.0) == 1999
    assert await store.read(audit.verify) == 100 + 1
    assert await cut(store, 2000.0) == 0
    assert await store.read(audit.verify) == 101, "nothing to cut is nothing to tell"
    assert await cut(store, 5000.0) == 100, "what told of the first cut may go; the newest row may not"
    assert await store.read(audit.verify) == 2
    await write(store, 200.0)
    assert await store.read(audit.verify) == 3


async def test_rows_removed_without_a_word_are_missed(store: Store) -> None:
    await write(store, 1.0, 2.0, 3.0, 4.0)
    await cut(store, 2.5)
    await store.write(lambda c: c.execute(text("DELETE FROM audit WHERE id = 3")) and None)
    with pytest.raises(BrokenChainError, match="no entry says"):
        await store.read(audit.verify)
