"""``slapos service list`` and ``service info``, also as ``list`` and ``info`` (spec sections 10.6, 10.7)."""

import argparse
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from pilothouse.cli.slapos.commands import Entry
from pilothouse.cli.slapos.options import add_client_file

if TYPE_CHECKING:
    from pilothouse.slap.client import SoftwareInstance

_ABSENT: Final = 2
News = Sequence[Mapping[str, Any]]


def _list(chosen: argparse.Namespace) -> None:
    from pilothouse.cli.slapos.session import Session

    services = Session(chosen).lists.getOpenOrderDict()
    _print({title: vars(service)["_software_release_url"] for title, service in services.items()}, sort=True)


def _info_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("reference", help="Your instance reference (for now it is its title)")
    add_client_file(parser)
    parser.add_argument("--news", action="store_true", help="Include raw news in output")


def _info(chosen: argparse.Namespace) -> int:
    from pilothouse.cli.slapos.session import Session
    from pilothouse.slap.client import NotFoundError, ResourceNotReady

    session = Session(chosen)
    try:
        instance = session.lists.registerOpenOrder().getInformation(chosen.reference)
    except ResourceNotReady:
        session.log.warning("Instance does not exist or is not ready yet.")
        return _ABSENT
    except NotFoundError:
        session.log.warning("Instance %s does not exist.", chosen.reference)
        return _ABSENT
    _print(information(instance, with_news=chosen.news))
    return 0


def information(instance: "SoftwareInstance", *, with_news: bool) -> dict[str, Any]:
    """Return what is said of an instance, in the order in which it is printed."""
    from pilothouse.cli.slapos.release_description import ReleaseDescription
    from pilothouse.cli.slapos.request import readable

    facts = vars(instance)
    url, kind = facts.get("_software_release_url"), facts.get("_source_reference")
    connection = connection_parameters(facts.get("_connection_dict"))
    if "_" in connection and url:
        connection = readable(connection, ReleaseDescription(url), kind)
    news = news_of(facts.get("_news"))
    found: dict[str, Any] = {
        "software-url": url,
        "software-type": kind,
        "shared": bool(facts.get("_root_slave")),
        "requested-state": facts.get("_requested_state"),
        "instance-parameters": facts.get("_parameter_dict"),
        "connection-parameters": connection,
        "status": status(news),
    }
    if with_news and news is not None:
        found["news"] = news
    return found


def connection_parameters(found: Any) -> dict[str, Any]:
    """Return connection parameters by name, from instance XML or from a list of keys and values."""
    from pilothouse.slap import instance_xml

    if isinstance(found, str):
        return dict(instance_xml.loads(found))
    if isinstance(found, list):
        return {str(each["connection_key"]): each["connection_value"] for each in found}
    return dict(found or {})


def news_of(found: Any) -> News | None:
    """Return what a master reports of an instance, None when it reports nothing at all."""
    if isinstance(found, Mapping) and isinstance(found.get("instance"), list):
        return list(found["instance"])
    return None


def status(news: News | None) -> str:
    """Return one word for the news: unsupported, none, green, red or orange."""
    if news is None:
        return "unsupported"
    texts = [str(each.get("text", "")) for each in news]
    good, bad = (any(text.startswith(mark) for text in texts) for mark in ("#access", "#error"))
    return {(True, True): "orange", (True, False): "green", (False, True): "red"}.get((good, bad), "none")


def _print(value: dict[str, Any], *, sort: bool = False) -> None:
    print(json.dumps(value, indent=2, sort_keys=sort))


_INFO_TEXT: Final = "get status, software_release and parameters of an instance"
LIST: Final = Entry("List the title of all your slapos services", add_client_file, _list)
LIST_SHORT: Final = LIST._replace(epilog="The same as: slapos service list")
INFO: Final = Entry(_INFO_TEXT, _info_arguments, _info, "exit codes: 0, 1 error, 2 the instance does not exist")
INFO_SHORT: Final = INFO._replace(epilog=f"The same as: slapos service info\n{INFO.epilog}")
