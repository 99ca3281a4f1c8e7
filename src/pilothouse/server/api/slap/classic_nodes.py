"""The classic calls about nodes (slapos-master 2.1 to 2.3, 2.7)."""

from sqlalchemy import Connection

from pilothouse.server.api.slap import documents, node_format
from pilothouse.server.api.slap.calls import Call, Work
from pilothouse.server.api.slap.exchange import A_MINUTE, FRESH, Answer, marshalled, text
from pilothouse.server.api.slap.forms import Form
from pilothouse.server.master import nodes, usage
from pilothouse.server.master.errors import InvalidRequestError
from pilothouse.slap import tio
from pilothouse.slap.markup import MarkupError
from pilothouse.slap.tio import Transaction


def partition(call: Call, form: Form) -> Work[Answer]:
    """Answer with one partition."""
    computer, reference = form.named("computer_reference"), form.named("computer_partition_reference")

    def work(connection: Connection) -> Answer:
        found = nodes.partition(connection, call.caller, computer, reference)
        return marshalled(documents.partition(found, by_slot=call.by_slot), FRESH)

    return work


def load_configuration(call: Call, form: Form) -> Work[Answer]:
    """Take what ``node format`` posts."""
    described = node_format.from_marshal(form.dictionary("xml", needed=True))

    def work(connection: Connection) -> Answer:
        nodes.format_node(connection, call.caller, described, call.now)
        return text("done")

    return work


def bang(call: Call, form: Form) -> Work[Answer]:
    """Have every instance of the node processed again; answers an empty text, marshalled."""
    computer, message = form.named("computer_id"), form.required("message")

    def work(connection: Connection) -> Answer:
        nodes.bang(connection, call.caller, computer, message, call.now)
        return marshalled("")

    return work


def use(call: Call, form: Form) -> Work[Answer]:
    """Take a consumption report that fits its schema; any other is refused with line and reason (X19)."""
    computer, document = form.named("computer_id"), form.named("use_string")
    journal = journal_of(document, "the field use_string")

    def work(connection: Connection) -> Answer:
        usage.report(connection, call.caller, computer, journal, document, call.now)
        return text("OK")

    return work


def journal_of(document: str, name: str) -> tuple[Transaction, ...]:
    """Read a consumption report. Raises InvalidRequestError."""
    try:
        return tio.loads(document)
    except MarkupError as error:
        raise InvalidRequestError(f"{name}: {error}") from error


def status(call: Call, form: Form) -> Work[Answer]:
    """Answer with the last sign of life of a node."""
    computer = form.named("computer_id")

    def work(connection: Connection) -> Answer:
        said = nodes.status(connection, call.caller, computer)
        return marshalled(documents.status(said, "Compute Node", call.now), A_MINUTE)

    return work


def request(call: Call, form: Form) -> Work[Answer]:
    """Answer with the caller's node of a title, made when there is none."""
    title = form.named("computer_title")

    def work(connection: Connection) -> Answer:
        return marshalled(documents.computer(nodes.request_node(connection, call.caller, title, call.now).computer))

    return work
