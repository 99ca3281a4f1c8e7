"""The parsers of the protocol answer any bytes with a message or a ProtocolError, and nothing else."""

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fuzz.headless_bytes import read, samples

SAMPLES = samples()


def test_every_sample_is_understood() -> None:
    assert [read(sample) for sample in SAMPLES] == [1] * len(SAMPLES)
    assert read(b"".join(SAMPLES)) == len(SAMPLES)


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    assert read(data) >= 0


@settings(deadline=None, max_examples=300)
@given(
    st.sampled_from(SAMPLES),
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 3), st.binary(min_size=1, max_size=8)), max_size=4),
)
def test_messages_that_were_damaged(sample: bytes, damage: list[tuple[int, int, bytes]]) -> None:
    body = sample[8:]
    for place, cut, put in damage:
        at = place % (len(body) + 1)
        body = body[:at] + put + body[at + cut :]
    assert read(len(body).to_bytes(4, "big") + sample[4:8] + body) in {0, 1}
