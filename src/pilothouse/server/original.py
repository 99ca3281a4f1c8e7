"""The database of the original ``slapos proxy``, read and never written to (slapos-master 7)."""

import contextlib
import re
import sqlite3
from pathlib import Path
from typing import Any, Final

import msgspec

from pilothouse.errors import SettingsError
from pilothouse.services.states import DEFAULT_SOFTWARE_TYPE, INSTANCE_STATES
from pilothouse.slap import instance_xml, marshal_reader
from pilothouse.slap.markup import MarkupError

_TABLE: Final = re.compile(r"partition(\d+)")
_ROOTS_BY_TITLE: Final = 17  # since this version a partition names its tree by the root's title
_RESERVED: Final = frozenset({"slave_reference", "slave_title", "slap_software_type", "timestamp"})

Row = dict[str, Any]


class OldInstance(msgspec.Struct, frozen=True, kw_only=True):
    """What occupied a partition; ``tree`` is the title of its root, '' for a root; ``asked_by`` a partition or ''."""

    computer: str
    place: str
    title: str
    tree: str
    asked_by: str
    software_url: str
    software_type: str
    state: str
    parameters: dict[str, str]
    connection: dict[str, str]
    timestamp: float | None


class OldShared(msgspec.Struct, frozen=True, kw_only=True):
    """A shared instance that its host still lists."""

    computer: str
    reference: str
    host: str
    asked_by: str
    software_type: str
    parameters: dict[str, str]
    connection: dict[str, str]


class Original(msgspec.Struct, frozen=True, kw_only=True):
    """All that a database holds."""

    version: int
    computers: list[Row]
    partitions: list[Row]
    addresses: list[Row]
    software: list[Row]
    instances: list[OldInstance]
    shared: list[OldShared]
    forwards: list[Row]


def read(path: Path) -> Original:
    """Return what a database of the original holds. Raises SettingsError when it cannot be read."""
    try:
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            connection.row_factory = sqlite3.Row
            return _read(connection)
    except (sqlite3.Error, MarkupError, KeyError) as error:
        raise SettingsError(f"{path}: this database of slapos proxy cannot be read: {error}") from error


def _read(connection: sqlite3.Connection) -> Original:
    names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    version = max(int(found[1]) for name in names if (found := _TABLE.fullmatch(name)))

    def rows(table: str) -> list[Row]:
        name = f"{table}{version}"
        # the name is one of the database's own, made of letters and a number
        return [dict(row) for row in connection.execute(f'SELECT * FROM "{name}"')] if name in names else []  # noqa: S608

    slots = rows("partition")
    if version < _ROOTS_BY_TITLE:
        slots = _with_trees(slots)
    return Original(
        version=version,
        computers=rows("computer"),
        partitions=slots,
        addresses=rows("partition_network"),
        software=rows("software"),
        instances=[_instance(row) for row in slots if row["slap_state"] == "busy"],
        shared=[shared for row in rows("slave") if (shared := _shared(row, slots)) is not None],
        forwards=rows("forwarded_partition_request"),
    )


def _with_trees(slots: list[Row]) -> list[Row]:
    """Return the partitions of an older database, whose ``requested_by`` is a partition and no title."""
    by_place = {(row["computer_reference"], row["reference"]): row for row in slots}
    found = []
    for row in slots:
        root, seen = row, {row["reference"]}
        while (above := by_place.get((row["computer_reference"], root["requested_by"]))) and (
            above["reference"] not in seen
        ):
            root = above
            seen.add(above["reference"])
        tree = "" if root is row else root["partition_reference"]
        found.append({**row, "requested_by": tree, "requester_id": row["requested_by"] or ""})
    return found


def _instance(row: Row) -> OldInstance:
    state = row["requested_state"]
    return OldInstance(
        computer=row["computer_reference"],
        place=row["reference"],
        title=row["partition_reference"] or "",
        tree=row["requested_by"] or "",
        asked_by=row.get("requester_id") or "",
        software_url=row["software_release"] or "",
        software_type=row["software_type"] or DEFAULT_SOFTWARE_TYPE,
        state=state if state in INSTANCE_STATES else "started",
        parameters=_texts(row["xml"]),
        connection=_texts(row["connection_xml"]),
        timestamp=row["timestamp"],
    )


def _shared(row: Row, slots: list[Row]) -> OldShared | None:
    """Return a shared instance, None for one that no host lists: it was destroyed, and its row left behind (X08)."""
    for slot in slots:
        if (slot["computer_reference"], slot["reference"]) != (row["computer_reference"], row["hosted_by"]):
            continue
        for entry in _listed(slot["slave_instance_list"]):
            if entry.get("slave_reference") == row["reference"]:
                return OldShared(
                    computer=row["computer_reference"],
                    reference=row["reference"],
                    host=row["hosted_by"],
                    asked_by=row.get("requester_id") or row.get("asked_by") or "",
                    software_type=str(entry.get("slap_software_type") or DEFAULT_SOFTWARE_TYPE),
                    parameters={str(key): str(value) for key, value in entry.items() if key not in _RESERVED},
                    connection=_texts(row["connection_xml"]),
                )
    return None


def _listed(marshalled: str | None) -> list[dict[Any, Any]]:
    value = marshal_reader.loads(marshalled.encode()) if marshalled else []
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def _texts(xml: str | None) -> dict[str, str]:
    return {key: value or "" for key, value in instance_xml.loads(xml.encode()).items()} if xml else {}
