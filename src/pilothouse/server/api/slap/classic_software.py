"""The classic calls about releases on nodes (slapos-master 2.5, 2.10, 15.2)."""

from sqlalchemy import Connection

from pilothouse.server.api.slap import documents
from pilothouse.server.api.slap.calls import Call, Work
from pilothouse.server.api.slap.exchange import A_MINUTE, FRESH, Answer, marshalled, text
from pilothouse.server.api.slap.forms import Form
from pilothouse.server.master import software
from pilothouse.server.master.errors import InvalidRequestError
from pilothouse.services.states import ReportedSoftwareState


def supply(call: Call, form: Form) -> Work[Answer]:
    """Ask for a release on a node, or for its removal."""
    url, computer, state = form.named("url"), form.named("computer_id"), form.software_state("state")

    def work(connection: Connection) -> Answer:
        software.supply(connection, call.caller, computer, url, state, call.now)
        return text(f"Supplied {url!r} to be {state}")

    return work


def building(call: Call, form: Form) -> Work[Answer]:
    """Hear that a node builds a release."""
    return _reported(call, form, "building", "", "Ignored")


def available(call: Call, form: Form) -> Work[Answer]:
    """Hear that a node has built a release."""
    return _reported(call, form, "available", "", "Ignored")


def failed(call: Call, form: Form) -> Work[Answer]:
    """Hear that a node could not build a release."""
    return _reported(call, form, "error", form.required("error_log"), "Ignored")


def destroyed(call: Call, form: Form) -> Work[Answer]:
    """Hear that a node has removed a release."""
    return _reported(call, form, "destroyed", "", "OK")


def status(call: Call, form: Form) -> Work[Answer]:
    """Answer with the last word on a release of a node."""
    url, computer = form.named("url"), form.named("computer_id")

    def work(connection: Connection) -> Answer:
        said = software.status(connection, call.caller, computer, url)
        return marshalled(documents.status(said, "Software Installation", call.now), A_MINUTE)

    return work


def of_product(call: Call, form: Form) -> Work[Answer]:
    """Answer with the releases of a product, named by itself or by one of them."""
    product, url = form.optional("software_product_reference"), form.optional("software_release_url")
    if bool(product) == bool(url):
        raise InvalidRequestError("give exactly one of software_product_reference and software_release_url")

    def work(connection: Connection) -> Answer:
        if product:
            return marshalled(software.releases_of_product(connection, call.caller, product), FRESH)
        return marshalled(software.releases_beside(connection, call.caller, url), FRESH)

    return work


def _reported(call: Call, form: Form, state: ReportedSoftwareState, words: str, answer: str) -> Work[Answer]:
    url, computer = form.named("url"), form.named("computer_id")

    def work(connection: Connection) -> Answer:
        software.report(connection, call.caller, computer, url, state, words, call.now)
        return text(answer)

    return work
