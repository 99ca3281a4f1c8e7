"""``slapos request``: ask for an instance, and see its state and connection parameters (spec section 10.3)."""

import argparse
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pilothouse.cli.slapos import pairs, parameter_file
from pilothouse.cli.slapos.call import CommandError
from pilothouse.cli.slapos.commands import Entry
from pilothouse.cli.slapos.options import add_client_file

if TYPE_CHECKING:
    from pilothouse.cli.slapos.release_description import ReleaseDescription
    from pilothouse.cli.slapos.session import Session
    from pilothouse.slap.client import ComputerPartition

_NOT_READY: Final = 2
_USAGE: Final = 2
_EXAMPLES: Final = """\
examples:
  slapos request mykvm https://example.org/software/kvm/software.cfg
  slapos request mykvm kvm --node computer_guid=COMP-12345 --parameters nbd-host=debian.example.org nbd-port=1024
  slapos request mykvm product.kvm --parameters-file parameters.json
  slapos request mykvm kvm --state destroyed

kvm is an alias of the configuration file, product.kvm a product of the master, example.web one of
pilothouse service examples.
exit codes: 0 requested, 1 refused, 2 wrong usage, or not provided yet: run the same command again"""


def _arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("reference", help="Your instance reference (for now it is its title)")
    add("software_url", help="Your software url")
    add_client_file(parser)
    add("--node", nargs="+", default=[], help="Node request option 'option1=value1 option2=value2' "
        "(i.e. computer_guid=COMP-1234)")  # fmt: skip
    add("--type", help="Software type to be requested")
    add("--state", help="State of the requested instance")
    add("--slave", action="store_true", help="Ask for a slave instance")
    add("--force-serialisation", choices=parameter_file.SERIALISATIONS,
        help="Enforce serialisation of instance parameters when using --parameters-file")  # fmt: skip
    one = parser.add_mutually_exclusive_group()
    one.add_argument("--parameters", nargs="+", default=[],
                     help="Instance parameters, in the form 'option1=value1 option2=value2'.")  # fmt: skip
    one.add_argument("--parameters-file", help="Instance parameters, in a file. The file will be "
                     "interpreted as json, yaml or xml depending on the file extension.")  # fmt: skip


def _run(chosen: argparse.Namespace) -> int:
    from pilothouse.cli.slapos.release_description import FRONTEND, ReleaseDescription
    from pilothouse.cli.slapos.session import Session

    content = _content(chosen.parameters_file)
    if content is None:
        return _USAGE
    filters, parameters = pairs.parse(chosen.node), dict[str, Any](pairs.parse(chosen.parameters))
    session = Session(chosen)
    log = session.log
    log.info("Validating request parameters for %s as an instance of %s ...", chosen.reference, chosen.software_url)
    url = session.release(chosen.software_url)
    description = ReleaseDescription(url)
    if chosen.parameters_file:
        parameters = parameter_file.load(chosen.parameters_file, content, _serialisation(chosen, description))
    if url != FRONTEND:
        validate(description, chosen.type, parameters, log)
    log.info("Requesting %s as an instance of %s ...", chosen.reference, url)
    order = {
        "software_release": url,
        "partition_reference": chosen.reference,
        "partition_parameter_kw": parameters,
        "software_type": chosen.type,
        "filter_kw": filters,
        "state": chosen.state,
        "shared": chosen.slave,
    }
    return _order(session, order, description)


def _order(session: "Session", order: dict[str, Any], description: "ReleaseDescription") -> int:
    from pilothouse.slap.client import NotFoundError, ResourceNotReady

    try:
        partition = session.slap.registerOpenOrder().request(**order)
        _tell(session.log, partition, description, order["software_type"])
    except ResourceNotReady:
        session.log.warning("Instance requested. Master is provisioning it. Please rerun in a couple of minutes to "
                            "get connection information.")  # fmt: skip
        return _NOT_READY
    except NotFoundError as error:
        raise CommandError(str(error), _nobody(order)) from error
    return 0


def _content(name: str | None) -> bytes | None:
    """Return what a file holds, nothing at all for no file; None, and say so, when it cannot be read."""
    try:
        return Path(name).read_bytes() if name else b""
    except OSError as error:
        print(f"slapos request: error: argument --parameters-file: can't open '{name}': {error}", file=sys.stderr)
        return None


def validate(
    description: "ReleaseDescription", software_type: str | None, parameters: dict[str, Any], log: logging.Logger
) -> None:
    """Warn of parameters that the release would not accept; nothing here keeps a request from being made."""
    from pilothouse.cli.slapos.release_description import UndescribedError

    try:
        value = parameters
        if description.serialisation(software_type) == "json-in-xml":
            value = parameter_file.unwrapped(parameters)
        found = list(description.problems(software_type, value))
    except UndescribedError as error:
        log.warning("%s", error)
    except Exception as error:  # noqa: BLE001 - a schema can be wrong in any way, and blocks no request
        log.warning(
            "Error validating request parameters against schema definition:\n%s %s", type(error).__name__, error
        )
    else:
        if found:
            lines = "".join(f"\n  {problem}" for problem in found)
            log.warning("Request parameters do not validate against schema definition:%s", lines)


def _serialisation(chosen: argparse.Namespace, description: "ReleaseDescription") -> parameter_file.Serialisation:
    from pilothouse.cli.slapos.release_description import UndescribedError

    if chosen.force_serialisation:
        forced: parameter_file.Serialisation = chosen.force_serialisation
        return forced
    try:
        found = description.serialisation(chosen.type)
    except UndescribedError as error:
        raise CommandError(str(error), _FORCE) from None
    if found is None:
        raise CommandError(f"{chosen.software_url} does not say how parameters are written", _FORCE)
    return found


def _tell(
    log: logging.Logger, partition: "ComputerPartition", description: "ReleaseDescription", software_type: str | None
) -> None:
    import pprint

    log.info("Instance requested.\nState is : %s.", partition.getState())
    log.info("Connection parameters of instance are:")
    log.info(pprint.pformat(readable(partition.getConnectionParameterDict(), description, software_type)))
    log.info("You can rerun the command to get up-to-date information.")


def readable(parameters: dict[str, Any], description: "ReleaseDescription", software_type: str | None) -> Any:
    """Return connection parameters as a person reads them: what ``_`` carries, unless the release uses plain ones."""
    from pilothouse.cli.slapos.release_description import UndescribedError

    if "_" not in parameters:
        return parameters
    try:
        serialisation = description.serialisation(software_type)
    except UndescribedError:
        serialisation = None
    return parameters if serialisation == "xml" else parameter_file.unwrapped(parameters)


def _nobody(order: dict[str, Any]) -> str:
    wanted = "no instance that takes slaves" if order["shared"] else "no free partition"
    filters = order["filter_kw"]
    where = f" with {' '.join(f'{key}={value}' for key, value in filters.items())}" if filters else ""
    hint = "" if "computer_guid" in filters else " To choose the node: --node computer_guid=NODE."
    return f"The master has {wanted} for this request{where}; nothing was allocated.{hint}"


_FORCE: Final = "Say how the software release reads its parameters: --force-serialisation xml, or json-in-xml."
COMMAND: Final = Entry("request an instance and get status and parameters of instance", _arguments, _run, _EXAMPLES)
