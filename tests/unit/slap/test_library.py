"""The shape of the library: its names, its interfaces, and what its objects do without a master (spec section 9)."""

import inspect
from pathlib import Path
from typing import Any

import pytest

from pilothouse.slap import client
from pilothouse.slap.client import interfaces, transaction
from pilothouse.slap.client.interfaces import (
    IComputer,
    IComputerPartition,
    IOpenOrder,
    ISlap,
    ISoftwareProductCollection,
    ISoftwareRelease,
    ISupply,
    IToken,
)

PROMISES: dict[type, type] = {
    client.slap: ISlap,
    client.Computer: IComputer,
    client.ComputerPartition: IComputerPartition,
    client.OpenOrder: IOpenOrder,
    client.Supply: ISupply,
    client.SoftwareRelease: ISoftwareRelease,
    client.SoftwareProductCollection: ISoftwareProductCollection,
    client.Token: IToken,
}


def _checked_by_mypy(
    slap: client.slap,
    computer: client.Computer,
    partition: client.ComputerPartition,
    order: client.OpenOrder,
    others: tuple[client.Supply, client.SoftwareRelease, client.SoftwareProductCollection, client.Token],
) -> tuple[
    ISlap,
    IComputer,
    IComputerPartition,
    IOpenOrder,
    tuple[ISupply, ISoftwareRelease, ISoftwareProductCollection, IToken],
]:
    return slap, computer, partition, order, others


@pytest.mark.parametrize("kind", PROMISES, ids=lambda kind: kind.__name__)
def test_every_class_keeps_what_its_interface_promises(kind: type) -> None:
    promised = {name for name, _ in inspect.getmembers(PROMISES[kind], inspect.isfunction) if name[0] != "_"}
    assert promised
    for name in promised:
        method = getattr(kind, name)
        asked = [
            item
            for item in inspect.signature(getattr(PROMISES[kind], name)).parameters
            if item not in {"args", "kwargs"}
        ]
        assert list(inspect.signature(method).parameters)[: len(asked)] == asked


@pytest.mark.parametrize(
    ("method", "order"),
    [
        (
            client.OpenOrder.request,
            "software_release partition_reference partition_parameter_kw software_type filter_kw state shared",
        ),
        (
            client.ComputerPartition.request,
            "software_release software_type partition_reference shared partition_parameter_kw filter_kw state",
        ),
        (
            client.slap.initializeConnection,
            "slapgrid_uri key_file cert_file master_ca_file timeout slapgrid_rest_uri verify",
        ),
        (client.Supply.supply, "software_release computer_guid state"),
        (client.ComputerPartition.error, "error_log logger slave_reference"),
        (client.SoftwareProductCollection, "logger slap"),
        (client.SoftwareRelease, "software_release computer_guid requested_state kw"),
        (client.ComputerPartition, "computer_id partition_id request_dict connection_helper hateoas_navigator"),
    ],
)
def test_arguments_have_the_documented_order(method: Any, order: str) -> None:
    assert [name for name in inspect.signature(method).parameters if name != "self"] == order.split()


def test_interfaces_of_the_document_are_all_there() -> None:
    named = "IRequester ISoftwareRelease IComputerPartition IComputer IOpenOrder ISupply IToken ISoftwareInstance"
    assert all(hasattr(interfaces, name) for name in named.split())
    errors = [interfaces.INotFoundError, interfaces.IResourceNotReady, interfaces.IServerError]
    assert all(issubclass(error, interfaces.IException) for error in [*errors, interfaces.IConnectionError])


def test_a_partition_has_ids_or_a_request() -> None:
    with pytest.raises(TypeError, match="required"):
        client.ComputerPartition()
    with pytest.raises(TypeError, match="required"):
        client.ComputerPartition("C")
    with pytest.raises(TypeError, match="conflicts"):
        client.ComputerPartition("C", "p", {})
    assert client.ComputerPartition("", "Fake frontend").getId() == "Fake frontend"
    with pytest.raises(client.ResourceNotReady):
        client.ComputerPartition(request_dict={}).getId()


def test_empty_ids_are_not_found() -> None:
    for ids in (("", "p"), ("C", "")):
        with pytest.raises(client.NotFoundError):
            client.slap().registerComputerPartition(*ids)
    with pytest.raises(client.NotFoundError):
        client.slap().registerComputer("").getComputerPartitionList()


def test_what_is_not_defined_is_a_name_error() -> None:
    release = client.slap().registerSoftwareRelease("http://sr")
    assert (release.getURI(), release.getState()) == ("http://sr", "available")
    for call in (release.getComputerId, release.building, release.available, release.destroyed):
        with pytest.raises(NameError, match="computer_guid has not been defined"):
            call()
    with pytest.raises(NameError, match="software_release has not been defined"):
        client.SoftwareRelease().getURI()


def test_without_a_connection_that_is_said() -> None:
    with pytest.raises(AttributeError, match=r"take it from slap.register"):
        client.ComputerPartition("C", "p").started()


def test_values_of_old_masters_are_read_from_their_xml() -> None:
    partition = client.ComputerPartition("C", "p")
    partition._adopt(
        {
            "_connection_dict": None,
            "connection_xml": '<instance><parameter id="a">1</parameter></instance>',
            "_parameter_dict": None,
            "_access_status": "#error it is",
        }
    )
    assert partition.getConnectionParameterDict() == {"a": "1"}
    assert partition.getInstanceParameterDict() == {}
    assert partition.getAccessStatus() == partition.getStatus() == "#error it is"
    with pytest.raises(client.NotFoundError, match="zz not found"):
        partition.getConnectionParameter("zz")
    with pytest.raises(client.ResourceNotReady):
        partition.getType()


def test_the_transaction_file_is_for_nodes_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SLAPGRID_INSTANCE_ROOT", raising=False)
    assert transaction.path_of("p") is None
    monkeypatch.setenv("SLAPGRID_INSTANCE_ROOT", str(tmp_path))
    assert transaction.path_of("../p") is None
    transaction.begin("p")
    transaction.note("p", "title")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "p").mkdir()
    transaction.begin("p")
    transaction.note("p", "title")
    transaction.begin("p")
    assert (tmp_path / "p" / ".slapos-request-transaction-p").read_text() == "title\n"
