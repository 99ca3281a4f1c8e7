"""Output and control in one stream."""

import pytest

from pilothouse.transports.contract import Launch
from pilothouse.transports.dialogue import Dialogue
from pilothouse.transports.tagent_merged import Merged, signed_lines

STREAM = (
    b"welcome\n\x1et-1 start\n\x1et-1 start\n\x1et-1 pid 42\nout\n\x1etext\x1et-1 nothing known\nno line end"
    b"\x1et-1 end\nlate\n\x1et-1 exit 3\n"
)


@pytest.mark.parametrize("step", [1, 2, 7, 1000])
async def test_a_stream_is_taken_apart_wherever_it_is_cut(step: int) -> None:
    launch = Launch(token="t-1", folder="/tmp/x", argv=("true",))
    output = bytearray()
    dialogue = Dialogue(launch, output.extend, "here")
    merged = Merged(launch.token, dialogue, dialogue.control)
    for at in range(0, len(STREAM), step):
        merged.feed(STREAM[at : at + step])
    assert (await dialogue.exit).code == 3
    assert dialogue.group == 42
    assert bytes(output) == b"out\n\x1etext\x1et-1 nothing known\nno line end"


def test_lines_of_control_are_found_in_a_whole_output() -> None:
    assert signed_lines(b"hello\n\x1et-1 start\n\x1et-1 start\n\x1et-1 pid 7\n\x1et-1 killed\n", "t-1") == [
        "start",
        "start",
        "pid 7",
        "killed",
    ]
