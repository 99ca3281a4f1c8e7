"""The classic calls about instances (slapos-master 2.4, 2.6 to 2.9, 15.2, 15.3)."""

from typing import Final

from sqlalchemy import Connection

from pilothouse.identity.caller import PartitionKey
from pilothouse.server.api.slap import documents
from pilothouse.server.api.slap.calls import Call, Work
from pilothouse.server.api.slap.elsewhere import Remote, document
from pilothouse.server.api.slap.exchange import A_MINUTE, FRESH, Answer, marshalled, text
from pilothouse.server.api.slap.forms import Form
from pilothouse.server.master import instances
from pilothouse.server.master.errors import InvalidRequestError
from pilothouse.services.instance import InstanceRequest
from pilothouse.services.states import ReportedInstanceState

REQUEST_FIELDS: Final = (
    "software_release",
    "software_type",
    "partition_reference",
    "state",
    "shared_xml",
    "partition_parameter_xml",
    "filter_xml",
    "computer_id",
    "computer_partition_id",
    "project_reference",
)


def request(call: Call, form: Form) -> Work[Answer]:
    """Answer with the instance that is asked for, allocated when it is new."""
    asked = InstanceRequest(
        title=form.named("partition_reference"),
        software_url=form.named("software_release"),
        software_type=form.required("software_type"),
        parameters=form.texts("partition_parameter_xml"),
        filter=form.texts("filter_xml"),
        state=form.instance_state("state"),
        shared=form.flag("shared_xml"),
    )
    named = _requester(form)

    requester = call.requester or named  # the header wins over the form (1.6)

    def work(connection: Connection) -> Answer:
        return marshalled(
            documents.instance(call.request(connection, requester, asked, _elsewhere), by_slot=call.by_slot)
        )

    return work


def _elsewhere(remote: Remote) -> Answer:
    return marshalled(document(remote))


def publish(call: Call, form: Form) -> Work[Answer]:
    """Replace connection parameters."""
    place, values, shared = _place(form), form.texts("connection_xml", needed=True), _shared(form)

    def work(connection: Connection) -> Answer:
        call.check_header(connection, place)
        instances.publish(connection, call.caller, place, values, shared, call.now)
        return text("done")

    return work


def started(call: Call, form: Form) -> Work[Answer]:
    """Hear that an instance was started."""
    return _reported(call, form, "started", "", None, "Ignored")


def stopped(call: Call, form: Form) -> Work[Answer]:
    """Hear that an instance was stopped."""
    return _reported(call, form, "stopped", "", None, "Ignored")


def failed(call: Call, form: Form) -> Work[Answer]:
    """Hear that an instance could not be made as it was asked for."""
    return _reported(call, form, "error", form.required("error_log"), _shared(form), "Ignored")


def destroyed(call: Call, form: Form) -> Work[Answer]:
    """Hear that an instance is gone; answers ``OK``, or why it is kept for now."""
    return _reported(call, form, "destroyed", "", None, None)


def bang(call: Call, form: Form) -> Work[Answer]:
    """Have the whole tree processed again."""
    place, message = _place(form), form.required("message")

    def work(connection: Connection) -> Answer:
        call.check_header(connection, place)
        instances.bang(connection, call.caller, place, message, call.now)
        return text("OK")

    return work


def rename(call: Call, form: Form) -> Work[Answer]:
    """Give an instance another title."""
    place, title, shared = _place(form), form.named("new_name"), _shared(form)

    def work(connection: Connection) -> Answer:
        call.check_header(connection, place)
        instances.rename(connection, call.caller, place, title, shared, call.now)
        return text("done")

    return work


def status(call: Call, form: Form) -> Work[Answer]:
    """Answer with the last word on an instance."""
    place = _place(form)

    def work(connection: Connection) -> Answer:
        said = instances.status(connection, call.caller, place)
        return marshalled(documents.status(said, "Software Instance", call.now), A_MINUTE)

    return work


def addresses(call: Call, form: Form) -> Work[Answer]:
    """Answer with (interface, address) of every instance of the tree."""
    place = _place(form)

    def work(connection: Connection) -> Answer:
        return marshalled(instances.addresses_of_tree(connection, call.caller, place), FRESH)

    return work


def related(call: Call, form: Form) -> Work[Answer]:
    """Accept what a node says its instances need of each other; nothing is done with it (15.2)."""
    place = _place(form)
    form.list_of_texts("instance_reference_xml")

    def work(connection: Connection) -> Answer:
        instances.at(connection, call.caller, place)
        return text("OK")

    return work


def _reported(
    call: Call, form: Form, state: ReportedInstanceState, words: str, shared: str | None, answer: str | None
) -> Work[Answer]:
    place = _place(form)

    def work(connection: Connection) -> Answer:
        call.check_header(connection, place)
        outcome = instances.report(
            connection, call.caller, place, state, words, shared, call.now, policy=call.rules.policy
        )
        return text(outcome if answer is None else answer)

    return work


def _place(form: Form) -> PartitionKey:
    return PartitionKey(form.named("computer_id"), form.named("computer_partition_id"))


def _requester(form: Form) -> PartitionKey | None:
    computer, partition = form.optional("computer_id"), form.optional("computer_partition_id")
    if bool(computer) != bool(partition):
        raise InvalidRequestError("computer_id and computer_partition_id are given both or not at all")
    return PartitionKey(computer, partition) if computer else None


def _shared(form: Form) -> str | None:
    reference = form.optional("slave_reference")
    return None if reference.lower() in ("", "none") else reference
