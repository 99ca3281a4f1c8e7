"""The consumption of a day as a journal for the master (node spec 17.10)."""

from typing import Final
from xml.sax.saxutils import escape

import msgspec

from pilothouse.node.collect_store import Collected

_MIB: Final = 1024 * 1024
_UNKNOWN: Final = -1


class Used(msgspec.Struct, frozen=True):
    """So much of a resource, by what ``reference`` names."""

    resource: str
    title: str
    reference: str
    quantity: float


def used_on(store: Collected, day: str, computer_id: str) -> list[Used]:
    """Return what the computer and its users used on a day, on average."""
    found = []
    ((load, memory),) = store.rows("system", "AVG(cpu_percent), AVG(memory_used)", day)
    if load is not None:
        found.append(Used("cpu_load_percent", "CPU Load Percent Average", computer_id, float(load)))
        found.append(Used("memory_used", "Used Memory", computer_id, float(memory or 0)))
    ratio = store.rows("heating", "zero_emission_ratio", day, "ORDER BY time DESC LIMIT 1")
    emission = float(ratio[0][0] or 0) if ratio else _UNKNOWN
    found.append(Used("zero_emission_ratio", "Zero Emission Ratio", computer_id, emission))
    return found + _by_user(store, day)


def _by_user(store: Collected, day: str) -> list[Used]:
    """Sum up a user's processes at each moment, then take the average over the moments."""
    moments: dict[str, list[tuple[float, float]]] = {}
    columns = "partition, SUM(cpu_percent), SUM(memory_rss)"
    for name, cpu, memory in store.rows("user", columns, day, "GROUP BY partition, time ORDER BY partition"):
        moments.setdefault(str(name), []).append((float(cpu or 0), float(memory or 0)))
    found = []
    for name, pairs in moments.items():
        cpu, memory = (sum(column) / len(pairs) for column in zip(*pairs, strict=True))
        found.append(Used("cpu_load_percent", f"CPU Load Percent Average for {name}", name, cpu))
        found.append(Used("memory_used", f"Memory Used Average for {name}", name, memory / _MIB))
    for name, disk in store.rows("folder", "partition, AVG(disk_used)", day, "GROUP BY partition ORDER BY partition"):
        found.append(Used("disk_used", f"Partition Disk Used Average for {name}", str(name), float(disk or 0) / 1024))
    return found


def journal(computer_id: str, day: str, used: list[Used]) -> bytes:
    """Return the journal of a day as XML."""
    head = [
        ("title", f"Eco Information for {computer_id} "),
        ("start_date", f"{day} 00:00:00"),
        ("stop_date", f"{day} 23:59:59"),
        ("reference", f"{day}-global"),
        *((name, "") for name in ("currency", "payment_mode", "category")),
    ]
    lines = ["<?xml version='1.0' encoding='utf-8'?>", '<journal><transaction type="Sale Packing List">']
    lines += [_element(*each) for each in head]
    lines.append('<arrow type="Destination"></arrow>')
    for each in used:
        values = (
            ("resource", f"service_module/{each.resource}"),
            ("title", each.title),
            ("reference", each.reference),
            ("quantity", repr(each.quantity)),
            ("price", "0.0"),
            ("VAT", ""),
            ("category", ""),
        )
        lines.append("<movement>" + "".join(_element(*value) for value in values) + "</movement>")
    lines.append("</transaction></journal>")
    return "\n".join(lines).encode()


def _element(name: str, text: str) -> str:
    return f"<{name}>{escape(text)}</{name}>"
