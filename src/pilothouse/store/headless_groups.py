"""Groups of users of headless batches: a member has the group's rights besides its own (headless 13.7)."""

import msgspec
from sqlalchemy import Connection, delete, select

from pilothouse.store.headless_accounts import HeadlessUser
from pilothouse.store.headless_schema import headless_groups
from pilothouse.store.statement import Statement, given, insertion


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """A named set of rights."""

    name: str
    rights: tuple[str, ...] = ()


_G = headless_groups.c
_GROUPS = Statement(select(_G.name, _G.rights).order_by(_G.name))
_ADD = Statement(insertion(headless_groups, "name", "rights"))
_REMOVE = Statement(delete(headless_groups).where(_G.name == given(_G.name)))


def groups(connection: Connection) -> list[Group]:
    """Return all groups by name."""
    return [Group(name=name, rights=tuple(msgspec.json.decode(rights))) for name, rights in _GROUPS.rows(connection)]


def put_group(connection: Connection, group: Group) -> None:
    """Make a group, or change the one of this name."""
    remove_group(connection, group.name)
    _ADD.run(connection, name=group.name, rights=msgspec.json.encode(group.rights).decode())


def remove_group(connection: Connection, name: str) -> bool:
    """Remove a group; returns whether there was one. What its members name is without effect then."""
    return _REMOVE.run(connection, name=name) > 0


def rights_of(connection: Connection, user: HeadlessUser) -> tuple[str, ...]:
    """Return a user's rights: its own, then those of its groups."""
    found = {group.name: group.rights for group in groups(connection)} if user.groups else {}
    words = [*user.rights, *(right for name in user.groups for right in found.get(name, ()))]
    return tuple(dict.fromkeys(words))
