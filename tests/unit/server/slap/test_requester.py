import pytest

from pilothouse.identity.caller import PartitionKey
from pilothouse.server.api.slap import requester
from pilothouse.server.master.errors import InvalidRequestError


@pytest.mark.parametrize(
    "value",
    [
        b"X-SlapPartition computer_id=c, computer_partition_id=p",
        b"x-slappartition computer_id=c,computer_partition_id=p",
        b"X-SlapPartition  computer_partition_id = p , computer_id = c ",
    ],
)
def test_the_header_names_a_partition(value: bytes) -> None:  # 1.6, W16
    assert requester.from_headers([(b"authorization", value)]) == PartitionKey("c", "p")


@pytest.mark.parametrize("value", [b"Bearer computer_id=c, computer_partition_id=p", b"", b"X-SlapPartition",
                                   b"X-SlapPartition computer_partition_id=p"])  # fmt: skip
def test_other_headers_say_nothing(value: bytes) -> None:
    assert requester.from_headers([(b"authorization", value)]) is None
    assert requester.from_headers([]) is None


def test_a_token_and_a_partition_may_stand_side_by_side() -> None:
    headers = [
        (b"authorization", b"Bearer t"),
        (b"authorization", b"X-SlapPartition computer_id=c,computer_partition_id=p"),
    ]
    assert requester.from_headers(headers) == PartitionKey("c", "p")


def test_a_header_without_a_partition_is_refused_in_the_exact_words() -> None:
    with pytest.raises(InvalidRequestError) as refused:
        requester.from_headers([(b"authorization", b"X-SlapPartition computer_id=c")])
    assert str(refused.value) == "No partition matching the authorization header: (c / None)"
