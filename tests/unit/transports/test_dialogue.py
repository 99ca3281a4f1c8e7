"""What a machine says, in pieces of any size."""

import asyncio
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilothouse.errors import ConnectionLostError, ForgottenFilesError, TargetError
from pilothouse.transports.contract import Exit, Launch
from pilothouse.transports.dialogue import Dialogue

LAUNCH = Launch(token="t-1", folder="/tmp/job", argv=("true",), collect=("a", "b", "c"))
START, END = b"\x1et-1 start\n", b"\x1et-1 end\n"


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({cut % (len(data) + 1) for cut in cuts} | {0, len(data)})
    return [data[one:two] for one, two in itertools.pairwise(places)]


@given(
    noise=st.binary(max_size=40),
    body=st.lists(st.sampled_from([b"x", b"\x1e", b"\x1et-1", b"\x1et-1 en", b"\n", b"end\n"]), max_size=12),
    content=st.binary(max_size=40),
    cuts=st.lists(st.integers(0, 500), max_size=30),
)
def test_pieces_do_not_matter(noise: bytes, body: list[bytes], content: bytes, cuts: list[int]) -> None:
    output = noise + START + b"".join(body) + END + b"of a daemon"
    control = noise + START + b"pid 77\nfile 1 %d\n" % len(content) + content + b"exit 3\n"

    async def converse() -> tuple[Exit, bytes, int | None]:
        received = bytearray()
        dialogue = Dialogue(LAUNCH, received.extend, "here")
        for piece in pieces(control, cuts):
            dialogue.control(piece)
        assert not dialogue.exit.done()
        for piece in pieces(output, cuts):
            dialogue.output(piece)
        return await dialogue.exit, bytes(received), dialogue.group

    ended, received, group = asyncio.run(converse())
    assert ended == Exit(code=3, collected={"b": content})
    assert received == b"".join(body)
    assert group == 77


async def test_output_is_not_held_back() -> None:
    received = bytearray()
    dialogue = Dialogue(LAUNCH, received.extend, "here")
    dialogue.output(START + b"no line end")
    assert received == b"no line end"
    dialogue.output(b"\x1e")
    dialogue.output(b"colour")
    assert received == b"no line end\x1ecolour"


async def test_an_adopted_exit_says_so() -> None:
    dialogue = Dialogue(LAUNCH, lambda _: None, "here")
    dialogue.output(START + END)
    dialogue.control(START + b"adopted\nexit 0\n")
    assert await dialogue.exit == Exit(code=0, adopted=True)


async def test_an_error_names_the_machine() -> None:
    dialogue = Dialogue(LAUNCH, lambda _: None, "here")
    dialogue.control(START + b"error the disk is full\n")
    with pytest.raises(TargetError, match="here: the disk is full"):
        await dialogue.exit


async def test_a_login_that_never_gets_there_shows_what_it_said() -> None:
    dialogue = Dialogue(LAUNCH, lambda _: None, "here")
    dialogue.output(b"account closed\n")
    dialogue.control(b"go away\n")
    dialogue.control_closed("it ended")
    with pytest.raises(TargetError, match=r"here: it ended; it said: account closed\ngo away"):
        await dialogue.exit


async def test_noise_without_end_is_not_kept() -> None:
    dialogue = Dialogue(LAUNCH, lambda _: None, "here")
    for _ in range(100):
        dialogue.output(b"x" * 65536)
        dialogue.control(b"y" * 65536)
    assert len(dialogue.noise) <= 4096
    assert len(dialogue.said()) < 600


async def test_control_that_is_no_line_is_given_up() -> None:
    dialogue = Dialogue(LAUNCH, lambda _: None, "here")
    dialogue.control(START + b"z" * 100_000)
    with pytest.raises(TargetError, match="cannot be understood"):
        await dialogue.exit


async def test_a_loss_is_told_to_everybody() -> None:
    dialogue = Dialogue(LAUNCH, lambda _: None, "here")
    dialogue.fail(ConnectionLostError("gone"))
    for future in (dialogue.started, dialogue.exit, dialogue.answer):
        with pytest.raises(ConnectionLostError):
            await future


async def test_a_loss_after_the_end_changes_nothing() -> None:
    dialogue = Dialogue(LAUNCH, lambda _: None, "here")
    dialogue.output(START + END)
    dialogue.control(START + b"exit 0\n")
    dialogue.fail(ConnectionLostError("gone"))
    assert (await dialogue.exit).code == 0


async def test_muted_output_is_dropped() -> None:
    received = bytearray()
    dialogue = Dialogue(LAUNCH, received.extend, "here")
    dialogue.output(START + b"one")
    dialogue.mute()
    dialogue.output(b"two" + END)
    dialogue.control(START + b"exit 0\n")
    assert (await dialogue.exit).code == 0
    assert received == b"one"


async def test_a_shell_that_ends_after_a_kill_was_aborted() -> None:
    dialogue = Dialogue(LAUNCH, lambda _: None, "here")
    dialogue.control(START + b"pid 77\nkilled\n")
    dialogue.control_closed("its shell ended before the operation did")
    with pytest.raises(TargetError, match="aborted"):
        await dialogue.exit


async def test_forgotten_files_are_told_as_such() -> None:
    dialogue = Dialogue(LAUNCH, lambda _: None, "here")
    dialogue.control(START + b"forgotten\nerror cannot write the operation's files\n")
    with pytest.raises(ForgottenFilesError):
        await dialogue.exit
